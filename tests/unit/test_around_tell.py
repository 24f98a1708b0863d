"""nodefix/around/tell.py: what is written, and what becomes of a file that cannot be."""

from __future__ import annotations

import pytest
from fakehost import Node, Recorder
from fakestage import INSIDE, PROBLEM, FakeStage

from nodefix import engine, events
from nodefix.config import Config, metrics_files
from nodefix.facts.system import Scope
from nodefix.plan import Plan
from nodefix.switch import write_switch
from nodefix.text import shortened
from nodefix.words import MARKER, METRICS_PLACE, MOTD, SETTINGS_FILE, STATE_FILE

FOLDER = "var/lib/node_exporter"
METRICS = f"{FOLDER}/nodefix.prom"
BROKEN, WELL = Plan(problems=(PROBLEM,)), Plan()


def run(node: Node, plan: Plan, metrics_file: str = "") -> Recorder:
    journal = Recorder()
    engine.run(
        node.host,
        Config(modes={"swap": "required"}, metrics_file=metrics_file),
        INSIDE,
        journal,  # type: ignore[arg-type]
        stages=[FakeStage("swap", plan)],
    )
    return journal


def notes(journal: Recorder) -> list[str]:
    found = [record for record in journal.records if record.message_id == events.NOTE]
    assert all(record.priority == events.WARNING for record in found)
    return [record.message for record in found]


def test_motd_comes_and_goes(node: Node) -> None:
    path = node.root / MOTD
    assert notes(run(node, WELL)) == []
    assert not path.exists()
    run(node, BROKEN)
    assert path.read_text().startswith("nodefix: kubelet is held since ")
    assert path.stat().st_mode & 0o777 == 0o644
    run(node, WELL)
    assert not path.exists()


def test_metrics_are_written_where_they_are_wanted(node: Node) -> None:
    (node.root / FOLDER).mkdir(parents=True)
    node.file("/var/lib/nodefix/undo/0001.json", "{}")
    run(node, WELL, f"/{METRICS}")
    path = node.root / METRICS
    assert "\nnodefix_ready 1\n" in path.read_text()
    # Not understood is not undone.
    assert "\nnodefix_undo_entries 1\n" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("plan", [WELL, BROKEN])
def test_what_cannot_be_written_is_said_and_holds_nothing(node: Node, plan: Plan) -> None:
    (node.root / MOTD).mkdir(parents=True)
    (node.root / MOTD / "x").touch()
    said = notes(run(node, plan, "/nowhere/nodefix.prom"))
    why = "not written: No such file or directory; see: ls -ldZ /nowhere"
    assert said[1] == f"/nowhere/nodefix.prom: {why}"
    assert said[0].startswith("/run/motd.d/nodefix: not written: ")
    assert (node.root / MARKER).exists() == (plan is WELL)


def test_both_go_where_nodefix_is_switched_off(node: Node) -> None:
    run(node, BROKEN)
    write_switch(node.root, "an upgrade")
    assert not (node.root / MOTD).exists()
    assert not (node.root / STATE_FILE).exists()
    # Nothing to take away is no error.
    write_switch(node.root, "an upgrade")


def test_metrics_go_along_with_the_setting(node: Node) -> None:
    (node.root / FOLDER).mkdir(parents=True)
    run(node, WELL, f"/{METRICS}")
    other = f"{FOLDER}/other.prom"
    assert notes(run(node, WELL, f"/{other}")) == []
    assert (node.root / other).exists()
    assert not (node.root / METRICS).exists()
    for _ in range(2):
        assert notes(run(node, WELL)) == []
        assert not (node.root / other).exists()
        assert not (node.root / METRICS_PLACE).exists()


def test_what_is_no_longer_ours_stays(node: Node) -> None:
    (node.root / FOLDER).mkdir(parents=True)
    run(node, WELL, f"/{METRICS}")
    node.file(f"/{METRICS}", "# HELP another_info x\n")
    assert notes(run(node, WELL)) == []
    assert (node.root / METRICS).exists()
    node.file(f"/{METRICS_PLACE}", "/etc/passwd\n")
    assert notes(run(node, WELL)) == []


@pytest.mark.parametrize("is_link", [False, True])
def test_what_is_not_ours_is_neither_written_nor_taken_away(node: Node, is_link: bool) -> None:
    (node.root / FOLDER).mkdir(parents=True)
    theirs = node.file("/etc/shadow" if is_link else f"/{METRICS}", "theirs\n")
    if is_link:
        # As an exporter could put it into its own folder.
        (node.root / METRICS).symlink_to(theirs)
    (said,) = notes(run(node, WELL, f"/{METRICS}"))
    found, way = "another's file", "name another metrics_file, or: mv --backup=numbered"
    end = f"{way} /{METRICS} /{METRICS}.old"
    if is_link:
        found = f"a link to {shortened(str(theirs), 100)}"
        end = f"let metrics_file name what it leads to, or: rm /{METRICS}"
    expected = "expected no file, or nodefix's own"
    assert said == f"/{METRICS}: not written: found {found}, {expected}; {end}"
    node.file(f"/{SETTINGS_FILE}", f"metrics_file: /{METRICS}\n")
    write_switch(node.root, "an upgrade", metrics_files(node.root))
    assert (node.root / METRICS).is_symlink() == is_link
    assert theirs.read_text() == "theirs\n"


def test_metrics_that_cannot_be_taken_away_are_told(node: Node) -> None:
    (node.root / METRICS).mkdir(parents=True)
    node.file(f"/{METRICS_PLACE}", f"/{METRICS}\n")
    (said,) = notes(run(node, WELL))
    assert said.startswith(f"/{METRICS}: not taken away: ")


def test_a_node_out_of_scope_is_told_as_one(node: Node) -> None:
    (node.root / FOLDER).mkdir(parents=True)
    run(node, BROKEN, f"/{METRICS}")
    journal = Recorder()
    engine.run(
        node.host,
        Config(modes={"swap": "required"}, metrics_file=f"/{METRICS}"),
        Scope(False, "found debian, expected RHEL"),
        journal,  # type: ignore[arg-type]
        stages=[FakeStage("swap", BROKEN)],
    )
    assert not (node.root / MOTD).exists()
    found = (node.root / METRICS).read_text()
    assert '\nnodefix_outcome{outcome="skipped"} 1\n' in found
    assert "\nnodefix_ready 1\n" in found
    state = (node.root / STATE_FILE).read_text().splitlines()
    assert "NODEFIX_OUTCOME=skipped" in state
    assert "NODEFIX_MESSAGE='found debian, expected RHEL'" in state
