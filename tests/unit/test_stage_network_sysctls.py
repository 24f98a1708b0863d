"""nodefix/stages/network_sysctls.py: sysctls that are set where the settings ask for them."""

from __future__ import annotations

import pytest
from cnifiles import CILIUM, FLANNEL, configured
from fakehost import Node, attempt, planned, repair, settled
from fakekernel import ALL, Kernel
from test_advice_network_sysctls import BRIDGED, DUAL, FORWARD, FORWARD_6, RP_FILTER

from nodefix.config import Config
from nodefix.converge import run_stage
from nodefix.plan import Plan
from nodefix.stages import modules, network_sysctls

SET = Config(sysctls="set")


@pytest.fixture
def kernel(node: Node) -> Kernel:
    """A node with Flannel on which all modules are loaded and sysctls are as a boot left them."""
    configured(node, "10-flannel.conflist", FLANNEL)
    node.file(FORWARD, "0\n")
    node.file(BRIDGED, "0\n")
    return Kernel(node, set(ALL), set(ALL))


def test_nothing_is_set_unless_asked_for(node: Node, kernel: Kernel) -> None:
    assert planned(modules, node) == Plan()


def test_set_at_each_boot_and_read_again(node: Node, kernel: Kernel) -> None:
    report = run_stage(modules, node.host, settled(SET))
    assert (report.outcome, report.problems) == ("prepared", ())
    assert [(change.target, change.found, change.wanted) for change in report.changes] == [
        ("sysctl net.ipv4.ip_forward", "0", "1"),
        ("sysctl net.bridge.bridge-nf-call-iptables", "0", "1"),
    ]
    assert node.host.read(BRIDGED) == b"1"
    assert planned(modules, node, SET) == Plan()
    # Nothing lasting, so there is nothing to undo.
    assert not node.host.path("/var/lib/nodefix/undo").exists()
    assert not node.host.path("/etc/sysctl.d").exists()


def test_one_of_a_module_that_this_run_loads(node: Node) -> None:
    configured(node, "10-flannel.conflist", FLANNEL)
    kernel = Kernel(node, set(ALL) - {"br_netfilter"}, set(ALL))
    show = kernel._show

    def with_the_modules_own() -> None:
        show()
        if "br_netfilter" in kernel.loaded:
            node.file(BRIDGED, "0\n")

    kernel._show = with_the_modules_own  # type: ignore[method-assign]
    assert repair(modules, node, SET) == Plan()
    assert node.host.read(BRIDGED) == b"1"


@pytest.mark.parametrize("file", ["/etc/sysctl.d/60-hard.conf", "/etc/sysctl.conf"])
def test_a_line_of_the_admins_is_left_and_said(node: Node, kernel: Kernel, file: str) -> None:
    node.file(file, "net.ipv4.ip_forward = 0\n")
    (problem,) = repair(modules, node, SET).problems
    assert (problem.code, problem.required) == ("sysctl-kept", False)
    assert f"found 0 by {file} line 1 (`net.ipv4.ip_forward = 0`), expected 1" in problem.message
    assert problem.hint.startswith(f"sed -i '1s/=.*/= 1/' {file} && sysctl -w net.ipv4.ip_forw")
    assert (node.host.read(FORWARD), node.host.read(BRIDGED)) == (b"0\n", b"1")


def test_a_pattern_of_the_admins_is_left_and_not_changed_for_all(
    node: Node, kernel: Kernel
) -> None:
    file = "/etc/sysctl.d/60-hard.conf"
    node.file(file, "net.ipv4.*forward = 0\n")
    (problem,) = repair(modules, node, SET).problems
    assert f"found 0 by {file} line 1" in problem.message
    assert problem.hint.startswith("echo 'net.ipv4.ip_forward = 1' >>/etc/sysctl.d/99-kubernetes")
    assert node.host.read(FORWARD) == b"0\n"
    # By its own name it may be set otherwise, wherever that stands.
    node.file("/etc/sysctl.d/10.conf", "net.ipv4.ip_forward = 1\n")
    assert repair(modules, node, SET) == Plan()


@pytest.mark.parametrize(
    ("file", "line"), [("/usr/lib/sysctl.d/a.conf", "= 0"), ("/etc/sysctl.d/a.conf", "= 1")]
)
def test_other_lines_do_not_hinder(node: Node, kernel: Kernel, file: str, line: str) -> None:
    node.file(file, f"net.ipv4.ip_forward {line}\n")
    assert repair(modules, node, SET) == Plan()


def test_cilium(node: Node) -> None:
    Kernel(node, {*ALL, "xt_CT", "xt_TPROXY", "xt_socket"}, set())
    configured(node, "05-cilium.conflist", CILIUM)
    node.file(RP_FILTER, "1\n")
    assert repair(modules, node, SET) == Plan()
    assert node.host.read(RP_FILTER) == b"0"


def test_the_nodes_own_ipv6_routes_are_not_put_at_risk(node: Node) -> None:
    Kernel(node, {*ALL, "veth", "bridge"}, set())
    configured(node, "10-x.conflist", DUAL | {"bridge": "cni0"})
    node.file(FORWARD_6, "0\n")
    assert planned(modules, node, SET) == Plan()


def test_refused_by_the_kernel(node: Node, kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(30, "Read-only file system", FORWARD)

    monkeypatch.setattr(type(node.host), "set", refuse)
    for change in planned(modules, node, SET).changes:
        assert "cannot be written: Read-only file system" in attempt(modules, change, node)
    report = run_stage(modules, node.host, settled(SET))
    assert report.outcome == "degraded"
    assert {problem.code for problem in report.problems} == {"sysctl-not-set"}
    assert not any(problem.required for problem in report.problems)


def test_what_cannot_be_read_is_said_and_modules_are_loaded_all_the_same(node: Node) -> None:
    kernel = Kernel(node, set(), set(ALL))
    node.host.path(FORWARD).mkdir(parents=True)
    (problem,) = repair(modules, node, SET).problems
    assert (problem.code, problem.required) == ("sysctl-unread", False)
    assert kernel.loaded == set(ALL)
    assert network_sysctls.sysctl_changes(()) == ()
