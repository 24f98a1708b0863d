"""What k3s and rke2 tell their kubelet about swap.

Of `kubelet-arg` all count. kubelet's own order follows: its flag, then the files in
`DATA_DIR/agent/etc/kubelet.conf.d`, to which the file of `config=` is copied as 10-cli-config.conf
and the folder of `config-dir=` as 20-cli-config-dir, then the default of k3s: failSwapOn: false.
Releases before 1.32 know no such folder; drop-ins in it count all the same, as somebody's wish.

Sources: nodefix/facts/rancher.py; k3s pkg/cli/cmds/agent.go, pkg/daemons/agent/agent.go
(extractConfigArgs, defaultKubeletConfig), which rke2 shares.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nodefix.answer import Answer
from nodefix.errors import UnclearError
from nodefix.facts.kubelet_files import drop_ins, said_by_drop_ins
from nodefix.facts.kubelet_flags import boolean
from nodefix.facts.rancher import Given, Settings, deciding, read_settings
from nodefix.facts.unit_line import not_exact

if TYPE_CHECKING:
    from nodefix.host.node import Host
    from nodefix.host.units import ServiceCommand

_KEY, _FLAG = "kubelet-arg", "fail-swap-on"
_CONFIG, _CONFIG_DIR = "config", "config-dir"


def said_by_rancher(host: Host, unit: str, program: str, command: ServiceCommand | None) -> Answer:
    """Whether the kubelet of k3s or rke2 is configured to allow swap.

    Args:
        host: the node.
        unit: the unit that starts it.
        program: `k3s` or `rke2`.
        command: how the unit starts it; None where that is not known, then its files alone count.

    Raises:
        UnclearError: its settings cannot be read, or it would refuse them.
        BusError: systemd was to be asked, and did not answer.
    """
    settings = read_settings(host, unit, program, command)
    answer = _said(host, settings)
    if not settings.line.exact and not answer.value:
        raise not_exact(unit, program)
    return answer


def _said(host: Host, settings: Settings) -> Answer:
    """What kubelet's flags say, or else its files."""
    flags, copied = _arguments(settings)
    last = deciding(flags, _FLAG)
    folder = f"{settings.data}/agent/etc/kubelet.conf.d"
    if last is None:
        answer = Answer(True, f"{settings.unit} starts kubelet with failSwapOn: false")
        ordered = _in_order(host, settings.program, folder, copied)
        return said_by_drop_ins(host, ordered, answer)
    fails = boolean(last.value)
    where = f"{_KEY} {_FLAG}={last.value} {last.where}"
    if fails is None:
        raise UnclearError(f"{settings.unit}: {where}: expected true or false", last.hint)
    return Answer(not fails, f"{settings.unit}: {where}")


def _arguments(settings: Settings) -> tuple[list[Given], dict[str, str]]:
    """kubelet's flags, and the files of it that are copied instead."""
    flags: list[Given] = []
    copied: dict[str, str] = {}
    rest = iter(settings.all_of(_KEY))
    for argument in rest:
        name, equals, value = argument.value.removeprefix("--").partition("=")
        if not equals:
            # So k3s takes it, and drops the word that follows a flag of any other name.
            value = next(rest, Given("", "")).value
        if name in (_CONFIG, _CONFIG_DIR):
            copied[name] = value
        else:
            flags.append(argument)
    return flags, copied


def _in_order(host: Host, program: str, folder: str, copied: Mapping[str, str]) -> list[str]:
    """The drop-ins as kubelet finds them once k3s has written its own and copied the others."""
    found: dict[str, str] = {}
    if os.path.lexists(host.path(folder)):
        found = {path.removeprefix(f"{folder}/"): path for path in drop_ins(host, folder)}
    # Written anew at each start, and what it says is the default.
    found.pop(f"00-{program}-defaults.conf", None)
    config, more = copied.get(_CONFIG, ""), copied.get(_CONFIG_DIR, "")
    if config and not config.startswith(folder):
        found["10-cli-config.conf"] = config
    if more and not more.startswith(folder):
        top = more.rstrip("/")
        # Copied whole, so a link to a folder counts as one.
        for path in drop_ins(host, f"{top}/"):
            found[f"20-cli-config-dir/{path.removeprefix(f'{top}/')}"] = path
    return [found[name] for name in sorted(found, key=lambda name: os.fsencode(name).split(b"/"))]
