"""The file that switches nodefix off: what `nodefix disable` writes, and what anybody may."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from nodefix.host.kubelets import holder, kubelets, spoken
from nodefix.host.reading import read_file
from nodefix.text import bounded, one_line, stamp
from nodefix.words import CMDLINES, MOTD, STATE_FILE, SWITCH, SWITCH_ARGUMENT

# Bytes of the file that are read, and characters of a word in it.
_LIMIT, _WORD = 64 << 10, 300

_HEAD = """\
# As long as this file is here nodefix runs no stage and holds nothing up.
# To switch it on again: nodefix enable
"""
_KEYS = ("reason", "by", "when")
_LINE = re.compile(rf"(?m)^({'|'.join(_KEYS)}):[ ]*(.*?)[ \t\r]*$")


class Switch(NamedTuple):
    """What switches nodefix off.

    Attributes:
        where: the file's path, or the word on the kernel's command line.
        reason: why, in the words of whoever did it; empty if nobody said.
        by: who.
        when: ISO 8601 in UTC.
        odd: what is wrong with the file; empty if nothing is.
    """

    where: str
    reason: str = ""
    by: str = ""
    when: str = ""
    odd: str = ""

    def content(self) -> bytes:
        """The file that says so."""
        lines = "".join(f"{key}: {one_line(getattr(self, key), _WORD)}\n" for key in _KEYS)
        return (_HEAD + lines).encode("utf-8", "backslashreplace")

    @property
    def in_words(self) -> str:
        """Where it comes from, why and by whom, in a clause."""
        said = [
            self.reason or "no reason is given",
            f"by {self.by}" if self.by else "",
            self.when,
            self.odd,
        ]
        return f"{self.where}: {', '.join(part for part in said if part)}"


def read_switch(root: str) -> Switch | None:
    """What switches nodefix off, whatever stands there; None if it is not switched off.

    Args:
        root: the node's root, with a slash at its end.
    """
    if os.path.lexists(root + SWITCH):
        return _read(root + SWITCH)
    return on_command_line(root)


def on_command_line(root: str) -> Switch | None:
    """The word on the kernel's command line that switches nodefix off for this boot, if it is."""
    for file in CMDLINES:
        try:
            words = read_file(root + file).replace(b"\0", b" ").split()
        except OSError:
            continue
        if SWITCH_ARGUMENT.encode() in words:
            reason = f"{SWITCH_ARGUMENT} on the kernel's command line, for this boot"
            return Switch(f"/{file}", reason)
    return None


def _read(path: str) -> Switch:
    where = f"/{SWITCH}"
    try:
        text = read_file(path, _LIMIT).decode("utf-8", "replace")
    except FileNotFoundError:
        return Switch(where, odd="a link that leads nowhere, which the service does not heed")
    except OSError as error:
        return Switch(where, odd=error.strerror or str(error))
    found = {key: one_line(word, _WORD) for key, word in re.findall(_LINE, text)}
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not found and lines:
        # Somebody's own words.
        found = {"reason": one_line(lines[0], _WORD)}
    return Switch(where, **found)


def tell_let_go(root: str) -> None:
    """Tell a kubelet unit's journal why it starts on a node that nobody looked at; never raises."""
    import sys

    try:
        switch = read_switch(root)
        if switch:
            unit = holder(root)
            name = spoken((unit,) if unit else kubelets(root))
            words = f"nodefix is switched off, so {name} may start: {switch.in_words}"
            print(bounded(words, 4 * _WORD), file=sys.stderr, flush=True)
    except Exception:
        # It must start all the same.
        return


def write_switch(root: Path, reason: str, stale: Sequence[Path] = ()) -> Switch:
    """Switch nodefix off, in the name of whoever is at the prompt.

    Args:
        root: the node's.
        reason: why.
        stale: further files that tell of the last run.

    Raises:
        OSError: it cannot be written.
    """
    # Not above: `nodefix wait` reads the switch, and writes none.
    from nodefix.host.users import who
    from nodefix.host.writing import make_folder, remove, write_atomic

    switch = Switch(f"/{SWITCH}", reason, who(root), stamp())
    make_folder((root / SWITCH).parent)
    write_atomic(root / SWITCH, switch.content())
    for path in (root / MOTD, root / STATE_FILE, *stale):
        # They say that kubelet is held, perhaps, which is no longer so, and no run takes it back.
        with contextlib.suppress(OSError):
            remove(path)
    return switch


class Kind(Enum):
    """What stands in the switch's place."""

    MISSING, OURS, SOMEBODYS, FOLDER, OTHER, DANGLING = range(6)


def kind_of_switch(root: Path) -> Kind:
    """What stands in the switch's place.

    A link that leads nowhere switches nodefix off for `nodefix wait`, but not for the service:
    systemd follows links (systemd.unit(5), ConditionPathExists=).
    """
    path = root / SWITCH
    if path.is_symlink():
        return Kind.OTHER if path.exists() else Kind.DANGLING
    if not path.exists():
        return Kind.MISSING
    if path.is_dir():
        return Kind.FOLDER
    try:
        content = read_file(path, _LIMIT)
    except OSError:
        return Kind.OTHER
    return Kind.OURS if not content or content.startswith(_HEAD.encode()) else Kind.SOMEBODYS
