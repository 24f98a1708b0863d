"""The kubelet units: masked, missing, without the line that waits for nodefix, or not tried again.

Sources: systemd.unit(5): drop-ins of the same name in /etc take the place of those in /usr/lib, an
empty assignment resets a list, and StartLimitBurst= starts within StartLimitIntervalSec= are all
that there are; k3s' install.sh for units of other names.
"""

from __future__ import annotations

from typing import NamedTuple

from nodefix.advice.finding import Advice
from nodefix.config import Config
from nodefix.host.kubelets import gate_command, spoken
from nodefix.host.node import Host
from nodefix.host.units import UnitInfo
from nodefix.words import DROP_IN, KUBELET, KUBELET_UNITS, UNIT_FOLDERS

NAME = "kubelet_unit"

_WAIT = ("/usr/bin/nodefix", "wait")
_ADMINS, _OURS = UNIT_FOLDERS[0], UNIT_FOLDERS[-1]
_OVERRIDING = UNIT_FOLDERS[:2]
# Restart= by which a start that fails is made again.
_TRIES_AGAIN = ("always", "on-failure")
# Programs that bring a kubelet, each with the words by which it does, and the unit whose drop-in
# suits theirs of another name.
_PROGRAMS = {
    "k3s": (("server", "agent"), "k3s.service"),
    "rke2": (("server", "agent"), "rke2-server.service"),
    "k0s": (("controller", "worker"), "k0sworker.service"),
}
_DAEMON_RELOAD = "systemctl daemon-reload"


class Facts(NamedTuple):
    """The units.

    Attributes:
        units: each kubelet unit to how systemd has it.
        overrides: some of them to what stands in the place of nodefix's drop-in.
        others: units of other names that bring a kubelet and do not wait, each with the unit whose
            drop-in suits it.
    """

    units: dict[str, UnitInfo]
    overrides: dict[str, str]
    others: dict[str, str]


def read(host: Host, config: Config) -> Facts:
    """Ask systemd, and see what stands in the drop-ins' places."""
    units = {unit: host.systemd.unit_info(unit) for unit in KUBELET_UNITS}
    overrides = {unit: place for unit in KUBELET_UNITS if (place := _override(host, unit))}
    return Facts(units, overrides, _others(host))


def _override(host: Host, unit: str) -> str:
    places = [f"{folder}/{unit}.d/{DROP_IN}" for folder in _OVERRIDING]
    # A link to /dev/null is what masks it.
    there = (
        place for place in places if host.path(place).is_symlink() or host.path(place).exists()
    )
    return next(there, "")


def _others(host: Host) -> dict[str, str]:
    names = {
        path.name
        for folder in UNIT_FOLDERS
        for program in _PROGRAMS
        for path in host.path(folder).glob(f"{program}*.service")
    }
    found = {}
    for name in sorted(names - {*KUBELET_UNITS}):
        alike = _alike(host, name)
        if alike and not _waits(host.systemd.unit_info(name)):
            found[name] = alike
    return found


def _alike(host: Host, name: str) -> str:
    """The kubelet unit that one of another name is like; empty if it brings no kubelet."""
    command = host.systemd.service_command(name)
    words, unit = _PROGRAMS.get(command.program.rpartition("/")[2], ((), ""))
    return unit if {*words} & {*command.argv[1:]} else ""


def _waits(unit: UnitInfo) -> bool:
    return any(words[:2] == _WAIT for words in unit.before)


def judge(facts: Facts) -> tuple[Advice, ...]:
    """Something has to bring kubelet up, and all of it has to wait for nodefix."""
    here = {name: unit for name, unit in facts.units.items() if unit.load != "not-found"}
    usable = any(unit.load == "loaded" for unit in here.values()) or bool(facts.others)
    found: list[Advice] = []
    for name, unit in here.items():
        if unit.load == "masked":
            # Where another one brings kubelet up, an admin's mask is what keeps two from it.
            found += [] if usable else [_masked(name, unit)]
        elif unit.load != "loaded":
            found.append(_broken(name, unit))
        elif not _waits(unit):
            found.append(_without_wait(facts, name))
        elif why := _not_again(unit):
            found.append(_given_up(name, why))
    found += (_other(name, alike) for name, alike in facts.others.items())
    return tuple(found) if here or facts.others else (_missing(),)


