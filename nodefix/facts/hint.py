"""The chain by which images with iptables choose the nft variant, looked for with nft alone.

For a node without iptables, as kube-proxy in nftables mode needs none. The same chain, whoever made
it: iptables-nft's tables are nft's.
"""

from __future__ import annotations

from nodefix.errors import CommandError, UnclearError
from nodefix.facts.chains import IPV4, IPV6, ChainFacts, Family, Rules, wipers
from nodefix.facts.kubeproxy import HINT, ChainKey
from nodefix.facts.module_index import must_not_ask
from nodefix.facts.nft_listing import chain_listing
from nodefix.facts.system import has_ipv6
from nodefix.host.node import Host


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
    try:
        return chain_listing(host, family, *HINT) is not None
    except CommandError as error:
        # kube-proxy itself does without the node's nft.
        raise UnclearError(error.message, error.hint) from error
