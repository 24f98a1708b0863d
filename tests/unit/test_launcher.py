"""packaging/nodefix, the launcher: one line instead of a traceback, whatever is damaged."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from pythons import pythons

TOP = Path(__file__).resolve().parents[2]
HOME = "/usr/lib/nodefix"

pytestmark = pytest.mark.real_commands

MAIN = "import {late}\ndef main(arguments):\n    {body}\n"


class Installed:
    """A launcher as installed, with a made-up nodefix package in its folder."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.package = self.home / "nodefix"
        self.package.mkdir(parents=True)
        (self.package / "__init__.py").touch()
        shutil.copy2(TOP / "nodefix/damage.py", self.package)
        self.launcher = folder / "nodefix"
        text = (TOP / "packaging/nodefix").read_text()
        assert text.count(f'"{HOME}"') == 1
        self.launcher.write_text(text.replace(HOME, str(self.home)))
        self.main("return 0")

    def main(self, body: str, late: str = "sys") -> Path:
        """Write nodefix/cli.py."""
        file = self.package / "cli.py"
        file.write_text(MAIN.format(body=body, late=late))
        return file

    def run(
        self, *arguments: str, redirect: str = "", python: str = "/usr/bin/python3"
    ) -> subprocess.CompletedProcess[str]:
        """Run it by a shell."""
        script = f'exec {python} -IS "$@" {redirect}'
        argv = ["/bin/sh", "-c", script, "sh", str(self.launcher), *arguments]
        return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    return Installed(tmp_path)


def byte_code(file: Path) -> Path:
    """Compile a module with what its byte code has to have to be taken."""
    # Of the Python that runs the launcher, which may be another one.
    code = (
        "import py_compile, sys; print(py_compile.compile(sys.argv[1],"
        " invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH))"
    )
    argv = ["/usr/bin/python3", "-I", "-c", code, str(file)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def truncated(installed: Installed) -> None:
    made = byte_code(installed.package / "cli.py")
    made.write_bytes(made.read_bytes()[:40])


def nonsense(installed: Installed) -> None:
    made = byte_code(installed.package / "cli.py")
    made.write_bytes(made.read_bytes()[:16] + b"\xff" * 50)


def syntax(installed: Installed) -> None:
    (installed.package / "cli.py").write_text("def main(:\n")


def half(installed: Installed) -> None:
    (installed.package / "cli.py").write_text("import sys\n")


def zeros(installed: Installed) -> None:
    (installed.package / "cli.py").write_bytes(b"\0" * 100)


def missing(installed: Installed) -> None:
    (installed.package / "cli.py").unlink()


def late_missing(installed: Installed) -> None:
    installed.main("import sh")


def late_truncated(installed: Installed) -> None:
    (installed.package / "gate.py").write_text("value = 1\n" * 10)
    made = byte_code(installed.package / "gate.py")
    made.write_bytes(made.read_bytes()[:30])
    installed.main("from nodefix import gate")


def late_half(installed: Installed) -> None:
    (installed.package / "gate.py").write_text("")
    installed.main("from nodefix.gate import wait")


DAMAGES: dict[str, tuple[Callable[[Installed], None], str]] = {
    "truncated": (truncated, "nodefix.cli: EOFError: marshal data too short"),
    "nonsense": (nonsense, "nodefix.cli: ValueError: bad marshal data"),
    "syntax": (syntax, "SyntaxError: "),
    "half": (half, "ImportError: cannot import name 'main'"),
    "zeros": (zeros, ""),
    "missing": (missing, "ModuleNotFoundError: No module named 'nodefix.cli'"),
    "late missing": (late_missing, "ModuleNotFoundError: No module named 'sh'"),
    "late truncated": (late_truncated, "nodefix.gate: EOFError: marshal data too short"),
    "late half": (late_half, "ImportError: cannot import name 'wait'"),
}


def test_an_image_has_its_own_remedies(installed: Installed) -> None:
    late_missing(installed)
    (installed.package / "host").mkdir()
    image = "def for_this_node(line):\n    return f'in the image: {line}'\n"
    (installed.package / "host/image.py").write_text(image)
    assert "  fix: in the image: dnf reinstall nodefix\n" in installed.run("run").stderr


@pytest.mark.parametrize("command", ["wait", "run"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_installation_is_one_line_and_a_remedy(
    installed: Installed, damage: str, command: str
) -> None:
    make, words = DAMAGES[damage]
    make(installed)
    done = installed.run(command)
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first.startswith(f"nodefix: cannot be loaded: {words}")
    assert second == "  fix: dnf reinstall nodefix"
    assert done.stdout == ""


def test_missing_folder_is_told_like_that(installed: Installed, tmp_path: Path) -> None:
    installed.home.rename(tmp_path / "gone")
    done = installed.run("wait")
    assert done.returncode == 1
    assert "nodefix: cannot be loaded: ModuleNotFoundError: No module named 'nodefix" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_explains_may_be_damaged_too(installed: Installed) -> None:
    syntax(installed)
    (installed.package / "damage.py").write_text("import nowhere\n")
    first, second = installed.run("wait").stderr.splitlines()
    assert first.startswith("nodefix: cannot be loaded: SyntaxError: ")
    assert second == "  fix: dnf reinstall nodefix"


def test_damaged_python_names_python(installed: Installed) -> None:
    installed.main("import nowhere_in_python")
    assert installed.run("run").stderr.splitlines()[1] == (
        "  fix: dnf reinstall nodefix python3-libs"
    )


@pytest.mark.parametrize(
    ("module", "remedy"),
    [
        ("gi", "dnf install python3-gobject-base"),
        ("yaml", "dnf install python3-pyyaml"),
        ("systemd", "dnf install python3-systemd"),
        ("systemd._journal", "dnf reinstall python3-systemd"),
    ],
)
def test_missing_package_is_named(installed: Installed, module: str, remedy: str) -> None:
    # This machine may have them: what the launcher sees is the same.
    late = f'raise ModuleNotFoundError("No module named {module!r}", name="{module}")'
    (installed.package / "gate.py").write_text(late)
    installed.main("import nodefix.gate")
    done = installed.run("run")
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first == f"nodefix: cannot be loaded: ModuleNotFoundError: No module named {module!r}"
    assert second == f"  fix: {remedy}"


def test_damaged_source_of_another_package_names_that(installed: Installed, tmp_path: Path) -> None:
    other = tmp_path / "site packages"
    other.mkdir()
    (other / "broken.py").write_text("def (")
    installed.main(f"sys.path.append({str(other)!r}); import broken")
    assert installed.run("run").stderr.splitlines()[1] == (
        f"  fix: dnf reinstall $(rpm -qf '{other}/broken.py')"
    )


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
