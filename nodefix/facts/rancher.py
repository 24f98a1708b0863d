"""What k3s and rke2 start kube-proxy with: their settings, then the flags of their units.

Sources: k3s pkg/configfilearg (config.yaml, then config.yaml.d by name; `kube-proxy-arg` replaces,
`kube-proxy-arg+` appends; what is in files comes before the flags of the command line, and the last
of two counts), pkg/daemons/agent (proxy-mode=iptables unless an argument says otherwise),
pkg/cli/cmds (`disable-kube-proxy` is a server's; an agent is told by its server); rke2 shares them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nodefix.errors import BusError
from nodefix.facts.kubelet_environment import words_of
from nodefix.facts.kubelet_flags import flag
from nodefix.facts.proxy_files import content_of, listed, parsed, values
from nodefix.facts.proxy_sign import Sign, sign_of
from nodefix.facts.unit_links import UNIT_FOLDERS
from nodefix.words import EMBEDDED_KUBELETS

if TYPE_CHECKING:
    from nodefix.host.node import Host

_ARGUMENT, _DISABLED = "kube-proxy-arg", "disable-kube-proxy"
_CONFIG = "config"
# As Go's strconv.ParseBool has it.
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})


class _Told(NamedTuple):
    """What one unit, or a folder of settings without a unit, says.

    Attributes:
        words: kube-proxy's own flags, in their order.
        origin: the last file or unit that said one of them.
        disabled: the file or unit that says that there is to be no kube-proxy; empty if there is
            to be one.
    """

    words: tuple[str, ...] = ()
    origin: str = ""
    disabled: str = ""

    def with_value(self, key: str, value: object, origin: str) -> _Told:
        """The same after one more setting or flag."""
        if key == _DISABLED:
            return self._replace(disabled=origin if str(value) in _TRUE else "")
        given = tuple(f"--{str(one).removeprefix('--')}" for one in values(value))
        before = self.words if key.endswith("+") else ()
        return self._replace(words=(*before, *given), origin=origin)


def said_by_rancher(host: Host) -> Sign | None:
    """The mode that k3s or rke2 gives to kube-proxy; None where neither is known to do so.

    Raises:
        UnclearError: their settings cannot be read.
    """
    for name in ("k3s", "rke2"):
        units = [unit for unit in EMBEDDED_KUBELETS if unit.startswith(name)]
        there = [unit for unit in units if is_installed(host, unit)]
        # One can be installed under another name, too.
        for unit in there or [""]:
            if sign := _sign(host, name, unit):
                return sign
    return None


def is_installed(host: Host, unit: str) -> bool:
    """Whether there is a file of a unit."""
    return any(host.path(f"{folder}/{unit}").exists() for folder in UNIT_FOLDERS)


def _sign(host: Host, name: str, unit: str) -> Sign | None:
    flags = _flags(host, unit)
    main = flag(flags or (), _CONFIG) or f"/etc/rancher/{name}/config.yaml"
    told = _with_files(host, main, _Told())
    told = _with_flags(flags or [], unit, told)
    if told.disabled:
        return Sign("none", told.disabled)
    if mode := flag(told.words, "proxy-mode"):
        return sign_of(mode, told.origin, told.origin)
    if flags is not None and "agent" not in unit:
        # A server has the last word; on an agent it may have said that there is none.
        return Sign("iptables", f"{unit}, whose default it is")
    return None


def _with_files(host: Host, main: str, told: _Told) -> _Told:
    folder = f"{main}.d"
    names = [name for name in listed(host, folder) if name.endswith((".yaml", ".yml"))]
    for path in (main, *(f"{folder}/{name}" for name in names)):
        content = content_of(host, path)
        for key, value in parsed(content, path).items() if content else ():
            if key in (_ARGUMENT, f"{_ARGUMENT}+", _DISABLED):
                told = told.with_value(str(key), value, path)
    return told


def _with_flags(flags: list[str], unit: str, told: _Told) -> _Told:
    rest = iter(flags)
    for word in rest:
        name, equals, value = word.lstrip("-").partition("=")
        if not word.startswith("-") or name not in (_ARGUMENT, _DISABLED):
            continue
        if name == _DISABLED:
            told = told.with_value(_DISABLED, value if equals else "true", unit)
        else:
            told = told.with_value(f"{_ARGUMENT}+", value if equals else next(rest, ""), unit)
    return told


def _flags(host: Host, unit: str) -> list[str] | None:
    """The words after the program's name; None where they are not known."""
    if not unit:
        return None
    try:
        command = host.systemd.service_command(unit)
        words = words_of(host, command) if command.program else None
    except BusError:
        return None
    return words and [f"--{_CONFIG}" if word == "-c" else word for word in words]
