"""The RPM of the checkout that this library stands in."""

from pathlib import Path

from testnode.command import run
from testnode.store import PROJECT

# The first time the build installs its tools.
_SECONDS = 2400


def build_rpm(out: Path | None = None) -> Path:
    """Build it, into the folder `out` or into build/; returns the path of the one to install."""
    argv = [str(PROJECT / "packaging" / "build-rpm")]
    if out is not None:
        argv += ["--out", str(out)]
    built = run(argv, timeout=_SECONDS).stdout.split()
    (rpm,) = (Path(path) for path in built if path.endswith(".noarch.rpm"))
    return rpm
