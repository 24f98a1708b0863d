"""Kernel modules that are away, kept out or broken: named, with the remedy, and kubelet held."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from testnode.qemu import Boot, Booted, Ran, Scenario

# Of what Enterprise Linux 10 has in kernel-modules-extra only.
EXTRA = ("nft_compat", "xt_comment", "xt_addrtype", "xt_MASQUERADE", "ip_set", "br_netfilter")
# All that nodefix looks after, and one that is none of its business.
REQUIRED = (
    "nf_tables",
    "nft_compat",
    "nf_conntrack",
    "xt_comment",
    "xt_addrtype",
    "xt_statistic",
    "xt_mark",
    "xt_MASQUERADE",
    "xt_nat",
    "xt_conntrack",
)
OPTIONAL = "br_netfilter"
NOT_ASKED_FOR = "ip_set"
EVERY = (*REQUIRED, OPTIONAL, NOT_ASKED_FOR)

_VERSION = "Linux version "

FUNCTIONS = (Path(__file__).with_name("modules.sh")).read_text()
# What stands for all rules of kube-proxy: one for each match and target that it uses.
RULES = """\
*nat
-A PREROUTING -m comment --comment oracle -m addrtype --dst-type LOCAL -j MARK --or-mark 0x4000
-A PREROUTING -m statistic --mode random --probability 0.5 -j ACCEPT
-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination :8080
-A POSTROUTING -j MASQUERADE --random-fully
COMMIT
*filter
-A FORWARD -m conntrack --ctstate NEW -j ACCEPT
COMMIT
"""


class Case(NamedTuple):
    """One damage to one module."""

    kind: str
    module: str

    @property
    def name(self) -> str:
        """The folder of its results."""
        return f"{self.kind}-{self.module}"


ABSENT = tuple(Case("absent", module) for module in EVERY)
OTHERS = (
    Case("replaced", "xt_comment"),
    Case("blacklisted", "nft_compat"),
    Case("broken", "xt_statistic"),
)


def _one_by_one(name: str, cases: tuple[Case, ...]) -> Scenario:
    """All cases in one boot: that needs no reboot, only netfilter's modules unloaded again."""
    lines = "".join(f"{case.kind} {case.module}\n" for case in cases)
    rules = f"cat >../try <<'END'\n{RULES}END\n"
    return Scenario(
        name,
        boots=(Boot(script=rules + FUNCTIONS + lines, seconds=480),),
        collect=("/run/nodefix",),
    )


_HALF = len(ABSENT) // 2
GROUPS = {
    _one_by_one("modules-absent-1", ABSENT[:_HALF]): ABSENT[:_HALF],
    _one_by_one("modules-absent-2", ABSENT[_HALF:]): ABSENT[_HALF:],
    _one_by_one("modules-kept-out", OTHERS): OTHERS,
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

EXTRA_AWAY = Scenario(
    "modules-extra",
    boots=(
        Boot(
            damage="cd /lib/modules/*/kernel\nmkdir /root/away\n"
            + "".join(f"mv $(find -name '{name}.ko*') /root/away\n" for name in EXTRA)
            + "depmod $(ls /lib/modules)\n",
            script="cp /run/nodefix/report.json .\n"
            "systemctl is-active kubelet >held || true\n"
            "mv /root/away/* /lib/modules/$(uname -r)/kernel\ndepmod\n"
            "systemctl restart nodefix\n"
            "for try in $(seq 60); do\n"
            "    systemctl is-active kubelet >mended && break\n    sleep 1\ndone\n",
        ),
        Boot(damage=_NEXT_KERNEL),
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


def _each(*groups: Scenario) -> pytest.MarkDecorator:
    pairs = [(scenario, case) for scenario in groups for case in GROUPS[scenario]]
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
    # Loaded, as at each boot: what somebody else mended is no repair of nodefix's.
    assert first.stage("modules")["outcome"] == "prepared"
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


@_each(*GROUPS)
def test_outcome_agrees_with_rules_made_by_hand(ran: Ran, case: Case) -> None:
    folder = f"{case.name}/"
    stage = _modules(json.loads(ran.boots[0].script(f"{folder}report.json")))
    works = ran.boots[0].script(f"{folder}works").strip() == "yes"
    assert (stage["outcome"] != "failed") == works, ran.boots[0].script(f"{folder}printed")
    status = int(ran.boots[0].script(f"{folder}status"))
    assert status == {"failed": 1, "degraded": 2}.get(stage["outcome"], 0)


@_each(*GROUPS)
def test_exactly_the_damaged_module_is_named(ran: Ran, case: Case) -> None:
    stage = _modules(json.loads(ran.boots[0].script(f"{case.name}/report.json")))
    works = ran.boots[0].script(f"{case.name}/works").strip() == "yes"
    expected = set() if works and case.module != OPTIONAL else {case.module}
    assert _named(stage["problems"]) == expected, ran.boots[0].script(f"{case.name}/printed")


@_each(*list(GROUPS)[:2])
def test_where_an_absent_module_comes_from_is_told(ran: Ran, case: Case) -> None:
    stage = _modules(json.loads(ran.boots[0].script(f"{case.name}/report.json")))
    for problem in stage["problems"]:
        assert _no_package(ran.boots[0]) in problem["message"]


@_each(list(GROUPS)[2])
def test_what_keeps_a_module_out_is_named(ran: Ran, case: Case) -> None:
    stage = _modules(json.loads(ran.boots[0].script(f"{case.name}/report.json")))
    said = json.dumps(stage["problems"])
    if case.kind == "broken":
        # The kernel's own words, by way of modprobe.
        assert "modprobe" in said
        assert "Exec format error" in said or "Invalid argument" in said
    else:
        assert "/etc/modprobe.d/site.conf line 2" in said


def _no_package(booted: Booted) -> str:
    """What is said of a kernel that Enterprise Linux did not build, such as these machines'."""
    (entry,) = (e for e in booted.messages(_TRANSPORT="kernel") if _VERSION in e["MESSAGE"])
    release = entry["MESSAGE"].removeprefix(_VERSION).split()[0]
    return f"kernel {release}, which belongs to no package of Enterprise Linux"
