"""packaging/Containerfile: what can be told of it without building it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from nodefix import words
from nodefix.facts.lockfile import TMPFILES_LINE, VENDORS_TMPFILES
from nodefix.image_mode import BOOTC, Image, in_image

TOP = Path(__file__).resolve().parents[2]
SPEC = (TOP / "nodefix.spec").read_text()
# Joined lines without comments, as its parsers have them.
LINES = re.sub(
    r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", (TOP / "packaging/Containerfile").read_text())
).split("\n")
STEPS = [(line.partition(" ")[0], line.partition(" ")[2]) for line in LINES if line]
RUNS = [rest for instruction, rest in STEPS if instruction == "RUN"]


def test_its_instructions_and_their_order() -> None:
    found = [instruction for instruction, _ in STEPS]
    assert found[:3] == ["ARG", "FROM", "COPY"]
    assert set(found[3:]) == {"RUN"}
    assert RUNS[-1].endswith("&& bootc container lint")
    argument, base = STEPS[0][1].split("=")
    assert STEPS[1][1] == f"${{{argument}}}"
    assert re.fullmatch(r"[\w.-]+(?:/[\w.-]+)+:[\w.-]+", base)


@pytest.mark.real_commands
@pytest.mark.parametrize("step", RUNS)
def test_each_step_is_shell(step: str) -> None:
    subprocess.run(["/bin/sh", "-n", "-c", step], check=True)


def test_what_it_copies_is_what_the_build_makes() -> None:
    (pattern, target) = next(rest for instruction, rest in STEPS if instruction == "COPY").split()
    version, release = (
        re.findall(rf"(?m)^{key}: *(.*)$", SPEC)[0] for key in ("Version", "Release")
    )
    built = f"nodefix-{version}-{release}"
    assert Path(f"{built}.noarch.rpm").match(pattern)
    assert not Path(f"{built}.src.rpm").match(pattern)
    installed, removed = (f"{step} {target}{pattern}" for step in ("dnf install -y", "rm -rf"))
    assert installed in RUNS[0] and removed in RUNS[0]


def test_the_modules_are_pinned_as_a_remedy_pins_them() -> None:
    """They are those that the package needs, for the kernel of the image."""
    assert "Requires:       (kernel-modules-extra if kernel-core)" in SPEC
    remedy = in_image('dnf install "kernel-modules-extra-$(uname -r)"', Image(BOOTC))
    pinned = re.findall(r'"kernel-modules-extra-.*?kernel-core\)"', remedy)
    assert pinned and pinned[0] in RUNS[0]


def test_it_carries_what_nodefix_would_write_to_etc() -> None:
    assert f"echo '{TMPFILES_LINE}' >{VENDORS_TMPFILES}" in RUNS


def test_the_folder_below_var_is_made_at_each_boot() -> None:
    """It is not enough that the image has it, and its file is not the one that /etc replaces."""
    (line,) = re.findall("(?m)^d .*", (TOP / "systemd/nodefix-var.conf").read_text())
    assert line == f"d /{words.STATE} 0700 root root -"
    assert f"%dir %attr(0700, root, root) %{{_sharedstatedir}}/{Path(words.STATE).name}" in SPEC
    assert "%{_tmpfilesdir}/nodefix-var.conf" in SPEC
    assert Path(VENDORS_TMPFILES).name != "nodefix-var.conf"


def test_settings_of_an_image_are_read() -> None:
    text = (TOP / "packaging/Containerfile").read_text()
    (folder,) = re.findall(r"/(usr/lib/\S+\.d)/,", text)
    assert folder == f"{words.SETTINGS_FOLDERS[-1]}/{words.DROP_INS}"
