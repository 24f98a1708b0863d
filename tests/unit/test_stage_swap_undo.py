"""nodefix/stages/swap.py: what stood there is on disk before a lasting change is made."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from fakehost import Node, planned, result
from swaps import turn_on, unit

from nodefix.config import Config
from nodefix.converge import run_stage
from nodefix.errors import BusError
from nodefix.plan import Undo
from nodefix.report import StageReport
from nodefix.stages import swap
from nodefix.undo import BEGUN, MADE, Entry, UndoLog, content_of

UNITS = "/etc/systemd/system"
WANTS = f"{UNITS}/multi-user.target.wants"
FSTAB = b"/dev/vda1 / ext4\n/swap\xff none swap sw\r\n/dev/vda3 none swap\n"


def run(node: Node) -> StageReport:
    return run_stage(swap, node.host, Config())


def entries(node: Node) -> list[tuple[str, str, Undo]]:
    """Target, state and undo of each entry that is on disk, the oldest first."""
    found = [one for one in UndoLog(node.root).entries() if isinstance(one, Entry)]
    return [(one.target, one.state, one.undo) for one in reversed(found)]


def seen_at(
    node: Node, monkeypatch: pytest.MonkeyPatch, where: object, name: str
) -> list[list[tuple[str, str, Undo]]]:
    """What is on disk whenever something is called."""
    seen = []
    real: Callable[..., object] = getattr(where, name)

    def look(*arguments: object, **named: object) -> object:
        seen.append(entries(node))
        return real(*arguments, **named)

    monkeypatch.setattr(where, name, look)
    return seen


@pytest.fixture
def fstab(node: Node) -> Node:
    """A node with entries in fstab, and no swap on."""
    turn_on(node)
    node.file("/etc/fstab", FSTAB)
    return node


@pytest.fixture
def generated(node: Node) -> Node:
    """A node with a unit of a generator's."""
    turn_on(node)
    unit(node, "dev-vda2.swap", "/dev/vda2", active_state="inactive")
    return node


@pytest.fixture
def admins(node: Node) -> Node:
    """A node with a unit of the admin's that a target wants."""
    turn_on(node)
    node.file(f"{UNITS}/own.swap", "[Swap]\nWhat=/own\n")
    node.link(f"{WANTS}/own.swap", "../own.swap").parent.chmod(0o755)
    unit(node, "own.swap", "/own", fragment_path=f"{UNITS}/own.swap", active_state="inactive")
    return node


