"""What the tests of the package ask, on nodes of every Debian that there is one of."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import testnode
from testnode.image import Suite

SUITES: tuple[Suite, ...] = get_args(Suite)

# The hashes of a package's header, which holds those of each file, and of its payload.
_HASHES = "--queryformat=%{SHA256HEADER} %{PAYLOADDIGEST}"
HOME = "/usr/lib/nodefix"


def header(rpm: Path, root: testnode.Root | None = None) -> str:
    """The hashes of an RPM file, or of what is installed of that name on a node."""
    if root is None:
        return testnode.run(["rpm", "-qp", _HASHES, str(rpm)]).stdout
    return ask(root, "-q", _HASHES, "nodefix").stdout


def ask(root: testnode.Root, *arguments: str) -> testnode.Result:
    """Have this machine's rpm look at a node, booted or not."""
    argv = ["rpm", f"--root={root.path}", *arguments]
    # Debian's rpm keeps its database below HOME.
    return testnode.run(argv, env={"HOME": "/root"}, check=False)


def byte_code(root: testnode.Root) -> dict[str, set[str]]:
    """Tag of a Python to the sources that it has byte code of, relative to /usr/lib/nodefix."""
    home = root.path / HOME.lstrip("/")
    found: dict[str, set[str]] = {}
    for file in home.rglob("*.pyc"):
        name, tag, _ = file.name.split(".")
        source = file.parent.parent / f"{name}.py"
        found.setdefault(tag, set()).add(str(source.relative_to(home)))
    # All of it in one file, too.
    assert {file.name.split(".")[1] for file in home.rglob("*.all")} == found.keys()
    return found


def sources(root: testnode.Root) -> set[str]:
    """The sources in /usr/lib/nodefix, relative to it."""
    home = root.path / HOME.lstrip("/")
    return {str(file.relative_to(home)) for file in home.rglob("*.py")}


def tag(root: testnode.Root) -> str:
    """That of the Python which a node calls python3."""
    code = "import sys; print(sys.implementation.cache_tag)"
    return root.run(["/usr/bin/python3", "-I", "-c", code]).stdout.strip()
