"""nodefix/codes.py: each problem of the stage modules has a known code, and each code is used."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator

from nodefix.codes import CODES
from nodefix.stages import absent, module_problems, modules, network_sysctls

OURS = ("module-", "modules-", "rules-", "conntrack-", "network-plugin-", "sysctl-")


def codes_of(call: ast.Call) -> set[str]:
    """The codes that a call can give."""
    given = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
    if not given and getattr(call.func, "id", "") == "Problem":
        # message, hint, required, code
        given = call.args[3:4]
    nodes = [node for value in given for node in ast.walk(value)]
    values = (node.value for node in nodes if isinstance(node, ast.Constant))
    return {value for value in values if isinstance(value, str)}


def calls() -> Iterator[ast.Call]:
    for module in (modules, module_problems, absent, network_sysctls):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Problem", "Change"):
                yield node


def test_each_problem_and_each_change_has_a_code_that_is_known() -> None:
    found = list(calls())
    assert len(found) > 10
    for call in found:
        assert codes_of(call), f"no code in line {call.lineno}"
        assert codes_of(call) <= CODES.keys()


def test_each_code_of_the_stage_is_used() -> None:
    used = {code for call in calls() for code in codes_of(call)}
    assert used == {code for code in CODES if code.startswith(OURS)}
