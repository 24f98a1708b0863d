"""nodefix/picture/boot.py, before.py and bars.py: what a picture shows."""

from __future__ import annotations

from itertools import pairwise

import pytest
from pictured import (
    BEGUN,
    CONTAINER,
    ORIGIN,
    WHY,
    Boot,
    ended,
    repaired,
    stage,
)

from nodefix.host.journald import Entry
from nodefix.host.units import BootTimes
from nodefix.picture import tries
from nodefix.picture.boot import Told, picture
from nodefix.picture.model import KINDS, Panel, Picture, Row
from nodefix.picture.reading import Material
from nodefix.words import KUBELET

TOLD = Told("ready", (KUBELET,))


def drawn(boot: Boot, now: float = 60.0, told: Told = TOLD, **other: object) -> Picture:
    """The picture of a boot, with what holds for each."""
    made = picture(boot.material(now, **other), told)
    for panel in made.panels:
        for row in panel.rows:
            for span in row.spans:
                assert span.kind in KINDS
                assert 0 <= span.begin <= span.end
                assert panel.begin <= span.begin <= panel.end or span.is_open
            for before, after in pairwise(row.spans):
                assert before.end <= after.begin
    return made


def row(panel: Panel, name: str) -> Row:
    """A row by its name."""
    (found,) = [one for one in panel.rows if one.name == name]
    return found


def kinds(found: Row) -> list[str]:
    return [span.kind for span in found.spans]


def test_a_boot_that_was_held_and_repaired() -> None:
    made = drawn(repaired())
    begin, whole = made.panels
    names = ["systemd", "early.service", "nodefix.service", "modules", "chains", KUBELET]
    assert [one.name for one in begin.rows] == names
    # What nodefix did not wait for is not shown.
    assert row(begin, "early.service").spans[0][:2] == pytest.approx((0.1, 0.3))
    assert row(begin, "systemd").spans[0][:2] == (0.0, 1.0)
    assert row(begin, "modules").spans[0].label == "failed, 0.10 s"
    assert kinds(row(begin, KUBELET)) == ["waits", "held"]
    assert kinds(row(whole, "nodefix")) == ["failed", "failed", "ready"]
    assert row(whole, "nodefix").note == "3 runs: 2 failed, 1 ready"
    found = row(whole, KUBELET)
    assert kinds(found) == ["held", "pause", "held", "pause", "starting", "up"]
    assert found.note == "3 starts: 2 held, 1 up"
    assert WHY in found.spans[0].words
    assert (found.spans[-1].is_open, found.spans[-1].end) == (True, 60.0)
    assert made.summary == (
        "nodefix began 1.00 s after the boot · its first run took 0.50 s · 3 runs ·"
        " kubelet held for 20.1 s · kubelet up after 21.7 s"
    )
    assert made.problems == (f"{WHY}\n  fix: dnf install x",)
    assert (made.headline, made.notes) == ("ready", ())
    assert "boot of 2023-11-14T22:13:20Z" in made.title


def test_a_boot_that_went_well_needs_one_panel() -> None:
    boot = Boot()
    boot.run(1.0, BEGUN, stage("modules", "changed"), ended("ready"))
    boot.up(1.5)
    made = drawn(boot)
    assert len(made.panels) == 1
    assert kinds(row(made.panels[0], KUBELET)) == ["waits", "starting", "up"]
    assert (made.problems, made.notes) == ((), ())


def test_repairs_of_later_runs_and_a_restart_of_kube_proxy() -> None:
    boot = repaired()
    boot.said(30.0, BEGUN, pid="9")
    boot.said(30.1, stage("lockfile", "changed"), pid="9")
    boot.said(30.2, stage("chains", "unchanged"), pid="9")
    boot.said(42.0, stage("kube-proxy", "changed", 11_000_000), pid="9")
    boot.said(42.1, ended("ready", 12_100_000), pid="9")
    boot.systemd(50.0, tries.UNIT_STOPPED)
    whole = drawn(boot).panels[1]
    assert [one.name for one in whole.rows] == ["nodefix", "lockfile", "kube-proxy", KUBELET]
    assert row(whole, "kube-proxy").spans[0].label == "changed, 11.0 s"
    assert row(whole, "nodefix").spans[-1].label == "ready, 12.1 s, by hand"


def test_a_kubelet_that_fails_by_itself() -> None:
    boot = repaired()
    boot.systemd(40.0, tries.UNIT_FAILURE_RESULT)
    boot.systemd(50.0, tries.UNIT_STARTING)
    boot.systemd(50.2, tries.UNIT_FAILED)
    found = row(drawn(boot).panels[1], KUBELET)
    assert kinds(found)[4:] == ["starting", "up", "failed", "pause", "failed"]
    assert found.note == "4 starts: 2 held, 2 failed"


def test_a_thousand_tries_are_counted_and_the_first_and_last_are_shown() -> None:
    whole = drawn(repaired(1000), 10_020.0).panels[1]
    bars = {"held", "up", "failed", "ready"}
    for name, what in (("nodefix", "1001 runs: 1000 failed, 1 ready"), (KUBELET, "1001 starts")):
        found = row(whole, name)
        assert found.note.startswith(what)
        assert found.note.endswith("; 941 not shown")
        assert len([kind for kind in kinds(found) if kind in bars]) == 60
        assert kinds(found).count("left out") == 1
    assert "start 962, " in row(whole, KUBELET).spans[-80].words


