"""nodefix/reasons.py: why kubelet is held, whatever the last run left."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fakehost import BOOT_ID, Node
from lastrun import failed, leave

from nodefix.plan import Problem
from nodefix.reasons import Reasons
from nodefix.report import StageReport


def told(node: Node) -> str:
    return Reasons(f"{node.root}/").not_ready()


def test_not_run(el10: Node) -> None:
    assert told(el10) == (
        "kubelet is held: nodefix has not run since this boot\n"
        "  see: systemctl status nodefix\n"
        "  then: systemctl restart nodefix"
    )


@pytest.mark.parametrize("folder", ["etc", "run"])
@pytest.mark.parametrize("how", ["link", "empty"])
def test_masked(el10: Node, folder: str, how: str) -> None:
    path = f"/{folder}/systemd/system/nodefix.service"
    if how == "link":
        el10.link(path, "/dev/null")
    else:
        el10.file(path)
    masked = (
        "  nodefix.service is masked; to run it: systemctl unmask nodefix.service"
        " && systemctl restart nodefix\n"
        "  to switch nodefix off: nodefix disable"
    )
    # Nothing before it: of a reason told before, the first two lines are what is shown.
    assert told(el10) == f"kubelet is held: nodefix has not run since this boot\n{masked}"
    leave(el10, "failed", failed("swap", Problem("it is on", "swapoff x")))
    assert told(el10).endswith(masked)


def test_marker_that_somebody_took_away(el10: Node) -> None:
    leave(el10, "ready", StageReport("swap", "required", "unchanged"))
    (el10.root / "run/nodefix/ready").unlink()
    assert told(el10) == (
        "kubelet is held: found no /run/nodefix/ready, which the last run of nodefix left\n"
        "  see: systemctl status nodefix\n"
        "  then: systemctl restart nodefix"
    )


def test_a_unit_file_of_the_admins_is_no_mask(el10: Node) -> None:
    el10.file("/etc/systemd/system/nodefix.service", "[Service]\n")
    assert "masked" not in told(el10)


def test_configuration_that_is_not_valid_is_told(el10: Node) -> None:
    file = el10.file("/etc/nodefix/nodefix.yaml", "scpoe: auto\nscope: never\n")
    found = told(el10)
    assert f"{file}: unknown key 'scpoe' (did you mean scope?)" in found
    assert f"{file}: scope: found 'never'" in found


def test_failed_run_tells_stage_reason_and_remedy(el10: Node) -> None:
    leave(
        el10,
        "failed",
        StageReport("swap", "required", "changed"),
        failed("modules", Problem("found none", "dnf install it"), Problem("nor that", "")),
        StageReport("chains", "wanted", "degraded", problems=(Problem("not this", "not so"),)),
        failed("lockfile", Problem("a directory", "rmdir it")),
    )
    assert told(el10).splitlines() == [
        "kubelet is held: this node is not ready for it",
        "modules: found none",
        "  fix: dnf install it",
        "modules: nor that",
        "lockfile: a directory",
        "  fix: rmdir it",
        "  see also: journalctl -u nodefix -b",
        "  then: systemctl restart nodefix",
    ]


def test_remedy_that_restarts_nodefix_is_not_followed_by_another(el10: Node) -> None:
    leave(el10, "failed", failed("swap", Problem("it is on", "x && systemctl restart nodefix")))
    assert told(el10).count("systemctl restart nodefix") == 1


def test_stage_that_is_only_wanted_and_has_not_run_is_not_blamed(el10: Node) -> None:
    leave(el10, "failed", StageReport("chains", "wanted", "not run"), failed("swap"))
    assert "chains" not in told(el10)


def test_stage_that_has_not_run(el10: Node) -> None:
    leave(el10, "failed", StageReport("chains", "required", "not run"))
    assert "chains: has not run since this boot" in told(el10)


@pytest.mark.parametrize(("stage", "shown"), [("chains", "chains"), ("", "unknown")])
def test_run_that_was_aborted(el10: Node, stage: str, shown: str) -> None:
    leave(el10, "running", stage=stage)
    assert told(el10) == (
        "kubelet is held: the last run of nodefix was aborted in stage"
        f" {shown}\n  then: systemctl restart nodefix"
    )


@pytest.mark.parametrize(
    ("outcome", "words"), [("changed", "turned it off"), ("unchanged", "found none")]
)
def test_swap_that_is_on_again(el10: Node, outcome: str, words: str) -> None:
    """What nodefix did not do it does not claim."""
    leave(el10, "ready", StageReport("swap", "required", outcome))
    el10.file("/proc/swaps", "Filename Type\n/dev/zram0 partition 1 0 100\n/swap file 1 0 -2\n")
    found = Reasons(f"{el10.root}/").undone(("swap", "chains"))
    assert f"swap: found /dev/zram0, /swap on after nodefix {words}" in found
    assert "chains: found no chain KUBE-IPTABLES-HINT" in found
    assert found.endswith("  then: systemctl restart nodefix")


def test_escape_sequences_do_not_reach_the_terminal(el10: Node) -> None:
    leave(el10, "failed", StageReport("swap", "required", "failed"))
    report = json.loads((el10.root / "run/nodefix/report.json").read_bytes())
    report["stages"][0]["problems"] = [{"message": "\x1b[2J" + "x" * 100_000, "hint": "\x9b1m"}]
    el10.file("/run/nodefix/report.json", json.dumps(report))
    found = told(el10)
    assert "\x1b" not in found
    assert "\x9b" not in found
    assert len(found) < 10_000


VALUES: tuple[Any, ...] = (None, 5, -1.5, True, "text", "\ud800", [], [5], [[]], {}, {"a": {}})


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize(
    "place",
    ["", "boot_id", "outcome", "stage", "stages", "mode", "problems", "problem", "message", "hint"],
)
def test_whatever_stands_in_the_report(el10: Node, place: str, value: object) -> None:
    """No traceback, and the gate stays closed."""
    problem = {"message": "it is on", "hint": "swapoff", "required": True}
    stage = {"stage": "swap", "mode": "required", "outcome": "failed", "problems": [problem]}
    report: Any = {"schema": 1, "boot_id": BOOT_ID, "outcome": "failed", "stages": [stage]}
    for thing in (report, stage, problem):
        if place in thing and place != "stage":
            thing[place] = value
    if place == "stage":
        stage["stage"] = report["stage"] = value
    if place == "problem":
        stage["problems"] = [value]
    el10.file("/run/nodefix/report.json", json.dumps(report if place else value))
    for found in (told(el10), Reasons(f"{el10.root}/").undone(("swap",))):
        assert found.startswith("kubelet is held: ")
        found.encode()


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"\xff", b"[" * 100_000, b'{"boot_id": "' + b"x" * 5_000_000]
)
def test_report_that_is_garbage(el10: Node, content: bytes) -> None:
    el10.file("/run/nodefix/report.json", content)
    assert "has not run since this boot" in told(el10)


@pytest.mark.parametrize("boot_id", [None, "", "\n"])
def test_without_a_boot_id_no_report_is_of_this_boot(el10: Node, boot_id: str | None) -> None:
    leave(el10, "failed", boot_id="")
    el10.file("/proc/sys/kernel/random/boot_id", boot_id or "")
    if boot_id is None:
        (el10.root / "proc/sys/kernel/random/boot_id").unlink()
    assert "has not run since this boot" in told(el10)
