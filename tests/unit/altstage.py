"""What the tests of the alternatives stage share."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
from el_alternatives import ElAlternatives
from el_states import STATE, STATES
from fakehost import Node, planned, repair, result

from nodefix.config import Config
from nodefix.facts.alternatives import COMMANDS
from nodefix.host.programs import Result
from nodefix.plan import Plan, Problem
from nodefix.stages import alternatives

UPDATE_ALTERNATIVES = "/usr/bin/update-alternatives"
MULTI = "/usr/sbin/xtables-nft-multi"
_RPM = "/usr/bin/rpm"


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
        node.programs.table[(f"/usr/sbin/{name}", "-V")] = version


def answer_rpm(node: Node, *installed: str) -> None:
    """Let rpm know these packages."""

    def query(argv: tuple[str, ...], stdin: bytes) -> Result:
        assert argv[1:4] == ("-q", "--qf", "%{NAME}\\n")
        said = [p if p in installed else f"package {p} is not installed" for p in argv[4:]]
        return result(len(set(argv[4:]) - set(installed)), "".join(f"{one}\n" for one in said))

    node.programs.table[(_RPM,)] = query


def coreutils(node: Node) -> None:
    """mv, ln and mkdir on the made-up tree, with the options that are used."""

    def move(argv: tuple[str, ...], stdin: bytes) -> Result:
        *options, source, target = argv[1:]
        assert options == ["--backup=numbered", "--no-target-directory"]
        place = node.host.path(target)
        if os.path.lexists(place):
            place.rename(f"{place}.~1~")
        node.host.path(source).rename(place)
        return result()

    def link(argv: tuple[str, ...], stdin: bytes) -> Result:
        *options, target, path = argv[1:]
        assert options == ["--symbolic", "--no-target-directory"]
        if os.path.lexists(node.host.path(path)):
            return result(1, stderr=f"ln: failed to create symbolic link '{path}': File exists\n")
        node.host.path(path).symlink_to(target)
        return result()

    def folder(argv: tuple[str, ...], stdin: bytes) -> Result:
        assert argv[1:3] == ("--parents", "--mode=0755")
        node.host.path(argv[3]).mkdir(mode=0o755, parents=True, exist_ok=True)
        return result()

    node.host.path("/root").mkdir(exist_ok=True)
    node.programs.table[("/usr/bin/mv",)] = move
    node.programs.table[("/usr/bin/ln",)] = link
    node.programs.table[("/usr/bin/mkdir",)] = folder


def changes(node: Node) -> list[tuple[str, ...]]:
    """The commands that were run to change something."""
    return [argv for argv in node.programs.calls if argv[1:] != ("-V",) and argv[0] != _RPM]


def type_in(node: Node, hint: str) -> None:
    """Type a remedy, as a shell would take it; running nodefix again is for the test."""

    def printed(inner: re.Match[str]) -> str:
        return shlex.quote(_typed(node, inner[1]).text.rstrip("\n") + (inner[2] or ""))

    for line in re.sub(r'"\$\((.*?)\)(,[^"]*)?"', printed, hint).split(" && "):
        if line != "systemctl restart nodefix":
            done = _typed(node, line)
            assert done.status == 0, done


def _typed(node: Node, line: str) -> Result:
    program, *arguments = shlex.split(line)
    return node.programs.run(f"/usr/bin/{program}", *arguments)


def file_systems(
    monkeypatch: pytest.MonkeyPatch,
    node: Node,
    *,
    read_only: tuple[str, ...] = (),
    full: tuple[str, ...] = (),
    no_inodes: tuple[str, ...] = (),
) -> None:
    """Let these folders be on file systems of their own."""
    real = os.statvfs

    def room(place: Path) -> os.statvfs_result:
        def lies_in(folders: tuple[str, ...]) -> bool:
            return any(place.is_relative_to(node.host.path(folder)) for folder in folders)

        found = list(real(place))
        blocks, inodes, flags = 3, 6, 8  # f_bfree, f_ffree, f_flag
        found[blocks] = 0 if lies_in(full) else 100
        found[inodes] = 0 if lies_in(no_inodes) else 100
        found[flags] = os.ST_RDONLY if lies_in(read_only) else 0
        return os.statvfs_result(found)

    monkeypatch.setattr(os, "statvfs", room)


def damaged(el: ElAlternatives, number: int) -> None:
    """A state of the transcript, with a link gone where all of them are still right."""
    STATES[number](el)
    if all_nft(el.node):
        el.node.host.path("/usr/sbin/ip6tables").unlink()
    el.node.programs.calls.clear()


def only_problem(el: ElAlternatives) -> Problem:
    """The one problem of a node on which nothing may be changed."""
    before = el.node.snapshot()
    left = repair(alternatives, el.node)
    assert left.changes == ()
    assert changes(el.node) == []
    assert el.node.snapshot() == before
    (problem,) = left.problems
    return problem


def mended_by(el: ElAlternatives, hint: str) -> None:
    """A remedy that is typed as it stands mends the node, for good, and loses nothing."""
    type_in(el.node, hint)
    assert repair(alternatives, el.node) == Plan()
    assert all_nft(el.node)
    assert el.node.host.path(STATE).read_text().startswith("auto\n")
    assert plan(el.node) == Plan()