def test_fstab_is_on_disk_before_it_is_written(
    fstab: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = seen_at(fstab, monkeypatch, swap, "comment_out")
    assert run(fstab).outcome == "changed"
    ((target, state, undo),) = seen[0]
    assert (target, state, undo.kind) == ("/etc/fstab", BEGUN, "fstab")
    assert [one[1] for one in entries(fstab)] == [MADE]


def test_fstab_can_be_put_back_byte_by_byte(fstab: Node) -> None:
    run(fstab)
    ((_, _, undo),) = entries(fstab)
    place = fstab.host.path("/etc/fstab")
    lines = place.read_bytes().split(b"\n")
    for number in undo.was:
        assert lines[int(number) - 1] == content_of(undo.became, number)
        lines[int(number) - 1] = content_of(undo.was, number)
    assert b"\n".join(lines) == FSTAB


def test_mask_is_on_disk_before_it_is_made(
    generated: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = seen_at(generated, monkeypatch, generated.systemd, "mask_unit")
    assert run(generated).outcome == "changed"
    path = f"{UNITS}/dev-vda2.swap"
    undo = Undo("unit-masked", {path: None}, {path: {"link": "/dev/null"}})
    assert seen == [[("unit dev-vda2.swap", BEGUN, undo)]]
    assert entries(generated) == [("unit dev-vda2.swap", MADE, undo)]


def test_mask_whose_place_is_taken_by_a_link(generated: Node) -> None:
    path = f"{UNITS}/dev-vda2.swap"
    owner = generated.link(path, "/opt/dev-vda2.swap").lstat()
    generated.systemd.failing["mask_unit"] = BusError("File exists")
    assert run(generated).outcome == "failed"
    ((_, state, undo),) = entries(generated)
    was = {"link": "/opt/dev-vda2.swap", "owner": [owner.st_uid, owner.st_gid]}
    assert (state, undo.was) == (BEGUN, {path: was})


def test_disabled_units_links_are_on_disk_before_they_go(
    admins: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = seen_at(admins, monkeypatch, admins.systemd, "disable_unit")
    status = admins.host.path(f"{WANTS}/own.swap").lstat()
    owner = [status.st_uid, status.st_gid]
    assert run(admins).outcome == "changed"
    was = {
        WANTS: {"folder": "0755", "owner": owner},
        f"{WANTS}/own.swap": {"link": "../own.swap", "owner": owner},
    }
    undo = Undo("unit-disabled", was, {WANTS: None, f"{WANTS}/own.swap": None})
    assert seen == [[("unit own.swap", BEGUN, undo)]]
    assert entries(admins) == [("unit own.swap", MADE, undo)]


@pytest.mark.parametrize("method", ["mask_unit", "disable_unit"])
def test_what_was_refused_stays_begun(request: pytest.FixtureRequest, method: str) -> None:
    node: Node = request.getfixturevalue("generated" if method == "mask_unit" else "admins")
    node.systemd.failing[method] = BusError("refused", "busctl")
    (problem,) = run(node).problems
    assert (problem.code, problem.hint) == ("swap-unit", "busctl")
    assert [one[1] for one in entries(node)] == [BEGUN]


def test_fstab_that_cannot_be_written_stays_begun(
    fstab: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr("nodefix.stages.swap_fstab.write_atomic", refuse)
    (problem,) = run(fstab).problems
    assert (problem.code, problem.hint[:20]) == ("swap-fstab", "lsattr -d /etc/fstab")
    assert [one[1] for one in entries(fstab)] == [BEGUN]


@pytest.mark.parametrize("name", ["fstab", "generated", "admins"])
def test_what_cannot_be_written_down_is_not_changed(
    request: pytest.FixtureRequest, name: str
) -> None:
    node: Node = request.getfixturevalue(name)
    node.file("/var/lib/nodefix", "a file")
    before = node.snapshot()
    (problem,) = run(node).problems
    assert node.snapshot() == before
    assert node.systemd.done == []
    assert "is left unchanged, because its present state cannot be saved" in problem.message
    assert problem.hint.startswith("df -h /var/lib")


def test_links_that_cannot_be_read_leave_the_unit_alone(
    admins: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def refuse(path: os.PathLike[str]) -> object:
        if os.fspath(path).endswith("system"):
            raise OSError(5, "Input/output error", os.fspath(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    report = run(admins)
    assert report.outcome == "degraded"
    (problem,) = report.problems
    assert (problem.code, problem.required) == ("swap-unread", False)
    assert "Input/output error" in problem.message
    assert admins.systemd.done == []


def test_what_ends_with_the_boot_is_not_written_down(node: Node) -> None:
    turn_on(node, "/dev/vda2")
    assert [change.undo for change in planned(swap, node).changes] == [None]
    assert run(node).outcome == "changed"
    assert entries(node) == []


def test_remedy_of_zram_that_keeps_its_memory_reaches_the_reader(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn_on(node, "/dev/zram0")
    node.file("/sys/block/zram0/disksize", "1037041664\n")
    node.host.path("/sys/block/zram0/reset").mkdir()
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    report = run(node)
    assert report.outcome == "changed"
    assert report.notes == (
        "swap /dev/zram0: /dev/zram0 is off, but its memory is not freed: Is a directory;"
        " fix: zramctl --reset /dev/zram0",
    )


def test_remedy_of_swapoff_reaches_the_reader(node: Node) -> None:
    turn_on(node, "/dev/vda2")
    node.systemd.failing["swap_units"] = BusError("no bus", "a hint")
    node.programs.table[("/usr/sbin/swapoff",)] = result(4, stderr="Cannot allocate memory")
    problems = {one.code: one for one in run(node).problems}
    assert problems["swap-on"].hint == "systemctl reboot"
    assert "Cannot allocate memory" in problems["swap-on"].message
    assert problems["swap-unread"].hint == "a hint"


def test_remedy_of_a_reload_reaches_the_reader(generated: Node) -> None:
    generated.systemd.failing["reload"] = BusError("no answer")
    assert run(generated).notes == (
        "unit dev-vda2.swap: dev-vda2.swap is masked, but systemd has not reloaded its units: no"
        " answer; fix: systemctl daemon-reload",
    )


@pytest.mark.parametrize(
    ("fixture", "name", "expected"),
    [
        ("admins", "own.swap", "RUN systemctl disable own.swap"),
        ("generated", "dev-zram0.swap", "RUN systemctl mask dev-zram0.swap"),
        ("generated", "dev-vda2.swap", "is this machine's own"),
        ("fstab", "/etc/fstab", "is this machine's own"),
    ],
)
def test_an_image_is_told_what_it_should_carry(
    request: pytest.FixtureRequest, fixture: str, name: str, expected: str
) -> None:
    node: Node = request.getfixturevalue(fixture)
    if name == "dev-zram0.swap":
        unit(node, name, "/dev/zram0", active_state="inactive")
    node.file("/run/ostree-booted")
    (note,) = (note for note in run(node).notes if name in note)
    assert expected in note
