"""packaging/sos: what a sos report has of nodefix, and how sos comes by it."""

from __future__ import annotations

import fnmatch
import runpy
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from nodefix.cli import COMMANDS
from nodefix.words import BACKUPS, MOTD, REPAIRED, REPORT, SETTINGS_FILE, STATE_FILE, UNDO

HERE = Path(__file__).resolve().parents[2] / "packaging/sos"
TARGET = "/usr/share/nodefix/sos/nodefix.py"
PLUGINS = "usr/lib/python3.12/site-packages/sos/report/plugins"


class Plugin:
    """sos' own, as far as it is used; source: sos/report/plugins/__init__.py."""

    def __init__(self) -> None:
        self.forbidden: list[str] = []
        self.copied: list[str] = []
        self.commands: list[str] = []
        self.journals: list[object] = []

    def add_forbidden_path(self, forbidden: list[str]) -> None:
        self.forbidden += forbidden

    def add_copy_spec(self, copyspecs: list[str]) -> None:
        self.copied += copyspecs

    def add_cmd_output(self, cmds: list[str], timeout: int) -> None:
        assert timeout <= 300
        self.commands += cmds

    def add_journal(self, units: list[str] | None = None, identifier: str = "") -> None:
        self.journals.append(units or identifier)


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Plugin:
    stub = ModuleType("sos.report.plugins")
    vars(stub).update(
        Plugin=Plugin,
        RedHatPlugin=type("RedHatPlugin", (), {}),
        DebianPlugin=type("DebianPlugin", (), {}),
    )
    for name in ("sos", "sos.report"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "sos.report.plugins", stub)
    # sos runs the class that has the file's name.
    made: Plugin = runpy.run_path(str(HERE / "nodefix.py"))["Nodefix"]()
    made.setup()  # type: ignore[attr-defined]
    return made


def test_what_is_collected(plugin: Plugin) -> None:
    def is_in(name: str, patterns: list[str]) -> bool:
        """A folder stands for all that is in it."""
        return any(
            fnmatch.fnmatch(f"/{name}", p) or f"/{name}".startswith(f"{p}/") for p in patterns
        )

    for name in (SETTINGS_FILE, REPORT, STATE_FILE, MOTD, REPAIRED):
        assert is_in(name, plugin.copied), name
    # fstab may have passwords; its copies are named and not taken along.
    for folder in (BACKUPS, UNDO):
        assert is_in(folder, plugin.forbidden) or f"/{folder}" in plugin.forbidden
        assert any(command.startswith("ls ") for command in plugin.commands)
    called = [command.split()[1] for command in plugin.commands if command.startswith("nodefix ")]
    assert {"check", "status"} <= set(called) <= set(COMMANDS)
    assert "nodefix" in plugin.journals


def link(root: Path, action: str = "link") -> None:
    done = subprocess.run(
        [HERE / "plugin", action, root], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout + done.stderr == ""


@pytest.fixture
def sos(tmp_path: Path) -> Path:
    """A system with sos; the folder for its plugins."""
    folder = tmp_path / PLUGINS
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "kernel.py").touch()
    return folder


@pytest.mark.real_commands
def test_it_is_linked_in_and_taken_away(sos: Path, tmp_path: Path) -> None:
    for _ in range(2):
        link(tmp_path)
        assert (sos / "nodefix.py").readlink() == Path(TARGET)
    (sos / "__pycache__").mkdir()
    for name in ("nodefix", "kernel"):
        (sos / f"__pycache__/{name}.cpython-312.pyc").touch()
    for _ in range(2):
        link(tmp_path, "unlink")
        left = sorted(path.name for path in sos.rglob("*"))
        assert left == ["__init__.py", "__pycache__", "kernel.cpython-312.pyc", "kernel.py"]


@pytest.mark.real_commands
@pytest.mark.parametrize("has_cache", [True, False])
def test_it_goes_where_sos_is_gone(sos: Path, tmp_path: Path, has_cache: bool) -> None:
    """Removed, or upgraded to another Python, whose folder is another."""
    link(tmp_path)
    if has_cache:
        (sos / "__pycache__").mkdir()
        (sos / "__pycache__/nodefix.cpython-312.pyc").touch()
    for name in ("__init__.py", "kernel.py"):
        (sos / name).unlink()
    later = tmp_path / PLUGINS.replace("3.12", "3.13")
    later.mkdir(parents=True)
    (later / "__init__.py").touch()
    link(tmp_path)
    assert [path.name for path in (tmp_path / "usr/lib/python3.12/site-packages").iterdir()] == []
    assert (later / "nodefix.py").is_symlink()


@pytest.mark.real_commands
@pytest.mark.parametrize("action", ["link", "unlink"])
def test_what_is_somebody_elses_stays(sos: Path, tmp_path: Path, action: str) -> None:
    (sos / "nodefix.py").write_text("sos' own")
    link(tmp_path, action)
    assert (sos / "nodefix.py").read_text() == "sos' own"
    (sos / "nodefix.py").unlink()
    (sos / "nodefix.py").symlink_to("elsewhere")
    link(tmp_path, action)
    assert (sos / "nodefix.py").readlink() == Path("elsewhere")


@pytest.mark.real_commands
def test_without_sos_there_is_nothing_to_do(tmp_path: Path) -> None:
    (tmp_path / "usr/lib/python3.12/site-packages").mkdir(parents=True)
    link(tmp_path)
    link(tmp_path, "unlink")
    assert not list(tmp_path.rglob("nodefix*"))
