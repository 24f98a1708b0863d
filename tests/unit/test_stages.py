"""nodefix/stages/__init__.py: the stages, in the order in which they run."""

from __future__ import annotations

import re
from pathlib import Path

from nodefix.converge import _LAST_LOOK_SECONDS
from nodefix.host.lock import AGAIN_SECONDS, LOCK_SECONDS
from nodefix.live.restart import SECONDS
from nodefix.settings import LONGEST_SPREAD
from nodefix.stages import STAGES
from nodefix.words import STAGE_NAMES

UNIT = Path(__file__).resolve().parents[2] / "systemd/nodefix.service"


def test_configuration_knows_the_same_names_in_the_same_order() -> None:
    assert tuple(stage.NAME for stage in STAGES) == STAGE_NAMES
    assert STAGE_NAMES == ("swap", "modules", "alternatives", "chains", "lockfile")


def test_every_stage_has_a_deadline_and_the_unit_waits_for_all_of_them() -> None:
    assert all(0 < stage.DEADLINE <= 120 for stage in STAGES)
    found = re.search(r"^TimeoutStartSec=(\d+)$", UNIT.read_text(), re.M)
    assert found
    last_looks = _LAST_LOOK_SECONDS * len(STAGES)
    beside_kubelet = LONGEST_SPREAD + SECONDS
    stages = sum(stage.DEADLINE for stage in STAGES)
    # Another restart is waited for within the longest spread.
    locks = LOCK_SECONDS + AGAIN_SECONDS
    most = locks + stages + last_looks + beside_kubelet
    assert most < int(found[1])
    assert f" add up to {most:g} seconds;" in UNIT.read_text()
