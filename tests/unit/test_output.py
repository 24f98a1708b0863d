"""nodefix/output.py: JSON, YAML or text."""

from __future__ import annotations

import json

import pytest
import yaml

from nodefix.output import FORMATS, show

DATA = {"outcome": "ready", "stages": [{"stage": "swap", "changes": 2, "odd": "\x1b[2J\ud800"}]}


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_that_a_terminal_obeys_is_printed(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show(form, DATA, "swap: \x1b[2J\ud800")
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    printed.encode()


@pytest.mark.parametrize(("form", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_programs_read_back_what_was_meant(
    form: str, load: object, capsys: pytest.CaptureFixture[str]
) -> None:
    data = {"outcome": "ready", "seconds": 1.5, "stages": [{"stage": "swap", "hint": ""}]}
    show(form, data, "unused")
    assert callable(load)
    assert load(capsys.readouterr().out) == data
