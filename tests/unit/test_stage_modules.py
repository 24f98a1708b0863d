"""nodefix/stages/modules.py: rules such as kube-proxy's work."""

from __future__ import annotations

import pytest
from fakehost import KERNEL, Node, attempt, planned, repair, result, settled
from fakekernel import ALL, FEATURES_OF, MODPROBE, Kernel
from netprobe import Probe, recorded

from nodefix.config import Config
from nodefix.converge import run_stage
from nodefix.errors import CommandError
from nodefix.facts.conntrack import CONNTRACK_MAX
from nodefix.plan import Plan
from nodefix.settings import KUBE_PROXIES
from nodefix.stages import modules
from nodefix.words import STATE


def plan(node: Node, config: Config | None = None) -> Plan:
    return planned(modules, node, config)


def test_good_node(node: Node) -> None:
    Kernel(node, set(ALL), set(ALL))
    before = node.snapshot()
    assert plan(node) == Plan()
    assert node.snapshot() == before


def test_modules_on_disk_are_loaded_and_then_nothing_more(node: Node) -> None:
    Kernel(node, set(), set(ALL))
    first = plan(node)
    assert not first.problems
    assert [change.action for change in first.changes] == list(ALL)
    assert first.changes[4].target == "kernel module xt_comment"
    # The command that failed is no remedy.
    assert "modprobe" not in first.changes[4].hint
    assert "$(modinfo -n xt_comment)" in first.changes[4].hint
    assert all(change.each_boot for change in first.changes)
    assert {change.code for change in first.changes} == {"module-not-loaded"}
    assert repair(modules, node) == Plan()


def test_only_what_is_needed_is_loaded(node: Node) -> None:
    kernel = Kernel(node, set(ALL) - {"xt_mark"}, {*ALL, "xt_unrelated"})
    assert repair(modules, node) == Plan()
    assert kernel.loaded == set(ALL)
    loads = [argv for argv in node.programs.calls if argv[0] == MODPROBE]
    assert loads == [(MODPROBE, "xt_mark")]


def test_br_netfilter_is_loaded_if_it_is_on_disk_and_never_holds_kubelet(node: Node) -> None:
    Kernel(node, set(ALL) - {"br_netfilter"}, set(ALL))
    (change,) = plan(node).changes
    assert (change.action, change.required) == ("br_netfilter", False)


def test_br_netfilter_absent_does_not_hold_kubelet(node: Node) -> None:
    Kernel(node, set(ALL) - {"br_netfilter"}, set())
    left = plan(node)
    assert left.changes == ()
    (problem,) = left.problems
    assert not problem.required
    assert "kernel modules br_netfilter: found in no package" in problem.message
    assert plan(node, Config(optional_modules=())) == Plan()


def test_modules_that_the_settings_ask_for(node: Node) -> None:
    kernel = Kernel(node, set(ALL), {"ip_vs", "ip_set"})
    config = Config(extra_modules=("ip_vs", "missing"), optional_modules=("ip_set",))
    (problem,) = repair(modules, node, config).problems
    assert problem.required
    assert "kernel modules missing: found in no package" in problem.message
    assert {"ip_vs", "ip_set"} <= kernel.loaded


def test_passing_probe_means_that_nothing_is_wrong_whatever_the_files_say(node: Node) -> None:
    Probe(node)
    node.file("/proc/modules", "ext4 1 1 - Live 0x0\n")
    node.file("/etc/modprobe.d/a.conf", "".join(f"blacklist {name}\n" for name in ALL))
    node.file(CONNTRACK_MAX, "262144\n")
    left = plan(node)
    assert left.changes == ()
    assert not any(problem.required for problem in left.problems)
    assert plan(node, Config(optional_modules=())) == Plan()


def test_kernel_without_modules(node: Node) -> None:
    Probe(node)
    node.file(CONNTRACK_MAX, "262144\n")
    assert plan(node) == Plan()


def test_absent_modules_are_named_with_the_package_for_this_kernel(node: Node) -> None:
    gone = {"nft_compat", "xt_comment", "xt_addrtype", "xt_MASQUERADE"}
    Kernel(node, set(ALL) - gone, set(ALL) - gone)
    left = plan(node)
    assert left.changes == ()
    (problem,) = left.problems
    assert problem.required
    assert problem.code == "module-absent"
    assert problem.message.startswith(
        "kernel modules nft_compat, xt_comment, xt_addrtype, xt_MASQUERADE: found in no package"
    )
    assert f"installed for kernel {KERNEL}, expected them there" in problem.message
    assert problem.hint == (
        f"dnf install kernel-modules-extra-{KERNEL} && systemctl restart nodefix;"
        " dnf install kernel-modules-extra-matched"
    )
    assert problem.message.endswith(
        "; if no mirror has this release any more: dnf upgrade kernel && dnf install"
        " kernel-modules-extra && systemctl reboot"
    )


@pytest.mark.parametrize("base", ["nf_tables", "nft_compat"])
def test_without_a_base_module_the_rest_is_neither_loaded_nor_blamed(node: Node, base: str) -> None:
    Kernel(node, set(), set(ALL) - {base})
    left = plan(node)
    assert [change.action for change in left.changes if change.required] == []
    (problem,) = left.problems
    assert problem.message.startswith(f"kernel modules {base}: found in no package")


