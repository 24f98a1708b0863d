"""Whether kubelet is told to live with swap.

Sources: kubernetes cmd/kubelet/app/options (--config, --config-dir, --fail-swap-on; flags win over
files), staging/src/k8s.io/kubelet/config/v1beta1 (failSwapOn, true by default).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from nodefix.errors import BusError, NodefixError
from nodefix.host import Host

UNIT = "kubelet.service"

_FALSE = frozenset({"0", "f", "false"})


def wants_swap(host: Host) -> str:
    """Where kubelet is told that swap may be on; empty if it is not told so."""
    flags = _flags(host)
    if "--fail-swap-on" in flags:
        off = flags["--fail-swap-on"].lower() in _FALSE
        return f"--fail-swap-on={flags['--fail-swap-on']} on kubelet's command line" if off else ""
    verdict = ""
    for file in _files(host, flags):
        found = _fail_swap_on(host.path(str(file)))
        if found is not None:
            # A later file wins over an earlier one, whichever way.
            verdict = "" if found else f"failSwapOn: false in {file}"
    return verdict


def _files(host: Host, flags: Mapping[str, str]) -> list[Path]:
    files = [Path(flags["--config"])] if flags.get("--config") else []
    if flags.get("--config-dir"):
        folder = Path(flags["--config-dir"])
        names = sorted(path.name for path in host.path(str(folder)).glob("*.conf"))
        files += [folder / name for name in names]
    return files


def _flags(host: Host) -> dict[str, str]:
    """The flags of kubelet's unit, its environment filled in as systemd.service(5) does."""
    try:
        command, environment, files = host.systemd.service_command(UNIT)
    except BusError:
        return {}
    variables = dict(line.partition("=")[::2] for line in environment)
    for path, _ in files:
        variables |= _environment_file(host.path(path))
    words: list[str] = []
    for word in command[1:]:
        whole = re.fullmatch(r"\$(\w+)", word)
        if whole:
            words += _split(variables.get(whole[1], ""))
        else:
            words.append(re.sub(r"\$\{(\w+)\}", lambda m: variables.get(m[1], ""), word))
    return _parsed(words)


def _parsed(words: list[str]) -> dict[str, str]:
    flags: dict[str, str] = {}
    for at, word in enumerate(words):
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            if not equals:
                following = words[at + 1 : at + 2]
                takes = following and not following[0].startswith("-")
                # A boolean flag does not take the next word as its value (spf13/pflag).
                value = following[0] if takes and name != "--fail-swap-on" else "true"
            flags[name] = value
    return flags


def _environment_file(file: Path) -> dict[str, str]:
    try:
        text = file.read_bytes().decode("utf-8", "replace")
    except OSError:
        return {}
    found = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith(("#", ";")):
            found[key] = value.strip("\"'")
    return found


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _fail_swap_on(file: Path) -> bool | None:
    """failSwapOn of a KubeletConfiguration; None if it does not say, or cannot be read."""
    from nodefix.yamlfile import parse

    try:
        found = parse(file.read_bytes())
    except (OSError, NodefixError):
        return None
    value = found.get("failSwapOn") if isinstance(found, dict) else None
    return value if isinstance(value, bool) else None
