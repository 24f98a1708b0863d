"""What k3s and rke2 tell their kubelet about swap.

Their settings come to one list of flags: those of config.yaml and of config.yaml.d, by name, then
those on the unit's line. A key of a later file takes the place of one before it, `KEY+` adds to it.
Of `kubelet-arg` all count, and the last one of a name decides. kubelet's own order follows: its
flag, then the files in `DATA_DIR/agent/etc/kubelet.conf.d`, to which the file of `config=` is
copied as 10-cli-config.conf and the folder of `config-dir=` as 20-cli-config-dir, then the default
of k3s: failSwapOn: false. Releases before 1.32 know no such folder; drop-ins in it count all the
same, as somebody's wish.

Sources: k3s pkg/configfilearg/parser.go (readConfigFile, dotDFiles, findConfigFileFlag),
pkg/cli/cmds/agent.go, pkg/daemons/agent/agent.go (extractConfigArgs, defaultKubeletConfig),
pkg/util/args.go (GetArgs), which rke2 shares; rke2 bundle/lib/systemd/system;
https://docs.k3s.io/installation/configuration.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from nodefix.answer import Answer
from nodefix.errors import UnclearError
from nodefix.facts.kubelet_files import drop_ins, said_by_drop_ins
from nodefix.facts.kubelet_flags import boolean
from nodefix.facts.kubelet_settings import Started, mapping, names_in, started, values_of

if TYPE_CHECKING:
    from nodefix.host.node import Host
    from nodefix.host.units import ServiceCommand

_KEY, _FLAG = "kubelet-arg", "fail-swap-on"
_ROLES = ("server", "agent")


class _Given(NamedTuple):
    """A flag for k3s or its kubelet, and where it stands."""

    text: str
    where: str
    hint: str


def said_by_rancher(host: Host, unit: str, program: str, command: ServiceCommand | None) -> Answer:
    """Whether the kubelet of k3s or rke2 is configured to allow swap.

    Args:
        host: the node.
        unit: the unit that starts it.
        program: `k3s` or `rke2`.
        command: how the unit starts it; None where that is not known, then its files alone count.

    Raises:
        UnclearError: its settings cannot be read, or it would refuse them.
        BusError: systemd was to be asked, and did not answer.
    """
    line = started(host, unit, command, program) if command else Started(_ROLES[:1], {})
    words = _after_role(unit, line.words)
    given = [
        *_by_files(host, _absolute(_config_file(program, line.words, line.variables), unit)),
        *(
            _Given(f"--{_KEY}={value}", "on its command line", f"systemctl cat {unit}")
            for value in values_of(words, _KEY)
        ),
    ]
    args = [
        one._replace(text=one.text.partition("=")[2])
        for one in given
        if one.text.partition("=")[0] == f"--{_KEY}"
    ]
    data = _data_dir(program, [*(one.text for one in given), *words], line.variables)
    folder = f"{_absolute(data, unit).rstrip('/')}/agent/etc/kubelet.conf.d"
    answer = _by_args(host, unit, program, args, folder)
    if not line.exact and not answer.value:
        raise UnclearError(
            f"{unit} starts {program} in a way that may give it other flags than are seen here",
            f"systemctl cat {unit}",
        )
    return answer


def _after_role(unit: str, words: tuple[str, ...]) -> tuple[str, ...]:
    at = next((at for at, word in enumerate(words) if word in _ROLES), None)
    if at is None:
        raise UnclearError(
            f"{unit}: found neither `server` nor `agent` on its command line, expected one of them",
            f"systemctl cat {unit}",
        )
    return words[at + 1 :]


def _config_file(program: str, words: Iterable[str], variables: Mapping[str, str]) -> str:
    default = f"/etc/rancher/{program}/config.yaml"
    path = variables.get(f"{program.upper()}_CONFIG_FILE")
    # The first one counts here.
    return path or next(iter(values_of(words, "config", "c")), default) or default


def _data_dir(program: str, words: Iterable[str], variables: Mapping[str, str]) -> str:
    given = values_of(words, "data-dir", "d")
    variable = variables.get(f"{program.upper()}_DATA_DIR")
    return given[-1] if given else variable or f"/var/lib/rancher/{program}"


def _absolute(path: str, unit: str) -> str:
    # Settings may also be at an address, which is not asked before kubelet is up.
    if not path.startswith("/"):
        words = f"{unit}: found its files at {path[:200]!r}, expected an absolute path"
        raise UnclearError(words, f"systemctl cat {unit}")
    return path


def _by_files(host: Host, main: str) -> list[_Given]:
    """The flags that config.yaml and its drop-ins come to."""
    folder = f"{main}.d"
    names = [name for name in names_in(host, folder) if name.lower().endswith((".yaml", ".yml"))]
    found: dict[str, list[_Given]] = {}
    for path in (main, *(f"{folder}/{name}" for name in names)):
        for key, value in mapping(host, path).items():
            name = str(key).removesuffix("+")
            before = found.get(name, []) if str(key).endswith("+") else []
            found[name] = [*before, *_from_file(path, name, value)]
    return [one for given in found.values() for one in given]


def _from_file(path: str, name: str, value: object) -> Iterator[_Given]:
    """A value, or each of several, as the flag that it comes to."""
    hint = f"cat -A {shlex.quote(path)}"
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict | list) and name == _KEY:
            words = f"{path}: {name}: found {str(one)[:80]!r}, expected words such as 'v=2'"
            raise UnclearError(words, hint)
        text = "" if one is None else str(one).lower() if isinstance(one, bool) else str(one)
        yield _Given(f"--{name}={text}", f"in {path}", hint)


def _by_args(host: Host, unit: str, program: str, args: list[_Given], folder: str) -> Answer:
    """What kubelet's flags say, or else its files."""
    copied: dict[str, str] = {}
    last: _Given | None = None
    rest = iter(args)
    for arg in rest:
        name, equals, value = arg.text.removeprefix("--").partition("=")
        if not equals and name in ("config", "config-dir"):
            value = next(rest, _Given("", "", "")).text
        elif not equals:
            # So k3s takes it, and drops the word that follows.
            next(rest, None)
        plain = name.rstrip("-+").replace("_", "-")
        if name in ("config", "config-dir"):
            copied[name] = value
        elif plain == _FLAG:
            last = arg._replace(text=value if equals else "true")
    if last is None:
        answer = Answer(True, f"{unit} starts kubelet with failSwapOn: false")
        return said_by_drop_ins(host, _in_order(host, program, folder, copied), answer)
    fails = boolean(last.text)
    where = f"{_KEY} {_FLAG}={last.text} {last.where}"
    if fails is None:
        raise UnclearError(f"{unit}: {where}: expected true or false", last.hint)
    return Answer(not fails, f"{unit}: {where}")


def _in_order(host: Host, program: str, folder: str, copied: Mapping[str, str]) -> list[str]:
    """The drop-ins as kubelet finds them once k3s has written its own and copied the others."""
    found: dict[str, str] = {}
    if os.path.lexists(host.path(folder)):
        found = {path.removeprefix(f"{folder}/"): path for path in drop_ins(host, folder)}
    # Written anew at each start, and what it says is the default.
    found.pop(f"00-{program}-defaults.conf", None)
    config, more = copied.get("config", ""), copied.get("config-dir", "")
    if config and not config.startswith(folder):
        found["10-cli-config.conf"] = config
    if more and not more.startswith(folder):
        top = more.rstrip("/")
        # Copied whole, so a link to a folder counts as one.
        for path in drop_ins(host, f"{top}/"):
            found[f"20-cli-config-dir/{path.removeprefix(f'{top}/')}"] = path
    return [found[name] for name in sorted(found, key=lambda name: os.fsencode(name).split(b"/"))]