def test_without_a_run() -> None:
    boot = Boot()
    boot.systemd(0.1, tries.UNIT_STARTING, "early.service")
    boot.systemd(0.3, tries.UNIT_STARTED, "early.service")
    boot.up(0.5)
    made = drawn(boot, told=Told("switched off by /etc/nodefix/disabled", (KUBELET,)))
    assert "no run of nodefix is in the journal of this boot" in made.notes
    assert kinds(row(made.panels[0], KUBELET)) == ["starting", "up"]
    assert "nodefix.service" not in [one.name for one in made.panels[0].rows]


def test_a_kubelet_that_was_never_started() -> None:
    boot = Boot()
    boot.run(1.0, BEGUN, ended("ready"))
    made = drawn(boot)
    assert "kubelet has not been started" in made.summary
    assert kinds(row(made.panels[0], KUBELET)) == ["waits"]


def test_a_run_that_goes_on() -> None:
    boot = Boot()
    boot.systemd(1.0, tries.UNIT_STARTING, "nodefix.service", INVOCATION_ID="i")
    boot.said(1.5, BEGUN, "i")
    boot.said(2.0, stage("swap", "changed"), "i")
    made = drawn(boot, 9.0, TOLD._replace(is_running=True))
    assert "a run of nodefix is going on" in made.notes
    (span,) = row(made.panels[0], "nodefix.service").spans
    assert (span.kind, span.is_open, span.end) == ("running", True, 9.0)
    assert row(made.panels[0], KUBELET).spans[0].is_open


def test_a_run_by_hand_days_after_kubelet_does_not_belong_to_the_boot() -> None:
    boot = Boot()
    boot.systemd(0.1, tries.UNIT_STARTING, "early.service")
    boot.systemd(0.3, tries.UNIT_STARTED, "early.service")
    boot.up(0.5)
    boot.systemd(200_000.0, tries.UNIT_STARTING, "early.service")
    boot.said(260_000.0, BEGUN)
    boot.said(260_000.1, stage("swap", "changed"))
    boot.said(260_000.2, ended("ready", 200_000))
    begin, whole = drawn(boot, 300_000.0).panels
    assert begin.end < 1
    assert [one.name for one in begin.rows] == ["systemd", "early.service", KUBELET]
    assert [one.name for one in whole.rows] == ["nodefix", "swap", KUBELET]


@pytest.mark.parametrize("other", [(), ("k3s.service",)])
def test_nothing_in_the_journal(other: tuple[str, ...]) -> None:
    made = picture(Material(ORIGIN, 0.0), Told("not started", other))
    assert "the journal has nothing of this boot" in made.notes
    assert [one.name for panel in made.panels for one in panel.rows] == list(other)


def test_what_the_journal_has_lost_is_said() -> None:
    boot = Boot()
    boot.run(5000.0, ended("failed"), fails=True)
    boot.held(5000.5)
    made = drawn(boot, 5010.0)
    # There is nothing to be said of the boot itself.
    (whole,) = made.panels
    assert [one.name for one in whole.rows] == ["nodefix", KUBELET]
    assert made.notes[0] == (
        "the journal begins 1 h 23 min after the boot: what was before is not in it"
    )
    made = drawn(repaired(), waited=None, missing=("systemd could not be asked: no bus",))
    assert made.notes[0] == "systemd could not be asked: no bus"
    assert "as if it had waited for them" in made.notes[-1]
    assert "other.service" in [one.name for one in made.panels[0].rows]


def test_a_machine_begins_with_its_kernel() -> None:
    boot = Boot()
    boot.run(5.0, ended("ready"))
    made = drawn(boot, times=BootTimes(True, 1001.0, 1003.0))
    phases = [(one.name, *one.spans[0][:2]) for one in made.panels[0].rows[:3]]
    assert phases == [
        ("kernel", 0.0, 1001.0),
        ("initrd", 1001.0, 1003.0),
        ("systemd", 1003.0, 1005.0),
    ]


def test_without_systemd_it_begins_with_the_journal() -> None:
    first = Entry(0.0, "b", {}, ORIGIN + 0.1)
    made = drawn(repaired(), times=None, first=first)
    assert made.summary.startswith("nodefix began 0.90 s after the boot")
    assert CONTAINER.userspace == ORIGIN


def test_only_the_longest_units_before_nodefix_are_shown() -> None:
    boot = Boot()
    for number in range(40):
        boot.systemd(number / 10, tries.UNIT_STARTING, f"{number}.service")
        boot.systemd(number / 10 + 0.01 * number, tries.UNIT_STARTED, f"{number}.service")
    boot.run(5.0, ended("ready"))
    made = drawn(boot, waited=frozenset(f"{number}.service" for number in range(40)))
    names = [one.name for one in made.panels[0].rows if one.is_inner]
    assert names == [f"{number}.service" for number in range(30, 40)]
    assert "30 more units are not shown before nodefix: none took more than 0.29 s" in made.notes
