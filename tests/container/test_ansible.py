"""The Ansible role: once changed, then not; what is wrong fails the play; absent leaves nothing."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import testnode
from nodes import EXTRA, LIBRARY, TOP, kubelet_runs, outcomes, rules, sh
from plays import ROLES, Played, Player, run

from nodefix.words import UNDO

ROLE = ROLES / "nodefix"
DROP_IN = "/etc/nodefix/nodefix.yaml.d/90-ansible.yaml"
ENTRY = "/etc/tmpfiles.d/nodefix.conf"
COPY, SHARED = "/var/cache/nodefix.rpm", "/usr/share/nodefix/grafana/nodefix.json"
# Of rpm, dnf, systemd and Ansible; none of it is the role's. In /usr dnf also installs what stands
# in for EL10's packages, and Python writes byte code.
NOT_LOOKED_AT = (
    "/etc/mtab",
    "/root",
    "/tmp",
    "/usr",
    "/run/systemd",
    "/run/log",
    # Empty; who logs in is told nothing.
    "/run/motd.d",
    "/run/xtables.lock",
    "/var/cache/dnf",
    "/var/cache/ldconfig",
    "/var/lib/dnf",
    "/var/lib/rpm",
    "/var/lib/systemd",
    "/var/log",
    "/var/tmp",
)


class Fresh(NamedTuple):
    """A node on which the role was played, and how that went."""

    node: testnode.Nspawn
    player: Player
    rpm: Path
    before: list[str]
    checked: Played
    after_check: list[str]
    first: Played


def listing(node: testnode.Nspawn) -> list[str]:
    """Each file of the node, with mode, owner, target, and the content's hash below /etc."""
    prune = " -o ".join(f"-path {path}" for path in NOT_LOOKED_AT)
    found = (
        f"find / /run -xdev '(' {prune} ')' -prune -o -printf '%p %y %m %U:%G %l\\n'"
        " && find /etc -type f -exec sha256sum {} +"
    )
    return sorted(sh(node, found).splitlines())


@pytest.fixture(scope="module")
def fresh(rpm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fresh]:
    """A node with dnf, on which the role was played in check mode, then for real."""
    root = testnode.Root.make(testnode.image(EXTRA))
    root.run(["systemctl", "disable", "firewalld.service"])
    root.write("/etc/dnf/vars/releasever", "10\n")
    (root.path / "etc/yum.repos.d").mkdir()
    with testnode.Nspawn(root) as node:
        node.boot()
        conf = testnode.equip(node).replace("reposdir=/dev/null\n", "")
        node.write("/etc/dnf/dnf.conf", conf)
        player = Player(node, tmp_path_factory.mktemp("ansible"))
        before = listing(node)
        options = {"rpm": str(rpm), "gpg_check": False}
        checked = player.play("--check", "--diff", **options)
        after_check = listing(node)
        first = player.play(**options)
        yield Fresh(node, player, rpm, before, checked, after_check, first)


def play(fresh: Fresh, *options: str, **variables: object) -> Played:
    """Play it with the RPM file."""
    return fresh.player.play(*options, rpm=str(fresh.rpm), gpg_check=False, **variables)


def test_once_changed_then_not(fresh: Fresh) -> None:
    assert (fresh.checked.failed, fresh.checked.changed > 0) == (0, True)
    assert fresh.after_check == fresh.before
    assert (fresh.first.failed, fresh.first.changed > 0) == (0, True), fresh.first.output
    assert outcomes(fresh.node)["lockfile"] == "changed"
    assert "KUBE-SERVICES" in rules(fresh.node)
    ran = fresh.node.unit("nodefix.service")["InvocationID"]
    again = play(fresh)
    assert (again.failed, again.changed) == (0, 0), again.output
    assert fresh.node.unit("nodefix.service")["InvocationID"] == ran


