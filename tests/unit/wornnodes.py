"""Made-up nodes with damages, drawn by hypothesis, and a systemd that makes and removes links."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from altstage import answer_rpm, answer_versions, coreutils
from el_alternatives import FOLLOWERS, LINKS, ElAlternatives
from el_states import STATE, STATES
from fakehost import Node, result, settled
from fakesystemd import FakeSystemd
from hypothesis import strategies as st
from rolling import attribute
from swaps import OTHER_LINES, SWAP_LINES, turn_on, unit

from nodefix.converge import run_stage
from nodefix.facts.unit_links import links_of
from nodefix.host.node import Host
from nodefix.report import StageReport
from nodefix.stages import alternatives, lockfile, swap

UNITS = "/etc/systemd/system"
_ROOT = os.geteuid() == 0


class LinkingSystemd(FakeSystemd):
    """Masks and disables as systemd does it."""

    host: Host

    def mask_unit(self, name: str) -> None:
        """A link to nowhere."""
        super().mask_unit(name)
        os.symlink("/dev/null", self.host.path(f"{UNITS}/{name}"))  # noqa: PTH211

    def disable_unit(self, name: str) -> None:
        """Its links go, with the folders that are empty then."""
        found = links_of(self.host, name)
        super().disable_unit(name)
        for link in found.links:
            self.host.path(link.path).unlink()
        for folder in found.folders:
            self.host.path(folder.path).rmdir()


class Worn(NamedTuple):
    """What is drawn of a node.

    Attributes:
        fstab: its content; None for no such file.
        metadata: modes, owners and values of an extended attribute, taken one after another.
        wants: targets of links to an admin's unit, by the folder's name.
        generated: units of a generator's.
        state: one of el_states.STATES, or 0.
        targets: of links of iptables' commands, by name; None for no link.
        middle: what stands at the link of LINKS: nothing more, a file, a folder with a file.
        saved: whether an earlier `.saved` is there.
        tmpfiles: whether its folder is there.
    """

    fstab: bytes | None
    metadata: list[tuple[int, int, bytes]]
    wants: dict[str, str]
    generated: list[str]
    state: int
    targets: dict[str, bytes | None]
    middle: str
    saved: bool
    tmpfiles: bool


_LINES = st.one_of(
    st.sampled_from(SWAP_LINES),
    st.sampled_from(OTHER_LINES),
    st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")),
    st.binary(max_size=12).map(lambda name: b"/" + name.replace(b"\n", b"") + b" none swap sw"),
)
_FSTABS = st.builds(
    lambda lines, ends, last: b"".join(
        line + end for line, end in zip(lines, [*ends, last], strict=False)
    ),
    st.lists(_LINES, min_size=1, max_size=8),
    st.lists(st.sampled_from([b"\n", b"\n", b"\r\n"]), min_size=8, max_size=8),
    st.sampled_from([b"", b"\n"]),
)
_TARGETS = st.one_of(
    st.sampled_from([b"/etc/alternatives/x", b"nowhere", b"..//sbin/./x/", b"/usr/sbin/iptables"]),
    st.binary(min_size=1, max_size=20).filter(lambda target: b"\0" not in target),
)

WORN = st.builds(
    Worn,
    fstab=st.one_of(st.none(), _FSTABS, _FSTABS),
    metadata=st.lists(
        st.tuples(
            st.integers(0, 0o777).map(lambda bits: bits | 0o600),
            st.integers(0, 60_000),
            st.binary(max_size=20),
        ),
        min_size=4,
        max_size=4,
    ),
    wants=st.dictionaries(
        st.sampled_from(["a.target.wants", "b.target.requires", "c.wants"]),
        st.sampled_from(["../own.swap", f"{UNITS}/own.swap", "/opt/gone/own.swap"]),
        max_size=3,
    ),
    generated=st.lists(st.sampled_from(["dev-x.swap", "dev-y.swap"]), unique=True),
    state=st.sampled_from([0, 1, 4, 5, 7, 8, 13, 16, 24, 30, 31, 32, 34, 35, 36, 37, 38, 39, 41]),
    targets=st.dictionaries(
        st.sampled_from(["iptables", *FOLLOWERS]), st.one_of(st.none(), _TARGETS), max_size=3
    ),
    middle=st.sampled_from(["", "", "file", "folder"]),
    saved=st.booleans(),
    tmpfiles=st.booleans(),
)


@contextmanager
def worn_node(worn: Worn) -> Iterator[Node]:
    """A node as it was drawn."""
    with tempfile.TemporaryDirectory() as folder:
        node = Node(Path(folder) / "root")
        systemd = LinkingSystemd()
        node.systemd = systemd
        node.host = systemd.host = Host(node.root, node.programs, systemd)
        node.programs.table[("/usr/bin/systemd-tmpfiles",)] = result()
        (node.root / "run").mkdir()
        _swap(node, worn)
        _alternatives(node, worn)
        if worn.tmpfiles:
            node.host.path("/etc/tmpfiles.d").mkdir()
            _dress(node, "/etc/tmpfiles.d", worn.metadata[3], 0o1777)
        yield node


def _swap(node: Node, worn: Worn) -> None:
    turn_on(node)
    node.host.path(UNITS).mkdir(parents=True)
    if worn.fstab is not None:
        node.file("/etc/fstab", worn.fstab)
        _dress(node, "/etc/fstab", worn.metadata[0])
    if worn.wants:
        file = f"{UNITS}/own.swap"
        node.file(file, "[Swap]\nWhat=/own\n")
        unit(node, "own.swap", "/own", fragment_path=file, active_state="inactive")
    for name, target in worn.wants.items():
        node.link(f"{UNITS}/{name}/own.swap", target)
        _dress(node, f"{UNITS}/{name}", worn.metadata[1])
        _own(node, f"{UNITS}/{name}/own.swap", worn.metadata[1][1])
    for name in worn.generated:
        unit(node, name, f"/dev/{name}", active_state="inactive")


def _alternatives(node: Node, worn: Worn) -> None:
    answer_versions(node)
    answer_rpm(node, "iptables-nft", "alternatives")
    coreutils(node)
    el = ElAlternatives(node)
    STATES[worn.state or 1](el)
    for name, target in worn.targets.items():
        place = node.host.path(f"/usr/sbin/{name}")
        if place.is_symlink() or not place.exists():
            place.unlink(missing_ok=True)
            if target is not None:
                os.symlink(target, os.fsencode(place))  # noqa: PTH211
                _own(node, f"/usr/sbin/{name}", worn.metadata[2][1])
    middle = node.host.path(f"{LINKS}/iptables")
    if worn.middle and (middle.is_symlink() or not middle.exists()):
        middle.unlink(missing_ok=True)
        inside = "" if worn.middle == "file" else "/inside"
        node.file(f"{LINKS}/iptables{inside}", "not a link")
        _dress(node, f"{LINKS}/iptables", worn.metadata[2])
        if worn.saved:
            node.file(f"{LINKS}/iptables.saved", "an earlier one")
    if node.host.path(STATE).is_file():
        _dress(node, STATE, worn.metadata[2])


def _dress(node: Node, path: str, metadata: tuple[int, int, bytes], more: int = 0) -> None:
    """Give a file or a folder a mode, an owner and, a file, an extended attribute."""
    mode, owner, value = metadata
    place = node.host.path(path)
    _own(node, path, owner)
    place.chmod(mode | more | (0o100 if place.is_dir() else 0))
    if place.is_file():
        attribute(place, value)


def _own(node: Node, path: str, owner: int) -> None:
    if _ROOT:
        os.chown(node.host.path(path), owner, owner + 1, follow_symlinks=False)


def repair_all(node: Node) -> list[StageReport]:
    """Run the stages that make changes that last."""
    return [run_stage(stage, node.host, settled()) for stage in (swap, alternatives, lockfile)]
