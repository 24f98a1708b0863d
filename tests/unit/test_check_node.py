"""nodefix/check_node.py: what `nodefix check` finds, as one event."""

from __future__ import annotations

import pytest

from nodefix.advice.finding import Advice, Unknown
from nodefix.check import DIFFERS, FINE, WRONG, Checked, StageCheck
from nodefix.check_node import event
from nodefix.plan import Change, Problem

FINE_STAGE = StageCheck("swap", FINE)
DIFFERS_STAGE = StageCheck("lockfile", DIFFERS, (Change("a", "b", "c", "x", None),))
WRONG_STAGE = StageCheck("modules", WRONG, problems=(Problem("no\nlibrary", "x"),))
TIP = Advice("ip-forward-off", "m", "w", "h")
GAP = Unknown(("units",), "no bus", "x")


@pytest.mark.parametrize(
    ("checked", "held", "kind", "reason", "message"),
    [
        (Checked((FINE_STAGE,)), "", "Normal", "NodefixReady", "as it should be"),
        (
            Checked((FINE_STAGE,), advice=(TIP,)),
            "",
            "Normal",
            "NodefixReady",
            "as it should be; advice: ip-forward-off; on the node: nodefix check",
        ),
        (
            Checked((DIFFERS_STAGE, WRONG_STAGE), unknown=(GAP,)),
            "",
            "Warning",
            "NodefixDegraded",
            "not as it should be; modules: no library; lockfile: a: found b, expected c;"
            " units: no bus; on the node: nodefix check",
        ),
        (
            Checked((FINE_STAGE,), unknown=(GAP,)),
            "",
            "Warning",
            "NodefixUnknown",
            "could not be told; units: no bus; on the node: nodefix check",
        ),
        (
            Checked((WRONG_STAGE,)),
            "kubelet is held",
            "Warning",
            "NodefixHeld",
            "kubelet is held; modules: no library; on the node: nodefix check",
        ),
        # The cause is gone, and the next try is not there yet.
        (Checked((FINE_STAGE,)), "k3s is held", "Warning", "NodefixHeld", "k3s is held"),
    ],
)
def test_event(checked: Checked, held: str, kind: str, reason: str, message: str) -> None:
    assert event(checked, held) == (kind, reason, message)


def test_a_message_has_room_in_an_event() -> None:
    problems = tuple(Problem(f"{n}{'ä' * 400}", "") for n in range(50))
    message = event(Checked((StageCheck("swap", WRONG, problems=problems),)), "").message
    assert len(message.encode()) <= 1024
    assert message.endswith(" more; on the node: nodefix check")
    assert "swap: 0" in message
