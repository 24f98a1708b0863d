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


def said(script: str, lean: bool) -> list[str]:
    """What a script prints, with these named tuples or with typing's."""
    code = script.format(path=sys.path, lean=lean)
    argv = [sys.executable, "-I", "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.splitlines()


@pytest.mark.real_commands
def test_named_tuples_are_the_same() -> None:
    lean, plain = said(ALL, lean=True), said(ALL, lean=False)
    assert len(plain) > 300
    assert lean == plain


SAMPLE = """
import copy, pickle, sys
sys.path[:0] = {path!r}
if {lean}:
    from nodefix import lean_tuples
    lean_tuples.install()
from typing import NamedTuple
class One(NamedTuple):
    first: int
    second: str = "b"
    third: tuple = ()
    def both(self):
        return self.first, self.second
match One(1):
    case One(first, second=x):
        print(first, x)
for do in (
    lambda: One(1), lambda: One(1, "c"), lambda: One(first=1, third=(2,)),
    lambda: One(third=3, first=1),
    lambda: One(), lambda: One(1, first=2), lambda: One(1, fourth=2), lambda: One(1, 2, 3, 4),
    lambda: One(1)._replace(second="x"), lambda: One(1)._replace(fourth="x"),
    lambda: One._make([1, 2, 3]), lambda: One._make([1, 2]) and None, lambda: One(1)._asdict(),
    lambda: One(1).both(), lambda: One(1) == (1, "b", ()), lambda: hash(One(1)) == hash(One(1)),
    lambda: pickle.loads(pickle.dumps(One(1))), lambda: copy.copy(One(1)), lambda: One(1)[1:],
    lambda: sorted([One(2), One(1)]), lambda: vars(One(1)), lambda: setattr(One(1), "first", 2),
    lambda: One.__doc__, lambda: One.__match_args__, lambda: One.__module__, lambda: One.__slots__,
):
    try:
        print(do())
    except (AttributeError, TypeError, ValueError) as error:
        print("refused")
"""


@pytest.mark.real_commands
def test_their_objects_behave_the_same() -> None:
    lean, plain = said(SAMPLE, lean=True), said(SAMPLE, lean=False)
    assert "refused" in plain
    assert "One(first=1, second='x', third=())" in plain
    assert lean == plain
