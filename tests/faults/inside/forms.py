"""Odd forms of report and marker, which are JSON that another nodefix, or somebody, has written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Form = Callable[[dict[str, Any]], object]


def _with(**values: object) -> Form:
    return lambda was: {**was, **values}


def _without(name: str) -> Form:
    return lambda was: {key: value for key, value in was.items() if key != name}


def _stage(**values: object) -> Form:
    def form(was: dict[str, Any]) -> object:
        stages = was["stages"]
        if isinstance(stages, dict):
            return {**was, "stages": {name: values for name in stages}}
        return {**was, "stages": [{**stage, **values} for stage in stages]}

    return form


FORMS: Mapping[str, Form] = {
    "a-list": lambda was: [was],
    "a-text": lambda was: "ready",
    "a-number": lambda was: 1e400,
    "null": lambda was: None,
    "nothing": lambda was: {},
    "no-schema": _without("schema"),
    "no-boot": _without("boot_id"),
    "no-outcome": _without("outcome"),
    "no-stages": _without("stages"),
    "another-schema": _with(schema=2),
    "schema-text": _with(schema="1"),
    "another-boot": _with(boot_id="0" * 32),
    "no-boot-known": _with(boot_id=""),
    "outcome-unknown": _with(outcome="splendid"),
    "outcome-running": _with(outcome="running", finished="", stage="swap"),
    "outcome-failed": _with(outcome="failed"),
    "outcome-list": _with(outcome=["ready"]),
    "stages-null": _with(stages=None),
    "stages-text": _with(stages="swap"),
    "stages-numbers": _with(stages=[1, 2]),
    "stages-none": _with(stages=[]),
    "stage-unknown": _stage(stage="warp"),
    "stage-outcome-unknown": _stage(outcome="\x1b[2J"),
    "stage-failed": _stage(outcome="failed", problems=[]),
    "stage-mode-unknown": _stage(mode="never"),
    "problems-odd": _stage(problems=[{"message": 7}]),
    "problems-many": _stage(problems=[{"message": "x", "hint": "y", "required": True}] * 3000),
    "changes-odd": _stage(changes={"a": None}),
    "tries-huge": _with(tries=10**300, restarts=10**300, held_seconds=-(10**30)),
    "tries-text": _with(tries="many", since=4),
    "repeated-odd": _with(repeated={"swap": "x", "warp": -1}),
    "repeated-list": _with(repeated=[1]),
    "long-text": _with(started="x" * 900_000),
    "times-odd": _with(started="\x1b[31m\0", finished="yesterday"),
    "surrogates": _with(outcome="\ud800", stage="\udfff"),
    "more-keys": _with(**{f"key{number}": number for number in range(5000)}),
    "recheck-odd": _with(recheck="swap swap \x00 nowhere"),
    "deeply-nested": lambda was: {**was, "x": _nested(900)},
    "NaN": _with(tries=float("nan")),
    "booleans": _with(schema=True, tries=True, stages=True),
}


def _nested(depth: int) -> object:
    found: object = []
    for _ in range(depth):
        found = [found]
    return found


def write(path: Path, kind: str) -> Callable[[], None]:
    """Write a file of nodefix's in another form; nodefix itself has to cope with what it finds."""
    was = json.loads(path.read_text())
    path.write_text(json.dumps(FORMS[kind](was), indent=1) + "\n")
    return lambda: None
