"""nodefix/commands/explain.py: what it says, and its exit status."""

from __future__ import annotations

import errno
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commandline import status
from fakehost import Node

from nodefix import foresight
from nodefix.commands import explain
from nodefix.plan import Change, Plan, Problem
from nodefix.symptoms import Symptom, load
from nodefix.symptoms_input import Read

SWAP = "running with swap on is not supported"
Json = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def plans(el10: Node, monkeypatch: pytest.MonkeyPatch) -> dict[str, Plan]:
    """The stages' plans, on a node in scope; empty ones that a test does not set."""
    plans: dict[str, Plan] = {}
    asked: list[str] = []

    def dry_run(host: object, config: object, names: list[str]) -> dict[str, Plan]:
        asked.extend(names)
        assert len(asked) == len(set(asked))
        return {name: plans.get(name, Plan()) for name in names}

    monkeypatch.setattr(foresight, "foresee", dry_run)
    monkeypatch.setattr(explain, "open_host", lambda root: el10.host)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return plans


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Json:
    """Run it and read its JSON."""

    def run(*arguments: str, expected: int = 0) -> dict[str, Any]:
        assert status("explain", "--format", "json", *arguments) == expected
        read: dict[str, Any] = json.loads(capsys.readouterr().out)
        return read

    return run


@pytest.mark.parametrize("symptom", load(), ids=lambda symptom: symptom.id)
def test_each_example_is_explained(symptom: Symptom, printed: Json) -> None:
    data = printed("--", symptom.example)
    (cause,) = data["causes"]
    assert cause["id"] == symptom.id
    assert cause["cause"] and cause["fix"] and cause["source"] and cause["now"]
    assert cause["state"] in ("wrong", "fine", "unknown")
    assert data["known"] is True


def test_an_image_has_its_own_remedies(el10: Node, printed: Json) -> None:
    el10.file("/run/ostree-booted")
    symptom = next(one for one in load() if one.fix.startswith("dnf install"))
    (cause,) = printed("--", symptom.example)["causes"]
    assert cause["fix"].startswith("in the image's Containerfile: RUN dnf install -y")


def test_words_need_no_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("explain", *SWAP.split()) == 0
    assert capsys.readouterr().out.startswith("swap-on: once\n")


def test_state_is_what_the_stage_finds_and_its_remedy_the_nodes_own(
    plans: dict[str, Plan], capsys: pytest.CaptureFixture[str]
) -> None:
    plans["swap"] = Plan(problems=(Problem("swap /dev/vda2: on", "swapoff /dev/vda2"),))
    assert status("explain", SWAP) == 0
    out = capsys.readouterr().out
    assert "  now: wrong: swap /dev/vda2: on\n  fix: swapoff /dev/vda2\n" in out


def test_state_of_what_nodefix_would_change(plans: dict[str, Plan], printed: Json) -> None:
    change = Change("swap /dev/vda2", "on", "off", "by hand", None)
    plans["swap"] = Plan(changes=(change, change))
    (cause,) = printed(SWAP)["causes"]
    assert cause["now"] == "swap /dev/vda2: found on, expected off (and 1 more)"
    assert (cause["state"], cause["fix"]) == ("wrong", "nodefix run --stage swap")


def test_what_the_line_names_comes_first(plans: dict[str, Plan], printed: Json) -> None:
    line = "iptables: Extension MASQUERADE revision 0 not supported, missing kernel module?"
    other = Problem("kernel module br_netfilter: missing, not supported", "dnf one")
    own = Problem("target Masquerade: refused by the kernel", "dnf two")
    plans["modules"] = Plan(problems=(other, own))
    (cause,) = printed(line)["causes"]
    assert cause["now"] == "target Masquerade: refused by the kernel (and 1 more)"
    assert cause["fix"] == "dnf two"


def test_in_order_by_now(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("explain", SWAP) == 0
    out = capsys.readouterr().out
    assert "  now: in order: stage swap finds all in order\n  fix, if it comes back: " in out


def test_other_findings_of_the_stage_are_not_this_cause(
    plans: dict[str, Plan], printed: Json
) -> None:
    line = "stat /proc/sys/net/bridge/bridge-nf-call-iptables: no such file or directory"
    plans["modules"] = Plan(problems=(Problem("kernel module xt_mark: absent", "dnf"),))
    (cause,) = printed(line)["causes"]
    assert (cause["state"], cause["now"]) == ("fine", "stage modules finds nothing of this")


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (Plan(problems=(Problem("cannot be read", "ls", code="stage-unclear"),)), "cannot be read"),
        (Plan(problems=(Problem("not told", "cat", code="swap-kubelet-unknown"),)), "not told"),
        (Plan(skipped="k3s lives with it"), "stage swap is skipped: k3s lives with it"),
    ],
)
def test_unknown_is_not_no(plans: dict[str, Plan], printed: Json, plan: Plan, words: str) -> None:
    plans["swap"] = plan
    (cause,) = printed(SWAP)["causes"]
    assert (cause["state"], cause["now"]) == ("unknown", words)


