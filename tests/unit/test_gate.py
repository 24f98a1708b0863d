"""nodefix/gate.py: hold kubelet until the node is ready, or say why it is not."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from fakehost import BOOT_ID, OTHER_BOOT_ID, Node
from lastrun import failed, leave
from swaps import HEADER

from nodefix import gate
from nodefix.lock import run_lock
from nodefix.plan import Problem
from nodefix.report import StageReport

TOP = Path(__file__).resolve().parents[2]


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


def test_not_run(el10: Node) -> None:
    assert wait(el10) == (
        "kubelet is held: nodefix has not run since this boot\n"
        "  see: systemctl status nodefix\n"
        "  then: systemctl restart nodefix"
    )


def test_configuration_that_is_not_valid_is_told(el10: Node) -> None:
    file = el10.file("/etc/nodefix/nodefix.yaml", "scpoe: auto\nscope: never\n")
    told = wait(el10)
    assert f"{file}: unknown key 'scpoe' (did you mean scope?)" in told
    assert f"{file}: scope: found 'never'" in told


def test_out_of_scope(el10: Node) -> None:
    el10.file("/etc/os-release", "ID=debian\nVERSION_ID=12\n")
    assert wait(el10) == ""
    el10.file("/etc/nodefix/nodefix.yaml", "scope: force\n")
    assert "has not run" in wait(el10)


def test_configuration_that_is_not_valid_does_not_open_the_gate(el10: Node) -> None:
    el10.file("/etc/os-release", "ID=debian\nVERSION_ID=12\n")
    el10.file("/etc/nodefix/nodefix.yaml", "scpoe: auto\n")
    assert "kubelet is held" in wait(el10)


def test_failed_run_tells_stage_reason_and_remedy(el10: Node) -> None:
    leave(
        el10,
        "failed",
        StageReport("swap", "required", "changed"),
        failed("modules", Problem("found none", "dnf install it"), Problem("nor that", "")),
        StageReport("chains", "wanted", "degraded", problems=(Problem("not this", "not so"),)),
        failed("lockfile", Problem("a directory", "rmdir it")),
    )
    assert wait(el10).splitlines() == [
        "kubelet is held: this node is not ready for it",
        "modules: found none",
        "  to mend it: dnf install it",
        "modules: nor that",
        "lockfile: a directory",
        "  to mend it: rmdir it",
        "  then: systemctl restart nodefix",
        "  see also: journalctl -u nodefix -b",
    ]


def test_remedy_that_restarts_nodefix_is_not_followed_by_another(el10: Node) -> None:
    leave(el10, "failed", failed("swap", Problem("it is on", "x && systemctl restart nodefix")))
    assert wait(el10).count("systemctl restart nodefix") == 1


def test_stage_that_is_only_wanted_and_has_not_run_is_not_blamed(el10: Node) -> None:
    leave(el10, "failed", StageReport("chains", "wanted", "not run"), failed("swap"))
    assert "chains" not in wait(el10)


def test_stage_that_has_not_run(el10: Node) -> None:
    leave(el10, "failed", StageReport("chains", "required", "not run"))
    assert "chains: has not run since this boot" in wait(el10)


def test_failed_run_fails_at_once(el10: Node) -> None:
    leave(el10, "failed", failed("swap"))
    begun = time.monotonic()
    assert wait(el10, 60)
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize("stage", ["chains", ""])
def test_run_that_was_broken_off(el10: Node, stage: str) -> None:
    leave(el10, "running", stage=stage)
    assert wait(el10) == (
        "kubelet is held: the last run of nodefix was broken off in stage"
        f" {stage or 'an unknown stage'}\n  then: systemctl restart nodefix"
    )


@pytest.mark.parametrize("content", ["", "garbage", "[]", "5"])
def test_report_that_is_garbage(el10: Node, content: str) -> None:
    el10.file("/run/nodefix/report.json", content)
    assert "has not run since this boot" in wait(el10)


def test_run_that_is_going_on_is_waited_for(el10: Node) -> None:
    leave(el10, "running", stage="swap")
    answers: list[str] = []
    with run_lock(el10.root, 0):
        waiting = threading.Thread(target=lambda: answers.append(wait(el10, 10)))
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        leave(el10, "ready")
    waiting.join(5)
    assert answers == [""]


def test_run_that_takes_too_long(el10: Node) -> None:
    leave(el10, "running", stage="modules")
    with run_lock(el10.root, 0):
        told = wait(el10, 0.05)
    assert told == (
        "kubelet is held: nodefix is still running (stage modules) after 0.05 seconds\n"
        "  see: journalctl -u nodefix -b"
    )


def test_marker_of_this_boot_wins_over_a_lock(el10: Node) -> None:
    leave(el10, "ready")
    with run_lock(el10.root, 0):
        assert wait(el10) == ""


def test_a_lock_that_nobody_holds_is_no_run(el10: Node) -> None:
    el10.file("/run/nodefix/lock", "pid 1 (nodefix run)")
    assert "has not run since this boot" in wait(el10, 60)


@pytest.mark.parametrize("outcome", ["unchanged", "changed"])
def test_swap_that_came_back_after_the_run(el10: Node, outcome: str) -> None:
    leave(el10, "ready", StageReport("swap", "required", outcome))
    el10.file("/proc/swaps", HEADER)
    assert wait(el10) == ""
    el10.file("/proc/swaps", f"{HEADER}/dev/zram0 partition 1 0 100\n/swap file 1 0 -2\n")
    told = wait(el10)
    assert "kubelet is held: swap: found /dev/zram0, /swap on again" in told
    assert "systemctl restart nodefix" in told


@pytest.mark.parametrize("outcome", ["skipped", "off", "degraded"])
def test_swap_that_is_none_of_the_gates_business(el10: Node, outcome: str) -> None:
    leave(el10, "ready", StageReport("swap", "required", outcome))
    el10.file("/proc/swaps", f"{HEADER}/dev/zram0 partition 1 0 100\n")
    assert wait(el10) == ""


def test_swap_that_came_back_where_it_is_only_wanted_off(el10: Node) -> None:
    leave(el10, "ready", StageReport("swap", "wanted", "unchanged"))
    el10.file("/proc/swaps", f"{HEADER}/dev/zram0 partition 1 0 100\n")
    assert wait(el10) == ""


def test_default_timeout_is_below_a_services() -> None:
    assert gate.DEFAULT_TIMEOUT < 90
