"""The packages that bring iptables and `alternatives`, and the line that brings one back."""

from __future__ import annotations

from collections.abc import Sequence

from nodefix.errors import NodefixError
from nodefix.facts.remedies import AGAIN
from nodefix.host.node import Host

IPTABLES = "iptables-nft"
ALTERNATIVES = "alternatives"
# iptables' own libraries come with this one.
LIBRARIES = "iptables-libs"
_ASKED = (IPTABLES, ALTERNATIVES)
_RPM = "/usr/bin/rpm"


def read_packages(host: Host, names: Sequence[str] = _ASKED) -> frozenset[str] | None:
    """Which of these packages are installed; None where rpm does not tell.

    rpm's status is the number of those that are not installed; it prints a line for each of them.
    """
    try:
        result = host.programs.read(_RPM, "-q", "--qf", "%{NAME}\\n", *names, timeout=5.0)
    except NodefixError:
        return None
    if not 0 <= result.status <= len(names):
        return None
    return frozenset(result.text.split("\n")).intersection(names)


def bring_back(packages: str, installed: frozenset[str] | None) -> str:
    """The line that brings the files of one or several packages back.

    `dnf install` does nothing where rpm takes the package for installed.
    """
    install, reinstall = f"dnf install {packages}", f"dnf reinstall {packages}"
    if installed is None:
        return f"{install} && {reinstall} && {AGAIN}"
    if missing := [package for package in packages.split() if package not in installed]:
        return f"dnf install {' '.join(missing)} && {AGAIN}"
    return f"{reinstall} && {AGAIN}"
