"""The settings file of a distribution with a kubelet of its own, and the flags on its unit's line.

A key that stands there twice, and an alias, are not understood, though some of them take it.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from nodefix.errors import NodefixError, UnclearError
from nodefix.facts.kubelet_environment import variables_of, words_of
from nodefix.facts.kubelet_flags import line_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nodefix.host.node import Host
    from nodefix.host.units import ServiceCommand


class Started(NamedTuple):
    """How a unit starts a distribution's program.

    Attributes:
        words: the words after the program's name.
        variables: what it finds in its environment.
        exact: whether it gets these words and no others.
    """

    words: tuple[str, ...]
    variables: Mapping[str, str]
    exact: bool = True


def started(host: Host, unit: str, command: ServiceCommand, program: str) -> Started:
    """How a unit starts a program.

    Raises:
        UnclearError: it starts something else.
        BusError: systemd was to be asked, and did not answer.
    """
    line = line_of(command.program, words_of(host, command), program)
    if line.words is None:
        raise UnclearError(
            f"{unit} starts {command.program}, not {program} itself, so its flags are not known",
            f"systemctl cat {unit}",
        )
    return Started(tuple(line.words), variables_of(host, command), line.exact)


def values_of(words: Iterable[str], *names: str) -> list[str]:
    """The values of a flag, with one dash or two, in their order; after `--` there are none."""
    found = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            break
        name, equals, value = word.removeprefix("-").removeprefix("-").partition("=")
        if word.startswith("-") and name in names:
            found.append(value if equals else next(rest, ""))
    return found


def mapping(host: Host, path: str) -> dict[object, object]:
    """A YAML file's mapping; an empty one where the file is empty or is not there.

    Raises:
        UnclearError: it cannot be read, or is something else.
    """
    from nodefix.yamlfile import parse

    try:
        found = parse(host.read(path))
    except FileNotFoundError:
        return {}
    except OSError as error:
        words = f"{path}: cannot be read: {error.strerror}"
        raise UnclearError(words, f"ls -lZ {shlex.quote(path)}") from error
    except NodefixError as error:
        hint = error.hint or f"cat -A {shlex.quote(path)}"
        raise UnclearError(f"{path}: {error.message}", hint) from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        words = f"{path}: found no mapping, expected a mapping of settings"
        raise UnclearError(words, f"cat -A {shlex.quote(path)}")
    return found


def names_in(host: Host, folder: str) -> list[str]:
    """The names of what is in a folder but for folders, sorted by their bytes.

    Raises:
        UnclearError: it is there and cannot be listed.
    """
    try:
        with os.scandir(host.path(folder)) as entries:
            names = [entry.name for entry in entries if not entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    except OSError as error:
        words = f"{folder}: cannot be listed: {error.strerror}"
        raise UnclearError(words, f"ls -ldZ {shlex.quote(folder)}") from error
    return sorted(names, key=os.fsencode)
