"""nodefix/host/backups.py: copies of a file, few and never written over."""

from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest

from nodefix.host.backups import MOST, keep


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time of day, which the test sets."""
    now = [1_800_000_000.0]
    real = time.gmtime
    monkeypatch.setattr(time, "gmtime", lambda: real(now[0]))
    return now


def contents(folder: Path) -> list[bytes]:
    """The copies' contents, in the order of their names."""
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def test_a_copy_is_private(tmp_path: Path) -> None:
    folder = tmp_path / "a/backup"
    keep(b"1", folder, "fstab")
    (copy,) = folder.iterdir()
    assert copy.name.startswith("fstab-20")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_the_same_again_is_not_kept_twice(tmp_path: Path, clock: list[float]) -> None:
    for _ in range(5):
        keep(b"1", tmp_path, "fstab")
        clock[0] += 10
    assert contents(tmp_path) == [b"1"]


def test_what_came_back_is_kept_again(tmp_path: Path, clock: list[float]) -> None:
    for content in (b"1", b"2", b"1"):
        keep(content, tmp_path, "fstab")
        clock[0] += 10
    assert contents(tmp_path) == [b"1", b"2", b"1"]


@pytest.mark.parametrize("step", [10, 0, -10_000], ids=["forward", "still", "set back"])
def test_the_first_and_the_newest_stay(tmp_path: Path, clock: list[float], step: int) -> None:
    wanted = [b"%d" % number for number in range(2 * MOST)]
    for number, content in enumerate(wanted, 1):
        keep(content, tmp_path, "fstab")
        clock[0] += step
        assert len(list(tmp_path.iterdir())) == min(number, MOST)
    left = sorted(int(content) for content in contents(tmp_path))
    assert left == [0, *range(MOST + 1, 2 * MOST)]


def test_what_is_no_copy_is_left_alone(tmp_path: Path) -> None:
    others = ["fstab-old", "fstab-20260101T000000Z.bak", "group-20260101T000000Z", ".fstab-x"]
    for name in others:
        (tmp_path / name).write_bytes(b"mine")
    (tmp_path / "fstab-20990101T000000Z").mkdir()
    for number in range(2 * MOST):
        keep(b"%d" % number, tmp_path, "fstab")
    assert {name for name in others if (tmp_path / name).read_bytes() == b"mine"} == set(others)
    assert len(list(tmp_path.iterdir())) == MOST + len(others) + 1


def test_a_copy_that_cannot_be_taken_away_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(1, "Operation not permitted")

    for number in range(MOST):
        keep(b"%d" % number, tmp_path, "fstab")
    monkeypatch.setattr(Path, "unlink", refuse)
    monkeypatch.setattr(
        "nodefix.host.backups.write_atomic", lambda path, content, mode: path.write_bytes(content)
    )
    keep(b"new", tmp_path, "fstab")
    assert b"new" in contents(tmp_path)


def test_newest_one_that_cannot_be_read_is_no_reason_to_keep_none(tmp_path: Path) -> None:
    (tmp_path / "fstab-20990101T000000Z").write_bytes(b"x" * (2 << 20))
    keep(b"1", tmp_path, "fstab")
    assert (tmp_path / "fstab-20990101T000000Z.1").read_bytes() == b"1"
