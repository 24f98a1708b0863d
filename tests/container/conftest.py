"""Nodes for the container tier: the RPM from this checkout, installed by dnf, really booted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import testnode
from ahead import Ahead
from nodes import Boot

HERE = Path(__file__).resolve().parent


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Make what nodes are made from while the tests run that come first and need none."""
    first = session.items[0].path if session.items else HERE
    waits = session.config.option.collectonly or session.testsfailed or os.geteuid() != 0
    if not waits and not first.is_relative_to(HERE):
        session.config.pluginmanager.register(Ahead(), "ahead")


@pytest.fixture(scope="session")
def rpm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The binary RPM, built from this checkout."""
    return testnode.build_rpm(tmp_path_factory.mktemp("rpm"))


@pytest.fixture(scope="session")
def installed(rpm: Path) -> testnode.Root:
    """A node's root with the RPM installed; clone() it."""
    root = testnode.Root.make(testnode.image())
    testnode.install(root, rpm)
    return root


@pytest.fixture
def root(installed: testnode.Root) -> testnode.Root:
    """A root of the test's own, to be damaged before its first boot."""
    return installed.clone()


@pytest.fixture
def boot(root: testnode.Root) -> Iterator[Boot]:
    """Boot the test's root, with kernel arguments if need be."""
    with testnode.Nspawn(root) as machine:

        def start(*arguments: str) -> testnode.Nspawn:
            machine.boot(arguments=arguments)
            return machine

        yield start


@pytest.fixture
def node(boot: Boot) -> testnode.Nspawn:
    """A booted, undamaged node."""
    return boot()
