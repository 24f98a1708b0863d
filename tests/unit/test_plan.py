"""nodefix/plan.py: what is to be changed and what is wrong."""

from __future__ import annotations

import pytest

from nodefix.plan import Change, Problem, unmet

CHANGE = Change("swap /dev/vda2", "on", "off", "swapoff /dev/vda2", None)


@pytest.mark.parametrize("required", [True, False])
def test_change_that_did_not_take_becomes_a_problem(required: bool) -> None:
    assert unmet(CHANGE._replace(required=required)) == Problem(
        "swap /dev/vda2: found on, expected off", "swapoff /dev/vda2", required
    )


def test_with_the_tools_own_word() -> None:
    assert unmet(CHANGE, "Cannot allocate memory").message == (
        "swap /dev/vda2: found on, expected off (Cannot allocate memory)"
    )
