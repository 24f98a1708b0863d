"""nodefix/host/bundle.py: modules out of it are those that Python finds by itself."""

from __future__ import annotations

import marshal
import shutil
import subprocess
from collections.abc import Callable
from importlib.util import MAGIC_NUMBER
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.real_commands

# Each module of nodefix that can be imported here, with all that Python says of it.
ALL = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
from nodefix.host import bundle
if sys.argv[2] == "bundle":
    bundle.install()
import nodefix
for module in pkgutil.walk_packages(nodefix.__path__, "nodefix."):
    if module.name.endswith("__main__"):
        continue
    try:
        one = importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        print(module.name, error)
        continue
    spec = one.__spec__
    print(one.__name__, one.__file__, one.__package__, getattr(one, "__path__", ""), spec.origin)
    print(spec.submodule_search_locations, spec.has_location, sorted(vars(one)))
ours = [one for name, one in sys.modules.items() if name.startswith("nodefix.")]
loaders = {type(one.__spec__.loader).__module__ for one in ours}
print(sorted(loaders - {"_frozen_importlib_external"}), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like /usr/lib/nodefix."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(TOP / "nodefix", home / "nodefix", ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy2(TOP / "packaging/bytecode", home)
    subprocess.run(["/usr/bin/python3", "-I", str(home / "bytecode")], check=True, timeout=120)
    return home


@pytest.fixture
def home(whole: Path, tmp_path: Path) -> Path:
    """One to be damaged."""
    return Path(shutil.copytree(whole, tmp_path / "home"))


def imported(home: Path, how: str) -> tuple[str, bool]:
    """All modules in words, and whether they came out of the bundle."""
    argv = ["/usr/bin/python3", "-I", "-c", ALL, str(home), how]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, done.stderr == "['nodefix.host.bundle']\n"


def bundle(home: Path) -> Path:
    (file,) = home.rglob("*.all")
    return file


def test_modules_are_the_same(whole: Path) -> None:
    words, bundled = imported(whole, "bundle")
    assert bundled
    assert words.count("\n") > 400
    assert imported(whole, "plain") == (words, False)


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def cut_in_its_index(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:100])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def zeros(file: Path) -> None:
    file.write_bytes(b"\0" * len(file.read_bytes()))


def noise(file: Path) -> None:
    file.write_bytes(MAGIC_NUMBER + b"\x10" + b"\0" * 7 + b"\xff" * 10000)


def no_index(file: Path) -> None:
    file.write_bytes(MAGIC_NUMBER + b"\5" + b"\0" * 7 + marshal.dumps(1))


def of_another_python(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(bytes((content[0] ^ 1,)) + content[1:])


def directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    "damage",
    [
        cut_off,
        cut_in_its_index,
        empty,
        zeros,
        noise,
        no_index,
        of_another_python,
        directory,
        Path.unlink,
    ],
)
def test_without_a_whole_one_python_finds_them(home: Path, damage: Callable[[Path], None]) -> None:
    damage(bundle(home))
    words, bundled = imported(home, "bundle")
    assert not bundled
    assert words.count("\n") > 400


@pytest.mark.parametrize("byte", [b"\0", b"\xff"])
def test_python_finds_a_module_whose_code_is_damaged(home: Path, byte: bytes) -> None:
    file = bundle(home)
    content = file.read_bytes()
    # The modules are there in the order of their sources, and the last one is not the first wanted.
    file.write_bytes(content[:-3000] + byte * 3000)
    words, bundled = imported(home, "bundle")
    assert bundled
    assert words == imported(home, "plain")[0]
