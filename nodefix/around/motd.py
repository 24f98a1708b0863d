"""The line that people see when they log in on a node that is not well; pam_motd(8)."""

from __future__ import annotations

from nodefix.around.run import Ran
from nodefix.report import worst
from nodefix.text import one_line
from nodefix.words import DEGRADED, FAILED

# Characters: two lines of a terminal and a bit.
_LINE = 180


def motd(ran: Ran) -> str:
    """One line, with the command that tells the rest; empty where the node is well."""
    if ran.outcome not in (FAILED, DEGRADED) or ran.is_off:
        return ""
    why = "".join(f": {name}: {problem.message}" for name, problem in worst(ran.stages)[:1])
    what = ran.kubelet if ran.outcome == FAILED else "this node is degraded"
    line = one_line(f"nodefix: {what} since {ran.course.since}{why}", _LINE)
    return f"{line}; see: nodefix status"
