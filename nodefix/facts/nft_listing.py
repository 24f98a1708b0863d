"""What nft lists, asked only where the kernel need not load anything for the answer."""

from __future__ import annotations

from nodefix.errors import UnclearError
from nodefix.facts.remedies import remedy
from nodefix.facts.system import kernel_release
from nodefix.host.node import Host
from nodefix.host.programs import quoted

_NFT = "/usr/sbin/nft"
_LIMIT = 1 << 24


def listing(host: Host, *what: str) -> str:
    """What `nft list WHAT` prints; empty where nothing in this boot has made a table.

    Raises:
        CommandError: nft cannot be started.
        UnclearError: it does not answer.
    """
    if _would_load(host):
        return ""
    argv = (_NFT, "list", *what)
    result = host.programs.run(*argv)
    if result.status:
        words = result.telling
        raise UnclearError(f"`{quoted(argv)}`: {words}", remedy(words))
    return result.text


def _would_load(host: Host) -> bool:
    """Whether the kernel would load nf_tables to answer nft: then it has no tables."""
    try:
        if b"\nnf_tables " in b"\n" + host.read("/proc/modules", _LIMIT):
            return False
        folder = f"/lib/modules/{kernel_release(host.root)}"
        return b"/nf_tables.ko" in host.read(f"{folder}/modules.dep", _LIMIT)
    except OSError:
        # A kernel without modules, or none on disk: nothing can be loaded.
        return False
