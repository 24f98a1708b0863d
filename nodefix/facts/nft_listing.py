"""What nft lists, asked only where the kernel need not load anything for the answer."""

from __future__ import annotations

from nodefix.errors import UnclearError
from nodefix.facts.module_index import must_not_ask
from nodefix.facts.remedies import remedy
from nodefix.host.node import Host
from nodefix.host.programs import quoted

_NFT = "/usr/sbin/nft"


def listing(host: Host, *what: str) -> str:
    """What `nft list WHAT` prints; empty where nothing in this boot has made a table.

    Raises:
        CommandError: nft cannot be started.
        UnclearError: it does not answer.
    """
    # Whoever asks: a listing is no reason to load a module.
    if must_not_ask(host._replace(may_load=False), "nf_tables"):
        return ""
    argv = (_NFT, "list", *what)
    result = host.programs.run(*argv)
    if result.status:
        words = result.telling
        raise UnclearError(f"`{quoted(argv)}`: {words}", remedy(words))
    return result.text
