"""Modules that are absent: why, and which package has them.

No package is installed here: the node may be offline, and dnf may pull in a new kernel.
"""

from __future__ import annotations

from nodefix.facts.kernel_packages import KernelPackages
from nodefix.facts.modules import ModuleFacts
from nodefix.facts.remedies import AGAIN
from nodefix.plan import Problem

REBOOT = "systemctl reboot"

# Modules that were merged into others in Linux 4.17 to 5.13, and those that Enterprise Linux 10 no
# longer has (empty): its iptables needs none of them.
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
    """The problems of absent modules; `lost` says what does not work without them."""
    gone = [name for name in names if name in _GONE]
    absent = [name for name in names if name not in _GONE]
    problems = [_gone(name, required) for name in gone]
    if absent:
        problems.append(_absent(facts, absent, lost, required))
    return problems


def _gone(name: str, required: bool) -> Problem:
    """A setting that asks for a module that no kernel has any more."""
    instead = _GONE[name]
    setting = "extra_modules" if required else "optional_modules"
    head = f"kernel module {name}: found in no kernel of Enterprise Linux 10"
    if not instead:
        return Problem(
            f"{head}, and nothing needs it; expected {setting} without it: remove it from the"
            " files that this command lists",
            f"grep -rnw {name} /etc/nodefix",
            required,
            "module-obsolete",
        )
    return Problem(
        f"{head}, it is now part of {instead}; expected {setting} without it",
        f"grep -rlw {name} /etc/nodefix | xargs sed -i 's/\\b{name}\\b/{instead}/g' && {AGAIN}",
        required,
        "module-obsolete",
    )


def _absent(facts: ModuleFacts, names: list[str], lost: str, required: bool) -> Problem:
    packages = facts.packages
    head = f"kernel modules {', '.join(names)}"
    if not packages.names:
        return Problem(
            f"{head}: found none for kernel {facts.kernel}, which belongs to no package of"
            " Enterprise Linux; expected them from whoever built this kernel, or with the"
            f" distribution's own{lost}",
            "dnf install kernel kernel-modules-extra && grubby --set-default"
            f' "$(ls /boot/vmlinuz-*.el10* | sort -V | tail -n 1)" && {REBOOT}',
            required,
            "module-absent",
        )
    if packages.installed:
        return Problem(
            f"{head}: found none for kernel {facts.kernel} although {packages.names[0]} is"
            f" installed; expected them in that package, or correct names in the settings{lost}",
            f"dnf{_excludes(packages)} reinstall {packages.names[0]} && {AGAIN}",
            required,
            "module-absent",
        )
    return Problem(
        f"{head}: found in no package installed for kernel {facts.kernel}, expected them there"
        f"{lost}{_other_way(facts, packages)}",
        _install(packages, AGAIN),
        required,
        "module-absent",
    )


def _install(packages: KernelPackages, then: str) -> str:
    # Where two are named, only one exists.
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
    """What the reader should know in addition to the command."""
    words = f"; {packages.excluded} excludes it from dnf" if packages.excluded else ""
    if packages.kernel and not facts.image:
        kernel, extra = packages.kernel
        option = _excludes(packages)
        words += (
            f"; if no mirror has this release any more: dnf upgrade{option} {kernel} &&"
            f" dnf install{option} {extra} && {REBOOT}"
        )
    return words


def next_kernel_problems(facts: ModuleFacts) -> tuple[Problem, ...]:
    """A warning in time: this kernel works, the next one will not."""
    coming = facts.next
    if not coming.missing:
        return ()
    what = f"kernel {coming.release}, which boots next"
    if coming.is_image:
        what = f"the image that boots next, with kernel {coming.release}"
    message = (
        f"{what}: found no modules {', '.join(coming.missing)}, expected them as in {facts.kernel}"
    )
    if not coming.packages.names:
        words = f"{message}; that kernel belongs to no package of Enterprise Linux"
        hint = f"grubby --set-default=/boot/vmlinuz-{facts.kernel}"
        return (Problem(words, hint, False, "modules-next-kernel"),)
    hint = _install(coming.packages, "")
    return (Problem(message, hint, False, "modules-next-kernel"),)
