"""The flags on the line of a unit that starts a distribution's program."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nodefix.errors import UnclearError
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


def not_exact(unit: str, program: str) -> UnclearError:
    """The error for an answer that flags which are not seen could change."""
    return UnclearError(
        f"{unit} starts {program} in a way that may give it other flags than are seen here",
        f"systemctl cat {unit}",
    )


def command_of(host: Host, unit: str) -> ServiceCommand | None:
    """How a unit starts its program; None where it is not loaded, or starts none.

    Raises:
        BusError: systemd did not answer.
    """
    command = host.systemd.service_command(unit)
    return command if command.program else None


def expect_absolute(path: str, unit: str) -> str:
    """A path that a distribution's settings or flags name.

    Raises:
        UnclearError: it is no absolute path; settings may also be at an address, which is not
            asked before kubelet is up.
    """
    if not path.startswith("/"):
        words = f"{unit}: found its files at {path[:200]!r}, expected an absolute path"
        raise UnclearError(words, f"systemctl cat {unit}")
    return path
