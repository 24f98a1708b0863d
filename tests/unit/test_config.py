"""nodefix/config.py: YAML to Config, every problem at once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from fakehost import Node

from nodefix.config import KEYS, MODES, SCOPES, STAGE_NAMES, Config, load
from nodefix.errors import ConfigError

TOP = Path(__file__).resolve().parents[2]
MAIN = "/etc/nodefix/nodefix.yaml"
DROP_INS = "/etc/nodefix/nodefix.yaml.d"


def problems(node: Node) -> tuple[str, ...]:
    """What load() finds fault with; fails if it finds none."""
    with pytest.raises(ConfigError) as caught:
        load(node.root)
    return caught.value.problems


def problem(node: Node, content: str | bytes) -> str:
    """The one problem of a main file with this content."""
    node.file(MAIN, content)
    (only,) = problems(node)
    assert only.startswith(f"{node.root}{MAIN}: ")
    return only


def test_no_file_gives_the_defaults(node: Node) -> None:
    assert load(node.root) == Config("auto", dict.fromkeys(STAGE_NAMES, "required"))


@pytest.mark.parametrize("content", ["", "---\n", "stages:\n", "{}", "\ufeffscope: auto\n"])
def test_files_without_a_setting_give_the_defaults(node: Node, content: str) -> None:
    node.file(MAIN, content)
    assert load(node.root) == Config()


@pytest.mark.parametrize("scope", SCOPES)
def test_scope(node: Node, scope: str) -> None:
    node.file(MAIN, f"scope: {scope}\n")
    assert load(node.root).scope == scope


@pytest.mark.parametrize("stage", STAGE_NAMES)
@pytest.mark.parametrize("mode", MODES)
def test_each_stage_takes_each_mode_and_leaves_the_others(
    node: Node, stage: str, mode: str
) -> None:
    node.file(MAIN, f"stages: {{{stage}: '{mode}'}}\n")
    assert load(node.root).modes == {**Config().modes, stage: mode}


@pytest.mark.parametrize("word", ["off", "Off", "OFF", "'off'"])
def test_bare_off_means_off_though_yaml_reads_false(node: Node, word: str) -> None:
    node.file(MAIN, f"stages:\n  swap: {word}\n")
    assert load(node.root).modes["swap"] == "off"


def test_bare_on_is_no_mode(node: Node) -> None:
    assert "stages.swap: found True, expected one of: required" in problem(
        node, "stages: {swap: on}"
    )


@pytest.mark.parametrize("word", ["auto", "off", "keep"])
def test_swap(node: Node, word: str) -> None:
    node.file(MAIN, f"swap: {word}\n")
    assert load(node.root).swap == word


@pytest.mark.parametrize("word", ["iptables", "nftables", "off"])
def test_chains(node: Node, word: str) -> None:
    node.file(MAIN, f"chains: {word}\n")
    assert load(node.root).chains == word


@pytest.mark.parametrize("key", ["extra_modules", "optional_modules"])
def test_modules(node: Node, key: str) -> None:
    assert load(node.root).optional_modules == ("br_netfilter",)
    node.file(MAIN, f"{key}: [ip_vs, xt-dashed]\n")
    assert getattr(load(node.root), key) == ("ip_vs", "xt_dashed")
    node.file(f"{DROP_INS}/10.yaml", f"{key}:\n")
    assert getattr(load(node.root), key) == ()


@pytest.mark.parametrize("value", ["ip_vs", "[5]", "['a b']", "[../x]", "[[a]]", "{a: b}", "['']"])
def test_modules_of_the_wrong_kind(node: Node, value: str) -> None:
    assert "extra_modules: found" in problem(node, f"extra_modules: {value}\n")


@pytest.mark.parametrize("number", [0, 1, 4096])
def test_swap_margin(node: Node, number: int) -> None:
    node.file(MAIN, f"swap_margin_mib: {number}\n")
    assert load(node.root).swap_margin_mib == number


@pytest.mark.parametrize("value", ["-1", "1.5", "yes", "'256'", "[1]", "256 MiB"])
def test_swap_margin_of_the_wrong_kind(node: Node, value: str) -> None:
    found = problem(node, f"swap_margin_mib: {value}\n")
    assert "swap_margin_mib: found" in found
    assert found.endswith("expected a whole number of 0 or more")


def test_drop_ins_win_by_name_setting_by_setting(node: Node) -> None:
    node.file(MAIN, "scope: force\nstages: {swap: wanted, chains: wanted}\n")
    node.file(f"{DROP_INS}/20-b.yaml", "stages: {swap: off}\n")
    node.file(f"{DROP_INS}/10-a.yaml", "stages: {swap: required, modules: off}\n")
    node.file(f"{DROP_INS}/30-c.yaml.rpmsave", "scope: nonsense\n")
    config = load(node.root)
    assert config.scope == "force"
    assert config.modes == {
        **Config().modes,
        "swap": "off",
        "chains": "wanted",
        "modules": "off",
    }


def test_every_problem_of_every_file_at_once(node: Node) -> None:
    node.file(MAIN, "scpoe: auto\nscope: 3\nstages: {swap: maybe, swop: off, 7: off}\n")
    node.file(f"{DROP_INS}/10.yaml", "- a list\n")
    node.file(f"{DROP_INS}/20.yaml", "stages: [swap]\n")
    node.file(f"{DROP_INS}/30.yaml", "a: [\n")
    main, drop = f"{node.root}{MAIN}", f"{node.root}{DROP_INS}"
    modes = "required, wanted, off"
    found = problems(node)
    assert found[:7] == (
        f"{main}: unknown key 'scpoe' (did you mean scope?); expected one of: {', '.join(KEYS)}",
        f"{main}: scope: found 3, expected one of: auto, force",
        f"{main}: stages.swap: found 'maybe', expected one of: {modes}",
        f"{main}: stages: unknown key 'swop' (did you mean swap?); expected one of:"
        f" {', '.join(STAGE_NAMES)}",
        f"{main}: stages: unknown key 7; expected one of: {', '.join(STAGE_NAMES)}",
        f"{drop}/10.yaml: found a list, expected a mapping of settings",
        f"{drop}/20.yaml: stages: found a list, expected a mapping of stage to mode",
    )
    assert found[7].startswith(f"{drop}/30.yaml: is not valid YAML: ")
    assert "line 2" in found[7]
    assert len(found) == 8


@pytest.mark.parametrize(
    ("content", "kind"),
    [("- a", "a list"), ("word", "a string"), ("yes", "true or false"), ("7", "a number")],
)
def test_what_is_no_mapping(node: Node, content: str, kind: str) -> None:
    assert problem(node, content).endswith(f"found {kind}, expected a mapping of settings")


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_file_that_others_can_write(node: Node, mode: int) -> None:
    file = node.file(MAIN, "scope: force\n", mode)
    (only,) = problems(node)
    assert f"{file}: found mode {mode:04o}" in only
    assert only.endswith(f"chmod go-w {file}")


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


def test_unreadable_folder(node: Node) -> None:
    folder = node.file(DROP_INS)
    assert problems(node) == (f"{folder}: cannot be listed: Not a directory",)


def test_folder_in_a_files_place(node: Node) -> None:
    (node.root / "etc/nodefix/nodefix.yaml").mkdir(parents=True)
    assert problems(node) == (f"{node.root}{MAIN}: cannot be read: Is a directory",)


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


def test_a_key_given_twice_gives_no_traceback(node: Node) -> None:
    node.file(MAIN, "scope: auto\nscope: force\n")
    assert load(node.root).scope == "force"


def test_large_file(node: Node) -> None:
    node.file(MAIN, "# a comment\n" * 100_000 + "scope: force\n")
    assert load(node.root).scope == "force"


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


def test_shipped_file_is_comments_that_state_the_defaults(node: Node) -> None:
    shipped = (TOP / "packaging/nodefix.yaml").read_text()
    assert all(line.startswith("#") for line in shipped.splitlines() if line)
    # A remark follows its # with a blank, a setting does not.
    lines = [line[1:] for line in shipped.splitlines()]
    settings = [line for line in lines if line[:1].isalpha() or line.startswith("  ")]
    node.file(MAIN, "\n".join(settings))
    assert load(node.root) == Config()
    keys = {line.split(":")[0] for line in settings if line[0] != " "}
    assert keys == set(KEYS)
    assert [line.split(":")[0].strip() for line in settings if line[0] == " "] == [*STAGE_NAMES]
