"""A tool's own words, shortened to the line that tells something, and what helps against it."""

from __future__ import annotations

from nodefix.commands import Result

_LENGTH = 240
# What iptables and nft say around the line that counts.
_NOISE = ("try `", "perhaps ", "# warning", "ignoring deprecated", "error occurred at line")

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


def telling(result: Result) -> str:
    """The line of a tool's words that says what is wrong, in printable characters.

    The first one that is no decoration: iptables names the extension first and repeats itself
    afterwards.
    """
    said = (result.stderr or result.stdout)[:65536].decode("utf-8", "replace")
    lines = [line.strip() for line in said.split("\n")]
    counting = [line for line in lines if line and not line.lower().startswith(_NOISE)]
    text = (counting or [f"exit status {result.status} without a word"])[0]
    shown = "".join(char if char.isprintable() else "?" for char in text)
    return shown if len(shown) <= _LENGTH else f"{shown[:_LENGTH]}…"


def remedy(words: str) -> str:
    """The command that helps against what iptables or nft said, or that shows more of it."""
    said = words.lower()
    return next((line for part, line in _REMEDIES if part in said), _LOOK)
