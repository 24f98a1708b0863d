"""One booted node for all faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import faultnode
import pytest
import testnode
from nodes import EXTRA


@pytest.fixture(scope="session")
def fault_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[testnode.Nspawn]:
    """A booted node with the RPM from this checkout, on which faults can be made."""
    rpm: Path = testnode.build_rpm(tmp_path_factory.mktemp("rpm"))
    root = testnode.Root.make(testnode.image(EXTRA))
    testnode.install(root, rpm)
    with testnode.Nspawn(root) as node:
        node.boot()
        faultnode.put_harness(node)
        yield node
