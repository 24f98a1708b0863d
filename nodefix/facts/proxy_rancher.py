"""What k3s and rke2 start kube-proxy with.

Sources: nodefix/facts/rancher.py; k3s pkg/daemons/agent (proxy-mode=iptables unless an argument
says otherwise), pkg/cli/cmds (`disable-kube-proxy` is a server's; an agent is told by its server);
kubernetes cmd/kube-proxy/app/options.go (with --config no other flag tells the mode); rke2
pkg/podtemplate/spec.go (kube-proxy's pod has no file of the node but what a mount brings).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodefix.errors import BusError, UnclearError
from nodefix.facts.proxy_sign import Sign, sign_in_config, sign_of
from nodefix.facts.rancher import AGENT, PROGRAMS, Given, Settings, deciding, read_settings
from nodefix.facts.unit_line import command_of, not_exact
from nodefix.facts.yaml_files import content_of
from nodefix.host.kubelets import kubelets
from nodefix.words import IPTABLES

if TYPE_CHECKING:
    from nodefix.host.node import Host

_ARGUMENT, _DISABLED = "kube-proxy-arg", "disable-kube-proxy"


def said_by_rancher(host: Host) -> Sign | None:
    """The mode that k3s or rke2 gives to kube-proxy; None where neither is known to do so.

    Raises:
        UnclearError: their settings cannot be read.
    """
    there = kubelets(f"{host.root}/")
    for program in PROGRAMS:
        # One can be installed under another name, too.
        for unit in [unit for unit in there if unit.startswith(program)] or [""]:
            if sign := _sign(host, unit, program):
                return sign
    return None


def _sign(host: Host, unit: str, program: str) -> Sign | None:
    try:
        command = command_of(host, unit) if unit else None
        settings = read_settings(host, unit, program, command)
    except BusError:
        command, settings = None, read_settings(host, unit, program, None)
    if disabled := settings.switch(_DISABLED):
        return Sign("none", disabled.origin)
    if sign := _by_arguments(host, settings):
        return sign
    if command is None or AGENT in (settings.role, *unit.removesuffix(".service").split("-")):
        # A server has the last word; on an agent it may have said that there is none.
        return None
    if not settings.line.exact:
        raise not_exact(unit, program)
    return Sign(IPTABLES, f"{unit}, whose default it is")


def _by_arguments(host: Host, settings: Settings) -> Sign | None:
    arguments = settings.all_of(_ARGUMENT)
    if config := deciding(arguments, "config"):
        return _by_config(host, settings, config)
    mode = deciding(arguments, "proxy-mode")
    return sign_of(mode.value, mode.origin, mode.origin, mode.hint) if mode else None


def _by_config(host: Host, settings: Settings, config: Given) -> Sign:
    where = f"{_ARGUMENT} config={config.value} {config.where}"
    if settings.program == "rke2":
        words = f"rke2: {where}: names a file of kube-proxy's pod, so the mode in it is not known"
        raise UnclearError(words, config.hint)
    if not config.value.startswith("/"):
        raise UnclearError(f"{where}: expected an absolute path", config.hint)
    content = content_of(host, config.value)
    if content is None:
        raise UnclearError(f"{where}: found no such file, expected its settings", config.hint)
    return sign_in_config(content, config.value)
