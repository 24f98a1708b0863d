"""The base image: a Debian system folder that every node root is an overlay on."""

from pathlib import Path
from typing import Literal

from testnode.command import Failed, need, run
from testnode.store import cached

Suite = Literal["trixie", "bookworm"]

# Debian 13 has the versions of Enterprise Linux 10: systemd 257, iptables 1.8.11, nftables 1.1,
# kernel 6.12. Debian 12 is what they must not be needed for: 252, 1.8.9, 1.0, 6.1.
TWIN: Suite = "trixie"
OLDER: Suite = "bookworm"
PACKAGES = (
    "systemd",
    "systemd-sysv",
    "dbus",
    "python3",
    "python3-yaml",
    "python3-gi",
    "gir1.2-glib-2.0",
    "python3-systemd",
    "iptables",
    "nftables",
    "kmod",
    "util-linux",
    "iproute2",
    "procps",
)
# What no test reads makes an image slower to build and to copy.
_LEFT_OUT = ("doc", "info", "locale", "man")
_KEYRINGS = Path("/usr/share/keyrings")


def image(extra: tuple[str, ...] = (), suite: Suite = TWIN) -> Path:
    """The image with the `extra` Debian packages in it; never write into this folder.

    The first call for a suite and a set of packages takes half a minute and the network, later
    ones neither. What was not made whole is never given: it raises Failed.
    """
    packages = sorted({*PACKAGES, *extra})
    argv = [
        "mmdebstrap",
        "--quiet",
        "--mode=root",
        "--variant=essential",
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _LEFT_OUT),
        f"--include={','.join(packages)}",
        "--format=directory",
        suite,
    ]

    def make(folder: Path) -> None:
        need("mmdebstrap")
        _know_keys_of(suite)
        # Bound to this program: what was killed with it must not write on.
        run(["setpriv", "--pdeathsig", "TERM", *argv, str(folder)], timeout=900)
        _check(folder, packages)

    return cached("image", argv, make)


def _know_keys_of(suite: Suite) -> None:
    """Have Debian's own keys for a suite that is newer than this machine's keyring.

    They come by the archive that this machine trusts already: signatures are checked all the way.
    """
    key = _KEYRINGS / f"debian-archive-{suite}-automatic.gpg"
    if key.exists():
        return
    need("debian-archive-keyring", newest=True)
    if not key.exists():
        raise Failed(
            f"{key}: missing, expected in the package debian-archive-keyring\n"
            "  hint: apt-get update && apt-get install debian-archive-keyring"
        )


def _check(folder: Path, packages: list[str]) -> None:
    """Raise Failed unless every package in an image is whole, and those asked for are there."""
    argv = ["dpkg-query", f"--admindir={folder}/var/lib/dpkg", "--show"]
    lines = run([*argv, "--showformat=${Package} ${db:Status-Abbrev}\n"]).stdout.splitlines()
    states = dict(line.split(maxsplit=1) for line in lines)
    wrong = [f"{name} {state}" for name, state in states.items() if state.strip() != "ii"]
    wrong += [f"{name} missing" for name in packages if name not in states]
    if wrong:
        raise Failed(f"{folder}: found packages {', '.join(wrong)}, expected all of them installed")
