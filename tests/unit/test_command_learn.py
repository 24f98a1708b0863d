"""nodefix/commands/learn.py: `nodefix learn`."""

from __future__ import annotations

import os

import pytest
from commandline import status
from fakehost import Node, result
from proxysigns import LEARNED, NFT, NFTABLES, with_nft

from nodefix.commands import learn


@pytest.fixture(autouse=True)
def on_node(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it work on a made-up node, as root."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(learn, "open_host", lambda root: node.host)


def test_what_is_seen_is_kept(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    with_nft(node, NFTABLES)
    assert status("learn") == 0
    assert capsys.readouterr().out == (
        f"kube-proxy's mode: nftables, by nft's table ip kube-proxy; kept in {LEARNED}\n"
    )
    assert node.host.path(LEARNED).exists()
    # Nothing but the kernel is asked: a node that goes down has no network.
    assert {argv[0] for argv in node.programs.calls} == {"/usr/sbin/nft"}


def test_nothing_to_keep(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    with_nft(node, "")
    before = node.snapshot()
    assert status("learn") == 0
    assert "no trace" in capsys.readouterr().out
    assert node.snapshot() == before


def test_failures(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    node.programs.table[*NFT, "tables"] = result(1, "", "Error: Operation not permitted")
    assert status("learn") == 1
    assert "Operation not permitted" in capsys.readouterr().err
    with_nft(node, NFTABLES)
    node.host.path(LEARNED).mkdir(parents=True)
    assert status("learn") == 1
    assert f"fix: ls -ldZ {LEARNED}" in capsys.readouterr().err


def test_ordinary_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert status("learn") == 77
