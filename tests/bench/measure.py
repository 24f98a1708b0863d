"""The measuring itself, on the node: prints every figure as JSON. tests/bench/run starts it.

What is compared runs in rounds, one after the other in each, so that a machine that is slow for
a minute is slow for all of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
SERVICES = {"empty": 0, "busy": 20_000, "large": 50_000}
ROUNDS = 8


class Case(NamedTuple):
    """Something to measure.

    Attributes:
        name: under which its figures appear.
        argv: what is run.
        network: whose network namespace it runs in; repairs of two kinds never share one.
        worlds: on which nodes.
        runs: how often in a round.
        rest: how many rounds it sits out after each that it takes part in.
        first: whether what it makes is taken away before each run.
    """

    name: str
    argv: tuple[str, ...]
    network: str
    worlds: tuple[str, ...] = ("empty", "busy", "large")
    runs: int = 3
    rest: int = 0
    first: bool = False


NODEFIX = ("/usr/bin/nodefix", "run")
HAND = ("/bin/bash", str(HERE / "hand-fix.sh"))
PLAY = (
    *("/usr/bin/ansible-playbook", "-i", "localhost,", "-c", "local"),
    *("-e", f"fstab={HERE / 'fstab'}", str(HERE / "role.yml")),
)
CASES = (
    Case("python", ("/usr/bin/python3", "-c", "pass"), "nodefix", ("empty",), runs=8),
    Case("wait", ("/usr/bin/nodefix", "wait"), "nodefix", ("empty",), runs=8),
    Case("nodefix first", NODEFIX, "nodefix", ("empty", "busy"), first=True),
    Case("hand first", HAND, "hand", ("empty", "busy"), first=True),
    Case("nodefix", NODEFIX, "nodefix"),
    Case("hand", HAND, "hand", ("empty",)),
    # Each of these takes seconds.
    Case("hand", HAND, "hand", ("busy", "large"), runs=1, rest=1),
    Case("play", PLAY, "play", ("empty", "busy"), runs=1, rest=1),
    Case("play", PLAY, "play", ("large",), runs=1, rest=3),
)


def run(*argv: str, stdin: str = "", timeout: float = 300) -> str:
    """Run a command to its end; ends the program with its words if it fails."""
    done = subprocess.run(
        argv, input=stdin, capture_output=True, text=True, timeout=timeout, check=False
    )
    if done.returncode:
        sys.exit(
            f"bench: `{' '.join(argv)}`: found exit {done.returncode}, expected 0\n"
            f"{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return done.stdout


def within(world: str, case: Case) -> tuple[str, ...]:
    """The words that run a command in the case's network namespace."""
    return ("ip", "netns", "exec", f"bench-{world}-{case.network}")


def services(count: int) -> Iterator[str]:
    """What kube-proxy has in iptables with so many services, in iptables-restore's words."""
    chains = [f"KUBE-SVC-{number:016d}" for number in range(count)]
    yield "*nat"
    for chain in ("KUBE-SERVICES", *chains):
        yield f":{chain} - [0:0]"
    for number, chain in enumerate(chains):
        address = f"10.{96 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
        yield (
            f"-A KUBE-SERVICES -d {address}/32 -p tcp -m comment"
            f' --comment "bench/service-{number} cluster IP" -m tcp --dport 80 -j {chain}'
        )
    yield "COMMIT\n"


def refuse_swap() -> None:
    """Make sure that the hand fix finds no swap to turn off: it would be the whole machine's."""
    if len(Path("/proc/swaps").read_text().splitlines()) > 1:
        sys.exit("bench: found swap in /proc/swaps, expected none: `swapoff -a` is measured here")
    if not Path("/run/systemd/container").exists():
        sys.exit("bench: found no container around this; start it with tests/bench/run")


def set_up() -> None:
    """Make the network namespaces, and run every repair once so that it has converged."""
    (HERE / "fstab").write_text("UUID=0 / ext4 defaults 0 1\n")
    for world, count in SERVICES.items():
        for network in sorted({case.network for case in CASES if world in case.worlds}):
            name = f"bench-{world}-{network}"
            run("ip", "netns", "add", name)
            if count:
                inside = ("ip", "netns", "exec", name)
                run(*inside, "iptables-nft-restore", stdin="\n".join(services(count)))
        # What makes chains comes before what looks whether they are there.
        for case in sorted(CASES, key=lambda case: not case.first):
            if world in case.worlds:
                run(*within(world, case), *case.argv)


class Times(NamedTuple):
    """How long each run of a case took, and how much processor time in the mean, by rounds."""

    seconds: list[float]
    cpu_seconds: list[float]


def measure(world: str, case: Case, folder: str, times: Times) -> None:
    """Run one round of a case and add its times."""
    export = Path(folder) / "times.json"
    argv = ["hyperfine", "--shell=none", "--style=none", f"--runs={case.runs}"]
    argv.append(f"--export-json={export}")
    if case.first:
        argv.append(f"--prepare={HERE / 'forget.sh'} {world}")
    elif case.runs > 1:
        argv.append("--warmup=1")
    run(*within(world, case), *argv, " ".join(case.argv))
    (result,) = json.loads(export.read_text())["results"]
    times.seconds.extend(result["times"])
    times.cpu_seconds.append(result["user"] + result["system"])


def census(world: str, case: Case) -> dict[str, Any]:
    """The processes of one run, and their memory."""
    if case.first:
        run(*within(world, case), str(HERE / "forget.sh"), world)
    counted = run(*within(world, case), sys.executable, str(HERE / "census.py"), *case.argv)
    found: dict[str, Any] = json.loads(counted)
    if found["status"]:
        sys.exit(f"bench: {case.name}: found exit {found['status']} under the census, expected 0")
    return found


def main() -> None:
    """Measure everything."""
    refuse_swap()
    set_up()
    todo = [(world, case) for world in SERVICES for case in CASES if world in case.worlds]
    times = {f"{world} {case.name}": Times([], []) for world, case in todo}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(ROUNDS):
            for world, case in todo:
                if number % (case.rest + 1):
                    continue
                print(f"round {number + 1}/{ROUNDS}: {world}, {case.name}", file=sys.stderr)
                measure(world, case, folder, times[f"{world} {case.name}"])
    figures = {}
    for world, case in todo:
        name = f"{world} {case.name}"
        # Tracing a play among many services takes longer than all the rest.
        counted = census(world, case) if case.name != "play" or world == "empty" else {}
        figures[name] = {**times[name]._asdict(), **counted}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
