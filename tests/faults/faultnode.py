"""The booted node on which faults are made, and the way to have them made there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import testnode
from faultlist import Fault

HERE = Path(__file__).resolve().parent
HOME = "/root/faults"


class Outcome(NamedTuple):
    """What became of one fault.

    Attributes:
        fault: which.
        wrong: what did not hold.
        skipped: why it was not made; empty if it was.
        seconds: how long it took.
    """

    fault: Fault
    wrong: list[str]
    skipped: str
    seconds: float


def put_harness(node: testnode.Machine) -> None:
    """Put the harness onto the node."""
    for file in sorted((HERE / "inside").glob("*.py")):
        node.put(file, f"{HOME}/{file.name}")
    node.run(["python3", f"{HOME}/drive.py", "prepare"])


def writing_calls(node: testnode.Machine) -> int:
    """How many calls that change something a run makes that has much to do."""
    return int(node.run(["python3", f"{HOME}/drive.py", "count"]).stdout)


def traced(node: testnode.Machine, *options: str) -> list[str]:
    """What strace prints, with these options, of a run that has much to do."""
    return node.run(["python3", f"{HOME}/drive.py", "trace", *options]).stdout.splitlines()


def made(
    node: testnode.Machine, faults: list[Fault], workers: int, seconds: float
) -> list[Outcome]:
    """Make the faults on the node, so many at a time."""
    node.write(f"{HOME}/faults.json", json.dumps(faults))
    argv = ["python3", f"{HOME}/drive.py", "make", f"{HOME}/faults.json", str(workers)]
    said = node.run(argv, timeout=seconds).stdout
    found = []
    for line in said.splitlines():
        number, wrong, took = json.loads(line)
        skipped = next((one[1:] for one in wrong if one.startswith("-")), "")
        found.append(Outcome(faults[number], [] if skipped else wrong, skipped, took))
    missing = len(faults) - len(found)
    if missing:
        raise testnode.Failed(f"{missing} of {len(faults)} faults have no outcome")
    return found
