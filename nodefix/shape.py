"""What JSON holds, taken at its word only where it has the shape that is expected."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeAlias, TypeVar

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = Mapping[str, object]

_T = TypeVar("_T")


def an(kind: type[_T], value: object) -> _T:
    """The value, if it is of this type.

    Raises:
        TypeError: it is not.
    """
    if not isinstance(value, kind):
        raise TypeError(f"found {type(value).__name__}, expected {kind.__name__}")
    return value


def mapping(value: object) -> JsonObject:
    """The value, if it is a mapping, as JSON's are with text for keys.

    Raises:
        TypeError: it is not.
    """
    return an(dict, value)


def items(value: object) -> list[object]:
    """The value, if it is a list.

    Raises:
        TypeError: it is not.
    """
    return an(list, value)


def parsed(content: bytes) -> JsonObject:
    """The mapping that a JSON file holds.

    Raises:
        ValueError, TypeError, RecursionError: it holds none.
    """
    return mapping(json.loads(content))
