"""nodefix/symptoms.py and symptoms.yaml: what is known, and that it is found."""

from __future__ import annotations

import shlex
import time

import pytest

from nodefix.symptoms import Found, Symptom, Text, find, load
from nodefix.symptoms_now import CHECKS
from nodefix.words import STAGE_NAMES

SYMPTOMS = load()
each = pytest.mark.parametrize("symptom", SYMPTOMS, ids=lambda symptom: symptom.id)


def ids(*lines: str) -> list[str]:
    return [one.symptom.id for one in found(*lines)]


def found(*lines: str) -> list[Found]:
    return find(SYMPTOMS, [Text("", "\n".join(lines))])


def test_there_are_many_and_each_once() -> None:
    names = [symptom.id for symptom in SYMPTOMS]
    assert len(names) == len(set(names)) >= 40
    assert len({symptom.example for symptom in SYMPTOMS}) == len(names)


@each
def test_row_says_all_that_a_reader_needs(symptom: Symptom) -> None:
    assert symptom.source.startswith(("https://", "nodefix: "))
    assert symptom.by
    assert symptom.cause.endswith(".")
    assert symptom.fix.isprintable()
    assert shlex.split(symptom.fix)
    assert bool(symptom.now) != bool(symptom.look)


@each
def test_what_tells_the_state_exists(symptom: Symptom) -> None:
    kind, _, what = symptom.now.partition(" ")
    if kind == "stage":
        assert what in STAGE_NAMES
    elif kind == "check":
        assert what.split()[0] in CHECKS
    else:
        assert symptom.look


@each
def test_no_pattern_is_so_short_that_it_is_everywhere(symptom: Symptom) -> None:
    for pieces in symptom.lines:
        assert len("".join(pieces)) >= 10, pieces


@each
def test_example_is_found_and_nothing_else(symptom: Symptom) -> None:
    assert ids(symptom.example) == [symptom.id]


@each
def test_example_is_found_however_it_is_quoted(symptom: Symptom) -> None:
    assert ids(symptom.example.replace('"', '\\"').replace("'", "`").upper()) == [symptom.id]


def test_what_stands_on_two_lines_is_not_joined() -> None:
    assert ids("Module xt_comment", "modprobe: FATAL: not found") == []
    assert ids("failed to find plugin 'x'", "in path") == []


def test_pieces_stand_in_their_order() -> None:
    assert ids("'y' in path /opt/cni/bin, failed to find plugin 'x'") == []


def test_each_cause_once_the_most_frequent_first_and_consequences_last() -> None:
    swap = "running with swap on is not supported"
    lines = ["CrashLoopBackOff"] * 5 + [swap] + ["cni plugin not initialized"] * 2 + ["nothing"]
    assert [(one.symptom.id, one.seen) for one in found(*lines)] == [
        ("cni-not-initialized", 2),
        ("swap-on", 1),
        ("crash-loop", 5),
    ]


def test_the_newest_line_is_the_one_that_is_shown() -> None:
    line = "cni plugin not initialized"
    texts = [
        Text("a", f"1 {line}\n2 {line}", (10.0, 30.0)),
        Text("b", f"3 {line}", (20.0,)),
    ]
    (one,) = find(SYMPTOMS, texts)
    assert (one.seen, one.line, one.where, one.time) == (3, f"2 {line}", "a", 30.0)


@pytest.mark.parametrize(
    "text",
    [
        "couldn't load match '" * 200_000,
        "lookup  on 10." * 300_000,
        "fork/exec " * 400_000,
        "'" * 4_000_000,
        "\n" * 4_000_000,
        "nf_conntrack_max: no such file\n" * 130_000,
    ],
    ids=["half a pattern", "two pieces", "a word", "marks", "newlines", "found"],
)
def test_no_input_makes_it_slow(text: str) -> None:
    begun = time.process_time()
    find(SYMPTOMS, [Text("", text)])
    assert time.process_time() - begun < 5
