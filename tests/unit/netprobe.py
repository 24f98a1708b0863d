"""A stand-in for the tools of facts/probe.py, with the words of a recorded node."""

from __future__ import annotations

import re
from pathlib import Path

from fakehost import Node, result

from nodefix.facts.modes import MODES
from nodefix.host.programs import Result

UNSHARE = "/usr/bin/unshare"
RESTORE4 = "/usr/sbin/iptables-nft-restore"
RESTORE6 = "/usr/sbin/ip6tables-nft-restore"
NFT = "/usr/sbin/nft"

_RECORDED = Path(__file__).with_name("data") / "modules-absent.txt"


def recorded(name: str) -> Result:
    """What iptables-nft said to a rule with this match or target where its module was absent."""
    for entry in _RECORDED.read_text().split("\n$ "):
        command, _, rest = entry.partition("\n")
        if command.startswith("iptables-nft") and re.search(rf"-[mj] {name}\b", command):
            words, _, status = rest.rpartition("rc=")
            return result(int(status.split("\n")[0]), stderr=words)
    # The recorded node had it: the same message as for the others.
    return result(4, stderr=f"Warning: Extension {name} revision 0 not supported\n")


class Probe:
    """Answers `unshare --net -- TOOL` by the features that are broken.

    Attributes:
        broken: names of features; the test may change it.
        scripts: everything that was tried.
        said: the answer to a broken feature, if it is not the recorded one.
    """

    def __init__(self, node: Node, broken: set[str] | None = None, only: str = "") -> None:
        self.broken = broken or set()
        self.scripts: list[str] = []
        self.said: Result | None = None
        self._only = only
        for tool in (UNSHARE, RESTORE4, RESTORE6, NFT):
            node.file(tool)
        node.programs.table[(UNSHARE,)] = self._run

    def _run(self, argv: tuple[str, ...], stdin: bytes) -> Result:
        script = stdin.decode()
        self.scripts.append(script)
        six = argv[3] == RESTORE6 or " ip6 " in script
        if self._only in ("", "IPv6" if six else "IPv4"):
            for feature in (one for mode in MODES.values() for one in mode.features):
                used = feature.rule_of("IPv6" if six else "IPv4")
                if feature.name in self.broken and f" {used}\n" in script:
                    return self.said or recorded(feature.name)
        return result()
