"""nodefix/codes.py: each problem of swap and of the lock file has a code, and each code a use."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from nodefix.codes import CODES

TOP = Path(__file__).resolve().parents[2]
STAGES = {
    "swap": ("stages/swap.py", "stages/swap_fstab.py", "stages/swap_unit.py"),
    "lockfile": ("stages/lockfile.py",),
}
FACTS = (
    "swap",
    "swap_origins",
    "fstab",
    "unit_links",
    "kubelet",
    "kubelet_embedded",
    "kubelet_environment",
    "kubelet_files",
    "kubelet_flags",
    "kubelet_k0s",
    "kubelet_microshift",
    "kubelet_rancher",
    "kubelet_yaml",
    "k0s",
    "lockfile",
    "microshift",
    "rancher",
    "system",
    "unit_line",
    "yaml_files",
)


def tree(path: str) -> ast.Module:
    return ast.parse((TOP / "nodefix" / path).read_text())


@pytest.mark.parametrize("file", [file for files in STAGES.values() for file in files])
def test_each_change_and_problem_has_a_code(file: str) -> None:
    calls = [
        call
        for call in ast.walk(tree(file))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in ("Change", "Problem")
    ]
    assert calls
    for call in calls:
        (code,) = [keyword.value for keyword in call.keywords if keyword.arg == "code"] or [None]
        # A name is an argument, whose values the other test finds.
        assert isinstance(code, ast.Name) or (
            isinstance(code, ast.Constant) and code.value in CODES
        ), f"{file}:{call.lineno}"


@pytest.mark.parametrize("stage", STAGES)
def test_each_code_is_used_and_each_used_one_is_known(stage: str) -> None:
    used = {
        node.value
        for file in STAGES[stage]
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.startswith(f"{stage}-")
    }
    assert used == {code for code in CODES if code.startswith(f"{stage}-")}


@pytest.mark.parametrize("name", FACTS)
def test_facts_know_no_settings(name: str) -> None:
    modules = {
        node.module
        for node in ast.walk(tree(f"facts/{name}.py"))
        if isinstance(node, ast.ImportFrom)
    }
    assert "nodefix.config" not in modules
