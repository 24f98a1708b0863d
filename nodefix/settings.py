"""The settings: one row each, with what checks a value, its JSON Schema and its help."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from nodefix.shape import JsonObject
from nodefix.words import AUTO, MODES, PROXY_MODES, SKIP, STAGE_NAMES

SCOPES = ("auto", "force")
SWAPS = ("auto", "off", "keep")
KUBE_PROXIES = (AUTO, *PROXY_MODES)
RESTARTS = ("auto", "never")
NETWORK_PLUGINS = ("auto", "none")
SYSCTLS = ("advise", "set")
# Seconds: what TimeoutStartSec= of nodefix.service has room for.
LONGEST_SPREAD = 120
# MiB: a pebibyte. YAML's numbers have no end, and Python does not print all of them.
MOST_MARGIN = 1 << 30

# Spaces and the like are left out, so that each remedy can name it as it is.
_METRICS = r"/[A-Za-z0-9_./@:+-]+\.prom"
_MODULE = r"[A-Za-z0-9_][A-Za-z0-9_-]*"

# Takes a setting's place, its value and the list of problems, and adds what is wrong with it.
Check: TypeAlias = Callable[[str, object, list[str]], object]


def _modes(where: str, value: object, problems: list[str]) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        problems.append(f"{where}: found {kind(value)}, expected a mapping of stage to mode")
        return {}
    modes = {}
    for name, mode in value.items():
        if name not in STAGE_NAMES:
            problems.append(f"{where}: {unknown(name, STAGE_NAMES)}")
        else:
            modes[name] = _mode(f"{where}.{name}", mode, problems)
    return modes


def _mode(where: str, value: object, problems: list[str]) -> str:
    if value is False or value == "off":
        problems.append(f"{where}: the mode `off` is now called `{SKIP}`: the stage is not run")
        return ""
    return _choice(*MODES)(where, value, problems)


def _choice(*choices: str) -> Callable[[str, object, list[str]], str]:
    def parse(where: str, value: object, problems: list[str]) -> str:
        # YAML 1.1 reads a bare `off` as false.
        word = "off" if value is False else value
        if isinstance(word, str) and word in choices:
            return word
        problems.append(f"{where}: found {shown(value)}, expected one of: {', '.join(choices)}")
        return ""

    return parse


def _modules(where: str, value: object, problems: list[str]) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        problems.append(f"{where}: found {kind(value)}, expected a list of kernel modules")
        return ()
    for name in value:
        if not isinstance(name, str) or not re.fullmatch(_MODULE, name):
            problems.append(f"{where}: found {shown(name)}, expected a kernel module's name")
    return tuple(str(name).replace("-", "_") for name in value)


def _up_to(most: int) -> Callable[[str, object, list[str]], int]:
    def parse(where: str, value: object, problems: list[str]) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most:
            return value
        expected = f"expected a whole number from 0 to {most}"
        problems.append(f"{where}: found {shown(value)}, {expected}")
        return 0

    return parse


def is_metrics_file(path: str) -> bool:
    """Whether a path can be that of the setting `metrics_file`."""
    return re.fullmatch(_METRICS, path) is not None


def _metrics_file(where: str, value: object, problems: list[str]) -> str:
    if isinstance(value, str) and (not value or is_metrics_file(value)):
        return value
    expected = "expected an absolute path that ends in .prom"
    problems.append(f"{where}: found {shown(value)}, {expected}")
    return ""


def unknown(key: object, known: tuple[str, ...]) -> str:
    """Says that there is no such key, and which one may be meant."""
    import difflib

    close = difflib.get_close_matches(key, known, n=1) if isinstance(key, str) else []
    meant = f" (did you mean {close[0]}?)" if close else ""
    return f"unknown key {shown(key)}{meant}; expected one of: {', '.join(known)}"


def _one_of(*choices: str) -> JsonObject:
    # A bare `off` is false for readers of YAML 1.1.
    return {"enum": [*choices, *([False] if "off" in choices else [])]}


_MODES_SCHEMA: JsonObject = {
    "type": ["object", "null"],
    "properties": {name: {"enum": list(MODES)} for name in STAGE_NAMES},
    "additionalProperties": False,
}
_MODULES_SCHEMA: JsonObject = {
    "type": ["array", "null"],
    "items": {"type": "string", "pattern": f"^{_MODULE}$"},
}


class Setting(NamedTuple):
    """One setting; its default is Config's.

    Attributes:
        check: gives back the value as Config has it.
        schema: the values that are valid, as JSON Schema.
        help: what it decides, for people.
    """

    check: Check
    schema: JsonObject
    help: str


SETTINGS: Mapping[str, Setting] = {
    "scope": Setting(
        _choice(*SCOPES),
        _one_of(*SCOPES),
        "`auto` acts on RHEL-family 10 and later only, `force` on every system.",
    ),
    "stages": Setting(
        _modes,
        _MODES_SCHEMA,
        "Each stage's mode: a failure of a `required` stage holds kubelet, one of a `wanted` stage"
        " degrades the node, and a stage with `skip` is not run.",
    ),
    "swap": Setting(
        _choice(*SWAPS),
        _one_of(*SWAPS),
        "`auto` does what kubelet's failSwapOn asks for, `off` turns swap off, `keep` leaves it.",
    ),
    "swap_margin_mib": Setting(
        _up_to(MOST_MARGIN),
        {"type": "integer", "minimum": 0, "maximum": MOST_MARGIN},
        "Memory in MiB that must stay free when swap is turned off.",
    ),
    "kube_proxy": Setting(
        _choice(*KUBE_PROXIES),
        _one_of(*KUBE_PROXIES),
        "The mode of this node's kube-proxy; `auto` finds it by what is on the node, `none` is for"
        " clusters without kube-proxy.",
    ),
    "kube_proxy_restart": Setting(
        _choice(*RESTARTS),
        _one_of(*RESTARTS),
        "`auto` restarts this node's kube-proxy after a run beside a running kubelet that changed"
        " what kube-proxy only sees at its start, `never` leaves that to an admin.",
    ),
    "kube_proxy_restart_spread": Setting(
        _up_to(LONGEST_SPREAD),
        {"type": "integer", "minimum": 0, "maximum": LONGEST_SPREAD},
        "Seconds. A run that nobody watches at a terminal waits a random part of them before it"
        " restarts kube-proxy, so that a fleet that is repaired at once does not ask the API server"
        " in the same second.",
    ),
    "metrics_file": Setting(
        _metrics_file,
        {"type": "string", "pattern": f"^({_METRICS})?$"},
        "A file `*.prom` in the folder that node_exporter's textfile collector reads: each run"
        " writes its metrics there. There is no default, and no folder is made; a link in its"
        " place, or a file that is not nodefix's, is left alone.",
    ),
    "network_plugin": Setting(
        _choice(*NETWORK_PLUGINS),
        _one_of(*NETWORK_PLUGINS),
        "`auto` loads the kernel modules that the network plugin needs, by its files on the node,"
        " `none` does not look at them.",
    ),
    "sysctls": Setting(
        _choice(*SYSCTLS),
        _one_of(*SYSCTLS),
        "`set` sets at each boot the sysctls that pods' network needs, but for those that an admin"
        " has set in /etc, `advise` leaves them to `nodefix check`.",
    ),
    "extra_modules": Setting(
        _modules,
        _MODULES_SCHEMA,
        "Kernel modules that are required besides those of kube-proxy.",
    ),
    "optional_modules": Setting(
        _modules,
        _MODULES_SCHEMA,
        "Kernel modules that are loaded, and whose absence degrades the node.",
    ),
}
KEYS = tuple(SETTINGS)

# Before the first release some settings had other names.
RENAMED = {"chains": "kube_proxy (auto, iptables, nftables, ipvs or none)"}


def shown(value: object) -> str:
    """A value for a message, of a bounded length."""
    if isinstance(value, bool):
        # YAML 1.1, https://yaml.org/type/bool.html, as PyYAML reads it.
        words = "on, yes and true" if value else "off, no and false"
        return f"{str(value).lower()} (so YAML reads {words} without quotes)"
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        # Python refuses to print integers of thousands of digits.
        return kind(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def kind(value: object) -> str:
    """What a value is, for people who write YAML."""
    kinds = {list: "a list", str: "a string", bool: "true or false", int: "a number"}
    return kinds.get(type(value), type(value).__name__)
