"""Configuration: YAML files to one frozen Config, with every problem named at once."""

from __future__ import annotations

import errno
import os
import shlex
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, cast

from nodefix.errors import ConfigError, NodefixError
from nodefix.host.reading import read_file
from nodefix.settings import KEYS, RENAMED, kind, unknown
from nodefix.settings import SETTINGS as ROWS
from nodefix.words import (
    AUTO,
    DROP_INS,
    METRICS_HEAD,
    REQUIRED,
    SETTINGS,
    SETTINGS_FOLDERS,
    STAGE_NAMES,
)

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
    kube_proxy: str = AUTO
    kube_proxy_restart: str = "auto"
    kube_proxy_restart_spread: int = 60
    metrics_file: str = ""
    network_plugin: str = "auto"
    sysctls: str = "advise"
    extra_modules: tuple[str, ...] = ()
    optional_modules: tuple[str, ...] = ("br_netfilter", "overlay")
    ignored: tuple[str, ...] = ()

    @property
    def is_forced(self) -> bool:
        """Whether nodefix acts on systems that are out of its scope, too."""
        return self.scope == "force"


class Loaded(NamedTuple):
    """The settings, and where each came from.

    Attributes:
        config: the settings.
        origins: the path of the file that decided a setting, or `stages.NAME`; those at their
            defaults are not in it.
        files: all that were read, in their order.
    """

    config: Config
    origins: Mapping[str, str]
    files: tuple[Path, ...]


def load(root: Path) -> Config:
    """The settings; see load_all()."""
    return load_all(root).config


def is_metrics(path: Path) -> bool:
    """Whether a file is one of metrics that nodefix wrote, or an empty one; a link is none.

    Raises:
        OSError: that cannot be told.
    """
    if path.is_symlink():
        return False
    content = read_file(path)
    return not content or content.startswith(METRICS_HEAD)


def metrics_files(root: Path) -> tuple[Path, ...]:
    """The file of the setting `metrics_file`; none where it is not set, not known, or not ours."""
    try:
        file = load(root).metrics_file
        path = root / file.lstrip("/")
        return (path,) if file and is_metrics(path) else ()
    except (ConfigError, OSError):
        return ()


def load_all(root: Path) -> Loaded:
    """Read nodefix.yaml, then the drop-ins, *.yaml and *.yml, by name; later ones win.

    As systemd does it (systemd-system.conf(5)): /etc/nodefix, /run/nodefix and /usr/lib/nodefix are
    looked at in this order, the first file of a name counts, and one that is empty or a link to
    /dev/null takes those of its name away.

    Raises:
        ConfigError: with every problem of every file.
    """
    problems: list[str] = []
    files, ignored = _files(root, problems)
    settings: dict[str, object] = {}
    origins: dict[str, str] = {}
    modes = dict(Config().modes)
    left = LIMIT
    for file in files:
        content = _read(file, left, problems)
        left -= len(content)
        found = checked(file, content, problems)
        changed = cast("dict[str, str]", found.pop("stages", {}))
        modes.update(changed)
        settings.update(found)
        origins.update(dict.fromkeys([*found, *(f"stages.{name}" for name in changed)], str(file)))
    if problems:
        raise ConfigError(problems, os.geteuid() != 0 and _is_hidden(root, files))
    # Each value is what its own check gave back.
    config = Config(modes=modes, ignored=ignored)._replace(
        **settings  # type: ignore[arg-type]
    )
    return Loaded(config, origins, tuple(files))


def _files(root: Path, problems: list[str]) -> tuple[list[Path], tuple[str, ...]]:
    """The files that are read, in their order, and the paths of those that are not."""
    mains = (root / folder / SETTINGS for folder in SETTINGS_FOLDERS)
    main = [file for file in mains if os.path.lexists(file)][:1]
    drop_ins: dict[str, Path] = {}
    ignored = []
    for folder in (root / folder / DROP_INS for folder in SETTINGS_FOLDERS):
        for file in _listed(folder, problems):
            # What begins with a dot is an editor's.
            if file.name[0] == "." or not file.name.endswith((".yaml", ".yml")):
                ignored.append(str(file))
            else:
                drop_ins.setdefault(file.name, file)
    files = main + [file for _, file in sorted(drop_ins.items())]
    return [file for file in files if os.path.realpath(file) != os.devnull], tuple(ignored)


def _is_hidden(root: Path, files: Sequence[Path]) -> bool:
    """Whether this user may not read one of the files, or list one of their folders."""
    for folder in (root / folder for folder in SETTINGS_FOLDERS):
        for one in (folder, folder / DROP_INS):
            if os.path.lexists(one) and not os.access(one, os.R_OK | os.X_OK):
                return True
    return any(os.path.lexists(file) and not os.access(file, os.R_OK) for file in files)


def _listed(folder: Path, problems: list[str]) -> list[Path]:
    """The files of a folder by name; none where there is no folder."""
    try:
        files = sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        problems.append(f"{folder}: cannot be listed: {error.strerror}")
        return []
    if len(files) > MOST_DROP_INS:
        problems.append(f"{folder}: found {len(files)} files, expected {MOST_DROP_INS} at the most")
        return []
    return files


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
        if error.errno == errno.EOVERFLOW:
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
        found = parse(content, plain_numbers=True)
    except NodefixError as error:
        problems.append(f"{file}: {'; '.join(filter(None, (error.message, error.hint)))}")
        return {}
    if found is None:
        return {}
    if not isinstance(found, dict):
        problems.append(f"{file}: found {kind(found)}, expected a mapping of settings")
        return {}
    return found


def checked(file: Path, content: bytes, problems: list[str]) -> dict[str, object]:
    """The settings of one file, each as its check gives it back.

    Args:
        file: where they stand.
        content: what stands there.
        problems: takes what is wrong with them.
    """
    settings: dict[str, object] = {}
    for key, value in _parse(file, content, problems).items():
        if isinstance(key, str) and key in ROWS:
            settings[key] = ROWS[key].check(f"{file}: {key}", value, problems)
        elif key in RENAMED:
            problems.append(f"{file}: {key}: this setting is now called {RENAMED[key]}")
        else:
            problems.append(f"{file}: {unknown(key, KEYS)}")
    return settings
