"""nodefix/stages/alternatives_problems.py: what is left to a person, with a remedy that works."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from altstage import (
    answer_rpm,
    answer_versions,
    coreutils,
    damaged,
    mended_by,
    only_problem,
    plan,
    type_in,
)
from el_alternatives import ADMIN, LINKS, NFT, ElAlternatives
from el_states import STATES
from fakehost import Node, repair

from nodefix.facts.alternatives import COMMANDS
from nodefix.plan import Plan
from nodefix.stages import alternatives

STATE = f"{ADMIN}/iptables"
STATE_ASIDE = (
    f"mv --backup=numbered --no-target-directory {STATE} /root/alternatives-iptables.saved"
    " && systemctl restart nodefix"
)


@pytest.fixture
def el(node: Node) -> ElAlternatives:
    """A node with Enterprise Linux's alternatives and nothing registered."""
    answer_versions(node)
    answer_rpm(node, "iptables-nft", "alternatives")
    coreutils(node)
    return ElAlternatives(node)


REFUSED = {
    10: "found a state file that alternatives refuses: line 1: found 'garbage'",
    17: "could not be read (found a directory, expected a regular file)",
    19: "found no candidate, on which the program crashes",
    20: "found its end, expected an empty line after the followers",
    21: "found 'high', expected the priority of '/usr/sbin/iptables-nft'",
    22: "found '', expected the priority of '/usr/sbin/iptables-nft'",
    23: "line 1: found '', expected auto or manual",
    27: f"{STATE}: found iptables with the link '/usr/local/sbin/iptables', expected",
    28: f"{STATE}: found ip6tables with the link '/usr/local/sbin/ip6tables', expected",
    29: f"{STATE}: found 'ip6tables6' with the link /usr/sbin/ip6tables, expected ip6tables",
    42: "found 'more' behind its end, expected nothing",
    43: "found '@@10', expected the priority",
    44: "found '@nft@high', expected the priority",
    45: "line 2: found 'relative', expected the path of the leader's link",
    46: "found 'ip6tables' and '', expected a follower's name and link",
    47: "found '/usr/sbin/ip6tables' and 'ip6tables', expected a follower's name",
    48: "found 'relative', expected a follower's path",
    49: "found 'relative', expected a candidate's path",
}


@pytest.mark.parametrize("number", REFUSED)
def test_state_that_the_program_does_not_take(el: ElAlternatives, number: int) -> None:
    damaged(el, number)
    problem = only_problem(el)
    assert problem.required
    assert problem.message.startswith(STATE)
    assert REFUSED[number] in problem.message
    assert problem.hint == STATE_ASIDE
    mended_by(el, problem.hint)
    assert os.path.lexists(el.node.host.path("/root/alternatives-iptables.saved"))


def test_state_that_is_a_pipe_is_not_waited_for(el: ElAlternatives) -> None:
    damaged(el, 1)
    el.node.host.path(STATE).unlink()
    os.mkfifo(el.node.host.path(STATE))
    problem = only_problem(el)
    assert "could not be read (found a named pipe, expected a regular file)" in problem.message
    mended_by(el, problem.hint)


def test_state_that_is_too_large_is_not_read(el: ElAlternatives) -> None:
    damaged(el, 1)
    with el.node.host.path(STATE).open("ab") as file:
        file.truncate(1 << 20)
    problem = only_problem(el)
    assert "could not be read (found more than 262144 bytes, expected less)" in problem.message
    mended_by(el, problem.hint)


