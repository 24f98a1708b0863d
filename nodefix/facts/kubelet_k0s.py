"""What k0s tells its kubelet about swap.

kubelet's flags are in `--kubelet-extra-args` on the unit's line; of two of a name the last counts.
Its configuration is the worker profile, a ConfigMap of the cluster, in which failSwapOn is false
unless the profile says otherwise. k0s keeps that of its last start in DATA_DIR/worker-profile.yaml.
A controller without --enable-worker and --single starts no kubelet.

Sources: nodefix/facts/k0s.py; k0s cmd/worker/worker.go (GetNodeName), internal/pkg/flags,
pkg/component/worker/kubelet.go (Start), pkg/component/worker/config/loader.go,
pkg/component/controller/workerconfig/reconciler.go (buildProfile).
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from nodefix.answer import Answer
from nodefix.errors import UnclearError
from nodefix.facts.k0s import CONTROLLER, PROGRAM, data_folder, read_line
from nodefix.facts.kubelet_files import after, drop_ins, said_by_drop_ins, said_by_files
from nodefix.facts.kubelet_flags import Flags, boolean, given, parsed, values_of
from nodefix.facts.kubelet_yaml import fail_swap_on
from nodefix.facts.unit_line import Started, not_exact
from nodefix.facts.yaml_files import mapping_in

if TYPE_CHECKING:
    from nodefix.host.node import Host
    from nodefix.host.units import ServiceCommand

_PROFILE = "default"


def said_by_k0s(host: Host, unit: str, command: ServiceCommand | None) -> Answer | None:
    """Whether the kubelet of k0s is configured to allow swap; None where it starts none.

    Args:
        host: the node.
        unit: the unit that starts it.
        command: how the unit starts it; None where that is not known, then its files alone count.

    Raises:
        UnclearError: its settings cannot be read, or kubelet would refuse them.
        BusError: systemd was to be asked, and did not answer.
    """
    line = read_line(host, unit, command)
    if unit == CONTROLLER and line.exact and not _is_worker(line.words):
        return None
    answer = _said(host, unit, line)
    if not line.exact and not answer.value:
        raise not_exact(unit, PROGRAM)
    return answer


def _is_worker(words: tuple[str, ...]) -> bool:
    said = dict(given(words, switches=("enable-worker", "single")))
    return any(boolean(value) is not False for value in said.values())


def _said(host: Host, unit: str, line: Started) -> Answer:
    flags = _flags(values_of(line.words, "kubelet-extra-args"))
    if flags.fail_swap_on is not None:
        fails = boolean(flags.fail_swap_on)
        where = f"{unit}: --fail-swap-on={flags.fail_swap_on} in --kubelet-extra-args"
        if fails is None:
            raise UnclearError(f"{where}: expected true or false", f"systemctl cat {unit}")
        return Answer(not fails, where)
    if flags.config:
        return said_by_files(host, flags.config, flags.config_dir)
    profile = (_PROFILE, *values_of(line.words, "profile"))[-1]
    answer = _by_profile(host, unit, profile, f"{data_folder(line)}/worker-profile.yaml")
    more = drop_ins(host, flags.config_dir) if flags.config_dir else ()
    return said_by_drop_ins(host, more, answer)


def _flags(values: list[str]) -> Flags:
    """kubelet's flags: words between blanks, of which k0s keeps the last of a name, sorted."""
    last = dict(word.partition("=")[::2] for word in "".join(values[-1:]).split())
    return parsed([f"{name}={last[name]}" for name in sorted(last)])


def _by_profile(host: Host, unit: str, profile: str, path: str) -> Answer:
    """What the profile of the last start says."""
    kept = mapping_in(host, path)
    if kept.get("name") == profile:
        data = kept.get("data")
        text = data.get("kubeletConfiguration") if isinstance(data, dict) else None
        if not isinstance(text, str):
            raise UnclearError(
                f"{path}: found no kubeletConfiguration, expected kubelet's settings",
                f"cat {shlex.quote(path)}",
            )
        said = fail_swap_on(text.encode("utf-8", "surrogateescape"), path, head=False)
        where = f"the profile {profile} of {unit}, as kept in {path}"
        # k0s leaves null out.
        return after(Answer(False, f"{where}, has no failSwapOn"), said, where)
    if profile == _PROFILE:
        return Answer(True, f"{unit} starts kubelet with failSwapOn: false")
    raise UnclearError(
        f"{unit}: the worker profile {profile} is in the cluster, and {path} has none of that name"
        " until k0s has started with it once",
        f"ls -l {shlex.quote(path)}",
    )
