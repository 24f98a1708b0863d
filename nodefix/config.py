"""Configuration: YAML files to one frozen Config, with every problem named at once."""

from __future__ import annotations

import errno
import os
import re
import shlex
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, cast

from nodefix.errors import ConfigError, NodefixError
from nodefix.host.reading import read_file
from nodefix.words import DROP_INS, MODES, REQUIRED, SETTINGS, SKIP, STAGE_NAMES

SCOPES = ("auto", "force")
SWAPS = ("auto", "off", "keep")
KUBE_PROXIES = ("iptables", "nftables", "none")

# Bytes of all files together: PyYAML takes up to ten seconds for a megabyte, at each boot.
LIMIT = 64 << 10
MOST_DROP_INS = 256


class Config(NamedTuple):
    """The settings, with their defaults, as the rows below explain them.

    `modes` is the setting `stages`; `ignored` are files among the drop-ins that were not read,
    for their names.
    """

    scope: str = "auto"
    modes: Mapping[str, str] = dict.fromkeys(STAGE_NAMES, REQUIRED)
    swap: str = "auto"
    swap_margin_mib: int = 256
    kube_proxy: str = "iptables"
    extra_modules: tuple[str, ...] = ()
    optional_modules: tuple[str, ...] = ("br_netfilter",)
    ignored: tuple[str, ...] = ()


def load(root: Path) -> Config:
    """Read /etc/nodefix/nodefix.yaml, then its drop-ins, *.yaml and *.yml, by name.

    Later files win, setting by setting.

    Raises:
        ConfigError: with every problem of every file.
    """
    problems: list[str] = []
    files, ignored = _files(root, problems)
    settings: dict[str, object] = {}
    modes = dict(Config().modes)
    left = LIMIT
    for file in files:
        content = _read(file, left, problems)
        left -= len(content)
        found = _checked(file, _parse(file, content, problems), problems)
        modes.update(cast("dict[str, str]", found.pop("stages", {})))
        settings.update(found)
    if problems:
        raise ConfigError(problems)
    # Each value is what its own check gave back.
    return Config(modes=modes, ignored=ignored)._replace(
        **settings  # type: ignore[arg-type]
    )


def _files(root: Path, problems: list[str]) -> tuple[list[Path], tuple[str, ...]]:
    """The files that are read, in their order, and the paths of those that are not."""
    files = [root / SETTINGS] if os.path.lexists(root / SETTINGS) else []
    folder = root / DROP_INS
    try:
        names = sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return files, ()
    except OSError as error:
        problems.append(f"{folder}: cannot be listed: {error.strerror}")
        return files, ()
    if len(names) > MOST_DROP_INS:
        problems.append(f"{folder}: found {len(names)} files, expected {MOST_DROP_INS} at the most")
        return files, ()
    # What begins with a dot is an editor's.
    read = [name for name in names if name.endswith((".yaml", ".yml")) and name[0] != "."]
    ignored = tuple(str(folder / name) for name in names if name not in read)
    return files + [folder / name for name in read], ignored


def _read(file: Path, limit: int, problems: list[str]) -> bytes:
    def check(status: os.stat_result) -> None:
        # Whoever can write this file decides what root does at the next boot.
        if status.st_mode & 0o022:
            raise ValueError(
                f"found mode {stat.S_IMODE(status.st_mode):04o}, expected a file that only its"
                f" owner can write; chmod go-w {shlex.quote(str(file))}"
            )
        if os.geteuid() == 0 and status.st_uid != 0:
            raise ValueError(
                f"found owner {status.st_uid}, expected root; chown root {shlex.quote(str(file))}"
            )

    try:
        return read_file(file, limit, check)
    except ValueError as error:
        problems.append(f"{file}: {error}")
    except OSError as error:
        words = f"cannot be read: {error.strerror}"
        if error.errno == errno.EFBIG:
            words = f"found more than {LIMIT} bytes of settings in all files, expected less"
        problems.append(f"{file}: {words}")
    return b""