def test_state_on_a_broken_disk(el: ElAlternatives, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged(el, 1)
    with monkeypatch.context() as patch:

        def broken(descriptor: int, size: int) -> bytes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        patch.setattr(os, "read", broken)
        problem = plan(el.node).problems[0]
    assert problem.message.startswith(f"{STATE}: could not be read (Input/output error)")
    mended_by(el, problem.hint)


def test_what_a_killed_run_left(el: ElAlternatives) -> None:
    damaged(el, 26)
    problem = only_problem(el)
    assert problem.message.startswith(
        f"{STATE}.new: found the unfinished file of an alternatives run"
    )
    mended_by(el, problem.hint)


@pytest.mark.parametrize(("number", "kind"), [(9, "file"), (18, "directory")])
def test_something_else_in_a_commands_place(el: ElAlternatives, number: int, kind: str) -> None:
    damaged(el, number)
    problem = only_problem(el)
    assert problem.required
    assert problem.message == (
        f"/usr/sbin/iptables: found a {kind}, expected alternatives' link; alternatives leaves"
        " it alone and still exits with 0"
    )
    assert problem.hint == (
        "mv --backup=numbered --no-target-directory /usr/sbin/iptables /usr/sbin/iptables.saved"
        " && systemctl restart nodefix"
    )
    mended_by(el, problem.hint)
    assert el.node.host.path("/usr/sbin/iptables.saved").exists()


@pytest.mark.parametrize("folder", [ADMIN, LINKS])
def test_something_else_in_a_folders_place(el: ElAlternatives, folder: str) -> None:
    STATES[1](el)
    shutil.rmtree(el.node.host.path(folder))
    el.node.file(folder, "a file")
    (el.node.root / "usr/sbin/ip6tables").unlink()
    left = plan(el.node)
    assert left.changes == ()
    problem = next(one for one in left.problems if one.message.startswith(f"{folder}: "))
    assert problem.message.endswith("found a file, expected alternatives' folder")
    mended_by(el, problem.hint)
    assert el.node.host.path(f"{folder}.saved").read_text() == "a file"


def broken_disk(el: ElAlternatives, patch: pytest.MonkeyPatch, path: str) -> None:
    """Let nobody look at one path."""
    lstat, stat = Path.lstat, Path.stat
    place = el.node.host.path(path)

    def refuse(self: Path) -> None:
        if self == place:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    patch.setattr(Path, "lstat", lambda self: refuse(self) or lstat(self))
    patch.setattr(Path, "stat", lambda self, **how: refuse(self) or stat(self, **how))


def test_link_that_cannot_be_looked_at(el: ElAlternatives, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is right nobody can tell: told, and not held against the node."""
    STATES[1](el)
    broken_disk(el, monkeypatch, "/usr/sbin/ip6tables")
    (problem,) = plan(el.node).problems
    assert not problem.required
    assert problem.message.startswith(
        "/usr/sbin/ip6tables: could not be read (Input/output error), expected"
    )
    assert problem.hint == "ls -ld /usr/sbin/ip6tables; journalctl -k -b -p warning"
    # Another one is known to be wrong, and cannot be mended by itself.
    el.node.host.path("/usr/sbin/iptables-save").unlink()
    left = plan(el.node)
    assert left.changes == ()
    assert [one.required for one in left.problems] == [True]


@pytest.mark.parametrize("path", [f"{LINKS}/iptables-save", LINKS, ADMIN, NFT])
def test_what_a_repair_depends_on_cannot_be_looked_at(
    el: ElAlternatives, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    STATES[1](el)
    el.node.host.path("/usr/sbin/ip6tables").unlink()
    broken_disk(el, monkeypatch, path)
    left = plan(el.node)
    assert left.changes == ()
    (problem,) = (one for one in left.problems if one.message.startswith(f"{path}: "))
    assert problem.required
    assert "could not be read (Input/output error)" in problem.message
    assert problem.hint == f"ls -ld {path}; journalctl -k -b -p warning"


def test_command_earlier_in_path_is_told_and_does_not_hold_kubelet(el: ElAlternatives) -> None:
    STATES[1](el)
    el.node.file("/usr/local/sbin/iptables", "the admin's own", 0o755)
    (problem,) = repair(alternatives, el.node).problems
    assert not problem.required
    assert problem.message.startswith(
        "/usr/local/sbin/iptables: found a command that comes before /usr/sbin"
    )
    mended_by(el, problem.hint)
    saved = el.node.host.path("/usr/local/sbin/iptables.saved")
    assert saved.read_text() == "the admin's own"


def test_command_earlier_in_path_that_cannot_be_looked_at(el: ElAlternatives) -> None:
    STATES[1](el)
    el.node.link("/usr/local/sbin", "sbin")
    problems = plan(el.node).problems
    assert len(problems) == len(COMMANDS)
    assert not any(problem.required for problem in problems)
    assert problems[0].message.startswith("/usr/local/sbin/iptables: could not be read (Too many")


def test_no_command_is_a_file_after_all_was_copied_without_links(el: ElAlternatives) -> None:
    """As a copy that follows links leaves it: each has its own remedy, all of them mend."""
    STATES[1](el)
    for name in COMMANDS:
        el.node.host.path(f"/usr/sbin/{name}").unlink()
        el.node.file(f"/usr/sbin/{name}", "a copy", 0o755)
    problems = plan(el.node).problems
    assert len(problems) == len(COMMANDS)
    for problem in problems:
        type_in(el.node, problem.hint)
    assert repair(alternatives, el.node) == Plan()
