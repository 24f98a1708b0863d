"""Whether the command of an `install` line of modprobe.d(5) loads a module; it is not run."""

from __future__ import annotations

import shlex

# Programs that load nothing, whatever their arguments.
_LOADS_NOTHING = frozenset(
    {":", "true", "false", "exit", "echo", "printf", "logger", "sleep", "test", "[", "return"}
)
_SHELLS = frozenset({"sh", "bash", "dash"})
# Characters that are looked at; what a longer command does is not known.
_COMMAND = 4096


def loads(command: str) -> bool | None:
    """Whether the command of an `install` line loads a module; None if that is not known."""
    if len(command) > _COMMAND:
        return None
    try:
        words = list(shlex.shlex(command, posix=True, punctuation_chars=True))
    except ValueError:
        # The shell does not run it either.
        return False
    programs = [word.rpartition("/")[2] for word in words]
    if any(program in ("modprobe", "insmod") for program in programs):
        return True
    if programs and programs[0] in _SHELLS and "-c" in words[:-1]:
        return loads(words[words.index("-c") + 1])
    first = [
        program
        for before, program in zip(["", *programs], programs, strict=False)
        if not before or set(before) <= set(";&|()")
    ]
    first = [program for program in first if not set(program) <= set(";&|()")]
    return False if all(program in _LOADS_NOTHING for program in first) else None