@pytest.mark.parametrize("name", ["comment", "MASQUERADE", "addrtype", "conntrack", "MARK"])
def test_the_tools_own_message_is_shown(node: Node, name: str) -> None:
    module = next(module for module, features in FEATURES_OF.items() if name in features)
    Kernel(node, set(ALL) - {module}, set(ALL) - {module})
    (problem,) = plan(node).problems
    # The first line; the others repeat it for every extension.
    words = recorded(name).words.split("; ")[0]
    assert "missing kernel module?" in words
    assert problem.message.count(words) == 1
    assert f"{module} is needed for " in problem.message
    assert f"(IPv4, IPv6: {words})" in problem.message


def test_some_absent_some_blacklisted_some_loadable(node: Node) -> None:
    away = {"xt_comment", "xt_mark", "xt_nat"}
    kernel = Kernel(node, set(ALL) - away, {"xt_mark", "xt_nat"})
    node.file("/etc/modprobe.d/a.conf", "blacklist xt_nat\n")
    left = repair(modules, node)
    assert "xt_mark" in kernel.loaded
    assert left.changes == ()
    kept_out, absent = left.problems
    assert kept_out.message.startswith("kernel module xt_nat: found blacklisted by /etc/")
    assert kept_out.hint == (
        "sed -i '1s/^/#/' /etc/modprobe.d/a.conf && modprobe xt_nat && systemctl restart nodefix"
    )
    assert absent.message.startswith("kernel modules xt_comment: found in no package")


def test_conntrack_max_missing_though_rules_work(node: Node) -> None:
    Probe(node)
    node.file("/proc/modules", "".join(f"{name} 1 0 - Live 0x0\n" for name in ALL))
    (problem,) = plan(node).problems
    assert f"{CONNTRACK_MAX} is missing" in problem.message
    assert problem.code == "conntrack-missing"


def test_conntrack_max_missing_is_repaired_by_loading(node: Node) -> None:
    Kernel(node, set(ALL) - {"nf_conntrack"}, set(ALL))
    assert [change.action for change in plan(node).changes] == ["nf_conntrack"]
    assert repair(modules, node) == Plan()


def test_rules_fail_although_all_modules_are_present(node: Node) -> None:
    kernel = Kernel(node, set(ALL), set(ALL))
    kernel.probe.broken = {"statistic"}
    (problem,) = plan(node).problems
    assert problem.message.startswith(
        "kube-proxy's rules do not work although all modules are present"
    )
    assert "statistic (IPv4, IPv6)" in problem.message
    assert problem.code == "rules-failed"
    assert problem.hint.startswith("dnf reinstall iptables-nft")


def test_modprobe_that_refuses(node: Node) -> None:
    Kernel(node, set(ALL) - {"xt_mark"}, set(ALL))
    words = "modprobe: ERROR: could not insert 'xt_mark': Key was rejected by service"
    node.programs.table[(MODPROBE,)] = result(1, stderr=words)
    (change,) = plan(node).changes
    assert attempt(modules, change, node) == f"`{MODPROBE} xt_mark`: {words}"
    assert plan(node).changes == (change,)


def test_the_hint_of_an_error_in_apply_reaches_the_reader(node: Node) -> None:
    Kernel(node, set(ALL) - {"xt_mark"}, set(ALL))
    missing = CommandError(f"{MODPROBE}: found no such program", f"dnf install {MODPROBE}")
    node.programs.table[(MODPROBE,)] = missing
    report = run_stage(modules, node.host, settled())
    (problem,) = report.problems
    assert (report.outcome, problem.code) == ("failed", "module-not-loaded")
    assert problem.message == (
        f"kernel module xt_mark: found not loaded, expected loaded ({missing.message})"
    )
    assert problem.hint == missing.hint


def test_what_does_not_outlive_the_boot_has_no_undo(node: Node) -> None:
    Kernel(node, set(), set(ALL))
    assert not any(change.undo for change in plan(node).changes)
    assert run_stage(modules, node.host, settled()).outcome == "prepared"
    assert not (node.root / STATE).exists()


def test_kube_proxy_in_nftables_mode(node: Node) -> None:
    kernel = Kernel(node, set(ALL), set(ALL))
    kernel.probe.broken = {"comment", "MASQUERADE"}
    assert plan(node, Config(kube_proxy="nftables")) == Plan()
    kernel.probe.broken = {"numgen"}
    assert plan(node) == Plan()
    (problem,) = plan(node, Config(kube_proxy="nftables")).problems
    assert "kernel modules nft_numgen" in problem.message
    assert "nft_numgen is needed for all services (IPv4, IPv6: " in problem.message


@pytest.mark.parametrize("mode", KUBE_PROXIES)
def test_each_mode_that_can_be_set_needs_conntrack(node: Node, mode: str) -> None:
    Kernel(node, set(ALL) - {"nf_conntrack"}, set(ALL))
    changes = plan(node, Config(kube_proxy=mode)).changes
    assert [change.action for change in changes] == ["nf_conntrack"]


def test_cluster_without_kube_proxy_is_not_probed(node: Node) -> None:
    kernel = Kernel(node, set(ALL), set(ALL))
    kernel.probe.broken = {"comment"}
    assert plan(node, Config(kube_proxy="none")) == Plan()
    assert not node.programs.calls
