"""nodefix/facts/kubeproxy_log.py: the last error of kube-proxy's log."""

from __future__ import annotations

import json
import os

import pytest
from fakehost import Node

from nodefix.facts.kubeproxy_log import LastError, read_last_error
from nodefix.facts.kubeproxy_pod import EXITED, RUNNING, ContainerFacts

ENDED = ContainerFacts("1a", "kube-proxy-x7k2p", "3f1c", EXITED, 1.0, 2)
RUNS = ENDED._replace(state=RUNNING)
FOLDER = "/var/log/pods/kube-system_kube-proxy-x7k2p_3f1c/kube-proxy"
TIME = "2026-11-27T03:00:0{}.123456789Z"


def log(*lines: str) -> str:
    return "".join(f"{TIME.format(n)} stderr F {line}\n" for n, line in enumerate(lines))


INFO = 'I1127 03:00:00.000001       1 server.go:677] "Version info" version="v1.35.4"'
SAID = 'E1127 03:00:01.000001       1 server.go:140] "Unhandled Error" err="no iptables"'


@pytest.mark.parametrize(
    "line",
    [
        SAID,
        'F1127 03:00:01.000001       1 server.go:140] "x"',
        "panic: runtime error: invalid memory address",
        "fatal error: all goroutines are asleep - deadlock!",
        "Error: unknown flag: --x",
        "nft: segmentation fault",
    ],
)
@pytest.mark.parametrize("container", [ENDED, RUNS])
def test_the_last_error(node: Node, container: ContainerFacts, line: str) -> None:
    node.file(f"{FOLDER}/2.log", log(SAID, INFO, line, INFO))
    expected = LastError(TIME.format(2), " ".join(line.split()), f"{FOLDER}/2.log")
    assert read_last_error(node.host, container) == expected


def test_what_ended_without_an_error(node: Node) -> None:
    node.file(f"{FOLDER}/2.log", log(INFO, "exiting"))
    assert read_last_error(node.host, RUNS) is None
    found = read_last_error(node.host, ENDED)
    assert found
    assert found.line == "exiting"


def test_the_attempt_before(node: Node) -> None:
    node.file(f"{FOLDER}/1.log", log(SAID))
    node.file(f"{FOLDER}/2.log", log(INFO))
    found = read_last_error(node.host, RUNS)
    assert found
    assert found.file == f"{FOLDER}/1.log"


def test_no_log(node: Node) -> None:
    assert read_last_error(node.host, ENDED) is None


def test_dockers_format(node: Node) -> None:
    entry = {"log": f"{SAID}\n", "stream": "stderr", "time": "2026-11-27T03:00:00Z"}
    node.file(f"{FOLDER}/2.log", json.dumps(entry) + "\n{\n{}\n[]\n")
    found = read_last_error(node.host, RUNS)
    assert found
    assert (found.time, found.line) == ("2026-11-27T03:00:00Z", " ".join(SAID.split()))


def test_other_lines_have_no_time(node: Node) -> None:
    node.file(f"{FOLDER}/2.log", "panic: x\n")
    assert read_last_error(node.host, RUNS) == LastError("", "panic: x", f"{FOLDER}/2.log")


def test_escape_sequences_and_long_lines(node: Node) -> None:
    node.file(f"{FOLDER}/2.log", log("panic: \x1b[31m" + "x" * 10_000))
    found = read_last_error(node.host, RUNS)
    assert found
    assert len(found.line) <= 600
    assert "\x1b" not in found.line


def test_a_pipe_in_its_place(node: Node) -> None:
    node.file(f"{FOLDER}/x")
    os.mkfifo(node.host.path(f"{FOLDER}/2.log"))
    with pytest.raises(OSError, match="named pipe"):
        read_last_error(node.host, RUNS)
