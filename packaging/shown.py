"""What README.md and the man pages show as output: where it stands, and what in it is steady.

A block of output is marked with the scene that it is taken from, in a comment:

    <!-- shown: held -->                     .\\" shown: held
    ```console                              .nf
    [root@node ~]# nodefix status           [root@node ~]# nodefix status
    failed at …                             failed at …
    ```                                     .fi

A line with a prompt is a command, which is run literally, as root after `#` and as an ordinary user
after `$`; the lines after it are what it says. What differs from run to run is made steady by one
table, _STEADY. Tests of the tiers container and vm hold the blocks against real nodes, and
packaging/outputs has them write the blocks anew.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from marked import Form, rewrite

from nodefix.text import seconds_of, stamp

TOP = Path(__file__).resolve().parents[1]

# Set in the environment: blocks are written anew and not compared.
WRITE = "NODEFIX_WRITE_OUTPUTS"


class Scene(NamedTuple):
    """What a block is taken from.

    Attributes:
        node: the node of it; its scenes follow each other in this order.
        what: its condition, in words.
        prepare: lines of bash that bring the booted node from the scene before into this one.
        meanwhile: a line of bash that runs while a command waits for something to happen.
    """

    node: str
    what: str
    prepare: str = ""
    meanwhile: str = ""


# Whoever watches is there before the run begins, and sees a stage at work.
_DROP_IN = "/run/systemd/system/nodefix.service.d/slow.conf"
_SLOWLY = f"""\
mkdir -p {_DROP_IN.rpartition("/")[0]}
printf '[Service]\\nExecStartPre=/usr/bin/sleep 6\\n' >{_DROP_IN}
systemctl daemon-reload
mv /usr/bin/unshare /usr/bin/unshare.real
printf '#!/bin/sh\\nsleep 2; exec /usr/bin/unshare.real "$@"\\n' >/usr/bin/unshare
chmod 755 /usr/bin/unshare
"""
_QUICKLY = f"rm {_DROP_IN}; systemctl daemon-reload; mv /usr/bin/unshare.real /usr/bin/unshare"

SCENES = {
    "first-boot": Scene("machine", "swap was on, and the next kernel lacks modules"),
    "ready": Scene("repaired", "up, after a boot that repaired two things"),
    "watched": Scene("repaired", "a run that takes its time", _SLOWLY),
    "heard": Scene(
        "repaired",
        "a run while somebody listens on the bus",
        _QUICKLY,
        "nodefix run --stage lockfile",
    ),
    "configured": Scene(
        "repaired",
        "an admin has a file of settings",
        "echo 'swap_margin_mib: 512' >/etc/nodefix/nodefix.yaml.d/50-site.yaml",
    ),
    "misspelled": Scene(
        "repaired",
        "the same with a mistake in it",
        "echo 'swap_margin: 512' >/etc/nodefix/nodefix.yaml.d/50-site.yaml",
    ),
    "damaged": Scene(
        "repaired",
        "up, and three things were changed since",
        """\
