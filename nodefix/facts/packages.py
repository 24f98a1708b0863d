"""The packages that bring iptables and `alternatives`, and the line that brings one back."""

from __future__ import annotations

from nodefix.errors import NodefixError
from nodefix.facts.remedies import AGAIN
from nodefix.host.node import Host

IPTABLES = "iptables-nft"
ALTERNATIVES = "alternatives"
# iptables' own libraries come with this one.
LIBRARIES = "iptables-libs"
_ASKED = (IPTABLES, ALTERNATIVES)
_RPM = "/usr/bin/rpm"


def read_packages(host: Host) -> frozenset[str] | None:
    """Which of IPTABLES and ALTERNATIVES are installed; None where rpm does not tell.

    rpm's status is the number of those that are not installed; it prints a line for each of them.
    """
    try:
        result = host.programs.run(_RPM, "-q", "--qf", "%{NAME}\\n", *_ASKED, timeout=5.0)
    except NodefixError:
        return None
    if not 0 <= result.status <= len(_ASKED):
        return None
    return frozenset(result.text.split("\n")).intersection(_ASKED)


def bring_back(package: str, installed: frozenset[str] | None) -> str:
    """The line that brings a package's files back.

    `dnf install` does nothing where rpm takes the package for installed.
    """
    install, reinstall = f"dnf install {package}", f"dnf reinstall {package}"
    if installed is None:
        return f"{install} && {reinstall} && {AGAIN}"
    return f"{reinstall if package in installed else install} && {AGAIN}"
