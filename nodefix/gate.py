"""`nodefix wait`: hold kubelet until the node is ready.

kubelet's drop-in runs this before each start, every ten seconds while it fails, so the way to
"yes" imports next to nothing: no pathlib, typing, json or argparse. All else is in holding.py.
"""

from __future__ import annotations

import os
import sys

from nodefix.host.reading import read_file
from nodefix.words import BOOT_ID, CMDLINES, MARKER, SWAPS, SWITCH, SWITCH_ARGUMENT

# Seconds: less than a service's default TimeoutStartSec=, so that the reason is printed.
DEFAULT_TIMEOUT = 60.0

# The chain that every run leaves, in each of kube-proxy's modes.
HINT = ("/usr/sbin/nft", "list", "chain", "ip", "mangle", "KUBE-IPTABLES-HINT")
_HINT_SECONDS = 5.0


def wait(root: str = "/", timeout: float = DEFAULT_TIMEOUT) -> str:
    """Wait until kubelet may start.

    Args:
        root: the node's root, with a slash at its end.
        timeout: seconds to wait for a run that is going on.

    Returns:
        Why kubelet must not start, with the remedy; empty if it may.
    """
    if is_switched_off(root):
        from nodefix.switch import tell_let_go

        tell_let_go(root)
        return ""
    if is_ready(root) and not undone(root):
        return ""
    _know_packages()
    from nodefix.holding import hold

    return hold(root, timeout)


def _know_packages() -> None:
    """Let other packages' modules be found, which the launcher leaves out on the way to "yes"."""
    if sys.flags.no_site and "site" not in sys.modules:
        import site

        site.main()


def is_ready(root: str) -> bool:
    """Whether the marker is there and of this boot; one of another boot proves nothing."""
    marker = _read(root + MARKER)
    boot_id = _read(root + BOOT_ID).strip()
    # The marker is renamed into place whole, so finding the field is as good as parsing it.
    return b'"boot_id": "%s"' % boot_id in marker if marker and boot_id else False


def undone(root: str) -> tuple[str, ...]:
    """The stages whose work was seen to be undone since the run: swap, chains, or none."""
    rechecked = _rechecked(root)
    found = []
    if "swap" in rechecked and len(_read(root + SWAPS).splitlines()) > 1:
        found.append("swap")
    if "chains" in rechecked and _is_hint_gone(root):
        found.append("chains")
    return tuple(found)


def _is_hint_gone(root: str) -> bool:
    """Whether the chain is known not to be there; the kernel tells, or else nft."""
    # Of the kernel's own root only. The run has seen these chains in this boot, so the kernel has
    # all that it takes to answer at once.
    if root == "/":
        from nodefix.host.netfilter import Netfilter

        try:
            return Netfilter().hook(*HINT[3:]) is None
        except OSError:
            # nft may know more.
            pass
    from nodefix.host.spawn import errors_of, says_gone

    return says_gone(errors_of(root, HINT, _HINT_SECONDS))


def _rechecked(root: str) -> list[str]:
    """The stages that the marker says are to be looked at; see report.rechecked()."""
    _, found, rest = _read(root + MARKER).partition(b'"recheck": "')
    return rest.partition(b'"')[0].decode("utf-8", "replace").split() if found else []


def is_switched_off(root: str) -> bool:
    """Whether nodefix is switched off, by the same conditions as in nodefix.service."""
    words = b" ".join(_read(root + file) for file in CMDLINES).replace(b"\0", b" ").split()
    return os.path.lexists(root + SWITCH) or SWITCH_ARGUMENT.encode() in words


def _read(path: str) -> bytes:
    try:
        return read_file(path)
    except OSError:
        return b""
