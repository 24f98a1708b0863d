"""nodefix/symptoms_input.py: the lines of this boot, and of the running kube-proxy."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from fakehost import BOOT_ID, Node

from nodefix.errors import UnclearError
from nodefix.host import journald, tails
from nodefix.host.journald import Entry, Storage
from nodefix.symptoms_input import of_file, of_node

PODS = "/var/log/pods/kube-system_kube-proxy-8qq9t_63f5/kube-proxy"


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """A journal of three entries, and the matches that it was asked for."""
    asked: list[Sequence[str]] = []

    def entries(
        matches: Sequence[str], most: int, fields: Sequence[str], seconds: float
    ) -> Iterator[Entry]:
        asked.append(matches)
        assert seconds < 60
        if "_TRANSPORT=kernel" in matches:
            yield Entry(5.0, "b", {"MESSAGE": "nft_compat"})
        else:
            yield Entry(9.0, "b", {"MESSAGE": "new", "_SYSTEMD_UNIT": "kubelet.service"})
            yield Entry(8.0, "b", {"MESSAGE": "old\nlines", "_SYSTEMD_UNIT": "kubelet.service"})

    monkeypatch.setattr(journald, "entries", entries)
    monkeypatch.setattr(journald, "storage", lambda root: Storage(True, True))
    return asked


def test_this_boots_journal_by_unit_oldest_first(node: Node, asked: list[Sequence[str]]) -> None:
    read = of_node(node.host, BOOT_ID)
    assert {text.where: (text.content, text.times) for text in read.texts} == {
        "kubelet.service": ("old\nlines\nnew", [8.0, 8.0, 9.0]),
        "kernel": ("nft_compat", [5.0]),
    }
    assert read.notes == ()
    this_boot = f"_BOOT_ID={BOOT_ID.replace('-', '')}"
    assert all(matches[0] == this_boot for matches in asked)
    for unit in ("kubelet", "containerd", "crio", "nodefix", "k3s", "rke2-agent"):
        assert f"_SYSTEMD_UNIT={unit}.service" in asked[0]


def test_ordinary_user_is_told_what_to_type(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journald, "storage", lambda root: Storage(True, False))
    read = of_node(node.host, BOOT_ID)
    assert read.texts == ()
    assert read.notes == (
        "the journal cannot be read by this user: sudo nodefix explain --journal",
    )


def test_journal_that_cannot_be_read(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> Iterator[Entry]:
        raise UnclearError("the journal cannot be read: Bad message", "journalctl --verify")

    monkeypatch.setattr(journald, "entries", fail)
    node.file(f"{PODS}/0.log", "of kube-proxy")
    read = of_node(node.host, BOOT_ID)
    assert [text.content for text in read.texts] == ["of kube-proxy"]
    assert read.notes == ("the journal cannot be read: Bad message: journalctl --verify",)


def test_log_of_the_running_kube_proxy_and_of_the_one_before(node: Node) -> None:
    for number in range(4):
        file = node.file(f"{PODS}/{number}.log", f"start {number}")
        os.utime(file, (number, number))
    node.file(f"{PODS}/3.log.20261127.gz", "rotated")
    node.file("/var/log/pods/kube-system_coredns-1_2/coredns/0.log", "another")
    read = of_node(node.host, BOOT_ID)
    assert [text.content for text in read.texts[2:]] == ["start 2", "start 3"]


def test_folder_of_logs_that_may_not_be_listed(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(path: Path) -> Iterator[Path]:
        raise PermissionError(13, "Permission denied", "/var/log/pods")

    monkeypatch.setattr(Path, "iterdir", deny)
    (note,) = of_node(node.host, BOOT_ID).notes
    assert note == "/var/log/pods: Permission denied: sudo nodefix explain --journal"


def test_what_was_left_out_of_a_file_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"x" * 10)
    monkeypatch.setattr(tails, "file_tail", lambda path, limit: (b"x", True))
    assert of_file(file).notes == (f"{file}: only its last 8 MiB were looked at",)
