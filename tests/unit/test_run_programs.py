"""How many programs a run starts: at most ten for the first of a boot, five where all is well."""

from __future__ import annotations

from fakehost import Node, settled
from netfilter import RESTORE4, RESTORE6, Tables
from netprobe import UNSHARE, Probe

from nodefix.converge import run_stage
from nodefix.facts.conntrack import CONNTRACK_MAX
from nodefix.host.netfilter import Netfilter
from nodefix.stages import chains, modules

PROBES, LISTINGS = [UNSHARE] * 2, [RESTORE4, RESTORE6]


class Kernel(Netfilter):
    """What the kernel says of the tables that iptables-nft-restore changes."""

    def __init__(self, tables: dict[str, Tables]) -> None:
        self._tables = tables

    def hook(self, family: str, table: str, chain: str) -> str | None:
        """A chain's, as the stand-in for nft lists it."""
        found = self._tables[family]
        if (table, chain) not in found.chains:
            return None
        return found.hook_of(table, chain)

    def is_dormant(self, family: str, table: str) -> bool:
        """Whether it has the flag."""
        return table in self._tables[family].dormant


def programs(node: Node) -> list[str]:
    """What the stages modules and chains start; alternatives starts one more in each run."""
    node.programs.calls.clear()
    for stage in (modules, chains):
        assert run_stage(stage, node.host, settled()).problems == ()
    return [argv[0] for argv in node.programs.calls]


def test_programs_of_a_first_and_of_a_converged_run(node: Node) -> None:
    Probe(node)
    node.file(CONNTRACK_MAX, "262144\n")
    kernel = Kernel({"ip": Tables(node), "ip6": Tables(node, six=True)})
    node.host = node.host._replace(netfilter=kernel)
    assert programs(node) == [*PROBES, *LISTINGS, RESTORE4, RESTORE6, *LISTINGS]
    assert programs(node) == [*PROBES, *LISTINGS]
