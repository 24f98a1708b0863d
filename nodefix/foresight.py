"""What a run would do: the plan of each stage, and nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence

from nodefix.converge import plan_stage
from nodefix.host.node import Host
from nodefix.judging import at_work
from nodefix.plan import Plan
from nodefix.settle import Settled
from nodefix.stages import STAGES


def foresee(host: Host, settled: Settled, names: Sequence[str] = ()) -> dict[str, Plan]:
    """The plan of each stage; changes nothing.

    Args:
        host: the node.
        settled: what settle() says; whoever looks at several things has it found once.
        names: the stages; all if empty.
    """
    selected = [stage for stage in STAGES if not names or stage.NAME in names]
    working = at_work(selected, settled.config)
    return {
        stage.NAME: plan_stage(stage, host, settled.config, settled.plan_of(stage.NAME, working))
        for stage in selected
    }
