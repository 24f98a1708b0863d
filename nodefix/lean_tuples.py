"""NamedTuple without what it does for type checkers, which takes a fifth of a run's imports.

typing.NamedTuple compiles the annotation of each field, to make a reference of it (ForwardRef).
nodefix has a hundred and fifty of these classes and looks at no annotation. The modules say `from
typing import NamedTuple`, which is what a type checker sees; a command puts this in its place.
"""

from __future__ import annotations

import collections
import types
import typing

_TYPINGS = typing.NamedTuple


class _Meta(type):
    """Makes a named tuple of each class that has NamedTuple for its base."""

    def __new__(cls, name: str, bases: tuple[type, ...], content: dict[str, object]) -> type:
        """Make it, by typing's own way where a Python keeps annotations elsewhere."""
        if not bases:
            return super().__new__(cls, name, bases, content)
        fields = content.get("__annotations__")
        if not isinstance(fields, dict) or len(bases) > 1:
            return _by_typing(name, bases, content)
        defaults = tuple(content[field] for field in fields if field in content)
        make = collections.namedtuple
        made: type = make(name, fields, defaults=defaults, module=str(content["__module__"]))
        for key in content.keys() - fields.keys():
            setattr(made, key, content[key])
        return made


class NamedTuple(metaclass=_Meta):
    """What stands in the place of typing's."""


def _by_typing(name: str, bases: tuple[type, ...], content: dict[str, object]) -> type:
    others = tuple(_TYPINGS if base is NamedTuple else base for base in bases)
    # It looks for itself among the bases, by its name.
    typing.NamedTuple = _TYPINGS  # type: ignore[misc]
    try:
        return types.new_class(name, others, {}, lambda space: space.update(content))
    finally:
        install()


def install() -> None:
    """Have every module that is imported from now on take this one."""
    typing.NamedTuple = NamedTuple  # type: ignore[misc, assignment]
