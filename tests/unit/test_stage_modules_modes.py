"""nodefix/stages/modules.py: what holds kubelet in each mode of kube-proxy, and what degrades."""

from __future__ import annotations

import pytest
from fakehost import KERNEL, Node, planned, repair, result
from fakekernel import ALL, Kernel
from netprobe import Probe

from nodefix.config import Config
from nodefix.facts.conntrack import CONNTRACK_MAX
from nodefix.facts.modes import BEHIND, MODES
from nodefix.plan import Plan, Problem
from nodefix.stages import modules

EVERY = {name for mode in MODES.values() for one in mode.features for name in one.modules}
IPVS = {need.module for need in MODES["ipvs"].needs} | {"xt_ipvs"}
AGAIN = "systemctl restart nodefix"


def only(node: Node, mode: str = "iptables") -> Problem:
    """The one problem of a node in this mode after a repair."""
    left = repair(modules, node, Config(kube_proxy=mode))
    assert left.changes == ()
    (problem,) = left.problems
    return problem


def test_what_only_some_services_use_degrades(node: Node) -> None:
    Kernel(node, set(ALL) - {"xt_recent"}, set(ALL) - {"xt_recent"})
    problem = only(node)
    assert (problem.required, problem.code) == (False, "module-absent")
    assert problem.message.startswith("kernel modules xt_recent: found in no package installed")
    assert (
        "; xt_recent is needed for all services as soon as one has `sessionAffinity: ClientIP`"
        " (IPv4, IPv6: " in problem.message
    )
    assert problem.hint.startswith(f"dnf install kernel-modules-extra-{KERNEL} && {AGAIN}")


def test_what_only_some_services_use_is_loaded_where_it_is_there(node: Node) -> None:
    kernel = Kernel(node, set(ALL) - {"xt_recent"}, set(ALL))
    (change,) = planned(modules, node).changes
    assert (change.action, change.required) == ("xt_recent", False)
    assert repair(modules, node) == Plan()
    assert "xt_recent" in kernel.loaded


def test_what_only_some_services_use_fails_without_a_reason(node: Node) -> None:
    Kernel(node, set(ALL), set(ALL)).probe.broken = {"recent"}
    problem = only(node)
    assert (problem.required, problem.code) == (False, "rules-failed")
    assert problem.message.startswith(
        "kube-proxy's rules, needed for all services as soon as one has `sessionAffinity:"
        " ClientIP`, do not work although all modules are present; recent (IPv4, IPv6): "
    )


def test_a_library_that_only_some_services_need(node: Node) -> None:
    kernel = Kernel(node, set(ALL), set(ALL))
    kernel.probe.broken = {"recent"}
    kernel.probe.said = result(2, stderr="Couldn't load match `recent':No such file\n")
    problem = only(node)
    assert (problem.required, problem.code) == (False, "rules-library")


def test_without_a_base_module_it_is_not_to_blame(node: Node) -> None:
    away = {"nft_compat", "xt_recent"}
    Kernel(node, set(ALL) - away, set(ALL) - away)
    problem = only(node)
    assert problem.message.startswith("kernel modules nft_compat: found in no package")
    assert "xt_recent" not in problem.message


@pytest.mark.parametrize("mode", ["iptables", "nftables", "ipvs"])
def test_chains_of_type_nat_are_a_module_of_their_own(node: Node, mode: str) -> None:
    away = {"nft_chain_nat"}
    kernel = Kernel(node, {*ALL, *IPVS, *EVERY} - away, {*ALL, *IPVS} - away)
    kernel.probe.broken = {
        feature.name
        for feature in MODES[mode].features
        if feature.table == "nat" or feature.chain.startswith("nat-")
    }
    problem = only(node, mode)
    assert problem.required
    assert problem.message.startswith("kernel modules nft_chain_nat: found in no package")


