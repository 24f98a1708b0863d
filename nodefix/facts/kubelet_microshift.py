"""What MicroShift tells its kubelet about swap.

failSwapOn is false, and what stands below `kubelet` in its settings comes after that; null there is
kubelet's own default: true.

Sources: MicroShift assets/core/kubelet.yaml, pkg/node/kubelet.go (generateConfig).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodefix.answer import Answer
from nodefix.facts.microshift import read_setting
from nodefix.facts.yaml_files import odd

if TYPE_CHECKING:
    from nodefix.host.node import Host

_KEY = "failSwapOn"


def said_by_microshift(host: Host, unit: str) -> Answer:
    """Whether MicroShift's kubelet is configured to allow swap.

    Raises:
        UnclearError: its settings cannot be read, or it would refuse them.
    """
    stated = read_setting(host, "kubelet", _KEY)
    if stated is None:
        return Answer(True, f"{unit} starts kubelet with failSwapOn: false")
    if stated.value is None:
        return Answer(False, f"{_KEY}: null in {stated.path}")
    if not isinstance(stated.value, bool):
        raise odd(stated.path, _KEY, stated.value, "true or false")
    return Answer(not stated.value, f"{_KEY}: {str(stated.value).lower()} in {stated.path}")
