"""Reading YAML that somebody else wrote."""

from __future__ import annotations

from typing import Any

from nodefix.errors import NodefixError


def parse(content: bytes) -> Any:
    """Parse one document.

    Raises:
        NodefixError: it is not valid; says where.
    """
    import yaml

    try:
        # Not the faster C loader: deep nesting overflows its stack and ends the process.
        return yaml.load(content, Loader=yaml.SafeLoader)
    except Exception as error:  # PyYAML's constructors raise what int() and the like do
        words = " ".join(str(error).split())[:300] or type(error).__name__
        raise NodefixError(f"is not valid YAML: {words}") from error
