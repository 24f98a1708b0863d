"""`nodefix run`: bring the node in order, as at every boot; or show what that would change."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from nodefix import engine, events
from nodefix.config import Config, load
from nodefix.errors import BusError, ConfigError, NodefixError
from nodefix.events import Record
from nodefix.facts.system import Scope, boot_id, read_scope
from nodefix.gate import is_switched_off
from nodefix.host import patience
from nodefix.host.kubelets import holder, kubelets
from nodefix.host.lock import AGAIN_SECONDS, LOCK_SECONDS, Lock, run_lock
from nodefix.host.node import Host, open_host
from nodefix.host.writing import sweep
from nodefix.journal import Journal
from nodefix.messages import (
    aborted_record,
    is_held,
    let_go,
    may_start,
    not_run_record,
    note_record,
    plan_in_words,
)
from nodefix.report import StageReport
from nodefix.settle import settle
from nodefix.store import ReportFiles
from nodefix.terminal import add_stage, is_root, is_watched
from nodefix.told import briefly
from nodefix.words import (
    CHAINS_UNIT,
    DEGRADED,
    EXIT_DEGRADED,
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_NOT_ROOT,
    EXIT_USAGE,
    EXIT_WOULD_CHANGE,
    FAILED,
    KUBELET_UNITS,
    TOLD_BY_RUN,
    UNIT,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

# What the switch keeps from being started; systemd.unit(5) ConditionPathExists=.
_UNITS = (UNIT, CHAINS_UNIT)

HELP = "prepare the node, as at every boot"
STATUSES = {
    EXIT_DONE: "done; with --dry-run nothing would be changed",
    EXIT_FAILED: "a required stage failed, or the run could not begin; with --dry-run something is"
    " wrong that a run cannot fix",
    EXIT_DEGRADED: "done, but degraded",
    EXIT_WOULD_CHANGE: "with --dry-run: something would be changed",
    EXIT_USAGE: "the command line or the settings are not valid, and nothing was changed",
    EXIT_NOT_ROOT: "not root",
}


def options(parser: ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--dry-run", action="store_true", help="print the plan, change nothing")
    add_stage(parser, "run this stage only")
    parser.add_argument(
        "--force", action="store_true", help="also on systems that are not RHEL-family 10 or later"
    )


def main(options: Namespace, arguments: list[str]) -> int:
    """Run as the options say."""
    return run(arguments, options.dry_run, options.force, options.stage)


def run(
    arguments: Sequence[str] = ("run",),
    dry_run: bool = False,
    force: bool = False,
    names: Sequence[str] = (),
) -> int:
    """Run the stages, or plan them, and say what became of it.

    Args:
        arguments: the words that were typed.
        dry_run: change nothing.
        force: run outside the scope, too.
        names: the stages; all if empty.

    Returns:
        The exit status.
    """
    if not is_root(list(arguments)):
        return EXIT_NOT_ROOT
    root = Path("/")
    host, journal = _open_host(root)
    scope = None
    status = EXIT_FAILED
    try:
        config = load(root)
        scope = read_scope(root)
        if force or config.is_forced:
            scope = Scope(True, f"{scope.reason}; forced")
        if dry_run:
            return _dry_run(host, config, scope, names)
        status = _real_run(host, config, scope, journal, names)
        return status
    except NodefixError as error:
        _tell_once(root, journal, not_run_record(error), "nodefix run --dry-run")
        return EXIT_USAGE if isinstance(error, ConfigError) else EXIT_FAILED
    except BrokenPipeError:
        raise
    except OSError as error:
        record = aborted_record(error, _kubelet_now(root, scope), ReportFiles(root).obstacle())
        _tell_once(root, journal, record, "systemctl status nodefix")
        return EXIT_FAILED
    finally:
        # kubelet is started when the unit's own process has ended. A run that failed has time; so
        # has that of another unit, whose end takes a child along.
        journal.close(beside=status != EXIT_FAILED and holder(f"{root}/") == UNIT)


def _tell_once(root: Path, journal: Journal, record: Record, whole: str) -> None:
    """Tell why no stage was run, or not all; `whole` is the command that shows all of it."""
    patience.notify_status(f"failed: {record.message}")
    if not journal.prints:
        record = record._replace(message=briefly(root / TOLD_BY_RUN, record.message, whole))
    journal.send(record)


def _kubelet_now(root: Path, scope: Scope | None) -> str:
    """What becomes of kubelet after a run that was aborted, in words."""
    units = kubelets(f"{root}/")
    if is_switched_off(f"{root}/"):
        return let_go(units)
    if scope and not scope.inside:
        return f"{may_start(units)} on a system like this one"
    if ReportFiles(root).is_open(boot_id(root)):
        return "the node stays ready, as the previous run found it"
    return is_held(units)


def _open_host(root: Path) -> tuple[Host, Journal]:
    host = open_host(root)
    return host, Journal(host.systemd)


def _real_run(
    host: Host, config: Config, scope: Scope, journal: Journal, names: Sequence[str]
) -> int:
    with run_lock(host.root, LOCK_SECONDS) as lock:
        if is_switched_off(f"{host.root}/") and holder(f"{host.root}/") in _UNITS:
            return _leave_it(host.root, journal)
        for path in sweep(host.root):
            journal.send(note_record(f"{path}: removed a temporary file that a killed run left"))
        for path in config.ignored:
            note = f"{path}: ignored, expected a name that ends in .yaml or .yml"
            journal.send(note_record(note))
        outcome = engine.run(
            host,
            config,
            scope,
            journal,
            names,
            notify=patience.notify_status,
            after=_after(host, scope, journal),
            let_go=lambda: _let_go(lock, journal),
        )
    return {FAILED: EXIT_FAILED, DEGRADED: EXIT_DEGRADED}.get(outcome, EXIT_DONE)


def _leave_it(root: Path, journal: Journal) -> int:
    """Look at nothing: systemd has seen no switch, and a rollback may have gone before.

    A person who types `nodefix run` means it.
    """
    from nodefix.switch import read_switch

    switch = read_switch(f"{root}/")
    by = f": {switch.in_words}" if switch else ""
    patience.notify_status("switched off")
    words = f"nodefix was switched off after this run had been started{by}; no stage was run"
    journal.send(note_record(words, events.NOTICE))
    return EXIT_DONE


@contextlib.contextmanager
def _let_go(lock: Lock, journal: Journal) -> Iterator[None]:
    """Let other runs have the run lock meanwhile, and nodefix's name on the bus."""
    journal.rest()
    with lock.let_go(AGAIN_SECONDS):
        yield


