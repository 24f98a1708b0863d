"""The linters, as tests: a fault that they find is a failure like any other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

TOP = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent.relative_to(TOP)

# The folders that hold code; build/ and whatever else lies about is nobody's business here.
FOLDERS = (".ci", "nodefix", "packaging", "systemd", "tests")

# What is checked by mypy as packages; scripts without a suffix follow one by one.
TYPED = (
    "nodefix",
    "packaging/shown.py",
    "packaging/testnode",
    "tests/bench",
    "tests/lint",
    "tests/safety",
    "tests/conftest.py",
)

# What runs as root, and what makes it: bandit looks at these; exceptions are in bandit.yaml.
SHIPPED = ("nodefix/", "packaging/")

SECONDS = 300


def files() -> Iterator[Path]:
    """Every file of the project that may hold code, relative to the top."""
    for folder in FOLDERS:
        for file in sorted((TOP / folder).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                yield file.relative_to(TOP)


def interpreter(file: Path) -> str:
    """What the first line of a script without a suffix names: python, bash, sh, or nothing."""
    if file.suffix:
        return ""
    with (TOP / file).open("rb") as opened:
        line = opened.readline(200)
    if not line.startswith(b"#!"):
        return ""
    words = [word.rsplit("/", 1)[-1] for word in line[2:].decode(errors="replace").split()]
    program = words[1] if words[0] == "env" and len(words) > 1 else words[0]
    return program.rstrip("0123456789.")


PYTHON_SCRIPTS = tuple(str(file) for file in files() if interpreter(file) == "python")
PYTHON_FILES = tuple(str(file) for file in files() if file.suffix == ".py") + PYTHON_SCRIPTS
SHELL_FILES = tuple(
    str(file) for file in files() if file.suffix == ".sh" or interpreter(file) in ("bash", "sh")
)


def tool(name: str) -> str:
    """A linter: the one beside this Python, else the one on PATH.

    Where there is neither the test is skipped, but never where nobody would see it.
    """
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up(
            f"found no {name}, neither beside {sys.executable} nor on PATH;"
            " run tests/run as root once, it installs the linters"
        )
    return found


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the linters keep what they know; build/ may be root's, from an earlier sudo."""
    folder = TOP / "build" / "lint"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except PermissionError:
        return str(tmp_path_factory.mktemp("lint"))
    return str(folder if os.access(folder, os.W_OK) else tmp_path_factory.mktemp("lint"))


def check(*argv: str) -> None:
    """Run a linter at the top of the checkout; what it finds fault with is the failure's text."""
    done = subprocess.run(
        argv,
        cwd=TOP,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{Path(argv[0]).name} finds fault:\n{done.stdout}", pytrace=False)


def test_ruff(cache: str) -> None:
    settings = ("--config", f"{HERE}/ruff.toml", "--cache-dir", cache)
    check(tool("ruff"), "check", *settings, *PYTHON_FILES)


def test_ruff_format(cache: str) -> None:
    settings = ("--config", f"{HERE}/ruff.toml", "--cache-dir", cache)
    check(tool("ruff"), "format", "--diff", *settings, *PYTHON_FILES)


# A script is a module named __main__, of which mypy takes one at a time.
@pytest.mark.parametrize(
    "target",
    [tuple(path for path in TYPED if (TOP / path).exists()), *((s,) for s in PYTHON_SCRIPTS)],
    ids=lambda target: "packages" if len(target) > 1 else target[0],
)
def test_mypy(target: tuple[str, ...], cache: str) -> None:
    check(tool("mypy"), "--config-file", f"{HERE}/mypy.ini", "--cache-dir", cache, *target)


def test_shellcheck() -> None:
    check(tool("shellcheck"), *SHELL_FILES)


class Found(NamedTuple):
    """One finding."""

    test: str
    file: str
    what: str


class Meant(NamedTuple):
    """An exception: one of bandit's tests, in files, or folders that end in a slash."""

    test: str
    files: tuple[str, ...]

    def covers(self, found: Found) -> bool:
        """Whether a finding is one of these."""
        return found.test == self.test and any(
            found.file.startswith(name) if name.endswith("/") else found.file == name
            for name in self.files
        )


def bandit() -> list[Found]:
    """All that bandit finds."""
    files = [file for file in PYTHON_FILES if file.startswith(SHIPPED)]
    done = subprocess.run(
        [tool("bandit"), "--quiet", "--format", "json", *files],
        cwd=TOP,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    # 1 is "something was found"; anything else than JSON is a bandit that does not run.
    assert done.returncode in (0, 1), done.stderr
    said = json.loads(done.stdout)
    assert said["errors"] == []
    return [
        Found(
            one["test_id"],
            one["filename"].removeprefix("./"),
            f"{one['line_number']}: {one['issue_text']}",
        )
        for one in said["results"]
    ]


def test_bandit_finds_only_what_is_meant() -> None:
    rows = yaml.safe_load((TOP / HERE / "bandit.yaml").read_text())
    assert all(row["why"] for row in rows)
    meant = [Meant(row["test"], tuple(row["files"])) for row in rows]
    found = bandit()
    assert [one for one in found if not any(row.covers(one) for row in meant)] == []
    assert [row for row in meant if not any(row.covers(one) for one in found)] == []
