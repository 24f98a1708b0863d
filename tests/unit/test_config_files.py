"""nodefix/config.py: files that are not what they should be."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from fakehost import Node
from settings import DROP_INS, MAIN, problem, problems

from nodefix.config import LIMIT, MOST_DROP_INS, load
from nodefix.errors import ConfigError

TOP = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_file_that_others_can_write(node: Node, mode: int) -> None:
    file = node.file(MAIN, "scope: force\n", mode)
    (only,) = problems(node)
    assert f"{file}: found mode {mode:04o}" in only
    assert only.endswith(f"chmod go-w {file}")


def test_hint_can_be_typed_for_a_name_with_a_blank(node: Node) -> None:
    file = node.file(f"{DROP_INS}/my own.yaml", "scope: force\n", 0o666)
    (only,) = problems(node)
    assert only.endswith(f"chmod go-w '{file}'")


def test_file_of_somebody_else(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    file = node.file(MAIN, "scope: force\n")
    if os.geteuid() == 0:
        os.chown(file, 65534, 65534)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (only,) = problems(node)
    assert f"{file}: found owner {file.stat().st_uid}, expected root" in only


def test_unreadable_file(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root can read everything, so a mode would not do.
    file = node.file(MAIN, "scope: force\n", 0o600)
    real = os.open

    def refuse(path: Path, flags: int, mode: int = 0o777) -> int:
        if path == file:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", refuse)
    assert problems(node) == (f"{file}: cannot be read: Permission denied",)


@pytest.mark.parametrize(
    ("user", "unreadable", "is_hidden"),
    [(1000, MAIN, True), (1000, DROP_INS, True), (1000, "", False), (0, MAIN, False)],
)
def test_what_a_user_may_not_read_may_be_valid(
    node: Node, monkeypatch: pytest.MonkeyPatch, user: int, unreadable: str, is_hidden: bool
) -> None:
    node.file(MAIN, "swop: off\n")
    node.file(f"{DROP_INS}/a.yaml", "scope: force\n")
    monkeypatch.setattr(os, "geteuid", lambda: user)
    hidden = Path(f"{node.root}{unreadable}")
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != hidden)
    monkeypatch.setattr("nodefix.config._read", lambda *_: b"swop: off\n")
    with pytest.raises(ConfigError) as caught:
        load(node.root)
    assert caught.value.is_hidden == is_hidden
    assert (caught.value.hint == "sudo nodefix config check") == is_hidden


def test_unreadable_folder(node: Node) -> None:
    folder = node.file(DROP_INS)
    assert problems(node) == (f"{folder}: cannot be listed: Not a directory",)


def test_folder_in_a_files_place(node: Node) -> None:
    (node.root / "etc/nodefix/nodefix.yaml").mkdir(parents=True)
    found = f"{node.root}{MAIN}: cannot be read: found a directory, expected a regular file"
    assert problems(node) == (found,)


def test_symbolic_link_is_followed_and_its_target_judged(node: Node) -> None:
    target = node.file("/srv/settings.yaml", "scope: force\n")
    node.link(MAIN, "../../srv/settings.yaml")
    assert load(node.root).scope == "force"
    target.chmod(0o666)
    assert "found mode 0666" in problems(node)[0]


def test_link_that_ends_nowhere_is_not_taken_for_no_file(node: Node) -> None:
    file = node.link(MAIN, "nowhere")
    drop_in = node.link(f"{DROP_INS}/10.yaml", "nowhere")
    assert problems(node) == (
        f"{file}: cannot be read: No such file or directory",
        f"{drop_in}: cannot be read: No such file or directory",
    )


def test_named_pipe_does_not_hold_the_boot(node: Node) -> None:
    node.root.joinpath("etc/nodefix").mkdir(parents=True)
    os.mkfifo(pipe := node.root / "etc/nodefix/nodefix.yaml")

    def read() -> None:
        with pytest.raises(ConfigError):
            load(node.root)

    reader = threading.Thread(target=read)
    reader.start()
    reader.join(0.3)
    waits = reader.is_alive()
    if waits:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        reader.join()
    assert not waits


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"scope: \xff\n", id="not UTF-8"),
        pytest.param(b"scope: \0", id="NUL"),
        pytest.param(b"scope: 2024-99-99", id="impossible date"),
        pytest.param(b"? [a, b]\n: 1", id="a list as key"),
        pytest.param(b"&a [*a]", id="recursive list"),
        pytest.param(b"stages: &a {swap: *a}", id="recursive mapping"),
        pytest.param(b"--- {}\n--- {}", id="two documents"),
        pytest.param(b"scope: !!python/name:os.system x", id="Python tag"),
        pytest.param(b"scope: &a [x]\nstages: *a", id="alias of the wrong kind"),
        pytest.param(b"- " * 5000, id="nested lists"),
        pytest.param(b"scope: !!bool maybe", id="wrong bool"),
        pytest.param(b"scope: !!int ''", id="empty int"),
        pytest.param(b"scope: !!timestamp soon", id="wrong timestamp"),
        pytest.param(b"scope: 0x" + b"f" * 6000, id="huge number"),
    ],
)
def test_odd_content_is_a_problem_with_a_path(node: Node, content: bytes) -> None:
    file = node.file(MAIN, content)
    assert all(found.startswith(f"{file}: ") for found in problems(node))


def test_messages_are_bounded(node: Node) -> None:
    nested = "\n".join(
        f"  - &n{level} [{', '.join([f'*n{level - 1}' if level else 'x'] * 10)}]"
        for level in range(5)
    )
    assert len(problem(node, f"scope:\n{nested}\n")) < 2000


def test_a_key_given_twice_is_a_problem(node: Node) -> None:
    node.file(MAIN, "scope: auto\nscope: force\n")
    (problem,) = problems(node)
    assert "found the key scope a second time" in problem
    assert "line 2" in problem


def test_settings_of_all_files_together_are_bounded(node: Node) -> None:
    half = "# a comment\n" * (LIMIT // 24) + "scope: force\n"
    node.file(MAIN, half)
    assert load(node.root).scope == "force"
    drop_in = node.file(f"{DROP_INS}/10.yaml", half)
    words = f"found more than {LIMIT} bytes of settings in all files, expected less"
    assert problems(node) == (f"{drop_in}: {words}",)


def test_five_megabytes_of_yaml_cost_nothing(node: Node) -> None:
    file = node.file(MAIN, "extra_modules:\n" + "- a\n" * 1_250_000)
    begun = time.monotonic()
    assert problems(node)[0].startswith(f"{file}: found more than")
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize(
    "content",
    ["extra_modules: [" + "a, " * (LIMIT // 3 - 10) + "a]", "[" * LIMIT, "- a\n" * (LIMIT // 4)],
    ids=["flow", "open", "block"],
)
def test_the_dearest_settings_take_seconds_at_the_most(node: Node, content: str) -> None:
    node.file(MAIN, content)
    begun = time.process_time()
    with contextlib.suppress(ConfigError):
        load(node.root)
    assert time.process_time() - begun < 5


def test_what_is_not_read_is_named(node: Node) -> None:
    others = ["README", "10.yaml.rpmsave", "20.conf", ".30.yaml.swp", ".40.yaml", "50.yaml~"]
    for name in others:
        node.file(f"{DROP_INS}/{name}", "scope: nonsense\n")
    (node.root / DROP_INS.lstrip("/") / "folder").mkdir()
    node.link(f"{DROP_INS}/.#60.yaml", "somebody@host.1234")
    node.file(f"{DROP_INS}/70.yaml", "scope: force\n")
    config = load(node.root)
    assert config.scope == "force"
    expected = sorted([*others, "folder", ".#60.yaml"])
    assert config.ignored == tuple(f"{node.root}{DROP_INS}/{name}" for name in expected)


def test_both_suffixes_are_read_by_name(node: Node) -> None:
    node.file(f"{DROP_INS}/10.yml", "scope: force\nswap: keep\n")
    node.file(f"{DROP_INS}/20.yaml", "scope: auto\n")
    node.file(f"{DROP_INS}/30.yml", "kube_proxy: none\n")
    config = load(node.root)
    assert (config.scope, config.swap, config.kube_proxy) == ("auto", "keep", "none")
    assert config.ignored == ()


def test_folder_with_too_many_files(node: Node) -> None:
    for number in range(MOST_DROP_INS + 1):
        node.file(f"{DROP_INS}/{number}.txt")
    words = f"found {MOST_DROP_INS + 1} files, expected {MOST_DROP_INS} at the most"
    assert problems(node) == (f"{node.root}{DROP_INS}: {words}",)


def test_missing_pyyaml_is_not_called_bad_yaml(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    found = problem(node, "scope: force\n")
    assert "not valid YAML" not in found
    assert found.endswith("; dnf install python3-pyyaml")


def test_messages_are_harmless(node: Node) -> None:
    found = problem(node, 'scope: "\\e[2J\\u202e"\n')
    assert "\033" not in found
    assert "\u202e" not in found


def loads_in_a_process(node: Node, after: str) -> subprocess.CompletedProcess[str]:
    """Load the configuration in a Python of its own."""
    code = (
        f"import sys; sys.path[:0] = [{str(TOP)!r}]\n"
        "import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        # A small stack, so that what would overflow a large one takes less to do it.
        "resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, 1 << 20))\n"
        "from pathlib import Path\n"
        "from nodefix.config import load\n"
        "from nodefix.errors import ConfigError\n"
        f"try: load(Path({str(node.root)!r}))\n"
        "except ConfigError: print('refused')\n"
        f"{after}\n"
    )
    return subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.real_commands
def test_deeply_nested_content_does_not_kill_the_process(node: Node) -> None:
    node.file(MAIN, b"[" * 10_000)
    done = loads_in_a_process(node, "")
    assert (done.returncode, done.stdout) == (0, "refused\n")


@pytest.mark.real_commands
@pytest.mark.parametrize(
    ("content", "imported"), [("# one\n\n  # two\n\t\n", False), ("# one\nscope: auto\n", True)]
)
def test_a_file_of_comments_does_not_cost_yaml(node: Node, content: str, imported: bool) -> None:
    node.file(MAIN, content)
    done = loads_in_a_process(node, "print('yaml' in sys.modules)")
    assert done.stdout == f"{imported}\n", done.stderr
