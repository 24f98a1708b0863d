"""nodefix/facts/kubelet_yaml.py: failSwapOn as kubelet reads it."""

from __future__ import annotations

import builtins
import contextlib
import sys
import time
from typing import Any

import pytest
from kubelets import HEAD

from nodefix.errors import UnclearError
from nodefix.facts.kubelet_yaml import Said, fail_swap_on

# The end of a mapping in JSON.
_VERSION = '"apiVersion": "kubelet.config.k8s.io/v1beta1"}'


def said(content: str, drop_in: bool = False) -> Said:
    return fail_swap_on(content.encode(), "/x", drop_in, head=drop_in)


def refused(content: str | bytes, drop_in: bool = False) -> str:
    raw = content.encode() if isinstance(content, str) else content
    with pytest.raises(UnclearError) as caught:
        fail_swap_on(raw, "/x", drop_in, head=drop_in)
    assert caught.value.hint == "cat -A /x"
    return caught.value.message


@pytest.mark.parametrize("word", ["false", "False", "FALSE", "n", "N", "no", "off", "!!bool no"])
def test_false_of_yaml_1_1(word: str) -> None:
    assert said(f"failSwapOn: {word}\n") == Said(True, False)


@pytest.mark.parametrize("word", ["true", "True", "y", "yes", "on", '!!bool "true"'])
def test_true_of_yaml_1_1(word: str) -> None:
    assert said(f"failSwapOn: {word}\n") == Said(True, True)


@pytest.mark.parametrize("word", ["", "~", "null", "Null", "!!null null"])
def test_null(word: str) -> None:
    assert said(f"failSwapOn: {word}\n") == Said(True, None)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("kind: KubeletConfiguration\n", Said(False)),
        ("{}", Said(False)),
        ("memorySwap: {failSwapOn: false}\n", Said(False)),
        ("list: [failSwapOn, false]\nnested:\n- failSwapOn: false\n", Said(False)),
        ("failSwapOn: false\n---\nfailSwapOn: true\n", Said(True, False)),
        ("failSwapOn: false\n---\n", Said(True, False)),
        ("failSwapOn: false\n...\n@ not YAML any more", Said(True, False)),
        ("failSwapOn: true\nfailSwapOn: false\n", Said(True, False)),
        ("failSwapOn: false\nfailSwapOn: true\n", Said(True, True)),
        ("failSwapOn: false\nfailSwapOn: null\n", Said(True, None)),
        ("a: {b: 1, b: 2}\nfailSwapOn: false\n", Said(True, False)),
        ("x: &no false\nfailSwapOn: *no\n", Said(True, False)),
        ("x: &key failSwapOn\n*key : false\n", Said(True, False)),
        ("? failSwapOn\n: false\n", Said(True, False)),
        # Values that PyYAML's constructors reject.
        ("when: 2024-13-45\nbin: !!binary '*'\nn: !!int x\nfailSwapOn: false\n", Said(True, False)),
        ("tagged: !mine {a: 1}\nfailSwapOn: false\n", Said(True, False)),
        ('{"failSwapOn":\tfalse}', Said(True, False)),
        ('{"a": {"failSwapOn": true}, "failSwapOn": false}', Said(True, False)),
        ('{"failSwapOn": true, "failSwapOn": false}', Said(True, False)),
        ('{"slash": "\\/", "pair": "\\ud83d\\ude00", "failSwapOn": false}', Said(True, False)),
        ('{"n": ' + "9" * 5000 + ', "failSwapOn": false}', Said(True, False)),
        ("\ufefffailSwapOn: false\n", Said(True, False)),
    ],
)
def test_found(content: str, found: Said) -> None:
    assert said(content) == found


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("failSwapOn: 'false'\n", "failSwapOn: found 'false', expected true or false"),
        ("failSwapOn: !!str false\n", "expected true or false"),
        ("failSwapOn: !!bool perhaps\n", "expected true or false"),
        ("failSwapOn: fAlse\n", "expected true or false"),
        ("failSwapOn: 0\n", "expected true or false"),
        ("failSwapOn: [false]\n", "expected true or false"),
        ("failSwapOn: *missing\n", "found the alias *missing, expected an anchor before it"),
        (
            "a: *missing\nfailSwapOn: false\n",
            "found the alias *missing, expected an anchor before it",
        ),
        ("x: &a [1]\nfailSwapOn: *a\n", "expected true or false"),
        ("? {a: b}\n: c\n", "as a key"),
        ("x: {[a]: b}\n", "as a key"),
        ('{"failSwapOn": 0}', "expected true or false"),
        ("", "is empty"),
        ("# nothing\n", "is empty"),
        ("---\n", "found no mapping"),
        ("- failSwapOn: false\n", "found no mapping"),
        ("a: [\n", "line 2: is not valid YAML"),
        ("a: b\n\tc: d\n", "line 2: is not valid YAML"),
        (b"a: \xff\n", "is not valid YAML"),
        ("<<: {failSwapOn: false}\n", "found a merge key"),
        ("failSwapOn: true\n<<: {failSwapOn: false}\n", "found a merge key"),
        ("kind: ClusterConfiguration\n---\nfailSwapOn: false\n", "found the kind 'ClusterConf"),
        ("a: " + "[" * 150, "levels of nesting"),
    ],
)
def test_refused(content: str | bytes, words: str) -> None:
    assert refused(content).startswith("/x: ")
    assert words in refused(content)


