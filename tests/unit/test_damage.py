"""nodefix/damage.py: one line instead of a traceback, whatever is damaged, and a remedy."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from launched import Installed, syntax

pytestmark = pytest.mark.real_commands


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
