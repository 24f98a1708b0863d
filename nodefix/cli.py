"""The command line; the only module that exits and that decides on exit statuses."""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path
    from typing import NoReturn

    from nodefix.config import Config
    from nodefix.facts.system import Scope
    from nodefix.host import Host
    from nodefix.journal import Journal, Record

DONE, FAILED, DEGRADED, WOULD_CHANGE, USAGE, NOT_ROOT = 0, 1, 2, 3, 64, 77

_LOCK_SECONDS = 30.0


def main(arguments: list[str]) -> int:
    """Run nodefix.

    Args:
        arguments: without the program's name.

    Returns:
        The exit status: 0 done, 1 a required stage failed, 2 done but degraded, 3 a dry run found
        something to change, 64 bad usage or configuration, 77 not root.
    """
    try:
        # kubelet's way and the unit's, without argparse: it alone would double the time of the
        # first.
        if arguments == ["wait"]:
            return _wait(None)
        if arguments == ["run"]:
            return _run(arguments)
        options = _parse(arguments)
        if options.command == "wait":
            return _wait(options.timeout)
        if options.command == "watch":
            return _watch(arguments)
        return _run(arguments, options.dry_run, options.force, options.stage)
    except KeyboardInterrupt:
        _tell("nodefix: interrupted; what was begun is finished by: nodefix run")
    except BrokenPipeError:
        # The reader of a dry run went away; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return FAILED


def _tell(text: str) -> None:
    """Print to standard error, if it is there."""
    from nodefix.words import harmless

    if sys.stderr is not None:
        try:
            print(harmless(text), file=sys.stderr, flush=True)
        except (OSError, ValueError):
            return


def _parse(arguments: list[str]) -> argparse.Namespace:
    import argparse

    from nodefix import __version__
    from nodefix.config import STAGE_NAMES

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            _tell(f"{self.format_usage()}{self.prog}: {message}\n  see: {self.prog} --help")
            self.exit(USAGE)

    parser = Parser("nodefix", description="Prepare this node for kubelet and kube-proxy.")
    parser.add_argument("--version", action="version", version=f"nodefix {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="bring the node in order, as at every boot")
    run.add_argument("--dry-run", action="store_true", help="print the plan, change nothing")
    run.add_argument(
        "--stage",
        action="append",
        default=[],
        choices=STAGE_NAMES,
        help="run this stage only; can be given several times",
    )
    run.add_argument(
        "--force", action="store_true", help="also on systems that are not RHEL-family 10 or later"
    )
    wait = commands.add_parser("wait", help="wait until the node is ready for kubelet")
    wait.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="how long (default: 60)")
    commands.add_parser("watch", help="bring the chains back at each reload of firewalld")
    return parser.parse_args(arguments)


def _seconds(text: str) -> float:
    import argparse

    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86400:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected seconds from 0 to 86400")
    return seconds


def _wait(timeout: float | None) -> int:
    from nodefix import gate

    reason = gate.wait("/", gate.DEFAULT_TIMEOUT if timeout is None else timeout)
    if reason:
        _tell(_for_the_journal(reason))
    return FAILED if reason else DONE


def _for_the_journal(reason: str) -> str:
    """The reason, or one line where the journal has it already; a person gets all of it."""
    from pathlib import Path

    from nodefix import journal
    from nodefix.paths import TOLD_BY_WAIT
    from nodefix.told import briefly

    # Not by INVOCATION_ID: a login shell on the console has its getty's.
    if not journal.goes_to_journal(sys.stderr, os.environ):
        return reason
    return briefly(Path("/") / TOLD_BY_WAIT, reason, "nodefix wait --timeout 0")


def _is_root(arguments: list[str]) -> bool:
    if os.geteuid() == 0:
        return True
    import shlex

    _tell(
        "nodefix: found an ordinary user, expected root\n"
        f"  try: {shlex.join(['sudo', 'nodefix', *arguments])}"
    )
    return False


def _watch(arguments: list[str]) -> int:
    from nodefix.errors import NodefixError
    from nodefix.systemd import Systemd
    from nodefix.watch import watch

    if not _is_root(arguments):
        return NOT_ROOT
    try:
        watch(Systemd())
    except NodefixError as error:
        _tell(f"nodefix: {error.message}")
    return FAILED


