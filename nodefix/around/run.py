"""A run as the tools around it see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from nodefix.report import Course, Head, StageReport


class Ran(NamedTuple):
    """A run that has ended.

    Attributes:
        head: what its report begins with.
        finished: when it ended, ISO 8601 in UTC.
        outcome: what it came to.
        stages: by name, in their order.
        course: how the boot has gone.
        usec: how long it took.
        is_off: whether nodefix is switched off, so that nothing is held.
        kubelet: what becomes of the node's kubelet, in words.
    """

    head: Head
    finished: str
    outcome: str
    stages: Mapping[str, StageReport]
    course: Course
    usec: int = 0
    is_off: bool = False
    kubelet: str = ""
