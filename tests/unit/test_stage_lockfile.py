"""nodefix/stages/lockfile.py and its facts: /run/xtables.lock is a regular file, root's, 0600."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest
from fakehost import Node, attempt, planned, repair, result

from nodefix.config import Config
from nodefix.errors import NodefixError
from nodefix.facts import lockfile as facts
from nodefix.facts.lockfile import LockFacts
from nodefix.host.node import Host
from nodefix.host.programs import Result
from nodefix.plan import Plan
from nodefix.stages import lockfile

PROGRAM = "/usr/bin/systemd-tmpfiles"
LOCK = "/run/xtables.lock"
ENTRY = "/etc/tmpfiles.d/nodefix.conf"


class Tmpfiles:
    """systemd-tmpfiles, for `f PATH MODE root root -`: makes and mends, leaves what else is there.

    Ownership cannot be given away by an ordinary user, so it is only remembered.
    """

    def __init__(self, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
        self.node = node
        self.owned: set[Path] = set()
        node.programs.table[(PROGRAM, "--create", "-")] = self._create

        def read(host: Host) -> LockFacts:
            found = facts.read_lockfile(host)
            mine = found.owner if found.kind != "file" else (1000, 1000)
            return found._replace(owner=(0, 0) if self.place in self.owned else mine)

        monkeypatch.setattr(lockfile, "read_lockfile", read)

    @property
    def place(self) -> Path:
        """Where the lock file is."""
        return self.node.host.path(LOCK)

    def good(self) -> None:
        """The lock file as it should be."""
        self.node.file(LOCK, mode=0o600)
        self.owned.add(self.place)

    def _create(self, argv: tuple[str, ...], stdin: bytes) -> Result:
        lines = [line.split() for line in stdin.decode().splitlines() if line[:1] != "#"]
        for kind, path, mode, user, group, _ in lines:
            assert (kind, user, group) == ("f", "root", "root")
            place = self.node.host.path(path)
            if os.path.lexists(place) and not stat.S_ISREG(place.lstat().st_mode):
                return result(73, stderr=f"{path} exists and is not a regular file.\n")
            place.touch()
            place.chmod(int(mode, 8))
            self.owned.add(place)
        return result()


@pytest.fixture
def tmpfiles(node: Node, monkeypatch: pytest.MonkeyPatch) -> Tmpfiles:
    """A node with /run, /etc/tmpfiles.d and systemd-tmpfiles."""
    for folder in ("run", "etc/tmpfiles.d"):
        (node.root / folder).mkdir(parents=True)
    return Tmpfiles(node, monkeypatch)


def plan(node: Node, config: Config | None = None) -> Plan:
    return planned(lockfile, node, config)


def now(node: Node) -> Plan:
    """The plan but for what is to last."""
    left = plan(node)
    return left._replace(changes=tuple(one for one in left.changes if one.target == LOCK))


def test_good_node(node: Node, tmpfiles: Tmpfiles) -> None:
    tmpfiles.good()
    repair(lockfile, node)
    before, started = node.snapshot(), len(node.programs.calls)
    assert plan(node) == Plan()
    assert repair(lockfile, node) == Plan()
    assert node.snapshot() == before
    assert len(node.programs.calls) == started


def test_nothing_there(node: Node, tmpfiles: Tmpfiles) -> None:
    (change,) = now(node).changes
    assert (change.target, change.found) == (LOCK, "nothing")
    assert change.hint == f"install -m 0600 /dev/null {LOCK}"
    # Each boot begins like that; the entry that makes the next one begin better is a change.
    assert change.each_boot
    assert [one.each_boot for one in plan(node).changes] == [True, False]
    assert repair(lockfile, node) == Plan()
    assert stat.S_IMODE(tmpfiles.place.stat().st_mode) == 0o600


def test_empty_directory_is_replaced(node: Node, tmpfiles: Tmpfiles) -> None:
    tmpfiles.place.mkdir()
    (change,) = now(node).changes
    assert change.found == "an empty directory"
    assert change.hint.startswith(f"rmdir {LOCK} && ")
    assert repair(lockfile, node) == Plan()
    assert tmpfiles.place.is_file()


def refused(node: Node) -> str:
    """What a plan that changes nothing says; the thing at the path is still the same after it."""
    before = node.host.path(LOCK).lstat()
    left = repair(lockfile, node)
    assert left.changes == ()
    (problem,) = left.problems
    assert problem.required
    assert problem.message.startswith(f"{LOCK}: found a ")
    assert problem.message.endswith("expected a regular file, root's, mode 0600")
    move = f"mv --backup=numbered --no-target-directory {LOCK} {LOCK}.old"
    assert problem.hint == f"{move} && systemctl restart nodefix"
    after = node.host.path(LOCK).lstat()
    assert (after.st_mode, after.st_ino) == (before.st_mode, before.st_ino)
    return problem.message.removeprefix(f"{LOCK}: found a ").rpartition(", expected")[0]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["one"], "1 entry (one)"),
        (["one", "two"], "2 entries (one, two)"),
        (["\x1b[2J" + "x" * 100], "1 entry (?[2J" + "x" * 36 + ")"),
    ],
)
def test_full_directory(node: Node, tmpfiles: Tmpfiles, names: list[str], words: str) -> None:
    for name in names:
        node.file(f"{LOCK}/{name}")
    user = tmpfiles.place.stat().st_uid
    told = refused(node)
    assert told.startswith(f"directory of user {user} with {words.split(' (')[0]} (")
    assert sorted(told.split("(")[1]) == sorted(words.split("(")[1])


def test_huge_directory_is_not_listed_to_its_end(
    node: Node, tmpfiles: Tmpfiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_entries = 0
    real = os.scandir

    class Endless:
        def __init__(self, path: Path) -> None:
            self.entry = next(real(path))

        def __enter__(self) -> Endless:
            return self

        def __exit__(self, *_: object) -> None: ...

        def __iter__(self) -> Endless:
            return self

        def __next__(self) -> os.DirEntry[str]:
            nonlocal read_entries
            read_entries += 1
            assert read_entries < 10_000
            return self.entry

    node.file(f"{LOCK}/one")
    monkeypatch.setattr(os, "scandir", Endless)
    assert refused(node).endswith("with more than 100 entries (one, one, one, …)")


def test_directory_that_is_filled_meanwhile(node: Node, tmpfiles: Tmpfiles) -> None:
    tmpfiles.place.mkdir()
    (change,) = now(node).changes
    node.file(f"{LOCK}/one")
    assert "Directory not empty" in attempt(lockfile, change, node)
    assert (tmpfiles.place / "one").exists()


@pytest.mark.parametrize("target", ["/dev/null", "elsewhere", "nowhere"])
def test_symbolic_link_is_not_followed(node: Node, tmpfiles: Tmpfiles, target: str) -> None:
    node.file("/run/elsewhere")
    node.link(LOCK, target)
    assert refused(node) == "symbolic link"


def test_named_pipe(node: Node, tmpfiles: Tmpfiles) -> None:
    os.mkfifo(tmpfiles.place)
    assert refused(node) == "named pipe"


def test_socket(
    node: Node, tmpfiles: Tmpfiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A socket's path has to be short.
    monkeypatch.chdir(tmpfiles.place.parent)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(tmpfiles.place.name)
        assert refused(node) == "socket"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a device")
def test_device(node: Node, tmpfiles: Tmpfiles) -> None:
    os.mknod(tmpfiles.place, stat.S_IFCHR | 0o600, os.makedev(1, 3))
    assert refused(node) == "device"


@pytest.mark.parametrize("kind", ["directory", "full directory", "pipe", "file"])
def test_what_is_mounted_there_is_to_be_unmounted(
    node: Node, tmpfiles: Tmpfiles, kind: str
) -> None:
    """Neither rmdir nor mv helps then, and a file system that is read-only takes no chmod."""
    mounts = "36 35 0:32 / /run rw - tmpfs x rw\n99 36 0:50 / /run/xtables.lock ro - tmpfs x ro\n"
    node.file("/proc/self/mountinfo", mounts)
    if kind == "pipe":
        os.mkfifo(tmpfiles.place)
    elif kind == "file":
        node.file(LOCK)
    else:
        tmpfiles.place.mkdir()
    if kind == "full directory":
        node.file(f"{LOCK}/x")
    plan = now(node)
    (hint,) = [one.hint for one in (*plan.changes, *plan.problems)]
    assert hint == "umount /run/xtables.lock && systemctl restart nodefix"
    assert len(plan.changes) == (kind == "file")
    node.file("/proc/self/mountinfo", mounts.replace("lock ", "lock2 "))
    assert "umount" not in str(now(node))


def test_wrong_mode(node: Node, tmpfiles: Tmpfiles) -> None:
    tmpfiles.good()
    tmpfiles.place.chmod(0o644)
    (change,) = now(node).changes
    assert change.found == "a file of user 0, group 0, mode 0644"
    assert "chmod 0600" in change.hint
    assert repair(lockfile, node) == Plan()


def test_wrong_owner(node: Node, tmpfiles: Tmpfiles) -> None:
    node.file(LOCK, mode=0o600)
    (change,) = now(node).changes
    assert change.found == "a file of user 1000, group 1000, mode 0600"
    assert "chown root:root" in change.hint
    assert repair(lockfile, node) == Plan()


@pytest.mark.parametrize(
    "found",
    [LockFacts("file", 0o600, (0, 1)), LockFacts("file", 0o600, (1, 0))],
    ids=["another group", "another user"],
)
def test_owner_and_group_both_count(found: LockFacts) -> None:
    assert lockfile.plan(found, Config()).changes


def test_content_is_kept(node: Node, tmpfiles: Tmpfiles) -> None:
    node.file(LOCK, "somebody's", 0o644)
    repair(lockfile, node)
    assert tmpfiles.place.read_text() == "somebody's"


def test_tmpfiles_that_refuses(node: Node, tmpfiles: Tmpfiles) -> None:
    (change,) = now(node).changes
    node.programs.table[(PROGRAM, "--create", "-")] = result(73, stderr="Failed to create file")
    assert attempt(lockfile, change, node) == f"{PROGRAM}: Failed to create file"


def test_it_lasts_over_a_boot(node: Node, tmpfiles: Tmpfiles) -> None:
    tmpfiles.good()
    (change,) = plan(node).changes
    assert (change.target, change.required) == (ENTRY, False)
    assert repair(lockfile, node) == Plan()
    entry = node.host.path(ENTRY).read_text()
    assert f"f {LOCK} 0600 root root -" in entry.splitlines()
    # The next boot begins with an empty /run, and systemd-tmpfiles goes by the entry.
    tmpfiles.place.unlink()
    node.programs.run(PROGRAM, "--create", "-", stdin=entry.encode())
    assert plan(node) == Plan()


def test_entry_that_cannot_be_written_does_not_hold_kubelet(node: Node, tmpfiles: Tmpfiles) -> None:
    tmpfiles.good()
    (node.root / "etc/tmpfiles.d").rmdir()
    node.file("/etc/tmpfiles.d", "a file")
    (problem,) = repair(lockfile, node).problems
    assert "Not a directory" in problem.message
    assert not problem.required


def test_place_that_cannot_be_looked_at(node: Node) -> None:
    node.file("/run", "a file")
    with pytest.raises(NodefixError, match=f"{LOCK}: cannot be examined: Not a directory"):
        facts.read_lockfile(node.host)
