"""What the real kubelet makes of the cases in tests/unit/data/kubelet/settings.yaml.

It is told to print its effective configuration, and given a flag with which it ends right after
that: it takes no lock file that it is to wait for. It runs in a root of the case's files.
Answers are recorded anew, for all releases that are pinned, by

    PYTHONPATH=packaging:tests/unit:. build/venv/bin/python tests/kubernetes/realkubelet.py
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import testnode
from build import RELEASES, binaries
from kubeletsettings import ANSWERS, Case, cases
from testnode.store import scratch

# The first leads to the end, the next to what is printed there, whatever -v a case has. The others
# let it get as far on any machine, without making a certificate.
_WORDS = (
    "--exit-on-lock-contention",
    "--vmodule=server=5",
    "--fail-cgroupv1=false",
    "--cert-dir=/pki",
)
_CERTIFICATE = ("pki/kubelet.crt", "pki/kubelet.key")
_ENDED = "cannot exit on lock file contention"
_DUMP = re.compile(r'"(?:Effective )?KubeletConfiguration" con\w+=')
_VALUE = re.compile(r'\bfailSwapOn"?: (true|false)\b', re.IGNORECASE)
_FAILED = re.compile(
    r'"command failed" err=(?:"((?:[^"\\]|\\.)*)"|<\s*(.*?)\n\s*>)|^panic: ([^\n]*)',
    re.DOTALL | re.MULTILINE,
)
_FLAG = re.compile(r'FLAG: --([^=]+)="(.*)"')
# What comes before the cause in each of its messages about files.
_BEFORE = re.compile(
    r"failed to (?:load|merge) kubelet config"
    r".*?(?:, error (?!failed to load)|drop\w+ directory \S+: )"
)
# Of a message; what follows are whole structures.
_LENGTH = 160
_SECONDS = 60

# In the place of kubelet, on a booted node.
_STAND_IN = "#!/bin/sh\nfor word; do printf '%s\\0' \"$word\"; done\n"
_TOLD = "/var/told"


def fail_swap_on(kubelet: Path, case: Case, words: Iterable[str], root: Path) -> bool | str:
    """The failSwapOn that a kubelet comes to; its own words where it does not start.

    Args:
        kubelet: the program.
        case: what it is told.
        words: its command line.
        root: an empty folder in the same file system.

    Raises:
        Failed: it did neither.
    """
    case.lay(root)
    output = _run(kubelet, words, root)
    failed = _FAILED.search(output)
    if failed is None:
        raise testnode.Failed(f"{case.name}: found kubelet to say\n{output}\nexpected an end")
    message = next(filter(None, failed.groups())).replace('\\"', '"')
    if _ENDED not in message:
        return _BEFORE.sub("", " ".join(message.split()))[:_LENGTH].strip()
    dump = _DUMP.search(output)
    value = dump and _VALUE.search(output, dump.end())
    if not value:
        raise testnode.Failed(f"{case.name}: found kubelet to say\n{output}\nexpected its settings")
    return value[1] == "true"


def _run(kubelet: Path, words: Iterable[str], root: Path) -> str:
    """What a kubelet prints in a root, in whose file system it is."""
    (root / "pki").mkdir()
    for name in _CERTIFICATE:
        (root / name).touch()
    os.link(kubelet, root / "kubelet")
    argv = ["chroot", str(root), "/kubelet", *_WORDS, *words]
    return testnode.run(argv, timeout=_SECONDS, check=False).output


def switches(kubelet: Path) -> dict[str, bool]:
    """All flags of a kubelet, and whether each takes no word after it."""
    root, done = scratch("kubelet")
    try:
        shutil.copy(kubelet, root / "program")
        flags = _FLAG.findall(_run(root / "program", ["-v=1"], root))
    finally:
        done()
    return {name: value in ("true", "false") for name, value in flags}


def all_of(
    kubelet: Path, told: Mapping[str, Sequence[str] | None], some: Sequence[Case] = ()
) -> dict[str, bool | str]:
    """What a kubelet makes of all cases, or of some, as many at once as there are processors.

    Args:
        kubelet: the program.
        told: the command lines that systemd makes, by case.
        some: cases; none are all.
    """
    folder, done = scratch("kubelet")

    def one(case: Case) -> bool | str:
        words = told[case.name] if case.words is None else case.words
        if words is None:
            return "systemd does not start it"
        root = folder / case.name
        root.mkdir()
        return fail_swap_on(program, case, words, root)

    try:
        # Linked into each root, which cannot be done from another file system.
        program = folder / "program"
        shutil.copy(kubelet, program)
        asked = some or cases()
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            found = list(pool.map(one, asked))
        return {case.name: answer for case, answer in zip(asked, found, strict=True)}
    finally:
        done()


def by_systemd() -> dict[str, list[str] | None]:
    """The command lines that a real systemd makes, by case; None where it starts nothing."""
    units = {case.name: case for case in cases() if case.words is None}
    root = testnode.Root.make(testnode.image())
    root.write("/opt/kubelet", _STAND_IN, 0o755)
    (root.path / _TOLD[1:]).mkdir()
    for name, case in units.items():
        root.write(f"/etc/systemd/system/{name}.service", _unit(case))
        # Files of several have the same path.
        (root.path / "srv" / name).mkdir()
        case.lay(root.path / "srv" / name)
    with testnode.Nspawn(root) as node:
        node.boot()
        node.run(["systemctl", "start", *(f"{name}.service" for name in units)], check=False)
        told = {name: root.path / _TOLD[1:] / name for name in units}
        return {
            name: place.read_text().split("\0")[:-1] if place.exists() else None
            for name, place in told.items()
        }


def _unit(case: Case) -> str:
    command = case.command
    lines = ["[Service]", "Type=oneshot", f"StandardOutput=truncate:{_TOLD}/{case.name}"]
    lines += [f"Environment={_quoted(word)}" for word in command.environment]
    for path, optional in command.files:
        lines.append(f"EnvironmentFile={'-' if optional else ''}/srv/{case.name}{path}")
    lines += [f"UnsetEnvironment={_quoted(word)}" for word in command.unset]
    words = " ".join(_quoted(word) for word in command.argv[1:])
    lines.append(f"ExecStart={'' if command.expands else ':'}/opt/kubelet {words}")
    return "\n".join(lines) + "\n"


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def minor(release: str) -> str:
    """1.37 of v1.37.2."""
    return ".".join(release.removeprefix("v").split(".")[:2])


def main() -> None:
    """Record what the pinned releases answer, and say what differs from the record before."""
    words = by_systemd()
    kubelet = {minor(name): all_of(binaries(name).kubelet, words) for name in RELEASES}
    ANSWERS.write_text(json.dumps({"words": words, "kubelet": kubelet}, indent=1) + "\n")


if __name__ == "__main__":
    main()