def _not_again(unit: UnitInfo) -> str:
    """Why systemd does not go on starting a unit that is held; empty if it does."""
    if unit.restart not in _TRIES_AGAIN:
        return f"Restart={unit.restart}, expected Restart=always"
    is_held_within = any(words[:3] == (*_WAIT, "--hold") for words in unit.before)
    if not is_held_within and unit.burst * unit.pause < unit.interval:
        return (
            f"pauses of {unit.pause:g} s and at most {unit.burst} starts in {unit.interval:g} s,"
            " expected longer pauses or no such limit"
        )
    return ""


def _masked(name: str, unit: UnitInfo) -> Advice:
    runtime = " --runtime" if unit.file_state == "masked-runtime" else ""
    return Advice(
        "kubelet-masked",
        f"{name}: found masked, expected enabled",
        f"{spoken((name,))} cannot start, so that this is no node of the cluster.",
        f"systemctl unmask{runtime} {name} && systemctl enable --now {name}",
    )


def _broken(name: str, unit: UnitInfo) -> Advice:
    return Advice(
        "kubelet-unit-broken",
        f"{name}: found that systemd cannot load it ({unit.load}), expected it loaded",
        f"{spoken((name,))} cannot start, so that this is no node of the cluster.",
        f"systemd-analyze verify {name}",
    )


def _missing() -> Advice:
    return Advice(
        "kubelet-missing",
        f"{KUBELET}: found no such unit, nor one of a distribution with a kubelet of its own,"
        " expected kubelet to be installed",
        "Without kubelet this is no node of a cluster.",
        "dnf install kubelet --disableexcludes=all",
    )


def _without_wait(facts: Facts, name: str) -> Advice:
    unit, override, line = facts.units[name], facts.overrides.get(name), gate_command(name)
    names = [path.rpartition("/")[2] for path in unit.drop_ins]
    expected = f"expected `{line}` among what it runs before its start"
    if override:
        found = f"{name}: found {override} in the place of nodefix's drop-in, {expected}"
        hint = f"rm {override} && {_DAEMON_RELOAD}"
    elif DROP_IN in names:
        later = [path for path in unit.drop_ins if path.rpartition("/")[2] > DROP_IN]
        by = f" by {' or '.join(later)}" if later else ""
        found = f"{name}: found nodefix's ExecStartPre= reset{by}, {expected}"
        hint = _write(name, "zz-nodefix.conf", f"ExecStartPre={line}")
    else:
        found = f"{name}: found no drop-in {DROP_IN}, {expected}"
        hint = f"dnf reinstall nodefix && {_DAEMON_RELOAD}"
    return Advice("kubelet-does-not-wait", found, _starts_anyway(name), hint)


def _starts_anyway(name: str) -> str:
    return (
        f"{spoken((name,))} starts whether the node is ready for it or not, and what nodefix finds"
        " wrong neither holds it nor stands in its journal."
    )


def _given_up(name: str, why: str) -> Advice:
    return Advice(
        "kubelet-not-tried-again",
        f"{name}: found {why}",
        f"A start that nodefix holds fails, so that {spoken((name,))} stays down when the node is"
        " repaired.",
        _write(name, "zz-nodefix-restart.conf", r"Restart=always\nRestartSec=5"),
    )


def _other(name: str, alike: str) -> Advice:
    return Advice(
        "kubelet-of-another-name",
        f"{name}: found that it brings a kubelet and no drop-in {DROP_IN}, expected"
        f" `{gate_command(alike)}` among what it runs before its start",
        _starts_anyway(name),
        f"install -D -m 0644 {_OURS}/{alike}.d/{DROP_IN} {_ADMINS}/{name}.d/{DROP_IN}"
        f" && {_DAEMON_RELOAD}",
    )


def _write(name: str, file: str, lines: str) -> str:
    """The command that adds lines to a unit's section [Service]."""
    folder = f"{_ADMINS}/{name}.d"
    text = rf"'[Service]\n{lines}\n'"
    return f"mkdir -p {folder} && printf {text} >{folder}/{file} && {_DAEMON_RELOAD}"
