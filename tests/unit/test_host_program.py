"""nodefix/program.py: what stands in a program's place."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from nodefix.errors import LIMITS, NO_ROOM, CommandError
from nodefix.host.programs import Programs

real_commands = pytest.mark.real_commands
pytestmark = pytest.mark.usefixtures("both_doors")


def refusal(program: Path, *arguments: str) -> CommandError:
    """How a program that cannot be run is told of."""
    with pytest.raises(CommandError) as caught:
        Programs().run(str(program), *arguments)
    return caught.value


def script(path: Path, content: bytes = b"#!/bin/sh\n", mode: int = 0o755) -> None:
    path.write_bytes(content)
    path.chmod(mode)


def dangle(path: Path) -> None:
    path.symlink_to("gone")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize(
    ("make", "found", "hint"),
    [
        (lambda path: None, "found no such program", "dnf install {}"),
        (Path.mkdir, "found a directory, expected a program", "mv -T {0} {0}.found && dnf re"),
        (os.mkfifo, "found a named pipe, expected a program", "mv -T {0} {0}.found && dnf re"),
        (dangle, "found a link to gone, where nothing is", "dnf reinstall {}"),
        (loop, "found `Too many levels of symbolic links`", "namei -l {}"),
        (lambda path: script(path, mode=0o644), "found a file that is not", "chmod 755 {}"),
    ],
    ids=["missing", "directory", "pipe", "dangling", "loop", "no x"],
)
def test_what_stands_there_is_said_without_trying(
    tmp_path: Path, make: Callable[[Path], None], found: str, hint: str
) -> None:
    program = tmp_path / "program"
    make(program)
    error = refusal(program)
    assert error.message.startswith(f"{program}: {found}")
    assert error.hint.startswith(hint.format(program))


@real_commands
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x7fELF not really", "Exec format error"),
        (b"", "Exec format error"),
        (b"#!/nonexistent/interpreter\n", "No such file or directory"),
    ],
)
def test_damaged_program(tmp_path: Path, content: bytes, words: str) -> None:
    script(tmp_path / "program", content)
    error = refusal(tmp_path / "program", "--x")
    assert f"`{tmp_path}/program --x` could not be started: " in error.message
    assert words in error.message
    assert "\n" not in error.message
    assert error.hint == f"dnf reinstall {tmp_path}/program"


@real_commands
def test_program_that_somebody_writes_to(tmp_path: Path) -> None:
    program = tmp_path / "program"
    script(program)
    with program.open("ab"):
        error = refusal(program)
    assert "Text file busy" in error.message
    assert error.hint == f"find /proc/[0-9]*/fd -lname {program}"


@real_commands
def test_argument_that_no_program_can_get() -> None:
    message = refusal(Path("/bin/true"), "\0").message
    assert message.endswith("could not be started: ValueError: embedded null byte")


@real_commands
def test_no_descriptors_left() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = len([*Path("/proc/self/fd").iterdir()])
    errors = []
    for more in range(14):
        resource.setrlimit(resource.RLIMIT_NOFILE, (taken + more, hard))
        try:
            Programs().run("/bin/true")
        except CommandError as error:
            errors.append(error)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(errors) > 3
    assert all("Too many open files" in error.message for error in errors)
    assert {error.hint for error in errors} == {LIMITS[errno.EMFILE]}


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM, errno.EMFILE, errno.ENOMEM])
def test_no_memory_file(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(name: str) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "memfd_create", refuse)
    error = refusal(Path("/bin/true"))
    assert error.message == f"`/bin/true` could not be started: {os.strerror(number)}"
    assert error.hint


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM])
def test_no_process(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fork", refuse)
    monkeypatch.setattr(os, "posix_spawn", refuse)
    error = refusal(Path("/bin/true"))
    assert error.message == f"`/bin/true` could not be started: {os.strerror(number)}"
    assert error.hint == NO_ROOM
