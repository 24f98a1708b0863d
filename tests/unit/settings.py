"""What the tests of the configuration share."""

from __future__ import annotations

import pytest
from fakehost import Node

from nodefix.config import load
from nodefix.errors import ConfigError

MAIN = "/etc/nodefix/nodefix.yaml"
DROP_INS = "/etc/nodefix/nodefix.yaml.d"


def problems(node: Node) -> tuple[str, ...]:
    """What load() finds fault with; fails if it finds none."""
    with pytest.raises(ConfigError) as caught:
        load(node.root)
    return caught.value.problems


def problem(node: Node, content: str | bytes) -> str:
    """The one problem of a main file with this content."""
    node.file(MAIN, content)
    (only,) = problems(node)
    assert only.startswith(f"{node.root}{MAIN}: ")
    return only
