"""Firewall services wipe all chains at a reload; Kubernetes' come back at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import testnode
from nodes import EXTRA, rules, sh
from test_kube_proxy import kube_proxy_sync

# Left by kube-proxy's sync; only kube-proxy itself may bring it back.
OWN = "iptables -t nat -N KUBE-SVC-X && iptables -t nat -A KUBE-SERVICES -j KUBE-SVC-X"

# With a rule of this kind firewalld wipes what iptables shows, as version 1.3 always did:
# may_skip_flush_direct_backends() of https://github.com/firewalld/firewalld/blob/v2.3.1/src/firewall/core/fw.py
DIRECT = "/etc/firewalld/direct.xml"
RULE = """\
<?xml version="1.0" encoding="utf-8"?>
<direct>
  <rule ipv="ipv4" table="filter" chain="INPUT" priority="0">-p udp --dport 9 -j ACCEPT</rule>
</direct>
"""


@pytest.fixture(scope="module")
def with_firewalls(rpm: Path) -> testnode.Root:
    """A root with the RPM, firewalld with a direct rule, and nftables.service, none enabled."""
    root = testnode.Root.make(testnode.image(EXTRA))
    root.run(["systemctl", "disable", "firewalld.service"])
    root.write(DIRECT, RULE)
    testnode.install(root, rpm)
    return root


@pytest.fixture(params=["firewalld", "nftables"])
def firewall(with_firewalls: testnode.Root, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a firewall service."""
    name: str = request.param
    yield name


@pytest.fixture
def node(with_firewalls: testnode.Root, firewall: str) -> Iterator[testnode.Nspawn]:
    """A node booted with that service."""
    root = with_firewalls.clone()
    root.run(["systemctl", "enable", f"{firewall}.service"])
    with testnode.Nspawn(root) as machine:
        machine.boot(timeout=120)
        yield machine


def test_a_record_names_the_service_and_the_chains_survive_its_start(
    node: testnode.Nspawn, firewall: str
) -> None:
    told = node.journal("NODEFIX_STAGE=chains", unit="nodefix.service")
    assert any(f"delete all chains: {firewall}.service" in entry["MESSAGE"] for entry in told)
    assert "KUBE-SERVICES" in rules(node)
    assert node.unit(f"nodefix-chains@{firewall}.service")["ActiveState"] == "active"
    assert "ordering cycle" not in sh(node, "journalctl -b --no-pager")


def kubernetes(node: testnode.Nspawn) -> list[str]:
    """Kubernetes' chains and rules, in order; firewalld's own come back before or after them."""
    return [line for line in rules(node).splitlines() if "KUBE-" in line]


@pytest.mark.parametrize("verb", ["reload", "restart"])
def test_the_chains_come_back(node: testnode.Nspawn, firewall: str, verb: str) -> None:
    before = kubernetes(node)
    for _ in range(2):
        # With this the rules differ until they were wiped.
        sh(node, OWN)
        sh(node, f"systemctl {verb} {firewall}")
        if firewall == "firewalld":
            # It reloads in its own time, table by table, and answers when it is through.
            node.run(["firewall-cmd", "--state"])
        node.wait_until("the chains are back", lambda: kubernetes(node) == before)

    def told() -> int:
        return len(node.journal("NODEFIX_STAGE=chains", "NODEFIX_OUTCOME=changed"))

    node.wait_until("each is told as a repair", lambda: told() >= 2)
    assert sh(node, kube_proxy_sync()) == ""


RESTORE = "/usr/sbin/xtables-nft-multi"


@pytest.mark.parametrize("firewall", ["nftables"], indirect=True)
@pytest.mark.parametrize("fault", ["fails", "is killed"])
def test_a_run_that_fails_is_repeated_until_it_is_through(
    node: testnode.Nspawn, fault: str
) -> None:
    before = kubernetes(node)
    unit = "nodefix-chains.service"
    if fault == "fails":
        sh(node, f"mv {RESTORE} {RESTORE}.away; printf '#!/bin/sh\nexit 1\n' >{RESTORE}")
    else:
        sh(node, f"mv {RESTORE} {RESTORE}.away; printf '#!/bin/sh\nsleep 60\n' >{RESTORE}")
    sh(node, f"chmod 755 {RESTORE}; systemctl reload nftables")
    for tries in (1, 2):
        if fault == "is killed":
            node.wait_until("a run", lambda: node.unit(unit)["MainPID"] != "0")
            sh(node, f"systemctl kill --kill-whom=all --signal=KILL {unit}")
        again = f"try {tries} is followed by another"
        node.wait_until(again, lambda n=tries: int(node.unit(unit)["NRestarts"]) >= n)
    if fault == "fails":
        assert not node.exists("/run/nodefix/ready")
    sh(node, f"mv {RESTORE}.away {RESTORE}")
    node.wait_until("the chains are back", lambda: kubernetes(node) == before)
    node.wait_until("the unit is at rest", lambda: node.unit(unit)["SubState"] == "dead")
    # nodefix.service took over what else the fault had broken, and tries by itself.
    ready = "nodefix.service says that the node is ready"
    node.wait_until(ready, lambda: node.exists("/run/nodefix/ready"))


