"""README.md and the man pages: each output is marked with its scene, each command is one."""

from __future__ import annotations

import argparse
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import shown

from nodefix.cli import parser
from nodefix.picture.style import sheet

README = (shown.TOP / "README.md").read_text()
FENCES = re.findall(r"(?ms)^(?:<!-- (.*?) -->\n)?```(\w*)\n(.*?)^```$", README)
BLOCKS = list(shown.blocks())
# A pipe, a list, a remark: what follows is no word of the command before.
_END = re.compile(r"[|;&#)]")
# Of these the readme tells what they mean.
_SENTENCE = re.compile(r"nodefix (has|is) ")
_MAN = [file for file in shown.FILES if file.suffix == ".roff"]


def commands() -> Iterator[str]:
    """Every command line of nodefix that a reader may type."""
    spans = re.findall(r"`(nodefix [^`]+)`", re.sub(r"(?ms)^```.*?^```$", "", README))
    typed = "".join(text for mark, _, text in FENCES if not mark).splitlines()
    yield from (span for span in spans if not _SENTENCE.match(span))
    yield from (line for line in typed if line.startswith("nodefix "))
    for block in BLOCKS:
        for command in block.commands:
            yield from re.findall(r"(?:^|; |& |\| )(nodefix [^|;&]+)", command.line)


def words(line: str) -> list[str]:
    """The words after `nodefix`."""
    parts = shlex.split(line, comments=True)[1:]
    ends = [at for at, part in enumerate(parts) if _END.fullmatch(part[-1:])]
    return [part.rstrip(";") for part in parts[: ends[0] + 1 if ends else None]]


def test_each_block_of_the_readme_is_input_or_marked_as_output() -> None:
    assert not re.search(r"(?m)^(    |\t)\S", re.sub(r"(?ms)^```.*?^```$", "", README))
    assert {language for mark, language, _ in FENCES if not mark} <= {"sh", "ini", "yaml"}
    assert {language for mark, language, _ in FENCES if mark} == {"console"}


def test_each_line_that_the_readme_tells_the_meaning_of_is_said() -> None:
    table = README.partition("| you see |")[2].partition("\n\n")[0]
    told = [row.split("|")[1] for row in table.splitlines()[2:]]
    spans = [span for row in told for span in re.findall("`(.*?)`", row)]
    # Without names, and what a message has in their place.
    parts = [
        part.strip(" ()")
        for span in spans
        for part in re.split(r"…|nodefix\.service|[A-Z]{2,}", span)
    ]
    sentences = [part for part in parts if " " in part]
    source = "".join(file.read_text() for file in (shown.TOP / "nodefix").rglob("*.py"))
    joined = re.sub(r'"\s*f?"|\{[^}]*\}', "", source)
    assert sentences
    assert [one for one in sentences if one not in joined] == []


def test_each_output_of_the_man_pages_is_marked() -> None:
    prompts = sum(file.read_text().count("@node ") for file in _MAN)
    assert prompts == sum(len(one.commands) for one in BLOCKS if one.file in _MAN)


def test_each_scene_is_shown_and_no_other() -> None:
    assert {block.scene for block in BLOCKS} == set(shown.SCENES)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda one: f"{one.file.name}-{one.scene}")
def test_a_block_begins_with_a_command_and_is_steady(block: shown.Block) -> None:
    assert block.text.startswith(block.commands[0].prompt)
    lines = [line for line in block.text.splitlines() if "@node ~]" not in line]
    assert shown.steady("\n".join(lines)).splitlines() == lines


@pytest.mark.parametrize("line", sorted(set(commands())))
def test_each_command_is_in_the_parser(line: str) -> None:
    found = parser()
    for word in words(line):
        choices = [
            action.choices
            for action in found._actions
            if isinstance(action, argparse._SubParsersAction)
        ]
        if word.startswith("-"):
            assert word.partition("=")[0] in found._option_string_actions, line
        elif choices:
            assert word in choices[0], line
            found = choices[0][word]


@pytest.mark.parametrize(
    ("said", "steady"),
    [
        ("swap    changed  4  1.07 s", "swap    changed  4  0.01 s"),
        ("chains  changed  4 11.50 s", "chains  changed  4 0.06 s"),
        ("ready after 0.18 s, kubelet may start", "ready after 0.15 s, kubelet may start"),
        ("in 13.18 s: kube-proxy changed", "in 0.15 s: kube-proxy changed"),
        (
            "ready after 13.18 s: a, kube-proxy changed",
            "ready after 12.15 s: a, kube-proxy changed",
        ),
        ("(took 1 min 3 s), repaired", "(took less than a second), repaired"),
        ("held: k.service, for up to 1 s", "held: k.service, for 8 s"),
        ("up for 10 s, at most 90 s", "up for 10 s, at most 90 s"),
        ("as in 6.12.57+deb13-cloud-amd64", "as in 6.12.0-124.8.1.el10_1.x86_64"),
        ('"duration_usec": 1234', '"duration_usec": 10000'),
    ],
)
def test_what_differs_from_run_to_run_is_made_steady(said: str, steady: str) -> None:
    assert shown.steady(f"{said}  \n") == f"{steady}\n"
    assert shown.steady(steady) == f"{steady}\n"


def test_roff_is_read_as_it_was_written() -> None:
    text = ".a\n'b `c'\n\\d --e ^~\n"
    assert shown._from_roff("\\&.a") == ".a"
    assert shown._from_roff(shown._to_roff(text)) == text


def test_a_block_that_nodes_no_longer_say_is_told_with_the_command_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(shown.WRITE, raising=False)
    with pytest.raises(AssertionError, match="fix: packaging/outputs") as raised:
        shown.hold("off", lambda _number, _command: "something else")
    assert "\n+something else" in str(raised.value)


@pytest.mark.parametrize("file", shown.FILES, ids=lambda file: file.name)
def test_writing_a_block_touches_nothing_else(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, text = tmp_path / file.name, file.read_text()
    copy.write_text(text)
    monkeypatch.setattr(shown, "FILES", {copy: shown.FILES[file]})
    for block in list(shown.blocks()):
        shown._write(block, "new\n")
        shown._write(block._replace(written="new\n"), block.text)
    assert copy.read_text() == text


def test_the_picture_is_a_neutral_one_and_as_it_is_drawn_now() -> None:
    text = shown.PICTURE.read_text()
    assert shown.neutral(text) == text
    assert f"<style>\n{sheet()}</style>" in text, "fix: packaging/outputs"
    # A node that was held, more than once, and then repaired.
    drawn = Counter(re.findall(r'<rect class="([\w-]+)" [^>]*rx="2"', text))
    assert drawn["held"] > 3
    assert drawn["up"] > 1


def test_times_of_a_picture_keep_their_distance() -> None:
    said = "boot of 2026-11-27T11:42:18Z, ready since 2026-11-27T11:43:00Z"
    assert shown.neutral(said) == "boot of 2026-11-02T06:30:12Z, ready since 2026-11-02T06:30:54Z"
