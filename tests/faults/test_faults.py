"""nodefix holds under each fault: it ends, says why and what to type, loses nothing, and heals.

Quickly a selection, with --long all of them; build/faults*.txt has the table and what did not hold.
When all were made tests/PROOF.md shows it.
"""

from __future__ import annotations

import os
import time

import faultlist
import faultnode
import faulttable
import pytest
import testnode
from faultnode import Outcome

# Of the boots with damage by chance; printed, so that the same can be had again.
_SEED = int(os.environ.get("NODEFIX_FAULTS_SEED", "1"))
_QUICK_SECONDS, _LONG_SECONDS = 600, 3 * 3600


@pytest.fixture(scope="session")
def outcomes(fault_node: testnode.Nspawn, request: pytest.FixtureRequest) -> list[Outcome]:
    """What became of the faults."""
    is_long = bool(request.config.getoption("--long"))
    every = faultlist.every(_SEED, faultnode.points(fault_node))
    faults = every if is_long else faultlist.quick(every)
    # They wait much of their time.
    workers = 2 * (os.cpu_count() or 1)
    seconds = _LONG_SECONDS if is_long else _QUICK_SECONDS
    begun = time.monotonic()
    found = faultnode.made(fault_node, faults, workers, seconds)
    took = time.monotonic() - begun
    print(f"seed {_SEED}")
    print(faulttable.write(found, "faults" if is_long else "faults-quick", took, every))
    print(faulttable.seconds(found))
    return found


@pytest.mark.parametrize("group", faulttable.TITLES)
def test_nodefix_holds(outcomes: list[Outcome], group: str) -> None:
    mine = [one for one in outcomes if one.fault["group"] == group]
    wrong = [f"{faulttable.described(one)}: {line}" for one in mine for line in one.wrong]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("group", ["kill", "refused"])
def test_almost_each_call_was_made(outcomes: list[Outcome], group: str) -> None:
    mine = [one for one in outcomes if one.fault["group"] == group]
    left_out = [f"{faulttable.described(one)}: {one.skipped}" for one in mine if one.skipped]
    assert len(left_out) <= len(mine) / 20, "\n".join(left_out)


def test_faults_are_many() -> None:
    points = [faultlist.Point("/usr/bin/nodefix", "rename", number + 1) for number in range(9)]
    faults = faultlist.every(_SEED, points)
    assert len(faults) >= 400
    assert {fault["group"] for fault in faults} == faulttable.TITLES.keys()
    small = faultlist.quick(faults)
    assert len(small) < 200
    assert {fault["group"] for fault in small} == faulttable.TITLES.keys() - {"boots"}
