"""nodefix/picture/tries.py: starts of a unit."""

from __future__ import annotations

import pytest
from pictured import ORIGIN, WHY, Boot

from nodefix.picture import tries as module
from nodefix.picture.tries import Try, tries
from nodefix.words import KUBELET

STARTING, STARTED = module.UNIT_STARTING, module.UNIT_STARTED


def found(boot: Boot, unit: str = KUBELET) -> list[Try]:
    """Its starts, in seconds since the boot began."""
    return [
        one._replace(
            begin=round(one.begin - ORIGIN, 3),
            up=None if one.up is None else round(one.up - ORIGIN, 3),
            end=None if one.end is None else round(one.end - ORIGIN, 3),
        )
        for one in tries(unit, boot.manager, boot.own)
    ]


def test_each_start_also_after_restarts() -> None:
    boot = Boot()
    boot.held(1.0)
    boot.held(11.0)
    boot.up(21.0)
    one, two, three = found(boot)
    assert one == Try(1.0, None, 1.1, "failed", True, WHY, "kubelet.service-1")
    assert (two.begin, two.end, two.is_held) == (11.0, 11.1, True)
    assert three == Try(21.0, 21.1, None, "up", False, "", "up-21.0")


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        ((STARTING,), "starting"),
        ((STARTING, STARTED), "up"),
        # Type=simple without a command before it.
        ((STARTED,), "up"),
        ((STARTING, STARTED, module.UNIT_STOPPED), "stopped"),
        ((STARTING, STARTED, module.UNIT_SUCCESS), "stopped"),
        ((STARTING, STARTED, module.UNIT_FAILURE_RESULT), "failed"),
        ((STARTING, module.UNIT_FAILURE_RESULT, module.UNIT_FAILED), "failed"),
    ],
)
def test_how_a_start_ends(kinds: tuple[str, ...], state: str) -> None:
    boot = Boot()
    for at, kind in enumerate(kinds):
        boot.systemd(float(at), kind)
    (one,) = found(boot)
    assert (one.state, one.is_held) == (state, False)
    assert (one.end is None) == (state in ("starting", "up"))


def test_what_ended_before_the_journal_begins_is_no_start() -> None:
    boot = Boot()
    boot.systemd(1.0, module.UNIT_STOPPED)
    assert found(boot) == []


def test_a_start_whose_end_is_not_in_the_journal_ends_with_the_next_one() -> None:
    boot = Boot()
    boot.up(1.0)
    boot.up(2.0)
    assert [(one.end, one.state) for one in found(boot)] == [(2.0, "stopped"), (None, "up")]


def test_a_kubelet_that_fails_by_itself_is_not_held() -> None:
    boot = Boot()
    boot.up(1.0)
    boot.systemd(2.0, module.UNIT_PROCESS_EXIT, EXIT_CODE="killed", EXIT_STATUS="9")
    boot.systemd(2.0, module.UNIT_FAILURE_RESULT)
    # It starts since nodefix is switched off.
    boot.wait_said(1.05, "nodefix is switched off, so kubelet may start: x", "up-1.0")
    (one,) = found(boot)
    assert (one.is_held, one.why) == (False, "ExecStart= killed, status 9")


def test_why_it_is_held_as_before_and_told_late() -> None:
    boot = Boot()
    boot.systemd(1.0, STARTING, INVOCATION_ID="i")
    boot.systemd(1.1, module.UNIT_FAILED)
    text = f"kubelet is held: not ready, as before: {WHY} (all of it: nodefix wait --timeout 0)"
    boot.wait_said(1.2, text, "i")
    boot.wait_said(1.2, "kubelet is held: of another one", "j")
    (one,) = found(boot)
    assert (one.is_held, one.why) == (True, WHY)


def test_held_within_one_start() -> None:
    boot, unit = Boot(), "microshift.service"
    boot.systemd(1.0, STARTING, unit, INVOCATION_ID="m")
    boot.wait_said(1.1, "microshift is held: this node is not ready for it", "m", unit)
    boot.systemd(100.0, STARTED, unit)
    assert [(one.is_held, one.up, one.state) for one in found(boot, unit)] == [(True, 100.0, "up")]
    assert found(boot) == []
