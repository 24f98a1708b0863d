"""packaging/grafana and packaging/prometheus: they ask for metrics that nodefix writes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from nodefix.around.metrics import OUTCOMES, STAGE_OUTCOMES, metrics
from nodefix.around.run import Ran
from nodefix.cli import COMMANDS
from nodefix.report import Course, Head, StageReport

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
BOARD = json.loads((PACKAGING / "grafana/nodefix.json").read_text())
RULES = yaml.safe_load((PACKAGING / "prometheus/nodefix.rules.yml").read_text())
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
# What Prometheus adds to each sample.
ADDED = {"job", "instance"}


def written() -> dict[str, set[str]]:
    """Each metric's labels."""
    stages = {"swap": StageReport("swap", "required", "changed")}
    text = metrics(Ran(Head("b", "", ""), "", "ready", stages, Course()), 1)
    found: dict[str, set[str]] = {}
    for name, labels in re.findall(r"(?m)^(nodefix_\w+)(?:\{(.*)\})? ", text):
        found[name] = set(re.findall(r'(\w+)="', labels))
    return found


def texts(node: object, key: str) -> Iterator[str]:
    """Each text under this key, however deep."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key and isinstance(value, str):
                yield value
            yield from texts(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value, key)


QUERIES = [*texts(BOARD, "expr"), *texts(BOARD, "definition"), *(rule["expr"] for rule in ALERTS)]


@pytest.mark.parametrize("query", sorted(set(QUERIES)))
def test_a_query_asks_for_what_is_written(query: str) -> None:
    known = {**written(), "node_boot_time_seconds": set()}
    asked = re.findall(r"(node(?:fix)?_\w+)(?:\{(.*?)\})?", query)
    assert asked
    for name, matchers in asked:
        assert name in known
        for label, _, value in re.findall(r'(\w+)(=~?)"(.*?)"', matchers):
            assert label in known[name] | ADDED
            outcomes = STAGE_OUTCOMES if name == "nodefix_stage_outcome" else OUTCOMES
            assert label != "outcome" or set(value.split("|")) <= set(outcomes)
    together = set().union(*(known[name] for name, _ in asked)) | ADDED
    for labels in re.findall(r"\bby \((.*?)\)", query):
        assert set(labels.split(", ")) <= together
    assert query.count("(") == query.count(")")


def test_all_that_is_written_is_shown() -> None:
    assert set(written()) <= set(re.findall(r"nodefix_\w+", " ".join(texts(BOARD, "expr"))))


def test_legends_and_annotations_have_labels_that_are_there() -> None:
    for panel in BOARD["panels"]:
        for target in panel["targets"]:
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                grouped = re.search(r"\bby \((.*?)\)", target["expr"])
                assert label in (grouped[1].split(", ") if grouped else ADDED)
    for rule in ALERTS:
        (name,) = set(re.findall(r"nodefix_\w+", rule["expr"]))
        for label in re.findall(r"\$labels\.(\w+)", str(rule["annotations"])):
            assert label in written()[name] | ADDED


def test_the_board_can_be_imported() -> None:
    panels = BOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells
    names = {one["name"] for one in BOARD["templating"]["list"]}
    assert set(re.findall(r"\$\{?([a-z]\w*)", json.dumps(panels))) == names
    # No data source of somebody's own Grafana.
    assert set(texts(BOARD, "uid")) == {"nodefix", "${datasource}"}


def test_an_alert_names_the_command_that_tells_more() -> None:
    for rule in ALERTS:
        (command,) = re.findall(
            r"On the node, nodefix (\w+) says", rule["annotations"]["description"]
        )
        assert command in COMMANDS
        assert rule["labels"]["severity"] in ("critical", "warning")
    assert [rule["for"] for rule in ALERTS if rule["alert"] == "NodefixKubeletHeld"] == ["5m"]
