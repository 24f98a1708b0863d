"""nodefix/advice/next_kernel.py: the kernel that boots next has no modules."""

from __future__ import annotations

import pytest
from fakehost import KERNEL, Node
from pytest_mock import MockerFixture

from nodefix.advice import next_kernel
from nodefix.advice.next_kernel import Facts
from nodefix.config import Config

COMING = "6.12.0-124.8.1.el10_1.x86_64"


@pytest.mark.parametrize("place", ["", "/run/systemd/container", "/run/ostree-booted"])
def test_read(node: Node, mocker: MockerFixture, place: str) -> None:
    mocker.patch.object(next_kernel, "next_kernel", return_value=COMING)
    if place:
        node.file(place)
        assert next_kernel.read(node.host, Config()) == Facts(KERNEL)
        return
    assert next_kernel.read(node.host, Config()) == Facts(KERNEL, COMING, False)
    node.file(f"/lib/modules/{COMING}/modules.dep")
    assert next_kernel.read(node.host, Config()) == Facts(KERNEL, COMING, True)


def test_no_modules() -> None:
    (found,) = next_kernel.judge(Facts(KERNEL, COMING, False))
    assert (found.code, found.told_by) == ("next-kernel-without-modules", COMING)
    assert found.hint == f"dnf reinstall 'kernel*-{COMING}'"


@pytest.mark.parametrize(
    "facts", [Facts(KERNEL), Facts(KERNEL, COMING), Facts(KERNEL, KERNEL, False)]
)
def test_nothing_to_tell(facts: Facts) -> None:
    assert next_kernel.judge(facts) == ()
