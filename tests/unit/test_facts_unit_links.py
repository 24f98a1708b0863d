"""nodefix/facts/unit_links.py: what `systemctl disable` removes, and what is in a mask's place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fakehost import Node

from nodefix.errors import UnclearError
from nodefix.facts.unit_links import Folder, UnitLinks, link_at_mask, links_of

UNITS = "/etc/systemd/system"
OWN = f"{UNITS}/own.swap"
WANTS = f"{UNITS}/multi-user.target.wants"


@pytest.fixture
def own(node: Node) -> Node:
    """A node with a unit of the admin's, and one that has nothing to do with it."""
    node.file(OWN, "[Swap]\nWhat=/own\n[Install]\nWantedBy=multi-user.target\n")
    node.file("/usr/lib/systemd/system/sshd.service")
    node.link(f"{UNITS}/sshd.service.wants/other.service", "/usr/lib/systemd/system/other.service")
    return node


def paths(found: UnitLinks) -> tuple[dict[str, str], list[str]]:
    """The links by path and target, and the paths of the folders."""
    return {link.path: link.target for link in found.links}, [one.path for one in found.folders]


def test_unit_that_nothing_leads_to(own: Node) -> None:
    assert links_of(own.host, "own.swap") == UnitLinks()


def test_link_of_a_target_and_the_folder_that_it_leaves_empty(own: Node) -> None:
    link = own.link(f"{WANTS}/own.swap", "../own.swap")
    link.parent.chmod(0o750)
    found = links_of(own.host, "own.swap")
    assert paths(found) == ({f"{WANTS}/own.swap": "../own.swap"}, [WANTS])
    status = link.lstat()
    assert found.links[0].owner == (status.st_uid, status.st_gid)
    assert found.folders == (Folder(WANTS, 0o750, (status.st_uid, status.st_gid)),)


def test_folder_with_something_else_in_it_stays(own: Node) -> None:
    own.link(f"{WANTS}/own.swap", OWN)
    own.link(f"{WANTS}/sshd.service", "/usr/lib/systemd/system/sshd.service")
    assert paths(links_of(own.host, "own.swap")) == ({f"{WANTS}/own.swap": OWN}, [])


def test_folder_that_was_empty_before_stays(own: Node) -> None:
    own.host.path(WANTS).mkdir()
    assert links_of(own.host, "own.swap") == UnitLinks()


def test_aliases_and_what_leads_to_them(own: Node) -> None:
    """Rounds: what leads to a link that is removed is removed as well."""
    own.link(f"{UNITS}/alias.swap", "own.swap")
    own.link(f"{UNITS}/a.target.requires/alias.swap", "../alias.swap")
    own.link(f"{UNITS}/a.target.wants/zalias.swap", f"{UNITS}/alias.swap")
    links, folders = paths(links_of(own.host, "own.swap"))
    assert links == {
        f"{UNITS}/alias.swap": "own.swap",
        f"{UNITS}/a.target.requires/alias.swap": "../alias.swap",
        f"{UNITS}/a.target.wants/zalias.swap": f"{UNITS}/alias.swap",
    }
    assert sorted(folders) == [f"{UNITS}/a.target.requires", f"{UNITS}/a.target.wants"]


def test_unit_that_is_itself_a_link(own: Node) -> None:
    own.link(f"{UNITS}/linked.swap", "/opt/linked.swap")
    own.link(f"{WANTS}/linked.swap", "/opt/linked.swap")
    links, _ = paths(links_of(own.host, "linked.swap"))
    assert links == {
        f"{UNITS}/linked.swap": "/opt/linked.swap",
        f"{WANTS}/linked.swap": "/opt/linked.swap",
    }


@pytest.mark.parametrize("line", ["Also=more.service", " Also = \\\n  more.service x.service"])
def test_units_that_go_along(own: Node, line: str) -> None:
    own.file(OWN, f"[Install]\n{line}\n")
    own.file("/usr/lib/systemd/system/more.service", "[Install]\nAlso=third.socket own.swap\n")
    own.link(f"{UNITS}/masked.service", "/dev/null")
    own.link(f"{WANTS}/more.service", "/usr/lib/systemd/system/more.service")
    own.link(f"{UNITS}/sockets.target.wants/third.socket", "/usr/lib/systemd/system/third.socket")
    links, folders = paths(links_of(own.host, "own.swap"))
    assert set(links) == {f"{WANTS}/more.service", f"{UNITS}/sockets.target.wants/third.socket"}
    assert sorted(folders) == [WANTS, f"{UNITS}/sockets.target.wants"]


@pytest.mark.parametrize(
    "also", ["Also=masked.service", "Also=../../passwd", "#Also=other.service"]
)
def test_also_that_names_nothing_to_read(own: Node, also: str) -> None:
    own.file(OWN, f"[Install]\n{also}\n")
    own.link(f"{UNITS}/masked.service", "/dev/null")
    links, _ = paths(links_of(own.host, "own.swap"))
    assert set(links) <= {f"{UNITS}/masked.service"}


def test_a_loop_of_links_ends(own: Node) -> None:
    own.link(f"{UNITS}/own.swap.wants", ".")
    own.link(f"{WANTS}/own.swap", "own.swap")
    links, _ = paths(links_of(own.host, "own.swap"))
    assert set(links) == {f"{WANTS}/own.swap"}


def test_folders_without_end(own: Node) -> None:
    own.host.path(UNITS + "/a" * 30).mkdir(parents=True)
    with pytest.raises(UnclearError, match="more than 20 nested folders"):
        links_of(own.host, "own.swap")


def test_more_than_anybody_has(own: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nodefix.facts.unit_links._MOST", 2)
    own.file(f"{UNITS}/third.service")
    with pytest.raises(UnclearError, match="more than 2 entries"):
        links_of(own.host, "own.swap")


@pytest.mark.parametrize("read", [links_of, link_at_mask])
def test_folder_that_cannot_be_read(node: Node, read: object) -> None:
    node.file(UNITS, "a file")
    assert callable(read)
    with pytest.raises(UnclearError, match="Not a directory") as caught:
        read(node.host, "own.swap")
    assert caught.value.hint.startswith("ls -ldZ ")


def test_disk_that_does_not_give_a_folder(own: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    def refuse(path: Path) -> object:
        if path.name == "multi-user.target.wants":
            raise OSError(5, "Input/output error", str(path))
        return real(path)

    own.link(f"{WANTS}/own.swap", "../own.swap")
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UnclearError, match="Input/output error"):
        links_of(own.host, "own.swap")


def test_place_of_a_mask(own: Node) -> None:
    assert link_at_mask(own.host, "gen.swap") == UnitLinks()
    own.link(f"{UNITS}/gen.swap", "/opt/gen.swap")
    assert paths(link_at_mask(own.host, "gen.swap")) == ({f"{UNITS}/gen.swap": "/opt/gen.swap"}, [])


def test_place_of_a_mask_that_is_taken(own: Node) -> None:
    with pytest.raises(UnclearError, match=r"found a file that systemd has not loaded"):
        link_at_mask(own.host, "own.swap")
