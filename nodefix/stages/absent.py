"""Modules that are not there: whose fault that is, and what brings them.

No package is installed here: a node may be offline, and dnf may bring a new kernel along.
"""

from __future__ import annotations

from nodefix.facts.kernel_packages import KernelPackages
from nodefix.facts.modules import ModuleFacts
from nodefix.facts.probe import AGAIN
from nodefix.plan import Problem

REBOOT = "systemctl reboot"

# Modules that became part of others, in Linux 4.17 to 5.13, and those that Enterprise Linux 10 has
# no more (empty): its iptables needs none of them.
_GONE = {
    "ip_conntrack": "nf_conntrack",
    "nf_conntrack_ipv4": "nf_conntrack",
    "nf_conntrack_ipv6": "nf_conntrack",
    "nf_conntrack_proto_gre": "nf_conntrack",
    "nf_nat_ipv4": "nf_nat",
    "nf_nat_ipv6": "nf_nat",
    "nf_nat_masquerade_ipv4": "nf_nat",
    "nf_nat_masquerade_ipv6": "nf_nat",
    "nf_tables_inet": "nf_tables",
    "nf_tables_ipv4": "nf_tables",
    "nf_tables_ipv6": "nf_tables",
    "nft_chain_nat_ipv4": "nft_chain_nat",
    "nft_chain_nat_ipv6": "nft_chain_nat",
    "nft_masq_ipv4": "nft_masq",
    "nft_masq_ipv6": "nft_masq",
    "nf_log_ipv4": "nf_log_syslog",
    "nf_log_ipv6": "nf_log_syslog",
    "ipt_MASQUERADE": "xt_MASQUERADE",
    "ip_tables": "",
    "ip6_tables": "",
    "iptable_filter": "",
    "iptable_mangle": "",
    "iptable_nat": "",
    "ip6table_filter": "",
    "ip6table_mangle": "",
    "ip6table_nat": "",
}


def absent_problems(
    facts: ModuleFacts, names: list[str], lost: str, required: bool
) -> list[Problem]:
    """What is to be said about modules that are absent; `lost` is what does not work for it."""
    gone = [name for name in names if name in _GONE]
    absent = [name for name in names if name not in _GONE]
    problems = [_gone(name, required) for name in gone]
    if absent:
        problems.append(_absent(facts, absent, lost, required))
    return problems


def _gone(name: str, required: bool) -> Problem:
    """A setting that asks for what no kernel has any more."""
    instead = _GONE[name]
    setting = "extra_modules" if required else "optional_modules"
    head = f"kernel module {name}: no kernel of Enterprise Linux 10 has it"
    if not instead:
        return Problem(
            f"{head}, and nothing needs it; expected {setting} of /etc/nodefix without it: take it"
            " out where this command finds it",
            f"grep -rnw {name} /etc/nodefix",
            required,
            "module-obsolete",
        )
    return Problem(
        f"{head}, it is part of {instead} now; expected {setting} of /etc/nodefix without it",
        f"grep -rlw {name} /etc/nodefix | xargs sed -i 's/\\b{name}\\b/{instead}/g' && {AGAIN}",
        required,
        "module-obsolete",
    )


def _absent(facts: ModuleFacts, names: list[str], lost: str, required: bool) -> Problem:
    packages = facts.packages
    head = f"kernel modules {', '.join(names)}"
    if not packages.names:
        return Problem(
            f"{head}: not there for kernel {facts.kernel}, which belongs to no package of"
            " Enterprise Linux: they come from whoever built it, or with the distribution's own"
            f" kernel; expected them there{lost}",
            "dnf install kernel kernel-modules-extra && grubby --set-default"
            f' "$(ls /boot/vmlinuz-*.el10* | sort -V | tail -n 1)" && {REBOOT}',
            required,
            "module-absent",
        )
    if packages.installed:
        return Problem(
            f"{head}: not there for kernel {facts.kernel} though {packages.names[0]} is installed;"
            f" expected them in it, or their names right{lost}",
            f"dnf{_excludes(packages)} reinstall {packages.names[0]} && {AGAIN}",
            required,
            "module-absent",
        )
    return Problem(
        f"{head}: found in no package that is installed for kernel {facts.kernel}, expected them"
        f" there{lost}{_other_way(facts, packages)}",
        _install(facts, packages, REBOOT if facts.ostree else AGAIN),
        required,
        "module-absent",
    )


def _install(facts: ModuleFacts, packages: KernelPackages, then: str) -> str:
    if facts.ostree:
        return " && ".join(filter(None, (f"rpm-ostree install {packages.names[0]}", then)))
    # Of two packages only one exists.
    commands = [f"dnf install{_excludes(packages)} {name}" for name in packages.names]
    install = commands[0] if len(commands) == 1 else f"{{ {' || '.join(commands)}; }}"
    if then:
        install = f"{install} && {then}"
    if packages.lasting:
        install = f"{install}; dnf install{_excludes(packages)} {packages.lasting}"
    return install


def _excludes(packages: KernelPackages) -> str:
    return " --disableexcludes=all" if packages.excluded else ""


def _other_way(facts: ModuleFacts, packages: KernelPackages) -> str:
    """What a reader should know beside the command."""
    if facts.ostree:
        return "; on an image-mode node the package belongs into the image"
    words = f"; {packages.excluded} keeps dnf from it" if packages.excluded else ""
    if packages.kernel:
        kernel, extra = packages.kernel
        option = _excludes(packages)
        words += (
            f"; where no mirror has this release any more: dnf upgrade{option} {kernel} &&"
            f" dnf install{option} {extra} && {REBOOT}"
        )
    return words


def next_kernel_problems(facts: ModuleFacts) -> tuple[Problem, ...]:
    """A warning while there is still time: this kernel works, the next one will not."""
    coming = facts.next
    if not coming.missing:
        return ()
    message = (
        f"kernel {coming.release}, which boots next: found no modules"
        f" {', '.join(coming.missing)} for it, expected them as for {facts.kernel}"
    )
    if not coming.packages.names:
        words = f"{message}; it belongs to no package of Enterprise Linux"
        hint = f"grubby --set-default=/boot/vmlinuz-{facts.kernel}"
        return (Problem(words, hint, False, "modules-next-kernel"),)
    hint = _install(facts, coming.packages, "")
    return (Problem(message, hint, False, "modules-next-kernel"),)
