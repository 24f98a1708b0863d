"""Running commands on this machine: always with a deadline, and with their output at hand."""

import contextlib
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from testnode.undo import later

_TAIL_LINES = 25
_DPKG_SECONDS = 300
_log: Path | None = None


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """Both streams, stdout first."""
        return self.stdout + self.stderr


class Failed(Exception):
    """A command failed, or something that was waited for did not happen."""


def log_to(path: Path) -> None:
    """Append every command, its output and its duration to `path` from now on."""
    global _log
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    _log = path


def run(
    argv: Sequence[str],
    *,
    timeout: float = 60,
    input: str | None = None,
    check: bool = True,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    patience: float = 0,
) -> Result:
    """Run `argv` and wait for it; at the deadline it is killed with all its children.

    `env` is added to this process's environment. With `check`, another exit status than 0 raises.
    What must not be broken off gets `patience` seconds to end by itself before it is killed.
    """
    begun = time.monotonic()
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
        cwd=cwd,
        text=True,
        errors="replace",
        start_new_session=True,  # so that the whole group can be killed
    )
    stdout, stderr = _communicate(process, argv, input, timeout, begun, patience)
    result = Result(tuple(argv), process.returncode, stdout, stderr)
    _record(argv, f"exit {result.returncode}", begun, result.output)
    if check and result.returncode != 0:
        message = f"{shlex.join(argv)}\n  found: exit status {result.returncode}, expected 0"
        raise Failed(message + _tail(result.output))
    return result


def start(
    argv: Sequence[str], *, output: BinaryIO | None = None, bound_by: str | None
) -> subprocess.Popen[bytes]:
    """Start what goes on beside this program, out of reach of a terminal's ^C, without input.

    ^C is for this program, which then takes it down by what was registered with later(). Killed
    outright it takes down nothing: the kernel then sends the signal `bound_by`, which it does when
    the thread ends that started it; None leaves that out.
    """
    bound = ["setpriv", "--pdeathsig", bound_by] if bound_by else []
    return subprocess.Popen(
        [*bound, *argv],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def need(*packages: str, newest: bool = False) -> None:
    """Install those Debian packages that are missing, or not the `newest`; only root can."""
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Package}\n", *packages]
    have = run(query, check=False).stdout.splitlines()
    missing = [name for name in packages if newest or f"installed {name}" not in have]
    if not missing:
        return
    if os.geteuid() != 0:
        raise Failed(
            f"Debian packages are missing: {' '.join(missing)}\n"
            f"  hint: as root: apt-get install {' '.join(missing)}"
        )
    apt = ["apt-get", "--yes", "-o", "DPkg::Lock::Timeout=600"]
    argv = [*apt, "install", "--no-install-recommends", *missing]
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}

    def install(check: bool) -> Result:
        # What dpkg leaves half done a person has to repair.
        return run(argv, timeout=900, env=quiet, check=check, patience=_DPKG_SECONDS)

    # Mostly apt's lists are of today; where not, it says so.
    if not newest and install(check=False).returncode == 0:
        return
    # A repository of somebody else's that does not answer must not keep us from installing.
    run([*apt, "update"], timeout=300, env=quiet, check=False)
    install(check=True)


def _communicate(
    process: subprocess.Popen[str],
    argv: Sequence[str],
    input: str | None,
    timeout: float,
    begun: float,
    patience: float,
) -> tuple[str, str]:
    kill = later(lambda: _kill_group(process, patience))
    try:
        stdout, stderr = process.communicate(input, timeout)
    except BaseException as error:
        kill()
        try:
            stdout, stderr = process.communicate(timeout=10)
        except subprocess.TimeoutExpired:  # a grandchild in a session of its own has the pipes
            stdout = stderr = ""
        if isinstance(error, subprocess.TimeoutExpired):
            _record(argv, f"killed after {timeout:g} s", begun, stdout + stderr)
            message = f"{shlex.join(argv)}\n  found: still running after {timeout:g} s"
            raise Failed(message + _tail(stdout + stderr)) from None
        raise
    finally:
        kill()
    return stdout, stderr


def _kill_group(process: subprocess.Popen[str], patience: float) -> None:
    if process.returncode is None and patience:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    if process.returncode is not None:
        return
    # First in a way that lets a program of ours take down what it made.
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)


def _record(argv: Sequence[str], ending: str, begun: float, output: str) -> None:
    if _log is not None:
        took = time.monotonic() - begun
        with _log.open("a") as log:
            log.write(f"$ {shlex.join(argv)}\n{output.rstrip()}\n[{ending}, {took:.2f} s]\n\n")


def _tail(output: str) -> str:
    lines = output.rstrip().splitlines()
    return "".join(f"\n  | {line}" for line in lines[-_TAIL_LINES:])
