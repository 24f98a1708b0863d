"""A node's root folder: cheap to make, cheap to copy, gone afterwards."""

import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from testnode.command import Failed, Result, run
from testnode.store import DATA, scratch

System = Literal["el10", "debian"]

# Nothing here tells about nodefix, and each costs time at every boot.
_MASKED = (
    "console-getty.service",
    "dpkg-db-backup.timer",
    "getty.target",
    "systemd-logind.service",
    "systemd-tmpfiles-clean.timer",
    "systemd-update-utmp-runlevel.service",
    "systemd-update-utmp.service",
)


class Root:
    """A root folder at `path`, on this machine; remove() is optional, the end does it too."""

    def __init__(self, below: tuple[Path, ...], merged: Path) -> None:
        """Stack a writable layer on the folders `below` (uppermost first), which `merged` shows."""
        self.scratch, self.remove = scratch("node")
        self.path = self.scratch / "root"
        self.path.mkdir()
        self._frozen = False
        # None where no overlay can be had: then a copy.
        upper = self._overlay(below) if below else None
        self._layers: tuple[Path, ...] = (upper, *below) if upper else ()
        if upper is None:
            run(["cp", "--archive", "--reflink=auto", f"{merged}/.", str(self.path)], timeout=300)

    def _overlay(self, below: tuple[Path, ...]) -> Path | None:
        """Mount an overlay on the root and return its writable layer.

        In most containers that layer must not lie on their own overlay: then it is in memory. See
        "Upper and Lower" in the kernel's Documentation/filesystems/overlayfs.rst.
        """
        memory = self.scratch / "memory"
        for folder in (self.scratch, memory):
            if folder == memory:
                memory.mkdir()
                mount = ["mount", "-t", "tmpfs", "-o", "mode=0755", "testnode", str(memory)]
                if run(mount, check=False).returncode:
                    return None
            upper, work = folder / "upper", folder / "work"
            upper.mkdir()
            work.mkdir()
            options = f"lowerdir={':'.join(map(str, below))},upperdir={upper},workdir={work}"
            mount = ["mount", "-t", "overlay", "-o", options, "testnode", str(self.path)]
            if run(mount, check=False).returncode == 0:
                return upper
        return None

    @classmethod
    def make(cls, image: Path, system: System = "el10") -> "Root":
        """A node on `image` with a stand-in kubelet; "debian" keeps Debian's own os-release."""
        root = cls((image,), image)
        if system == "el10":
            root.write("/usr/lib/os-release", (DATA / "os-release.el10").read_text())
        root.write("/etc/hostname", "node\n")
        root.write("/etc/resolv.conf", "")
        # An empty one would be a first boot, at which systemd applies all presets again.
        root.write("/etc/machine-id", f"{uuid.uuid4().hex}\n")
        root.write("/etc/fstab", "")
        for unit in _MASKED:
            (root.path / "etc/systemd/system" / unit).symlink_to("/dev/null")
        root.write("/usr/bin/kubelet", (DATA / "kubelet").read_text(), 0o755)
        unit = "usr/lib/systemd/system/kubelet.service"
        root.write(f"/{unit}", (DATA / "kubelet.service").read_text())
        wants = root.path / "etc/systemd/system/multi-user.target.wants"
        wants.mkdir(exist_ok=True)
        (wants / "kubelet.service").symlink_to(f"/{unit}")
        return root

    def clone(self) -> "Root":
        """A copy as this root is now, in milliseconds; this one becomes read-only by it."""
        if self._layers and not self._frozen:
            # A layer below an overlay must not change: its behaviour is undefined then.
            run(["mount", "-o", "remount,ro", str(self.path)])
        self._frozen = True
        return Root(self._layers, self.path)

    def writable(self) -> Path:
        """The folder, if it may still be changed; a root that was cloned may not."""
        if self._frozen:
            raise Failed(
                f"{self.path}: this root was cloned and is read-only\n"
                "  expected: a root of its own\n  hint: use clone() and work on the copy"
            )
        return self.path

    def read(self, path: str) -> str:
        """The text of a file, by its absolute path on the node."""
        return self._inside(path).read_text()

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file, by its absolute path on the node, with the folders it needs."""
        self.writable()
        target = self._inside(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)

    def delete(self, path: str) -> None:
        """Delete a file, a link or a whole folder."""
        self.writable()
        target = self.path / path.lstrip("/")
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)

    def run(self, argv: Sequence[str], *, timeout: float = 60, check: bool = True) -> Result:
        """Run a command of the root in it by chroot, without its system being up."""
        self.writable()
        return run(["chroot", str(self.path), *argv], timeout=timeout, check=check)

    def _inside(self, path: str) -> Path:
        # A relative link is followed, one with an absolute target would lead to this machine.
        target = self.path / path.lstrip("/")
        resolved = target.resolve()
        if not resolved.is_relative_to(self.path):
            raise Failed(f"{path}: leads out of the node's root, to {resolved}")
        return resolved
