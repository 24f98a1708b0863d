"""`nodefix watch`: restore the chains when firewalld has wiped them.

`firewall-cmd --reload` flushes all tables of iptables: firewalld 1.3 always, 2.3 where there are
direct rules (may_skip_flush_direct_backends() of its src/firewall/core/fw.py). It is no job of
systemd's, so nodefix-chains.service learns of it from here.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from nodefix.errors import NodefixError
from nodefix.host.systemd import Systemd
from nodefix.terminal import is_root, tell
from nodefix.words import CHAINS_UNIT, EXIT_FAILED, EXIT_NOT_ROOT, EXIT_USAGE

HELP = "restore the chains after each reload of firewalld"
STATUSES = {
    EXIT_FAILED: "the bus went away",
    EXIT_USAGE: "the command line is not valid",
    EXIT_NOT_ROOT: "not root",
}

# firewalld.dbus(5)
_NAME = "org.fedoraproject.FirewallD1"
_RELOADED = "Reloaded"


def options(parser: ArgumentParser) -> None:
    """Add the options of this command: it has none."""


def main(options: Namespace, arguments: list[str]) -> int:
    """Watch until the bus goes away."""
    if not is_root(arguments):
        return EXIT_NOT_ROOT
    try:
        watch(Systemd())
    except NodefixError as error:
        tell(f"nodefix: {error.message}")
    return EXIT_FAILED


def watch(systemd: Systemd) -> None:
    """Run nodefix-chains.service at each reload of firewalld, until the bus goes away.

    Raises:
        BusError: there is no bus (any more).
    """
    systemd.at_signal(_NAME, _NAME, _RELOADED, lambda: systemd.restart_unit(CHAINS_UNIT))
