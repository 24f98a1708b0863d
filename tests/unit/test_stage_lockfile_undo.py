"""nodefix/stages/lockfile.py: what stood there is on disk before the entry is made."""

from __future__ import annotations

import pytest
from fakehost import Node, planned, result

from nodefix.config import Config
from nodefix.converge import run_stage
from nodefix.facts.lockfile import LOCK, TMPFILES, TMPFILES_CONTENT
from nodefix.facts.remedies import AGAIN, remount
from nodefix.plan import Undo
from nodefix.report import StageReport
from nodefix.stages import lockfile
from nodefix.undo import BEGUN, MADE, Entry, UndoLog, text

FOLDER = "/etc/tmpfiles.d"
PROGRAM = "/usr/bin/systemd-tmpfiles"


@pytest.fixture
def bare(node: Node) -> Node:
    """A node without an entry, with a systemd-tmpfiles that does nothing."""
    (node.root / "etc").mkdir()
    (node.root / "run").mkdir()
    node.programs.table[(PROGRAM,)] = result()
    return node


def run(node: Node) -> StageReport:
    return run_stage(lockfile, node.host, Config())


def entry(node: Node) -> tuple[str, str, Undo]:
    """Target, state and undo of the one entry that is on disk."""
    (found,) = UndoLog(node.root).entries()
    assert isinstance(found, Entry)
    return found.target, found.state, found.undo


@pytest.mark.parametrize("has_folder", [True, False])
def test_the_entry_is_on_disk_before_the_file_is_made(
    bare: Node, monkeypatch: pytest.MonkeyPatch, has_folder: bool
) -> None:
    if has_folder:
        bare.host.path(FOLDER).mkdir()
    seen = []
    real = lockfile.make_folder

    def look(*arguments: object) -> None:
        seen.append(entry(bare))
        assert bare.host.path(FOLDER).exists() is has_folder
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(lockfile, "make_folder", look)
    run(bare)
    folder = {} if has_folder else {FOLDER: {"folder": "0755"}}
    file = {TMPFILES: {"file": text(TMPFILES_CONTENT), "mode": "0644"}}
    undo = Undo("tmpfiles-entry", dict.fromkeys((*file, *folder)), {**file, **folder})
    assert seen == [(TMPFILES, BEGUN, undo)]
    assert entry(bare) == (TMPFILES, MADE, undo)
    assert bare.host.path(TMPFILES).stat().st_mode & 0o7777 == 0o644


def test_what_was_refused_stays_begun(bare: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system", TMPFILES)

    bare.host.path(FOLDER).mkdir()
    monkeypatch.setattr(lockfile, "write_atomic", refuse)
    problem = {one.code: one for one in run(bare).problems}["lockfile-entry"]
    assert "Read-only file system" in problem.message
    assert problem.hint == f"{remount(FOLDER)} && {AGAIN}"
    assert entry(bare)[1] == BEGUN


def test_what_cannot_be_written_down_is_not_changed(bare: Node) -> None:
    bare.file("/var/lib/nodefix", "a file")
    problem = {one.code: one for one in run(bare).problems}["lockfile-entry"]
    assert "is left unchanged, because its present state cannot be saved" in problem.message
    assert not bare.host.path(FOLDER).exists()


def test_what_ends_with_the_boot_is_not_written_down(bare: Node) -> None:
    now = [one for one in planned(lockfile, bare).changes if one.target == LOCK]
    assert [one.undo for one in now] == [None]


def test_remedy_of_what_the_program_refuses_reaches_the_reader(bare: Node) -> None:
    bare.programs.table[(PROGRAM,)] = result(73, stderr="Failed to create file")
    problem = {one.code: one for one in run(bare).problems}["lockfile-missing"]
    assert "Failed to create file" in problem.message
    assert problem.hint == f"install -m 0600 /dev/null {LOCK}"
