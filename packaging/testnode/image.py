"""The base image: a Debian 12 system folder that every node root is an overlay on."""

from pathlib import Path

from testnode.command import need, run
from testnode.store import cached

SUITE = "bookworm"
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


def image(extra: tuple[str, ...] = ()) -> Path:
    """The image with the `extra` Debian packages in it; never write into this folder.

    The first call for a set of packages takes half a minute and the network, later ones neither.
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
        SUITE,
    ]

    def make(folder: Path) -> None:
        need("mmdebstrap")
        run([*argv, str(folder)], timeout=900)

    return cached("image", argv, make)
