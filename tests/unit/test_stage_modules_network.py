"""nodefix/stages/modules.py: modules that the network plugin needs are loaded, and never hold."""

from __future__ import annotations

import pytest
from cnifiles import CALICO, CILIUM, FLANNEL, FOLDER, configured
from fakehost import Node, planned, repair, settled
from fakekernel import ALL, Kernel

from nodefix.config import Config
from nodefix.converge import run_stage
from nodefix.plan import Plan
from nodefix.stages import modules

FILE = f"{FOLDER}/10-calico.conflist"
SETS = ("ip_set", "ip_set_hash_ip", "ip_set_hash_net", "ip_set_hash_ipport")
NEEDED = {*SETS, "xt_set", "xt_multiport"}


@pytest.fixture
def calico(node: Node) -> Node:
    """A node whose plugin is Calico."""
    configured(node, "10-calico.conflist", CALICO)
    return node


def test_they_are_loaded_with_their_reason(calico: Node) -> None:
    kernel = Kernel(calico, set(ALL), {*ALL, *NEEDED})
    plan = planned(modules, calico)
    assert {change.action for change in plan.changes} == NEEDED
    assert {change.found for change in plan.changes} == {"not loaded, and Calico needs it"}
    assert all(change.each_boot and not change.required for change in plan.changes)
    assert run_stage(modules, calico.host, settled()).outcome == "prepared"
    assert kernel.loaded == {*ALL, *NEEDED}
    assert planned(modules, calico) == Plan()


def test_absent_ones_degrade_with_the_package_and_the_reason_once(calico: Node) -> None:
    Kernel(calico, set(ALL), set(ALL))
    report = run_stage(modules, calico.host, settled())
    assert report.outcome == "degraded"
    (problem,) = report.problems
    assert (problem.code, problem.required) == ("module-absent", False)
    assert f"kernel modules {', '.join(SETS)}, xt_set, xt_multiport: found in" in problem.message
    assert problem.message.count(f"needed by Calico, by {FILE}: Felix ") == 1
    assert "projectcalico/calico felix/ipsets" in problem.message
    assert "dnf install kernel-modules-extra-" in problem.hint


def test_one_that_is_kept_out(calico: Node) -> None:
    Kernel(calico, {*ALL, *NEEDED} - {"ip_set"}, {"ip_set"})
    calico.file("/etc/modprobe.d/cis.conf", "install ip_set /bin/false\n")
    (problem,) = repair(modules, calico).problems
    assert (problem.code, problem.required) == ("module-kept-out", False)
    assert "/etc/modprobe.d/cis.conf line 1" in problem.message
    assert "needed by Calico" in problem.message


@pytest.mark.parametrize(
    ("config", "loaded"),
    [
        (Config(optional_modules=()), {"br_netfilter"}),
        (Config(network_plugin="none"), {"br_netfilter"}),
        (Config(network_plugin="none", optional_modules=()), set()),
    ],
)
def test_how_the_settings_combine(node: Node, config: Config, loaded: set[str]) -> None:
    configured(node, "10-flannel.conflist", FLANNEL)
    Kernel(node, set(ALL) - {"br_netfilter"}, set(ALL))
    assert {change.action for change in planned(modules, node, config).changes} == loaded


def test_one_that_the_settings_require_holds(calico: Node) -> None:
    Kernel(calico, {*ALL, *NEEDED} - {"ip_set"}, set())
    (problem,) = planned(modules, calico, Config(extra_modules=("ip_set",))).problems
    assert problem.required
    assert "kernel modules ip_set:" in problem.message


def test_where_kube_proxy_uses_nftables(calico: Node) -> None:
    Kernel(calico, set(ALL), {*ALL, *NEEDED})
    config = Config(kube_proxy="nftables")
    assert {change.action for change in planned(modules, calico, config).changes} == {"ip_set"}


def test_a_file_that_is_not_clear_degrades_and_the_rest_is_done(node: Node) -> None:
    node.file(FILE, "{")
    kernel = Kernel(node, set(), set(ALL))
    report = run_stage(modules, node.host, settled())
    assert report.outcome == "degraded"
    (problem,) = report.problems
    assert (problem.code, problem.required) == ("network-plugin-unclear", False)
    assert problem.message.endswith("; cannot tell what the network plugin needs")
    assert problem.hint == f"python3 -m json.tool {FILE}"
    assert kernel.loaded == set(ALL)


def test_another_plugin_needs_other_modules(node: Node) -> None:
    configured(node, "05-cilium.conflist", CILIUM)
    Kernel(node, set(ALL), {*ALL, "xt_CT", "ip_set"})
    plan = planned(modules, node)
    assert [change.action for change in plan.changes] == ["xt_CT"]
    assert "kernel modules xt_TPROXY, xt_socket: found in no package" in plan.problems[0].message
