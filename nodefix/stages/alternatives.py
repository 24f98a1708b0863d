"""iptables and ip6tables are the nft variants.

kube-proxy and the CNI plugins call iptables; EL10 has the nft variant only, linked to its names by
`alternatives`, and early in a boot or after a manual change these links may be missing.
Sources: iptables.spec of EL10 (what the package registers), alternatives(8),
update-alternatives(1), https://github.com/fedora-sysv/chkconfig/blob/1.33/alternatives.c.
"""

from __future__ import annotations

import shlex
from typing import NamedTuple

from nodefix.config import Config
from nodefix.errors import CommandError
from nodefix.facts.alternatives import (
    BIN,
    LINKS,
    NFT_PROGRAM,
    AlternativesFacts,
    Flavour,
    Group,
    Registry,
    candidate,
    is_nft,
    read_alternatives,
)
from nodefix.facts.alternatives_links import Link
from nodefix.facts.alternatives_state import Candidate, Entry
from nodefix.facts.modes import MODES
from nodefix.host.node import Host
from nodefix.host.programs import quoted
from nodefix.plan import Change, Plan
from nodefix.stages.alternatives_problems import (
    aside,
    blocked,
    is_not_installed,
    no_program,
    not_installed,
    shadowed,
    unreadable,
    wrong_version,
)
from nodefix.stages.alternatives_undo import Outcome, undo_of

__all__ = ["DEADLINE", "NAME", "NEEDS", "apply", "plan", "read"]

NAME = "alternatives"
NEEDS: tuple[str, ...] = ()
DEADLINE = 30.0

_PRIORITY = 10  # as the package registers it

_WITHOUT = "iptables is not installed"

Command = tuple[str, ...]


class Repair(NamedTuple):
    """The commands that repair one group."""

    commands: tuple[Command, ...]


def read(host: Host, config: Config) -> AlternativesFacts:
    """Read where the links end; no setting narrows that."""
    return read_alternatives(host)


def plan(facts: AlternativesFacts, config: Config) -> Plan:
    """Register the nft variant with all its followers where it is not, then choose it.

    A node whose kube-proxy does not look for what iptables made there may do without; where it has
    iptables all the same, network plugins call it, but nothing holds kubelet.
    """
    if MODES[config.kube_proxy].on_node:
        return _plan(facts)
    if is_not_installed(facts):
        shadows = shadowed(facts)
        without = (
            "" if shadows else f"{_WITHOUT}, and kube-proxy's mode {config.kube_proxy} needs none"
        )
        return Plan(problems=shadows, skipped=without)
    found = _plan(facts)
    return found._replace(
        changes=tuple(change._replace(required=False) for change in found.changes),
        problems=tuple(problem._replace(required=False) for problem in found.problems),
    )


def _plan(facts: AlternativesFacts) -> Plan:
    shadows = shadowed(facts)
    if facts.registry is None:
        return Plan(problems=wrong_version(facts) + shadows)
    known = [link for link in facts.links.values() if link.kind != "unknown"]
    if all(is_nft(link) for link in known):
        return Plan(problems=unreadable(facts.links.values(), required=False) + shadows)
    if missing := not_installed(facts.registry):
        return Plan(problems=missing + shadows)
    if facts.flavour is None:
        return Plan(problems=(no_program(facts.registry), *shadows))
    plans = [
        _repaired(facts, facts.flavour, facts.registry, group) for group in facts.flavour.groups
    ]
    changes = tuple(change for one in plans for change in one.changes)
    return Plan(changes, tuple(problem for one in plans for problem in one.problems) + shadows)


def _repaired(facts: AlternativesFacts, flavour: Flavour, registry: Registry, group: Group) -> Plan:
    """Repair a group, or say what prevents it."""
    links = [facts.links[name] for name in (group.leader, *group.followers)]
    wrong = [link for link in links if not is_nft(link)]
    if not wrong:
        return Plan()
    if problems := blocked(links, flavour, registry, group):
        return Plan(problems=problems)
    return Plan((_change(flavour, registry, group, wrong),))


