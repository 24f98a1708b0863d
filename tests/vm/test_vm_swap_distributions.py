"""Swap of a node of k3s, and of k0s: left alone by default, and taken away by `swap: off`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from distributions import PROGRAM, UNITS
from testnode.qemu import Boot, Booted, Ran, Scenario

# As their installers write them for somebody who gave them flags.
_K3S = UNITS["k3s"].replace("    server \\\n", "    server \\\n\t'--node-label' \\\n\t'a=b' \\\n")
_K0S = UNITS["k0sworker"].replace(
    "k0s worker", "k0s worker --kubelet-extra-args=--v=2 --token-file=/etc/k0s/token"
)
_ENTRY = "/dev/vda2 none swap sw 0 0\n"


def _look(name: str) -> str:
    """What became of swap."""
    return (
        f"cp /run/nodefix/report.json {name}\ncat /proc/swaps >{name}-swaps\n"
        f"cp /etc/fstab {name}-fstab\n"
    )


def _units(*words: str) -> str:
    return f"systemctl {' '.join(words)}\nnodefix run --stage swap || true\n"


# kubelet's own unit is installed as well, and not enabled.
SCENARIO = Scenario(
    "swap-distributions",
    boots=(
        Boot(
            damage="mkswap /dev/vda2\nchmod +x /usr/local/bin/k3s /usr/local/bin/k0s\n"
            "systemctl --no-reload disable kubelet.service\n"
            "systemctl --no-reload enable k3s.service\n",
            script=_look("k3s")
            + "systemctl is-active k3s >active || true\n"
            + "systemctl disable --now k3s\n"
            + _units("enable", "--now", "k0sworker")
            + _look("k0s")
            + "mkdir -p /etc/rancher/k3s\n"
            "echo 'kubelet-arg: [fail-swap-on=true]' >/etc/rancher/k3s/config.yaml\n"
            + _units("enable", "k3s")
            + _look("both")
            + "mkdir -p /etc/nodefix/nodefix.yaml.d\n"
            "echo 'swap: off' >/etc/nodefix/nodefix.yaml.d/50-swap.yaml\n"
            "nodefix run --stage swap || true\n" + _look("off"),
            seconds=300,
        ),
    ),
    files={
        "/etc/fstab": _ENTRY,
        "/etc/systemd/system/k3s.service": _K3S,
        "/etc/systemd/system/k0sworker.service": _K0S,
        "/usr/local/bin/k3s": PROGRAM,
        "/usr/local/bin/k0s": PROGRAM,
    },
    collect=("/run/nodefix",),
)

on_the_machine = pytest.mark.parametrize("ran", [SCENARIO], indirect=True, ids=["machine"])


def _swap(booted: Booted, name: str) -> dict[str, Any]:
    """The swap stage in a copy of the report."""
    stages: list[dict[str, Any]] = json.loads(booted.script(name))["stages"]
    return next(stage for stage in stages if stage["stage"] == "swap")


@on_the_machine
@pytest.mark.parametrize("name", ["k3s", "k0s", "both"])
def test_it_is_left_alone(ran: Ran, name: str) -> None:
    (booted,) = ran.boots
    assert booted.script(f"{name}-swaps").splitlines()[1].startswith("/dev/vda2 ")
    assert booted.script(f"{name}-fstab") == _ENTRY


@on_the_machine
@pytest.mark.parametrize(("name", "unit"), [("k3s", "k3s.service"), ("k0s", "k0sworker.service")])
def test_the_unit_that_lives_with_it_is_named(ran: Ran, name: str, unit: str) -> None:
    (booted,) = ran.boots
    assert booted.script("active").strip() == "active"
    stage = _swap(booted, name)
    assert stage["outcome"] == "skipped"
    assert f"{unit} starts kubelet with failSwapOn: false" in json.dumps(stage)


@on_the_machine
def test_two_that_disagree_are_said(ran: Ran) -> None:
    (booted,) = ran.boots
    stage = _swap(booted, "both")
    assert stage["outcome"] == "degraded"
    (problem,) = stage["problems"]
    assert (
        "k3s.service and k0sworker.service both start a kubelet and disagree"
        in (problem["message"])
    )


@on_the_machine
def test_the_setting_takes_it_away(ran: Ran) -> None:
    (booted,) = ran.boots
    assert booted.script("off-swaps").splitlines()[1:] == []
    assert booted.script("off-fstab").endswith(f": {_ENTRY}")
    assert _swap(booted, "off")["outcome"] == "changed"
