"""nodefix/collect/files.py: nodefix's own files, and of what it changed nothing but the names."""

from __future__ import annotations

import pytest
from fakehost import Node
from test_undo import lasting

from nodefix.collect.files import backups, data_of, plain, settings, undo_entries
from nodefix.plan import Undo
from nodefix.shape import items, mapping
from nodefix.undo import UndoLog
from nodefix.words import BACKUPS, UNDO


@pytest.mark.parametrize(
    ("content", "found", "note"),
    [
        (b'{"a": 1.5}', {"a": "1.5"}, ""),
        (b"{", "{", "is no JSON"),
        (b"[" * 100_000, "[" * 100_000, "is no JSON"),
        (b"\xff", "\ufffd", "is no JSON"),
    ],
)
def test_json_that_is_none_goes_as_text(
    node: Node, content: bytes, found: object, note: str
) -> None:
    node.file("/x", content)
    got = data_of("/x")(node.host)
    assert got.content == found
    assert note in got.note


def test_keys_and_numbers_become_plain() -> None:
    assert plain({1: (2, 3), "a": [1.0, True, None]}) == {"1": "(2, 3)", "a": ["1.0", True, None]}


def test_settings_of_all_folders_and_those_that_are_not_read(node: Node) -> None:
    node.file("/etc/nodefix/nodefix.yaml", "scope: auto\n")
    node.file("/usr/lib/nodefix/nodefix.yaml.d/10-x.yaml", "swap: keep\n")
    node.file("/usr/lib/nodefix/nodefix.yaml.d/README", "no settings\n")
    node.file("/run/nodefix/nodefix.yaml.d")
    (node.root / "etc/nodefix/nodefix.yaml.d/20-y.yaml").mkdir(parents=True)
    got = settings(node.host)
    assert got.content == {
        "/etc/nodefix/nodefix.yaml": "scope: auto\n",
        "/usr/lib/nodefix/nodefix.yaml.d/10-x.yaml": "swap: keep\n",
        "/usr/lib/nodefix/nodefix.yaml.d/README": "no settings\n",
    }
    assert "/run/nodefix/nodefix.yaml.d: " in got.missing
    assert "/etc/nodefix/nodefix.yaml.d/20-y.yaml: " in got.missing


def test_of_an_undo_entry_nothing_that_stood_there(node: Node) -> None:
    undo = Undo("fstab", {"1": "UUID=my-disk swap"}, {"1": "# UUID=my-disk swap"})
    UndoLog(node.root).begin("swap", lasting("x")._replace(undo=undo))
    node.file(f"{UNDO}/0002.json", "{")
    content = undo_entries(node.host).content
    assert "my-disk" not in str(content)
    damaged, entry = (mapping(one) for one in items(content))
    assert damaged == {"file": "0002.json", "state": "cannot be read"}
    assert (entry["stage"], entry["kind"], entry["state"]) == ("swap", "fstab", "begun")


def test_of_a_backup_its_size(node: Node) -> None:
    node.file(f"{BACKUPS}/fstab.1", "UUID=my-disk swap\n")
    node.link(f"{BACKUPS}/odd", "/etc/shadow")
    assert backups(node.host).content == {"fstab.1": 18, "odd": "no file"}
