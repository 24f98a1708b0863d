"""A picture of this boot, from what was read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from nodefix import __version__
from nodefix.host.kubelets import spoken
from nodefix.picture import before
from nodefix.picture.bars import Clock, kubelet_row, repaired_rows, run_row, stage_rows
from nodefix.picture.lengths import length
from nodefix.picture.model import Panel, Picture
from nodefix.picture.reading import Material
from nodefix.picture.runs import Run, runs
from nodefix.picture.tries import Try, tries
from nodefix.text import stamp
from nodefix.words import KUBELET_UNITS, RUNNING, UNIT

# kubelet's first try belongs to the boot if it comes so soon after nodefix's first run, in seconds.
_SOON = 15.0
# A boot without a run of nodefix and a start of kubelet is over after so many seconds.
_BOOT = 300.0
# The journal is there so soon after systemd.
_LATE = 30.0
# Of what goes on after the last event, so much of the time before is shown.
_SEEN = 0.06
# Problems that are shown.
_PROBLEMS = 3

TITLE_BEFORE = "The boot, until kubelet's first start"
TITLE_WHOLE = "All of the boot: runs of nodefix, starts of kubelet"


class Told(NamedTuple):
    """What `nodefix status` says.

    Attributes:
        headline: the boot in one line.
        kubelets: the units with a kubelet that this node has.
        is_running: whether a run is going on.
    """

    headline: str
    kubelets: tuple[str, ...] = ()
    is_running: bool = False


class _Course(NamedTuple):
    """All that happened, by the monotonic clock."""

    runs: list[Run]
    starts: dict[str, list[Try]]


def picture(found: Material, told: Told) -> Picture:
    """Make it."""
    clock = Clock(_origin(found), found.now)
    service = tries(UNIT, found.units)
    names = dict.fromkeys((*told.kubelets, *KUBELET_UNITS))
    starts = {name: tries(name, found.units, found.own) for name in names}
    course = _Course(
        runs(found.own, service, told.is_running),
        {name: said for name, said in starts.items() if said or name in told.kubelets},
    )
    panels, left = _panels(found, course, clock)
    booted = stamp(found.wall - (found.now - clock.origin))
    return Picture(
        f"nodefix {__version__}, boot of {booted}",
        told.headline,
        _summary(course, clock),
        tuple(panel for panel in panels if panel.rows),
        _problems(course.runs),
        tuple(filter(None, (*_missing(found, course, clock), left))),
    )


def _origin(found: Material) -> float:
    """When the boot began, by the monotonic clock."""
    if found.times:
        return 0.0 if found.times.is_machine else found.times.userspace
    return found.first.monotonic if found.first else found.now


def _panels(found: Material, course: _Course, clock: Clock) -> tuple[list[Panel], str]:
    """The panels, and a note on the first one."""
    if _is_late(found, clock):
        return [_whole(course, clock, course.runs)], ""
    first = _first_run(course)
    begin, left = _until_kubelet(found, course, clock, first)
    later = course.runs[1:] if first else course.runs
    if later or any(_goes_on(one, clock, begin.end) for one in course.starts.values()):
        return [begin, _whole(course, clock, later)], left
    return [begin], left


def _is_late(found: Material, clock: Clock) -> bool:
    """Whether the beginning of the boot is not in the journal."""
    since = found.times.userspace if found.times else clock.origin
    return found.first is not None and found.first.monotonic - since > _LATE


def _first_run(course: _Course) -> Run | None:
    """The run that kubelet waited for; None where kubelet came first, or there was none."""
    begins = [starts[0].begin for starts in course.starts.values() if starts]
    first = next(iter(course.runs), None)
    return first if first and first.begin <= min(begins, default=first.begin) else None


def _until_kubelet(
    found: Material, course: _Course, clock: Clock, first: Run | None
) -> tuple[Panel, str]:
    """What came before nodefix, its first run, and what waited for that."""
    begun = clock.since(first.begin) if first else _without_run(found, course, clock)
    rows = before.phases(found, clock, begun)
    units, left = before.units(found, clock, begun)
    rows += [row._replace(is_inner=True) for row in units]
    ends = [clock.end(first.end) if first else begun]
    if first:
        rows.append(run_row([first], clock, UNIT))
        rows += stage_rows(first, clock)
    for name, starts in course.starts.items():
        early = [one for one in starts[:1] if clock.since(one.begin) <= ends[0] + _SOON]
        rows.append(kubelet_row(name, early, clock, waits=first))
        ends += [clock.end(one.end if one.up is None else one.up) for one in early]
    # With room for the last label.
    return Panel(TITLE_BEFORE, 0.0, max(ends) * 1.1 or 1.0, tuple(rows)), left


def _without_run(found: Material, course: _Course, clock: Clock) -> float:
    """When kubelet began, or the last unit of the boot."""
    times = [starts[0].begin for starts in course.starts.values() if starts]
    last = min(times, default=found.before[-1].monotonic if found.before else clock.origin)
    return min(clock.since(last), _BOOT)


def _whole(course: _Course, clock: Clock, later: Sequence[Run]) -> Panel:
    """All runs, what the later ones did, and all starts."""
    rows = [run_row(course.runs, clock, "nodefix")] if course.runs else []
    rows += repaired_rows(later, clock)
    rows += [kubelet_row(name, one, clock) for name, one in course.starts.items()]
    moments = [span.begin if span.is_open else span.end for row in rows for span in row.spans]
    last = max(moments, default=0.0)
    # What goes on is seen to.
    end = min(clock.since(clock.now), last + min(max(_SEEN * last, 2.0), 15.0))
    return Panel(TITLE_WHOLE, 0.0, max(end, last), tuple(rows))


def _goes_on(starts: Sequence[Try], clock: Clock, begin: float) -> bool:
    """Whether a unit has more to show than one start before that and being up since."""
    times = [one.begin if one.end is None else one.end for one in starts]
    return len(starts) > 1 or any(clock.since(time) > begin for time in times)


def _summary(course: _Course, clock: Clock) -> str:
    parts = []
    if course.runs:
        first = course.runs[0]
        parts.append(f"nodefix began {length(clock.since(first.begin))} after the boot")
        if first.end is not None:
            parts.append(f"its first run took {length(first.end - first.begin)}")
        if len(course.runs) > 1:
            parts.append(f"{len(course.runs)} runs")
    for name, starts in course.starts.items():
        kubelet, held = spoken((name,)), [one for one in starts if one.is_held]
        up = next((one for one in starts if one.up is not None), None)
        if held:
            until = up.begin if up and up.begin > held[0].begin else clock.now
            parts.append(f"{kubelet} held for {length(until - held[0].begin)}")
        if up and up.up is not None:
            parts.append(f"{kubelet} up after {length(clock.since(up.up))}")
        elif not starts:
            parts.append(f"{kubelet} has not been started")
    return " · ".join(parts)


def _problems(found: Iterable[Run]) -> tuple[str, ...]:
    """The last different problems that held kubelet."""
    said = dict.fromkeys(text for run in reversed(list(found)) for text in run.problems)
    return tuple(said)[:_PROBLEMS]


def _missing(found: Material, course: _Course, clock: Clock) -> list[str]:
    notes = list(found.missing)
    if found.first is None:
        notes.append("the journal has nothing of this boot")
    elif _is_late(found, clock):
        late = length(clock.since(found.first.monotonic))
        notes.append(f"the journal begins {late} after the boot: what was before is not in it")
    if not course.runs:
        notes.append("no run of nodefix is in the journal of this boot")
    elif course.runs[-1].outcome == RUNNING:
        notes.append("a run of nodefix is going on")
    if found.before and found.waited is None:
        notes.append("all units that began before nodefix are shown as if it had waited for them")
    return notes
