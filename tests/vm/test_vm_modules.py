"""Kernel modules that are away, kept out or broken: named, with the remedy, and kubelet held."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import shown
from oracles import EVERY, NOT_ASKED_FOR, OPTIONAL, ORACLES, REQUIRED
from testnode.qemu import Boot, Booted, Ran, Scenario

# Of what Enterprise Linux 10 has in kernel-modules-extra only.
EXTRA = ("nft_compat", "xt_comment", "xt_addrtype", "xt_MASQUERADE", "ip_set", "br_netfilter")
_VERSION = "Linux version "

FUNCTIONS = (Path(__file__).with_name("modules.sh")).read_text()


class Case(NamedTuple):
    """One damage to one module."""

    kind: str
    module: str
    mode: str = "iptables"

    @property
    def name(self) -> str:
        """The folder of its results."""
        return f"{self.mode}-{self.kind}-{self.module}"


def _absent(mode: str) -> tuple[Case, ...]:
    modules = [*REQUIRED[mode], *OPTIONAL.get(mode, ())]
    modules += [NOT_ASKED_FOR] * (mode == "iptables")
    return tuple(Case("absent", module, mode) for module in modules)


OTHERS = (
    Case("replaced", "xt_comment"),
    Case("blacklisted", "nft_compat"),
    Case("broken", "xt_statistic"),
    Case("replaced", "overlay"),
)
# iptables is taken off the node for good, and then a whole run is made.
_WITHOUT_IPTABLES = """\
dpkg --purge --force-depends iptables >/dev/null 2>&1
hash -r
unload
mkdir without
nodefix run >without/printed 2>&1 || echo $? >without/status
cp /run/nodefix/report.json without
"""


def _one_by_one(name: str, cases: tuple[Case, ...], last: str = "") -> Scenario:
    """All cases in one boot: that needs no reboot, only netfilter's modules unloaded again."""
    lines = [f"cat >../try.{mode} <<'END'\n{rules}END\n" for mode, rules in ORACLES.items()]
    lines += [f"echo {' '.join(REQUIRED['ipvs'])} >../try.modules\n", FUNCTIONS]
    mode = "iptables"
    for case in cases:
        lines += [f"mode {case.mode}\n"] * (case.mode != mode)
        lines.append(f"{case.kind} {case.module}\n")
        mode = case.mode
    script = "".join([*lines, last])
    return Scenario(name, boots=(Boot(script=script, seconds=600),), collect=("/run/nodefix",))


_FIRST = 11
ABSENT = _absent("iptables")
ALONE = {
    "modules-absent-1": ABSENT[:_FIRST],
    "modules-absent-2": (*ABSENT[_FIRST:], *_absent("ipvs")),
    "modules-kept-out": (*OTHERS, *_absent("nftables")),
}
WITHOUT_IPTABLES = _one_by_one("modules-kept-out", ALONE["modules-kept-out"], _WITHOUT_IPTABLES)
GROUPS = {
    WITHOUT_IPTABLES if name == WITHOUT_IPTABLES.name else _one_by_one(name, cases): cases
    for name, cases in ALONE.items()
}

_NEXT = "6.12.0-211.34.1.el10.x86_64"
_NEXT_LACKS = ("nft_compat", "xt_MASQUERADE")
_NEXT_KERNEL = f"""\
cd /lib/modules
mkdir {_NEXT}
grep -vE '/({"|".join(_NEXT_LACKS)})[.]ko[^ ]*:' *-cloud-*/modules.dep >{_NEXT}/modules.dep
cp *-cloud-*/modules.builtin {_NEXT}
mkdir -p /boot/loader/entries /boot/grub2
printf 'title next\\nlinux /vmlinuz-{_NEXT}\\n' >/boot/loader/entries/machine-{_NEXT}.conf
printf '# GRUB Environment Block\\nsaved_entry=machine-{_NEXT}\\n' >/boot/grub2/grubenv
"""

_SWAP = """\
mkswap /dev/vda2
echo '/dev/vda2 none swap sw 0 0' >>/etc/fstab
printf '[zram0]\\nzram-size = min(ram, 8192)\\n' >/usr/lib/systemd/zram-generator.conf
"""

EXTRA_AWAY = Scenario(
    "modules-extra",
    boots=(
        Boot(
            damage="cd /lib/modules/*/kernel\nmkdir /root/away\n"
            + "".join(f"mv $(find -name '{name}.ko*') /root/away\n" for name in EXTRA)
            + "depmod $(ls /lib/modules)\n",
            script="ended_report report.json\n"
            "systemctl is-active kubelet >held || true\n"
            "mv /root/away/* /lib/modules/$(uname -r)/kernel\ndepmod\n"
            "systemctl restart nodefix\n"
            "for try in $(seq 300); do\n"
            "    systemctl is-active kubelet >mended && break\n    sleep 1\ndone\n",
        ),
        Boot(damage=_NEXT_KERNEL + _SWAP, script=shown.script("first-boot")),
    ),
    collect=("/run/nodefix",),
)


def _modules(report: dict[str, Any]) -> dict[str, Any]:
    (stage,) = (stage for stage in report["stages"] if stage["stage"] == "modules")
    found: dict[str, Any] = stage
    return found


def _named(problems: list[dict[str, Any]]) -> set[str]:
    """The modules that problems name, whatever they say about them."""
    # iptables says of itself that it is `v1.8.11 (nf_tables)`.
    text = json.dumps(problems).replace("(nf_tables)", "")
    return {name for name in EVERY if re.search(rf"\b{name}\b", text)}


