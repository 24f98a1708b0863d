"""Whether nodefix held: what each run has to keep to, whatever it meets."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import world
from world import Ran

# Statuses of `nodefix run`, as nodefix/words.py has them: done, failed, degraded, settings invalid,
# not root.
OPEN, SHUT = (0, 2), (1, 64, 77)
# Words of Python, or of nodefix about itself, that nobody should ever read.
_NEVER = ("Traceback", "unexpected error", "defect of nodefix", "Fatal Python", "Exception ignored")
# What nodefix may change; of fstab each line has to stay in some form.
_MAY_CHANGE = re.compile(
    r"/etc/(fstab|fstab\..*|alternatives(/.*)?|tmpfiles\.d(/nodefix\.conf)?|nodefix|mtab)"
)
_LEFT_BEHIND = re.compile(r".*/\.[^/]*\.nodefix")
FSTAB = """\
# a comment of somebody's
tmpfs /srv tmpfs noauto 0 0
/dev/vda9 none swap sw 0 0
UUID=0b0b0b0b-0000-4000-8000-000000000000 none swap defaults,nofail 0 0 # and another
"""
# The remedy of a node whose system is an image, as nodefix/image_mode.py words it: what is typed
# there and here.
_IN_IMAGE = re.compile(
    r"in the image's Containerfile: RUN (.+); build and push it, then on this node: (.+)"
)
# What a remedy may begin with that this node has not: Enterprise Linux's own.
_ELSEWHERE = {
    "dnf",
    "rpm",
    "grubby",
    "restorecon",
    "ausearch",
    "semanage",
    "crictl",
    "kubectl",
    "sudo",
    "rpm-ostree",
    "ostree",
    "bootc",
    "alternatives",
    "firewall-cmd",
    "podman",
    "for",
    "while",
    "if",
    "{",
    "echo",
    "cd",
    "ulimit",
    "printf",
    "mokutil",
    "setsebool",
    "update-alternatives",
    "lslocks",
}


class Before:
    """What was there before a run, to be held against what is there after it."""

    def __init__(self) -> None:
        self._etc = world.signatures(Path("/etc"))

    def lost(self, but: str = "") -> Iterator[str]:
        """What was lost or changed that is somebody else's, apart from the path `but`."""
        now = world.signatures(Path("/etc"))
        for path in sorted(self._etc.keys() | now.keys()):
            mine = _MAY_CHANGE.fullmatch(path) or (but and path.startswith(but))
            if self._etc.get(path) != now.get(path) and not mine:
                yield f"{path} was changed: {self._etc.get(path)} -> {now.get(path)}"


def fstab_lost() -> Iterator[str]:
    """Lines of fstab that are gone."""
    try:
        now = Path("/etc/fstab").read_text()
    except OSError as error:
        yield f"fstab: {error}"
        return
    for line in FSTAB.splitlines():
        if line not in now:
            yield f"fstab lost the line {line!r}"


def left_behind() -> Iterator[str]:
    """Temporary files of nodefix's that are still there."""
    for folder in ("/etc", "/run/nodefix", "/run/motd.d", "/var/lib/nodefix"):
        for path in world.signatures(Path(folder)):
            if _LEFT_BEHIND.fullmatch(path):
                yield f"{path} was left behind"


def judge(
    ran: Ran, bound: float, may_die: bool = False, statuses: Collection[int] = (*OPEN, *SHUT)
) -> Iterator[str]:
    """What is wrong with one run, or another command, whatever it came to."""
    said = ran.said.decode("utf-8", "replace")
    for words in _NEVER:
        if words in said:
            yield f"it said `{words}`: …{_around(said, words)}"
    if ran.status is None:
        yield f"it did not end within {bound:g} s"
    elif ran.status not in statuses and not (may_die and ran.status < 0):
        yield f"it ended with {ran.status}"
    if ran.seconds > bound:
        yield f"it took {ran.seconds:.1f} s, expected {bound:g} at the most"
    if ran.said.count(b"\n") > 400 or len(ran.said) > 200_000:
        yield f"it said {len(ran.said)} bytes"
    if control := [char for char in said if ord(char) < 32 and char not in "\n\t"]:
        yield f"it said control characters: {sorted(set(control))!r}"


def remedies(ran: Ran) -> Iterator[str]:
    """What is wrong with causes and remedies of a run, or a wait, that is not simply ready.

    What a signal has ended could name none: nobody can with the stack, or the memory, that C code
    did not get. `nodefix wait` has to do it then.
    """
    said = ran.said.decode("utf-8", "replace")
    if ran.status in (0, None) or ran.status < 0:
        return
    lines = re.findall(r"(?:^\s+|; )(?:fix|try|then|see|see whether [^:]*): (.+)$", said, re.M)
    if not lines:
        yield f"it ended with {ran.status} and names no remedy: {said[-300:]!r}"
    for line in lines:
        image = _IN_IMAGE.fullmatch(line)
        for command in image.groups() if image else [line]:
            yield from _cannot_be_typed(command)


def _cannot_be_typed(line: str) -> Iterator[str]:
    done = subprocess.run(
        ["/bin/bash", "-n", "-c", line], capture_output=True, text=True, check=False
    )
    if done.returncode:
        yield f"the remedy {line!r} cannot be typed: {done.stderr.strip()}"
    first = next((word for word in line.split() if "=" not in word), "")
    known = first in _ELSEWHERE or shutil.which(first) or first.startswith("/")
    if not known:
        yield f"the remedy {line!r} begins with no command"


def gate(ran: Ran, waited: Ran, always_open: bool) -> Iterator[str]:
    """Whether `nodefix wait` says what `nodefix run` came to."""
    shut = ran.status not in OPEN
    if always_open:
        if waited.status != 0:
            yield f"nodefix is switched off, and wait ended with {waited.status}"
    elif waited.status != int(shut):
        yield (
            f"run ended with {ran.status}, wait with {waited.status}:"
            f" {ran.said[-300:]!r} / {waited.said[:300]!r}"
        )


def ready(ran: Ran, what: str) -> Iterator[str]:
    """Whether the node is ready after a run without any fault."""
    if ran.status != 0:
        yield f"{what} ended with {ran.status}: {_end(ran)}"
        return
    found = report()
    if found.get("outcome") != "ready":
        yield f"{what} reports {found.get('outcome')}"


def converged() -> Iterator[str]:
    """Whether the last run found nothing to do."""
    stages = report().get("stages")
    for stage in stages if isinstance(stages, list) else []:
        if stage["outcome"] not in ("unchanged", "skipped"):
            yield f"{stage['stage']} was {stage['outcome']} once more"


def report() -> Mapping[str, object]:
    """The report of the last run; empty where it cannot be read."""
    try:
        found = json.loads(Path("/run/nodefix/report.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _end(ran: Ran) -> str:
    return repr(ran.said[-600:].decode("utf-8", "replace"))


def _around(text: str, words: str) -> str:
    at = text.index(words)
    return repr(text[max(at - 100, 0) : at + 300])
