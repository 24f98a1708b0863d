"""What holds for all tests: tiers, what a tier needs, and what the unit tier may not touch.

A tier is the first folder under tests/: lint, unit, container, vm, kubernetes, faults.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

HERE = Path(__file__).resolve().parent

# They mount, and boot nodes; what programs they need for that packaging/testnode installs.
ROOT_TIERS = ("container", "vm", "kubernetes", "faults")

# Audit events (docs.python.org, "Audit events table") of everything that starts a program. They
# are raised by the interpreter itself, so no early import and no C code gets around them.
PROCESS_EVENTS = frozenset(
    ("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "subprocess.Popen")
)

_forbidden = False


def tier(path: Path) -> str:
    """The tier of a test file or of anything else under tests/; empty for what has none."""
    try:
        parts = path.resolve().relative_to(HERE).parts
    except ValueError:
        return ""
    return parts[0] if parts else ""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what is ours."""
    parser.addoption("--long", action="store_true", help="all of tests/faults: up to an hour")


def pytest_configure(config: pytest.Config) -> None:
    """Register what is ours."""
    config.addinivalue_line(
        "markers", "real_commands: a unit test that may start programs and use the real bus"
    )
    config.pluginmanager.register(TierWatch(), "tier-watch")
    sys.addaudithook(_audit)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, with the reason, what cannot run on this machine."""
    name = tier(item.path)
    if name in ROOT_TIERS and os.geteuid() != 0:
        pytest.skip(f"tests/{name} needs root, found uid {os.geteuid()}; run tests/run as root")


@pytest.fixture(autouse=True)
def _no_real_host(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep unit tests away from the real host: no programs, no bus, no journal."""
    node: pytest.Item = request.node
    if tier(node.path) != "unit" or node.get_closest_marker("real_commands"):
        yield
        return
    global _forbidden
    with pytest.MonkeyPatch.context() as patch:
        _cut_off(patch, "gi.repository.Gio", "bus_get_sync", "the real bus")
        _cut_off(patch, "systemd.journal", "sendv", "the real journal")
        _cut_off(patch, "systemd._journal", "sendv", "the real journal")
        _forbidden = True
        try:
            yield
        finally:
            _forbidden = False


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _forbidden and event in PROCESS_EVENTS:
        what = next((argument for argument in arguments if argument), "")
        _refuse(f"{event} {what}".strip())


def _refuse(what: str) -> NoReturn:
    # An outcome is a BaseException: no `except Exception` in the code under test hides it.
    pytest.fail(
        f"this unit test reached for {what}; give it a stand-in,"
        " or mark it with pytest.mark.real_commands"
    )


def _cut_off(patch: pytest.MonkeyPatch, module: str, name: str, what: str) -> None:
    try:
        patch.setattr(f"{module}.{name}", lambda *_, **__: _refuse(what))
    except ImportError:
        # What is not installed cannot be reached either.
        return


class TierWatch:
    """Counts what became of each tier, and with CI=true fails a run that skipped a whole one.

    A green run must not mean that, say, no container was ever booted.
    """

    def __init__(self) -> None:
        self.skipped: Counter[str] = Counter()
        self.ran: Counter[str] = Counter()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Count the files that skip themselves as a whole."""
        if report.skipped:
            self.skipped[tier(HERE / report.nodeid)] += 1

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count the tests."""
        if report.skipped and not hasattr(report, "wasxfail"):
            self.skipped[tier(HERE / report.nodeid)] += 1
        elif report.when == "call" or report.failed:
            self.ran[tier(HERE / report.nodeid)] += 1

    def empty(self) -> list[str]:
        """The tiers of which every single test was skipped."""
        return sorted(name for name in self.skipped if not self.ran[name])

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Turn a skipped tier into a failure where nobody watches."""
        if self.empty() and os.environ.get("CI") == "true" and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say so, loudly."""
        fatal = ", a failure since CI=true" if os.environ.get("CI") == "true" else ""
        for name in self.empty():
            terminalreporter.section(f"TIER SKIPPED: {name}", red=True, bold=True)
            terminalreporter.line(
                f"all {self.skipped[name]} tests of tests/{name} were skipped{fatal};"
                " the reasons are in the summary"
            )
