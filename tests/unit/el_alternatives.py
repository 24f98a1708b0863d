"""A stand-in for Enterprise Linux's `alternatives` on a made-up tree.

test_el_alternatives.py holds it against data/alternatives-el.txt, a transcript of the real one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from fakehost import Node, result

from nodefix.commands import Result

PROGRAM = "/usr/sbin/alternatives"
LINKS = "/etc/alternatives"
NFT = "/usr/sbin/iptables-nft"
OTHER = "/usr/sbin/iptables-other"
FOLLOWERS = {
    "ip6tables": "/usr/sbin/ip6tables-nft",
    "iptables-save": "/usr/sbin/iptables-nft-save",
    "iptables-restore": "/usr/sbin/iptables-nft-restore",
    "ip6tables-save": "/usr/sbin/ip6tables-nft-save",
    "ip6tables-restore": "/usr/sbin/ip6tables-nft-restore",
}
SET = (PROGRAM, "--set", "iptables", NFT)
INSTALL = (PROGRAM, "--install", "/usr/sbin/iptables", "iptables", NFT, "10")
INSTALL_ALL = INSTALL + tuple(
    word
    for name, path in FOLLOWERS.items()
    for word in ("--follower", f"/usr/sbin/{name}", name, path)
)


class Refused(Exception):
    """What the program says before it exits with 2."""


class Candidate(NamedTuple):
    """One alternative of a group."""

    path: str
    priority: int
    followers: dict[str, str]


class Group:
    """One state file's content."""

    def __init__(self, link: str) -> None:
        self.mode = "auto"
        self.link = link
        self.followers: dict[str, str] = {}
        self.candidates: list[Candidate] = []

    def text(self) -> str:
        """The state file."""
        lines = [self.mode, self.link]
        for name, link in self.followers.items():
            lines += [name, link]
        lines.append("")
        for one in self.candidates:
            lines += [one.path, str(one.priority)]
            lines += [one.followers.get(name, "") for name in self.followers]
        return "\n".join([*lines, ""])

    def best(self) -> Candidate:
        """What automatic mode chooses."""
        return max(self.candidates, key=lambda one: one.priority)


