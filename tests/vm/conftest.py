"""The virtual machine tier: the fixture `ran`, and what to show of a machine when a test fails."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from testnode import Failed
from testnode.qemu import Farm, Ran, Scenario

CONTAINER = Path(__file__).resolve().parents[1] / "container"
NAME = "machines"


class Machines:
    """The machines, as a plugin of pytest: they run while the container tier still does.

    Its tests wait most of their time, for pauses of units and for deadlines.
    """

    def __init__(self, session: pytest.Session) -> None:
        """Note the scenarios that the selected tests ask for, in the tests' order."""
        asked = (_parameters(item).get("ran") for item in session.items)
        found = (scenario for scenario in asked if isinstance(scenario, Scenario))
        self._scenarios = tuple(dict.fromkeys(found))
        self._manager = session.config.pluginmanager
        self._farm: Farm | Failed | None = None

    def farm(self) -> Farm:
        """All of them, started now unless they were before; raises what went wrong at the start."""
        if self._farm is None:
            try:
                self._farm = Farm(self._scenarios)
            except Failed as error:
                self._farm = error
        if isinstance(self._farm, Failed):
            raise self._farm
        return self._farm

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Start them beside the container tier, once that takes no time to speak of."""
        wanted = self._farm is None and self._scenarios and item.path.is_relative_to(CONTAINER)
        ahead = self._manager.get_plugin("ahead")
        if wanted and (ahead is None or ahead.over()):
            # What goes wrong is told by the tests that need them.
            with contextlib.suppress(Failed):
                self.farm()

    def pytest_sessionfinish(self) -> None:
        """End what still runs."""
        if isinstance(self._farm, Farm):
            self._farm.close()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Have the machines at hand."""
    session.config.pluginmanager.register(Machines(session), NAME)


@pytest.fixture
def ran(request: pytest.FixtureRequest) -> Ran:
    """A scenario after all its boots; the parameter is the scenario."""
    machines = request.config.pluginmanager.get_plugin(NAME)
    assert isinstance(machines, Machines)
    try:
        return machines.farm().ran(request.param)
    except Failed as error:
        words = str(error)
    # With the console in them; where in our code that was tells nothing.
    pytest.fail(words, pytrace=False)


@pytest.hookimpl(hookwrapper=True)  # type: ignore[untyped-decorator]
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """Show with a failed test what nodefix said on its machine, boot by boot."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    ran = getattr(item, "funcargs", {}).get("ran")
    if report.failed and isinstance(ran, Ran):
        for number, booted in enumerate(ran.boots, 1):
            told = booted.told("nodefix.service")
            report.sections.append((f"{ran.scenario.name}, boot {number}: nodefix's journal", told))


def _parameters(item: pytest.Item) -> dict[str, Any]:
    return getattr(getattr(item, "callspec", None), "params", {})
