"""A stand-in for a kernel's modules, by which probe and modprobe go."""

from __future__ import annotations

from fakehost import KERNEL, Node, result
from netprobe import Probe

from nodefix.facts.conntrack import CONNTRACK_MAX
from nodefix.host.programs import Result

MODPROBE = "/usr/sbin/modprobe"
FOLDER = f"/lib/modules/{KERNEL}"
ALL = (
    "nf_tables",
    "nft_compat",
    "nf_conntrack",
    "nft_chain_nat",
    "xt_comment",
    "xt_addrtype",
    "xt_statistic",
    "xt_mark",
    "xt_MASQUERADE",
    "xt_nat",
    "xt_tcpudp",
    "xt_conntrack",
    "ipt_REJECT",
    "ip6t_REJECT",
    "xt_recent",
    "br_netfilter",
    "overlay",
)
# Features that stop working without a module; nft_compat carries them all.
FEATURES_OF = {
    "nft_chain_nat": {"the table nat"},
    "xt_comment": {"comment"},
    "xt_addrtype": {"addrtype"},
    "xt_statistic": {"statistic"},
    "xt_mark": {"MARK", "mark"},
    "xt_MASQUERADE": {"MASQUERADE"},
    "xt_nat": {"DNAT"},
    "xt_tcpudp": {"udp"},
    "xt_conntrack": {"conntrack"},
    "ipt_REJECT": {"REJECT"},
    "ip6t_REJECT": {"REJECT"},
    "xt_recent": {"recent"},
}
FEATURES_OF["nft_compat"] = set().union(*FEATURES_OF.values())


class Kernel:
    """A kernel's modules: loaded, on disk, gone; the probe and modprobe go by them."""

    def __init__(self, node: Node, loaded: set[str], on_disk: set[str]) -> None:
        self.node = node
        self.loaded = set(loaded)
        self.on_disk = on_disk
        self.probe = Probe(node)
        # What a rule needs and modprobe does not load by itself.
        node.file(f"{FOLDER}/modules.dep", "".join(f"kernel/{n}.ko.xz:\n" for n in on_disk))
        node.programs.table[(MODPROBE,)] = self._modprobe
        self._show()

    def _modprobe(self, argv: tuple[str, ...], stdin: bytes) -> Result:
        if argv[1] not in self.on_disk:
            words = f"modprobe: FATAL: Module {argv[1]} not found in directory {FOLDER}"
            return result(1, stderr=words)
        self.loaded.add(argv[1])
        self._show()
        return result()

    def _show(self) -> None:
        lines = "".join(f"{name} 16384 0 - Live 0x0\n" for name in sorted(self.loaded))
        self.node.file("/proc/modules", lines)
        if "nf_conntrack" in self.loaded:
            self.node.file(CONNTRACK_MAX, "262144\n")
        lost = [features for name, features in FEATURES_OF.items() if name not in self.loaded]
        self.probe.broken = set().union(*lost)
