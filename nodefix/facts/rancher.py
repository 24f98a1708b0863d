"""What the settings of k3s and rke2 come to.

They come to one list of flags: those of config.yaml and of config.yaml.d, by name, then those on
the unit's line. A key of a later file takes the place of one before it, `KEY+` adds to it. Of a
flag that takes several values all count, and of another the last.

Sources: k3s pkg/configfilearg/parser.go (findStart, findConfigFileFlag, dotDFiles, readConfigFile),
pkg/cli/cmds, pkg/util/args.go (GetArgs), which rke2 shares; rke2 bundle/lib/systemd/system;
https://docs.k3s.io/installation/configuration.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from nodefix.errors import UnclearError
from nodefix.facts.kubelet_flags import boolean, given, values_of
from nodefix.facts.unit_line import Started, expect_absolute, started
from nodefix.facts.yaml_files import mapping_in, names_in, odd, values

if TYPE_CHECKING:
    from nodefix.host.node import Host
    from nodefix.host.units import ServiceCommand

PROGRAMS = ("k3s", "rke2")
SERVER, AGENT = "server", "agent"


class Given(NamedTuple):
    """A value of a flag, and the file or the unit that has it."""

    value: str
    origin: str

    @property
    def where(self) -> str:
        """Where it stands, in words."""
        return f"in {self.origin}" if self.origin.startswith("/") else "on its command line"

    @property
    def hint(self) -> str:
        """The command that shows it."""
        quoted = shlex.quote(self.origin)
        return f"cat -A {quoted}" if self.origin.startswith("/") else f"systemctl cat {quoted}"


class Settings(NamedTuple):
    """What k3s or rke2 is started with.

    Attributes:
        unit: the unit that starts it; empty where none is known.
        program: `k3s` or `rke2`.
        role: SERVER or AGENT.
        files: the values of each key of its files, and the file of each.
        line: the unit's line from after the role on.
    """

    unit: str
    program: str
    role: str
    files: Mapping[str, tuple[tuple[object, str], ...]]
    line: Started

    def all_of(self, *names: str) -> list[Given]:
        """All values of a flag under these names, in their order.

        Raises:
            UnclearError: one in a file is no single value.
        """
        found = [
            Given(_text(path, name, value), path)
            for name, stated in self.files.items()
            for value, path in stated
            if name in names
        ]
        return [*found, *(Given(value, self.unit) for value in values_of(self.line.words, *names))]

    def switch(self, name: str) -> Given | None:
        """The last value of a flag that is on or off; None where it is off.

        Raises:
            UnclearError: it is neither.
        """
        found = [Given(_text(path, name, one), path) for one, path in self.files.get(name, ())]
        line = given(self.line.words, switches=(name,))
        last = next(reversed([*found, *(Given(value, self.unit) for _, value in line)]), None)
        on = boolean(last.value) if last else False
        if last and on is None:
            words = f"{name}: found {last.value[:80]!r} {last.where}, expected true or false"
            raise UnclearError(f"{self.unit or self.program}: {words}", last.hint)
        return last if on else None

    @property
    def data(self) -> str:
        """The folder of its data.

        Raises:
            UnclearError: that is no absolute path.
        """
        stated = self.all_of("data-dir", "d")
        variable = self.line.variables.get(f"{self.program.upper()}_DATA_DIR")
        path = stated[-1].value if stated else variable or f"/var/lib/rancher/{self.program}"
        return expect_absolute(path, self.unit).rstrip("/")


def default_config(program: str) -> str:
    """The file that it reads if it is told of no other."""
    return f"/etc/rancher/{program}/config.yaml"


def read_settings(host: Host, unit: str, program: str, command: ServiceCommand | None) -> Settings:
    """Read the settings of k3s or rke2.

    Args:
        host: the node.
        unit: the unit that starts it; empty where none is known.
        program: `k3s` or `rke2`.
        command: how the unit starts it; None where that is not known, then its files alone count.

    Raises:
        UnclearError: they cannot be read, or it would refuse them.
        BusError: systemd was to be asked, and did not answer.
    """
    line = started(host, unit, command, program) if command else Started((SERVER,), {})
    role, words = _at_role(unit, line.words)
    line = line._replace(words=words)
    main = expect_absolute(_config_file(program, line), unit)
    return Settings(unit, program, role, _in_files(host, main), line)


def _at_role(unit: str, words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The role, and the words after it."""
    at = next((at for at, word in enumerate(words) if word in (SERVER, AGENT)), None)
    if at is None:
        raise UnclearError(
            f"{unit}: found neither `server` nor `agent` on its command line, expected one of them",
            f"systemctl cat {unit}",
        )
    return words[at], words[at + 1 :]


def _config_file(program: str, line: Started) -> str:
    default = default_config(program)
    path = line.variables.get(f"{program.upper()}_CONFIG_FILE")
    # The first one counts here.
    return path or next(iter(values_of(line.words, "config", "c")), default) or default


def _in_files(host: Host, main: str) -> dict[str, tuple[tuple[object, str], ...]]:
    """What config.yaml and its drop-ins come to."""
    folder = f"{main}.d"
    names = [name for name in names_in(host, folder) if name.lower().endswith((".yaml", ".yml"))]
    found: dict[str, tuple[tuple[object, str], ...]] = {}
    for path in (main, *(f"{folder}/{name}" for name in names)):
        for key, value in mapping_in(host, path).items():
            name = str(key).removesuffix("+")
            adds = str(key).endswith("+") and name in found
            # One value that is null is an empty word, and adds nothing.
            stated = values(value) if adds or isinstance(value, list) else [value]
            found[name] = (*(found[name] if adds else ()), *((one, path) for one in stated))
    return found


def _text(path: str, name: str, value: object) -> str:
    """A value as the word that it comes to."""
    if isinstance(value, dict | list):
        raise odd(path, name, value, "words such as 'v=2'")
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def deciding(arguments: Iterable[Given], name: str) -> Given | None:
    """The value that decides of a flag, where `NAME=VALUE` are arguments for a component.

    They are sorted by their names as they are written, in which `_` comes after `-`, and of one
    name they stay in their order; `NAME-=VALUE` goes before the others.
    """
    found: dict[str, list[Given]] = {}
    for argument in arguments:
        key, equals, value = argument.value.removeprefix("--").partition("=")
        plain = key.rstrip("-+")
        if plain.replace("_", "-") == name:
            one = argument._replace(value=value if equals else "true")
            before = found.get(plain, [])
            found[plain] = [one, *before] if key.endswith("-") else [*before, one]
    return found[max(found)][-1] if found else None