@pytest.mark.parametrize(
    ("mode", "feature", "four", "six"),
    [
        ("iptables", "REJECT", "ipt_REJECT", "ip6t_REJECT"),
        ("nftables", "reject", "nft_reject_ipv4", "nft_reject_ipv6"),
        ("nftables", "fib", "nft_fib_ipv4", "nft_fib_ipv6"),
    ],
)
def test_the_module_of_the_family_that_fails_is_named(
    node: Node, mode: str, feature: str, four: str, six: str
) -> None:
    Probe(node, broken={feature}, only="IPv6")
    node.file("/proc/modules", "".join(f"{n} 1 0 - Live 0x0\n" for n in {*ALL, four} - {six}))
    node.file(CONNTRACK_MAX, "262144\n")
    problem = only(node, mode)
    assert problem.required
    assert problem.message.startswith(f"kernel modules {six}: found in no package")
    assert f"{six} is needed for " in problem.message
    assert "(IPv6: " in problem.message


def test_iptables_is_no_remedy_in_nftables_mode(node: Node) -> None:
    Kernel(node, set(ALL), set(ALL)).probe.broken = {"verdict maps"}
    problem = only(node, "nftables")
    assert problem.required
    assert problem.hint == f"dnf reinstall nftables libnftnl && {AGAIN}"


def test_ipvs_has_its_modules_loaded_but_what_would_load_br_netfilter(node: Node) -> None:
    kernel = Kernel(node, set(ALL), {*ALL, *IPVS})
    assert repair(modules, node, Config(kube_proxy="ipvs")) == Plan()
    assert kernel.loaded == {*ALL, *IPVS} - {"xt_physdev", "xt_ipvs"}
    assert not any("recent" in script for script in kernel.probe.scripts)


@pytest.mark.parametrize(
    ("name", "required", "lost"),
    [
        ("ip_vs", True, "all services"),
        ("ip_vs_rr", True, "all services with the default scheduler"),
        ("ip_vs_sh", False, "services with the scheduler sh"),
        ("ip_set_bitmap_port", True, "all services: their addresses are in IP sets"),
        ("dummy", True, "all services: the interface kube-ipvs0 has their addresses"),
        ("xt_physdev", False, "all services as soon as one has externalIPs"),
    ],
)
def test_a_module_of_ipvs_is_named_with_what_it_is_for(
    node: Node, name: str, required: bool, lost: str
) -> None:
    Kernel(node, {*ALL, *IPVS} - {name}, {*ALL, *IPVS} - {name})
    problem = only(node, "ipvs")
    assert problem.required == required
    assert problem.message.startswith(f"kernel modules {name}: found in no package")
    assert f"expected them there; {name} is needed for {lost}; if no" in problem.message


@pytest.mark.parametrize("name", ["ip_vs", "ip_set"])
def test_what_cannot_work_without_another_module_is_not_to_blame(node: Node, name: str) -> None:
    kernel = Kernel(node, set(ALL), {*ALL, *IPVS} - {name})
    kernel.probe.broken = {"ipvs"} if name == "ip_vs" else set()
    problem = only(node, "ipvs")
    assert problem.message.startswith(f"kernel modules {name}: found in no package")
    assert not any(other in kernel.loaded for other, of in BEHIND.items() if of == name)


def test_one_reason_of_several_modules_is_told_once(node: Node) -> None:
    away = {"ip_set", "ip_set_hash_ip"}
    Kernel(node, {*ALL, *IPVS} - away, {*ALL, *IPVS} - away)
    said = only(node, "ipvs").message
    assert "; ip_set, ip_set_hash_ip are needed for all services: their addresses" in said
    assert said.count("their addresses") == 1


@pytest.mark.parametrize("line", ["install overlay /bin/true", "blacklist overlay"])
@pytest.mark.parametrize("mode", MODES)
def test_overlay_kept_out_by_a_hardening_file_is_named(node: Node, line: str, mode: str) -> None:
    Kernel(node, {*ALL, *IPVS} - {"overlay"}, {*ALL, *IPVS})
    node.file("/etc/modprobe.d/cis.conf", f"{line}\n")
    problem = only(node, mode)
    assert (problem.required, problem.code) == (False, "module-kept-out")
    assert f"by /etc/modprobe.d/cis.conf line 1 (`{line}`)" in problem.message
    assert problem.message.endswith(
        "; overlay is needed for the file systems of containers: containerd and CRI-O use"
        " overlayfs by default"
    )
    assert problem.hint == (
        f"sed -i '1s/^/#/' /etc/modprobe.d/cis.conf && modprobe overlay && {AGAIN}"
    )
