"""nodefix/config.py: YAML to Config, every problem at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakehost import Node
from settings import DROP_INS, MAIN, problem, problems

from nodefix.config import Config, load
from nodefix.settings import KEYS, SCOPES, SETTINGS
from nodefix.shape import JsonObject, items
from nodefix.words import MODES, STAGE_NAMES

TOP = Path(__file__).resolve().parents[2]


def test_no_file_gives_the_defaults(node: Node) -> None:
    assert load(node.root) == Config("auto", dict.fromkeys(STAGE_NAMES, "required"))


@pytest.mark.parametrize("content", ["", "---\n", "stages:\n", "{}", "\ufeffscope: auto\n"])
def test_files_without_a_setting_give_the_defaults(node: Node, content: str) -> None:
    node.file(MAIN, content)
    assert load(node.root) == Config()


@pytest.mark.parametrize("scope", SCOPES)
def test_scope(node: Node, scope: str) -> None:
    node.file(MAIN, f"scope: {scope}\n")
    assert load(node.root).scope == scope


@pytest.mark.parametrize("stage", STAGE_NAMES)
@pytest.mark.parametrize("mode", MODES)
def test_each_stage_takes_each_mode_and_leaves_the_others(
    node: Node, stage: str, mode: str
) -> None:
    node.file(MAIN, f"stages: {{{stage}: '{mode}'}}\n")
    assert load(node.root).modes == {**Config().modes, stage: mode}


@pytest.mark.parametrize("word", ["off", "Off", "OFF", "'off'"])
def test_bare_off_means_off_though_yaml_reads_false(node: Node, word: str) -> None:
    node.file(MAIN, f"swap: {word}\n")
    assert load(node.root).swap == "off"


@pytest.mark.parametrize("word", ["off", "Off", "OFF", "'off'"])
def test_a_mode_of_another_name_is_answered_with_the_new_one(node: Node, word: str) -> None:
    assert "stages.swap: the mode `off` is now called `skip`" in problem(
        node, f"stages:\n  swap: {word}\n"
    )


@pytest.mark.parametrize("word", ["off", "iptables", "nonsense"])
def test_a_setting_of_another_name_is_answered_with_the_new_one(node: Node, word: str) -> None:
    assert problem(node, f"chains: {word}\n").endswith(
        "chains: this setting is now called kube_proxy (auto, iptables, nftables, ipvs or none)"
    )


def _enum(schema: JsonObject) -> list[str]:
    return [word for word in items(schema.get("enum", [])) if isinstance(word, str)]


WORDS = [
    *((f"{key}: {{}}", word) for key, row in SETTINGS.items() for word in _enum(row.schema)),
    *((f"stages: {{{{{name}: {{}}}}}}", mode) for name in STAGE_NAMES for mode in MODES),
]
# Each of which takes words.
PLACES = [
    *(f"{key}: {{}}" for key in KEYS if not key.endswith(("_modules", "stages"))),
    *(f"{key}: [{{}}]" for key in KEYS if key.endswith("_modules")),
    "stages: {{chains: {}}}",
]


@pytest.mark.parametrize(("place", "word"), WORDS)
def test_each_word_means_itself_without_quotes_too(node: Node, place: str, word: str) -> None:
    node.file(MAIN, place.format(f"'{word}'") + "\n")
    quoted = load(node.root)
    node.file(MAIN, place.format(word) + "\n")
    assert load(node.root) == quoted


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("word", ["on", "off", "yes", "no", "true", "false", "On", "OFF", "No"])
def test_a_word_that_yaml_reads_as_another_is_told_as_both(
    node: Node, place: str, word: str
) -> None:
    node.file(MAIN, place.format(word) + "\n")
    if place == "swap: {}" and word.lower() in ("off", "no", "false"):
        assert load(node.root).swap == "off"
        return
    found = problem(node, place.format(word) + "\n")
    read = "true" if word.lower() in ("on", "yes", "true") else "false"
    if "is now called `skip`" not in found:
        assert f"found {read} (so YAML reads " in found
        assert word.lower() in found


def test_a_key_that_yaml_reads_as_another_word(node: Node) -> None:
    found = problem(node, "on: auto\n")
    assert "unknown key true (so YAML reads on, yes and true without quotes)" in found


@pytest.mark.parametrize("word", ["auto", "off", "keep"])
def test_swap(node: Node, word: str) -> None:
    node.file(MAIN, f"swap: {word}\n")
    assert load(node.root).swap == word


@pytest.mark.parametrize("word", ["auto", "iptables", "nftables", "ipvs", "none"])
def test_kube_proxy(node: Node, word: str) -> None:
    node.file(MAIN, f"kube_proxy: {word}\n")
    assert load(node.root).kube_proxy == word


@pytest.mark.parametrize("key", ["extra_modules", "optional_modules"])
def test_modules(node: Node, key: str) -> None:
    assert load(node.root).optional_modules == ("br_netfilter", "overlay")
    node.file(MAIN, f"{key}: [ip_vs, xt-dashed]\n")
    assert getattr(load(node.root), key) == ("ip_vs", "xt_dashed")
    node.file(f"{DROP_INS}/10.yaml", f"{key}:\n")
    assert getattr(load(node.root), key) == ()


@pytest.mark.parametrize(
    "value", ["ip_vs", "[5]", "[-f]", "['a b']", "[../x]", "[[a]]", "{a: b}", "['']"]
)
def test_modules_of_the_wrong_kind(node: Node, value: str) -> None:
    assert "extra_modules: found" in problem(node, f"extra_modules: {value}\n")


@pytest.mark.parametrize("number", [0, 1, 4096])
def test_swap_margin(node: Node, number: int) -> None:
    node.file(MAIN, f"swap_margin_mib: {number}\n")
    assert load(node.root).swap_margin_mib == number


@pytest.mark.parametrize(
    "value",
    [
        "-1",
        "1.5",
        "yes",
        "'256'",
        "[1]",
        "256 MiB",
        "1073741825",
        pytest.param(f"0x{'f' * 5000}", id="huge"),
    ],
)
def test_swap_margin_of_the_wrong_kind(node: Node, value: str) -> None:
    found = problem(node, f"swap_margin_mib: {value}\n")
    assert "swap_margin_mib: found" in found
    assert found.endswith("expected a whole number from 0 to 1073741824")


def test_drop_ins_win_by_name_setting_by_setting(node: Node) -> None:
    node.file(MAIN, "scope: force\nstages: {swap: wanted, chains: wanted}\n")
    node.file(f"{DROP_INS}/20-b.yaml", "stages: {swap: skip}\n")
    node.file(f"{DROP_INS}/10-a.yaml", "stages: {swap: required, modules: skip}\n")
    node.file(f"{DROP_INS}/30-c.yaml.rpmsave", "scope: nonsense\n")
    config = load(node.root)
    assert config.scope == "force"
    assert config.modes == {
        **Config().modes,
        "swap": "skip",
        "chains": "wanted",
        "modules": "skip",
    }


def test_every_problem_of_every_file_at_once(node: Node) -> None:
    node.file(MAIN, "scpoe: auto\nscope: 3\nstages: {swap: maybe, swop: skip, 7: skip}\n")
    node.file(f"{DROP_INS}/10.yaml", "- a list\n")
    node.file(f"{DROP_INS}/20.yaml", "stages: [swap]\n")
    node.file(f"{DROP_INS}/30.yaml", "a: [\n")
    main, drop = f"{node.root}{MAIN}", f"{node.root}{DROP_INS}"
    modes = "required, wanted, skip"
    found = problems(node)
    assert found[:7] == (
        f"{main}: unknown key 'scpoe' (did you mean scope?); expected one of: {', '.join(KEYS)}",
        f"{main}: scope: found 3, expected one of: auto, force",
        f"{main}: stages.swap: found 'maybe', expected one of: {modes}",
        f"{main}: stages: unknown key 'swop' (did you mean swap?); expected one of:"
        f" {', '.join(STAGE_NAMES)}",
        f"{main}: stages: unknown key 7; expected one of: {', '.join(STAGE_NAMES)}",
        f"{drop}/10.yaml: found a list, expected a mapping of settings",
        f"{drop}/20.yaml: stages: found a list, expected a mapping of stage to mode",
    )
    assert found[7].startswith(f"{drop}/30.yaml: is not valid YAML: ")
    assert "line 2" in found[7]
    assert len(found) == 8


@pytest.mark.parametrize(
    ("content", "kind"),
    [("- a", "a list"), ("word", "a string"), ("yes", "true or false"), ("7", "a number")],
)
def test_what_is_no_mapping(node: Node, content: str, kind: str) -> None:
    assert problem(node, content).endswith(f"found {kind}, expected a mapping of settings")


def test_shipped_file_is_comments_that_state_the_defaults(node: Node) -> None:
    shipped = (TOP / "packaging/nodefix.yaml").read_text()
    assert all(line.startswith("#") for line in shipped.splitlines() if line)
    # A remark follows its # with a blank, a setting does not.
    lines = [line[1:] for line in shipped.splitlines()]
    settings = [line for line in lines if line[:1].isalpha() or line.startswith("  ")]
    node.file(MAIN, "\n".join(settings))
    assert load(node.root) == Config()
    keys = {line.split(":")[0] for line in settings if line[0] != " "}
    assert keys == set(KEYS)
    assert [line.split(":")[0].strip() for line in settings if line[0] == " "] == [*STAGE_NAMES]


@pytest.mark.parametrize("number", [0, 120])
def test_spread(node: Node, number: int) -> None:
    node.file(MAIN, f"kube_proxy_restart_spread: {number}\n")
    assert load(node.root).kube_proxy_restart_spread == number


@pytest.mark.parametrize("value", ["-1", "121", "1.5", "true", "'1'"])
def test_spread_that_nobody_waits_for(node: Node, value: str) -> None:
    found = problem(node, f"kube_proxy_restart_spread: {value}\n")
    assert found.endswith("expected a whole number from 0 to 120")
