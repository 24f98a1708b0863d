"""packaging/build-rpm --repo: a folder that dnf installs from, and trusts when it is signed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import testnode
from nodes import TOP
from packages import SUITES, ask, header
from testnode.image import Suite

KEY = "nodefix test <test@nodefix.invalid>"
KEY_FILE = "RPM-GPG-KEY-nodefix"


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An environment with a throw-away key in it."""
    testnode.need("gpg", "gpg-agent")
    home = tmp_path_factory.mktemp("gnupg")
    home.chmod(0o700)
    environment = {"GNUPGHOME": str(home)}
    make = ["gpg", "--batch", "--passphrase", "", "--quick-generate-key", KEY, "rsa3072", "sign"]
    testnode.run(make, env=environment)
    yield environment
    testnode.run(["gpgconf", "--kill", "all"], env=environment)


def build(*options: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run packaging/build-rpm; the RPM itself is built already."""
    argv = [str(TOP / "packaging/build-rpm"), *options]
    environment = {**os.environ, **(env or {})}
    return subprocess.run(
        argv, capture_output=True, text=True, timeout=600, check=False, env=environment
    )


@pytest.fixture(scope="module")
def signed(rpm: Path, tmp_path_factory: pytest.TempPathFactory, keyring: dict[str, str]) -> Path:
    """A signed repository."""
    repo = tmp_path_factory.mktemp("repo") / "new"
    done = build("--out", str(repo.parent), "--repo", str(repo), "--key", KEY, env=keyring)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1] == str(repo)
    return repo


def install(root: testnode.Root, repo: Path) -> testnode.Result:
    """What README says, beside what stands in for the packages of EL10."""
    options = ("--setopt=gpgcheck=1", "--setopt=standins.gpgcheck=0")
    source = f"--repofrompath=nodefix,{repo.as_uri()}"
    return testnode.dnf(root, *options, source, "install", "nodefix", check=False)


@pytest.mark.parametrize("suite", SUITES)
def test_dnf_installs_from_it_once_its_key_is_known(suite: Suite, rpm: Path, signed: Path) -> None:
    root = testnode.Root.make(testnode.image(suite=suite))
    refused = install(root, signed)
    assert refused.returncode
    assert "GPG" in refused.output
    assert not (root.path / "usr/bin/nodefix").exists()
    assert not ask(root, "--import", str(signed / KEY_FILE)).output
    done = install(root, signed)
    assert done.returncode == 0, done.output
    # What is installed is what was built: a signature stands beside the hashes.
    assert header(rpm, root) == header(rpm)
    assert root.run(["nodefix", "--version"]).stdout.startswith("nodefix ")


def test_signatures_are_of_the_key(signed: Path, tmp_path: Path, keyring: dict[str, str]) -> None:
    (rpm,) = signed.glob("*.rpm")
    database = f"--dbpath={tmp_path}"
    testnode.run(["rpmkeys", database, "--import", str(signed / KEY_FILE)])
    told = testnode.run(["rpmkeys", database, "--checksig", str(rpm)]).stdout
    assert "digests signatures OK" in told
    metadata = signed / "repodata/repomd.xml"
    testnode.run(["gpg", "--verify", f"{metadata}.asc", str(metadata)], env=keyring)


def test_without_a_key_nothing_of_an_old_signature_stays(
    rpm: Path, tmp_path: Path, keyring: dict[str, str]
) -> None:
    options = ("--out", str(tmp_path), "--repo", str(tmp_path / "repo"))
    assert build(*options, "--key", KEY, env=keyring).returncode == 0
    repo = tmp_path / "repo"
    other = repo / "other-1.rpm"
    other.write_bytes(next(repo.glob("*.rpm")).read_bytes())
    assert build(*options).returncode == 0
    assert (repo / rpm.name).read_bytes() == rpm.read_bytes()
    names = {path.name for path in repo.rglob("*")}
    assert not {KEY_FILE, "repomd.xml.asc"} & names
    assert other.exists()


def test_wrong_options_are_a_line_and_change_nothing(
    tmp_path: Path, keyring: dict[str, str]
) -> None:
    done = build("--key", KEY)
    assert (done.returncode, "expected --repo DIR" in done.stderr) == (2, True)
    repo = tmp_path / "repo"
    done = build("--out", str(tmp_path), "--repo", str(repo), "--key", "nobody", env=keyring)
    assert done.returncode == 1
    assert "--key nobody: found no such key" in done.stderr
    assert not repo.exists()
