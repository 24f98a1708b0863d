"""nodefix/errors.py: what can go wrong, with the remedy."""

from __future__ import annotations

from nodefix.errors import CommandError, ConfigError, NodefixError


def test_message_and_hint() -> None:
    error = CommandError("found none", "dnf install it")
    assert (error.message, error.hint, str(error)) == ("found none", "dnf install it", "found none")
    assert NodefixError("found none").hint == ""


def test_configuration_error_carries_every_problem() -> None:
    error = ConfigError(["a: one", "b: two"])
    assert error.problems == ("a: one", "b: two")
    assert error.message == "a: one\nb: two"
    assert error.hint
