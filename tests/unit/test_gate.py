"""nodefix/gate.py: hold kubelet until the node is ready, or say why it is not."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from fakehost import BOOT_ID, OTHER_BOOT_ID, Node
from lastrun import failed, leave
from swaps import HEADER

from nodefix import gate, holding
from nodefix.report import StageReport
from nodefix.stages import chains

TOP = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def no_bus(el10: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """The made-up node's service manager in place of the real one."""
    monkeypatch.setattr(holding, "Systemd", lambda: el10.systemd)


def wait(node: Node, timeout: float = 0.0) -> str:
    return gate.wait(f"{node.root}/", timeout)


@pytest.mark.parametrize("outcome", ["ready", "degraded", "skipped"])
def test_marker_of_this_boot(el10: Node, outcome: str) -> None:
    leave(el10, outcome)
    assert wait(el10) == ""


def test_marker_of_another_boot_does_not_count(el10: Node) -> None:
    leave(el10, "ready", boot_id=OTHER_BOOT_ID)
    assert wait(el10).startswith("kubelet is held: nodefix has not run since this boot")


@pytest.mark.parametrize("content", ["", "garbage", "{}", "\xff", BOOT_ID, '{"boot_id": ""}'])
def test_marker_that_is_garbage_does_not_count(el10: Node, content: str) -> None:
    el10.file("/run/nodefix/ready", content.encode("latin-1"))
    assert "kubelet is held" in wait(el10)


@pytest.mark.parametrize("boot_id", ["", "\n"])
def test_no_boot_id_no_ready_marker(el10: Node, boot_id: str) -> None:
    leave(el10, "ready", boot_id="")
    el10.file("/proc/sys/kernel/random/boot_id", boot_id)
    assert not gate.is_ready(f"{el10.root}/")


def test_the_unit_that_is_held_is_named(el10: Node, capsys: pytest.CaptureFixture[str]) -> None:
    leave(el10, "failed", failed("swap"))
    el10.file("/etc/systemd/system/rke2-agent.service", "[Service]\n")
    assert wait(el10).startswith("rke2-agent is held: ")
    el10.file("/proc/self/cgroup", "0::/system.slice/k3s.service/.control\n")
    assert wait(el10).startswith("k3s is held: ")
    el10.file("/etc/nodefix/disabled")
    assert wait(el10) == ""
    assert "nodefix is switched off, so k3s may start: " in capsys.readouterr().err


def test_switched_off_by_a_file(el10: Node) -> None:
    leave(el10, "failed", failed("swap"))
    assert wait(el10)
    el10.file("/etc/nodefix/disabled")
    assert wait(el10) == ""


@pytest.mark.parametrize(
    ("words", "is_off"),
    [
        ("ro quiet nodefix=off\n", True),
        ("nodefix=off", True),
        ("ro nodefix=offline", False),
        ("ro my-nodefix=off", False),
        ("ro nodefix=on", False),
    ],
)
def test_switched_off_on_the_kernel_command_line(el10: Node, words: str, is_off: bool) -> None:
    el10.file("/proc/cmdline", words)
    assert gate.is_switched_off(f"{el10.root}/") == is_off
    assert (wait(el10) == "") == is_off


def test_switched_off_on_the_command_line_of_a_containers_systemd(el10: Node) -> None:
    el10.file("/proc/1/cmdline", b"/sbin/init\0nodefix=off\0")
    assert wait(el10) == ""


def test_the_unit_knows_the_same_switches() -> None:
    unit = (TOP / "systemd/nodefix.service").read_text()
    assert f"\nConditionPathExists=!/{gate.SWITCH}\n" in unit
    assert "\nConditionKernelCommandLine=!nodefix=off\n" in unit


@pytest.mark.parametrize(
    ("stages", "swaps", "undone"),
    [
        ((StageReport("swap", "required", "unchanged"),), True, ("swap",)),
        ((StageReport("swap", "required", "changed"),), True, ("swap",)),
        ((StageReport("swap", "required", "changed"),), False, ()),
        # Skipped, switched off or only wanted: then swap is none of the gate's business.
        ((StageReport("swap", "required", "skipped"),), True, ()),
        # It could not be told whether kubelet lives with it: asked once more.
        ((StageReport("swap", "required", "degraded"),), True, ("swap",)),
        ((StageReport("swap", "skip", "skipped"),), True, ()),
        ((StageReport("swap", "wanted", "unchanged"),), True, ()),
    ],
)
def test_swap_that_came_back_after_the_run(
    el10: Node, stages: tuple[StageReport, ...], swaps: bool, undone: tuple[str, ...]
) -> None:
    leave(el10, "ready", *stages)
    line = "/dev/zram0 partition 1 0 100\n" if swaps else ""
    el10.file("/proc/swaps", f"{HEADER}{line}")
    assert gate.undone(f"{el10.root}/") == undone


