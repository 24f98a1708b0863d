"""A dry run loads no kernel module, whatever is loaded already, and tries what it can."""

from __future__ import annotations

from pathlib import Path

import pytest
from testnode.qemu import Boot, Ran, Scenario

from nodefix.facts.modes import MODES

FUNCTIONS = (Path(__file__).with_name("modules.sh")).read_text()
DRY = """\
names() { awk '{ print $1 }' /proc/modules | sort; }
dry() {
    names >../before
    nodefix run --dry-run --stage modules >"$1.said" 2>&1 || true
    names >../after
    comm -13 ../before ../after >"$1.loaded"
}
all_but() {
    unload
    # The cruellest case: all is there but what the rule needs last.
    for name in "${@:2}"; do [[ $name == "$1" ]] || modprobe "$name"; done
}
"""
# What rules load last; xt_tcpudp is loaded beside a rule's own module.
LAST = {
    "iptables": ("xt_recent", "ip6t_REJECT", "xt_tcpudp"),
    "nftables": ("nft_reject_ipv4", "nft_fib_ipv6"),
    "ipvs": ("xt_ipvs",),
}


def _loads(mode: str) -> tuple[str, ...]:
    """All that trying a mode's rules loads."""
    names = (
        name
        for feature in MODES[mode].features
        for family in ("IPv4", "IPv6")
        for name in feature.loads_of(family)
    )
    return tuple(dict.fromkeys(names))


def _script(mode: str) -> str:
    lines = [
        f"printf 'kube_proxy: {mode}\\n' >/etc/nodefix/nodefix.yaml.d/mode.yaml",
        f"unload\ndry {mode}-none",
        f"modprobe nf_tables\ndry {mode}-base",
        *(f"all_but {last} {' '.join(_loads(mode))}\ndry {mode}-{last}" for last in LAST[mode]),
        f"unload\nnodefix run --stage modules || true\ndry {mode}-all",
    ]
    return "\n".join([*lines, ""])


MACHINE = Scenario(
    "modules-dry-run",
    boots=(
        Boot(
            script=f"{FUNCTIONS}{DRY}mkdir -p /etc/nodefix/nodefix.yaml.d\n"
            + "".join(_script(mode) for mode in LAST),
            seconds=600,
        ),
    ),
)
STATES = tuple((mode, state) for mode in LAST for state in ("none", "base", *LAST[mode], "all"))

machine = pytest.mark.parametrize("ran", [MACHINE], indirect=True, ids=["machine"])


@machine
@pytest.mark.parametrize(("mode", "state"), STATES)
def test_a_dry_run_loads_no_module_and_says_what_it_did_not_try(
    ran: Ran, mode: str, state: str
) -> None:
    said = ran.boots[0].script(f"{mode}-{state}.said")
    assert ran.boots[0].script(f"{mode}-{state}.loaded").split() == [], said
    # After a run all is loaded that its rules need, so all can be tried.
    assert ("not tried" in said) == (state != "all"), said
    if state in LAST[mode]:
        assert f"loads kernel modules ({state})" in said
