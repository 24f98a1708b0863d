"""nodefix/host/users.py: who it was."""

from __future__ import annotations

import pwd
from types import SimpleNamespace

import pytest
from fakehost import Node

from nodefix.host import users


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    def name(uid: int) -> SimpleNamespace:
        return SimpleNamespace(pw_name={0: "root", 1000: "ann"}[uid])

    monkeypatch.setattr(pwd, "getpwuid", name)
    monkeypatch.setattr("os.getuid", lambda: 0)


@pytest.mark.parametrize(
    ("login", "environ", "who"),
    [
        ("1000", {}, "ann"),
        # Whoever logged in counts more than a variable.
        ("1000", {"SUDO_USER": "eve"}, "ann"),
        ("4294967295", {"SUDO_USER": "eve"}, "eve"),
        ("4294967295", {}, "root"),
        ("1234", {}, "uid 1234"),
        ("x", {}, "root"),
        (None, {}, "root"),
    ],
)
def test_who(node: Node, login: str | None, environ: dict[str, str], who: str) -> None:
    if login is not None:
        node.file("/proc/self/loginuid", login)
    assert users.who(node.root, environ) == who
