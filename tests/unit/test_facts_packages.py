"""nodefix/facts/packages.py: what rpm knows, and the line that brings a package's files back."""

from __future__ import annotations

import pytest
from altstage import answer_rpm
from fakehost import Node, result

from nodefix.errors import CommandError
from nodefix.facts.packages import ALTERNATIVES, IPTABLES, LIBRARIES, bring_back, read_packages
from nodefix.host.programs import Result


@pytest.mark.parametrize("installed", [(), (IPTABLES,), (IPTABLES, ALTERNATIVES)])
def test_what_rpm_knows(node: Node, installed: tuple[str, ...]) -> None:
    answer_rpm(node, *installed)
    assert read_packages(node.host) == set(installed)


@pytest.mark.parametrize("answer", [result(254), result(-9), CommandError("no rpm")])
def test_rpm_that_does_not_tell(node: Node, answer: Result | CommandError) -> None:
    node.programs.table[("/usr/bin/rpm",)] = answer
    assert read_packages(node.host) is None


@pytest.mark.parametrize(
    ("installed", "line"),
    [
        (frozenset({IPTABLES}), "dnf reinstall iptables-nft"),
        (frozenset({ALTERNATIVES}), "dnf install iptables-nft"),
        (None, "dnf install iptables-nft && dnf reinstall iptables-nft"),
    ],
)
def test_what_is_installed_is_not_installed_again(
    installed: frozenset[str] | None, line: str
) -> None:
    assert bring_back(IPTABLES, installed) == f"{line} && systemctl restart nodefix"


def test_of_several_the_missing_ones_are_installed() -> None:
    both = f"{IPTABLES} {LIBRARIES}"
    assert "dnf install iptables-libs &&" in bring_back(both, frozenset({IPTABLES}))
    assert f"dnf reinstall {both} &&" in bring_back(both, frozenset({IPTABLES, LIBRARIES}))
