"""kubelet's command line: where its flags begin, and those that decide about swap.

Sources: kubernetes cmd/kubelet/app/options and staging/src/k8s.io/component-base/cli/flag
(WordSepNormalizeFunc); spf13/pflag; Go's strconv.ParseBool.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from nodefix.errors import UnclearError
from nodefix.facts.kubelet_environment import split

_NAME = "kubelet"
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})

# Programs that start the program on their command line with the words after it, unchanged and in
# the same file system.
_STARTERS = frozenset(
    {"chrt", "env", "ionice", "nice", "nohup", "numactl", "setsid", "stdbuf", "taskset"}
    | {"systemd-cat", "systemd-inhibit"}
)
_SHELLS = frozenset({"bash", "dash", "ksh", "sh", "zsh"})
# With none of these a shell's text is words and nothing else.
_SHELLS_SIGNS = frozenset("$`;&|<>()*?[]{}~#!\n\\")


class Flags(NamedTuple):
    """The flags that decide about swap.

    Attributes:
        config: --config; empty if it is not given.
        config_dir: --config-dir; empty if it is not given.
        fail_swap_on: --fail-swap-on as it was written; None if it is not given.
    """

    config: str = ""
    config_dir: str = ""
    fail_swap_on: str | None = None

    @property
    def fails_with_swap(self) -> bool:
        """What --fail-swap-on says.

        Raises:
            UnclearError: kubelet would not take it either.
        """
        value = self.fail_swap_on or ""
        said = boolean(value)
        if said is None:
            raise UnclearError(
                f"--fail-swap-on={value} on kubelet's command line: expected true or false",
                "systemctl cat kubelet",
            )
        return said


class Line(NamedTuple):
    """A program's words as its unit has them.

    Attributes:
        words: the words after the program's name; None where it is not named at all.
        exact: whether it gets these and no others.
    """

    words: list[str] | None
    exact: bool = False


def boolean(value: str) -> bool | None:
    """A boolean flag's value as Go's ParseBool takes it; None where that refuses it."""
    return value in _TRUE if value in _TRUE | _FALSE else None


def given(
    words: Iterable[str], names: Sequence[str] = (), switches: Sequence[str] = ()
) -> list[tuple[str, str]]:
    """The flags of some names and their values, in their order.

    With one dash or two; `_` is `-`, and after `--` there are none.

    Args:
        words: a command line.
        names: flags that take the next word where they have no value of their own.
        switches: flags that do not, and are true then.
    """
    found = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            break
        name, equals, value = word.removeprefix("-").removeprefix("-").partition("=")
        name = name.replace("_", "-")
        if not word.startswith("-") or name not in (*names, *switches):
            continue
        if not equals:
            value = next(rest, "") if name in names else "true"
        found.append((name, value))
    return found


def values_of(words: Iterable[str], *names: str) -> list[str]:
    """The values of a flag that takes one, under its names, in their order."""
    return [value for _, value in given(words, names)]


def flag(words: Iterable[str], name: str) -> str:
    """The last value of a flag; empty if it is not given."""
    return ("", *values_of(words, name))[-1]


def parsed(words: Iterable[str]) -> Flags:
    """Find the flags that decide about swap; the last of two counts."""
    found = dict(given(words, ("config", "config-dir"), ("fail-swap-on",)))
    return Flags(found.get("config", ""), found.get("config-dir", ""), found.get("fail-swap-on"))


def kubelets_line(program: str, words: list[str]) -> Line:
    """Follow a program to the kubelet that it starts."""
    return line_of(program, words, _NAME)


def line_of(program: str, words: list[str], wanted: str) -> Line:
    """Follow a program to the one that it starts.

    Args:
        program: the program that is started, or its path.
        words: the words after it.
        wanted: the name of the one that is looked for.
    """
    name = _base(program)
    if name == wanted:
        return Line(words, exact=True)
    if name in _SHELLS:
        return _in_shell(words, wanted)
    for at, word in enumerate(words):
        if _base(word) in _SHELLS | {wanted}:
            line = line_of(word, words[at + 1 :], wanted)
            return line._replace(exact=line.exact and name in _STARTERS)
    return Line(None)


def _in_shell(words: list[str], wanted: str) -> Line:
    """The text after a shell's -c, which is a plain command line if it has no shell syntax."""
    at = next((at for at, word in enumerate(words) if _is_command_option(word)), len(words))
    text = "".join(words[at + 1 : at + 2])
    inner = split(text)
    if not _SHELLS_SIGNS & set(text) and inner:
        program, *rest = inner[1:] if inner[0] == "exec" and len(inner) > 1 else inner
        return line_of(program, rest, wanted)
    for at, word in enumerate(inner):
        if _base(word) == wanted:
            return Line(inner[at + 1 :])
    return Line(None)


def _is_command_option(word: str) -> bool:
    return word.startswith("-") and not word.startswith("--") and word.endswith("c")


def _base(path: str) -> str:
    return path.rpartition("/")[2]
