"""nodefix/facts/kubelet_k0s.py: what k0s tells its kubelet about swap."""

from __future__ import annotations

import json

import pytest
from fakehost import Node
from fakesystemd import started_by
from kubelets import HEAD

from nodefix.answer import Answer
from nodefix.errors import UnclearError
from nodefix.facts.kubelet_k0s import said_by_k0s

UNIT = "k0sworker.service"
CACHE = "/var/lib/k0s/worker-profile.yaml"


def said(node: Node, *words: str, unit: str = UNIT) -> Answer | None:
    """What k0s says that is started with these words."""
    return said_by_k0s(node.host, unit, started_by("/usr/local/bin/k0s", "worker", *words))


def kept(node: Node, name: str, settings: object, path: str = CACHE) -> None:
    """Give a node the profile of k0s' last start."""
    text = json.dumps({"kind": "KubeletConfiguration", **settings} if settings else settings)
    node.file(path, json.dumps({"name": name, "data": {"kubeletConfiguration": text}}))


EXTRA = "--kubelet-extra-args"


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ((f"{EXTRA}=--v=2",), True),
        ((f"{EXTRA}=--fail-swap-on=true --v=2",), False),
        ((EXTRA, " --v=2  --fail-swap-on=1"), False),
        ((f"{EXTRA}=--fail-swap-on=true --fail-swap-on=false",), True),
        ((f"{EXTRA}=--fail-swap-on=true", f"{EXTRA}=--v=2"), True),
        ((f"{EXTRA}=--config=/etc/kubelet.yaml",), False),
        ((f"{EXTRA}=--config=/etc/kubelet.yaml --fail-swap-on=false",), True),
        ((f"{EXTRA}=--config-dir=/etc/kubelet.d",), False),
    ],
)
def test_extra_arguments(node: Node, words: tuple[str, ...], wanted: bool) -> None:
    node.file("/etc/kubelet.yaml", HEAD)
    node.file("/etc/kubelet.d/50.conf", f"{HEAD}failSwapOn: true\n")
    answer = said(node, *words)
    assert answer and answer.value is wanted


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [({"failSwapOn": False}, True), ({"failSwapOn": True}, False), ({"maxPods": 5}, False)],
)
def test_profile_of_the_last_start(node: Node, settings: object, wanted: bool) -> None:
    for profile, folder in (("default", "/var/lib/k0s"), ("big", "/data/k0s")):
        kept(node, profile, settings, f"{folder}/worker-profile.yaml")
        answer = said(node, f"--profile={profile}", "--data-dir", folder)
        assert answer and answer.value is wanted
        assert f"the profile {profile} of {UNIT}, as kept in {folder}/" in answer.where


def test_profile_that_is_not_known_yet(node: Node) -> None:
    kept(node, "default", {"failSwapOn": True})
    with pytest.raises(UnclearError, match="the worker profile big is in the cluster") as caught:
        said(node, "--profile", "big")
    assert caught.value.hint == f"ls -l {CACHE}"
    kept(node, "big", {"failSwapOn": True})
    # That of every new cluster.
    assert said(node) == Answer(True, f"{UNIT} starts kubelet with failSwapOn: false")


@pytest.mark.parametrize(
    ("words", "starts"),
    [
        ((), False),
        (("--enable-worker",), True),
        (("--enable-worker=true",), True),
        (("--enable-worker=false",), False),
        (("--single",), True),
    ],
)
def test_controllers_that_start_a_kubelet(node: Node, words: tuple[str, ...], starts: bool) -> None:
    assert bool(said(node, *words, unit="k0scontroller.service")) is starts


@pytest.mark.parametrize(
    "argv",
    [
        ("/opt/start-k0s",),
        ("/bin/sh", "-c", f"k0s worker '{EXTRA}=--fail-swap-on=1' $MORE"),
        ("k0s", "worker", f"{EXTRA}=--fail-swap-on"),
        ("k0s", "worker", f"{EXTRA}=--config=relative"),
    ],
)
def test_words_that_cannot_be_understood(node: Node, argv: tuple[str, ...]) -> None:
    with pytest.raises(UnclearError) as caught:
        said_by_k0s(node.host, UNIT, started_by(*argv, expands=False))
    assert caught.value.hint.startswith("systemctl cat k")


@pytest.mark.parametrize(
    "content", ["a: [\n", '{"name": "default"}', '{"name": "default", "data": 5}']
)
def test_profile_that_cannot_be_understood(node: Node, content: str) -> None:
    node.file(CACHE, content)
    with pytest.raises(UnclearError) as caught:
        said(node)
    assert CACHE in caught.value.hint