def _each(kind: str = "") -> pytest.MarkDecorator:
    """Cases of all groups: those of absent modules, of others, or all."""
    pairs = [
        (scenario, case)
        for scenario, cases in GROUPS.items()
        for case in cases
        if kind in ("", "absent" if case.kind == "absent" else "other")
    ]
    ids = [case.name for _, case in pairs]
    return pytest.mark.parametrize(("ran", "case"), pairs, indirect=["ran"], ids=ids)


extra_away = pytest.mark.parametrize("ran", [EXTRA_AWAY], indirect=True, ids=["machine"])


@extra_away
def test_without_the_extra_package_kubelet_is_held(ran: Ran) -> None:
    first = ran.boots[0]
    stage = _modules(json.loads(first.script("report.json")))
    assert stage["outcome"] == "failed"
    assert _named(stage["problems"]) >= set(EXTRA) - {NOT_ASKED_FOR}
    assert any(_no_package(first) in problem["message"] for problem in stage["problems"])
    assert first.script("held").strip() == "activating"


@extra_away
def test_kubelets_own_journal_says_why(ran: Ran) -> None:
    told = ran.boots[0].told("kubelet.service")
    assert "kubelet is held" in told
    assert "xt_comment" in told
    assert _no_package(ran.boots[0]) in told


@extra_away
def test_kubelet_comes_up_by_itself_once_modules_are_there(ran: Ran) -> None:
    first = ran.boots[0]
    assert first.script("mended").strip() == "active"
    # Loaded, as at each boot, maybe by a retry a moment before: what somebody else mended is no
    # repair of nodefix's.
    assert first.stage("modules")["outcome"] in ("prepared", "unchanged")
    assert first.ready


@extra_away
def test_next_kernel_without_the_modules_is_a_warning(ran: Ran) -> None:
    second = ran.boots[1]
    stage = second.stage("modules")
    assert stage["outcome"] == "degraded"
    assert _named(stage["problems"]) == set(_NEXT_LACKS)
    (problem,) = stage["problems"]
    assert f"dnf install kernel-modules-extra-{_NEXT}" in problem["hint"]
    assert second.ready
    assert second.started("kubelet.service") > second.started("nodefix.service") > 0


@extra_away
def test_what_is_shown_of_a_first_boot(ran: Ran) -> None:
    shown.hold("first-boot", lambda number, _: ran.boots[1].script(f"shown-{number}"))


@_each()
def test_outcome_agrees_with_rules_made_by_hand(ran: Ran, case: Case) -> None:
    folder = f"{case.name}/"
    stage = _modules(json.loads(ran.boots[0].script(f"{folder}report.json")))
    works = ran.boots[0].script(f"{folder}works").strip() == "yes"
    assert (stage["outcome"] != "failed") == works, ran.boots[0].script(f"{folder}printed")
    status = int(ran.boots[0].script(f"{folder}status"))
    assert status == {"failed": 1, "degraded": 2}.get(stage["outcome"], 0)


@_each()
def test_exactly_the_damaged_module_is_named(ran: Ran, case: Case) -> None:
    stage = _modules(json.loads(ran.boots[0].script(f"{case.name}/report.json")))
    works = ran.boots[0].script(f"{case.name}/works").strip() == "yes"
    named = {*OPTIONAL.get(case.mode, ()), "overlay"}
    expected = set() if works and case.module not in named else {case.module}
    assert _named(stage["problems"]) == expected, ran.boots[0].script(f"{case.name}/printed")


@_each("absent")
def test_where_an_absent_module_comes_from_is_told(ran: Ran, case: Case) -> None:
    stage = _modules(json.loads(ran.boots[0].script(f"{case.name}/report.json")))
    for problem in stage["problems"]:
        assert _no_package(ran.boots[0]) in problem["message"]


@_each("other")
def test_what_keeps_a_module_out_is_named(ran: Ran, case: Case) -> None:
    stage = _modules(json.loads(ran.boots[0].script(f"{case.name}/report.json")))
    said = json.dumps(stage["problems"])
    if case.kind == "broken":
        # The kernel's own words, by way of modprobe.
        assert "modprobe" in said
        assert "Exec format error" in said or "Invalid argument" in said
    else:
        assert "/etc/modprobe.d/site.conf line 2" in said


@pytest.mark.parametrize("ran", [WITHOUT_IPTABLES], indirect=True, ids=["machine"])
def test_in_nftables_mode_a_node_without_iptables_is_ready(ran: Ran) -> None:
    report = json.loads(ran.boots[0].script("without/report.json"))
    said = ran.boots[0].script("without/printed")
    outcomes = {stage["stage"]: stage["outcome"] for stage in report["stages"]}
    assert outcomes["alternatives"] == "skipped", said
    # nft makes the hint, for images that have iptables.
    assert outcomes["chains"] in ("prepared", "changed"), said
    assert report["outcome"] == "ready", said


def _no_package(booted: Booted) -> str:
    """What is said of a kernel that Enterprise Linux did not build, such as these machines'."""
    (entry,) = (e for e in booted.messages(_TRANSPORT="kernel") if _VERSION in e["MESSAGE"])
    release = entry["MESSAGE"].removeprefix(_VERSION).split()[0]
    return f"kernel {release}, which belongs to no package of Enterprise Linux"
