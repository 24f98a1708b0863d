"""What a boot left behind, as the tests ask for it."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from testnode.machine import Entry, parse_entry

Unit = dict[str, str]

_REPORT = "files/run/nodefix/report.json"
_MARKER = "files/run/nodefix/ready"
# systemd.journal-fields(7): the message id of "a unit has started".
_STARTED = "39f53479d3a045ac8e11786248231fbf"


class Booted:
    """One boot that came to its end."""

    def __init__(self, results: Path, seconds: float) -> None:
        """Read `results`, the archive that the machine packed; `seconds` is how long it took."""
        self.seconds = seconds
        self.files: dict[str, bytes] = {}
        with tarfile.open(results) as archive:
            for member in archive:
                if (content := archive.extractfile(member)) is not None:
                    self.files[member.name.removeprefix("./")] = content.read()
        lines = self.text("journal").splitlines()
        self.journal: list[Entry] = [parse_entry(line) for line in lines]
        self.units: dict[str, Unit] = {unit["Id"]: unit for unit in _units(self.text("units"))}

    def text(self, name: str) -> str:
        """One of the files that came back, as text."""
        return self.files[name].decode(errors="replace")

    def on_disk(self, path: str) -> bytes:
        """A file that the scenario collects, by its absolute path on the node."""
        return self.files[f"files{path}"]

    def script(self, name: str = "stdout") -> str:
        """What the scenario's script wrote."""
        return self.text(f"script/{name}")

    @property
    def swaps(self) -> list[str]:
        """The devices that /proc/swaps listed at the end."""
        return [line.split()[0] for line in self.text("swaps").splitlines()[1:]]

    @property
    def failed(self) -> list[str]:
        """The units that were in the state failed at the end."""
        return [line.split()[0] for line in self.text("failed").splitlines()]

    @property
    def masked(self) -> set[str]:
        """The units that are masked for good, that is below /etc."""
        return set(self.text("masked").split())

    @property
    def report(self) -> dict[str, Any]:
        """nodefix's report."""
        report: dict[str, Any] = json.loads(self.files[_REPORT])
        return report

    @property
    def ready(self) -> bool:
        """Whether the marker was there."""
        return _MARKER in self.files

    def stage(self, name: str) -> dict[str, Any]:
        """One stage of the report."""
        stages: dict[str, dict[str, Any]] = {s["stage"]: s for s in self.report["stages"]}
        return stages[name]

    def messages(self, **fields: str) -> list[Entry]:
        """The journal's entries in which all these fields have these values, oldest first."""
        wanted = fields.items()
        return [entry for entry in self.journal if all(entry.get(k) == v for k, v in wanted)]

    def told(self, unit: str) -> str:
        """What a unit's processes, and systemd about the unit, wrote into the journal."""
        lines = [
            entry.get("MESSAGE", "")
            for entry in self.journal
            if unit
            in (entry.get("_SYSTEMD_UNIT"), entry.get("UNIT"), entry.get("OBJECT_SYSTEMD_UNIT"))
        ]
        return "\n".join(lines)

    def started(self, unit: str) -> int:
        """When systemd finished starting a unit, in microseconds since the boot; -1 for never."""
        times = [
            int(entry["__MONOTONIC_TIMESTAMP"])
            for entry in self.messages(MESSAGE_ID=_STARTED, UNIT=unit)
        ]
        return times[0] if times else -1

    def swapped_on(self) -> list[str]:
        """Each device or file on which the kernel turned swap on in this boot, in that order.

        These are the kernel's own words, whoever asked for it: "Adding 32764k swap on /dev/vda2."
        """
        said = (entry.get("MESSAGE", "") for entry in self.messages(_TRANSPORT="kernel"))
        return [
            message.partition(" swap on ")[2].split()[0].rstrip(".")
            for message in said
            if message.startswith("Adding ") and " swap on " in message
        ]


def _units(text: str) -> Iterator[Unit]:
    for block in text.split("\n\n"):
        unit = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if unit:
            yield unit
