"""A node in a container with a real systemd, journald and system bus, booted in under a second."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from testnode.cgroup import own_group
from testnode.command import Failed, Result, need, run, start
from testnode.machine import Machine
from testnode.tree import Root
from testnode.undo import later

_SETTLED = ("running", "degraded", "maintenance")
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}


class Nspawn(Machine):
    """A container of systemd-nspawn; it owns `root` and deletes it with itself.

    Of its own: mounts, processes, host name, and a network namespace with nothing but lo, so that
    packet filter and chains are the node's. Shared with this machine: the kernel with its modules,
    /proc/swaps, /proc/meminfo, the clock. It cannot load modules, nor turn swap on or off.

    Per boot it gets a new network namespace (the chains are gone), a new tmpfs on /run and /tmp,
    and a new boot id: systemd-nspawn binds a random one over /proc/sys/kernel/random/boot_id, which
    is what journald reads too, so `journalctl -b -1` is the boot before. Monotonic times go on
    counting from this machine's start. /proc/cmdline is this machine's; systemd in a container
    takes its own arguments for it instead, which are what boot(arguments=) gives.
    """

    def __init__(self, root: Root, *, options: Sequence[str] = ()) -> None:
        """`options` are further ones for systemd-nspawn, such as --bind-ro=FILE:/srv/FILE."""
        self.root = root
        self.console = root.scratch / "console.log"
        self._options = tuple(options)
        self._process: subprocess.Popen[bytes] | None = None
        self._leader = 0
        self._in_group, self._remove_group = own_group(f"testnode-{root.scratch.name}")
        self._close = later(self._take_down)

    def boot(self, *, arguments: Sequence[str] = (), timeout: float = 60) -> str:
        """See Machine."""
        need("systemd-container", "util-linux")
        self._expect(running=False)
        end = time.monotonic() + timeout
        argv = self._command(arguments)
        with self.console.open("ab") as console:
            # Its systemd-nspawn then shuts the node down. Bound to the main thread alone: a node
            # may outlive any other.
            in_main = threading.current_thread() is threading.main_thread()
            bound_by = "TERM" if in_main else None
            self._process = start(argv, output=console, bound_by=bound_by)
        self._leader = self._find_leader(end)
        while (left := end - time.monotonic()) > 0:
            # Too early it says "offline", or that there is no bus: ask again.
            argv = ["systemctl", "is-system-running", "--wait"]
            try:
                state = self.run(argv, timeout=left, check=False).stdout.strip()
            except Failed:
                break
            if state in _SETTLED:
                return state
            time.sleep(0.02)
        jobs = self.run(["systemctl", "list-jobs", "--no-pager"], timeout=10, check=False)
        raise Failed(
            f"the node did not finish booting within {timeout:g} s; jobs still there:\n"
            f"{jobs.output}\nconsole: {self._console_tail()}"
        )

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float = 60,
        input: str | None = None,
        check: bool = True,
        env: dict[str, str] | None = None,
    ) -> Result:
        """See Machine."""
        return run([*self.enter(env or {}), *argv], timeout=timeout, input=input, check=check)

    def shell(self) -> None:
        """Give this program's terminal a prompt on the booted node, until that shell ends."""
        terminal = {"TERM": os.environ.get("TERM", "dumb")}
        # script(1) makes a terminal in the node, without which a shell has no job control.
        prompt = ["script", "--quiet", "--command", "cd && exec bash --login", "/dev/null"]
        subprocess.run([*self.enter(terminal), *prompt], check=False)

    def enter(self, env: dict[str, str]) -> list[str]:
        """What a command is to be started with that runs as root on the booted node."""
        self._expect(running=True)
        clean = [f"{key}={value}" for key, value in {**_ENVIRONMENT, **env}.items()]
        # An nsenter that outlives this program would keep the node from shutting down.
        enter = ["setpriv", "--pdeathsig", "KILL", "nsenter", "--target", str(self._leader)]
        return [*enter, "--all", "env", "--ignore-environment", *clean]

    def poweroff(self, *, timeout: float = 60) -> None:
        """See Machine."""
        self._expect(running=True)
        assert self._process is not None
        # SIGRTMIN+4 is poweroff.target by systemd's own signals; it needs no bus.
        os.kill(self._leader, signal.SIGRTMIN + 4)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed(
                f"the node was still up {timeout:g} s after poweroff: {self._console_tail()}"
            ) from None
        self._process = None

    def close(self) -> None:
        """See Machine."""
        self._close()

    def _command(self, arguments: Sequence[str]) -> list[str]:
        # One tree of control groups, as a machine has it: left to itself systemd-nspawn gives what
        # this machine has, and systemd 258 does not start in the old ones.
        argv = [
            *self._in_group,
            "env",
            "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1",
            "systemd-nspawn",
            "--quiet",
        ]
        argv += ["--register=no", "--private-network", "--boot"]
        argv += ["--console=pipe", "--link-journal=no", "--resolv-conf=off", "--timezone=off"]
        argv += [f"--directory={self.root.writable()}", "--hostname=node", *self._options]
        if not Path("/run/systemd/system").exists():
            argv.append("--keep-unit")  # no systemd here that could make a scope for it
        return [*argv, *arguments]

    def _find_leader(self, end: float) -> int:
        """The container's systemd, once it is the program that runs there."""
        assert self._process is not None
        ours = Path("/proc/self/ns/pid").readlink()
        while time.monotonic() < end:
            if self._process.poll() is not None:
                code = self._process.returncode
                self._process = None
                raise Failed(f"systemd-nspawn ended with {code}: {self._console_tail()}")
            for pid in _children(self._process.pid):
                try:
                    is_systemd = Path(f"/proc/{pid}/comm").read_text().strip() == "systemd"
                    if is_systemd and Path(f"/proc/{pid}/ns/pid").readlink() != ours:
                        return pid
                except OSError:
                    continue  # it ended meanwhile
            time.sleep(0.01)
        raise Failed(f"no systemd came up in the container: {self._console_tail()}")

    def _expect(self, *, running: bool) -> None:
        if self._process is not None and self._process.poll() is not None:
            self._process = None
        if (self._process is not None) != running:
            raise Failed(
                f"{self.root.path}: the node is {'down' if running else 'already up'}\n"
                f"  hint: {'boot()' if running else 'poweroff()'} comes first\n"
                f"  console: {self._console_tail()}"
            )

    def _console_tail(self) -> str:
        lines = []
        if self.console.exists():
            lines = self.console.read_text(errors="replace").splitlines()
        return f"{self.console}" + "".join(f"\n  | {line}" for line in lines[-15:])

    def _take_down(self) -> None:
        if self._process is not None and self._process.poll() is None:
            # Its systemd first: systemd-nspawn then ends by itself and tidies up behind it.
            for pid in _children(self._process.pid):
                os.kill(pid, signal.SIGKILL)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None
        self._remove_group()
        self.root.remove()


def _children(pid: int) -> list[int]:
    """The processes whose parent is `pid`."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if int(after_name[1]) == pid:
            found.append(int(stat.parent.name))
    return found
