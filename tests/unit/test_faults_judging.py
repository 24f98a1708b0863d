"""What the harness of the faults takes for a remedy that can be typed."""

from __future__ import annotations

import judging
import pytest
from world import Ran

# A shell looks whether it could be typed.
pytestmark = pytest.mark.real_commands

_IMAGE = (
    "in the image's Containerfile: RUN dnf install -y x; build and push it, then on this node: "
)


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("systemctl restart nodefix", True),
        ("look-into-it twice", False),
        ("ls 'a", False),
        (f"{_IMAGE}ostree admin upgrade && systemctl reboot", True),
        (f"{_IMAGE}upgrade it (twice)", False),
    ],
)
def test_remedy_that_can_be_typed(line: str, is_one: bool) -> None:
    found = [*judging.remedies(Ran(1, f"swap: failed\n  fix: {line}\n".encode(), 1.0))]
    assert (found == []) == is_one


def test_want_of_a_remedy() -> None:
    assert [*judging.remedies(Ran(1, b"swap: failed\n", 1.0))]
    # Whom a signal has ended, nobody can ask.
    assert not [*judging.remedies(Ran(-9, b"", 1.0))]