rm /etc/nodefix/nodefix.yaml.d/50-site.yaml
update-alternatives --set iptables /usr/sbin/iptables-legacy >/dev/null
rm /run/xtables.lock
mkdir /run/xtables.lock
sysctl -qw net.ipv4.ip_forward=0
""",
    ),
    "mended": Scene(
        "repaired",
        "the same, and nodefix is run by hand",
        # A reader sits at a terminal, where nobody waits for the fleet.
        "echo 'kube_proxy_restart_spread: 0' >/etc/nodefix/nodefix.yaml.d/10-terminal.yaml",
    ),
    "unwanted": Scene("repaired", "up, and an admin wants the old state back"),
    "undone": Scene("repaired", "the same, and it is undone"),
    "held": Scene("held", "libraries of iptables are missing, so kubelet is held"),
    "off": Scene("held", "the same, and the node has to be up now"),
}

# A node that was held and then repaired, as `nodefix status --svg` draws it.
PICTURE = TOP / "packaging/pictures/boot.svg"
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_BOOTED = "2026-11-02T06:30:12Z"

_PROMPT = re.compile(r"\[(?P<user>root|ada)@node ~\][#$] (?P<command>.+)")


class Command(NamedTuple):
    """One command of a block."""

    prompt: str
    is_root: bool
    line: str


class Block(NamedTuple):
    """A marked block.

    Attributes:
        file: where it stands.
        scene: what it is taken from.
        text: prompts, commands and outputs, in plain text.
        written: the same as its language has it.
    """

    file: Path
    scene: str
    text: str
    written: str

    @property
    def commands(self) -> list[Command]:
        """Its commands, in their order."""
        found = map(_PROMPT.fullmatch, self.text.splitlines())
        return [
            Command(one[0].removesuffix(one["command"]), one["user"] == "root", one["command"])
            for one in found
            if one
        ]


# What roff would take for a request or show as another character.
_ROFF_CHARACTERS = {
    "\\": "\\e",
    "-": "\\-",
    "'": "\\(aq",
    "`": "\\(ga",
    "^": "\\(ha",
    "~": "\\(ti",
}


def _to_roff(text: str) -> str:
    text = "".join(_ROFF_CHARACTERS.get(character, character) for character in text)
    return re.sub(r"(?m)^(?=\.)", r"\\&", text)


def _from_roff(text: str) -> str:
    plain = {written: character for character, written in _ROFF_CHARACTERS.items()}
    return re.sub(r"\\(\(..|.)", lambda found: plain.get(found[0], ""), text)


_MARKDOWN = Form(
    re.compile(r"(?ms)^<!-- shown: (?P<name>\S+) -->\n```console\n(?P<text>.*?)^```$"),
    str,
    str,
)
_ROFF = Form(
    re.compile(r'(?ms)^\.\\" shown: (?P<name>\S+)\n\.nf\n(?P<text>.*?)^\.fi$'),
    _to_roff,
    _from_roff,
)

# Man pages are rendered from these.
FILES = {
    TOP / "README.md": _MARKDOWN,
    **{file: _ROFF for file in sorted((TOP / "packaging/man").glob("*.roff"))},
}

# What differs from one run to the next, each with what is shown in its place.
_STEADY: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    # Times.
    (_STAMP.pattern, _BOOTED),
    (r"[A-Z][a-z]{2} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? UTC", "Mon 2026-11-02 06:30:12 UTC"),
    # Durations. In a column they keep to its right edge, and those of a run's stages add up.
    (r"(?<= ) {2,}\d+\.\d\d s", lambda found: "0.15 s".rjust(len(found[0]))),
    (r"\d+\.\d\d s\b", "0.15 s"),
    (r"^((swap|alternatives|lockfile) .*\d +)0\.15 s$", r"\g<1>0.01 s"),
    (r"^((modules|chains) .*\d +)0\.15 s$", r"\g<1>0.06 s"),
    (r"0\.15 s(?=.*, kube-proxy changed)", "12.15 s"),
    (r"\btook \d+ (s|min)( \d+ s)?", "took less than a second"),
    (r"^(held: \S+, for )(up to )?\d+ s", r"\g<1>8 s"),
    (r"\bby itself within (\d+ min )?\d+ s", "by itself within 12 s"),
    (r"(?i)(duration_usec\W+)\d+", r"\g<1>10000"),
    # Runs, and what the stand-in of crictl calls a container.
    (r"\b(\w*INVOCATION_ID=)[0-9a-f]{32}", rf"\g<1>{'5e' * 16}"),
    (r"\bcontainer [0-9a-f]{13}\b", "container 8c6f1d2f1d0e4"),
    # What the kernel and Debian have of their own on the node that is looked at.
    (r"\b6\.\d+\.\d+\S*?-amd64\b", "6.12.0-124.8.1.el10_1.x86_64"),
    (r"/var/lib/dpkg/alternatives\b", "/var/lib/alternatives"),
    (r"\b\d+ KiB in use", "0 KiB in use"),
)


def blocks(scene: str = "") -> Iterator[Block]:
    """The marked blocks of a scene, or all, in the order of files and lines."""
    for file, form in FILES.items():
        for found in form.block.finditer(file.read_text()):
            if scene in ("", found["name"]):
                yield Block(file, found["name"], form.read(found["text"]), found["text"])


def script(scene: str) -> str:
    """Lines of bash that run a scene's commands as root; shown-0 and so on get what they say."""
    lines = [f"{SCENES[scene].prepare}\n"]
    for number, command in enumerate(_commands(scene)):
        lines.append(f"bash -c {shlex.quote(command.line)} >shown-{number} 2>&1 || true\n")
    return "".join(lines)


def _commands(scene: str) -> list[Command]:
    return [command for block in blocks(scene) for command in block.commands]


def hold(scene: str, said: Callable[[int, Command], str]) -> None:
    """Hold all blocks of a scene against a real run, or write them anew where that is wanted.

    Args:
        scene: its name.
        said: what a command says now; it gets the command's number within the scene, too.

    Raises:
        AssertionError: a block shows something else.
    """
    number = 0
    differences: list[str] = []
    for block in list(blocks(scene)):
        text = ""
        for command in block.commands:
            text += f"{command.prompt}{command.line}\n{steady(said(number, command))}"
            number += 1
        if os.environ.get(WRITE):
            _write(block, text)
        elif text != block.text:
            names = (str(block.file.relative_to(TOP)), f"now, scene {scene}")
            before, now = block.text.splitlines(), text.splitlines()
            differences += difflib.unified_diff(before, now, *names, lineterm="", n=1)
    if differences:
        lines = "\n".join(differences)
        raise AssertionError(f"what is shown is out of date; fix: packaging/outputs\n{lines}")


def _write(block: Block, text: str) -> None:
    rewrite(block.file, FILES[block.file], block.scene, block.written, text)


def neutral(picture: str) -> str:
    """A picture whose first time is the same whenever it was drawn; what took how long stays."""
    found = _STAMP.findall(picture)
    by = seconds_of(_BOOTED) - min(map(seconds_of, found))
    return _STAMP.sub(lambda one: stamp(seconds_of(one[0]) + by), picture)


# Which stage is met at work depends on the moment.
_MOMENTARY = re.compile(r"stage \w+ is running")


def steady(text: str) -> str:
    """Text with what differs from run to run replaced, and without blanks at the ends of lines."""
    lines = [line.rstrip() for line in text.rstrip().splitlines()]
    lines = [line for line in lines if not _MOMENTARY.fullmatch(line)]
    for pattern, instead in _STEADY:
        lines = [re.sub(pattern, instead, line) for line in lines]
    return "".join(f"{line}\n" for line in lines)
