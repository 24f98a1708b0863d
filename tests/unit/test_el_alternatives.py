"""The stand-in for Enterprise Linux's alternatives says and does what the real one did."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import pytest
from el_alternatives import ElAlternatives
from el_states import STATES
from fakehost import Node, result

from nodefix.host.programs import Result

TRANSCRIPT = Path(__file__).with_name("data") / "alternatives-el.txt"


class Call(NamedTuple):
    """One command of the transcript, and what it left."""

    argv: tuple[str, ...]
    expected: Result


def sections() -> dict[int, list[Call]]:
    """The transcript by its states."""
    found: dict[int, list[Call]] = {}
    for section in TRANSCRIPT.read_text().split("\n## ")[1:]:
        number, calls = int(section.split(".")[0]), []
        for block in section.split("\n$ ")[1:]:
            command, *lines = block.rstrip().split("\n")
            out = "".join(f"{line[5:]}\n" for line in lines if line.startswith("out| "))
            err = "".join(f"{line[5:]}\n" for line in lines if line.startswith("err| "))
            status = int(lines[-1].removeprefix("rc="))
            calls.append(Call(tuple(command.split()), result(status, out, err)))
        found[number] = calls
    return found


def replay(el: ElAlternatives, call: Call) -> Result:
    """Do one command of the transcript on the made-up tree."""
    program, *arguments = call.argv
    place = el.node.host.path(arguments[-1])
    if program == "alternatives":
        return el.run(*arguments)
    if program == "cat":
        return result(0, place.read_text())
    if program == "ls" and place.is_dir() and arguments[0] != "-d":
        return result(0, "".join(sorted(f"{file.name}\n" for file in place.iterdir())))
    if program == "ls":
        if os.path.lexists(place):
            return call.expected if not place.is_symlink() else result(0, "a link")
        return result(2, "", f"ls: cannot access '{arguments[-1]}': No such file or directory\n")
    assert program == "readlink"
    if arguments[0] != "-f":
        return result(0, f"{place.readlink()}\n")
    end = el.node.end(arguments[-1])
    # Nothing is said where the folder of the last name is missing, too.
    return result(0, f"{end}\n") if el.node.host.path(end).parent.is_dir() else result(1)


def test_transcript_has_every_state() -> None:
    assert list(sections()) == list(STATES) == list(range(1, 50))


@pytest.mark.parametrize("number", STATES)
def test_stand_in_is_faithful(node: Node, number: int) -> None:
    el = ElAlternatives(node)
    STATES[number](el)
    for call in sections()[number]:
        assert replay(el, call) == call.expected, call.argv
