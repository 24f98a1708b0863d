"""One file for every node and every Python: found, run, compiled, upgraded and removed.

Without a booted node nothing is run here that changes one: the kernel is this machine's then.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import testnode
from nodes import TOP, outcomes
from packages import HOME, SUITES, ask, byte_code, header, sources, tag
from pythons import Version, python
from testnode.image import Suite

DATA = Path(__file__).with_name("data")


@pytest.fixture(scope="module", params=SUITES)
def suite(request: pytest.FixtureRequest) -> Suite:
    """Each Debian that there is a node of, with a Python of its own."""
    chosen: Suite = request.param
    return chosen


@pytest.fixture(scope="module")
def bare(suite: Suite) -> testnode.Root:
    """A node's root without nodefix; clone() it."""
    return testnode.Root.make(testnode.image(suite=suite))


@pytest.fixture(scope="module")
def with_rpm(bare: testnode.Root, rpm: Path) -> testnode.Root:
    """One with nodefix, installed by dnf and not run yet; clone() it."""
    root = bare.clone()
    testnode.install(root, rpm)
    return root


@pytest.fixture
def root(with_rpm: testnode.Root) -> testnode.Root:
    """A root of the test's own."""
    return with_rpm.clone()


def put_python(root: testnode.Root, version: Version) -> str:
    """Copy a Python of this machine onto a node, to the same path; skips where it has none."""
    interpreter = python(version)
    ask_prefix = "import sys; print(sys.base_prefix)"
    prefix = testnode.run([str(interpreter), "-I", "-c", ask_prefix]).stdout.strip()
    if prefix == "/usr":
        pytest.skip(f"{interpreter} is this machine's own and cannot be copied")
    # Its own tests are most of it.
    leave_out = shutil.ignore_patterns(
        "test", "tests", "idlelib", "ensurepip", "*.a", "__pycache__"
    )
    target = root.path / prefix.lstrip("/")
    shutil.copytree(prefix, target, symlinks=True, ignore=leave_out)
    return f"{prefix}/bin/python{version[0]}.{version[1]}"


def leftovers(root: testnode.Root) -> list[str]:
    """What on a node is named after nodefix, or lies in a folder that is."""
    found = root.run(["find", "/", "-xdev", "-path", "*nodefix*", "-not", "-path", "/proc/*"])
    return found.stdout.splitlines()


def test_dnf_installs_the_same_file_with_its_byte_code(root: testnode.Root, rpm: Path) -> None:
    assert header(rpm, root) == header(rpm)
    # Before anything ran.
    assert byte_code(root) == {tag(root): sources(root)}
    tracked = testnode.run(["git", "-c", "safe.directory=*", "-C", str(TOP), "ls-files", "nodefix"])
    code = {name for name in tracked.stdout.split() if name.endswith(".py")}
    assert sources(root) >= code
    data = set(tracked.stdout.split()) - code
    assert all((root.path / HOME.lstrip("/") / name).exists() for name in data)
    with testnode.Nspawn(root) as node:
        node.boot()
        assert "failed" not in outcomes(node).values()
        assert node.run(["nodefix", "wait"], check=False).output == ""
        assert ask(root, "-V", "nodefix").output == ""
        # Nothing was compiled anew, by another name or in another form.
        assert byte_code(root) == {tag(root): sources(root)}


