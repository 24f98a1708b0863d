"""What MicroShift's settings come to.

They are config.yaml and each *.yaml below config.d, put together as JSON Merge Patches (RFC 7386),
in which null takes a key away. In the first file null stays, and is the default of whatever it is
for.

Sources: MicroShift pkg/config/files.go; Go's filepath.WalkDir.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from nodefix.facts.kubelet_files import drop_ins
from nodefix.facts.yaml_files import mapping_in, odd

if TYPE_CHECKING:
    from nodefix.host.node import Host

UNIT = "microshift.service"
MAIN, _FOLDER = "/etc/microshift/config.yaml", "/etc/microshift/config.d"


class Stated(NamedTuple):
    """A value in the settings, and the file that has it."""

    value: object
    path: str


def read_setting(host: Host, section: str, key: str) -> Stated | None:
    """A setting of a section; None where the settings leave it to MicroShift.

    Raises:
        UnclearError: they cannot be read, or the section is no mapping.
    """
    there = os.path.lexists(host.path(_FOLDER))
    stated: Stated | None = None
    is_patch = False
    for path in (MAIN, *(drop_ins(host, _FOLDER, ".yaml", "its settings") if there else ())):
        found = mapping_in(host, path)
        if section in found:
            stated = _after(stated, Stated(found[section], path), section, key, is_patch)
        is_patch = is_patch or bool(found)
    return stated


def _after(
    before: Stated | None, section: Stated, name: str, key: str, is_patch: bool
) -> Stated | None:
    if section.value is None:
        return None
    if not isinstance(section.value, dict):
        raise odd(section.path, name, section.value, "a mapping")
    if key not in section.value:
        return before
    value = section.value[key]
    return None if value is None and is_patch else Stated(value, section.path)
