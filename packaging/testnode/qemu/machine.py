"""One virtual machine, from its start to its end."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from testnode import Failed
from testnode.qemu import disk as disks
from testnode.qemu import initrd
from testnode.qemu.disk import Base
from testnode.qemu.results import Booted
from testnode.qemu.scenario import Boot, Scenario

MEMORY_MIB = 1024
_RESULTS_BYTES = 64 << 20
_CONSOLE_LINES = 40
# It gets what other machines and the container tier leave of a processor.
_SHARED = 3
_ARGUMENTS = (
    "root=/dev/vda1 rw console=ttyS0 quiet systemd.firstboot=no"
    # A kernel that panics ends the machine.
    " panic=-1"
    # Its clock is QEMU's. How fast the processor's counter is a kernel measures once, as it starts,
    # and on a busy machine it may be wrong by a factor of a hundred: then each deadline is over.
    " tsc=unstable"
    # Time that tests nothing: hardware that is not there, and defences of a machine without users.
    " mitigations=off audit=0 apparmor=0 nokaslr random.trust_cpu=on no_timer_check"
    " cryptomgr.notests 8250.nr_uarts=1 init_on_alloc=0"
)

# Starts QEMU and sees to it that it ends with the tests.
Start = Callable[[list[str]], subprocess.Popen[bytes]]


@dataclass(frozen=True)
class Machine:
    """A scenario's machine: its disk lives as long as the scenario, a process as long as a boot.

    Attributes:
        base: what it is made from.
        scratch: a folder for its disk.
        results: a folder in which consoles and results stay, for people.
    """

    base: Base
    accelerator: str
    scenario: Scenario
    scratch: Path
    results: Path

    def run(self, start: Start) -> list[Booted]:
        """Do all boots, one after the other."""
        disk = self.scratch / "disk.qcow2"
        self._make_disk(start, disk)
        if self.scenario.programs:
            disks.of_files(self.scenario.programs(), self._programs)
        return [self._boot(start, disk, number) for number in range(len(self.scenario.boots))]

    @property
    def _programs(self) -> Path:
        return self.scratch / "programs.img"

    def _make_disk(self, start: Start, disk: Path) -> None:
        """Make the disk, which holds only what differs from the base."""
        argv = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw"]
        status = start([*argv, "-b", str(self.base.disk), str(disk)]).wait(60)
        if status:
            raise Failed(f"{self.scenario.name}: qemu-img ended with {status}, expected 0")

    def _boot(self, start: Start, disk: Path, number: int) -> Booted:
        boot = self.scenario.boots[number]
        folder = self.results / f"boot-{number + 1}"
        folder.mkdir(parents=True)
        results, console = folder / "results.tar", folder / "console.log"
        with results.open("wb") as file:
            file.truncate(_RESULTS_BYTES)
        first = initrd.of_boot(self.scenario, boot, first=number == 0)
        (self.scratch / "initrd").write_bytes(self.base.initrd + first)
        begun, seconds = time.monotonic(), _SHARED * boot.seconds
        process = start(self._command(boot, disk, results, console))
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise self._failed(number, f"did not end within {seconds:g} s", console) from None
        if status:
            raise self._failed(number, f"QEMU ended with {status}, expected 0", console)
        if results.read_bytes()[:512].strip(b"\0") == b"":
            raise self._failed(number, "ended without results", console)
        return Booted(results, time.monotonic() - begun)

    def _command(self, boot: Boot, disk: Path, results: Path, console: Path) -> list[str]:
        argv = ["qemu-system-x86_64", "-accel", self.accelerator, "-cpu", "max", "-smp", "1"]
        argv += ["-m", str(MEMORY_MIB), "-nodefaults", "-display", "none", "-no-reboot"]
        argv += ["-serial", f"file:{console}"]
        argv += ["-kernel", str(self.base.kernel), "-initrd", str(self.scratch / "initrd")]
        argv += ["-append", " ".join((_ARGUMENTS, *boot.arguments))]
        # Nothing outlives the machine but what it wrote before its orderly end.
        drive = "if=none,cache=unsafe,discard=unmap"
        argv += ["-drive", f"file={disk},format=qcow2,id=node,{drive}"]
        argv += ["-device", "virtio-blk-pci,drive=node"]
        argv += ["-drive", f"file={results},format=raw,id=results,{drive}"]
        argv += ["-device", "virtio-blk-pci,drive=results,serial=results"]
        if self.scenario.programs:
            argv += ["-drive", f"file={self._programs},format=raw,id=programs,if=none,readonly=on"]
            argv += ["-device", "virtio-blk-pci,drive=programs"]
        return argv

    def _failed(self, number: int, what: str, console: Path) -> Failed:
        lines = console.read_text(errors="replace").splitlines() if console.exists() else []
        shown = "".join(f"\n  | {line}" for line in lines[-_CONSOLE_LINES:])
        return Failed(
            f"{self.scenario.name}, boot {number + 1}: {what}\n  console: {console}{shown}"
        )
