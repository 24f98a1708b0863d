"""NamedTuple without what it does for type checkers, which takes a third of a run's imports.

typing.NamedTuple compiles the annotation of each field, to make a reference of it (ForwardRef), and
collections.namedtuple a constructor for each class. nodefix has a hundred and fifty of these, looks
at no annotation and makes few objects of most. The modules say `from typing import NamedTuple`,
which is what a type checker sees; a command puts this in its place.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping
from operator import itemgetter

_TYPINGS = typing.NamedTuple


def _new(cls: type, /, *values: object, **named: object) -> object:
    """Make one, from values by their order and by their names."""
    fields: tuple[str, ...] = cls._fields  # type: ignore[attr-defined]
    if named or len(values) != len(fields):
        left = fields[len(values) :]
        given = {**cls._field_defaults, **named}  # type: ignore[attr-defined]
        if len(values) > len(fields) or named.keys() - set(left) or set(left) - given.keys():
            said = f"{len(values)} values and {sorted(named)}"
            raise TypeError(f"{cls.__name__} has the fields {', '.join(fields)}; got {said}")
        values += tuple(given[name] for name in left)
    return tuple.__new__(cls, values)


def _make(cls: type, values: Iterable[object]) -> object:
    """Make one of all its values."""
    # By name as well none is left to its default.
    return _new(cls, **dict(zip(cls._fields, values, strict=True)))  # type: ignore[attr-defined]


def _replace(self: tuple[object, ...], /, **named: object) -> object:
    """Make one that differs in these."""
    return _new(type(self), **{**_asdict(self), **named})


def _asdict(self: tuple[object, ...]) -> dict[str, object]:
    """Its values by their names."""
    return dict(zip(self._fields, self, strict=True))  # type: ignore[attr-defined]


def _repr(self: tuple[object, ...]) -> str:
    """As Python would be written."""
    values = ", ".join(f"{name}={value!r}" for name, value in _asdict(self).items())
    return f"{type(self).__name__}({values})"


def _newargs(self: tuple[object, ...]) -> tuple[object, ...]:
    """What copies and pickles are made of."""
    return tuple(self)


_SHARED: Mapping[str, object] = {
    "__slots__": (),
    "__new__": _new,
    "__repr__": _repr,
    "__getnewargs__": _newargs,
    "_make": classmethod(_make),
    "_replace": _replace,
    "_asdict": _asdict,
}
# One for each place, since all classes have the same.
_PLACES = tuple(property(itemgetter(place)) for place in range(24))


class _Meta(type):
    """Makes a named tuple of each class that has NamedTuple for its base."""

    def __new__(cls, name: str, bases: tuple[type, ...], content: dict[str, object]) -> type:
        """Make it, by typing's own way where a Python keeps annotations elsewhere."""
        if not bases:
            return super().__new__(cls, name, bases, content)
        fields = content.get("__annotations__")
        if not isinstance(fields, dict) or len(bases) > 1 or len(fields) > len(_PLACES):
            return _by_typing(name, bases, content)
        own = {key: value for key, value in content.items() if key not in fields}
        shared = {
            **_SHARED,
            "__doc__": f"{name}({', '.join(fields)})",
            "__match_args__": (*fields,),
            "_fields": (*fields,),
            "_field_defaults": {key: content[key] for key in fields if key in content},
        }
        return type(name, (tuple,), {**shared, **dict(zip(fields, _PLACES, strict=False)), **own})


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
