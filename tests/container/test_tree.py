"""A node's root is cheap to copy wherever the checkout lies, and goes without a trace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import testnode
from testnode import store


def mounts(below: Path) -> list[str]:
    """What is mounted below a folder."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if line.split()[4].startswith(f"{below}/")]


@pytest.fixture(params=["on a disk", "on an overlay, as in a container"])
def build(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A folder for roots, of each kind."""
    folder = tmp_path / "build"
    folder.mkdir()
    testnode.run(["mount", "-t", "tmpfs", "test", str(folder)])
    try:
        top = folder
        if request.param != "on a disk":
            for name in ("lower", "upper", "work", "top"):
                (folder / name).mkdir()
            top = folder / "top"
            options = f"lowerdir={folder}/lower,upperdir={folder}/upper,workdir={folder}/work"
            testnode.run(["mount", "-t", "overlay", "-o", options, "test", str(top)])
        monkeypatch.setattr(store, "BUILD", top)
        yield top
    finally:
        store.remove_tree(folder)


def test_a_copy_shares_what_it_does_not_change(build: Path) -> None:
    image = build / "image"
    image.mkdir()
    (image / "old").write_text("image")
    before = mounts(build)
    root = testnode.Root((image,), image)
    root.write("/old", "root")
    root.write("/new", "root")
    copy = root.clone()
    copy.write("/old", "copy")
    assert (root.read("/old"), copy.read("/old"), copy.read("/new")) == ("root", "copy", "root")
    assert (image / "old").read_text() == "image"
    # Nothing of it was copied.
    assert [path.name for path in (copy.scratch).rglob("upper/*")] == ["old"]
    root.remove()
    assert copy.read("/new") == "root"
    copy.remove()
    assert mounts(build) == before
    assert list((build / "scratch").glob("node-*")) == []
