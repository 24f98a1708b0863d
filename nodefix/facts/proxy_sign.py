"""One sign of kube-proxy's mode, and the words that are modes."""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple

from nodefix.errors import UnclearError
from nodefix.facts.yaml_files import inner, parsed
from nodefix.text import bounded
from nodefix.words import IPTABLES, PROXY_MODES

# As kubeadm and most hands write it, so that PyYAML, a tenth of a run's time, is not needed.
_MODE = re.compile(
    rb"""^mode:[ \t]*(?:"(\w*)"|'(\w*)'|(iptables|nftables|ipvs)?)[ \t]*(?:#.*)?\r?$""", re.M
)


class Sign(NamedTuple):
    """Something on the node that tells kube-proxy's mode.

    Attributes:
        mode: one of words.PROXY_MODES.
        origin: what tells it, for people: a path, or what was seen.
    """

    mode: str
    origin: str


def sign_of(word: object, origin: str, path: str, hint: str = "") -> Sign:
    """The sign that kube-proxy's own word for its mode is; the empty word is its default.

    Source: kubernetes pkg/proxy/apis/config/types.go; cmd/kube-proxy/app/server_linux.go
    (getProxyMode: iptables).

    Args:
        word: as it stands in a file, of any type.
        origin: see Sign.
        path: the file, or whatever has it.
        hint: the command that shows it, where it is no file.

    Raises:
        UnclearError: kube-proxy has no such mode, or none on Linux.
    """
    mode = IPTABLES if word is None or word == "" else word
    if not isinstance(mode, str) or mode not in PROXY_MODES or mode == "none":
        expected = ", ".join(name for name in PROXY_MODES if name != "none")
        message = f"{path}: kube-proxy's mode: found {bounded(repr(word), 80)}"
        shown = hint or f"cat -A {shlex.quote(path)}"
        raise UnclearError(f"{message}, expected one of: {expected}", shown)
    return Sign(mode, origin)


def sign_in_config(content: bytes, path: str) -> Sign:
    """The sign in kube-proxy's own settings, a KubeProxyConfiguration.

    Raises:
        UnclearError: it cannot be understood.
    """
    found = list(_MODE.finditer(content))
    if len(found) == 1:
        word: object = next((one for one in found[0].groups() if one is not None), b"").decode()
    else:
        word = inner(parsed(content, path)).get("mode")
    return sign_of(word, path, path)
