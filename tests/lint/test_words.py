"""Files of other languages say what nodefix/words.py says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nodefix import words
from nodefix.cli import COMMANDS
from nodefix.host.kubelets import gate_command
from nodefix.settings import SETTINGS

TOP = Path(__file__).resolve().parents[2]
UNITS = sorted((TOP / "systemd").glob("*.service"))
MAIN_UNIT = (TOP / "systemd" / words.UNIT).read_text()
README = (TOP / "README.md").read_text()


def values(unit: str, key: str) -> list[str]:
    """Every word of a directive, wherever it stands in a unit."""
    return [word for line in re.findall(rf"(?m)^{key}=(.*)$", unit) for word in line.split()]


def test_each_kubelet_unit_waits_for_nodefix() -> None:
    assert values(MAIN_UNIT, "Before") == list(words.KUBELET_UNITS)
    drop_ins = sorted((TOP / "systemd").glob("*.d/*"))
    assert {file.parent.name for file in drop_ins} == {f"{unit}.d" for unit in words.KUBELET_UNITS}
    for file in drop_ins:
        text = file.read_text()
        assert file.name == words.DROP_IN
        assert values(text, "Wants") == values(text, "After") == [words.UNIT]
        line = gate_command(file.parent.name.removesuffix(".d"))
        assert re.findall("(?m)^ExecStartPre=(.*)$", text) == [line]


def test_each_firewall_comes_before_the_chains() -> None:
    assert set(words.FIREWALLS) <= set(values(MAIN_UNIT, "After"))
    preset = (TOP / "systemd/90-nodefix.preset").read_text()
    (instances,) = re.findall(r"(?m)^enable nodefix-chains@.service (.*)$", preset)
    assert {f"{name}.service" for name in instances.split()} == set(words.FIREWALLS)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_each_unit_can_be_switched_off(unit: Path) -> None:
    text = unit.read_text()
    assert f"!/{words.SWITCH}" in values(text, "ConditionPathExists")
    assert f"!{words.SWITCH_ARGUMENT}" in values(text, "ConditionKernelCommandLine")


def test_the_unit_makes_the_folders() -> None:
    (runtime,), (state,) = (
        values(MAIN_UNIT, "RuntimeDirectory"),
        values(MAIN_UNIT, "StateDirectory"),
    )
    assert (f"run/{runtime}", f"var/lib/{state}") == (words.FOLDER, words.STATE)


def test_a_degraded_run_is_a_success_for_the_unit() -> None:
    assert values(MAIN_UNIT, "SuccessExitStatus") == [str(words.EXIT_DEGRADED)]


@pytest.mark.parametrize("word", [*words.STAGE_NAMES, *SETTINGS, *words.MODES])
def test_readme_and_the_settings_file_have_each_word(word: str) -> None:
    assert re.search(rf"\b{word}\b", README)
    assert re.search(rf"\b{word}\b", (TOP / "packaging/nodefix.yaml").read_text())


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "tests/README.md", "tests/PROOF.md"]
)
def test_files_that_a_page_names_are_there(name: str) -> None:
    page = TOP / name
    paths = re.findall(
        r"`(?:nodefix/)?([a-z_]+/[\w*./-]+\.(?:py|service|yaml|sh|md))", page.read_text()
    )
    roots = (TOP, page.parent, TOP / "nodefix")
    # NAME and KIND stand for whatever is added.
    named = [path for path in paths if not {"NAME", "KIND"} & {*re.findall("[A-Z]+", path)}]
    missing = [path for path in named if not any(list(root.glob(path)) for root in roots)]
    assert missing == []


@pytest.mark.parametrize("command", COMMANDS)
def test_readme_has_each_command(command: str) -> None:
    assert f"nodefix {command}" in README
