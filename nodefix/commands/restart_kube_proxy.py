"""`nodefix restart-kube-proxy`: restart this node's kube-proxy, and no other node's."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from nodefix.config import load
from nodefix.errors import BusError, ConfigError, NodefixError
from nodefix.facts.system import boot_id
from nodefix.host.kubelets import kubelets, spoken
from nodefix.host.lock import LOCK_SECONDS, run_lock
from nodefix.host.node import Host, open_host
from nodefix.live import kept
from nodefix.live.after import part_of, within
from nodefix.live.restart import SECONDS, UP_SECONDS, restart
from nodefix.live.sight import look, plan
from nodefix.messages import in_words
from nodefix.plan import Problem
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
        host = open_host(root)
        settled = settle(host, load(root))
        if settled.config.kube_proxy == "none":
            print(f"nothing to restart: {settled.said.notes[0]}")
            return EXIT_DONE
        if options.dry_run:
            return _restart(host, dry_run=True)
        with run_lock(root, LOCK_SECONDS):
            status = _restart(host, dry_run=False)
        if status == EXIT_DONE:
            _look_again(host)
        return status
    except NodefixError as error:
        _tell(Problem(error.message, error.hint))
        return EXIT_USAGE if isinstance(error, ConfigError) else EXIT_FAILED
    except BrokenPipeError:
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _tell(Problem(f"{where}{error.strerror or error}", "df -h /run; ls -ldZ /run/nodefix"))
        return EXIT_FAILED


def _restart(host: Host, dry_run: bool) -> int:
    """Do it, or say what it comes to.

    Raises:
        BusError: whether kubelet is up cannot be told.
    """
    units = host.systemd.active_units(KUBELET_UNITS)
    if not units:
        there = kubelets(f"{host.root}/")
        return _not_done(
            Problem(
                f"kube-proxy was not restarted: found {spoken(there)} down, expected it to be up,"
                " since it starts kube-proxy again",
                f"systemctl status {' '.join(there or (KUBELET,))}; nodefix wait --timeout 0",
            )
        )
    if unit := part_of(units):
        return _not_done(within(unit))
    sight = look(host)
    intent = plan(sight)
    if intent is None:
        return _not_done(Problem("found no kube-proxy on this node, expected one", ""))
    if isinstance(intent, Problem):
        return _not_done(intent)
    where = f" on node {sight.node}" if sight.node else ""
    if dry_run:
        print(f"would {intent.words}{where}, and wait at most {SECONDS:g} s for a new kube-proxy")
        return EXIT_WOULD_CHANGE
    tell(f"restarting kube-proxy{where}, for at most {SECONDS:g} s")
    done = restart(host, sight, intent)
    if done.problem:
        return _not_done(done.problem)
    kept.forget(host.root)
    print(f"kube-proxy was restarted{where} ({done.how}) and has been up for {UP_SECONDS:g} s")
    return EXIT_DONE


def _look_again(host: Host) -> None:
    """Have nodefix.service see that what its last run complained about is mended."""
    last = ReportFiles(host.root).earlier(boot_id(host.root)).stages.get(KUBE_PROXY)
    if last is None or not last.problems:
        return
    try:
        host.systemd.restart_if_active(UNIT)
    except BusError as error:
        tell(f"systemd could not be asked for another run: {error.message}")
        tell("  to have `nodefix status` tell this: systemctl restart nodefix")


def _not_done(problem: Problem) -> int:
    _tell(problem)
    return EXIT_FAILED


def _tell(problem: Problem) -> None:
    tell(f"nodefix: {in_words(problem)}")
