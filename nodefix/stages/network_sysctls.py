"""Sysctls that pods' network needs, where the settings ask for them.

A part of stage modules: those of br_netfilter are there only once it is loaded. They are set until
the next boot, after systemd-sysctl; a line of an admin's says what is meant, so it stays.
"""

from __future__ import annotations

from collections.abc import Sequence

from nodefix.errors import CommandError
from nodefix.facts.cni_table import Sysctl
from nodefix.facts.network_sysctls import FORWARDING_6, Differing, by_hand, file_of
from nodefix.facts.remedies import AGAIN
from nodefix.host.node import Host
from nodefix.plan import Change, Problem


def sysctl_changes(differing: Sequence[Differing]) -> tuple[Change, ...]:
    """Set what no admin has set otherwise."""
    return tuple(
        _change(one) for one in differing if not (one.unread or _is_meant(one) or _may_cut_off(one))
    )


def sysctl_problems(differing: Sequence[Differing]) -> tuple[Problem, ...]:
    """Name what an admin has set otherwise, and what is not known."""
    return (
        *(_kept(one) for one in differing if _is_meant(one)),
        *(_unread(one) for one in differing if one.unread),
    )


def _is_meant(one: Differing) -> bool:
    return one.line is not None and one.line.is_admins and one.line.value == one.sysctl.wrong


def _may_cut_off(one: Differing) -> bool:
    """Whether the node may lose its own routes by it: those of router advertisements, in IPv6."""
    return one.sysctl.name == FORWARDING_6


def _change(one: Differing) -> Change:
    return Change(
        target=f"sysctl {one.sysctl.name}",
        found=f"{one.sysctl.wrong}{_by(one)}",
        wanted=one.sysctl.value,
        hint=f"ls -lZ {file_of(one.sysctl)}; journalctl -k -n 30",
        action=one.sysctl,
        required=False,
        each_boot=True,
        code="sysctl-not-set",
    )


def _by(one: Differing) -> str:
    return f" by {one.line.where}" if one.line and one.line.value == one.sysctl.wrong else ""


def _kept(one: Differing) -> Problem:
    return Problem(
        f"sysctl {one.sysctl.name}: found {one.sysctl.wrong}{_by(one)}, expected"
        f" {one.sysctl.value}; what an admin has set is left",
        f"{by_hand(one)} && {AGAIN}",
        required=False,
        code="sysctl-kept",
    )


def _unread(one: Differing) -> Problem:
    hint = f"ls -lZ {file_of(one.sysctl)}"
    return Problem(one.unread, hint, required=False, code="sysctl-unread")


def set_sysctl(sysctl: Sysctl, host: Host) -> None:
    """Set one until the next boot.

    Raises:
        CommandError: the kernel refuses.
    """
    try:
        host.set(file_of(sysctl), sysctl.value)
    except OSError as error:
        raise CommandError(f"{file_of(sysctl)}: cannot be written: {error.strerror}") from error