def test_settings_are_checked_before_they_take_effect(fresh: Fresh) -> None:
    node = fresh.node
    before, ran = listing(node), node.unit("nodefix.service")["InvocationID"]
    planned = play(fresh, "--check", "--diff", swap=False, swap_margin_mib="512")
    assert planned.failed == 0, planned.output
    assert planned.changed > 0
    assert "+swap_margin_mib: 512" in planned.output
    assert listing(node) == before

    wrong = play(fresh, extra_modules=["a b"], stages={"swap": "wanted"})
    assert wrong.failed == 1
    assert "nodefix_extra_modules: found 'a b', expected a kernel module's name" in wrong.output
    assert f"{DROP_IN} is as it was" in wrong.output
    assert (listing(node), node.unit("nodefix.service")["InvocationID"]) == (before, ran)

    # A file of the version that is installed, with other content.
    sh(node, f"echo >>{COPY}; rm {SHARED}")
    done = play(fresh, swap=False, stages={"lockfile": "wanted"}, swap_margin_mib="512")
    assert (done.failed, done.changed > 0) == (0, True), done.output
    assert node.exists(SHARED)
    assert node.unit("nodefix.service")["InvocationID"] != ran
    shown = node.run(["nodefix", "config", "show"]).stdout
    for setting in ("swap: +off", "stages.lockfile: +wanted", "swap_margin_mib: +512"):
        assert re.search(rf"(?m)^{setting} +# {DROP_IN}$", shown), shown


def test_what_is_wrong_fails_the_play_with_its_remedy(fresh: Fresh) -> None:
    node = fresh.node
    sh(node, f"mv {LIBRARY} {LIBRARY}.away; rm /run/xtables.lock; mkdir /run/xtables.lock")
    try:
        broken = play(fresh)
    finally:
        sh(node, f"mv {LIBRARY}.away {LIBRARY}; systemctl restart nodefix")
    assert broken.failed == 1
    assert "iptables extension libraries for addrtype: found none" in broken.output
    assert "expected those of iptables-libs" in broken.output
    assert "fix: dnf reinstall iptables-libs && systemctl restart nodefix" in broken.output
    # What could be repaired was.
    assert "lockfile: as it should be" in broken.output


def test_a_degraded_node_is_accepted_where_that_is_wanted(fresh: Fresh) -> None:
    sh(fresh.node, f"mv {LIBRARY} {LIBRARY}.away")
    try:
        accepted = play(fresh, accept_degraded=True, stages={"modules": "wanted"})
    finally:
        sh(fresh.node, f"mv {LIBRARY}.away {LIBRARY}; systemctl restart nodefix")
    assert accepted.failed == 0, accepted.output
    # It is shown all the same.
    assert "iptables extension libraries for addrtype: found none" in accepted.output


def test_absent_rolls_back_first_and_leaves_nothing(fresh: Fresh) -> None:
    node = fresh.node
    entry = node.read(ENTRY)
    node.write(ENTRY, "# mine\n")
    left = fresh.player.play(state="absent")
    assert left.failed == 1
    assert f"{ENTRY}: left: " in left.output
    assert "nodefix_accept_left: true" in left.output
    assert node.exists("/usr/bin/nodefix")

    node.write(ENTRY, entry)
    gone = fresh.player.play(state="absent")
    assert gone.failed == 0, gone.output
    assert listing(node) == fresh.before
    assert sh(node, "find / /run -xdev -name '*nodefix*'; ls -d /usr/share/ansible || true") == ""
    assert "KUBE-" not in rules(node)
    assert kubelet_runs(node)
    # What was left when the package went, and is to stay.
    node.write(f"/{UNDO}/0001.json", '{"state": "done"}')
    accepted = fresh.player.play(state="absent", accept_left=True)
    assert accepted.failed == 0, accepted.output
    assert node.exists(f"/{UNDO}/0001.json")


def test_ansible_lint_finds_nothing(tmp_path: Path) -> None:
    shutil.copytree(TOP / "packaging/ansible", tmp_path / "ansible")
    # A fault beside it, so that finding nothing means something.
    faulty = tmp_path / "ansible/roles/faulty/tasks/main.yml"
    faulty.parent.mkdir(parents=True)
    faulty.write_text("---\n- command: ls\n")
    options = ("--offline", "--strict", "--profile=production", "--nocolor", "--format=pep8")
    found = run("ansiblelint", *options, str(tmp_path / "ansible"), home=tmp_path)
    lines = found.stdout.splitlines()
    assert lines, found.output
    assert not [line for line in lines if "roles/faulty/" not in line], found.output
