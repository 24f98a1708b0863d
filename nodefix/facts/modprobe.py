"""What keeps kernel modules from loading, with its place and the command that undoes it.

Sources: libkmod/libkmod-config.c and libkmod-module.c of https://github.com/kmod-project/kmod
(modprobe.d and `modprobe.blacklist=`), blacklisted() in the kernel's kernel/module/main.c
(`module_blacklist=`).
"""

from __future__ import annotations

import fnmatch
import re
import shlex
from enum import StrEnum
from typing import NamedTuple

from nodefix.facts.modprobe_command import loads
from nodefix.host.node import Host
from nodefix.words import CMDLINES

# In order of precedence: a file hides files of the same name in later folders.
_FOLDERS = (
    "/etc/modprobe.d",
    "/run/modprobe.d",
    "/usr/local/lib/modprobe.d",
    "/usr/lib/modprobe.d",
    "/lib/modprobe.d",
)
_ADMINS = _FOLDERS[0]

# The commands of modprobe.d that can keep a module out.
_COMMANDS = ("install", "alias", "blacklist")
# Characters of a pattern that are looked at; a longer one matches nothing.
_PATTERN = 256


class Way(StrEnum):
    """How a module is kept out; the words follow "found"."""

    BLACKLISTED = "blacklisted"
    REPLACED = "replaced by a command that does not load it"
    ALIASED = "aliased to another module"
    REFUSED = "refused by the kernel"


class Bar(NamedTuple):
    """One thing that keeps a module out.

    Attributes:
        way: how.
        where: the file and line, or the word of the kernel's command line.
        undo: the shell command that removes it.
        reboot: whether that takes effect only at the next boot.
    """

    way: Way
    where: str
    undo: str
    reboot: bool = False


class _Line(NamedTuple):
    """A command of modprobe.d.

    Attributes:
        file: the file that it is in.
        first: the number of its first line, from 1.
        last: the number of its last line, if it is continued.
        text: its lines joined.
        words: the text as kmod splits it; a carriage return belongs to a word.
    """

    file: str
    first: int
    last: int
    text: str
    words: tuple[str, ...]


class ModprobeRules(NamedTuple):
    """modprobe.d and the kernel's command line.

    Attributes:
        lines: of all files, in the order in which kmod reads them.
        kernel_line: the kernel's command line.
        unreadable: files that could not be read, with the reason.
    """

    lines: tuple[_Line, ...]
    kernel_line: str
    unreadable: tuple[str, ...]

    def bars(self, module: str) -> tuple[Bar, ...]:
        """What keeps a module from loading; what stops modprobe comes first."""
        found = (*self._refused(module), *self._replaced(module), *self._blacklisted(module))
        return tuple(found)

    def leaves_it_to(self, module: str) -> str:
        """The `install` line whose command may or may not load the module; empty if none."""
        command = self._install(module)
        return _where(command) if command and loads(_rest(command)) is None else ""

    def _refused(self, module: str) -> list[Bar]:
        """By the kernel itself; if the parameter is given twice, the last one counts."""
        words = [_Word.of(word) for word in _words(self.kernel_line, until="--")]
        lists = [word for word in words if word.key.replace("-", "_") == "module_blacklist"]
        if not lists or module not in lists[-1].names:
            return []
        return [self._by_word(Way.REFUSED, lists[-1], module)]

    def _replaced(self, module: str) -> list[Bar]:
        found = []
        command = self._install(module)
        if command and loads(_rest(command)) is False:
            found.append(Bar(Way.REPLACED, _where(command), _undo(command)))
        for line in self.lines:
            match line.words:
                case ["alias", name, target, *_] if _matches(name, module):
                    if _underscored(target) != module:
                        found.append(Bar(Way.ALIASED, _where(line), _undo(line)))
        return found

    def _blacklisted(self, module: str) -> list[Bar]:
        found = []
        for line in self.lines:
            match line.words:
                # kmod has no wildcards here.
                case ["blacklist", name, *_] if _underscored(name) == module:
                    found.append(Bar(Way.BLACKLISTED, _where(line), _undo(line)))
        words = (_Word.of(word) for word in _words(self.kernel_line))
        found += [
            self._by_word(Way.BLACKLISTED, word, module)
            for word in words
            if word.key == "modprobe.blacklist" and module in word.names
        ]
        return found

    def _install(self, module: str) -> _Line | None:
        """The `install` line that applies: the first one whose pattern matches."""
        for line in self.lines:
            match line.words:
                case ["install", name, _, *_] if _matches(name, module):
                    return line
        return None

    def _by_word(self, way: Way, word: _Word, module: str) -> Bar:
        """Remove a module from a word of the kernel's command line, and keep the others in it."""
        kept = ",".join(name for name in word.names if name != module)
        undo = f"grubby --update-kernel=ALL --remove-args={shlex.quote(word.text)}"
        added = f"--args={shlex.quote(f'{word.key}={kept}')}"
        where = f"`{word.text}` on the kernel's command line"
        return Bar(way, where, f"{undo} {added}" if kept else undo, reboot=True)


