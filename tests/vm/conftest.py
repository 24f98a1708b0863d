"""The virtual machine tier: the fixture `ran`, and what to show of a machine when a test fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from qemu import Farm, Ran, Scenario

_FARM = pytest.StashKey[Farm]()


@pytest.fixture(scope="session")
def farm(request: pytest.FixtureRequest) -> Iterator[Farm]:
    """The machines of all scenarios that the selected tests ask for."""
    asked = (_scenario(item) for item in request.session.items)
    farm = Farm(dict.fromkeys(scenario for scenario in asked if scenario is not None))
    request.config.stash[_FARM] = farm
    yield farm
    farm.close()


@pytest.fixture
def ran(request: pytest.FixtureRequest, farm: Farm) -> Ran:
    """A scenario after all its boots; the parameter is the scenario."""
    return farm.ran(request.param)


def _scenario(item: pytest.Item) -> Scenario | None:
    parameters: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    scenario = parameters.get("ran")
    return scenario if isinstance(scenario, Scenario) else None
