"""The packages that contain a kernel's modules, and which of them are installed.

Sources: https://github.com/kubernetes/kops/pull/18724 and kernel.spec (kernel-modules-extra, and
kernel-modules-extra-matched, by which each kernel requires its own; -extra requires kernel-modules,
which an image may lack as well, so naming it is enough for ip_vs and dummy, too), Oracle's UEK 8
(https://github.com/rancher/rke2-packaging/pull/70; xt_statistic and br_netfilter are in
-modules-extra-netfilter), https://github.com/elrepo/kernel (kernel-ml and kernel-lt).
"""

from __future__ import annotations

import fnmatch
import re
from typing import NamedTuple

from nodefix.errors import NodefixError
from nodefix.host.node import Host

_RPM = "/usr/bin/rpm"
_DNF = ("/etc/dnf/dnf.conf", "/etc/yum.conf")
_REPOSITORIES = "/etc/yum.repos.d"

# Characters of a pattern that are looked at.
_PATTERN = 256

_RELEASE = re.compile(
    r"(?P<version>\d[\w.]*-[\w.]*\.el\d\w*(?P<elrepo>\.elrepo)?"
    r"\.(?:x86_64|aarch64|ppc64le|s390x|riscv64))(?:[.+](?P<variant>[\w+-]+))?",
    re.ASCII,
)


class KernelPackages(NamedTuple):
    """The packages with a kernel's netfilter modules.

    Attributes:
        names: pinned to the kernel's release, because others have modules for another kernel; two
            if only one of them exists; none if no package of Enterprise Linux, Oracle's UEK or
            ELRepo has this kernel.
        kernel: the packages of a newer kernel and of its modules.
        lasting: the package that makes later kernels pull in their own; empty if there is none.
        installed: whether one of `names` is; None if that is not known.
        excluded: the file of dnf's that excludes them; empty if none does.
    """

    names: tuple[str, ...] = ()
    kernel: tuple[str, ...] = ()
    lasting: str = ""
    installed: bool | None = None
    excluded: str = ""


def kernel_packages(release: str) -> KernelPackages:
    """The packages for a kernel's release as `uname -r` prints it; the node is not looked at.

    A variant follows a plus sign (`+64k`), Oracle's follow a dot (`.64k`).
    """
    found = _RELEASE.fullmatch(release)
    if not found:
        return KernelPackages()
    variant = found["variant"] or ""
    families: tuple[str, ...]
    if "uek" in release:
        families = (f"kernel-uek{variant if variant.startswith('64k') else _dashed(variant)}",)
        suffix, lasting = "modules-extra-netfilter", ""
    elif found["elrepo"]:
        families = (f"kernel-ml{_dashed(variant)}", f"kernel-lt{_dashed(variant)}")
        suffix, lasting = "modules-extra", ""
    else:
        families = (f"kernel{_dashed(variant)}",)
        suffix, lasting = "modules-extra", "kernel-modules-extra-matched"
    return KernelPackages(
        tuple(f"{family}-{suffix}-{found['version']}" for family in families),
        (families[0], f"{families[0]}-{suffix}") if len(families) == 1 else (),
        lasting,
    )


def read_kernel_packages(host: Host, release: str) -> KernelPackages:
    """The packages for a kernel's release, and whether this node has them or excludes them."""
    packages = kernel_packages(release)
    if not packages.names:
        return packages
    return packages._replace(
        installed=_installed(host, packages.names), excluded=_excluded(host, packages.names)
    )


def _dashed(variant: str) -> str:
    return f"-{variant}" if variant else ""


def _installed(host: Host, names: tuple[str, ...]) -> bool | None:
    if not host.path(_RPM).exists():
        return None
    try:
        found = [host.programs.read(_RPM, "--query", "--quiet", name).status for name in names]
    except NodefixError:
        return None
    return 0 in found


def _excluded(host: Host, names: tuple[str, ...]) -> str:
    """The file of dnf's with a pattern that matches one of the packages: dnf.conf(5)."""
    try:
        repositories = sorted(place.name for place in host.path(_REPOSITORIES).iterdir())
    except OSError:
        repositories = []
    files = [f"{_REPOSITORIES}/{name}" for name in repositories if name.endswith(".repo")]
    for file in (*_DNF, *files):
        try:
            text = host.read(file).decode("utf-8", "replace")
        except OSError:
            continue
        if any(_is_named(name, pattern) for name in names for pattern in _patterns(text)):
            return file
    return ""


def _patterns(text: str) -> list[str]:
    """The patterns that a file of dnf's excludes."""
    # An indented line continues the one before it.
    text = re.sub(r"\n[ \t]+", " ", text)
    values = re.findall(r"^exclude(?:pkgs)?\s*=(.*)$", text, re.M)
    return [pattern for value in values for pattern in re.split(r"[\s,]+", value.strip())]


def _is_named(package: str, pattern: str) -> bool:
    """Whether a pattern names a package, with or without its version, release and architecture."""
    if len(pattern) > _PATTERN:
        return False
    name_version, _, architecture = package.rpartition(".")
    version_too, _, _ = name_version.rpartition("-")
    name = version_too.rpartition("-")[0]
    spellings = (name, f"{name}.{architecture}", version_too, name_version, package)
    return any(fnmatch.fnmatchcase(spelling, pattern) for spelling in spellings)
