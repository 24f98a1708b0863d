"""What helps against what iptables and nft say."""

from __future__ import annotations

# The modules stage tries rules like kube-proxy's and names the module and package that is missing.
ASK_MODULES = "nodefix run --stage modules"
_LIBRARY = "dnf reinstall iptables-libs && systemctl restart nodefix"
_REMEDIES = (
    # An extension or a library of iptables', not of the kernel's.
    ("couldn't load match", _LIBRARY),
    ("couldn't load target", _LIBRARY),
    ("extension not found", _LIBRARY),
    (
        "error while loading shared libraries",
        "dnf reinstall iptables-libs iptables-nft nftables libnftnl libmnl"
        " && systemctl restart nodefix",
    ),
    ("not supported, missing kernel module", ASK_MODULES),
    ("no such file or directory", ASK_MODULES),
    ("could not fetch rule set generation id", ASK_MODULES),
)
_LOOK = "journalctl -k -n 30"


def remedy(words: str) -> str:
    """The command that helps against what iptables or nft said, or that shows more of it."""
    said = words.lower()
    return next((line for part, line in _REMEDIES if part in said), _LOOK)
