"""An image that was made badly is never taken into the cache, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import testnode
from nodes import TOP
from testnode import store
from testnode.image import PACKAGES, TWIN

# A stand-in for mmdebstrap: it makes a root of files alone, with the words of $HOW in between.
MAKER = r"""#!/bin/bash
for root; do :; done
mkdir -p "$root/var/lib/dpkg/info" "$root/proc"
state() { printf 'Package: %s\nStatus: install ok %s\nVersion: 1\nArchitecture: all\n\n' "$@"; }
for name in @PACKAGES@; do state "$name" installed; done >"$root/var/lib/dpkg/status"
@HOW@
"""
BADLY = {
    "apt fails": "exit 100",
    "killed": "kill -9 $$",
    "a package is half made": 'state systemd half-configured >>"$root/var/lib/dpkg/status"',
    "packages are missing": 'state base-files installed >"$root/var/lib/dpkg/status"',
    "the list of packages is missing": 'rm -r "$root/var"',
    "a mount is left behind": 'mount -t tmpfs none "$root/proc"',
}


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the cache, with stand-ins on PATH that come before Debian's programs."""
    testnode.need("mmdebstrap")
    monkeypatch.setattr(store, "BUILD", tmp_path / "build")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path / "build"


def maker(build: Path, how: str) -> None:
    """Have images made in this way from now on."""
    program = build.parent / "mmdebstrap"
    program.write_text(MAKER.replace("@PACKAGES@", " ".join(PACKAGES)).replace("@HOW@", how))
    program.chmod(0o755)


def images(build: Path) -> list[Path]:
    """The images in the cache."""
    return [path for path in (build / "cache").glob("image-*") if path.is_dir()]


def left_behind(build: Path) -> list[str]:
    """Mounts and folders of images that were not made whole."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    found = [mount for mount in mounts if mount.startswith(str(build))]
    return found + [str(path) for path in (build / "scratch").glob("making-*")]


@pytest.mark.parametrize("how", BADLY)
def test_what_was_made_badly_is_refused(build: Path, how: str) -> None:
    maker(build, BADLY[how])
    with pytest.raises(testnode.Failed):
        testnode.image()
    assert images(build) == []
    assert left_behind(build) == []
    maker(build, "")
    made = testnode.image()
    assert images(build) == [made]


def test_a_maker_does_not_outlive_a_program_that_is_killed(
    build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = build.parent / "started"
    maker(build, f"echo $$ >{started}.new; mv {started}.new {started}; exec sleep 60")
    code = (
        "import pathlib, testnode; from testnode import store\n"
        f"store.BUILD = pathlib.Path({str(build)!r})\n"
        "testnode.image()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(TOP / "packaging")}
    program = subprocess.Popen([sys.executable, "-c", code], env=environment)
    end = time.monotonic() + 30
    while not started.exists() and time.monotonic() < end:
        time.sleep(0.02)
    program.send_signal(signal.SIGKILL)
    program.wait(10)
    pid = Path("/proc") / started.read_text().strip()
    while pid.exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not pid.exists()
    assert images(build) == []
    maker(build, "")
    # What was left is swept by the next program.
    monkeypatch.setattr(store, "_swept", False)
    made = testnode.image()
    assert images(build) == [made]
    assert left_behind(build) == []


def test_a_suite_whose_keys_this_machine_lacks(
    build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker(build, "")
    asked: list[tuple[str, ...]] = []
    image = sys.modules["testnode.image"]
    monkeypatch.setattr(image, "_KEYRINGS", build)
    monkeypatch.setattr(image, "need", lambda *names, **_: asked.append(names))
    with pytest.raises(testnode.Failed, match="hint: apt-get update && apt-get install"):
        testnode.image()
    assert asked[-1] == ("debian-archive-keyring",)
    assert images(build) == []


def test_each_suite_has_an_image_of_its_own(build: Path) -> None:
    maker(build, "")
    assert testnode.image() == testnode.image(suite=TWIN) != testnode.image(suite="bookworm")
