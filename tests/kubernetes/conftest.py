"""A booted node for the real kube-proxy, with the RPM from this checkout installed by dnf."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import testnode
from build import BUILT, RELEASES, Binaries, binaries
from proxying import DATA, Proxied


@pytest.fixture(scope="session", params=RELEASES)
def each(request: pytest.FixtureRequest) -> Binaries:
    """The programs of each release, one after the other."""
    return binaries(request.param)


@pytest.fixture(scope="session")
def newest() -> Binaries:
    """The programs of the newest release."""
    return binaries(RELEASES[0])


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> testnode.Root:
    """A node's root with the RPM installed; clone() it."""
    root = testnode.Root.make(testnode.image())
    testnode.install(root, testnode.build_rpm(tmp_path_factory.mktemp("rpm")))
    return root


@pytest.fixture(scope="session")
def booted(installed: testnode.Root) -> Iterator[testnode.Nspawn]:
    """A node with an API server; all tests of kube-proxy share it."""
    BUILT.mkdir(parents=True, exist_ok=True)
    binds = {BUILT: "/srv/kubernetes", DATA: "/srv/data", testnode.image(): "/srv/image"}
    options = [f"--bind-ro={of}:{to}" for of, to in binds.items()]
    with testnode.Nspawn(installed.clone(), options=options) as node:
        node.boot()
        yield node


@pytest.fixture(scope="session")
def shared(booted: testnode.Nspawn) -> Proxied:
    """The node with what tests ask of it."""
    return Proxied(booted)


@pytest.fixture
def proxied(shared: Proxied) -> Iterator[Proxied]:
    """The node without any rule, with twenty services; what a test starts there ends with it."""
    shared.reset()
    yield shared
    shared.reset()
