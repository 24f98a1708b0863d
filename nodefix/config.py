"""Configuration: YAML files to one frozen Config, with every problem named at once."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from nodefix.errors import ConfigError, NodefixError

STAGE_NAMES = ("swap", "modules", "alternatives", "chains", "lockfile")
MODES = ("required", "wanted", "off")
SCOPES = ("auto", "force")
SWAPS = ("auto", "off", "keep")
CHAINS = ("iptables", "nftables", "off")

KEYS = (
    "scope",
    "stages",
    "swap",
    "swap_margin_mib",
    "chains",
    "extra_modules",
    "optional_modules",
)

MAIN_FILE = "etc/nodefix/nodefix.yaml"
DROP_INS = "etc/nodefix/nodefix.yaml.d"


class Config(NamedTuple):
    """The settings; the defaults need no file.

    Attributes:
        scope: `auto` acts on RHEL-family 10 and later only, `force` everywhere.
        modes: stage to `required`, `wanted` (a failure degrades) or `off`.
        swap: `auto` leaves it to kubelet's failSwapOn, `off` turns it off, `keep` leaves it on.
        swap_margin_mib: memory that must be left when swap is moved back to it.
        chains: kube-proxy's mode, or `off` for clusters without kube-proxy.
        extra_modules: kernel modules that are required besides kube-proxy's.
        optional_modules: kernel modules whose absence degrades.
    """

    scope: str = "auto"
    modes: Mapping[str, str] = dict.fromkeys(STAGE_NAMES, "required")
    swap: str = "auto"
    swap_margin_mib: int = 256
    chains: str = "iptables"
    extra_modules: tuple[str, ...] = ()
    optional_modules: tuple[str, ...] = ("br_netfilter",)


def load(root: Path) -> Config:
    """Read /etc/nodefix/nodefix.yaml, then its drop-ins in the order of their names.

    Later files win, setting by setting.

    Raises:
        ConfigError: with every problem of every file.
    """
    problems: list[str] = []
    settings: dict[str, Any] = {"stages": {}}
    for file in _files(root, problems):
        content = _read(file, problems)
        found = {} if content is None else _parse(file, content, problems)
        _merge(settings, _checked(file, found, problems))
    if problems:
        raise ConfigError(problems)
    modes = {**Config().modes, **settings.pop("stages")}
    return Config(modes=modes, **settings)


def _files(root: Path, problems: list[str]) -> list[Path]:
    files = [root / MAIN_FILE] if os.path.lexists(root / MAIN_FILE) else []
    folder = root / DROP_INS
    try:
        names = sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return files
    except OSError as error:
        problems.append(f"{folder}: cannot be listed: {error.strerror}")
        return files
    return files + [folder / name for name in names if name.endswith(".yaml")]


def _read(file: Path, problems: list[str]) -> bytes | None:
    try:
        # A named pipe would wait for a writer without O_NONBLOCK.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as opened:
            status = os.fstat(opened.fileno())
            if not stat.S_ISREG(status.st_mode):
                problems.append(f"{file}: found something else, expected a regular file")
                return None
            # Whoever can write this file decides what root does at the next boot.
            if status.st_mode & 0o022:
                problems.append(
                    f"{file}: found mode {stat.S_IMODE(status.st_mode):04o}, expected a file that"
                    f" only its owner can write; chmod go-w {file}"
                )
                return None
            if os.geteuid() == 0 and status.st_uid != 0:
                problems.append(
                    f"{file}: found owner {status.st_uid}, expected root; chown root {file}"
                )
                return None
            return opened.read()
    except OSError as error:
        problems.append(f"{file}: cannot be read: {error.strerror}")
        return None


def _parse(file: Path, content: bytes, problems: list[str]) -> Mapping[Any, Any]:
    # The shipped file is all comments: then PyYAML, a tenth of a run's time, is not needed.
    lines = (line.strip() for line in content.splitlines())
    if all(not line or line.startswith(b"#") for line in lines):
        return {}
    from nodefix.yamlfile import parse

    try:
        found = parse(content)
    except NodefixError as error:
        problems.append(f"{file}: {error.message}")
        return {}
    if found is None:
        return {}
    if not isinstance(found, dict):
        problems.append(f"{file}: found {_kind(found)}, expected a mapping of settings")
        return {}
    return found


def _checked(file: Path, found: Mapping[Any, Any], problems: list[str]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for key, value in found.items():
        where = f"{file}: {key}"
        match key:
            case "stages":
                settings[key] = _modes(where, value, problems)
            case "scope":
                settings[key] = _choice(where, value, SCOPES, problems)
            case "swap":
                settings[key] = _choice(where, value, SWAPS, problems)
            case "swap_margin_mib":
                settings[key] = _number(where, value, problems)
            case "chains":
                settings[key] = _choice(where, value, CHAINS, problems)
            case "extra_modules" | "optional_modules":
                settings[key] = _modules(where, value, problems)
            case _:
                problems.append(f"{file}: {_unknown(key, KEYS)}")
    return settings


def _modes(where: str, value: Any, problems: list[str]) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        problems.append(f"{where}: found {_kind(value)}, expected a mapping of stage to mode")
        return {}
    modes = {}
    for name, mode in value.items():
        if name not in STAGE_NAMES:
            problems.append(f"{where}: {_unknown(name, STAGE_NAMES)}")
        else:
            modes[name] = _choice(f"{where}.{name}", mode, MODES, problems)
    return modes


def _choice(where: str, value: Any, choices: Iterable[str], problems: list[str]) -> str:
    # YAML 1.1 reads a bare `off` as false.
    word = "off" if value is False else value
    if word not in choices:
        problems.append(f"{where}: found {_shown(value)}, expected one of: {', '.join(choices)}")
        return ""
    return str(word)


def _modules(where: str, value: Any, problems: list[str]) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        problems.append(f"{where}: found {_kind(value)}, expected a list of kernel modules")
        return ()
    for name in value:
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            problems.append(f"{where}: found {_shown(name)}, expected a kernel module's name")
    return tuple(str(name).replace("-", "_") for name in value)


def _number(where: str, value: Any, problems: list[str]) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        problems.append(f"{where}: found {_shown(value)}, expected a whole number of 0 or more")
        return 0
    return value


def _unknown(key: object, known: tuple[str, ...]) -> str:
    import difflib

    close = difflib.get_close_matches(key, known, n=1) if isinstance(key, str) else []
    meant = f" (did you mean {close[0]}?)" if close else ""
    return f"unknown key {_shown(key)}{meant}; expected one of: {', '.join(known)}"


def _shown(value: object) -> str:
    """A value for a message, of a bounded length."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        # Python refuses to print integers of thousands of digits.
        return _kind(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _kind(value: object) -> str:
    kinds = {list: "a list", str: "a string", bool: "true or false", int: "a number"}
    return kinds.get(type(value), type(value).__name__)


def _merge(settings: dict[str, Any], later: Mapping[str, Any]) -> None:
    modes = {**settings["stages"], **later.get("stages", {})}
    settings.update(later)
    settings["stages"] = modes