def _change(flavour: Flavour, registry: Registry, group: Group, wrong: list[Link]) -> Change:
    entry = registry.entries[group.leader]
    registered = entry.candidates.get(candidate(group.leader))
    nft = _registration(group, registered)
    outcome = Outcome(_is_best(flavour, registry, group), nft, nft != registered)
    commands = [*_ground(registry, group)]
    if outcome.registers:
        commands.append(_install(flavour, entry, group, nft))
    commands.append(_choice(flavour, group, outcome))
    return Change(
        target=", ".join(link.path for link in wrong),
        found=", ".join(dict.fromkeys(_where(link) for link in wrong)),
        wanted=f"links that end at the nft variant, as {candidate(group.leader)}",
        hint=_places(entry, group),
        action=Repair(tuple(commands)),
        undo=undo_of(registry, group, outcome),
        code="alternatives-links-wrong",
        carried=shlex.join(("alternatives", "--set", group.leader, candidate(group.leader))),
    )


def _places(entry: Entry, group: Group) -> str:
    """For commands that had no effect: no remedy, but all that can have prevented them."""
    links = " ".join(f"{BIN}/{name}" for name in (group.leader, *group.followers))
    folder = entry.file.rsplit("/", 1)[0]
    return f"namei -l {links}; lsattr -d {BIN} {LINKS} {folder}; ls -lZ {folder}"


def _ground(registry: Registry, group: Group) -> list[Command]:
    """What the program expects: a folder for its links, and a link where it reads one.

    It refuses a directory in a link's place, and deletes a file there.
    """
    names = (group.leader, *group.followers)
    leader = registry.middles[group.leader]
    registered = registry.entries[group.leader].state == "registered"
    commands: list[Command] = []
    for link in (registry.candidates[name] for name in names):
        if link.kind == "absent":
            commands.append(_linked(NFT_PROGRAM, link.path))
    if registry.folders[LINKS].kind == "absent":
        # --parents: the other group's commands may have made it.
        commands.append(("/usr/bin/mkdir", "--parents", "--mode=0755", LINKS))
    for link in (registry.middles[name] for name in names):
        if link.kind not in ("link", "absent"):
            commands.append(aside(link.path))
    if registered and leader.kind != "link":
        commands.append(_linked(candidate(group.leader), leader.path))
    return commands


def _linked(target: str, path: str) -> Command:
    return ("/usr/bin/ln", "--symbolic", "--no-target-directory", target, path)


def _registration(group: Group, registered: Candidate | None) -> Candidate:
    """The nft variant with all its followers.

    A priority and followers that the admin added are kept.
    """
    wanted = {name: candidate(name) for name in group.followers}
    if registered is None:
        return Candidate(_PRIORITY, wanted)
    return Candidate(registered.priority, {**registered.followers, **wanted})


def _install(flavour: Flavour, entry: Entry, group: Group, nft: Candidate) -> Command:
    """--install with all followers: without them it would remove ip6tables' link on EL."""
    leader = (f"{BIN}/{group.leader}", group.leader, candidate(group.leader), str(nft.priority))
    command = [flavour.program, "--install", *leader]
    for name, target in nft.followers.items():
        link = f"{BIN}/{name}" if name in group.followers else entry.links[name]
        command += [flavour.follower_option, link, name, target]
    return tuple(command)


def _is_best(flavour: Flavour, registry: Registry, group: Group) -> bool:
    """Whether the automatic mode that the package leaves is right, as it ends at the nft variant.

    Not where an admin chose the nft variant by hand: that stays a choice.
    """
    entry = registry.entries[group.leader]
    path = candidate(group.leader)
    if not entry.automatic and registry.middles[group.leader].target == path:
        return False
    # A new one comes last.
    priorities = [(name, one.priority) for name, one in entry.candidates.items()]
    if path not in entry.candidates:
        priorities.append((path, _PRIORITY))
    highest = max(priority for _, priority in priorities)
    best = [name for name, priority in priorities if priority == highest]
    return best == [path] or (flavour.first_of_equals and best[0] == path)


def _choice(flavour: Flavour, group: Group, outcome: Outcome) -> Command:
    """Choose the nft variant; in either mode the program makes missing links anew."""
    if outcome.automatic:
        return (flavour.program, "--auto", group.leader)
    return (flavour.program, "--set", group.leader, candidate(group.leader))


def _where(link: Link) -> str:
    if link.kind == "absent":
        return "nothing"
    return f"a link to {link.end}" if link.end else "a link that ends at no program"


def apply(change: Change, host: Host) -> None:
    """Run the commands; the next reading tells where the links end.

    Raises:
        CommandError: one exited with another status than 0; those after it were not run.
    """
    assert isinstance(change.action, Repair)
    for command in change.action.commands:
        result = host.programs.run(*command)
        if result.status:
            raise CommandError(f"`{quoted(command)}`: {result.words}", change.hint)
