"""iptables and ip6tables are the nft variants.

kube-proxy and the CNI plugins call iptables; EL10 has the nft variant only, tied to its names by
`alternatives`, and early in a boot or after a change by hand these ties may be missing.
Sources: iptables.spec of EL10 (what the package registers), alternatives(8),
update-alternatives(1).
"""

from __future__ import annotations

from typing import NamedTuple

from nodefix.commands import quoted
from nodefix.config import Config
from nodefix.errors import CommandError
from nodefix.facts.alternatives import (
    BIN,
    AlternativesFacts,
    Flavour,
    Group,
    Link,
    candidate,
    is_nft,
    read,
)
from nodefix.host import Host
from nodefix.plan import Change, Plan, Problem

__all__ = ["DEADLINE", "NAME", "apply", "plan", "read"]

NAME = "alternatives"
DEADLINE = 30.0

_PRIORITY = "10"  # as the package registers it
_PACKAGE = "iptables-nft"
_REINSTALL = f"dnf reinstall {_PACKAGE}"


class Repair(NamedTuple):
    """The alternatives commands that put one group right."""

    commands: tuple[tuple[str, ...], ...]


def plan(facts: AlternativesFacts, config: Config) -> Plan:
    """Register what is not registered with all its followers, then choose it."""
    wrong = [name for name, link in facts.links.items() if not is_nft(link)]
    shadows = _shadows(facts)
    if not wrong:
        return Plan(problems=_versions(facts) + shadows)
    missing = [candidate(name) for name in facts.links if name not in facts.candidates]
    if missing:
        return Plan(
            problems=(
                Problem(
                    f"{', '.join(missing)}: found nothing, expected the nft variant of iptables",
                    f"dnf install {_PACKAGE} && systemctl restart nodefix",
                ),
            )
        )
    if facts.flavour is None:
        message = "found neither alternatives nor update-alternatives, expected one of them"
        return Plan(problems=(Problem(message, "dnf install alternatives"),))
    changes: list[Change] = []
    problems: list[Problem] = []
    for group in facts.flavour.groups:
        names = [name for name in (group.leader, *group.followers) if name in wrong]
        if names:
            blocked = _blocked(facts, group, names)
            problems += blocked
            changes += () if blocked else (_change(facts, facts.flavour, group, names),)
    return Plan(tuple(changes), (*problems, *shadows))


def _versions(facts: AlternativesFacts) -> tuple[Problem, ...]:
    return tuple(
        Problem(
            f"{BIN}/{name} -V: found {version or 'nothing'!r}, expected a version with"
            f" (nf_tables), since the link ends at {facts.links[name].end}",
            _REINSTALL,
        )
        for name, version in facts.versions.items()
        if "(nf_tables)" not in version
    )


def _shadows(facts: AlternativesFacts) -> tuple[Problem, ...]:
    """Not required: kube-proxy brings its own iptables, and this one may be meant."""
    return tuple(
        Problem(
            f"{link.path}: found it before {BIN} in PATH, ending at {link.end}, expected nothing"
            " there, since kubelet's and the network plugins' calls go to it",
            f"mv {link.path} {link.path}.saved",
            required=False,
        )
        for link in facts.shadows
    )


def _blocked(facts: AlternativesFacts, group: Group, names: list[str]) -> list[Problem]:
    """What alternatives itself would not mend, and says nothing about in its exit status."""
    entry = facts.entries[group.leader]
    problems = [
        Problem(
            f"{link.path}: found a file where alternatives' link belongs, expected a link;"
            " alternatives leaves it alone and still exits with 0",
            f"mv {link.path} {link.path}.saved && systemctl restart nodefix",
        )
        for name in names
        if (link := facts.links[name]).kind == "file"
    ]
    if entry.state == "corrupt":
        problems.append(
            Problem(
                f"{entry.file}: found a state file that alternatives cannot read, expected the"
                f" registration of {group.leader}",
                f"mv {entry.file} /root/ && systemctl restart nodefix",
            )
        )
    return problems


def _change(facts: AlternativesFacts, flavour: Flavour, group: Group, names: list[str]) -> Change:
    entry = facts.entries[group.leader]
    path = candidate(group.leader)
    commands: list[tuple[str, ...]] = []
    registered = entry.followers.get(path)
    if registered is None or not registered.issuperset(group.followers):
        commands.append(_install(flavour, group))
    # Also for automatic mode: setting makes links anew that somebody removed.
    commands.append((flavour.program, "--set", group.leader, path))
    return Change(
        target=", ".join(f"{BIN}/{name}" for name in names),
        found=", ".join(dict.fromkeys(_where(facts.links[name]) for name in names)),
        wanted=f"links that end at the nft variant, as {path}",
        hint=" && ".join(quoted(command) for command in commands),
        action=Repair(tuple(commands)),
    )


def _install(flavour: Flavour, group: Group) -> tuple[str, ...]:
    """--install with all followers: a bare one would take ip6tables' link away on EL."""
    command = [flavour.program, "--install"]
    command += [f"{BIN}/{group.leader}", group.leader, candidate(group.leader), _PRIORITY]
    for name in group.followers:
        command += [flavour.follower_option, f"{BIN}/{name}", name, candidate(name)]
    return tuple(command)


def _where(link: Link) -> str:
    if link.kind == "absent":
        return "nothing"
    return f"a link to {link.end}" if link.end else "a link that ends nowhere"


def apply(change: Change, host: Host) -> None:
    """Run alternatives; where the links end afterwards is for the next reading to tell.

    Raises:
        CommandError: it exited with another status than 0.
    """
    for command in change.action.commands:
        result = host.commands.run(*command)
        if result.status:
            raise CommandError(f"`{quoted(command)}`: {result.words}", change.hint)
