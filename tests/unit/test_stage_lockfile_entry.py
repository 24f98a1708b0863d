"""nodefix/stages/lockfile.py: the entry of systemd-tmpfiles, and files that are not nodefix's."""

from __future__ import annotations

import errno
import os

import pytest
from fakehost import Node, attempt, planned

from nodefix.errors import NodefixError
from nodefix.facts.lockfile import LOCK, TMPFILES, TMPFILES_LINE, VENDORS_TMPFILES
from nodefix.facts.remedies import AGAIN, remount
from nodefix.plan import Change, Problem
from nodefix.stages import lockfile
from nodefix.stages.lockfile import MakeEntry

FOLDER = "/etc/tmpfiles.d"


def entry(node: Node) -> tuple[tuple[Change, ...], tuple[Problem, ...]]:
    """What the plan says of the entry; the lock file itself is another test's."""
    left = planned(lockfile, node)
    changes = tuple(one for one in left.changes if one.target == TMPFILES)
    return changes, left.problems


def refused(node: Node) -> Problem:
    """The problem that the entry is; the file is the same after a repair."""
    changes, (problem,) = entry(node)
    assert not changes
    assert not problem.required
    assert problem.message.startswith(TMPFILES)
    before = node.snapshot()["etc/tmpfiles.d/nodefix.conf"]
    for change in planned(lockfile, node).changes:
        if isinstance(change.action, MakeEntry):
            attempt(lockfile, change, node)
    assert node.snapshot()["etc/tmpfiles.d/nodefix.conf"] == before
    return problem


def shell(node: Node, line: str) -> None:
    """What the remedies for an entry do: `sed -i 'Ns/^/# /' FILE` and `printf ... >>FILE`."""
    place = node.host.path(TMPFILES)
    for part in line.split(" && "):
        if part.startswith("sed -i '"):
            number = int(part.removeprefix("sed -i '").partition("s/^/# /'")[0])
            lines = place.read_text().split("\n")
            lines[number - 1] = f"# {lines[number - 1]}"
            place.write_text("\n".join(lines))
        else:
            assert part == f"printf '\\n%s\\n' '{TMPFILES_LINE}' >>{TMPFILES}"
            with place.open("a") as file:
                file.write(f"\n{TMPFILES_LINE}\n")


@pytest.mark.parametrize(
    "content",
    [
        f"{TMPFILES_LINE}\n",
        f"# the site's\nd /run/site 0755 root root -\n{TMPFILES_LINE}",
        f"f {LOCK} 0600\n",
        f"f! {LOCK} 600 - 0\n",
        f"F+ {LOCK} :0600 root root - -\n",
    ],
)
def test_an_entry_of_the_admins_that_does_it_is_enough(node: Node, content: str) -> None:
    node.file(TMPFILES, content)
    assert entry(node) == ((), ())


@pytest.mark.parametrize(
    "content",
    [
        "",
        "# nothing\n",
        "d /run/site 0755 root root -",
        f"# f {LOCK} 0600 root root -\n",
        f"d {LOCK} 0755 root root -\n",
        f"f {LOCK} 0644 root root -\n",
        f"f {LOCK} 0600 nobody root -\nf {LOCK} 0600 root root -\n",
        f"f {LOCK} 0600 root nobody -\n",
        f"r {LOCK}\n",
    ],
)
def test_an_admins_file_is_left_and_its_remedy_keeps_every_byte(node: Node, content: str) -> None:
    place = node.file(TMPFILES, content)
    problem = refused(node)
    shell(node, problem.hint)
    assert entry(node) == ((), ())
    text = place.read_text()
    assert all(line in text for line in content.splitlines())


def test_a_comment_is_no_line(node: Node) -> None:
    node.file(TMPFILES, f"#f {LOCK} 0600 root root -\n")
    assert "found no line" in refused(node).message


def test_what_cannot_be_read_is_not_absent(node: Node) -> None:
    place = node.host.path(TMPFILES)
    place.parent.mkdir(parents=True)
    os.mkfifo(place)
    assert "named pipe" in refused(node).message


@pytest.mark.parametrize("target", ["masked", "nowhere"])
def test_a_link_is_not_written_through(node: Node, target: str) -> None:
    """A link to /dev/null masks another file of that name: tmpfiles.d(5)."""
    place = node.link(TMPFILES, target)
    os.mkfifo(place.with_name("masked"))
    refused(node)
    assert place.with_name("masked").is_fifo()
    assert not place.with_name("nowhere").exists()


def test_a_mask_is_named(node: Node) -> None:
    node.link(TMPFILES, os.devnull)
    problem = refused(node)
    assert f"found a link to {os.devnull}, which masks it" in problem.message
    assert problem.hint == f"rm {TMPFILES}"


def test_a_directory_and_a_huge_file(node: Node) -> None:
    place = node.host.path(TMPFILES)
    place.mkdir(parents=True)
    assert "directory" in refused(node).message
    place.rmdir()
    node.file(TMPFILES, b"#" * (2 << 20))
    assert "1048576 bytes" in refused(node).message


def test_a_file_that_came_meanwhile_is_kept(node: Node) -> None:
    (node.root / "etc").mkdir()
    (change,), _ = entry(node)
    place = node.file(TMPFILES, "mine\n")
    assert "in the meantime" in attempt(lockfile, change, node)
    assert place.read_text() == "mine\n"


def test_no_folder_yet(node: Node) -> None:
    (node.root / "etc").mkdir()
    (change,), _ = entry(node)
    assert attempt(lockfile, change, node) == ""
    assert entry(node) == ((), ())


@pytest.mark.parametrize(
    ("number", "has_folder", "hint"),
    [
        (errno.EROFS, True, f"{remount(FOLDER)} && {AGAIN}"),
        (errno.EROFS, False, f"{remount('/etc')} && {AGAIN}"),
        (errno.EPERM, True, f"lsattr -d {FOLDER}; chattr -i {FOLDER} && {AGAIN}"),
        (errno.ENOSPC, True, f"df -h {FOLDER}; df -i {FOLDER}"),
    ],
)
def test_a_folder_that_cannot_be_written_to(
    node: Node, monkeypatch: pytest.MonkeyPatch, number: int, has_folder: bool, hint: str
) -> None:
    """The remedy is for what prevents it, where there is one."""

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number), "beside")

    node.host.path(FOLDER if has_folder else "/etc").mkdir(parents=True)
    (change,), _ = entry(node)
    monkeypatch.setattr(lockfile, "write_atomic" if has_folder else "make_folder", refuse)
    with pytest.raises(NodefixError) as raised:
        lockfile.apply(change, node.host)
    assert raised.value.message == f"{TMPFILES} cannot be written: {os.strerror(number)}"
    assert raised.value.hint == hint


def test_an_image_may_carry_the_entry(node: Node) -> None:
    """By the command that the change tells; a file of the same name in /etc replaces it whole."""
    ((change,), _) = entry(node)
    words, _, file = change.carried.partition(" >")
    node.file(file, words.removeprefix("echo '").removesuffix("'"))
    assert entry(node) == ((), ())
    node.file(TMPFILES, "d /run/site 0755 root root -\n")
    assert "found no line" in refused(node).message


@pytest.mark.parametrize("content", ["", f"d {LOCK} 0755 root root -\n"])
def test_another_file_in_the_image_is_no_entry(node: Node, content: str) -> None:
    node.file(VENDORS_TMPFILES, content)
    assert len(entry(node)[0]) == 1
