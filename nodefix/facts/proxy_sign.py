"""One sign of kube-proxy's mode, and the words that are modes."""

from __future__ import annotations

import shlex
from typing import NamedTuple

from nodefix.errors import UnclearError
from nodefix.text import bounded
from nodefix.words import IPTABLES, PROXY_MODES


class Sign(NamedTuple):
    """Something on the node that tells kube-proxy's mode.

    Attributes:
        mode: one of words.PROXY_MODES.
        origin: what tells it, for people: a path, or what was seen.
    """

    mode: str
    origin: str


def sign_of(word: object, origin: str, path: str) -> Sign:
    """The sign that kube-proxy's own word for its mode is; the empty word is its default.

    Source: kubernetes pkg/proxy/apis/config/types.go; cmd/kube-proxy/app/server_linux.go
    (getProxyMode: iptables).

    Args:
        word: as it stands in a file, of any type.
        origin: see Sign.
        path: the file.

    Raises:
        UnclearError: kube-proxy has no such mode, or none on Linux.
    """
    mode = IPTABLES if word is None or word == "" else word
    if not isinstance(mode, str) or mode not in PROXY_MODES or mode == "none":
        expected = ", ".join(name for name in PROXY_MODES if name != "none")
        message = f"{path}: kube-proxy's mode: found {bounded(repr(word), 80)}"
        raise UnclearError(f"{message}, expected one of: {expected}", f"cat -A {shlex.quote(path)}")
    return Sign(mode, origin)
