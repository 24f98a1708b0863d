"""The virtual machine tier: the fixture `ran`, and what to show of a machine when a test fails."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest
from testnode import Failed
from testnode.qemu import Farm, Ran, Scenario


@pytest.fixture(scope="session")
def farm(request: pytest.FixtureRequest) -> Iterator[Farm]:
    """The machines of all scenarios that the selected tests ask for, in the tests' order."""
    asked = (_parameters(item).get("ran") for item in request.session.items)
    farm = Farm(dict.fromkeys(scenario for scenario in asked if isinstance(scenario, Scenario)))
    yield farm
    farm.close()


@pytest.fixture
def ran(request: pytest.FixtureRequest, farm: Farm) -> Ran:
    """A scenario after all its boots; the parameter is the scenario."""
    try:
        return farm.ran(request.param)
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
