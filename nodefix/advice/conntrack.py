"""The kernel's table of connections is nearly full.

kube-proxy sets its size at each start, from `conntrack` in its configuration: kubernetes
pkg/proxy/conntrack/sysctls.go; https://github.com/kubernetes/kubernetes/issues/71261.
"""

from __future__ import annotations

from nodefix.advice.finding import Advice
from nodefix.config import Config
from nodefix.facts.conntrack import Table, read_table
from nodefix.host.node import Host

NAME = "conntrack"


def read(host: Host, config: Config) -> Table | None:
    """Read how full it is; None where there is none, which stage modules tells."""
    try:
        return read_table(host)
    except FileNotFoundError:
        return None


def judge(table: Table | None) -> tuple[Advice, ...]:
    """A full table drops new connections of all pods, and only the kernel's log says so."""
    if table is None or not table.is_nearly_full:
        return ()
    return (
        Advice(
            "conntrack-nearly-full",
            f"net.netfilter.nf_conntrack_max: found {table.most} where {table.words}, expected room"
            " for new connections",
            "A full table drops each new connection, of pods and of the node. The fix lasts until"
            " kube-proxy starts again; conntrack.min in its configuration lasts.",
            f"sysctl -w net.netfilter.nf_conntrack_max={2 * table.most}",
        ),
    )
