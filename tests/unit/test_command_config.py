"""nodefix/commands/config.py: show the settings, check a file, print the schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from commandline import below_root, status
from fakehost import Node
from proxysigns import LEARNED, learned

from nodefix.commands import config
from nodefix.schema import schema

__all__ = ["below_root"]

MAIN = "/etc/nodefix/nodefix.yaml"

pytestmark = pytest.mark.usefixtures("below_root", "on_host")


@pytest.fixture
def on_host(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for kube-proxy's mode on a made-up node."""
    monkeypatch.setattr(config, "open_host", lambda root: node.host)


def test_show_tells_what_auto_stands_for(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    node.file(LEARNED, learned())
    node.file("/etc/rancher/k3s/config.yaml", "a: [\n")
    assert status("config", "show") == 0
    (line,) = (one for one in capsys.readouterr().out.splitlines() if "kube_proxy:" in one)
    value, origin = line.split(" # ")
    assert value.split() == ["kube_proxy:", "auto"]
    assert origin.startswith(f"default; kube-proxy's mode: nftables, from {LEARNED}, learned 2026-")
    assert "is not known: /etc/rancher/k3s/config.yaml: is not valid YAML" in origin
    assert status("config", "show", "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)["kube_proxy"]
    assert (found["value"], found["found"], len(found["doubts"])) == ("auto", "nftables", 1)
    node.file(MAIN, "kube_proxy: none\n")
    assert status("config", "show", "--format", "json") == 0
    assert "found" not in json.loads(capsys.readouterr().out)["kube_proxy"]


def test_show_names_value_and_origin(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    file = node.file(MAIN, "swap: keep\nextra_modules: [ip_vs]\nstages: {swap: wanted}\n")
    assert status("config", "show") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["swap:", "keep", "#", str(file)] in lines
    assert ["stages.swap:", "wanted", "#", str(file)] in lines
    assert ["extra_modules:", "[ip_vs]", "#", str(file)] in lines
    assert ["optional_modules:", "[br_netfilter,", "overlay]", "#", "default"] in lines


def test_what_is_shown_is_valid_yaml_with_the_values(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    node.file(MAIN, "swap_margin_mib: 7\n")
    status("config", "show")
    shown = yaml.safe_load(capsys.readouterr().out)
    assert shown["swap_margin_mib"] == 7
    assert shown["extra_modules"] == []


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_show_for_programs(
    node: Node, form: str, read: object, capsys: pytest.CaptureFixture[str]
) -> None:
    file = node.file(MAIN, "swap: keep\n")
    assert status("config", "show", "--format", form) == 0
    assert callable(read)
    found = read(capsys.readouterr().out)
    assert found["swap"] == {"value": "keep", "default": "auto", "origin": str(file)}
    assert found["stages.chains"] == {
        "value": "required",
        "default": "required",
        "origin": "default",
    }


@pytest.mark.parametrize("action", ["show", "check"])
def test_settings_that_are_not_valid(
    node: Node, action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = node.file(MAIN, "scpoe: auto\nscope: 3\n")
    assert status("config", action) == 64
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith(f"{file}: unknown key 'scpoe' (did you mean scope?)")
    assert told[1].startswith(f"{file}: scope: found 3")
    assert told[-1] == "  correct the lines above, then: nodefix config check"


def test_check_names_what_was_read_and_what_was_not(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status("config", "check") == 0
    assert "no file, so all settings are at their defaults" in capsys.readouterr().out
    file = node.file(MAIN, "swap: keep\n")
    node.file(f"{MAIN}.d/10.conf", "swap: off\n")
    assert status("config", "check") == 0
    printed = capsys.readouterr()
    assert printed.out == f"valid: {file}\n"
    assert "10.conf: ignored, expected a name that ends in .yaml or .yml" in printed.err


def test_check_of_a_draft_that_anybody_owns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draft = tmp_path / "my draft"
    draft.write_text("swap: keep\n")
    draft.chmod(0o666)
    assert status("config", "check", str(draft)) == 0
    draft.write_text("swap: kep\n")
    assert status("config", "check", str(draft)) == 64
    told = capsys.readouterr().err
    assert f"{draft}: swap: found 'kep', expected one of: auto, off, keep" in told
    assert told.endswith(f"nodefix config check '{draft}'\n")
    assert status("config", "check", "") == 64  # a shell's variable that is not set
    assert status("config", "check", str(tmp_path / "none")) == 64
    assert "cannot be read: No such file or directory" in capsys.readouterr().err


def test_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("config", "schema") == 0
    assert json.loads(capsys.readouterr().out) == schema()


def test_without_an_action_usage_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("config") == 64
    assert "usage: nodefix config" in capsys.readouterr().err
