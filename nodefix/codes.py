"""The kinds of problems: a code that stays the same in every version, and what it means.

Records carry the code as NODEFIX_CODE=, the report as `code`.
"""

from __future__ import annotations

from collections.abc import Mapping

# What ends so says that something is not known, not that it is wrong.
_UNCLEAR = ("-unknown", "-unread", "-unclear", "-untried")


def is_unclear(code: str) -> bool:
    """Whether a problem of this kind says that something is not known."""
    return code.endswith(_UNCLEAR)


CODES: Mapping[str, str] = {
    # Any stage.
    "stage-behind": "A stage that has to work first does not, so this one cannot be judged.",
    "stage-unclear": "Something on the node could not be read or understood.",
    "stage-error": "A stage could not be run to its end.",
    "nodefix-defect": "nodefix hit an unexpected error; this is a defect, please report it.",
    # Stage swap.
    "swap-on": "Swap is on and cannot be turned off; kubelet refuses to start while swap is on.",
    "swap-fstab": (
        "/etc/fstab has swap entries that cannot be commented out; swap is on again after the next"
        " boot, and kubelet refuses to start."
    ),
    "swap-unit": (
        "A systemd unit turns swap on at boot and cannot be masked or disabled; kubelet refuses to"
        " start after the next boot."
    ),
    "swap-in-use": (
        "More swap is in use than memory has room for, so turning it off would take the node down;"
        " kubelet refuses to start while swap is on."
    ),
    "swap-memory-unknown": (
        "Swap is in use and the available memory is not known, so swap is not turned off; kubelet"
        " refuses to start while swap is on."
    ),
    "swap-kubelet-unknown": (
        "It is not known whether kubelet is configured to allow swap, so swap is left unchanged;"
        " a kubelet that does not allow it refuses to start."
    ),
    "swap-unread": (
        "A source of swap cannot be read and is left unchanged; kubelet refuses to start where it"
        " turns swap on."
    ),
    # Stage modules.
    "kube-proxy-mode-unknown": "What tells kube-proxy's mode cannot be read, so rules and modules"
    " of another mode may have been tried.",
    "conntrack-missing": "nf_conntrack_max is missing although nf_conntrack is present; kube-proxy"
    " exits without it.",
    "module-absent": "A kernel module is not on disk for the running kernel, mostly because"
    " kernel-modules-extra is not installed; rules of kube-proxy or the network plugin that need it"
    " fail.",
    "module-kept-out": "A kernel module is on disk, but modprobe.d or the kernel's command line"
    " keeps it from loading; rules of kube-proxy or the network plugin that need it fail.",
    "module-not-loaded": "A kernel module is on disk, but modprobe does not load it; rules of"
    " kube-proxy or the network plugin that need it fail.",
    "module-obsolete": "The settings list a kernel module that no kernel of Enterprise Linux 10"
    " has; kube-proxy does not need it.",
    "module-unclear": "A file that decides whether kernel modules can be loaded cannot be read, so"
    " kube-proxy's rules may lack one.",
    "modules-disabled": "kernel.modules_disabled is 1, so no kernel module can be loaded before the"
    " next boot; rules of kube-proxy or the network plugin that need one fail.",
    "modules-next-kernel": "The kernel that boots next lacks modules that the running one has;"
    " rules of kube-proxy or the network plugin will fail after the next boot.",
    "network-plugin-unclear": "The network plugin's configuration cannot be read or understood, so"
    " modules that it needs may be missing.",
    "sysctl-kept": "An admin's line sets a sysctl so that pods have no network; it is left.",
    "sysctl-not-set": "A sysctl that pods' network needs cannot be set.",
    "sysctl-unread": "A sysctl that pods' network needs cannot be read, so it is left.",
    "rules-failed": "Rules like kube-proxy's cannot be made although all kernel modules are"
    " present; kube-proxy cannot make its own either.",
    "rules-library": "iptables lacks an extension library, so rules that need it cannot be made on"
    " this node.",
    "rules-untried": "Rules like kube-proxy's could not be tried, so kube-proxy's own may fail.",
    # Stage alternatives.
    "alternatives-links-wrong": "An iptables command does not end at the nft variant.",
    "alternatives-unclear": "A link or a program could not be examined, so it is left alone.",
    "alternatives-displaced": "A file stands where alternatives keeps its links or its state.",
    "alternatives-read-only": "A folder for alternatives' links is read-only.",
    "alternatives-disk-full": "alternatives would lose its state on a full file system.",
    "alternatives-state-refused": "alternatives cannot work with its state file for iptables.",
    "alternatives-unfinished": "A killed run of alternatives left a file that blocks each change.",
    "alternatives-not-installed": "The program that keeps the links is missing.",
    "iptables-not-installed": "iptables' nft program is missing, or its names end elsewhere.",
    "iptables-wrong-variant": "iptables is not the nft variant, which alone works here.",
    "iptables-does-not-run": "iptables cannot be run, so no rule can be made with it.",
    "iptables-shadowed": "Another iptables comes first in PATH, so kubelet's calls go to it.",
    # Stage chains.
    "chains-missing": "Chains or jumps that kube-proxy and kubelet look for are missing.",
    "chains-hook-wrong": "An admin's chain has the name that kube-proxy needs, and another hook.",
    "chains-unreadable-rules": "iptables cannot read a chain that kube-proxy lists at its start.",
    "chains-table-dormant": "A table is switched off, so kube-proxy's rules in it have no effect.",
    "chains-unclear": "nft did not say whether a table is switched off.",
    # Stage lockfile.
    "lockfile-missing": (
        "/run/xtables.lock is missing and cannot be created; kube-proxy's pod then gets a directory"
        " in its place and cannot lock."
    ),
    "lockfile-directory": (
        "/run/xtables.lock is a directory; iptables cannot lock it, so kube-proxy writes no rules."
    ),
    "lockfile-mode": (
        "/run/xtables.lock has another owner or mode than root's 0600 and cannot be changed; others"
        " than root can block kube-proxy's iptables."
    ),
    "lockfile-kind": (
        "/run/xtables.lock is neither a file nor a directory and is left unchanged; iptables and"
        " kube-proxy may not lock the same file."
    ),
    "lockfile-entry": (
        "The tmpfiles.d entry for /run/xtables.lock cannot be written; a boot starts without the"
        " file until nodefix creates it, and a pod may be faster."
    ),
    "lockfile-entry-other": (
        "The file of nodefix's tmpfiles.d entry has other content or cannot be read and is left"
        " unchanged; a boot may start without a usable /run/xtables.lock."
    ),
    # kube-proxy on a node whose kubelet is up.
    "kube-proxy-not-restarted": (
        "The node was changed in a way that kube-proxy only sees at its start, and kube-proxy was"
        " not restarted; Services may not work on this node until it is."
    ),
    "kube-proxy-down": (
        "kube-proxy was restarted and does not stay up; Services do not work on this node."
    ),
}
