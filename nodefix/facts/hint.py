"""The chain by which images with iptables choose the nft variant, looked for with nft alone.

For a node without iptables, as kube-proxy in nftables mode needs none. The same chain, whoever made
it: iptables-nft's tables are nft's.
"""

from __future__ import annotations

from nodefix.errors import CommandError, UnclearError
from nodefix.facts.chains import IPV4, IPV6, ChainFacts, Family, Rules, wipers
from nodefix.facts.kubeproxy import HINT, ChainKey
from nodefix.facts.module_index import must_not_ask
from nodefix.facts.nft import NFT, SECONDS
from nodefix.facts.remedies import remedy
from nodefix.facts.system import has_ipv6
from nodefix.host.node import Host
from nodefix.host.programs import quoted

# On a line of nft's own errors: the dynamic loader has the same words for a library.
_ERROR, _GONE = "Error: ", "No such file or directory"


def read_hints(host: Host) -> ChainFacts:
    """Whether the chain is there, for each family that the kernel has.

    Raises:
        UnclearError: nft does not tell, or cannot be started.
    """
    families = (IPV4, IPV6) if has_ipv6(host.root) else (IPV4,)
    # A kernel without the module has no chains.
    is_empty = must_not_ask(host, "nf_tables")
    rules: dict[Family, dict[ChainKey, Rules]] = {
        family: {HINT: () if not is_empty and _is_there(host, family.nft) else None}
        for family in families
    }
    return ChainFacts(rules, wipers(host))


def _is_there(host: Host, family: str) -> bool:
    argv = (NFT, "list", "chain", family, *HINT)
    try:
        result = host.programs.run(*argv, timeout=SECONDS)
    except CommandError as error:
        # kube-proxy itself does without the node's nft.
        raise UnclearError(error.message, error.hint) from error
    if not result.status:
        return True
    errors = result.stderr.decode("utf-8", "replace").split("\n")
    if any(line.startswith(_ERROR) and _GONE in line for line in errors):
        return False
    raise UnclearError(f"`{quoted(argv)}`: {result.telling}", remedy(result.telling))
