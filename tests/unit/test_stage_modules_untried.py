"""nodefix/stages/modules.py: a dry run loads no module, and says what it did not try."""

from __future__ import annotations

import os

import pytest
from fakehost import KERNEL, Node, settled
from fakekernel import ALL, FOLDER, Kernel

from nodefix.config import Config
from nodefix.converge import plan_stage
from nodefix.facts.features import IPTABLES
from nodefix.facts.features_nft import NFTABLES
from nodefix.plan import Plan
from nodefix.stages import modules

EVERY = set(ALL)
OTHERS = {"nf_conntrack", "br_netfilter", "overlay"}


def plan(node: Node, config: Config | None = None) -> Plan:
    """What a dry run plans; no module was loaded for it."""
    before = node.snapshot()
    found = plan_stage(modules, node.host, settled(config))
    assert node.snapshot() == before
    return found


def test_nothing_is_tried_where_nothing_is_loaded(node: Node) -> None:
    Kernel(node, set(), EVERY)
    found = plan(node)
    assert not node.programs.calls
    assert found.problems == ()
    # nf_conntrack comes with the rules.
    assert [change.action for change in found.changes] == ["br_netfilter", "overlay"]
    (note,) = found.notes
    assert note.startswith("rules with the table nat, comment, addrtype, statistic, MARK, mark")
    assert "loads kernel modules (nf_tables, nft_compat, nft_chain_nat, xt_comment" in note
    assert note.endswith("`nodefix run` tries them")


def test_all_is_tried_where_all_is_loaded(node: Node) -> None:
    kernel = Kernel(node, EVERY, EVERY)
    assert plan(node) == Plan()
    assert len(kernel.probe.scripts) == 2


def test_what_would_load_nothing_is_tried_alone(node: Node) -> None:
    kernel = Kernel(node, EVERY - {"xt_statistic"}, EVERY)
    found = plan(node)
    assert (found.changes, found.problems) == ((), ())
    assert found.notes == (
        "rules with statistic: not tried, because that loads kernel modules (xt_statistic);"
        " `nodefix run` tries them",
    )
    assert not any("statistic" in script for script in kernel.probe.scripts)
    assert all("MASQUERADE" in script for script in kernel.probe.scripts)


def test_a_module_that_a_rule_loads_beside_its_own_counts(node: Node) -> None:
    Kernel(node, EVERY - {"xt_tcpudp"}, EVERY)
    (note,) = plan(node).notes
    assert note.startswith(
        "rules with DNAT, udp: not tried, because that loads kernel modules (xt_tcpudp)"
    )


def test_what_is_absent_can_be_tried_since_it_cannot_be_loaded(node: Node) -> None:
    """As after a boot without kernel-modules-extra: the probe's verdict, not a forecast."""
    away = {"nft_compat", "xt_comment"}
    Kernel(node, EVERY - away, EVERY - away)
    found = plan(node)
    (problem,) = found.problems
    assert (problem.code, problem.required) == ("module-absent", True)
    assert "missing kernel module?" in problem.message
    assert found.notes == ()


def test_what_is_absent_is_forecast_where_nothing_can_be_tried(node: Node) -> None:
    Kernel(node, {"overlay"}, EVERY - {"nft_compat", "xt_comment", "br_netfilter"})
    found = plan(node)
    assert found.changes == ()
    (problem,) = found.problems
    assert (problem.code, problem.required) == ("module-absent", False)
    assert problem.message.startswith("kernel modules nft_compat, xt_comment, br_netfilter: found")
    assert problem.hint.startswith(f"dnf install kernel-modules-extra-{KERNEL}")
    assert len(found.notes) == 1


def test_what_is_kept_out_is_forecast(node: Node) -> None:
    Kernel(node, set(), EVERY)
    node.file("/etc/modprobe.d/a.conf", "blacklist xt_comment\n")
    (problem,) = plan(node).problems
    assert (problem.code, problem.required) == ("module-kept-out", False)


def test_what_the_settings_require_is_no_forecast(node: Node) -> None:
    Kernel(node, set(), EVERY - {"xt_comment"})
    config = Config(extra_modules=("xt_comment", "missing"))
    (problem,) = plan(node, config).problems
    assert problem.required
    assert problem.message.startswith("kernel modules xt_comment, missing: found")


def test_no_module_can_be_loaded_so_all_is_tried(node: Node) -> None:
    kernel = Kernel(node, EVERY - {"xt_mark"}, EVERY)
    node.file("/proc/sys/kernel/modules_disabled", "1\n")
    (problem,) = plan(node).problems
    assert (problem.code, problem.required) == ("modules-disabled", True)
    assert kernel.probe.scripts


def test_nothing_is_tried_if_it_is_not_known_what_that_loads(node: Node) -> None:
    Kernel(node, EVERY, EVERY)
    index = node.host.path(f"{FOLDER}/modules.dep")
    index.unlink()
    os.mkfifo(index)
    (note,) = plan(node).notes
    assert "recent: not tried, because that may load kernel modules;" in note
    assert not node.programs.calls


@pytest.mark.parametrize("mode", ["nftables", "none"])
def test_other_modes(node: Node, mode: str) -> None:
    loads = {name for f in NFTABLES for six in ("IPv4", "IPv6") for name in f.loads_of(six)}
    Kernel(node, OTHERS, {*EVERY, *loads, "nft_fib_inet"})
    found = plan(node, Config(kube_proxy=mode))
    assert (found.changes, found.problems) == ((), ())
    assert len(found.notes) == (mode == "nftables")
    Kernel(node, {*OTHERS, *loads}, {*EVERY, *loads})
    assert plan(node, Config(kube_proxy=mode)) == Plan()


def test_without_ipv6_its_modules_do_not_matter(node: Node) -> None:
    loads = {name for feature in NFTABLES for name in feature.loads_of("IPv4")}
    Kernel(node, {*OTHERS, *loads}, {"nft_fib_ipv6", *loads})
    assert len(plan(node, Config(kube_proxy="nftables")).notes) == 1
    (node.root / "proc/net/if_inet6").unlink()
    assert plan(node, Config(kube_proxy="nftables")) == Plan()


def test_a_run_tries_all(node: Node) -> None:
    kernel = Kernel(node, set(), EVERY)
    facts = modules.read(node.host, settled())
    assert facts.untried.features == ()
    assert len(facts.failures) == 2 * len(IPTABLES)
    assert kernel.probe.scripts
