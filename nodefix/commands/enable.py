"""`nodefix enable`: switch nodefix on again, and have it run."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from nodefix.commands.disable import LOOK
from nodefix.errors import BusError
from nodefix.host.systemd import Systemd
from nodefix.host.writing import remove
from nodefix.switch import Kind, kind_of_switch, on_command_line, read_switch
from nodefix.terminal import is_root, tell
from nodefix.words import (
    CHAINS_INSTANCE,
    EXIT_DEGRADED,
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_NOT_ROOT,
    EXIT_USAGE,
    FIREWALLS,
    SWITCH,
    UNIT,
    WATCH_UNIT,
)

HELP = "switch nodefix on again, and run it"
STATUSES = {
    EXIT_DONE: "nodefix is switched on",
    EXIT_FAILED: "it could not be",
    EXIT_DEGRADED: "it is, but the kernel's command line switches it off for this boot",
    EXIT_USAGE: "the command line is not valid",
    EXIT_NOT_ROOT: "not root",
}


def options(parser: ArgumentParser) -> None:
    """Add the options of this command: it has none."""


def main(options: Namespace, arguments: list[str]) -> int:
    """Switch it on."""
    if not is_root(arguments):
        return EXIT_NOT_ROOT
    return enable(Path("/"), Systemd())


def enable(root: Path, systemd: Systemd) -> int:
    """Take the switch away and start what it has kept from starting.

    Returns:
        The exit status; degraded where the kernel's command line keeps it off for this boot.
    """
    was_off = kind_of_switch(root) != Kind.MISSING
    if was_off and (problem := _switch_on(root)):
        tell(f"nodefix: {problem}")
        return EXIT_FAILED
    if not was_off:
        tell(f"nodefix is not switched off: there is no /{SWITCH}")
    if word := on_command_line(f"{root}/"):
        tell(f"nodefix: it stays switched off by {word.in_words}; have it run now: nodefix run")
        return EXIT_DEGRADED
    try:
        # What was active before it was switched off has not looked at the node since.
        (systemd.restart_unit if was_off else systemd.start_unit)(UNIT)
        _start_beside_firewalls(systemd)
    except BusError as error:
        tell(f"nodefix: not all of its units could be started: {error.message}\n  {_fix(error)}")
        return EXIT_FAILED
    tell(f"{UNIT} is started; how it goes: nodefix status --wait")
    return EXIT_DONE


def _fix(error: BusError) -> str:
    if "UnitMasked" in error.message or "is masked" in error.message:
        return f"fix: systemctl unmask {UNIT} && systemctl start nodefix"
    return f"fix: {error.hint}; systemctl start nodefix"


def _switch_on(root: Path) -> str:
    """Take away whatever stands in the switch's place; why it could not be, with the remedy."""
    there = read_switch(f"{root}/")
    try:
        remove(root / SWITCH)
    except OSError as error:
        if kind_of_switch(root) == Kind.FOLDER:
            look = f"mv /{SWITCH} /{SWITCH}.saved && nodefix enable"
            return (
                f"/{SWITCH}: found a directory that is not empty; it is left alone\n  fix: {look}"
            )
        why = error.strerror or error
        return f"/{SWITCH} could not be removed: {why}\n  see: lsattr /{SWITCH}; {LOOK}"
    tell(f"nodefix is switched on again; it was off by {there.in_words if there else SWITCH}")
    return ""


def _start_beside_firewalls(systemd: Systemd) -> None:
    """What keeps the chains while firewalls are reloaded: the switch kept these off at boot, too.

    Raises:
        BusError: systemd did not take it.
    """
    for firewall in systemd.active_units(FIREWALLS):
        name = firewall.removesuffix(".service")
        beside = [CHAINS_INSTANCE.format(name)]
        beside += [WATCH_UNIT] if name == "firewalld" else []
        for unit in beside:
            # One that an admin has disabled stays down.
            if systemd.service_state(unit).file_state == "enabled":
                systemd.start_unit(unit)