def _run(
    arguments: list[str], dry_run: bool = False, force: bool = False, names: Sequence[str] = ()
) -> int:
    from pathlib import Path

    from nodefix.config import load
    from nodefix.errors import ConfigError, NodefixError
    from nodefix.facts.system import Scope, read_scope
    from nodefix.records import broken_off_record, not_run_record
    from nodefix.report import ReportFiles

    if not _is_root(arguments):
        return NOT_ROOT
    # A run is short: collecting garbage would cost a tenth of it and free next to nothing.
    gc.disable()
    root = Path("/")
    host, journal = _open_host(root)
    scope = None
    try:
        config = load(root)
        scope = read_scope(root)
        if force or config.scope == "force":
            scope = Scope(True, f"{scope.reason}; forced")
        if dry_run:
            return _dry_run(host, config, scope, names)
        return _real_run(host, config, scope, journal, names)
    except NodefixError as error:
        _tell_once(root, journal, not_run_record(error), "nodefix run --dry-run")
        return USAGE if isinstance(error, ConfigError) else FAILED
    except BrokenPipeError:
        raise
    except OSError as error:
        record = broken_off_record(error, _kubelet_now(root, scope), ReportFiles(root).obstacle())
        _tell_once(root, journal, record, "systemctl status nodefix")
        return FAILED
    finally:
        journal.close()


def _tell_once(root: Path, journal: Journal, record: Record, whole: str) -> None:
    """Tell why no stage was run, or not all; `whole` is the command that shows all of it."""
    from nodefix import patience
    from nodefix.paths import TOLD_BY_RUN
    from nodefix.told import briefly

    patience.notify_status(f"failed: {record.message}")
    if not journal.prints:
        record = record._replace(message=briefly(root / TOLD_BY_RUN, record.message, whole))
    journal.send(record)


def _kubelet_now(root: Path, scope: Scope | None) -> str:
    """What becomes of kubelet after a run that was broken off, in words."""
    from nodefix.facts.system import boot_id
    from nodefix.gate import is_switched_off
    from nodefix.records import LET_GO
    from nodefix.report import ReportFiles

    if is_switched_off(f"{root}/"):
        return LET_GO
    if scope and not scope.inside:
        return "kubelet may start on a system like this one"
    if ReportFiles(root).is_open(boot_id(root)):
        return "the node stays ready as the run before found it"
    return "kubelet is held"


def _open_host(root: Path) -> tuple[Host, Journal]:
    from nodefix.commands import Commands
    from nodefix.host import Host
    from nodefix.journal import Journal
    from nodefix.systemd import Systemd

    systemd = Systemd()
    return Host(root, Commands(), systemd), Journal(systemd)


def _real_run(
    host: Host, config: Config, scope: Scope, journal: Journal, names: Sequence[str]
) -> int:
    from nodefix import engine
    from nodefix.files import sweep
    from nodefix.lock import run_lock
    from nodefix.patience import notify_status
    from nodefix.records import note_record

    with run_lock(host.root, _LOCK_SECONDS):
        for path in sweep(host.root):
            journal.send(note_record(f"{path}: took away what a run that was killed left"))
        for path in config.passed_over:
            note = f"{path}: passed over, expected a name that ends in .yaml or .yml"
            journal.send(note_record(note))
        outcome = engine.run(host, config, scope, journal, names, notify=notify_status)
    return {"failed": FAILED, "degraded": DEGRADED}.get(outcome, DONE)


def _dry_run(host: Host, config: Config, scope: Scope, names: Sequence[str]) -> int:
    from nodefix import engine
    from nodefix.records import plan_in_words

    if not scope.inside:
        print(f"nothing to do on this system: {scope.reason}")
        return DONE
    plans = engine.dry_run(host, config, names)
    print(plan_in_words(plans))
    if any(plan.problems for plan in plans.values()):
        return FAILED
    return WOULD_CHANGE if any(plan.changes for plan in plans.values()) else DONE