NFT = """#!/bin/sh
echo "$@" >>{called}
[ -z "$LC_ALL$HOME" ] && exit 9
{body}
"""


@pytest.mark.real_commands
@pytest.mark.parametrize(
    ("body", "undone"),
    [
        ("exit 0", ()),
        ("echo 'Error: No such file or directory' >&2; exit 1", ("chains",)),
        # What nft cannot tell is no "no".
        ("echo 'Error: Could not process rule: Operation not permitted' >&2; exit 1", ()),
        ("echo 'No such file or directory'; exit 1", ()),
        # The dynamic loader's words, where one of nft's libraries is missing.
        (
            "echo 'nft: error while loading shared libraries: libnftables.so.1: cannot open shared"
            " object file: No such file or directory' >&2; exit 127",
            (),
        ),
        ("echo '/usr/sbin/nft: line 2: exec: x: No such file or directory' >&2; exit 127", ()),
        (
            "echo 'Error: No such file or directory; did you mean chain KUBE-X?' >&2; exit 1",
            ("chains",),
        ),
        ("echo 'Error: No such file or directory' >&2; exit 0", ()),
        ("kill -9 $$", ()),
    ],
)
def test_chains_that_are_gone(el10: Node, body: str, undone: tuple[str, ...]) -> None:
    called = el10.root / "called"
    el10.file("/usr/sbin/nft", NFT.format(called=called, body=body), mode=0o755)
    leave(el10, "ready", StageReport("chains", "required", "prepared"))
    assert gate.undone(f"{el10.root}/") == undone
    assert called.read_text() == "list chain ip mangle KUBE-IPTABLES-HINT\n"


@pytest.mark.real_commands
@pytest.mark.parametrize("outcome", ["skipped", "degraded"])
def test_chains_that_were_not_made_are_not_looked_for(el10: Node, outcome: str) -> None:
    body = "echo 'Error: No such file or directory' >&2; exit 1"
    el10.file("/usr/sbin/nft", f"#!/bin/sh\n{body}\n", mode=0o755)
    leave(el10, "ready", StageReport("chains", "required", outcome))
    assert gate.undone(f"{el10.root}/") == ()


def test_without_nft_nothing_is_known_of_the_chains(el10: Node) -> None:
    leave(el10, "ready", StageReport("chains", "required", "unchanged"))
    assert gate.undone(f"{el10.root}/") == ()
    assert wait(el10) == ""


@pytest.mark.real_commands
def test_an_nft_that_does_not_end_is_killed(el10: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "_HINT_SECONDS", 0.2)
    el10.file("/usr/sbin/nft", "#!/bin/sh\nsleep 60 & sleep 60\n", mode=0o755)
    leave(el10, "ready", StageReport("chains", "required", "unchanged"))
    begun = time.monotonic()
    assert wait(el10) == ""
    assert time.monotonic() - begun < 10


def test_the_chain_is_the_one_that_the_stage_makes() -> None:
    assert gate.HINT[-2:] == (chains.HINT.table, chains.HINT.chain)


ODD = {
    "nothing": b"",
    "a list": b"[]",
    "deep": b"[" * 100000,
    "a number": b"5",
    "half": b'{"boot_id": "%s", "recheck": "' % BOOT_ID.encode(),
    "other kinds": b'{"boot_id": "%s", "recheck": 5}' % BOOT_ID.encode(),
    "no text": b"\xff\xfe\x00",
    "odd names": b'{"boot_id": "%s", "recheck": "\xff swap\x00 chains"}' % BOOT_ID.encode(),
}


@pytest.mark.parametrize("content", ODD)
def test_whatever_stands_in_the_marker(el10: Node, content: str) -> None:
    el10.file("/run/nodefix/ready", ODD[content])
    el10.file("/proc/swaps", f"{HEADER}/dev/vda2 partition 1 0 -2\n")
    wait(el10)


def test_a_named_pipe_in_the_markers_place(el10: Node) -> None:
    (el10.root / "run/nodefix").mkdir(parents=True)
    for name in ("ready", "report.json", "lock"):
        os.mkfifo(el10.root / "run/nodefix" / name)
    assert "kubelet is held" in wait(el10)


def test_default_timeout_is_below_a_services() -> None:
    assert gate.DEFAULT_TIMEOUT < 90
