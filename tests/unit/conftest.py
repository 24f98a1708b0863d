"""Fixtures of the unit tier."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fakebus import Bus, Connection
from fakehost import RHEL10, Node
from liveproxy import Clock, KubeProxy

from nodefix.host.programs import Programs


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """A made-up node with nothing on it but a kernel with IPv6."""
    root = tmp_path / "root"
    root.mkdir()
    return Node(root)


@pytest.fixture(autouse=True)
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every descriptor that was to be fsynced: waiting for the disk takes most of a test's time."""
    descriptors: list[int] = []
    monkeypatch.setattr(os, "fsync", descriptors.append)
    return descriptors


@pytest.fixture(autouse=True)
def _asks_the_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which units are active is asked of the stand-in, whatever this machine's systemd has."""
    monkeypatch.setattr("nodefix.host.units._STARTED_UNITS", "/nonexistent")


@pytest.fixture
def el10(node: Node) -> Node:
    """A node in scope on which nodefix has not run."""
    node.file("/etc/os-release", RHEL10)
    return node


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Connection:
    """A system bus that answers."""
    connection = Connection()
    monkeypatch.setattr("nodefix.host.bus._connect", lambda: Bus(connection))
    return connection


@pytest.fixture(params=["run", "read"])
def both_doors(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test twice: with programs that sh starts, and with those that are started without it."""
    monkeypatch.setattr(Programs, "run", getattr(Programs, request.param))


@pytest.fixture
def proxy(node: Node, monkeypatch: pytest.MonkeyPatch) -> KubeProxy:
    """A node whose kubelet is up, with kube-proxy running; the time passes by itself."""
    return KubeProxy(node, Clock(monkeypatch))