def test_drop_in() -> None:
    assert said(HEAD + "failSwapOn: null\n", drop_in=True) == Said(True, None)
    assert said(HEAD + "failSwapOn: false\n", drop_in=True) == Said(True, False)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (HEAD + "failSwapOn: true\nfailSwapOn: false\n", "the key 'failSwapOn' twice"),
        (HEAD + "a: {b: 1, b: 2}\n", "the key 'b' twice"),
        ('{"a": {"b": 1, "b": 2}, "kind": "KubeletConfiguration",' + _VERSION, "twice"),
        ("failSwapOn: false\n", "no kind, expected"),
        ("kind: KubeletConfiguration\n", "no apiVersion, expected"),
    ],
)
def test_drop_in_that_kubelet_refuses(content: str, words: str) -> None:
    assert words in refused(content, drop_in=True)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n"
    for a, b in zip("abcdefghijkl", "bcdefghijklm", strict=True)
)


@pytest.mark.parametrize(
    "content",
    [BOMB, "a:\n" + "  - {b: c, d: 'x'}\n" * 13_000, "a: " + "[" * 200_000, "? " * 200_000],
    ids=["aliases", "long", "deep", "deep keys"],
)
def test_what_it_costs_is_bounded(content: str) -> None:
    begun = time.process_time()
    with contextlib.suppress(UnclearError):
        said(content + "failSwapOn: false\n")
    assert time.process_time() - begun < 1


def test_without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    yaml = pytest.importorskip("yaml")
    monkeypatch.delattr(yaml, "CLoader", raising=False)
    assert said("x: &no false\nfailSwapOn: *no\n---\n") == Said(True, False)
    assert "line 2: is not valid YAML" in refused("a: [\n")


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (ModuleNotFoundError("No module named 'yaml'"), "dnf install python3-pyyaml"),
        (EOFError("marshal data too short"), "dnf reinstall python3-pyyaml"),
    ],
)
def test_without_pyyaml(monkeypatch: pytest.MonkeyPatch, error: Exception, hint: str) -> None:
    real = builtins.__import__

    def refuse(name: str, *arguments: Any) -> Any:
        if name == "yaml":
            raise error
        return real(name, *arguments)

    monkeypatch.delitem(sys.modules, "yaml", raising=False)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(UnclearError, match="/x: PyYAML") as caught:
        said("failSwapOn: false\n")
    assert caught.value.hint == hint
    # JSON needs none.
    assert said('{"failSwapOn": false}') == Said(True, False)
