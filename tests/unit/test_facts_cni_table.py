"""nodefix/facts/cni_table.py: a row for each plugin."""

from __future__ import annotations

import re

import pytest

from nodefix.facts.cni_table import NEEDS, Need
from nodefix.stages.absent import _GONE


@pytest.mark.parametrize("row", NEEDS, ids=lambda row: row.plugin)
def test_each_row_is_whole(row: Need) -> None:
    assert row.signs
    assert row.modules or row.rules or row.sysctls
    assert re.search(r"\w+/[\w.-]+( |#)", row.source)
    assert row.reason[0].islower() or row.plugin in ("Calico", "Flannel", "OVN-Kubernetes")
    for name in (*row.modules, *row.rules):
        assert re.fullmatch(r"[A-Za-z0-9_]+", name)
        assert name not in _GONE


def test_no_plugin_stands_twice() -> None:
    signs = [sign for row in NEEDS for sign in row.signs]
    assert len(signs) == len(set(signs))
