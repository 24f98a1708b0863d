"""nodefix/facts/kernel_packages.py: the packages that contain a kernel's modules."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakehost import KERNEL, Node, result

from nodefix.errors import DeadlineError, NodefixError
from nodefix.facts.kernel_packages import KernelPackages, kernel_packages, read_kernel_packages
from nodefix.host.programs import Result

RPM = "/usr/bin/rpm"
PACKAGE = f"kernel-modules-extra-{KERNEL}"

_LINES = Path(__file__).with_name("data").joinpath("kernel-releases.txt").read_text().splitlines()


@pytest.mark.parametrize("line", [line for line in _LINES if not line.startswith("#")])
def test_releases_of_real_nodes(line: str) -> None:
    release, expected, _ = line.split(" | ")
    names = kernel_packages(release).names
    if expected.startswith("no package"):
        assert names == ()
    elif "(or kernel-lt-)" in expected:
        first = expected.split(" ")[0]
        assert names == (first, first.replace("kernel-ml-", "kernel-lt-"))
    else:
        assert names == (expected,)


@pytest.mark.parametrize(
    ("release", "package"),
    [
        (KERNEL, PACKAGE),
        ("6.12.0-55.el10.aarch64+64k", "kernel-64k-modules-extra-6.12.0-55.el10.aarch64"),
        ("6.12.0-55.el10.aarch64.64k", "kernel-64k-modules-extra-6.12.0-55.el10.aarch64"),
        ("6.12.0-55.el10.x86_64+debug", "kernel-debug-modules-extra-6.12.0-55.el10.x86_64"),
        ("6.12.0-55.el10.x86_64.debug", "kernel-debug-modules-extra-6.12.0-55.el10.x86_64"),
        ("6.12.0-55.el10.x86_64+rt", "kernel-rt-modules-extra-6.12.0-55.el10.x86_64"),
        ("6.12.0-55.el10.x86_64+rt-debug", "kernel-rt-debug-modules-extra-6.12.0-55.el10.x86_64"),
        (
            "6.12.0-204.92.4.2.el10uek.x86_64.debug",
            "kernel-uek-debug-modules-extra-netfilter-6.12.0-204.92.4.2.el10uek.x86_64",
        ),
        (
            "6.12.0-100.28.2.el10uek.aarch64+64k",
            "kernel-uek64k-modules-extra-netfilter-6.12.0-100.28.2.el10uek.aarch64",
        ),
    ],
)
def test_variants(release: str, package: str) -> None:
    assert kernel_packages(release).names == (package,)


@pytest.mark.parametrize(
    "release", ["", "6.5.7-custom", "6.12.0", "6.1.0-56-cloud-amd64", "x.el10"]
)
def test_kernels_of_no_package(release: str) -> None:
    assert kernel_packages(release) == KernelPackages()


@pytest.mark.parametrize(
    ("release", "lasting"),
    [
        (KERNEL, "kernel-modules-extra-matched"),
        ("6.12.0-204.92.4.2.el10uek.x86_64", ""),
        ("7.0.12-1.el10.elrepo.x86_64", ""),
    ],
)
def test_what_lasts(release: str, lasting: str) -> None:
    assert kernel_packages(release).lasting == lasting


@pytest.mark.parametrize(
    ("answer", "installed"),
    [(result(0), True), (result(1), False), (DeadlineError("rpm hangs"), None)],
)
def test_installed(node: Node, answer: Result | NodefixError, installed: bool | None) -> None:
    assert read_kernel_packages(node.host, KERNEL).installed is None
    node.file(RPM)
    node.programs.table[(RPM, "--query", "--quiet", PACKAGE)] = answer
    assert read_kernel_packages(node.host, KERNEL).installed is installed


@pytest.mark.parametrize(
    "file", ["/etc/dnf/dnf.conf", "/etc/yum.conf", "/etc/yum.repos.d/base.repo"]
)
@pytest.mark.parametrize(
    "line",
    [
        "exclude=kernel*",
        "excludepkgs = foo, kernel-*",
        "exclude=foo kernel-modules-extra",
        "exclude=foo\n  kernel*",
        "excludepkgs=kernel-modules-extra.x86_64",
        f"exclude={PACKAGE}",
    ],
)
def test_excluded(node: Node, file: str, line: str) -> None:
    node.file(file, f"[main]\ngpgcheck=1\n{line}\n")
    assert read_kernel_packages(node.host, KERNEL).excluded == file


@pytest.mark.parametrize(
    "text",
    ["[main]\n", "#exclude=kernel*\n", "exclude=kernel-core\n", "exclude=\n", "xexclude=*\n"],
)
def test_not_excluded(node: Node, text: str) -> None:
    node.file("/etc/dnf/dnf.conf", text)
    node.file("/etc/yum.repos.d/x.conf", "exclude=kernel*\n")
    assert read_kernel_packages(node.host, KERNEL).excluded == ""
