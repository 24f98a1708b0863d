"""nodefix/advice/dnf_exclude.py: dnf leaves kernel packages out."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from fakehost import Node

from nodefix.advice import dnf_exclude
from nodefix.advice.dnf_exclude import Excluded
from nodefix.config import Config

MAIN = "/etc/dnf/dnf.conf"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[main]\ngpgcheck=1\n", []),
        ("[main]\nexcludepkgs=kernel*\n", [(2, "excludepkgs", ())]),
        ("[main]\nexclude = kernel-core, docker*\n", [(2, "exclude", ("docker*",))]),
        ("[main]\nexcludepkgs=docker* \n  kernel*\n  a\n", [(3, "", ())]),
        ("[main]\n#exclude=kernel*\n", []),
        ("[main]\nexclude=kernel-debug* kernel-headers\n", []),
        ("[kubernetes]\nexclude=kubelet kubeadm kubectl cri-tools kubernetes-cni\n", []),
        ("[x]\nexclude=*\n", []),
        ("[main]\nexcludepkgs=\ninstallonly=kernel\n", []),
    ],
)
def test_excluded(text: str, expected: list[tuple[int, str, tuple[str, ...]]]) -> None:
    found = dnf_exclude.excluded(MAIN, text)
    assert [(one.line, one.key, one.kept) for one in found] == expected


def test_read(node: Node) -> None:
    assert dnf_exclude.read(node.host, Config()) == ()
    node.file(MAIN, "[main]\n")
    node.file("/etc/yum.repos.d/a.repo", "[a]\nexclude=kernel\n")
    node.file("/etc/yum.repos.d/a.repo.saved", "[a]\nexclude=kernel\n")
    (found,) = dnf_exclude.read(node.host, Config())
    assert found == Excluded("/etc/yum.repos.d/a.repo", 2, "exclude=kernel", "exclude")


def test_nothing() -> None:
    assert dnf_exclude.judge(()) == ()


@pytest.mark.real_commands
@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("[main]\nexcludepkgs=kernel*\nbest=1\n", "[main]\nexcludepkgs=\nbest=1\n"),
        ("[main]\nexclude=kernel*,docker*\n", "[main]\nexclude=docker*\n"),
        (
            "[main]\nexcludepkgs=a\n  kernel*\n  kernel b&|\n",
            "[main]\nexcludepkgs=a\n#\n b&|\n",
        ),
    ],
)
def test_the_remedy_takes_just_that_away(tmp_path: Path, text: str, after: str) -> None:
    file = tmp_path / "dnf.conf"
    file.write_text(text)
    (found,) = dnf_exclude.judge(tuple(dnf_exclude.excluded(str(file), text)))
    assert found.code == "dnf-excludes-kernel"
    subprocess.run(["bash", "-c", found.hint], check=True)
    assert file.read_text() == after
    assert not list(dnf_exclude.excluded(str(file), after))
