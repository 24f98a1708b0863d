"""nodefix/spawn.py: one small program, without what commands.py needs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from nodefix.host import spawn

pytestmark = pytest.mark.real_commands


def errors(script: str, seconds: float = 10.0) -> bytes:
    return spawn.errors_of("/", ("/bin/sh", "-c", script), seconds)


def test_errors_of_a_program_that_fails() -> None:
    assert errors("echo out; echo err >&2; exit 3") == b"err\n"
    assert errors("echo err >&2; exit 0") == b""


def test_its_environment_is_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("SECRET", "1")
    shown = errors("tr '\\0' '\\n' </proc/self/environ >&2; exit 1").decode().splitlines()
    assert sorted(shown) == ["LC_ALL=C.UTF-8", f"PATH={spawn.ENVIRONMENT['PATH']}"]


def test_it_reads_nothing() -> None:
    assert errors("cat; echo done >&2; exit 1") == b"done\n"


def test_what_it_says_is_bounded() -> None:
    assert len(errors("yes | head -c 100000 >&2; exit 1")) == 4096


def test_a_program_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    begun = time.monotonic()
    assert errors(f"echo x >&2; sleep 60 & echo $! >{tmp_path}/pid; wait", 0.5) == b""
    assert time.monotonic() - begun < 20
    pid = int((tmp_path / "pid").read_text())
    end = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        if "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]:
            break
        time.sleep(0.05)
    else:
        assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("kind", ["missing", "no program", "directory"])
def test_what_cannot_be_run_says_nothing(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "it"
    if kind == "no program":
        path.write_bytes(b"\0")
        path.chmod(0o755)
    if kind == "directory":
        path.mkdir()
    assert spawn.errors_of("/", (str(path),), 5.0) == b""


def test_no_descriptor_stays_open() -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = count()
    errors("exit 1")
    errors("sleep 5", 0.1)
    assert count() == before
