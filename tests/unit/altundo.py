"""What the tests of the undo of the alternatives stage share: a way there and back."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Mapping

from altstage import plan
from fakehost import Node, settled

from nodefix.converge import run_stage
from nodefix.facts.alternatives_state import read_entry
from nodefix.facts.standing import read_standing
from nodefix.plan import Undo
from nodefix.report import StageReport
from nodefix.shape import Json, JsonObject
from nodefix.stages import alternatives
from nodefix.stages.alternatives_undo import place
from nodefix.undo import Entry, UndoLog, content_of


def run(node: Node) -> StageReport:
    """Run the stage as the engine does."""
    return run_stage(alternatives, node.host, settled())


def tree(node: Node) -> dict[str, tuple[int, bytes]]:
    """The node without nodefix's own folder, and without Debian's log."""
    ours = ("var/lib/nodefix", "var/log/alternatives.log")
    return {path: what for path, what in node.snapshot().items() if not path.startswith(ours)}


def places(found: JsonObject) -> Mapping[str, dict[str, Json]]:
    """What an entry says of each path."""
    listed = found["places"]
    assert isinstance(listed, dict)
    return {path: one for path, one in listed.items() if isinstance(one, dict)}


def as_left(node: Node, undo: Undo) -> bool:
    """Whether everything is as the change left it."""
    for path, expected in places(undo.became).items():
        found = place(read_standing(node.host, path), exact=True)
        assert expected.items() <= found.items(), path
    entry = read_entry(node.host, str(undo.was["state"]))
    registration = {
        "automatic": entry.automatic,
        "link": entry.link,
        "links": entry.links,
        "candidates": {
            path: {"priority": one.priority, "followers": one.followers}
            for path, one in entry.candidates.items()
        },
    }
    return registration == undo.became["registration"]


def put_back(node: Node, undo: Undo) -> None:
    """Put back what an entry says: what was moved, then links and files, then folders."""
    moved = undo.was["moved"]
    assert isinstance(moved, list)
    for pair in reversed(moved):
        assert isinstance(pair, list)
        source, target = (node.host.path(str(path)) for path in pair)
        if source.is_symlink():
            source.unlink()
        target.rename(source)
    for path, was in sorted(places(undo.was).items(), reverse=True):
        spot = node.host.path(path)
        if was["kind"] == "link":
            spot.unlink(missing_ok=True)
            spot.symlink_to(str(was["target"]))
        elif "content" in was:
            spot.write_bytes(content_of(was, "content"))
            spot.chmod(int(str(was["mode"])))
        elif was["kind"] == "absent" and spot.is_dir() and not spot.is_symlink():
            # Not empty while an earlier change has links in it.
            with contextlib.suppress(OSError):
                spot.rmdir()
        elif was["kind"] == "absent":
            spot.unlink(missing_ok=True)


def round_trip(node: Node) -> None:
    """Repair a node, hold each entry against what became of it, and put all of it back."""
    before = tree(node)
    due = plan(node).changes
    assert due
    assert not run(node).problems
    entries = [one for one in UndoLog(node.root).entries() if isinstance(one, Entry)]
    assert [one.undo for one in reversed(entries)] == [change.undo for change in due]
    assert {one.state for one in entries} == {"made"}
    for entry in entries:
        assert as_left(node, entry.undo)
    after = tree(node)
    known = [path.lstrip("/") for entry in entries for path in places(entry.undo.was)]
    # What lies in a folder is moved with it.
    below = tuple(
        f"{path}/"
        for path in known
        if path.endswith(".saved") or (path in before and stat.S_ISDIR(before[path][0]))
    )
    differs = [path for path in before | after if before.get(path) != after.get(path)]
    assert [path for path in differs if path not in known and not path.startswith(below)] == []
    for entry in entries:
        put_back(node, entry.undo)
    assert tree(node) == before
