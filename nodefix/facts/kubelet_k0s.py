"""What k0s tells its kubelet about swap.

kubelet's flags are in `--kubelet-extra-args` on the unit's line; of two of a name the last counts.
Its configuration is the worker profile, a ConfigMap of the cluster, in which failSwapOn is false
unless the profile says otherwise. k0s keeps that of its last start in DATA_DIR/worker-profile.yaml.
A controller without --enable-worker and --single starts no kubelet.

Sources: k0s pkg/config/cli.go, cmd/worker/worker.go (GetNodeName), internal/pkg/flags,
pkg/component/worker/kubelet.go (Start), pkg/component/worker/config/loader.go,
pkg/component/controller/workerconfig/reconciler.go (buildProfile).
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from nodefix.answer import Answer
from nodefix.errors import UnclearError
from nodefix.facts.kubelet_files import after, drop_ins, said_by_drop_ins, said_by_files
from nodefix.facts.kubelet_flags import Flags, boolean, parsed
from nodefix.facts.kubelet_settings import Started, mapping, started, values_of
from nodefix.facts.kubelet_yaml import fail_swap_on

if TYPE_CHECKING:
    from nodefix.host.node import Host
    from nodefix.host.units import ServiceCommand

_PROGRAM, _CONTROLLER = "k0s", "k0scontroller.service"
_DATA, _PROFILE = "/var/lib/k0s", "default"


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
    line = started(host, unit, command, _PROGRAM) if command else Started(("--enable-worker",), {})
    if unit == _CONTROLLER and line.exact and not _is_worker(line.words):
        return None
    answer = _said(host, unit, line.words)
    if not line.exact and not answer.value:
        raise UnclearError(
            f"{unit} starts {_PROGRAM} in a way that may give it other flags than are seen here",
            f"systemctl cat {unit}",
        )
    return answer


def _is_worker(words: tuple[str, ...]) -> bool:
    flags = (word.removeprefix("--").partition("=") for word in words if word.startswith("--"))
    return any(
        name in ("enable-worker", "single") and (not equals or boolean(value) is not False)
        for name, equals, value in flags
    )


def _said(host: Host, unit: str, words: tuple[str, ...]) -> Answer:
    flags = _flags(values_of(words, "kubelet-extra-args"))
    if flags.fail_swap_on is not None:
        fails = boolean(flags.fail_swap_on)
        where = f"{unit}: --fail-swap-on={flags.fail_swap_on} in --kubelet-extra-args"
        if fails is None:
            raise UnclearError(f"{where}: expected true or false", f"systemctl cat {unit}")
        return Answer(not fails, where)
    if flags.config:
        return said_by_files(host, flags.config, flags.config_dir)
    profile = (values_of(words, "profile") or [_PROFILE])[-1]
    folder = (values_of(words, "data-dir") or [_DATA])[-1]
    answer = _by_profile(host, unit, profile, f"{folder.rstrip('/')}/worker-profile.yaml")
    more = drop_ins(host, flags.config_dir) if flags.config_dir else ()
    return said_by_drop_ins(host, more, answer)


def _flags(values: list[str]) -> Flags:
    """kubelet's flags: words between blanks, of which k0s keeps the last of a name, sorted."""
    given = dict(word.partition("=")[::2] for word in "".join(values[-1:]).split())
    return parsed([f"{name}={given[name]}" for name in sorted(given)])


def _by_profile(host: Host, unit: str, profile: str, path: str) -> Answer:
    """What the profile of the last start says."""
    kept = mapping(host, path)
    if kept.get("name") == profile:
        data = kept.get("data")
        text = data.get("kubeletConfiguration") if isinstance(data, dict) else None
        if not isinstance(text, str):
            raise UnclearError(
                f"{path}: found no kubeletConfiguration, expected kubelet's settings",
                f"cat {shlex.quote(path)}",
            )
        said = fail_swap_on(text.encode("utf-8", "surrogateescape"), path)
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