class ElAlternatives:
    """`alternatives` for one node; installs itself among the node's commands."""

    def __init__(self, node: Node, admin: str = "/var/lib/alternatives") -> None:
        self.node = node
        self.admin = admin
        node.host.path(admin).mkdir(parents=True)
        node.host.path(LINKS).mkdir(parents=True)
        node.file("/usr/sbin/xtables-nft-multi")
        for path in (NFT, *FOLLOWERS.values()):
            node.link(path, "xtables-nft-multi")
        node.file(PROGRAM)
        node.commands.table[(PROGRAM,)] = lambda argv, stdin: self.run(*argv[1:])

    def run(self, *arguments: str) -> Result:
        """One call of the program."""
        action, name = arguments[0], (*arguments, "")[1]
        try:
            if action == "--list":
                return result(0, "".join(self._listed(file) for file in self._files()))
            if action == "--install":
                return self._install(arguments[1:5], arguments[5:])
            if action == "--display" and not self._file(name).exists():
                return result(2)
            group = self._read(name)
            if action == "--display":
                return result(0, self._display(name, group))
            if action == "--auto":
                group.mode = "auto"
                return self._apply(name, group, group.best())
            assert action == "--set", f"the stand-in has no {action}"
            for one in group.candidates:
                if one.path == arguments[2]:
                    group.mode = "manual"
                    return self._apply(name, group, one)
            raise Refused(f"{arguments[2]} has not been configured as an alternative for {name}")
        except Refused as words:
            return result(2, stderr=f"{words}\n")

    def _file(self, name: str) -> Path:
        return self.node.host.path(f"{self.admin}/{name}")

    def _files(self) -> list[Path]:
        return sorted(self.node.host.path(self.admin).iterdir())

    def _current(self, name: str) -> str:
        return str(self.node.host.path(f"{LINKS}/{name}").readlink())

    def _read(self, name: str) -> Group:
        shown = f"{self.admin}/{name}"
        if not self._file(name).exists():
            raise Refused(f"cannot access {shown}: No such file or directory")
        lines = iter(self._file(name).read_text().split("\n"))
        mode, group = next(lines), Group("")
        if mode not in ("auto", "manual"):
            raise Refused(f"bad mode on line 1 of {shown}")
        group.mode, group.link = mode, next(lines)
        while follower := next(lines):
            group.followers[follower] = next(lines)
        while path := next(lines):
            priority = int(next(lines))
            targets = {follower: next(lines) for follower in group.followers}
            followers = {follower: target for follower, target in targets.items() if target}
            group.candidates.append(Candidate(path, priority, followers))
        return group

    def _install(self, words: tuple[str, ...], rest: tuple[str, ...]) -> Result:
        link, name, path, priority = words
        known = self._file(name).exists()
        group = self._read(name) if known else Group(link)
        current = self._current(name) if known else ""
        added = {}
        for at in range(0, len(rest), 4):
            option, follower_link, follower, target = rest[at : at + 4]
            assert option in ("--follower", "--slave"), f"the stand-in has no {option}"
            group.followers[follower] = follower_link
            added[follower] = target
        if known:
            group.followers = dict(sorted(group.followers.items()))
        group.candidates = [one for one in group.candidates if one.path != path]
        group.candidates.append(Candidate(path, int(priority), added))
        group.candidates.sort(key=lambda one: -one.priority)
        chosen = group.best()
        if group.mode == "manual":
            chosen = next(one for one in group.candidates if one.path == current)
        return self._apply(name, group, chosen)

    def _apply(self, name: str, group: Group, chosen: Candidate) -> Result:
        """Make the links of the chosen one, and write the state file; a link may be refused."""
        words = self._tie(group.link, name, chosen.path)
        for follower, link in group.followers.items():
            if follower in chosen.followers:
                words += self._tie(link, follower, chosen.followers[follower])
            else:
                for path in (link, f"{LINKS}/{follower}"):
                    self._unlink(path)
        self._file(name).write_text(group.text())
        return result(0, stderr=words)

    def _tie(self, link: str, name: str, target: str) -> str:
        middle = f"{LINKS}/{name}"
        self._unlink(middle)
        self.node.host.path(middle).symlink_to(target)
        place = self.node.host.path(link)
        if os.path.lexists(place) and not place.is_symlink():
            return f"failed to link {link} -> {middle}: {link} exists and it is not a symlink\n"
        self._unlink(link)
        place.symlink_to(middle)
        return ""

    def _unlink(self, path: str) -> None:
        place = self.node.host.path(path)
        if place.is_symlink():
            place.unlink()

    def _listed(self, file: Path) -> str:
        mode = self._read(file.name).mode
        return f"{file.name}\t{mode:6}\t{self._current(file.name)}\n"

    def _display(self, name: str, group: Group) -> str:
        lines = [
            f"{name} - status is {group.mode}.",
            f" link currently points to {self._current(name)}",
        ]
        for one in group.candidates:
            lines.append(f"{one.path} - priority {one.priority}")
            for follower in group.followers:
                lines.append(f" follower {follower}: {one.followers.get(follower, '(null)')}")
        lines.append(f"Current `best' version is {group.best().path}.")
        return "\n".join([*lines, ""])


def _registered(el: ElAlternatives) -> None:
    el.run(*INSTALL_ALL[1:])


def _chosen(el: ElAlternatives) -> None:
    _registered(el)
    el.run(*SET[1:])


def _by_hand(el: ElAlternatives) -> None:
    el.run(*INSTALL[1:])
    el.run(*SET[1:])


def _package_after_hand(el: ElAlternatives) -> None:
    _by_hand(el)
    _registered(el)


def _other_chosen(el: ElAlternatives) -> None:
    _registered(el)
    el.node.file(OTHER)
    el.run("--install", "/usr/sbin/iptables", "iptables", OTHER, "5")
    el.run("--set", "iptables", OTHER)


def _other_removed(el: ElAlternatives) -> None:
    _other_chosen(el)
    el.node.host.path(OTHER).unlink()


def _plain_file(el: ElAlternatives) -> None:
    _registered(el)
    el.node.host.path("/usr/sbin/iptables").unlink()
    el.node.file("/usr/sbin/iptables", "not a link", 0o755)


def _corrupt(el: ElAlternatives) -> None:
    _registered(el)
    el.node.file(f"{el.admin}/iptables", "garbage\n")


# What came before the commands of each state of the transcript.
STATES: dict[int, Callable[[ElAlternatives], None]] = {
    1: _registered,
    2: _registered,
    3: _registered,
    4: lambda el: None,
    5: lambda el: None,
    6: _package_after_hand,
    7: _other_chosen,
    8: _other_removed,
    9: _plain_file,
    10: _corrupt,
    11: _registered,
    12: _chosen,
}
