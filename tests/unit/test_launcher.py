"""packaging/nodefix, the launcher: it ends as nodefix does, with its status and its words."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest
from launched import TOP, Installed, syntax
from pythons import pythons

pytestmark = pytest.mark.real_commands


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    return Installed(tmp_path)


def check_too_old(done: subprocess.CompletedProcess[str], python: str) -> None:
    """It says so, in a line and a remedy."""
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first.startswith("nodefix: cannot be run: ")
    assert python in first
    assert second == "  fix: dnf reinstall python3"


def test_too_old_python_is_told_like_that(installed: Installed) -> None:
    text = installed.launcher.read_text()
    assert text.count("(3, 11)") == 1
    installed.launcher.write_text(text.replace("(3, 11)", "(3, 99)"))
    check_too_old(installed.run("wait"), "expected 3.99 or later")


def test_oldest_python_is_that_of_the_package() -> None:
    assert "python_requires = >=3.11\n" in (TOP / "setup.cfg").read_text()
    assert "\nRequires:       python3 >= 3.11\n" in (TOP / "nodefix.spec").read_text()
    assert "_OLDEST = (3, 11)\n" in (TOP / "packaging/nodefix").read_text()


def test_older_pythons_can_read_the_launcher(installed: Installed) -> None:
    syntax(installed)
    older = [path for version, path in pythons().items() if (3, 6) <= version < (3, 11)]
    if not older:
        pytest.skip("found no Python from 3.6 to 3.10 on this machine")
    for python in older:
        check_too_old(installed.run("wait", python=str(python)), "expected 3.11 or later")


def test_interrupt_while_it_is_loaded(installed: Installed) -> None:
    # No signal: a shell lets what it runs in the background ignore that.
    (installed.package / "cli.py").write_text("raise KeyboardInterrupt\n")
    done = installed.run("wait")
    assert (done.returncode, done.stderr) == (1, "nodefix: interrupted\n")


@pytest.mark.parametrize(("code", "status"), [("0", 0), ("64", 64), ("None", 0)])
def test_exit_hands_over_what_was_printed(installed: Installed, code: str, status: int) -> None:
    installed.main(f"print('help'); sys.exit({code})")
    done = installed.run("--help")
    assert (done.returncode, done.stdout, done.stderr) == (status, "help\n", "")
    done = installed.run("--help", redirect=">/dev/full")
    told = "nodefix: standard output: No space left on device\n"
    assert (done.returncode, done.stderr) == (status or 1, told)
    done = installed.run("--help", redirect="| true")
    assert (done.returncode, done.stderr) == (0, "")


def test_defect_is_one_line_with_its_place(installed: Installed) -> None:
    file = installed.main('raise KeyError("a\\x1b[2J")')
    done = installed.run("wait")
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first == (f"nodefix: hit an unexpected error: KeyError: 'a\\x1b[2J' at {file}:3")
    assert second.endswith("rpm -V nodefix")


def test_more_than_a_full_output_takes_is_no_defect(installed: Installed) -> None:
    installed.main("print('x' * 100000); print('y'); return 0")
    done = installed.run("status", redirect=">/dev/full")
    told = "nodefix: standard output: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, told)


def test_names_that_the_locale_has_no_characters_for(installed: Installed) -> None:
    # What Python makes of the byte 0xFF in a file's name.
    installed.main("print('x\\udcff'); return 0")
    done = installed.run("config")
    assert (done.returncode, done.stdout, done.stderr) == (0, "x\\udcff\n", "")


def test_what_it_makes_is_readable_under_any_umask(installed: Installed, tmp_path: Path) -> None:
    installed.main(f"import os; os.mkdir({str(tmp_path / 'made')!r}); return 0")
    before = os.umask(0o077)
    try:
        assert installed.run("run").returncode == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o755


@pytest.mark.parametrize("error", ["MemoryError", "SystemError"])
def test_want_of_memory_is_no_defect(installed: Installed, error: str) -> None:
    installed.main(f"raise {error}")
    done = installed.run("run")
    words = "nodefix: found no memory left to go on with\n  fix: free -m; ulimit -v -d\n"
    assert (done.returncode, done.stderr) == (1, words)


@pytest.mark.parametrize("status", [0, 1, 2, 64, 77])
def test_status_is_that_of_main(installed: Installed, status: int) -> None:
    installed.main(f"print(arguments); return {status}")
    done = installed.run("run", "--stage", "swap")
    assert (done.returncode, done.stdout) == (status, "['run', '--stage', 'swap']\n")
    assert done.stderr == ""


@pytest.mark.parametrize("redirect", ["2>&-", ">&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full"])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("status", [0, 3])
def test_closed_or_full_output_is_no_traceback(
    installed: Installed, redirect: str, stream: str, status: int
) -> None:
    installed.main(f"print('x', file=sys.{stream}); return {status}")
    done = installed.run("run", redirect=redirect)
    if redirect == "2>/dev/full" and stream == "stderr":
        # stderr has no buffer that would be flushed at the end only.
        status = 1
    elif redirect == ">/dev/full" and stream == "stdout":
        status = status or 1
    assert done.returncode == status
    assert "Traceback" not in done.stdout + done.stderr
    assert "Exception ignored" not in done.stdout + done.stderr


def test_damage_without_a_stderr_is_still_a_failure(installed: Installed) -> None:
    syntax(installed)
    done = installed.run("wait", redirect="2>&-")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_no_file_that_is_opened_becomes_stderr(installed: Installed, tmp_path: Path) -> None:
    installed.main(
        f"file = open({str(tmp_path / 'opened')!r}, 'w'); print('words', file=sys.stderr);"
        " sys.stderr.flush(); return file.fileno()"
    )
    assert installed.run("run", redirect="2>&-").returncode > 2
    assert (tmp_path / "opened").read_text() == ""
