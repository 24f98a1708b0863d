"""Whether kubelet is configured to allow swap.

Its settings are on its unit's command line and in the files that this names; flags override files.
Where one of these cannot be read there is no answer: swap may be wanted.

All units that start a kubelet count, kubelet's own and those of distributions, and they have to
agree. One that is disabled and has not been started in this boot counts only where all are: rke2's
archive brings both of its units, and a node uses one of them.

Sources: kubernetes cmd/kubelet/app/options (--config, --config-dir, --fail-swap-on; flags override
files), staging/src/k8s.io/kubelet/config/v1beta1 (failSwapOn, true by default); kubeadm's
10-kubeadm.conf.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nodefix.answer import Answer
from nodefix.errors import BusError, UnclearError
from nodefix.facts.kubelet_embedded import UNITS, said_by_distribution, unit_by_settings
from nodefix.facts.kubelet_environment import environment_file, split, words_of
from nodefix.facts.kubelet_files import said_by_files
from nodefix.facts.kubelet_flags import kubelets_line, parsed
from nodefix.facts.kubelet_refused import expect_clear
from nodefix.facts.unit_links import UNIT_FOLDERS
from nodefix.words import KUBELET

if TYPE_CHECKING:
    from nodefix.host.node import Host
    from nodefix.host.units import ServiceCommand

# What kubeadm and the packages of kubelet put on every node.
_CONFIG = "/var/lib/kubelet/config.yaml"
_ENVIRONMENT_FILES = (
    "/var/lib/kubelet/kubeadm-flags.env",
    "/etc/default/kubelet",
    "/etc/sysconfig/kubelet",
)
_VARIABLES = ("KUBELET_KUBEADM_ARGS", "KUBELET_EXTRA_ARGS")


def wants_swap(host: Host) -> Answer:
    """Whether kubelet is configured to allow swap; None where that is not known."""
    try:
        try:
            return _by_units(host)
        except BusError as error:
            return _without_systemd(host, error)
    except UnclearError as error:
        return Answer(None, error.message, error.hint)


def _by_units(host: Host) -> Answer:
    there = host.systemd.known_units((KUBELET, *UNITS))
    if not there:
        return _without_unit(host)
    said = {
        unit: _by_unit(host, unit, host.systemd.service_command(unit))
        for unit in _in_use(host, there)
    }
    return _agreed({unit: answer for unit, answer in said.items() if answer}, there)


def _by_unit(host: Host, unit: str, command: ServiceCommand) -> Answer | None:
    """What a unit says; None if it starts no kubelet."""
    if not command.program:
        raise UnclearError(
            f"systemd cannot load {unit} ({command.load_state})", f"systemd-analyze verify {unit}"
        )
    if unit == KUBELET:
        return _by_kubelets_unit(host, command)
    return said_by_distribution(host, unit, command)


def _in_use(host: Host, units: tuple[str, ...]) -> tuple[str, ...]:
    """Without those that are only installed, unless all are."""
    if len(units) < 2:
        return units
    states = [host.systemd.service_state(unit) for unit in units]
    used = tuple(
        unit
        for unit, service in zip(units, states, strict=True)
        if service.file_state != "disabled"
        or service.state.active != "inactive"
        or service.state.job
    )
    return used or units


def _agreed(said: Mapping[str, Answer], units: Sequence[str]) -> Answer:
    """What all units say that start a kubelet."""
    if not said:
        return Answer(True, f"no kubelet is started by {', '.join(units)}")
    (first, answer), *others = said.items()
    for unit, other in others:
        if other.value != answer.value:
            raise UnclearError(
                f"{first} and {unit} both start a kubelet and disagree about swap:"
                f" {answer.where}; {other.where}; disable the one that this node does not use",
                f"systemctl list-unit-files {first} {unit}",
            )
    return answer


def _by_kubelets_unit(host: Host, command: ServiceCommand) -> Answer:
    line = kubelets_line(command.program, words_of(host, command))
    if line.exact and line.words is not None:
        expect_clear(line.words)
        return _by_words(host, line.words)
    # kubelet may get more than is seen here, so only a yes is an answer.
    answer = _by_words(host, line.words) if line.words else _by_kubeadms_files(host)
    if answer.value:
        return answer
    raise UnclearError(
        f"{KUBELET} starts {command.program}, not kubelet itself, so kubelet's flags are not known",
        f"systemctl cat {KUBELET}",
    )


def _by_words(host: Host, words: Sequence[str]) -> Answer:
    flags = parsed(words)
    if flags.fail_swap_on is None:
        return said_by_files(host, flags.config, flags.config_dir)
    where = f"--fail-swap-on={flags.fail_swap_on} on kubelet's command line"
    return Answer(not flags.fails_with_swap, where)


def _by_kubeadms_files(host: Host) -> Answer:
    """What the files say that a kubelet set up by kubeadm reads, if there are any."""
    words = [f"--config={_CONFIG}"] if os.path.lexists(host.path(_CONFIG)) else []
    values: dict[str, str] = {}
    for path in _ENVIRONMENT_FILES:
        try:
            values |= environment_file(host, path)
        except FileNotFoundError:
            continue
        except OSError as error:
            words_of_it = f"{path}: cannot be read: {error.strerror}"
            raise UnclearError(words_of_it, f"ls -lZ {shlex.quote(path)}") from error
        except ValueError:
            # systemd ignores such a file.
            continue
    for name in _VARIABLES:
        words += split(values.get(name, ""))
    return _by_words(host, words)


def _without_unit(host: Host) -> Answer:
    answer = _by_kubeadms_files(host)
    if not answer.value and (unit := unit_by_settings(host)):
        theirs = said_by_distribution(host, unit, None) or answer
        answer = theirs._replace(where=f"{UNITS[unit]} exists, and {theirs.where}")
    return answer if answer.value else Answer(False, f"there is no {KUBELET}")


def _without_systemd(host: Host, error: BusError) -> Answer:
    """What the files alone say; command lines are not known, so the answer is never no."""
    units = [unit for unit in (KUBELET, *UNITS) if _has_file(host, unit)]
    if not units:
        return _without_unit(host)
    said = {unit: _by_its_files(host, unit) for unit in units}
    for unit, answer in said.items():
        if answer and not answer.value:
            raise UnclearError(
                f"systemd did not say how {unit} is started: {error.message}", error.hint
            )
    return _agreed({unit: answer for unit, answer in said.items() if answer}, units)


def _by_its_files(host: Host, unit: str) -> Answer | None:
    return _by_kubeadms_files(host) if unit == KUBELET else said_by_distribution(host, unit, None)


def _has_file(host: Host, unit: str) -> bool:
    return any(os.path.lexists(host.path(f"{folder}/{unit}")) for folder in UNIT_FOLDERS)
