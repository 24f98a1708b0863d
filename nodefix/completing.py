"""What came of a restart of kube-proxy, written into the report that the last run has left.

It goes on while others may have the run lock, so the report may be another run's by then: all that
it says of the other stages stays.
"""

from __future__ import annotations

from nodefix.around.run import Ran
from nodefix.facts.system import boot_id
from nodefix.gate import is_switched_off
from nodefix.host.node import Host
from nodefix.judging import kubelet_after
from nodefix.report import Course, Head, StageReport, run_outcome
from nodefix.store import Earlier, ReportFiles
from nodefix.text import seconds_of, stamp, uptime, within_boot
from nodefix.words import CHANGED, DEGRADED, FAILED, KUBE_PROXY, NOT_RUN, READY

# What a run comes to that has looked at the node.
_ENDED = (READY, DEGRADED, FAILED)


def complete(
    host: Host,
    done: StageReport | None,
    own: Head | None = None,
    left: StageReport | None = None,
) -> Ran:
    """Write it into report and marker; only while the run lock is held.

    A report of a run that was aborted, or that is not there, stays as it is.

    Args:
        host: the node.
        done: what came of it; None where nothing was due any more.
        own: the head of the run that the restart is the end of; None if it is of none.
        left: how kube-proxy stood in that run's report; what another run says of it since stays.

    Returns:
        This boot's last run, with it; as it was left where it has not ended (`has_ended`).

    Raises:
        OSError: report or marker cannot be written.
    """
    files, boot = ReportFiles(host.root), boot_id(host.root)
    last = files.earlier(boot)
    stages = dict(last.stages)
    before = stages.pop(KUBE_PROXY, None)
    is_others = before is not None and before.outcome != NOT_RUN and before != left
    if one := done or (before if is_others else None):
        # At the end, as in the report of each run.
        stages[KUBE_PROXY] = one
    head = Head(boot, last.invocation_id, last.started)
    outcome, course, finished = last.outcome, last.course, last.finished
    if own and (own.started, own.invocation_id) == (last.started, last.invocation_id):
        finished = stamp()
    if outcome in _ENDED:
        outcome = run_outcome(stages)
        course = _course(last, outcome, bool(done and done.outcome == CHANGED))
        files.write(head, outcome, stages, finished, course=course)
        # One that was taken away meanwhile must not come back by this.
        if files.is_open(boot):
            files.open_gate(head, outcome, stages, finished, was_open=True)
    is_off = is_switched_off(f"{host.root}/")
    took = within_boot(seconds_of(finished) - seconds_of(last.started), uptime())
    usec = round(took * 1_000_000)
    kubelet = kubelet_after(host, outcome == FAILED, is_off)
    return Ran(head, finished, outcome, stages, course, usec, is_off, kubelet)


def has_ended(ran: Ran) -> bool:
    """Whether it has looked at the node and come to its end, so that its outcome can be told."""
    return ran.outcome in _ENDED


def _course(last: Earlier, outcome: str, is_restarted: bool) -> Course:
    """How the boot has gone with it: it is no try of its own."""
    course = last.course._replace(restarts=last.course.restarts + is_restarted)
    if outcome == last.outcome:
        return course
    bad = outcome in (FAILED, DEGRADED)
    return course._replace(tries=int(bad), since=last.started if bad else "")
