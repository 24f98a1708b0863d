"""What `nodefix check` finds as one event on the node. Nothing here touches the host."""

from __future__ import annotations

from collections.abc import Iterator

from nodefix.check import ADVICE, FINE, UNKNOWN, Checked
from nodefix.live.event import NORMAL, WARNING, Event
from nodefix.text import one_line

HELD, DEGRADED, READY = "NodefixHeld", "NodefixDegraded", "NodefixReady"
# Not known is neither: what kept it from being told is in the message.
NOT_KNOWN = "NodefixUnknown"

# Bytes of a message, of which the API server takes 1024 (kubernetes pkg/apis/core/validation/
# events.go, NoteLengthLimit), and how much of it one finding may have, in characters.
_MOST, _FINDING = 1000, 240
_SEE = "on the node: nodefix check"


def event(checked: Checked, held: str) -> Event:
    """The event.

    Args:
        checked: what was found.
        held: the kubelets that are held now, in words; empty if none is.
    """
    if held:
        return Event(WARNING, HELD, _message(held, *_findings(checked)))
    status = checked.status
    if status == UNKNOWN:
        return Event(WARNING, NOT_KNOWN, _message("could not be told", *_findings(checked)))
    if status not in (FINE, ADVICE):
        return Event(WARNING, DEGRADED, _message("not as it should be", *_findings(checked)))
    advice = ", ".join(one.code for one in checked.advice)
    said = (f"advice: {advice}",) if advice else ()
    return Event(NORMAL, READY, _message("as it should be", *said))


def _findings(checked: Checked) -> Iterator[str]:
    """What is wrong comes first, then what differs, then what could not be told."""
    for stage in checked.stages:
        yield from (f"{stage.stage}: {problem.message}" for problem in stage.problems)
    yield from (problem.message for problem in checked.problems)
    for stage in checked.stages:
        for change in stage.changes:
            yield f"{stage.stage}: {change.target}: found {change.found}, expected {change.wanted}"
    for gap in checked.unknown:
        yield f"{', '.join(gap.about)}: {gap.message}"


def _message(head: str, *findings: str) -> str:
    """One line; findings that have no room are counted."""
    text, left = head, len(findings)
    for finding in findings:
        more = f"{text}; {one_line(finding, _FINDING)}"
        if _size(f"{more}; {left} more; {_SEE}") > _MOST:
            break
        text, left = more, left - 1
    return "; ".join([text, *([f"{left} more"] if left else []), *([_SEE] if findings else [])])


def _size(text: str) -> int:
    return len(text.encode("utf-8", "backslashreplace"))
