"""packaging/ansible: the role knows each setting of nodefix, and says what its tasks do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from nodefix.settings import KEYS, SETTINGS
from nodefix.words import DROP_INS, MODES, SETTINGS_FILE, STAGE_NAMES, STATE, SWITCH, UNIT

TOP = Path(__file__).resolve().parents[2]
ROLE = TOP / "packaging/ansible/roles/nodefix"
README = (ROLE / "README.md").read_text()


def load(name: str) -> Any:
    """One of the role's files."""
    return yaml.safe_load((ROLE / name).read_text())


OPTIONS = load("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
DEFAULTS = load("defaults/main.yml")
VARS = load("vars/main.yml")
OF_SETTINGS = {f"nodefix_{key}" for key in KEYS}


def test_each_setting_is_a_variable_and_is_written() -> None:
    assert VARS["__nodefix_settings"] == list(KEYS)
    # One that has a value here would be written where nobody asked for it.
    assert not OF_SETTINGS & DEFAULTS.keys()
    assert set(OPTIONS) == OF_SETTINGS | DEFAULTS.keys()


def test_what_a_variable_takes_is_what_the_setting_takes() -> None:
    kinds = {"object": "dict", "array": "list", "integer": "int", "string": "str"}
    for key, setting in SETTINGS.items():
        option = OPTIONS[f"nodefix_{key}"]
        if choices := setting.schema.get("enum"):
            assert isinstance(choices, list)
            words = [choice for choice in choices if isinstance(choice, str)]
            assert (option["type"], option["choices"]) == ("str", words)
        else:
            kind = setting.schema["type"]
            assert option["type"] == kinds[kind if isinstance(kind, str) else kind[0]]  # type: ignore[index]
    modes = OPTIONS["nodefix_stages"]["options"]
    assert {name: tuple(mode["choices"]) for name, mode in modes.items()} == dict.fromkeys(
        STAGE_NAMES, MODES
    )


def test_the_readme_has_each_variable_once_and_its_values() -> None:
    rows = re.findall(r"(?m)^\| `(nodefix_\w+)` \| (.*) \|$", README)
    assert sorted(name for name, _ in rows) == sorted(OPTIONS)
    for name, row in rows:
        for choice in OPTIONS[name].get("choices", ()):
            assert f"`{choice}`" in row, name
    defaults = {name: DEFAULTS[name] for name in DEFAULTS if name != "nodefix_gpg_key"}
    for name, default in defaults.items():
        said = default if default != "" else '""'
        assert f"| `{name}` | `{str(said).lower()}` |" in README
        assert OPTIONS[name]["default"] == default
    for name in re.findall(r"nodefix_[a-z_]+", README):
        assert name in OPTIONS, name


def test_its_paths_are_nodefixs() -> None:
    folder = f"/{Path(SETTINGS_FILE).parent}"
    assert VARS["__nodefix_folder"] == folder
    assert VARS["__nodefix_drop_in"].startswith("{{ __nodefix_folder }}/" + DROP_INS)
    assert VARS["__nodefix_switch"] == "{{ __nodefix_folder }}/" + Path(SWITCH).name
    assert VARS["__nodefix_kept"] == f"/{STATE}"
    (handler,) = load("handlers/main.yml")
    assert handler["ansible.builtin.systemd_service"]["name"] == UNIT


def test_only_modules_that_ansible_core_has() -> None:
    keywords = {"name", "register", "when", "vars", "loop", "notify", "block", "rescue"}
    keywords |= {"changed_when", "failed_when", "check_mode"}
    for file in ("handlers/main.yml", *(f"tasks/{f.name}" for f in ROLE.glob("tasks/*.yml"))):
        for task in load(file):
            for one in (task, *task.get("block", ()), *task.get("rescue", ())):
                modules = one.keys() - keywords
                assert all(name.startswith("ansible.builtin.") for name in modules), one["name"]
                assert len(modules) == ("block" not in one), one["name"]