class _Word(NamedTuple):
    """A word of the kernel's command line that lists modules."""

    text: str
    key: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> _Word:
        key, _, value = text.partition("=")
        return cls(text, key, tuple(name for name in value.split(",") if name))


def read_modprobe_rules(host: Host) -> ModprobeRules:
    """Read modprobe.d as kmod does, and the kernel's command line."""
    files, unreadable = _files(host)
    lines: list[_Line] = []
    for file in files:
        try:
            lines += _lines(file, host.read(file).decode("utf-8", "backslashreplace"))
        except FileNotFoundError:
            # A dangling link, which hides the file of a later folder.
            continue
        except OSError as error:
            unreadable.append(f"{file}: {error.strerror}")
    return ModprobeRules(tuple(lines), read_kernel_line(host), tuple(unreadable))


def read_kernel_line(host: Host) -> str:
    """The kernel's command line; empty if it cannot be read."""
    try:
        return host.read(f"/{CMDLINES[0]}").decode("utf-8", "backslashreplace")
    except OSError:
        return ""


def _files(host: Host) -> tuple[list[str], list[str]]:
    """The files of modprobe.d in kmod's order; the folders that cannot be read, and why."""
    files: dict[str, str] = {}
    unreadable: list[str] = []
    for folder in _FOLDERS:
        try:
            names = [place.name for place in host.path(folder).iterdir()]
        except FileNotFoundError:
            continue
        except OSError as error:
            unreadable.append(f"{folder}: {error.strerror}")
            continue
        for name in names:
            if name.endswith(".conf") and not name.startswith("."):
                files.setdefault(name, f"{folder}/{name}")
    return [file for _, file in sorted(files.items())], unreadable


def _lines(file: str, text: str) -> list[_Line]:
    """Lines with their continuations; elsewhere a backslash quotes the next character."""
    found: list[_Line] = []
    pieces: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        pieces.append(line)
        if re.search(r"(?<!\\)(?:\\\\)*\\$", line):
            continue
        joined = re.sub(r"\\\n", "", "\n".join(pieces))
        joined = re.sub(r"\\(.)", r"\1", joined)
        found += _command(file, number - len(pieces) + 1, number, joined)
        pieces = []
    if pieces:
        joined = "".join(piece.removesuffix("\\") for piece in pieces)
        found += _command(file, number - len(pieces) + 1, number, joined)
    return found


def _command(file: str, first: int, last: int, text: str) -> list[_Line]:
    """The line if it is one that can keep a module out."""
    if not text.lstrip("\t ").startswith(_COMMANDS):
        return []
    words = tuple(word for word in re.split("[\t ]+", text) if word)
    return [_Line(file, first, last, text, words)] if words[0] in _COMMANDS else []


def _words(kernel_line: str, until: str = "") -> list[str]:
    words = re.findall(r'(?:"[^"]*"|[^\s"])+', kernel_line)
    words = [word.replace('"', "") for word in words]
    return words[: words.index(until)] if until in words else words


def _underscored(name: str) -> str:
    """`-` and `_` are the same in a name, but not inside the brackets of a pattern."""
    if "[" not in name:
        return name.replace("-", "_")
    return re.sub(r"\[[^\]]*\]|-", lambda found: "_" if found[0] == "-" else found[0], name)


def _matches(pattern: str, module: str) -> bool:
    if len(pattern) > _PATTERN:
        return False
    return fnmatch.fnmatchcase(module, _underscored(pattern))


def _rest(line: _Line) -> str:
    return re.split("[\t ]+", line.text.strip("\t "), maxsplit=2)[2]


def _where(line: _Line) -> str:
    numbers = (
        f"line {line.first}" if line.first == line.last else f"lines {line.first} to {line.last}"
    )
    return f"{line.file} {numbers} (`{' '.join(line.text.split())}`)"


def _undo(line: _Line) -> str:
    """Comment a line out; a package's file is copied to /etc, which hides it, and not edited."""
    name = line.file.rpartition("/")[2]
    file = f"{_ADMINS}/{name}"
    copied = "" if line.file == file else f"cp {shlex.quote(line.file)} {_ADMINS}/ && "
    numbers = f"{line.first}" if line.first == line.last else f"{line.first},{line.last}"
    return f"{copied}sed -i '{numbers}s/^/#/' {shlex.quote(file)}"
