"""nodefix/collect/part.py: each part as far as it can be read, and never longer than it may."""

from __future__ import annotations

import threading

import pytest
from fakehost import Node

from nodefix.collect.part import Got, Part, gather
from nodefix.deadline import Deadline
from nodefix.errors import NodefixError
from nodefix.host.node import Host


def gathered(node: Node, *parts: Part, seconds: float = 60.0) -> dict[str, Got]:
    return dict(gather(parts, lambda: node.host, Deadline("all of it", seconds)))


def failing(error: Exception) -> Part:
    def read(host: Host) -> Got:
        raise error

    return Part("a", 5.0, read)


@pytest.mark.parametrize(
    ("error", "got"),
    [
        (NodefixError("no", "mend it"), Got(missing="no; mend it")),
        (NodefixError("no"), Got(missing="no")),
        # That there is none is an answer.
        (FileNotFoundError(2, "No such file", "/x"), Got(note="/x: is not there")),
        (PermissionError(13, "Permission denied", "/x"), Got(missing="/x: Permission denied")),
        (ValueError("\n1\n2"), Got(missing="a defect in nodefix: ValueError('\\n1\\n2')")),
    ],
)
def test_one_that_fails_takes_no_other_along(node: Node, error: Exception, got: Got) -> None:
    found = gathered(node, failing(error), Part("b", 5.0, lambda host: Got("whole")))
    assert found == {"a": got, "b": Got("whole")}


def test_its_programs_end_before_it_is_given_up(node: Node) -> None:
    seen: list[float] = []

    def read(host: Host) -> Got:
        assert host.programs.deadline
        seen.append(host.programs.deadline.left(99.0))
        return Got()

    gathered(node, Part("a", 5.0, read), Part("b", 0.2, read))
    assert 4.0 < seen[0] <= 4.5
    assert 0 < seen[1] <= 0.1


def test_one_that_hangs_is_left_behind(node: Node) -> None:
    end = threading.Event()

    def hang(host: Host) -> Got:
        end.wait(30)
        return Got()

    found = gathered(node, Part("a", 0.05, hang), Part("b", 5.0, lambda host: Got("whole")))
    end.set()
    assert found["a"].missing
    assert found["b"] == Got("whole")


def test_what_there_is_no_time_for_is_not_begun(node: Node) -> None:
    found = gathered(node, failing(AssertionError()), seconds=0.0)
    assert found == {"a": Got(missing="not begun: 0 s for all of it were over")}
