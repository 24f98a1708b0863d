"""nodefix/facts/remedies.py: what helps against what iptables and nft say."""

from __future__ import annotations

import pytest

from nodefix.facts.remedies import remedy


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("Extension conntrack revision 0 not supported, missing kernel module?", "run --stage mod"),
        ("RULE_INSERT failed (No such file or directory): rule in chain INPUT", "run --stage mod"),
        ("Could not fetch rule set generation id: Invalid argument", "run --stage modules"),
        ("Couldn't load match `addrtype':No such file or directory", "dnf reinstall iptables-libs"),
        (
            "error while loading shared libraries: libnftnl.so.11: cannot open shared object file",
            "dnf reinstall \"$(rpm -q --whatprovides --qf '%{NAME}' 'libnftnl.so.11()(64bit)')\"",
        ),
        ("error while loading shared libraries: libnftnl.so.11: file too short", "libnftnl"),
        ("line 2 failed: Operation not permitted.", "owner; journalctl -k"),
        ("CHAIN_USER_ADD failed (Operation not permitted): chain KUBE-X", "nft --terse list"),
        ("line 2 failed: Input/output error.", "journalctl -k"),
    ],
)
def test_what_helps(said: str, line: str) -> None:
    assert line in remedy(said)
