"""What nft lists, asked only where the kernel need not load anything for the answer."""

from __future__ import annotations

import shlex

from nodefix.errors import UnclearError
from nodefix.facts.module_index import is_absent_now
from nodefix.facts.nft import NFT, SECONDS
from nodefix.facts.remedies import remedy
from nodefix.host.node import Host
from nodefix.host.programs import Result, quoted
from nodefix.host.spawn import says_gone


def listing(host: Host, *what: str) -> str:
    """What `nft list WHAT` prints; empty where nothing in this boot has made a table.

    Raises:
        CommandError: nft cannot be started.
        UnclearError: it does not answer.
    """
    # Whoever asks: a listing is no reason to load a module, and what is not there has no tables.
    if _has_no_tables(host):
        return ""
    argv = (NFT, "list", *what)
    result = host.programs.read(*argv)
    if result.status:
        raise _unclear(argv, result)
    return result.text


def _has_no_tables(host: Host) -> bool:
    try:
        return is_absent_now(host, "nf_tables")
    except OSError as error:
        message = f"{error.filename}: cannot be read: {error.strerror}"
        raise UnclearError(message, f"ls -lZ {shlex.quote(str(error.filename))}") from error


def chain_listing(host: Host, family: str, table: str, chain: str) -> str | None:
    """What `nft list chain` prints; None where there is no such chain.

    nft is asked in any case, which may load nf_tables.

    Raises:
        CommandError: nft cannot be started.
        UnclearError: it does not answer.
    """
    argv = (NFT, "list", "chain", family, table, chain)
    result = host.programs.read(*argv, timeout=SECONDS)
    if not result.status:
        return result.text
    if says_gone(result.stderr):
        return None
    raise _unclear(argv, result)


def _unclear(argv: tuple[str, ...], result: Result) -> UnclearError:
    words = result.telling
    return UnclearError(f"`{quoted(argv)}`: {words}", remedy(words))
