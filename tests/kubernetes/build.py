"""The real kube-proxy and kubelet of each release that modules/ pins, built from Go modules.

Each folder of modules/ is the go.mod of a release, with the sums of all that is built from. It
replaces k8s.io/kubernetes' own staging modules, which that names with the version v0.0.0. Folders
for the newest two minor releases are written by

    PYTHONPATH=packaging build/venv/bin/python tests/kubernetes/build.py

Go comes from this machine where that is new enough, else from Debian 13's package, which fetches
the Go that a release asks for as a module. Its caches are this machine's own: Go tidies them by
itself, and nothing but the programs stays below build/.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest
from testnode import Failed, image, run
from testnode.store import PROJECT, cached, scratch

MODULES = Path(__file__).with_name("modules")
KUBERNETES = "k8s.io/kubernetes"
PROGRAMS = ("kube-proxy", "kubelet")
BUILT = PROJECT / "build" / "kubernetes"
# About five minutes on two free cores.
_SECONDS = 3600


class Binaries(NamedTuple):
    """The programs of one release, such as v1.37.2."""

    release: str
    kube_proxy: Path
    kubelet: Path


class Go(NamedTuple):
    """A Go tool chain.

    Attributes:
        program: the command `go`.
        toolchain: the value of GOTOOLCHAIN: "local", or "auto" where it fetches a newer one.
        version: of the tool chain that builds then, such as go1.26.8.
    """

    program: Path
    toolchain: str
    version: str


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


# The newest first.
RELEASES = tuple(sorted((one.name for one in MODULES.iterdir()), key=_numbers, reverse=True))


def binaries(release: str) -> Binaries:
    """The programs of a release, built once for it and the Go that builds it.

    Without them a test is skipped, but never where nobody would see it.
    """
    source = MODULES / release
    try:
        go = _go(source)
        made_of = [(source / name).read_text() for name in ("go.mod", "go.sum")]

        def make(folder: Path) -> None:
            _build(go, release, source, folder)

        folder = cached(f"{release}-{go.version}", made_of, make, BUILT)
    except Failed as error:
        _give_up(f"NO REAL KUBERNETES {release}: {error}")
    return Binaries(release, *(folder / name for name in PROGRAMS))


def _give_up(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _go(source: Path) -> Go:
    """A Go that builds the module in the folder `source`.

    Raises:
        Failed: there is none to be had.
    """
    (wanted,) = re.findall(r"(?m)^go (\S+)$", (source / "go.mod").read_text())
    # The second is where Go's own archive is unpacked to, which root's PATH often lacks.
    if found := shutil.which("go") or shutil.which("/usr/local/go/bin/go"):
        version = _version(Path(found), "local", MODULES)
        if _numbers(version) >= _numbers(wanted):
            return Go(Path(found), "local", version)
    # Go's programs need nothing else of the image.
    program = image(("golang-go",)) / "usr/lib/go/bin/go"
    return Go(program, "auto", _version(program, "auto", source))


def _version(program: Path, toolchain: str, folder: Path) -> str:
    asked = [str(program), "env", "GOVERSION"]
    return run(asked, env=_environment(toolchain), cwd=folder, timeout=600).stdout.strip()


def _environment(toolchain: str) -> dict[str, str]:
    plain = {"GOROOT": "", "GOFLAGS": "-mod=mod", "GOWORK": "off", "GO111MODULE": "on"}
    return {**plain, "CGO_ENABLED": "0", "GOTOOLCHAIN": toolchain}


def _build(go: Go, release: str, source: Path, out: Path) -> None:
    """Build the programs into the folder `out`; go.sum is completed in a copy of `source`."""
    folder, done = scratch("kubernetes")
    try:
        for name in ("go.mod", "go.sum"):
            if (source / name).exists():
                shutil.copy(source / name, folder)
        version = f"k8s.io/component-base/version.gitVersion={release}"
        argv = [str(go.program), "build", "-trimpath", f"-ldflags=-s -w -X {version}", "-o", out]
        names = [f"{KUBERNETES}/cmd/{name}" for name in PROGRAMS]
        environment = _environment(go.toolchain)
        run([*map(str, argv), *names], env=environment, cwd=folder, timeout=_SECONDS)
        if not (source / "go.sum").exists():
            shutil.copy(folder / "go.sum", source)
    finally:
        done()


def _newest() -> list[str]:
    """The newest release of each of the newest two minor ones that the module proxy has."""
    argv = ["go", "list", "-m", "-versions", "-json", f"{KUBERNETES}@latest"]
    listed = json.loads(run(argv, env=_environment("local"), cwd=Path("/"), timeout=600).stdout)
    released = sorted((v for v in listed["Versions"] if "-" not in v), key=_numbers)
    newest = {_numbers(version)[:2]: version for version in released}
    return list(newest.values())[-2:]


def _write(release: str) -> None:
    """Write the go.mod of a release, build it, and with that its go.sum."""
    folder = MODULES / release
    folder.mkdir(exist_ok=True)
    argv = ["go", "mod", "download", "-json", f"{KUBERNETES}@{release}"]
    told = json.loads(run(argv, env=_environment("local"), cwd=Path("/"), timeout=1800).stdout)
    theirs = Path(told["GoMod"]).read_text()
    (wanted,) = re.findall(r"(?m)^go \S+$", theirs)
    staging = sorted(set(re.findall(r"(?m)^\s+(k8s\.io/\S+) v0\.0\.0$", theirs)))
    replaced = "".join(f"\t{name} => {name} v0{release.removeprefix('v1')}\n" for name in staging)
    head = f"module kubernetes\n\n{wanted}\n\nrequire {KUBERNETES} {release}\n"
    (folder / "go.mod").write_text(f"{head}\nreplace (\n{replaced})\n")
    (folder / "go.sum").unlink(missing_ok=True)
    out, done = scratch("kubernetes")
    try:
        _build(_go(folder), release, folder, out)
    finally:
        done()


def main() -> None:
    """Pin the newest releases in place of those that are pinned."""
    newest = _newest()
    for release in newest:
        print(release, flush=True)
        _write(release)
    for release in set(RELEASES) - set(newest):
        shutil.rmtree(MODULES / release)


if __name__ == "__main__":
    main()
