"""What helps against what iptables and nft say."""

from __future__ import annotations

import errno
import re
import shlex

AGAIN = "systemctl restart nodefix"
# The modules stage tries rules like kube-proxy's and names the module and package that is missing.
ASK_MODULES = "nodefix run --stage modules"
_LOOK = "journalctl -k -n 30"
_EXTENSION = f"dnf reinstall iptables-libs && {AGAIN}"
_REMEDIES = (
    # An extension or a library of iptables', not of the kernel's.
    ("couldn't load match", _EXTENSION),
    ("couldn't load target", _EXTENSION),
    ("extension not found", _EXTENSION),
    (
        "error while loading shared libraries",
        f"dnf reinstall iptables-libs iptables-nft nftables libnftnl libmnl && {AGAIN}",
    ),
    ("not supported, missing kernel module", ASK_MODULES),
    ("no such file or directory", ASK_MODULES),
    ("could not fetch rule set generation id", ASK_MODULES),
    # A table with the flag `owner` is changed by the program alone that made it: nft(8).
    ("operation not permitted", f"nft --terse list ruleset | grep -e ^table -e owner; {_LOOK}"),
)
# What the loader of shared libraries says: ld.so(8).
_LIBRARY = re.compile(r"shared libraries: ([\w.+-]+): cannot open")


def remedy(words: str) -> str:
    """The command that helps against what iptables or nft said, or that shows more of it."""
    said = words.lower()
    return library(words) or next((line for part, line in _REMEDIES if part in said), _LOOK)


def remount(path: str) -> str:
    """The line that makes the file system of a path writable until the next boot.

    With the options that mount(8) adds by itself from 2.39 on an overlay refuses to be remounted;
    without any it loses nodev, nosuid and noexec.
    """
    options, target = (
        f"$(findmnt -n -o {column} -T {shlex.quote(path)})" for column in ("VFS-OPTIONS", "TARGET")
    )
    return f'mount --options-source=disable -o "{options},remount,rw" "{target}"'


def way_to_write(path: str, error: OSError) -> str:
    """The line that lets a file or folder be written to, or that shows what prevents it."""
    place = shlex.quote(path)
    match error.errno:
        case errno.EPERM:
            return f"lsattr -d {place}; chattr -i {place} && {AGAIN}"
        case errno.EROFS:
            return f"{remount(path)} && {AGAIN}"
        case errno.EBUSY:
            # rename(2): something is mounted on it.
            return f"{unmount(path)} && {AGAIN}"
        case errno.ENOSPC | errno.EDQUOT:
            return f"df -h {place}; df -i {place}"
    return f"ls -ldZ {place}; findmnt -T {place}"


def unmount(path: str) -> str:
    """The line that takes away what is mounted on a path."""
    return f"umount {shlex.quote(path)}"


def library(words: str) -> str:
    """The line that brings a shared library back, if its absence is what was said; else empty."""
    missing = _LIBRARY.search(words)
    if not missing:
        return ""
    capability = shlex.quote(f"{missing[1]}()(64bit)")
    return f"dnf reinstall \"$(rpm -q --whatprovides --qf '%{{NAME}}' {capability})\" && {AGAIN}"
