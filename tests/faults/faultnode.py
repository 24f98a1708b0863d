"""The booted node on which faults are made, and the way to have them made there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import testnode
from faultlist import Fault, Point

HERE = Path(__file__).resolve().parent
HOME = "/root/faults"


class Outcome(NamedTuple):
    """What became of one fault, or of one boot of those in a row.

    Attributes:
        fault: which; of a boot without all that it might have damaged.
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


def points(node: testnode.Machine) -> list[Point]:
    """Each call that changes something in a run that has much to do."""
    found = json.loads(node.run(["python3", f"{HOME}/drive.py", "points"]).stdout)
    return [Point(*one) for one in found]


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
    return outcomes(faults, said.splitlines())


def outcomes(faults: Sequence[Fault], lines: Sequence[str]) -> list[Outcome]:
    """What the lines that drive.py prints say of the faults; what they leave out did not hold."""
    parts = [_parts(fault) for fault in faults]
    found = []
    for line in lines:
        number, wrong, took = json.loads(line)
        skipped = next((one[1:] for one in wrong if one.startswith("-")), "")
        fault = next(parts[number], faults[number])
        found.append(Outcome(fault, [] if skipped else wrong, skipped, took))
    left = [fault for rest in parts for fault in rest]
    return [*found, *(Outcome(fault, ["it has no outcome"], "", 0.0) for fault in left)]


def _parts(fault: Fault) -> Iterator[Fault]:
    """What of a fault is told by itself: each boot of those in a row."""
    if "boots" not in fault:
        yield fault
    for number in range(1, fault.get("boots", 0) + 1):
        named = {name: fault[name] for name in ("group", "kind", "value")}
        yield {**named, "boot": f"boot {number}"}
