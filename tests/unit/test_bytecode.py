"""packaging/bytecode: exactly the byte code of the sources, for the Python that runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from pythons import Version, python, pythons

TOP = Path(__file__).resolve().parents[2]
READER = "nodefix/host/bundle.py"

pytestmark = pytest.mark.real_commands


class Home:
    """A folder like /usr/lib/nodefix."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy2(TOP / "packaging/bytecode", folder)
        self.source("nodefix/__init__.py")
        self.source("nodefix/facts/swap.py")
        self.source(READER)

    def source(self, name: str, text: str = "value = 1\n") -> Path:
        """Write a source."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def renew(self, python: str = "/usr/bin/python3") -> subprocess.CompletedProcess[str]:
        """Run the program by one of the Pythons."""
        argv = [python, "-I", str(self.folder / "bytecode")]
        return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)

    def renewed(self, python: str = "/usr/bin/python3") -> list[str]:
        """Run it, see that it says nothing, and give all that is there but sources."""
        done = self.renew(python)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        files = (path for path in self.folder.rglob("*") if path.is_file())
        names = [str(path.relative_to(self.folder)) for path in files]
        return sorted(n for n in names if not n.endswith(".py") and n != "bytecode")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def made(version: Version | None = None) -> list[str]:
    """The byte code of the sources."""
    tag = f"cpython-{version[0]}{version[1]}" if version else system_tag()
    return [
        f"nodefix/__pycache__/__init__.{tag}.pyc",
        f"nodefix/facts/__pycache__/swap.{tag}.pyc",
        f"nodefix/host/__pycache__/bundle.{tag}.all",
        f"nodefix/host/__pycache__/bundle.{tag}.pyc",
    ]


def system_tag() -> str:
    """What the system's Python writes into the names."""
    code = "import sys; print(sys.implementation.cache_tag)"
    argv = ["/usr/bin/python3", "-I", "-c", code]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def inodes(home: Home) -> list[int]:
    """What the byte code is written into."""
    return [(home.folder / name).stat().st_ino for name in made()]


def test_each_source_has_its_own(home: Home) -> None:
    assert home.renewed() == made()


def test_what_is_current_stays_as_it_is(home: Home) -> None:
    home.renewed()
    before = inodes(home)
    assert home.renewed() == made()
    assert inodes(home) == before


def test_every_user_can_read_it(home: Home) -> None:
    was = os.umask(0o077)
    try:
        home.renewed()
    finally:
        os.umask(was)
    assert all((home.folder / name).stat().st_mode & 0o044 == 0o044 for name in made())


def test_python_takes_it_whatever_the_time_of_the_source(home: Home) -> None:
    home.renewed()
    os.utime(home.folder / "nodefix/facts/swap.py", (0, 0))
    code = "import sys; sys.path.insert(0, sys.argv[1]); import nodefix.facts.swap"
    argv = ["/usr/bin/python3", "-I", "-v", "-c", code, str(home.folder)]
    told = subprocess.run(argv, capture_output=True, text=True, check=True).stderr
    assert f"# code object from '{home.folder}/{made()[1]}'" in told


def test_an_edited_source_is_compiled_again(home: Home) -> None:
    home.renewed()
    compiled = home.folder / made()[1]
    before, times = compiled.read_bytes(), (home.folder / "nodefix/facts/swap.py").stat()
    edited = home.source("nodefix/facts/swap.py", "value = 2\n")
    # Of the same size and time.
    os.utime(edited, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert home.renewed() == made()
    assert compiled.read_bytes() != before


@pytest.mark.parametrize("content", [b"", b"\0" * 100, None])
def test_what_is_damaged_or_pythons_own_is_made_again(home: Home, content: bytes | None) -> None:
    home.renewed()
    compiled = home.folder / made()[0]
    good = compiled.read_bytes()
    # Python itself writes them by the time of the source.
    compiled.write_bytes(good[:4] + b"\0" * 12 + good[16:] if content is None else content)
    assert home.renewed() == made()
    assert compiled.read_bytes() == good


def test_what_has_no_source_any_more_goes(home: Home) -> None:
    for name in (
        "nodefix/__pycache__/gone.cpython-399.pyc",
        "nodefix/__pycache__/swap.cpython-399.pyc.140234",
        "nodefix/old/sub/__pycache__/gone.cpython-311.pyc",
    ):
        home.source(name)
    assert home.renewed() == made()
    assert not (home.folder / "nodefix/old").exists()


def test_an_empty_folder_of_the_package_stays(home: Home) -> None:
    kept = home.folder / "nodefix.dist-info"
    kept.mkdir()
    home.renewed()
    assert kept.is_dir()


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13), (3, 14)], ids=str)
def test_another_python_makes_its_own(home: Home, version: Version) -> None:
    interpreter = python(version)
    home.renewed()
    assert home.renewed(str(interpreter)) == made(version)
    assert home.renewed() == made()


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13), (3, 14)], ids=str)
def test_all_of_nodefix_compiles_without_a_warning(home: Home, version: Version) -> None:
    interpreter = python(version)
    shutil.copytree(TOP / "nodefix", home.folder / "nodefix", dirs_exist_ok=True)
    assert len(home.renewed(str(interpreter))) > 40


def test_a_source_that_is_damaged_is_a_line_and_a_remedy(home: Home) -> None:
    home.source("nodefix/cli.py", "def (")
    done = home.renew()
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first.startswith("nodefix: its byte code could not be made, so each run takes 0.1 s")
    assert "nodefix/cli.py" in first
    assert second == "  fix: dnf reinstall nodefix"


def test_a_folder_that_cannot_be_written_is_a_line_and_a_remedy(home: Home) -> None:
    (home.folder / "nodefix/__pycache__").write_text("")
    done = home.renew()
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[1] == "  fix: dnf reinstall nodefix"


def test_some_python_is_found() -> None:
    assert pythons()
