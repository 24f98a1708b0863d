"""What kubelet is told, as cases, and what the real one made of them.

The cases are in data/kubelet/settings.yaml. data/kubelet/answers.json has by minor release and
case `false` or `true`, the failSwapOn that kubelet came to, or its words where it did not start;
and the words of its command line for those that systemd starts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from fakesystemd import started_by
from kubelets import COMMAND, CONFIG, ENVIRONMENT, FILES, HEAD, SYSCONFIG

from nodefix.host.units import ServiceCommand

_DATA = Path(__file__).with_name("data") / "kubelet"
SETTINGS, ANSWERS = _DATA / "settings.yaml", _DATA / "answers.json"

_FILE, _FOLDER = "/etc/kubelet.yaml", "/etc/kubelet.d"
_KUBEADM = FILES[0][0]
_BY_SYSTEMD = ("unit", "sysconfig", "kubeadm")


class Case(NamedTuple):
    """One case; see settings.yaml.

    Attributes:
        name: what it is called.
        files: their paths to their content.
        links: their paths to their targets.
        folders: more folders, by path.
        words: kubelet's command line; None where systemd makes it.
        command: how systemd starts it.
        cannot_tell: words of nodefix's where it has no answer; empty where it has.
        nodefix: the failSwapOn that nodefix comes to where kubelet refuses for something else.
    """

    name: str
    files: Mapping[str, bytes]
    links: Mapping[str, str]
    folders: tuple[str, ...]
    words: tuple[str, ...] | None
    command: ServiceCommand
    cannot_tell: str
    nodefix: bool | None

    def lay(self, root: Path) -> None:
        """Make its files below a root."""
        for folder in self.folders:
            (root / folder[1:]).mkdir(parents=True, exist_ok=True)
        for path, content in self.files.items():
            place = root / path[1:]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        for path, target in self.links.items():
            place = root / path[1:]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(target)


class Answers(NamedTuple):
    """What was recorded.

    Attributes:
        words: by case, the command line that systemd made; None where it started nothing.
        kubelet: by minor release such as 1.37 and by case, failSwapOn or why it did not start.
    """

    words: Mapping[str, list[str] | None]
    kubelet: Mapping[str, Mapping[str, bool | str]]


@cache
def cases() -> tuple[Case, ...]:
    """All of them."""
    stated = yaml.safe_load(SETTINGS.read_text(encoding="utf-8"))
    return tuple(_case(name, given) for name, given in stated.items())


@cache
def answers() -> Answers:
    """What was recorded last."""
    return Answers(**json.loads(ANSWERS.read_text(encoding="utf-8")))


def _case(name: str, given: dict[str, Any]) -> Case:
    files = dict(_files(given))
    words = []
    if _FILE in files:
        words.append(f"--config={_FILE}")
    if any(path.startswith(f"{_FOLDER}/") for path in files):
        words.append(f"--config-dir={_FOLDER}")
    words += given.get("words", [])
    by_systemd = any(key in given for key in _BY_SYSTEMD)
    padding = b"#" * given.get("padding", 0)
    return Case(
        name=name,
        files={path: _bytes(content) + padding for path, content in files.items()}
        | {path: _bytes(content) for path, content in given.get("files", {}).items()},
        links=given.get("links", {}),
        folders=tuple(given.get("folders", ())),
        words=None if by_systemd else tuple(words),
        command=_command(given.get("unit", {})) if by_systemd else _plain(words),
        cannot_tell=given.get("cannot_tell", ""),
        nodefix=given.get("nodefix"),
    )


def _files(given: dict[str, Any]) -> Iterator[tuple[str, str | bytes]]:
    """The files that a case names by their use."""
    if "config" in given:
        yield _FILE, HEAD + given["config"]
    if "raw" in given:
        yield _FILE, given["raw"]
    for name, content in given.get("drop_ins", {}).items():
        yield f"{_FOLDER}/{name}", HEAD + content
    for name, content in given.get("raw_drop_ins", {}).items():
        yield f"{_FOLDER}/{name}", content
    if any(key in given for key in _BY_SYSTEMD):
        yield CONFIG, HEAD
    if "sysconfig" in given:
        yield SYSCONFIG, given["sysconfig"]
    if "kubeadm" in given:
        yield _KUBEADM, given["kubeadm"]


def _bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode()


def _plain(words: list[str]) -> ServiceCommand:
    return started_by("/usr/bin/kubelet", *words, expands=False)


def _command(unit: dict[str, Any]) -> ServiceCommand:
    """kubeadm's unit, with what a case adds to it."""
    return started_by(
        *COMMAND,
        *unit.get("words", ()),
        environment=ENVIRONMENT,
        files=(*FILES, *((path, False) for path in unit.get("environment_files", ()))),
        unset=tuple(unit.get("unset", ())),
        expands=unit.get("expands", True),
    )
