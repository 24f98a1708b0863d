"""Why a kubelet unit is held, in words for its journal, whatever the last run's files hold."""

from __future__ import annotations

import os
from pathlib import Path

from nodefix.config import load
from nodefix.errors import ConfigError
from nodefix.facts.system import boot_id
from nodefix.host.kubelets import holder, is_mask, kubelets
from nodefix.host.lock import stopped_holders
from nodefix.host.reading import read_file
from nodefix.messages import in_words, is_held
from nodefix.report import StageReport
from nodefix.store import Earlier, ReportFiles
from nodefix.text import bounded, one_line
from nodefix.words import (
    CHANGED,
    FAILED,
    MARKER,
    NOT_RUN,
    REQUIRED,
    RUNNING,
    SWAPS,
    UNIT,
)

_AGAIN = "  then: systemctl restart nodefix"
_TEXT = 4000


class Reasons:
    """The words for one node.

    Args:
        root: the node's root, with a slash at its end.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        unit = holder(root)
        self._held = is_held((unit,) if unit else kubelets(root))

    def still_running(self, timeout: float) -> str:
        """A run does not end."""
        pids = " ".join(map(str, stopped_holders(Path(self._root))))
        stopped = "  it was stopped by a signal, such as ^Z; to continue it: kill -CONT"
        return (
            f"{self._held}: nodefix is still running (stage {_stage_of(self._last)}) after"
            f" {timeout:g} seconds\n"
            + (f"{stopped} {pids}\n" if pids else "")
            + "  see: journalctl -u nodefix -b"
        )

    def undone(self, names: tuple[str, ...]) -> str:
        """The run found the node ready, and something undid its work."""
        lines = [f"{self._held}: nodefix found this node ready, and that has been undone since"]
        if "swap" in names:
            swap = self._last.stages.get("swap")
            since = "turned it off" if swap and swap.outcome == CHANGED else "found none"
            lines.append(f"swap: found {self._swaps()} on after nodefix {since}, expected none")
            lines.append("  find who calls swapon: journalctl -b -g swap")
        if "chains" in names:
            lines.append("chains: found no chain KUBE-IPTABLES-HINT in mangle, expected it")
            lines.append("  find who flushed the ruleset: journalctl -b -g 'nft|firewall'")
        return "\n".join([*lines, *self._again(lines)])

    def not_ready(self) -> str:
        """What the last run of this boot left behind."""
        last = self._last
        if not last.outcome:
            lines = [f"{self._held}: nodefix has not run since this boot"]
            if why := self._configuration_problems():
                lines.append(why)
            elif not self._is_masked():
                lines.append("  see: systemctl status nodefix")
        elif last.outcome == RUNNING:
            lines = [
                f"{self._held}: the last run of nodefix was aborted in stage {_stage_of(last)}"
            ]
        elif last.outcome == FAILED:
            lines = [f"{self._held}: this node is not ready for it"]
            for report in last.stages.values():
                lines += _failed(report)
            lines.append("  see also: journalctl -u nodefix -b")
        else:
            lines = [
                f"{self._held}: found no /{MARKER}, which the last run of nodefix left",
                "  see: systemctl status nodefix",
            ]
        return "\n".join([*lines, *self._again(lines)])

    @property
    def _last(self) -> Earlier:
        """What the last run of this boot came to, read anew each time."""
        root = Path(self._root)
        return ReportFiles(root).earlier(boot_id(root))

    def _again(self, lines: list[str]) -> list[str]:
        """How to have it run again; a masked unit cannot be restarted."""
        if self._is_masked():
            return [
                f"  {UNIT} is masked; to run it: systemctl unmask {UNIT}"
                " && systemctl restart nodefix",
                "  to switch nodefix off: nodefix disable",
            ]
        return [] if any("systemctl restart nodefix" in line for line in lines) else [_AGAIN]

    def _is_masked(self) -> bool:
        """systemd.unit(5): a link to /dev/null, or an empty file, in a folder of an admin's."""
        for folder in ("etc", "run"):
            path = f"{self._root}{folder}/systemd/system/{UNIT}"
            if os.path.lexists(path) and is_mask(path):
                return True
        return False

    def _configuration_problems(self) -> str:
        try:
            load(Path(self._root))
        except ConfigError as error:
            return bounded(error.message, _TEXT)
        return ""

    def _swaps(self) -> str:
        lines = _read(self._root + SWAPS).splitlines()[1:]
        devices = (line.split()[0].decode("utf-8", "replace") for line in lines if line.split())
        return ", ".join(one_line(device, 200) for device in devices) or "swap"


def _stage_of(last: Earlier) -> str:
    return one_line(last.stage, 100) or "unknown"


def _failed(report: StageReport) -> list[str]:
    """A stage that holds kubelet, with the remedies."""
    name = one_line(report.stage, 100)
    if report.outcome == NOT_RUN and report.mode == REQUIRED:
        return [f"{name}: has not run since this boot"]
    if report.outcome != FAILED:
        return []
    return [f"{name}: {in_words(problem)}" for problem in report.bounded().problems]


def _read(path: str) -> bytes:
    try:
        return read_file(path)
    except OSError:
        return b""
