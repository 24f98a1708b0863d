"""nodefix/facts/probe.py: whether rules like kube-proxy's can be made."""

from __future__ import annotations

import pytest
from altstage import answer_rpm
from fakehost import Node, result
from netprobe import NFT, RESTORE4, RESTORE6, UNSHARE, Probe, recorded

from nodefix.errors import DeadlineError
from nodefix.facts.features import IPTABLES, Feature
from nodefix.facts.features_nft import NFTABLES
from nodefix.facts.packages import bring_back
from nodefix.facts.probe import Probed, Unknown, probe
from nodefix.host.programs import Result

# Of kube-proxy 1.36's own rules in nftables mode.
USED = (
    "type filter hook prerouting priority -110",
    "type nat hook prerouting priority -100",
    "type nat hook postrouting priority 100",
    "{ type ipv4_addr . inet_proto . inet_service : verdict ; }",
    "{ type inet_proto . inet_service : verdict ; }",
    "{ type ipv4_addr . ipv4_addr . inet_proto . inet_service ; }",
    "flags dynamic,timeout ;",
    "ip daddr . meta l4proto . th dport vmap @",
    "meta l4proto . th dport vmap @",
    "update @affinity { ip saddr }",
    "ct state new",
    "ct status dnat",
    "fib daddr type local ip daddr != 127.0.0.0/8",
    "mark set mark or 0x4000",
    "masquerade fully-random",
    "reject",
    "drop",
    "numgen random mod 2 vmap {",
    "meta l4proto tcp dnat to 192.0.2.1:80",
    "dnat ip addr . port to numgen random mod 2 map { 0 : 192.0.2.1 . 80 ,",
)


def test_passing_probe_costs_one_call_a_family(node: Node) -> None:
    Probe(node)
    assert probe(node.host, IPTABLES) == Probed()
    assert node.programs.calls == [
        (UNSHARE, "--net", "--", RESTORE4, "--noflush"),
        (UNSHARE, "--net", "--", RESTORE6, "--noflush"),
    ]


def test_it_uses_what_kube_proxy_uses(node: Node) -> None:
    tried = Probe(node)
    probe(node.host, IPTABLES)
    four, six = tried.scripts
    assert four == (
        "*nat\n"
        "-A PREROUTING -j RETURN\n"
        '-A PREROUTING -m comment --comment "nodefix probe"\n'
        "-A PREROUTING -m addrtype --dst-type LOCAL\n"
        "-A PREROUTING -m statistic --mode random --probability .5\n"
        "-A PREROUTING -j MARK --or-mark 0x4000\n"
        "-A POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN\n"
        "-A POSTROUTING -j MASQUERADE --random-fully\n"
        "-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.0.2.1:80\n"
        "-A PREROUTING -p udp -m udp --dport 53 -j RETURN\n"
        "-A PREROUTING -m recent --name nodefix-probe --rcheck --seconds 10800 --reap -j RETURN\n"
        "COMMIT\n"
        "*filter\n"
        "-A FORWARD -m conntrack --ctstate NEW\n"
        "-A FORWARD -j REJECT\n"
        "COMMIT\n"
    )
    assert six == four.replace("192.0.2.1:80", "[2001:db8::1]:80")


def test_it_uses_what_kube_proxy_uses_in_nftables_mode(node: Node) -> None:
    tried = Probe(node)
    assert probe(node.host, NFTABLES) == Probed()
    assert [argv[3:] for argv in node.programs.calls] == [(NFT, "--file", "-")] * 2
    four, six = tried.scripts
    assert all(" ip nodefix-probe" in line for line in four.splitlines())
    assert all(" ip6 nodefix-probe" in line for line in six.splitlines())
    assert "ipv4" not in six
    assert "192.0.2" not in six
    for script in (four, six):
        said = script.replace("ip6", "ip").replace("ipv6", "ipv4").replace("2001:db8::", "192.0.2.")
        said = said.replace("[192.0.2.1]", "192.0.2.1").replace("!= ::1", "!= 127.0.0.0/8")
        assert [words for words in USED if words not in said] == []


def test_a_rule_of_nft_is_tried_alone_with_what_it_needs_and_no_more(node: Node) -> None:
    """Else one that works would fail for the module of another."""
    tried = Probe(node, broken={"numgen"}, only="IPv4")
    probe(node.host, NFTABLES)
    (sets,) = (s for s in tried.scripts if "@cluster-ips" in s and "numgen" not in s)
    table = "ip nodefix-probe"
    assert sets == (
        f"add table {table}\n"
        f"add chain {table} filter-output {{ type filter hook output priority 0 ; }}\n"
        f"add set {table} cluster-ips {{ type ipv4_addr ; }}\n"
        f"add element {table} cluster-ips {{ 192.0.2.1 }}\n"
        f"add rule {table} filter-output ip daddr @cluster-ips drop\n"
    )


@pytest.mark.parametrize("features", [IPTABLES, NFTABLES], ids=["iptables", "nftables"])
def test_each_feature_that_fails_is_named_for_each_family(
    node: Node, features: tuple[Feature, ...]
) -> None:
    first, *_, last = (feature.name for feature in features)
    Probe(node, broken={first, last}, only="IPv6")
    assert [(one.family, one.feature.name) for one in probe(node.host, features).failures] == [
        ("IPv6", first),
        ("IPv6", last),
    ]


def test_everything_broken(node: Node) -> None:
    Probe(node, broken={feature.name for feature in IPTABLES})
    failures = probe(node.host, IPTABLES).failures
    assert len(failures) == 2 * len(IPTABLES)
    assert "missing kernel module?" in failures[1].words


def test_nothing_to_try(node: Node) -> None:
    assert probe(node.host, ()) == Probed()
    assert not node.programs.calls


