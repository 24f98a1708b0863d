"""nodefix/stages/obstacles.py: what to say and to type; tests/container/test_nft.py types it."""

from __future__ import annotations

import shlex

from nodefix.facts.chains import IPV4, IPV6, ChainFacts, Family
from nodefix.facts.kubeproxy import PRESENCE, ChainKey
from nodefix.facts.nft import Obstacle
from nodefix.plan import Problem
from nodefix.stages.obstacles import problems


def problem(one: Obstacle, family: Family = IPV4, wipers: tuple[str, ...] = ()) -> Problem:
    (found,) = problems(ChainFacts({}, wipers, {}, {family: (one,)}))
    return found


def test_a_table_in_a_file_is_renamed_there() -> None:
    one = Obstacle("ip", PRESENCE, "", ("masquerade",), "/etc/sysconfig/nftables.conf", 7)
    told = problem(one, wipers=("nftables.service",))
    assert told.message.endswith("(/etc/sysconfig/nftables.conf line 7)")
    assert told.hint == (
        "cp -p --backup=numbered /etc/sysconfig/nftables.conf /etc/sysconfig/nftables.conf.saved"
        " && sed -i '7s/\\bnat\\b/nat_local/' /etc/sysconfig/nftables.conf"
        " && systemctl reload nftables && systemctl restart nodefix"
    )


def test_without_the_service_the_chain_is_moved_and_the_file_named() -> None:
    one = Obstacle("ip", PRESENCE, "", (), "/etc/sysconfig/nftables.conf", 7)
    told = problem(one)
    assert "/etc/sysconfig/nftables.conf line 7" in told.message
    assert "reload" not in told.hint
    assert "nft --file /root/ip-nat-POSTROUTING.nft" in told.hint


def test_a_table_from_nowhere_is_moved_in_one_transaction() -> None:
    told = problem(Obstacle("ip6", ChainKey("filter", "INPUT"), "a chain without a hook"), IPV6)
    assert told.message.startswith("IPv6 table filter, chain INPUT: found one written with nft")
    assert "flush chain ip6 filter INPUT; delete chain ip6 filter INPUT" in told.hint
    assert told.hint.count("nft --file") == 1
    assert not told.required


def test_a_files_name_is_quoted() -> None:
    one = Obstacle("ip", PRESENCE, "", (), "/etc/nftables/my rules; rm.nft", 1)
    words = shlex.split(problem(one, wipers=("nftables.service",)).hint)
    assert words.count("/etc/nftables/my rules; rm.nft") == 2
