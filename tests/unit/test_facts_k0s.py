"""nodefix/facts/k0s.py: the flags on the lines of k0s' units."""

from __future__ import annotations

import pytest
from fakehost import Node
from fakesystemd import started_by

from nodefix.errors import UnclearError
from nodefix.facts.k0s import CONTROLLER, SETTINGS, data_folder, read_line, settings_file


@pytest.mark.parametrize(
    ("words", "settings", "data"),
    [
        ((), SETTINGS, "/var/lib/k0s"),
        (("--config=/a.yaml", "-c", "/b.yaml", "--data-dir", "/data/"), "/b.yaml", "/data"),
        (("-c=/b.yaml", "--config", "/a.yaml", "--", "-c=/c"), "/a.yaml", "/var/lib/k0s"),
    ],
)
def test_where_its_files_are(node: Node, words: tuple[str, ...], settings: str, data: str) -> None:
    command = started_by("/usr/local/bin/k0s", "controller", *words)
    line = read_line(node.host, CONTROLLER, command)
    assert (settings_file(CONTROLLER, line), data_folder(line)) == (settings, data)


def test_settings_from_elsewhere(node: Node) -> None:
    line = read_line(node.host, CONTROLLER, started_by("k0s", "controller", "--config=-"))
    with pytest.raises(UnclearError, match="found its files at '-'"):
        settings_file(CONTROLLER, line)