def test_no_ipv6_no_probe_of_it(node: Node) -> None:
    (node.root / "proc/net/if_inet6").unlink()
    tried = Probe(node, broken={"comment"})
    assert {failure.family for failure in probe(node.host, IPTABLES).failures} == {"IPv4"}
    assert len(tried.scripts) == 1 + len(IPTABLES)


@pytest.mark.parametrize(
    ("features", "tool", "package"),
    [
        (IPTABLES, RESTORE4, "iptables-nft"),
        (IPTABLES, RESTORE6, "iptables-nft"),
        (NFTABLES, NFT, "nftables"),
        (NFTABLES, UNSHARE, "util-linux-core"),
    ],
)
def test_tool_missing(node: Node, features: tuple[Feature, ...], tool: str, package: str) -> None:
    """As the alternatives stage has it."""
    Probe(node)
    (node.root / tool[1:]).unlink()
    for installed in ((), (package,)):
        answer_rpm(node, *installed)
        hint = bring_back(package, frozenset(installed))
        unknown = probe(node.host, features).unknown
        assert unknown == Unknown(f"{tool}: found no such program", hint)


def test_a_probe_that_hangs_is_not_taken_for_broken_rules(node: Node) -> None:
    Probe(node)
    node.programs.table[(UNSHARE,)] = DeadlineError("the probe did not end", "look")
    assert probe(node.host, IPTABLES) == Probed((), Unknown("the probe did not end", "look"))
    # Both families at the same time.
    assert len(node.programs.calls) == 2


LOADER = "iptables-nft-restore: error while loading shared libraries: libxtables.so.12: cannot open"
SYMBOL = "iptables-nft-restore: symbol lookup error: undefined symbol: xtables_init_all"
EXEC = "unshare: failed to execute /usr/sbin/iptables-nft-restore: Exec format error"


@pytest.mark.parametrize(
    ("answer", "why", "hint"),
    [
        (
            result(1, stderr="unshare: unshare failed: Operation not permitted\n"),
            "cannot create a network namespace for the trial: unshare: unshare failed: Operation"
            " not permitted",
            "systemctl show -p CapabilityBoundingSet",
        ),
        (
            result(1, stderr="unshare: unshare failed: No space left on device\n"),
            "unshare: unshare failed: No space left on device",
            "sysctl -w user.max_net_namespaces=",
        ),
        (result(126, stderr=f"{EXEC}\n"), f"{RESTORE4} does not run: {EXEC}", "dnf reinstall"),
        (result(127, stderr=f"{LOADER}\n"), f"{RESTORE4} does not run: {LOADER}", "dnf reinstall"),
        (result(127, stderr=f"{SYMBOL}\n"), f"{RESTORE4} does not run: {SYMBOL}", "dnf reinstall"),
        (
            result(-11),
            f"{RESTORE4} does not run: killed by signal 11",
            "dnf reinstall iptables-nft",
        ),
        (
            result(
                4,
                stderr="iptables-nft-restore v1.8.11 (nf_tables): Could not fetch rule set"
                " generation id: Permission denied (you must be root)\n",
            ),
            f"{RESTORE4} is not permitted to read the packet filter: ",
            "systemctl show -p CapabilityBoundingSet",
        ),
    ],
)
def test_a_probe_that_cannot_be_made_blames_no_rule(
    node: Node, answer: Result, why: str, hint: str
) -> None:
    Probe(node)
    answer_rpm(node, "iptables-nft", "iptables-libs")
    node.programs.table[(UNSHARE,)] = answer
    probed = probe(node.host, IPTABLES)
    assert probed.failures == ()
    assert probed.unknown
    assert probed.unknown.why.startswith(why)
    assert probed.unknown.hint.startswith(hint)
    assert [argv[0] for argv in node.programs.calls].count(UNSHARE) == 2


def test_rules_that_fail_together_only(node: Node) -> None:
    Probe(node)

    def run(argv: tuple[str, ...], stdin: bytes) -> Result:
        return result(4, stderr="odd\n") if stdin.count(b"-A") > 1 else result()

    node.programs.table[(UNSHARE,)] = run
    probed = probe(node.host, IPTABLES)
    assert probed.unknown
    assert probed.unknown.why == "IPv4 rules failed together but worked one by one"


@pytest.mark.parametrize("kind", ["match", "target"])
def test_a_library_of_iptables_own_is_told_from_a_module(node: Node, kind: str) -> None:
    Probe(node)
    words = f"iptables-nft-restore v1.8.11 (nf_tables): Couldn't load {kind} `x':No such file"

    def run(argv: tuple[str, ...], stdin: bytes) -> Result:
        return result(2, stderr=f"{words}\n") if b"addrtype" in stdin else result()

    node.programs.table[(UNSHARE,)] = run
    found = probe(node.host, IPTABLES).failures
    assert [(f.family, f.feature.name, f.words, f.library) for f in found] == [
        ("IPv4", "addrtype", words, True),
        ("IPv6", "addrtype", words, True),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        recorded("addrtype"),
        # Of an extension with several revisions, where the kernel has none of them.
        result(
            2,
            stderr="Warning: Extension conntrack is not supported, missing kernel module?\n"
            "iptables-nft-restore v1.8.9 (nf_tables): Couldn't load match `conntrack':No such file"
            " or directory\n",
        ),
    ],
)
def test_a_module_is_told_from_a_library(node: Node, answer: Result) -> None:
    Probe(node, broken={"addrtype"}).said = answer
    failures = probe(node.host, IPTABLES).failures
    assert failures
    assert not any(failure.library for failure in failures)
    assert "missing kernel module?" in failures[0].words
