"""The kernel's table of connections, which kube-proxy's NAT goes through.

Source: https://docs.kernel.org/networking/nf_conntrack-sysctl.html.
"""

from __future__ import annotations

from typing import NamedTuple

from nodefix.errors import UnclearError
from nodefix.host.node import Host

CONNTRACK_MAX = "/proc/sys/net/netfilter/nf_conntrack_max"
_COUNT = "/proc/sys/net/netfilter/nf_conntrack_count"
# The part of the table from which on a burst may fill it.
_NEARLY = 0.9


class Table(NamedTuple):
    """How full it is.

    Attributes:
        used: connections in it.
        most: how many it takes; 0 for any number.
    """

    used: int
    most: int

    @property
    def is_nearly_full(self) -> bool:
        """Whether new connections are dropped, or soon may be."""
        return self.most > 0 and self.used >= self.most * _NEARLY

    @property
    def words(self) -> str:
        """For people."""
        return f"{self.used} of {self.most} entries are in use"


def read_table(host: Host) -> Table:
    """Read both numbers.

    Raises:
        OSError: one cannot be read; not there without the module nf_conntrack.
        UnclearError: one is no number.
    """
    return Table(_number(host, _COUNT), _number(host, CONNTRACK_MAX))


def _number(host: Host, file: str) -> int:
    text = host.read(file, 64).decode("ascii", "replace").strip()
    if not text.isdecimal():
        raise UnclearError(f"{file}: found {text!r}, expected a number", f"cat {file}")
    return int(text)
