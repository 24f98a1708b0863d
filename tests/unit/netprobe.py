"""A stand-in for the probe of facts/modules.py, with the words of a recorded node."""

from __future__ import annotations

import re
from pathlib import Path

from fakehost import Node, result

from nodefix.commands import Result
from nodefix.facts.modules import FEATURES

UNSHARE = "/usr/bin/unshare"
RESTORE4 = "/usr/sbin/iptables-nft-restore"
RESTORE6 = "/usr/sbin/ip6tables-nft-restore"

_RECORDED = Path(__file__).with_name("data") / "modules-absent.txt"


def recorded(name: str) -> Result:
    """What iptables-nft said to a rule with this match or target where its module was absent."""
    for entry in _RECORDED.read_text().split("\n$ "):
        command, _, rest = entry.partition("\n")
        if command.startswith("iptables-nft") and re.search(rf"-[mj] {name}\b", command):
            words, _, status = rest.rpartition("rc=")
            return result(int(status.split("\n")[0]), stderr=words)
    # A match that the recorded node had: what it would have said follows the others.
    return result(4, stderr=f"Warning: Extension {name} revision 0 not supported\n")


class Probe:
    """Answers `unshare --net -- ip(6)tables-nft-restore` by the features that are broken.

    Attributes:
        broken: names of features; the test may change it.
        scripts: everything that was tried.
    """

    def __init__(self, node: Node, broken: set[str] | None = None, only: str = "") -> None:
        self.broken = broken or set()
        self.scripts: list[str] = []
        self._only = only
        node.file(RESTORE4)
        node.file(RESTORE6)
        node.commands.table[(UNSHARE,)] = self._run

    def _run(self, argv: tuple[str, ...], stdin: bytes) -> Result:
        script = stdin.decode()
        self.scripts.append(script)
        family = "IPv6" if argv[3] == RESTORE6 else "IPv4"
        if self._only in ("", family):
            for feature in FEATURES:
                used = feature.rule6 if family == "IPv6" and feature.rule6 else feature.rule
                if feature.name in self.broken and f"-A {used}\n" in script:
                    return recorded(feature.name)
        return result()