def _after(host: Host, scope: Scope, journal: Journal) -> engine.After:
    """kube-proxy's restart; at boot, before kubelet, nothing of it is even imported."""

    def after(
        config: Config, before: Mapping[str, StageReport], now: Mapping[str, StageReport]
    ) -> engine.Work | None:
        # The chains alone, after a reload of a firewall: kube-proxy heals them by itself.
        if not {"modules", "alternatives"} & now.keys():
            return None
        try:
            units = host.systemd.active_units(KUBELET_UNITS)
        except BusError:
            return None
        if not units:
            return None
        from nodefix.live.after import after_run
        from nodefix.meanwhile import meanwhile

        goes_on = meanwhile(host, config, scope, journal)
        if is_watched():
            # A person has one node before them, and waits for it.
            config = config._replace(kube_proxy_restart_spread=0)
        return lambda: after_run(host, config, units, before, now, goes_on)

    return after


def _dry_run(host: Host, config: Config, scope: Scope, names: Sequence[str]) -> int:
    if not scope.inside:
        print(f"nothing to do on this system: {scope.reason}")
        return EXIT_DONE
    from nodefix.foresight import foresee

    plans = foresee(host, settle(host, config), names)
    print(plan_in_words(plans))
    if any(plan.problems for plan in plans.values()):
        return EXIT_FAILED
    return EXIT_WOULD_CHANGE if any(plan.changes for plan in plans.values()) else EXIT_DONE
