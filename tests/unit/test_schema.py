"""nodefix/schema.py: what the schema calls valid the loader takes, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from nodefix.config import Config, checked
from nodefix.schema import default, schema
from nodefix.settings import KEYS
from nodefix.words import MODES, STAGE_NAMES

jsonschema = pytest.importorskip("jsonschema")

TOP = Path(__file__).resolve().parents[2]

VALUES = (
    "auto",
    "force",
    "off",
    "keep",
    "iptables",
    "nftables",
    "none",
    "nonsense",
    "",
    None,
    True,
    False,
    0,
    256,
    -1,
    1.5,
    [],
    ["ip_vs", "xt-dashed"],
    ["a b"],
    [5],
    "ip_vs",
    {},
    {"swap": "skip"},
    {"swap": "off"},
    {"swop": "skip"},
    {"swap": None},
    *({name: mode for name in STAGE_NAMES} for mode in MODES),
)


@pytest.mark.parametrize("key", [*KEYS, "nonsense", "chains"])
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_schema_and_loader_agree(key: str, value: object) -> None:
    problems: list[str] = []
    checked(Path("x"), yaml.safe_dump({key: value}).encode(), problems)
    valid = jsonschema.Draft202012Validator(schema()).is_valid({key: value})
    assert valid == (not problems), problems


@pytest.mark.parametrize("content", ["", "# nothing\n", "- a\n", "word\n"])
def test_what_is_no_mapping(content: str) -> None:
    problems: list[str] = []
    checked(Path("x"), content.encode(), problems)
    validator = jsonschema.Draft202012Validator(schema())
    assert validator.is_valid(yaml.safe_load(content)) == (not problems)


def test_the_schema_is_one_and_its_defaults_are_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    defaults = {key: default(key) for key in KEYS}
    jsonschema.Draft202012Validator(schema()).validate(defaults)


def test_each_setting_is_an_attribute_of_config() -> None:
    assert {*KEYS} - {"stages"} == {*Config._fields} - {"modes", "ignored"}


def test_it_is_plain_json() -> None:
    assert json.loads(json.dumps(schema())) == schema()
