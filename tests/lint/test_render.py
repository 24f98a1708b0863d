"""Man pages, completions and the schema: fresh, and of use to the programs that read them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
PACKAGING = TOP / "packaging"
PAGES = sorted((PACKAGING / "man").glob("*.[58]"))

# What follows the cursor's word, and what must be among the proposals.
WORDS = (
    ("nodefix ", {"run", "wait", "config"}),
    ("nodefix ru", {"run"}),
    ("nodefix run --", {"--dry-run", "--stage"}),
    ("nodefix run --stage ", {"swap", "modules", "chains"}),
    ("nodefix config ", {"show", "check"}),
    ("nodefix config show --format ", {"json", "yaml"}),
)

_BASH = """\
source "$1"
COMP_WORDS=($2)
[[ $2 != *' ' ]] || COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
complete -p nodefix >/dev/null
_shtab_nodefix nodefix "${COMP_WORDS[COMP_CWORD]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
_FISH = """\
source $argv[1]
complete --do-complete=$argv[2]
"""
# zsh completes on a terminal only, so a pseudo-terminal of its own is typed at.
_ZSH = """\
zmodload zsh/zpty
typeset text= part word
# Read until all of these words have come, or for long enough.
until_seen() {
    repeat 300; do
        while zpty -r -t shell part; do text+=$part; done
        for word; do [[ $text == *$word* ]] || { sleep 0.1; continue 2 }; done
        return
    done
}
zpty -b shell zsh -f -i
zpty -w shell "PS1=; fpath=(${1:h} \\$fpath); autoload -Uz compinit; compinit -D -u"
zpty -w shell "zstyle ':completion:*' list-prompt ''; setopt no_always_last_prompt; LISTMAX=999"
zpty -w shell "print it is re''ady"
until_seen "it is ready"
text=
zpty -w -n shell "$2"$'\\t\\t'
until_seen "${@:3}"
print -r -- $text
zpty -d shell
"""


def program(name: str) -> str:
    """A program's path; a skip where it is missing, never one that nobody sees."""
    found = shutil.which(name)
    if found is None:
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up(f"found no {name}; run tests/run as root once, it installs what is missing")
    return found


def printed(*argv: str) -> str:
    done = subprocess.run(
        argv,
        cwd=TOP,
        env={**os.environ, "PYTHONPATH": str(TOP), "LC_ALL": "C.UTF-8", "TERM": "dumb"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_what_is_rendered_is_fresh() -> None:
    pytest.importorskip("shtab", reason="run tests/run as root once, it installs the renderer")
    printed(sys.executable, str(PACKAGING / "render"), "--check")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_man_page_has_no_fault(page: Path) -> None:
    assert printed(program("man"), "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(page))
    shown = printed(program("man"), "--warnings", "-E", "UTF-8", "-l", str(page))
    assert "warning" not in shown
    assert "nodefix" in shown


@pytest.mark.parametrize(("line", "expected"), WORDS)
def test_bash_completes(line: str, expected: set[str]) -> None:
    file = str(PACKAGING / "completions/nodefix")
    found = printed(program("bash"), "--norc", "-c", _BASH, "bash", file, line)
    assert expected <= set(found.split())


@pytest.mark.parametrize(("line", "expected"), WORDS)
def test_fish_completes(line: str, expected: set[str]) -> None:
    file = str(PACKAGING / "completions/nodefix.fish")
    found = printed(program("fish"), "--no-config", "-c", _FISH, file, line)
    assert expected <= {word for line in found.splitlines() for word in line.split("\t")[:1]}


@pytest.mark.parametrize(("line", "expected"), WORDS[2:4])
def test_zsh_completes(line: str, expected: set[str]) -> None:
    file = str(PACKAGING / "completions/_nodefix")
    found = printed(program("zsh"), "-f", "-c", _ZSH, "zsh", file, line, *expected)
    assert all(word in found for word in expected), found
