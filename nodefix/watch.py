"""`nodefix watch`: bring the chains back when firewalld has wiped them.

`firewall-cmd --reload` flushes all tables of iptables (FlushAllOnReload=yes in firewalld.conf(5))
and is no job of systemd's, so nodefix-chains.service learns of it from here.
"""

from __future__ import annotations

from nodefix.systemd import Systemd

CHAINS_UNIT = "nodefix-chains.service"

# firewalld.dbus(5)
_NAME = "org.fedoraproject.FirewallD1"
_RELOADED = "Reloaded"


def watch(systemd: Systemd) -> None:
    """Run nodefix-chains.service at each reload of firewalld, until the bus goes away.

    Raises:
        BusError: there is no bus (any more).
    """
    systemd.at_signal(_NAME, _NAME, _RELOADED, lambda: systemd.restart_unit(CHAINS_UNIT))
