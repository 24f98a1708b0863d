"""`nodefix disable`: switch nodefix off, from the next start of its service on or at once."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from nodefix.config import metrics_files
from nodefix.errors import BusError
from nodefix.host.kubelets import kubelets, spoken
from nodefix.host.systemd import Systemd
from nodefix.switch import Kind, kind_of_switch, read_switch, write_switch
from nodefix.terminal import is_root, tell
from nodefix.text import one_line
from nodefix.words import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_NOT_ROOT,
    EXIT_USAGE,
    KUBELET,
    SWITCH,
    SWITCH_ARGUMENT,
    UNIT,
)

HELP = "switch nodefix off, so that it neither acts nor holds kubelet"
STATUSES = {
    EXIT_DONE: "nodefix is switched off",
    EXIT_FAILED: "it could not be",
    EXIT_USAGE: "the command line is not valid",
    EXIT_NOT_ROOT: "not root",
}

LOOK = "ls -ldZ /etc/nodefix; lsattr -d /etc/nodefix; findmnt -T /etc/nodefix; df -h /etc"


def options(parser: ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--now", action="store_true", help="also let a kubelet go that is held already"
    )
    parser.add_argument(
        "--reason", default="", metavar="TEXT", help="why; status and kubelet's journal show it"
    )


def main(options: Namespace, arguments: list[str]) -> int:
    """Switch it off."""
    if not is_root(arguments):
        return EXIT_NOT_ROOT
    return disable(Path("/"), Systemd(), options.reason, options.now)


def disable(root: Path, systemd: Systemd, reason: str, now: bool) -> int:
    """Write the switch, and end the pause of a run that kubelet waits for.

    Args:
        root: the node's root.
        systemd: its service manager.
        reason: why, in the admin's words; empty if there are none.
        now: whether to restart the service, too.

    Returns:
        The exit status.
    """
    if problem := _switch_off(root, one_line(reason)):
        tell(f"nodefix: {problem}")
        return EXIT_FAILED
    units = kubelets(f"{root}/")
    if not now:
        tell(f"  where {spoken(units)} is held already: nodefix disable --now")
        return EXIT_DONE
    try:
        systemd.restart_unit(UNIT)
    except BusError as error:
        tell(
            f"nodefix: {UNIT} could not be restarted: {error.message}\n"
            f"  the next try of {spoken(units)} goes through all the same; to have it at once:"
            f" systemctl restart {' '.join(units or (KUBELET,))}"
        )
        return EXIT_FAILED
    tell(f"  where {spoken(units)} is held: its next try, within ten seconds, goes through")
    return EXIT_DONE


def _switch_off(root: Path, reason: str) -> str:
    """Write the switch where it does not say so already; why it could not be, with the remedy."""
    kind = kind_of_switch(root)
    there = read_switch(f"{root}/")
    if kind == Kind.DANGLING:
        return (
            f"/{SWITCH}: found a link that leads nowhere, which {UNIT} does not heed\n"
            f"  fix: rm /{SWITCH} && nodefix disable"
        )
    if kind != Kind.MISSING and there and (kind != Kind.OURS or reason in ("", there.reason)):
        tell(f"nodefix is switched off already by {there.in_words}")
        if reason and reason != there.reason:
            tell("  it is left as it is; for another reason: nodefix enable, then nodefix disable")
        return ""
    try:
        switch = write_switch(root, reason, metrics_files(root))
    except OSError as error:
        return (
            f"/{SWITCH} could not be written: {error.strerror or error}\n  see: {LOOK}\n"
            f"  for one boot the kernel's argument {SWITCH_ARGUMENT} does the same"
        )
    tell(f"nodefix is switched off by {switch.in_words}\n  to switch it on again: nodefix enable")
    return ""