def _parse(file: Path, content: bytes, problems: list[str]) -> Mapping[object, object]:
    # The shipped file is all comments: then PyYAML, a tenth of a run's time, is not needed.
    lines = (line.strip() for line in content.splitlines())
    if all(not line or line.startswith(b"#") for line in lines):
        return {}
    from nodefix.yamlfile import parse

    try:
        found = parse(content)
    except NodefixError as error:
        problems.append(f"{file}: {'; '.join(filter(None, (error.message, error.hint)))}")
        return {}
    if found is None:
        return {}
    if not isinstance(found, dict):
        problems.append(f"{file}: found {_kind(found)}, expected a mapping of settings")
        return {}
    return found


def _checked(file: Path, found: Mapping[object, object], problems: list[str]) -> dict[str, object]:
    settings: dict[str, object] = {}
    for key, value in found.items():
        if isinstance(key, str) and key in SETTINGS_ROWS:
            settings[key] = SETTINGS_ROWS[key].check(f"{file}: {key}", value, problems)
        elif key in _RENAMED:
            problems.append(f"{file}: {key}: this setting is now called {_RENAMED[key]}")
        else:
            problems.append(f"{file}: {_unknown(key, KEYS)}")
    return settings


def _modes(where: str, value: object, problems: list[str]) -> dict[str, str]:
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
            modes[name] = _mode(f"{where}.{name}", mode, problems)
    return modes


def _mode(where: str, value: object, problems: list[str]) -> str:
    if value is False or value == "off":
        problems.append(f"{where}: the mode `off` is now called `{SKIP}`: the stage is not run")
        return ""
    return _choice(*MODES)(where, value, problems)


def _choice(*choices: str) -> Callable[[str, object, list[str]], str]:
    def parse(where: str, value: object, problems: list[str]) -> str:
        # YAML 1.1 reads a bare `off` as false.
        word = "off" if value is False else value
        if isinstance(word, str) and word in choices:
            return word
        problems.append(f"{where}: found {_shown(value)}, expected one of: {', '.join(choices)}")
        return ""

    return parse


def _modules(where: str, value: object, problems: list[str]) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        problems.append(f"{where}: found {_kind(value)}, expected a list of kernel modules")
        return ()
    for name in value:
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            problems.append(f"{where}: found {_shown(name)}, expected a kernel module's name")
    return tuple(str(name).replace("-", "_") for name in value)


def _number(where: str, value: object, problems: list[str]) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        problems.append(f"{where}: found {_shown(value)}, expected a whole number of 0 or more")
        return 0
    return value


def _unknown(key: object, known: tuple[str, ...]) -> str:
    import difflib

    close = difflib.get_close_matches(key, known, n=1) if isinstance(key, str) else []
    meant = f" (did you mean {close[0]}?)" if close else ""
    return f"unknown key {_shown(key)}{meant}; expected one of: {', '.join(known)}"


class Setting(NamedTuple):
    """One setting; its default is Config's.

    Attributes:
        check: takes its place, the value and the list of problems, and adds what is wrong.
        help: what it decides, for people.
    """

    check: Callable[[str, object, list[str]], object]
    help: str


SETTINGS_ROWS: Mapping[str, Setting] = {
    "scope": Setting(
        _choice(*SCOPES),
        "`auto` acts on RHEL-family 10 and later only, `force` on every system.",
    ),
    "stages": Setting(
        _modes,
        "Each stage's mode: a failure of a `required` stage holds kubelet, one of a `wanted` stage"
        " degrades the node, and a stage with `skip` is not run.",
    ),
    "swap": Setting(
        _choice(*SWAPS),
        "`auto` does what kubelet's failSwapOn asks for, `off` turns swap off, `keep` leaves it.",
    ),
    "swap_margin_mib": Setting(
        _number,
        "Memory in MiB that must stay free when swap is turned off.",
    ),
    "kube_proxy": Setting(
        _choice(*KUBE_PROXIES),
        "The mode of this node's kube-proxy; `none` for clusters without kube-proxy.",
    ),
    "extra_modules": Setting(
        _modules,
        "Kernel modules that are required besides those of kube-proxy.",
    ),
    "optional_modules": Setting(
        _modules,
        "Kernel modules that are loaded, and whose absence degrades the node.",
    ),
}
KEYS = tuple(SETTINGS_ROWS)

# Before the first release some settings had other names.
_RENAMED = {"chains": "kube_proxy (iptables, nftables or none)"}


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
