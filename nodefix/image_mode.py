"""Remedies for a node whose system is an image: /usr is read-only there, dnf changes nothing.

Everywhere else in nodefix a remedy is written for a node of packages. in_image() alone makes of it
what helps on an image-mode node: a line of the image's Containerfile, or rpm-ostree's commands.
Sources: https://bootc-dev.github.io/bootc/building/guidance.html, bootc(8), rpm-ostree(1), and for
the kernel's command line https://bootc-dev.github.io/bootc/building/kernel-arguments.html.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import NamedTuple

BOOTC, RPM_OSTREE, OSTREE = "bootc", "rpm-ostree", "ostree"

# What deploys the image that is newest, and begins with it.
_UPGRADES = {
    BOOTC: "bootc upgrade && systemctl reboot",
    RPM_OSTREE: "rpm-ostree upgrade && systemctl reboot",
    OSTREE: "ostree admin upgrade && systemctl reboot",
}
# What makes /usr writable until the next boot.
OVERLAYS = {
    BOOTC: "bootc usr-overlay",
    RPM_OSTREE: "rpm-ostree usroverlay",
    OSTREE: "ostree admin unlock",
}
_CONTAINERFILE = "in the image's Containerfile: RUN "
_REBOOT = "systemctl reboot"

_DNF = re.compile(r"dnf (?P<options>(?:-\S+ )*)(?P<verb>install|reinstall|upgrade)(?= )")
# A new image has a kernel of its own: not the one of the node, nor that of the machine that builds.
_PINNED = re.compile(r"(kernel(?:-[a-z]\w*|-\d+k)*)-(?:\$\(uname -r\)|\d+\.[\w.+~^-]*)")
_VERSION = "$(rpm -q --qf '%{{VERSION}}-%{{RELEASE}}.%{{ARCH}}' {}-core)"
# With it each later kernel of a node brings its own; each build of an image installs them anew.
_MATCHED = re.compile(r"dnf (?:-\S+ )*install (?:-\S+ )*\S+-matched")
# What writes to /usr, where that is named.
_WRITES = re.compile(r"(?:mv|chmod|chown|rm|ln|sed -i) (?:.* )?/(?:usr|s?bin|lib(?:64)?)/")


class Image(NamedTuple):
    """How the image of a node is deployed.

    Attributes:
        by: BOOTC, RPM_OSTREE, or OSTREE where neither of these programs is there.
        has_rpm_ostree: whether that program is there, which changes the kernel's command line.
    """

    by: str = BOOTC
    has_rpm_ostree: bool = False


class _Command(NamedTuple):
    """One command of a line, and the operator before it."""

    operator: str
    text: str

    @property
    def is_dnf(self) -> bool:
        return bool(_DNF.match(self.text))

    @property
    def is_for_image(self) -> bool:
        return self.is_dnf or self.text == "depmod" or bool(_WRITES.match(self.text))


def concerns(line: str) -> bool:
    """Whether a remedy may be another one on an image-mode node."""
    return bool(re.search(r"\bdnf |\bdepmod\b|\bgrubby |/usr/|/s?bin/|/lib(?:64)?/", line))


def in_image(line: str, image: Image | None) -> str:
    """A remedy as it has to be on this node.

    Args:
        line: commands for a node of packages.
        image: how this node's image is deployed; None on a node of packages.
    """
    if image is None or not concerns(line) or _CONTAINERFILE in line:
        return line
    commands = [_with_kernel_line(command, image) for command in _split(line)]
    first = next((i for i, command in enumerate(commands) if command.is_for_image), -1)
    if first < 0:
        return _joined(commands)
    mine = [command for command in commands[first:] if command.is_for_image]
    mine = [one for one in mine if not _MATCHED.fullmatch(one.text)] or mine
    before = _joined(commands[:first])
    make = _layered if image.by == RPM_OSTREE else _built
    if not before:
        return make(mine, image)
    link = "; if that fails, " if commands[first].operator == "||" else "; then "
    return f"{before}{link}{make(mine, image)}"


def carried_by(line: str) -> str:
    """The words for what an image should carry, by a line for its Containerfile."""
    return f"{_CONTAINERFILE}{line}"


def kept_by(target: str, line: str) -> str:
    """What becomes of a change to /etc, which ostree merges at each upgrade of the image.

    Args:
        target: what was changed.
        line: the command by which an image is built that has it already; empty where it is the
            machine's own.
    """
    if not line:
        return f"{target}: is this machine's own: upgrades of the image keep it as it is now"
    words = "was changed on this node, and upgrades of the image leave it as it is now"
    return f"{target}: {words}; for an image that has it already, {carried_by(line)}"


def _built(commands: list[_Command], image: Image) -> str:
    """What belongs into the image, then how the node gets that."""
    line = _joined([command._replace(text=_at_build(command.text)) for command in commands])
    return f"{carried_by(line)}; build and push it, then on this node: {_UPGRADES[image.by]}"


def _at_build(text: str) -> str:
    """A command as it is run where an image is built: nobody answers, no kernel runs."""
    text = _DNF.sub(lambda found: f"dnf {found['options']}{found['verb']} -y", text)
    text = _PINNED.sub(lambda found: f"{found[1]}-{_version(found[1])}", text)
    if text == "depmod":
        return f'depmod "{_version("kernel")}"'
    return text.replace("$(modinfo -n ", f'$(modinfo -k "{_version("kernel")}" -n ')


def _version(package: str) -> str:
    return _VERSION.format(package.partition("-modules")[0].removesuffix("-core"))


def _layered(commands: list[_Command], image: Image) -> str:
    """On a node on which rpm-ostree adds packages to the image that it was installed from."""
    if all(command.is_dnf for command in commands):
        installs = [one for one in commands if _verb(one) == "install"]
        if not installs:
            # There is no `reinstall`: a file that is damaged is found, and a new deployment made.
            return f"ostree fsck; {_UPGRADES[RPM_OSTREE]}"
        lines = [one._replace(text=_DNF.sub("rpm-ostree install", one.text)) for one in installs]
        both = _joined(lines)
        if len(lines) > 1:
            both = f"{{ {both}; }}"
        return f"{both} && {_REBOOT}"
    others = [command for command in commands if not command.is_dnf]
    return f"{OVERLAYS[RPM_OSTREE]} && {_joined(others)} && systemctl restart nodefix"


def _verb(command: _Command) -> str:
    found = _DNF.match(command.text)
    return found["verb"] if found else ""


def _with_kernel_line(command: _Command, image: Image) -> _Command:
    """grubby cannot write to /boot, which is mounted read-only, and rpm-ostree can."""
    words = command.text.split(" ")
    if words[0] != "grubby":
        return command
    if any(word.startswith("--set-default") for word in words):
        return command._replace(text=f"{'ostree admin' if image.by == OSTREE else image.by} status")
    if not image.has_rpm_ostree:
        inside = shlex.quote(f"mount -o remount,rw /boot && {command.text}")
        return command._replace(text=f"unshare --mount sh -c {inside}")
    options = []
    for word in shlex.split(command.text)[1:]:
        name, _, values = word.partition("=")
        option = {"--remove-args": "--delete-if-present", "--args": "--append-if-missing"}.get(name)
        options += [f"{option}={shlex.quote(value)}" for value in values.split() if option]
    return command._replace(text=" ".join(["rpm-ostree kargs", *options]))


def _joined(commands: list[_Command]) -> str:
    text = ""
    for command in commands:
        blank = "" if command.operator == ";" else " "
        text += f"{blank}{command.operator} {command.text}" if text else command.text
    return text


def _split(line: str) -> Iterator[_Command]:
    """The commands of a line; braces around some of them are left out."""
    operator = ""
    for piece in _pieces(line):
        if piece in ("&&", "||", ";"):
            operator = piece
        elif text := piece.strip().removeprefix("{ ").removesuffix("}").strip():
            yield _Command(operator, text)


def _pieces(line: str) -> Iterator[str]:
    """The line cut at the operators that stand in no quotes and in no $(…)."""
    begin = place = 0
    # What has to come before the line is outside again, innermost last.
    closing: list[str] = []
    while place < len(line):
        inside = closing[-1] if closing else ""
        if line[place] == inside:
            closing.pop()
        elif inside == "'":
            pass
        elif line[place] == "\\":
            place += 1
        elif line.startswith("$(", place):
            closing.append(")")
            place += 1
        elif line[place] == '"' or (line[place] == "'" and inside != '"'):
            closing.append(line[place])
        elif not closing and (found := re.match(r"&&|\|\||;", line[place:])):
            yield line[begin:place]
            yield found[0]
            place += len(found[0])
            begin = place
            continue
        place += 1
    yield line[begin:]
