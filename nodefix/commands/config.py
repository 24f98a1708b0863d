"""`nodefix config`: show the settings and where they come from, check a file, print the schema."""

from __future__ import annotations

import json
import shlex
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Mapping
from pathlib import Path

from nodefix.config import LIMIT, Loaded, checked, load_all
from nodefix.errors import ConfigError
from nodefix.host.node import open_host
from nodefix.host.reading import read_file
from nodefix.output import add_format, show
from nodefix.schema import default, schema
from nodefix.settings import KEYS
from nodefix.settle import settle
from nodefix.terminal import tell
from nodefix.text import one_line
from nodefix.words import AUTO, EXIT_DONE, EXIT_USAGE, STAGE_NAMES

HELP = "show or check the settings"
STATUSES = {EXIT_DONE: "the settings are valid", EXIT_USAGE: "they are not"}

_DEFAULT = "default"
# Characters of what is said of one setting.
_REMARK = 1000

_CORRECT = "correct the lines above, then"


def options(parser: ArgumentParser) -> None:
    """Add the actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    shown = _add(actions, "show", "print each setting and the file that decides it")
    add_format(shown)
    check = _add(actions, "check", "say what is wrong with the settings")
    check.add_argument(
        "file", nargs="?", metavar="FILE", help="this file instead of those that nodefix reads"
    )
    _add(actions, "schema", "print the JSON Schema of a settings file")


def _add(actions: _SubParsersAction[ArgumentParser], name: str, what: str) -> ArgumentParser:
    return actions.add_parser(name, help=what, description=what)


def main(options: Namespace, arguments: list[str]) -> int:
    """Do what was asked for."""
    if options.action == "schema":
        print(json.dumps(schema(), indent=2))
        return EXIT_DONE
    if options.action == "check" and options.file is not None:
        return _check(Path(options.file))
    try:
        loaded = load_all(Path("/"))
    except ConfigError as error:
        first = "try" if error.is_hidden else _CORRECT
        tell(f"{error.message}\n  {first}: {error.hint}")
        return EXIT_USAGE
    for path in loaded.config.ignored:
        tell(f"{path}: ignored, expected a name that ends in .yaml or .yml")
    if options.action == "show":
        settings = _settings(loaded)
        _add_mode(settings["kube_proxy"], loaded)
        show(options.format, settings, _in_words(settings))
    else:
        read = ", ".join(map(str, loaded.files)) or "no file, so all settings are at their defaults"
        print(f"valid: {read}")
    return EXIT_DONE


def _check(file: Path) -> int:
    """Check one file, whoever owns it."""
    problems: list[str] = []
    try:
        checked(file, read_file(file, LIMIT), problems)
    except OSError as error:
        problems.append(f"{file}: cannot be read: {error.strerror}")
    if problems:
        again = f"nodefix config check {shlex.quote(str(file))}"
        tell("\n".join([*problems, f"  {_CORRECT}: {again}"]))
        return EXIT_USAGE
    print(f"valid: {file}")
    return EXIT_DONE


def _settings(loaded: Loaded) -> dict[str, dict[str, object]]:
    """Each setting, and each stage's mode, with its value, its default and where it is from."""
    values: dict[str, object] = {}
    defaults: dict[str, object] = {}
    for key in KEYS:
        if key == "stages":
            values |= {f"stages.{name}": loaded.config.modes[name] for name in STAGE_NAMES}
            modes = default(key)
            assert isinstance(modes, Mapping)
            defaults |= {f"stages.{name}": modes[name] for name in STAGE_NAMES}
        else:
            value = getattr(loaded.config, key)
            values[key] = list(value) if isinstance(value, tuple) else value
            defaults[key] = default(key)
    return {
        key: {
            "value": value,
            "default": defaults[key],
            "origin": loaded.origins.get(key, _DEFAULT),
        }
        for key, value in values.items()
    }


def _add_mode(shown: dict[str, object], loaded: Loaded) -> None:
    """Add the mode that `auto` stands for on this node, and what tells it."""
    if loaded.config.kube_proxy != AUTO:
        return
    settled = settle(open_host(Path("/")), loaded.config)
    shown["found"] = settled.config.kube_proxy
    shown["found_by"] = settled.said.notes[0]
    if settled.said.problems:
        shown["doubts"] = [problem.message for problem in settled.said.problems]


def _in_words(settings: Mapping[str, Mapping[str, object]]) -> str:
    rows = [(key, _yaml(setting["value"]), _remark(setting)) for key, setting in settings.items()]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(
        f"{key + ':':{widths[0] + 1}} {value:{widths[1]}}  # {origin}"
        for key, value, origin in rows
    )


def _remark(setting: Mapping[str, object]) -> str:
    """Where a value is from, and what it stands for on this node."""
    found = [str(setting["origin"]), *([str(setting["found_by"])] if "found_by" in setting else [])]
    doubts = setting.get("doubts", [])
    assert isinstance(doubts, list)
    return one_line("; ".join([*found, *map(str, doubts)]), _REMARK)


def _yaml(value: object) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