def test_a_reload_during_a_run_is_not_lost(node: testnode.Nspawn, firewall: str) -> None:
    before = kubernetes(node)
    for unit in ("nodefix-chains", "nodefix-chains@"):
        # It has read the chains for the last time and is still busy.
        busy = "[Service]\nExecStartPost=/usr/bin/sleep 3\n"
        node.write(f"/etc/systemd/system/{unit}.service.d/busy.conf", busy)
    sh(node, "systemctl daemon-reload")
    for _ in range(2):
        sh(node, OWN)
        sh(node, f"systemctl --no-block reload {firewall}")
        node.wait_until("the chains are back", lambda: kubernetes(node) == before)


def test_the_watcher_comes_back_and_makes_up_for_what_it_missed(
    with_firewalls: testnode.Root,
) -> None:
    root = with_firewalls.clone()
    root.run(["systemctl", "enable", "firewalld.service"])
    with testnode.Nspawn(root) as node:
        node.boot(timeout=120)
        before = kubernetes(node)
        first = node.unit("nodefix-watch.service")["MainPID"]
        # A reload that nobody hears of.
        sh(node, "systemctl kill --signal=STOP nodefix-watch.service")
        sh(node, f"{OWN}; firewall-cmd --reload")
        sh(node, "systemctl kill --signal=KILL nodefix-watch.service")
        node.wait_until("the chains are back", lambda: kubernetes(node) == before)
        node.wait_until(
            "it is back",
            lambda: node.unit("nodefix-watch.service")["MainPID"] not in ("0", first),
        )


def test_firewall_cmds_own_reload_is_noticed(with_firewalls: testnode.Root) -> None:
    root = with_firewalls.clone()
    root.run(["systemctl", "enable", "firewalld.service"])
    with testnode.Nspawn(root) as node:
        node.boot(timeout=120)
        before = kubernetes(node)
        for _ in range(3):
            sh(node, OWN)
            sh(node, "firewall-cmd --reload")
            node.wait_until("the chains are back", lambda: kubernetes(node) == before)
        node.run(["systemctl", "stop", "firewalld"])
        watch = node.unit("nodefix-watch.service")
        assert (watch["ActiveState"], watch["Result"]) == ("inactive", "success")


@pytest.mark.parametrize("verb", ["systemctl reload firewalld", "firewall-cmd --reload"])
def test_firewalld_without_direct_rules_leaves_the_chains_alone(
    with_firewalls: testnode.Root, verb: str
) -> None:
    root = with_firewalls.clone()
    root.delete(DIRECT)
    root.run(["systemctl", "enable", "firewalld.service"])
    with testnode.Nspawn(root) as node:
        node.boot(timeout=120)

        def looked() -> int:
            """How often nodefix-chains.service came to an end; 0 while it runs."""
            at_rest = node.unit("nodefix-chains.service")["SubState"] == "dead"
            match = "_SYSTEMD_UNIT=nodefix-chains.service"
            return at_rest * len(node.journal("NODEFIX_STAGE=chains", match))

        at_boot = node.wait_until("nodefix has looked at boot", looked)
        sh(node, OWN)
        before = kubernetes(node)
        sh(node, verb)
        node.wait_until("nodefix has looked again", lambda: looked() > at_boot)
        assert kubernetes(node) == before
        assert node.journal("NODEFIX_STAGE=chains", "NODEFIX_OUTCOME=changed") == []


def test_without_a_firewall_service_nothing_watches(with_firewalls: testnode.Root) -> None:
    with testnode.Nspawn(with_firewalls.clone()) as node:
        node.boot()
        states = sh(node, "systemctl is-active nodefix-watch nodefix-chains@firewalld", check=False)
        assert states.split() == ["inactive", "inactive"]
