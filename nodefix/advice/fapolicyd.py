"""fapolicyd runs, and knows nothing of the network plugins.

Sources: fapolicyd.conf(5), fapolicyd-cli(8), fapolicyd.rules(5).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from nodefix.advice.finding import Advice
from nodefix.config import Config
from nodefix.host.node import Host

NAME = "fapolicyd"

_UNIT = "fapolicyd.service"
_FOLDER = "/etc/fapolicyd"
_PLUGINS = "/opt/cni/bin/"


class Facts(NamedTuple):
    """What is judged.

    Attributes:
        active: whether fapolicyd runs.
        permissive: whether it only tells.
        trusts: whether its rules or its trust name the folder of the network plugins.
    """

    active: bool
    permissive: bool = False
    trusts: bool = False


def read(host: Host, config: Config) -> Facts:
    """Ask systemd, then read its settings."""
    if not host.systemd.active_units((_UNIT,)):
        return Facts(False)
    settings = host.read(f"{_FOLDER}/fapolicyd.conf").decode("utf-8", "replace")
    permissive = bool(re.search(r"(?m)^\s*permissive\s*=\s*1\s*$", settings))
    files = [f"{_FOLDER}/fapolicyd.trust"]
    for folder in (f"{_FOLDER}/trust.d", f"{_FOLDER}/rules.d"):
        if host.path(folder).is_dir():
            names = sorted(place.name for place in host.path(folder).iterdir())
            files += [f"{folder}/{name}" for name in names]
    return Facts(True, permissive, any(_names_plugins(host, file) for file in files))


def _names_plugins(host: Host, file: str) -> bool:
    try:
        text = host.read(file, 16 << 20).decode("utf-8", "replace")
    except FileNotFoundError:
        return False
    return any(_PLUGINS in line for line in text.split("\n") if not line.lstrip().startswith("#"))


def judge(facts: Facts) -> tuple[Advice, ...]:
    """It must trust what no package has put there."""
    if not facts.active or facts.permissive or facts.trusts:
        return ()
    return (
        Advice(
            "fapolicyd-active",
            f"{_UNIT}: found active without {_PLUGINS} in its rules or its trust, expected it"
            " there",
            "fapolicyd lets nobody execute what no package brought, such as the plugins that a"
            " pod of Flannel or Calico puts there, so that new pods get no network.",
            f"fapolicyd-cli --file add {_PLUGINS} && fapolicyd-cli --update",
        ),
    )
