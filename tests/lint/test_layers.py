"""The layers of nodefix: each imports only what stands below it, one alone touches the host."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]

# From the ground up; modules in one row may import each other.
LAYERS = (
    ("words", "shape", "lean_tuples"),
    ("text", "answer", "errors", "plan", "image_mode"),
    ("deadline",),
    ("yamlfile", "host"),
    ("undo", "codes", "switch"),
    ("settings",),
    ("config",),
    ("schema", "facts"),
    ("stages", "advice", "undoing", "settle"),
    ("report", "events"),
    ("state", "store", "journal", "messages", "terminal", "told", "output", "check", "rolled"),
    (
        "telling",
        "reasons",
        "converge",
        "course",
        "judging",
        "around",
        "history",
        "symptoms",
        "live",
    ),
    ("symptoms_input", "symptoms_now", "check_text", "check_kube_proxy", "check_node"),
    ("gate", "holding"),
    ("status",),
    ("picture",),
    ("completing", "foresight"),
    ("engine",),
    ("meanwhile",),
    ("collect",),
    ("commands",),
    ("cli", "damage"),
    ("__main__",),
)
HEIGHT = {name: height for height, row in enumerate(LAYERS) for name in row}

# Calls that open, change or run something, or ask the kernel for more than what a file is.
TOUCHING = {
    "open",
    "read_bytes",
    "read_text",
    "write_bytes",
    "write_text",
    "unlink",
    "rename",
    "replace_file",
    "symlink_to",
    "Popen",
    "posix_spawn",
    "fork",
    "SystemBus",
}
# Where such a call stands outside host/, and why.
EXEMPT = {
    ("cli", "open"): "/dev/null in the place of a reader that went away",
    ("store", "unlink"): "the marker",
    ("undo", "unlink"): "an entry that is one too many",
    ("live", "unlink"): "a restart that is no longer due",
}
MODULES = sorted((TOP / "nodefix").rglob("*.py"))


def room(file: Path) -> str:
    """The module or package directly below nodefix/ that a file belongs to."""
    return file.relative_to(TOP / "nodefix").parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Each of nodefix's own modules that a file imports, wherever in it, with the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            first, _, rest = node.module.partition(".")
            names = [rest] if rest else [alias.name for alias in node.names]
            if first == "nodefix":
                yield from ((node.lineno, name.partition(".")[0]) for name in names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("nodefix."):
                    yield node.lineno, alias.name.split(".")[1]


def upward(file: Path, tree: ast.AST) -> list[str]:
    """What a file imports from above its layer."""
    height = HEIGHT.get(room(file), -1)
    return [
        f"{file.name}:{line} imports {name}"
        for line, name in imported(tree)
        if name != "__version__" and HEIGHT[name] > height
    ]


def touching(file: Path, tree: ast.AST) -> list[str]:
    """Where a file outside host/ touches the machine by itself."""
    if room(file) == "host":
        return []
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    named = (
        (call.lineno, getattr(call.func, "attr", getattr(call.func, "id", ""))) for call in calls
    )
    return [
        f"{file.name}:{line} calls {name}()"
        for line, name in named
        if name in TOUCHING and (room(file), name) not in EXEMPT
    ]


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(TOP)))
def test_each_layer_imports_only_what_stands_below_it(file: Path) -> None:
    assert upward(file, ast.parse(file.read_text())) == []


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(TOP)))
def test_only_the_host_layer_touches_the_machine(file: Path) -> None:
    assert touching(file, ast.parse(file.read_text())) == []


def test_the_ground_imports_nothing_of_nodefix() -> None:
    tree = ast.parse((TOP / "nodefix/words.py").read_text())
    assert list(imported(tree)) == []


@pytest.mark.parametrize(
    "line",
    [
        "from nodefix.engine import run",
        "from nodefix import engine",
        "import nodefix.engine",
        "def f():\n    from nodefix.commands.run import run",
    ],
)
def test_an_import_turned_round_is_seen(line: str) -> None:
    assert upward(TOP / "nodefix/facts/swap.py", ast.parse(line))


@pytest.mark.parametrize(
    "line", ["open('/etc/fstab')", "Path('/x').read_text()", "subprocess.Popen(['true'])"]
)
def test_a_touch_of_the_machine_is_seen(line: str) -> None:
    assert touching(TOP / "nodefix/facts/swap.py", ast.parse(line))


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(TOP)))
def test_facts_only_read(file: Path) -> None:
    # By Programs.read: what may change something is started by Programs.run, with sh.
    assert room(file) != "facts" or "programs.run(" not in file.read_text()