def test_nothing_in_it_names_a_version_of_python(rpm: Path) -> None:
    queries = ("--requires", "--provides", "--recommends", "--list", "--scripts", "--filetriggers")
    told = testnode.run(["rpm", "-qp", *queries[:3], str(rpm)]).stdout
    assert "python3 >= 3.11\n" in told
    assert "abi" not in told
    for query in queries[3:]:
        told += testnode.run(["rpm", "-qp", query, str(rpm)]).stdout
    assert "-packages" not in told
    assert not [line for line in told.splitlines() if "python3." in line or "cpython" in line]


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13), (3, 14)], ids=str)
def test_another_python_runs_what_was_installed(root: testnode.Root, version: Version) -> None:
    if tag(root) == f"cpython-{version[0]}{version[1]}":
        pytest.skip("it is the node's own, which the first test here is about")
    other = [put_python(root, version), "-I", "/usr/bin/nodefix"]
    assert root.run([*other, "--version"]).stdout == root.run(["nodefix", "--version"]).stdout
    # Python 3.13 sets the same words in other columns.
    helped = root.run([*other, "--help"]).stdout.split()
    assert helped == root.run(["nodefix", "--help"]).stdout.split()
    held = root.run([*other, "wait", "--timeout=1"], check=False)
    assert held.returncode == 1
    assert "nodefix has not run since this boot" in held.output
    assert "Traceback" not in held.output
    root.write("/etc/nodefix/disabled", "")
    let_go = root.run([*other, "wait"])
    assert "nodefix is switched off, so kubelet may start" in let_go.output
    root.delete("/etc/nodefix/disabled")
    with testnode.Nspawn(root) as node:
        node.boot()
        # That Python has none of the system's modules, which is told, and nothing is changed.
        dry = node.run([*other, "run", "--dry-run"], check=False)
        assert "No module named 'gi'" in dry.output
        assert "Traceback" not in dry.output


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13), (3, 14)], ids=str)
def test_upgrade_of_python_between_two_runs(
    root: testnode.Root, tmp_path: Path, version: Version
) -> None:
    before, other = tag(root), f"cpython-{version[0]}{version[1]}"
    if before == other:
        pytest.skip("it is the node's own")
    told = root.run(["nodefix", "--version"]).stdout
    newer = testnode.build_python(tmp_path, "3.99.0", put_python(root, version))
    testnode.upgrade(root, newer)
    assert tag(root) == other
    assert byte_code(root) == {other: sources(root)}
    assert root.run(["nodefix", "--version"]).stdout == told
    assert ask(root, "-V", "nodefix").output == ""


def test_byte_code_comes_back_with_an_update_of_python(root: testnode.Root, tmp_path: Path) -> None:
    for file in (root.path / HOME.lstrip("/")).rglob("*.pyc"):
        file.unlink()
    testnode.upgrade(root, testnode.build_python(tmp_path, "3.12.10"))
    assert byte_code(root) == {tag(root): sources(root)}
    assert ask(root, "-V", "nodefix").output == ""


def test_removing_leaves_nothing_of_any_python(root: testnode.Root, bare: testnode.Root) -> None:
    before = leftovers(bare.clone())
    root.write(f"{HOME}/nodefix/__pycache__/cli.cpython-399.pyc", "")
    testnode.remove(root, "nodefix")
    assert leftovers(root) == before


def test_upgrade_from_below_site_packages_leaves_nothing(
    bare: testnode.Root, rpm: Path, tmp_path: Path
) -> None:
    root = bare.clone()
    testnode.install(root, testnode.build(DATA / "below-site-packages.spec", tmp_path))
    # What Python wrote itself, as another version than the package's.
    root.write("/usr/lib/nodefix/bundled/sh/__pycache__/__init__.cpython-399.pyc", "")
    assert root.path.joinpath("usr/lib/python3.12/site-packages/nodefix/cli.py").exists()
    testnode.upgrade(root, rpm)
    assert not root.path.joinpath("usr/lib/nodefix/bundled").exists()
    assert not root.path.joinpath("usr/lib/python3.12").exists()
    assert byte_code(root) == {tag(root): sources(root)}
    assert ask(root, "-V", "nodefix").output == ""


MODULES = {"gi": "python3-gobject-base", "systemd": "python3-systemd", "yaml": "python3-pyyaml"}


@pytest.mark.parametrize("module", MODULES)
def test_a_missing_module_of_the_system_is_told_with_its_package(
    root: testnode.Root, module: str
) -> None:
    root.write("/etc/nodefix/nodefix.yaml", "swap: auto\n")
    root.delete(f"/usr/lib/python3/dist-packages/{module}")
    with testnode.Nspawn(root) as node:
        node.boot()
        told = node.run(["nodefix", "run"], check=False).output
        told += node.run(["nodefix", "wait"], check=False).output
    assert "Traceback" not in told
    assert (f"dnf install {MODULES[module]}" in told) or "No module named 'gi'" in told


@pytest.mark.parametrize("command", ["run", "wait", "--version"])
@pytest.mark.parametrize("damage", ["", "/nodefix", "/nodefix/cli.py"])
def test_what_is_gone_of_nodefix_is_told_with_the_remedy(
    root: testnode.Root, damage: str, command: str
) -> None:
    root.delete(f"{HOME}{damage}")
    done = root.run(["nodefix", command], check=False)
    assert done.returncode == 1
    first, second = done.output.splitlines()
    assert first.startswith("nodefix: cannot be loaded: ModuleNotFoundError: No module named")
    assert second == "  fix: dnf reinstall nodefix"
