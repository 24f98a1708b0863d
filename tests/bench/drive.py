"""Compare nodefix's speed with the hand fix's, as a script and as an Ansible play.

Usage: tests/bench/run, as root. It builds the RPM, installs it on a node, boots that, measures
everything in it and prints one table of ratios with the targets beside them. It writes those with a
target into tests/PROOF.md, and draws a picture. A target that is missed is no failure: the exit
status is 0 unless something did not run, and then nothing is written.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import marked
import proof
import testnode
from boots import delays
from picture import picture
from table import Figures, Place, lacking, page, table

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
EXTRA = ("ansible-core", "hyperfine")
FILES = ("measure.py", "census.py", "forget.sh", "hand-fix.sh", "role.yml")
ON_NODE = "/root/bench"
FIGURES = TOP / "build" / "bench.json"
PICTURE = HERE / "picture.svg"
SECONDS = 1800


def say(words: str) -> None:
    """Show progress."""
    print(f"bench: {words}", file=sys.stderr, flush=True)


def measure(node: testnode.Machine) -> str:
    """Have everything measured on a booted node; returns its JSON."""
    for name in FILES:
        node.put(HERE / name, f"{ON_NODE}/{name}")
    node.run(["chmod", "-R", "755", ON_NODE])
    # The hand fix turns swap off. In a container /proc/swaps is this machine's, so the node gets
    # one without any, and swapoff finds nothing; measure.py makes sure of that.
    node.write(f"{ON_NODE}/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n")
    node.run(["mount", "--bind", f"{ON_NODE}/swaps", "/proc/swaps"])
    # What else this machine does then waits, and disturbs less.
    argv = ["nice", "--adjustment=-10", "/usr/bin/python3", f"{ON_NODE}/measure.py"]
    return node.run(argv, timeout=SECONDS).stdout


def keep(measured: Figures, place: Place) -> None:
    """Write what was measured: all of it, or nothing where something is missing.

    Raises:
        testnode.Failed: something is missing.
    """
    if missing := lacking(measured):
        raise testnode.Failed(f"found no figures of {', '.join(missing)}, expected all")
    drawn, shown = picture(measured), page(measured, place)
    FIGURES.parent.mkdir(exist_ok=True)
    marked.put(FIGURES, f"{json.dumps(measured)}\n")
    marked.put(PICTURE, drawn)
    proof.write(proof.SPEED, shown)


def main() -> int:
    """Run the bench."""
    if os.geteuid() != 0:
        say(f"found uid {os.geteuid()}, expected root: it boots a node; run it with sudo")
        return 1
    load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
    say("building the RPM")
    rpm = testnode.build_rpm()
    say("making a node (its image takes a minute the first time)")
    root = testnode.Root.make(testnode.image(EXTRA))
    testnode.install(root, rpm)
    with testnode.Nspawn(root) as node:
        say("booting it several times")
        boot = delays(node)
        systemd = node.run(["systemctl", "--version"]).stdout.split()[1]
        # What is measured next is a run as at boot: beside a kubelet that is up it looks after
        # kube-proxy, too.
        node.run(["systemctl", "mask", "--now", "kubelet.service"])
        say("measuring, which takes some minutes")
        measured = {"boot delay": boot, **json.loads(measure(node))}
    place = Place(cores, load, systemd)
    keep(measured, place)
    print(table(measured))
    print(
        f"Every single figure is in {FIGURES.relative_to(TOP)}, the picture of them in"
        f" {PICTURE.relative_to(TOP)}, what has a target in {proof.PAGE.relative_to(TOP)}."
    )
    if place.busy:
        print(place.busy)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except testnode.Failed as error:
        say(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        say("interrupted; the node is taken down")
        sys.exit(130)
