"""nodefix/lean_tuples.py: nodefix's own named tuples are the same as by typing's way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]

ALL = """
import importlib, pkgutil, sys
sys.path[:0] = {path!r}
if {lean}:
    from nodefix import lean_tuples
    lean_tuples.install()
import nodefix
for module in pkgutil.walk_packages(nodefix.__path__, "nodefix."):
    if module.name.startswith(("nodefix.__main__", "nodefix.lean")):
        continue
    for name, found in sorted(vars(importlib.import_module(module.name)).items()):
        if isinstance(found, type) and issubclass(found, tuple) and hasattr(found, "_fields"):
            print(found.__module__, found.__qualname__, found._fields, found._field_defaults)
            print(found.__doc__)
            print(sorted(key for key in vars(found) if not key.startswith("__")), found.__mro__)
"""


def described(lean: bool) -> list[str]:
    """Each named tuple of nodefix."""
    code = ALL.format(path=sys.path, lean=lean)
    argv = [sys.executable, "-I", "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.splitlines()


@pytest.mark.real_commands
def test_named_tuples_are_the_same() -> None:
    lean, plain = described(lean=True), described(lean=False)
    assert len(plain) > 300
    assert lean == plain
