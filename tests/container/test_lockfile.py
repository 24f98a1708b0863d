"""The remedies that the lockfile stage names, typed as they stand."""

from __future__ import annotations

import pytest
from nodes import outcomes, report, run_alone, sh
from testnode import Nspawn

LOCK = "/run/xtables.lock"
ENTRY = "/etc/tmpfiles.d/nodefix.conf"
LOCK_IS_RIGHT = "stat -c '%F %a %u %g' /run/xtables.lock"


def hint(node: Nspawn) -> str:
    """The remedy for the one problem of the lockfile stage."""
    (stage,) = (stage for stage in report(node)["stages"] if stage["stage"] == "lockfile")
    (problem,) = stage["problems"]
    line: str = problem["hint"]
    return line


@pytest.mark.parametrize(
    "thing", ["mkdir -p {0}/content", "ln -s elsewhere {0}", "mkfifo {0}", "mknod {0} c 1 3"]
)
def test_what_is_in_the_way_is_moved_away(node: Nspawn, thing: str) -> None:
    sh(node, f"rm {LOCK}; " + thing.format(LOCK))
    assert run_alone(node).returncode == 1
    sh(node, hint(node))
    # Again, with what was moved away still there.
    sh(node, f"rm {LOCK}; " + thing.format(LOCK))
    assert run_alone(node).returncode == 1
    sh(node, hint(node))
    assert sh(node, LOCK_IS_RIGHT) == "regular empty file 600 0 0\n"
    assert report(node)["outcome"] == "ready"
    assert sh(node, f"ls -d {LOCK}.old*").split() == [f"{LOCK}.old", f"{LOCK}.old.~1~"]


@pytest.mark.parametrize(
    "content", ["", "d /run/site 0755 root root -", f"d {LOCK} 0755 root root -\n"]
)
def test_an_admins_entry_is_kept_and_its_remedy_lasts(node: Nspawn, content: str) -> None:
    node.write(ENTRY, content)
    assert node.run(["nodefix", "run"], check=False).returncode == 2
    assert node.read(ENTRY) == content
    # Typed from where people see it first: no backslash is lost on the way.
    sh(node, "systemctl restart nodefix")
    assert node.unit("nodefix.service")["StatusText"].endswith(f"fix: {hint(node)}")
    sh(node, hint(node))
    assert content.strip() in node.read(ENTRY)
    node.poweroff()
    node.boot()
    assert outcomes(node)["lockfile"] == "unchanged"
    assert sh(node, LOCK_IS_RIGHT) == "regular empty file 600 0 0\n"


def test_a_masked_entry_masks_nothing_else(node: Nspawn) -> None:
    sh(node, f"rm {ENTRY}; ln -s /dev/null {ENTRY}")
    assert node.run(["nodefix", "run"], check=False).returncode == 2
    assert sh(node, "stat -c %F /dev/null") == "character special file\n"
    assert sh(node, f"readlink {ENTRY}") == "/dev/null\n"
