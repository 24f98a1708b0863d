"""Why kubelet is held, in words for its journal, whatever the files of the last run hold."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from nodefix.config import load
from nodefix.errors import ConfigError
from nodefix.host.lock import stopped_holders
from nodefix.host.reading import read_file
from nodefix.text import bounded, one_line
from nodefix.words import BOOT_ID, MARKER, REPORT, SWAPS, SWITCH, UNIT

_AGAIN = "  then: systemctl restart nodefix"
_TEXT = 4000


class Reasons:
    """The words for one node.

    Args:
        root: the node's root, with a slash at its end.
    """

    def __init__(self, root: str) -> None:
        self._root = root

    def still_running(self, timeout: float) -> str:
        """A run does not end."""
        pids = " ".join(map(str, stopped_holders(Path(self._root))))
        stopped = "  it was stopped by a signal, such as ^Z; to have it go on: kill -CONT"
        return (
            f"kubelet is held: nodefix is still running (stage {self._stage()}) after"
            f" {timeout:g} seconds\n"
            + (f"{stopped} {pids}\n" if pids else "")
            + "  see: journalctl -u nodefix -b"
        )

    def undone(self, names: tuple[str, ...]) -> str:
        """The run found the node ready, and something undid its work."""
        lines = ["kubelet is held: what nodefix found in order is so no more"]
        if "swap" in names:
            since = "turned it off" if self._outcome("swap") == "changed" else "found none"
            lines.append(f"swap: found {self._swaps()} on after nodefix {since}, expected none")
            lines.append("  find who calls swapon: journalctl -b -g swap")
        if "chains" in names:
            lines.append("chains: found no chain KUBE-IPTABLES-HINT in mangle, expected it")
            lines.append("  find who flushed the ruleset: journalctl -b -g 'nft|firewall'")
        return "\n".join([*lines, *self._again(lines)])

    def not_ready(self) -> str:
        """What the last run of this boot left behind."""
        report = self._report()
        boot_id = _text(_read(self._root + BOOT_ID).strip())
        if not boot_id or report.get("boot_id") != boot_id:
            lines = ["kubelet is held: nodefix has not run since this boot"]
            if why := self._configuration_problems():
                lines.append(why)
            elif not self._is_masked():
                lines.append("  see: systemctl status nodefix")
        elif report.get("outcome") == "running":
            stage = self._stage()
            lines = [f"kubelet is held: the last run of nodefix was broken off in stage {stage}"]
        elif report.get("outcome") == "failed":
            lines = ["kubelet is held: this node is not ready for it"]
            for part in _mappings(report.get("stages")):
                lines += _failed(part)
            lines.append("  see also: journalctl -u nodefix -b")
        else:
            lines = [
                f"kubelet is held: found no /{MARKER}, which the last run of nodefix left",
                "  see: systemctl status nodefix",
            ]
        return "\n".join([*lines, *self._again(lines)])

    def _again(self, lines: list[str]) -> list[str]:
        """How to have it run again; a masked unit cannot be restarted."""
        if self._is_masked():
            return [
                f"  {UNIT} is masked; to have it run: systemctl unmask {UNIT}"
                " && systemctl restart nodefix",
                f"  to do without nodefix: touch /{SWITCH}",
            ]
        return [] if any("systemctl restart nodefix" in line for line in lines) else [_AGAIN]

    def _is_masked(self) -> bool:
        """systemd.unit(5): a link to /dev/null, or an empty file, in a folder of an admin's."""
        for folder in ("etc", "run"):
            path = f"{self._root}{folder}/systemd/system/{UNIT}"
            if os.path.lexists(path) and (
                os.path.realpath(path) == "/dev/null" or not _read(path).strip()
            ):
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
        return ", ".join(_text(line.split()[0]) for line in lines if line.split()) or "swap"

    def _stage(self) -> str:
        found = self._report().get("stage")
        return one_line(found, 100) if isinstance(found, str) and found else "unknown"

    def _outcome(self, name: str) -> object:
        stages = _mappings(self._report().get("stages"))
        return next((s.get("outcome") for s in stages if s.get("stage") == name), None)

    def _report(self) -> dict[str, Any]:
        try:
            report = json.loads(_read(self._root + REPORT))
        except (ValueError, RecursionError):
            return {}
        return report if isinstance(report, dict) else {}


def _failed(stage: dict[str, Any]) -> list[str]:
    """A stage of the report that holds kubelet, with the remedies."""
    name = _shown(stage.get("stage"))
    if stage.get("outcome") == "not run" and stage.get("mode") == "required":
        return [f"{name}: has not run since this boot"]
    if stage.get("outcome") != "failed":
        return []
    lines = []
    for problem in _mappings(stage.get("problems")):
        lines.append(f"{name}: {_shown(problem.get('message'))}")
        if problem.get("hint"):
            lines.append(f"  fix: {_shown(problem['hint'])}")
    return lines


def _mappings(found: object) -> list[dict[str, Any]]:
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _shown(found: object) -> str:
    return bounded(found, _TEXT) if isinstance(found, str) and found else "(unknown)"


def _text(found: bytes) -> str:
    return one_line(found.decode("utf-8", "replace"), 200)


def _read(path: str) -> bytes:
    try:
        return read_file(path, 4 << 20)
    except OSError:
        return b""