def test_ordinary_user_is_told_what_to_type(monkeypatch: pytest.MonkeyPatch, printed: Json) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (cause,) = printed("node.log is no file here, " + SWAP)["causes"]
    assert cause["state"] == "unknown"
    assert cause["now"].startswith("only root can read what stage swap looks at: sudo nodefix exp")
    assert cause["fix"] == "nodefix run --stage swap"


def test_other_system_and_broken_settings(el10: Node, printed: Json) -> None:
    el10.file("/etc/nodefix/nodefix.yaml", "what: is this\n")
    assert "the settings are not valid" in printed(SWAP)["causes"][0]["now"]
    el10.file("/etc/os-release", "ID=debian\n")
    el10.file("/etc/nodefix/nodefix.yaml", "")
    assert "nodefix is not for this system" in printed(SWAP)["causes"][0]["now"]


def test_what_is_wrong_now_comes_first(plans: dict[str, Plan], printed: Json) -> None:
    plans["swap"] = Plan(problems=(Problem("swap is on", "swapoff -a"),))
    file = "CrashLoopBackOff\n" * 9 + "iptables is not available on this host\n" * 3 + SWAP
    assert [cause["id"] for cause in printed(file)["causes"]] == [
        "swap-on",
        "iptables-not-available",
        "crash-loop",
    ]


def test_a_stage_is_asked_once(printed: Json) -> None:
    # That is what the fixture asserts.
    lines = "iptables is not available on this host; nf_conntrack_max: no such file"
    assert [cause["id"] for cause in printed(lines)["causes"]] == [
        "iptables-not-available",
        "conntrack-max-missing",
    ]


@pytest.mark.parametrize("form", ["text", "json", "yaml"])
def test_unknown_line(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status("explain", "--format", form, "what is this") == 1
    out = capsys.readouterr().out
    assert "nodefix check" in out
    assert "crictl logs" in out


def test_nothing_of_the_line_reaches_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("explain", f"\x1b[2J\udcff {SWAP} " + "x" * 10_000) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) < 500


@pytest.mark.parametrize("arguments", [[], ["--journal", "word"], ["--format", "xml", "x"]])
def test_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert status("explain", *arguments) == 64
    assert capsys.readouterr().err


def test_file(tmp_path: Path, printed: Json) -> None:
    file = tmp_path / "kube-proxy.log"
    file.write_bytes(b"\0\xff\n" + SWAP.encode() + b"\nmore\n")
    data = printed(str(file))
    assert (data["causes"][0]["where"], data["read"]) == (str(file), [str(file)])


def test_several_files_as_a_shells_pattern_gives_them(tmp_path: Path, printed: Json) -> None:
    files = [tmp_path / "0.log", tmp_path / "1.log"]
    for file in files:
        file.write_text(f"{SWAP}\n" + "x" * (5 << 20) + f"\n{SWAP}\n")
    data = printed(*map(str, files))
    assert (data["causes"][0]["count"], data["read"]) == (2, [str(file) for file in files])
    assert data["notes"] == [f"{file}: only its last 4 MiB were looked at" for file in files]


def test_nothing_could_be_read_is_not_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(explain, "of_node", lambda *_: Read(notes=("not for this user",)))
    assert status("explain", "--journal") == 1
    assert "not known: nothing could be read\n" in capsys.readouterr().out
    assert status("explain", " ") == 1
    assert "not known: there is nothing to explain\n" in capsys.readouterr().out


def test_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status("explain", str(tmp_path / "none.log")) == 64
    assert "there is no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "a directory"), (b"\x1f\x8b\x08", "a file' | nodefix explain -"), (b"", "")],
)
def test_file_that_holds_no_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, words: str
) -> None:
    file = tmp_path / "a file"
    file.mkdir() if content is None else file.write_bytes(content)
    assert status("explain", str(file)) == 1
    said = capsys.readouterr()
    assert words in said.err or "nothing to explain" in said.out


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: Json) -> None:
    file = tmp_path / "input"
    file.write_text(SWAP)
    with file.open() as opened:
        monkeypatch.setattr("sys.stdin", opened)
        assert printed("-")["causes"][0]["id"] == "swap-on"


def test_standard_input_that_is_no_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(SWAP))
    assert status("explain", "-") == 1


def test_standard_input_that_is_closed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert status("explain", "-") == 1
    assert capsys.readouterr().err == "nodefix explain: standard input: it is closed\n"


@pytest.mark.parametrize(("user", "number"), [(0, errno.EACCES), (1000, errno.EIO)])
def test_no_remedy_is_the_command_that_failed(
    user: int, number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(path: Path, share: int) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(explain, "of_file", fail)
    assert status("explain", "/" + "x" * 10_000) == 1
    said = capsys.readouterr().err
    assert said.startswith("nodefix explain: /xxx")
    assert (len(said) < 500, said.endswith(": no\n")) == (True, True)
