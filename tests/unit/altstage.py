"""What the tests of the alternatives stage share."""

from __future__ import annotations

from pathlib import Path

from fakehost import Node, planned, result

from nodefix.commands import Result
from nodefix.config import Config
from nodefix.facts.alternatives import COMMANDS
from nodefix.plan import Plan
from nodefix.stages import alternatives

UPDATE_ALTERNATIVES = "/usr/bin/update-alternatives"
MULTI = "/usr/sbin/xtables-nft-multi"


def plan(node: Node, config: Config | None = None) -> Plan:
    """The stage's plan."""
    return planned(alternatives, node, config)


def all_nft(node: Node) -> bool:
    """Whether every command ends at the nft program."""
    return all(node.end(f"/usr/sbin/{name}") == MULTI for name in COMMANDS)


def answer_versions(node: Node) -> None:
    """Let iptables and ip6tables say by where they end which variant they are."""

    def version(argv: tuple[str, ...], stdin: bytes) -> Result:
        variant = "nf_tables" if node.end(argv[0]) == MULTI else "legacy"
        return result(0, f"{Path(argv[0]).name} v1.8.11 ({variant})\n")

    for name in ("iptables", "ip6tables"):
        node.commands.table[(f"/usr/sbin/{name}", "-V")] = version


def changes(node: Node) -> list[tuple[str, ...]]:
    """The commands that were run to change something."""
    return [argv for argv in node.commands.calls if argv[1:] != ("-V",)]
