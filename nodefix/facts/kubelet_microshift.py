"""What MicroShift tells its kubelet about swap.

failSwapOn is false, and what stands below `kubelet` in its settings comes after that. These are
config.yaml and each *.yaml below config.d, put together as JSON Merge Patches (RFC 7386), in which
null takes a key away. In the first file null stays, and is kubelet's own default: true.

Sources: MicroShift assets/core/kubelet.yaml, pkg/node/kubelet.go (generateConfig),
pkg/config/files.go.
"""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from nodefix.answer import Answer
from nodefix.errors import UnclearError
from nodefix.facts.kubelet_files import drop_ins
from nodefix.facts.kubelet_settings import mapping

if TYPE_CHECKING:
    from nodefix.host.node import Host

_MAIN, _FOLDER = "/etc/microshift/config.yaml", "/etc/microshift/config.d"
_KEY = "failSwapOn"


def said_by_microshift(host: Host, unit: str) -> Answer:
    """Whether MicroShift's kubelet is configured to allow swap.

    Raises:
        UnclearError: its settings cannot be read, or it would refuse them.
    """
    there = os.path.lexists(host.path(_FOLDER))
    answer = default = Answer(True, f"{unit} starts kubelet with failSwapOn: false")
    is_patch = False
    for path in (_MAIN, *(drop_ins(host, _FOLDER, ".yaml", "its settings") if there else ())):
        found = mapping(host, path)
        if "kubelet" in found:
            answer = _after(answer, default, found["kubelet"], path, is_patch)
        is_patch = is_patch or bool(found)
    return answer


def _after(answer: Answer, default: Answer, kubelet: object, path: str, is_patch: bool) -> Answer:
    if kubelet is None:
        return default
    if not isinstance(kubelet, dict):
        raise _odd(path, "kubelet", kubelet, "a mapping")
    if _KEY not in kubelet:
        return answer
    fails = kubelet[_KEY]
    if fails is None:
        return default if is_patch else Answer(False, f"{_KEY}: null in {path}")
    if not isinstance(fails, bool):
        raise _odd(path, _KEY, fails, "true or false")
    return Answer(not fails, f"{_KEY}: {str(fails).lower()} in {path}")


def _odd(path: str, key: str, found: object, expected: str) -> UnclearError:
    return UnclearError(
        f"{path}: {key}: found {str(found)[:40]!r}, expected {expected}",
        f"cat -A {shlex.quote(path)}",
    )
