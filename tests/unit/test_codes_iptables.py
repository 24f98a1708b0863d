"""nodefix/codes.py: each change and problem of the stages alternatives and chains has its code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodefix import stages
from nodefix.codes import CODES

FOLDER = Path(stages.__file__).parent
FILES = {
    ("chains-",): ("chains.py", "obstacles.py"),
    ("alternatives-", "iptables-"): ("alternatives.py", "alternatives_problems.py"),
}


def calls(file: str) -> Iterator[ast.Call]:
    """Where a module makes a Change or a Problem."""
    for node in ast.walk(ast.parse((FOLDER / file).read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Change", "Problem"):
            yield node


def codes(call: ast.Call) -> set[str]:
    """The codes that a call gives, whatever decides between them."""
    values = [word.value for word in call.keywords if word.arg == "code"]
    assert values, f"line {call.lineno} gives no code"
    if isinstance(values[0], ast.IfExp):
        values = [values[0].body, values[0].orelse]
    return {str(value.value) for value in values if isinstance(value, ast.Constant)}


@pytest.mark.parametrize("prefixes", FILES)
def test_each_call_has_a_known_code_and_each_code_is_given(prefixes: tuple[str, ...]) -> None:
    given: set[str] = set()
    for file in FILES[prefixes]:
        for call in calls(file):
            here = codes(call)
            assert here, f"{file} line {call.lineno}: the code is no word"
            given |= here
    assert given == {code for code in CODES if code.startswith(prefixes)}


def test_what_a_code_means_is_one_plain_sentence() -> None:
    for prefixes in FILES:
        for code in (code for code in CODES if code.startswith(prefixes)):
            assert CODES[code].endswith(".")
            assert CODES[code].count(". ") == 0
            assert code.count("-") <= 3
