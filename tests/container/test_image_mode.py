"""An image-mode node: /usr read-only, /etc an overlay that lasts, /var empty, run by ostree."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import testnode
from nodes import LIBRARY, TOP, kubelet_runs, outcomes, report, run_alone, sh
from test_boot import FIRST_BOOT

RUN = "in the image's Containerfile: RUN "
THEN = "; build and push it, then on this node: bootc upgrade && systemctl reboot"
ENTRY = "/etc/tmpfiles.d/nodefix.conf"
PROGRAM = "/usr/sbin/xtables-nft-multi"
LINK = "/etc/alternatives/iptables"


def build(root: testnode.Root) -> None:
    """What a build of the image makes, beside the package; and a node on which it was deployed."""
    steps = (TOP / "packaging/Containerfile").read_text().split("\nRUN ")[1:]
    (enabled,) = (step.partition(" && ")[0] for step in steps if "is-enabled" in step)
    assert root.run(enabled.split()).stdout.strip() == "enabled"
    # As on a node that gets nodefix by an upgrade: /var has what the first image had.
    root.delete("/var/lib/nodefix")
    root.write("/usr/bin/bootc", "#!/bin/sh\n", 0o755)
    root.write("/usr/lib/tmpfiles.d/ostree.conf", "f /run/ostree-booted 0644 root root -\n")
    root.write("/usr/lib/nodefix/nodefix.yaml.d/10-image.yaml", "swap: keep\n")
    root.run(["update-alternatives", "--set", "iptables", "/usr/sbin/iptables-legacy"])


@pytest.fixture
def image(root: testnode.Root) -> Iterator[testnode.Nspawn]:
    """The node, not booted yet."""
    build(root)
    changed = root.scratch / "changed"
    changed.mkdir()
    etc = f"--overlay={root.path}/etc:{changed}:/etc"
    usr = f"--bind-ro={root.path}/usr:/usr"
    with testnode.Nspawn(root, options=(usr, etc)) as machine:
        yield machine


def test_two_boots_of_an_image(image: testnode.Nspawn) -> None:
    node = image
    node.boot()
    assert node.run(["touch", "/usr/bin/x"], check=False).returncode
    was = FIRST_BOOT | {"alternatives": "changed"}
    assert outcomes(node) == was
    assert sh(node, "stat -c %a /var/lib/nodefix").split() == ["700"]
    told = {stage["stage"]: "\n".join(stage["notes"]) for stage in report(node)["stages"]}
    assert "RUN alternatives --set iptables /usr/sbin/iptables-nft" in told["alternatives"]
    line = re.findall(r"RUN echo '(.*)' >(/usr/lib/\S+)", told["lockfile"])
    step = (TOP / "packaging/Containerfile").read_text()
    assert [f"RUN echo '{text}' >{file}" in step for text, file in line] == [True]
    node.wait_until("kubelet is up", lambda: kubelet_runs(node))

    node.poweroff()
    node.boot()
    assert outcomes(node) == was | {"alternatives": "unchanged", "lockfile": "unchanged"}
    notes = [
        note
        for stage in report(node)["stages"]
        if stage["stage"] != "swap"
        for note in stage["notes"]
    ]
    assert [note for note in notes if not note.startswith("kube-proxy's mode: ")] == []
    assert "/usr/lib/nodefix/nodefix.yaml.d/10-image.yaml" in sh(node, "nodefix config show")

    # What is missing belongs into the image: a library, a program, a module.
    sh(node, f"mount --bind /dev/null {LIBRARY}")
    said = run_alone(node, "--stage", "modules")
    assert f"fix: {RUN}dnf reinstall -y iptables-libs{THEN}" in said.stderr
    sh(node, f"umount {LIBRARY}; mount --bind /dev/null {PROGRAM}")
    said = node.run(["nodefix", "check"], check=False)
    assert re.search(f"fix: {RUN}.*dnf (re)?install -y iptables-nft.*{THEN}", said.stdout)
    assert "dnf" not in re.sub(f"{RUN}.*", "", said.stdout)
    sh(node, f"umount {PROGRAM}")
    said = node.run(["nodefix", "explain", "modprobe: FATAL: Module br_netfilter not found in"])
    # In a container every module counts as built in.
    fix = f'fix, if it comes back: {RUN}dnf install -y "kernel-modules-extra-$(rpm -q '
    assert fix in said.stdout

    # Switching off and undoing need nothing of /usr.
    node.run(["nodefix", "disable"])
    node.run(["nodefix", "enable"])
    # Not amid the run that this has begun.
    node.run(["nodefix", "status", "--wait"])
    node.run(["nodefix", "rollback"])
    assert not node.exists(ENTRY)
    assert sh(node, f"readlink {LINK}").strip() == "/usr/sbin/iptables-legacy"
