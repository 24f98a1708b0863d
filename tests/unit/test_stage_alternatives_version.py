"""nodefix/stages/alternatives_problems.py: links that are right, and an iptables that fails."""

from __future__ import annotations

import pytest
from altstage import answer_versions, plan, type_in
from el_alternatives import ElAlternatives
from el_states import STATES
from fakehost import Node, result

from nodefix.errors import NO_ROOM, CommandError, DeadlineError, NodefixError
from nodefix.host.programs import Result
from nodefix.plan import Plan, Problem

_IPTABLES = ("/usr/sbin/iptables", "-V")


@pytest.fixture
def el(node: Node) -> ElAlternatives:
    """A node on which iptables is registered as its package does it."""
    answer_versions(node)
    el = ElAlternatives(node)
    STATES[1](el)
    return el


def problem_of(el: ElAlternatives, answer: Result | NodefixError) -> Problem:
    """What is said where `iptables -V` ends so."""
    el.node.programs.table[_IPTABLES] = answer
    left = plan(el.node)
    assert left.changes == ()
    (problem,) = left.problems
    return problem


def mended_by(el: ElAlternatives, problem: Problem, *arguments: str) -> None:
    """Typing the remedy is what makes iptables answer."""

    def dnf(argv: tuple[str, ...], stdin: bytes) -> Result:
        assert argv[1:] == arguments
        answer_versions(el.node)
        return result()

    el.node.programs.table[("/usr/bin/dnf",)] = dnf
    type_in(el.node, problem.hint)
    assert plan(el.node) == Plan()


def test_another_program_of_that_name(el: ElAlternatives) -> None:
    problem = problem_of(el, result(0, "iptables v1.8.11 (legacy)\n"))
    assert problem.message.startswith(
        "/usr/sbin/iptables -V: found 'iptables v1.8.11 (legacy)', expected a version with"
    )
    mended_by(el, problem, "reinstall", "iptables-nft")


def test_version_that_says_nothing(el: ElAlternatives) -> None:
    assert "-V: found 'nothing', expected" in problem_of(el, result()).message


def test_library_is_missing(el: ElAlternatives) -> None:
    words = (
        "/usr/sbin/iptables: error while loading shared libraries: libxtables.so.12: cannot open"
        " shared object file: No such file or directory"
    )
    problem = problem_of(el, result(127, stderr=f"{words}\n"))
    assert problem.required
    assert words in problem.message

    def rpm(argv: tuple[str, ...], stdin: bytes) -> Result:
        assert argv[1:] == (
            *("-q", "--whatprovides", "--qf", "%{NAME}"),
            "libxtables.so.12()(64bit)",
        )
        return result(0, "iptables-libs")

    el.node.programs.table[("/usr/bin/rpm",)] = rpm
    mended_by(el, problem, "reinstall", "iptables-libs")


@pytest.mark.parametrize(
    "answer",
    [
        CommandError("`/usr/sbin/iptables -V` could not be started: Exec format error", "again"),
        CommandError("/usr/sbin/iptables: found no such program", "dnf install /usr/sbin/iptables"),
        result(-11),
        result(127, stderr="version `LIBXTABLES_12' not found (required by iptables)\n"),
    ],
)
def test_program_that_is_broken(el: ElAlternatives, answer: Result | NodefixError) -> None:
    problem = problem_of(el, answer)
    assert problem.required
    mended_by(el, problem, "reinstall", "iptables-nft", "iptables-libs")


def test_program_that_fails_though_it_names_its_version(el: ElAlternatives) -> None:
    problem = problem_of(el, result(1, "iptables v1.8.11 (nf_tables)\n"))
    assert "found 'iptables v1.8.11 (nf_tables)'" in problem.message


def test_program_that_does_not_end_in_time(el: ElAlternatives) -> None:
    """A slow disk must not hold kubelet, nor is the remedy to wait for it once more."""
    problem = problem_of(el, DeadlineError("`iptables -V` did not end", "iptables -V"))
    assert not problem.required
    assert "`iptables -V` did not end" in problem.message
    assert problem.hint == "journalctl -k -b -p warning"


def test_program_for_which_there_is_no_room(el: ElAlternatives) -> None:
    """It may well be right."""
    problem = problem_of(el, CommandError("`iptables -V` could not be started", NO_ROOM))
    assert (problem.required, problem.hint) == (False, NO_ROOM)


def test_long_answer_is_cut(el: ElAlternatives) -> None:
    assert len(problem_of(el, result(1, stderr="x" * 100_000)).message) < 600
