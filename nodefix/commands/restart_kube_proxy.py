"""`nodefix restart-kube-proxy`: restart this node's kube-proxy, and no other node's."""

from __future__ import annotations

import io
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

from nodefix.around.tell import tell as tell_around
from nodefix.completing import complete, has_ended
from nodefix.config import Config, load
from nodefix.errors import BusError, ConfigError, NodefixError
from nodefix.events import WARNING
from nodefix.facts.kubeproxy_pod import read_kube_proxy
from nodefix.facts.system import boot_id
from nodefix.host.kubelets import kubelets, spoken
from nodefix.host.lock import LOCK_SECONDS, restart_lock, run_lock
from nodefix.host.node import Host, open_host
from nodefix.journal import Journal
from nodefix.live import kept
from nodefix.live.after import part_of, within
from nodefix.live.kept import is_another
from nodefix.live.later import degraded, restarted
from nodefix.live.restart import SECONDS, UP_SECONDS, known, restart
from nodefix.live.sight import Intent, Sight, look, plan
from nodefix.messages import finished_record, in_words, note_record, stage_records
from nodefix.plan import Problem
from nodefix.report import StageReport
from nodefix.settle import settle
from nodefix.store import ReportFiles
from nodefix.terminal import is_root, tell
from nodefix.words import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_NOT_ROOT,
    EXIT_USAGE,
    EXIT_WOULD_CHANGE,
    KUBE_PROXY,
    KUBELET,
    KUBELET_UNITS,
    UNIT,
)

HELP = "restart this node's kube-proxy and wait until it is up"
STATUSES = {
    EXIT_DONE: "it was restarted and is up, or there is nothing to restart",
    EXIT_FAILED: "it could not be restarted, or did not stay up",
    EXIT_WOULD_CHANGE: "with --dry-run: it would be restarted",
    EXIT_USAGE: "the command line or the settings are not valid",
    EXIT_NOT_ROOT: "not root",
}

# Why it is done, where a run does not say.
_BY_HAND = "asked for by `nodefix restart-kube-proxy`"
_NONE = Problem("found no kube-proxy on this node, expected one", "")


def options(parser: ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--dry-run", action="store_true", help="print what would be done, change nothing"
    )


def main(options: Namespace, arguments: list[str]) -> int:
    """Restart it as the options say."""
    if not is_root(arguments):
        return EXIT_NOT_ROOT
    root = Path("/")
    try:
        host, journal = _open_host(root)
        settled = settle(host, load(root))
        if settled.config.kube_proxy == "none":
            print(f"nothing to restart: {settled.said.notes[0]}")
            return EXIT_DONE
        if problem := _hindered(host, dry_run=options.dry_run):
            return _not_done(problem)
        if options.dry_run:
            return _dry_run(host)
        try:
            return _restart(host, settled.config, journal)
        finally:
            journal.close()
    except NodefixError as error:
        _tell(Problem(error.message, error.hint))
        return EXIT_USAGE if isinstance(error, ConfigError) else EXIT_FAILED
    except BrokenPipeError:
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _tell(Problem(f"{where}{error.strerror or error}", "df -h /run; ls -ldZ /run/nodefix"))
        return EXIT_FAILED


def _open_host(root: Path) -> tuple[Host, Journal]:
    host = open_host(root)
    # What it says to people it prints itself.
    return host, Journal(host.systemd, io.StringIO())


def _hindered(host: Host, *, dry_run: bool) -> Problem | None:
    """Why it cannot be restarted now; the remedy of a dry run restarts nothing.

    Raises:
        BusError: whether kubelet is up cannot be told.
    """
    units = host.systemd.active_units(KUBELET_UNITS)
    if units:
        unit = part_of(units)
        if unit and dry_run:
            return within(unit)._replace(hint=f"systemctl status {unit}")
        return within(unit) if unit else None
    there = kubelets(f"{host.root}/")
    return Problem(
        f"kube-proxy was not restarted: found {spoken(there)} down, expected it to be up,"
        " since it starts kube-proxy again",
        f"systemctl status {' '.join(there or (KUBELET,))}; nodefix wait --timeout 0",
    )


def _dry_run(host: Host) -> int:
    """Say what it comes to."""
    sight = look(host)
    intent = plan(sight, dry_run=True)
    if not isinstance(intent, Intent):
        return _not_done(intent or _NONE)
    words = f"{intent.words}{_where(sight)}"
    print(f"would {words}, and wait at most {SECONDS:g} s for a new kube-proxy")
    return EXIT_WOULD_CHANGE


def _restart(host: Host, config: Config, journal: Journal) -> int:
    """Do it, one at a time; the run lock is taken only to write down what came of it.

    Raises:
        NodefixError: it is being restarted by somebody else, who takes long.
        OSError: no lock can be made.
    """
    before = known(Sight(read_kube_proxy(host)))
    with restart_lock(host.root, LOCK_SECONDS) as has_waited:
        sight = look(host)
        # One that crashes again and again is another, too.
        if has_waited and is_another(sight.proxy, before):
            print("kube-proxy was started anew by somebody else meanwhile")
            return EXIT_DONE
        intent = plan(sight)
        if not isinstance(intent, Intent):
            return _not_done(intent or _NONE)
        tell(f"restarting kube-proxy{_where(sight)}, for at most {SECONDS:g} s")
        due, begun = kept.recall(host.root), time.monotonic()
        done = restart(host, sight, intent, time.sleep)
        if not done.problem:
            kept.forget(host.root, due)
    report = degraded(done.problem) if done.problem else restarted(_BY_HAND, done.how)
    usec = round((time.monotonic() - begun) * 1_000_000)
    was_wrong = _record(host, config, journal, report._replace(duration_usec=usec).bounded())
    if done.problem:
        return _not_done(done.problem)
    where, how = _where(sight), done.how
    print(f"kube-proxy was restarted{where} ({how}) and has been up for {UP_SECONDS:g} s")
    if was_wrong:
        _look_again(host)
    return EXIT_DONE


def _where(sight: Sight) -> str:
    return f" on node {sight.node}" if sight.node else ""


def _record(host: Host, config: Config, journal: Journal, report: StageReport) -> bool:
    """Tell it as a run does that restarts it, in report and journal.

    Returns:
        Whether the last run complained of it.
    """
    last = ReportFiles(host.root).earlier(boot_id(host.root)).stages.get(KUBE_PROXY)
    for record in stage_records(report):
        journal.send(record)
    try:
        with run_lock(host.root, LOCK_SECONDS):
            ran = complete(host, report)
    except (NodefixError, OSError) as error:
        tell(f"`nodefix status` does not tell it: {error}")
        tell("  to have it do so: systemctl restart nodefix")
        return False
    if has_ended(ran):
        usec = report.duration_usec
        journal.send(finished_record(ran.outcome, ran.stages, usec, ran.kubelet))
        for said in tell_around(host.root, config, ran):
            journal.send(note_record(said, WARNING))
    return last is not None and bool(last.problems)


def _look_again(host: Host) -> None:
    """Have nodefix.service see that what its last run complained about is mended.

    What `systemctl status` shows of it only that service itself can say.
    """
    try:
        host.systemd.restart_if_active(UNIT)
    except BusError as error:
        tell(f"systemd could not be asked for another run: {error.message}")
        tell("  to have `systemctl status nodefix` tell this: systemctl restart nodefix")


def _not_done(problem: Problem) -> int:
    _tell(problem)
    return EXIT_FAILED


def _tell(problem: Problem) -> None:
    tell(f"nodefix: {in_words(problem)}")
