"""Distributions that start a kubelet of their own, configured to allow swap.

Sources: k3s pkg/daemons/agent (failSwapOn: false) and pkg/configfilearg (config.yaml,
config.yaml.d, `kubelet-arg` and `kubelet-arg+`), which rke2 shares; k0s pkg/component/worker;
MicroShift pkg/node/kubelet.go and assets/core/kubelet.yaml (failSwapOn: false, then the
mapping `kubelet` of its own settings).
"""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING

from nodefix.answer import Answer
from nodefix.errors import NodefixError, UnclearError
from nodefix.facts.kubelet_flags import parsed
from nodefix.words import EMBEDDED_KUBELETS

if TYPE_CHECKING:
    from nodefix.host.node import Host

_MICROSHIFT = "/etc/microshift"
# The folders of a config.yaml, by how a unit's name begins; k0s has no list of kubelet's flags.
_FOLDERS = {"k3s": "/etc/rancher/k3s", "rke2": "/etc/rancher/rke2", "microshift": _MICROSHIFT}
# Each unit, and the folder of its config.yaml; empty if it has none.
UNITS = {unit: _FOLDERS.get(re.split("[-.]", unit)[0], "") for unit in EMBEDDED_KUBELETS}
# Where the drop-ins of each config.yaml are.
_DROP_INS = {_MICROSHIFT: "config.d"}


def said_by_distribution(host: Host, unit: str) -> Answer:
    """Whether the kubelet that a unit starts is configured to allow swap.

    Raises:
        UnclearError: the distribution's settings cannot be read.
    """
    if UNITS[unit] == _MICROSHIFT:
        return _said_by_microshift(host, unit)
    flags = parsed(_kubelet_args(host, UNITS[unit])) if UNITS[unit] else parsed(())
    if flags.fail_swap_on is not None and flags.fails_with_swap:
        return Answer(False, f"{unit}: kubelet-arg fail-swap-on={flags.fail_swap_on}")
    return Answer(True, f"{unit} starts kubelet with failSwapOn: false")


def unit_by_settings(host: Host) -> str:
    """The unit whose settings are there; empty if none are.

    For a node on which none of the units is found: one can be installed under another name
    (INSTALL_K3S_NAME), or later.
    """
    there = (
        unit
        for unit, folder in UNITS.items()
        if folder and os.path.lexists(host.path(f"{folder}/config.yaml"))
    )
    return next(there, "")


def _said_by_microshift(host: Host, unit: str) -> Answer:
    answer = Answer(True, f"{unit} starts kubelet with failSwapOn: false")
    for path in _files(host, _MICROSHIFT):
        kubelets = _settings(host, path).get("kubelet")
        if not isinstance(kubelets, dict) or "failSwapOn" not in kubelets:
            continue
        fails = kubelets["failSwapOn"]
        if not isinstance(fails, bool):
            raise UnclearError(
                f"{path}: failSwapOn: found {str(fails)[:40]!r}, expected true or false",
                f"cat -A {shlex.quote(path)}",
            )
        answer = Answer(not fails, f"failSwapOn: {str(fails).lower()} in {path}")
    return answer


def _kubelet_args(host: Host, folder: str) -> list[str]:
    args: list[str] = []
    for path in _files(host, folder):
        found = _settings(host, path)
        for key in ("kubelet-arg", "kubelet-arg+"):
            value = found.get(key, [])
            given = value if isinstance(value, list) else [value]
            args = (args if key.endswith("+") or key not in found else []) + [
                f"--{str(arg).removeprefix('--')}" for arg in given
            ]
    return args


def _files(host: Host, folder: str) -> list[str]:
    drop_ins = f"{folder}/{_DROP_INS.get(folder, 'config.yaml.d')}"
    try:
        names = sorted(path.name for path in host.path(drop_ins).iterdir())
    except FileNotFoundError:
        names = []
    except OSError as error:
        words = f"{drop_ins}: cannot be listed: {error.strerror}"
        raise UnclearError(words, f"ls -ldZ {drop_ins}") from error
    found = [f"{drop_ins}/{name}" for name in names if name.endswith((".yaml", ".yml"))]
    return [f"{folder}/config.yaml", *found]


def _settings(host: Host, path: str) -> dict[object, object]:
    from nodefix.yamlfile import parse

    try:
        found = parse(host.read(path))
    except FileNotFoundError:
        return {}
    except OSError as error:
        words = f"{path}: cannot be read: {error.strerror}"
        raise UnclearError(words, f"ls -lZ {shlex.quote(path)}") from error
    except NodefixError as error:
        raise UnclearError(f"{path}: {error.message}", f"cat -A {shlex.quote(path)}") from error
    return found if isinstance(found, dict) else {}
