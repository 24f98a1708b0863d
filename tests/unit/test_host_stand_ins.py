"""nodefix/host/stand_ins.py: they answer as the real ones do where there is no event loop."""

from __future__ import annotations

import asyncio
import platform
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from nodefix.host.stand_ins import stand_ins


def _outcome(ask: Callable[[], object]) -> object:
    try:
        return ask()
    except RuntimeError as error:
        return str(error)


@pytest.mark.parametrize("name", ["get_running_loop", "_get_running_loop"])
def test_there_is_no_loop_as_the_real_one_says_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "asyncio")
    with stand_ins("asyncio"):
        stood_in = sys.modules["asyncio"]
    assert stood_in is not asyncio
    assert _outcome(getattr(stood_in, name)) == _outcome(getattr(asyncio, name))


def test_the_system_is_named_as_by_the_real_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "platform")
    with stand_ins("platform"):
        assert sys.modules["platform"].system() == platform.system()


def test_what_went_wrong_ends_as_in_the_real_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "traceback")
    with stand_ins("traceback"):
        stood_in = sys.modules["traceback"]
    try:
        Path("/nowhere").stat()
    except OSError:
        assert stood_in.format_exc() == traceback.format_exc().splitlines()[-1]


def test_what_is_there_stays() -> None:
    with stand_ins("asyncio"):
        assert sys.modules["asyncio"] is asyncio
    assert sys.modules["asyncio"] is asyncio
