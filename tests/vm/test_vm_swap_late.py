"""Swap that comes after nodefix: it goes by itself, unless kubelet is configured to allow it."""

from __future__ import annotations

import pytest
from testnode.qemu import Boot, Booted, Ran, Scenario

_WAIT = """\
active() {
    for try in $(seq 150); do
        systemctl is-active --quiet kubelet && break
        sleep 2
    done
    systemctl is-active kubelet || true
}
"""

_LATE_UNIT = """\
[Unit]
After=nodefix.service
Before=kubelet.service

[Service]
Type=oneshot
ExecStart=/sbin/swapon /dev/vda4

[Install]
WantedBy=multi-user.target
"""

LATE = Scenario(
    "swap-late",
    boots=(
        Boot(
            damage="mkswap /dev/vda4\nsystemctl --no-reload enable late.service\n",
            script=_WAIT + "active >state\n",
            seconds=300,
        ),
    ),
    files={"/etc/systemd/system/late.service": _LATE_UNIT},
    collect=("/run/nodefix",),
)

# As cloud-init's `swap:` does, once and at the first boot; kubelet waits for the network, and so
# for this.
_FIRST_BOOT_UNIT = """\
[Unit]
DefaultDependencies=no
After=local-fs.target nodefix.service
Before=network-online.target
ConditionPathExists=!/swap.img

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'sleep 40; fallocate -l 32M /swap.img && chmod 600 /swap.img && \
mkswap /swap.img && echo "/swap.img none swap sw,nofail,comment=cloudconfig 0 0" >>/etc/fstab && \
swapon -a'

[Install]
WantedBy=multi-user.target
"""

FIRST_BOOT = Scenario(
    "swap-first-boot",
    boots=(
        Boot(
            damage="systemctl --no-reload enable first-boot.service\n",
            script=_WAIT + "active >state\n",
            seconds=300,
        ),
        Boot(script=_WAIT + "active >state\n"),
    ),
    files={"/etc/systemd/system/first-boot.service": _FIRST_BOOT_UNIT},
    collect=("/run/nodefix", "/etc/fstab"),
)

_CONFIG = "/var/lib/kubelet/config.yaml"
_HEAD = "apiVersion: kubelet.config.k8s.io/v1beta1\\nkind: KubeletConfiguration\\n"
# As kubeadm's own drop-in has it.
_KUBEADM = {
    "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf": f"""\
[Service]
Environment="KUBELET_CONFIG_ARGS=--config={_CONFIG}"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS
"""
}


def _configure(words: str = "") -> str:
    return f"mkdir -p /var/lib/kubelet\nprintf '{_HEAD}{words}' >{_CONFIG}\n"


def _look(name: str) -> str:
    """Restart kubelet and see what it, swap and fstab have come to, and what it has said so far."""
    return (
        "systemctl restart kubelet || true\n"
        f"active >{name}-state\ncat /proc/swaps >{name}-swaps\ncp /etc/fstab {name}-fstab\n"
        f"journalctl --sync; journalctl -b -u kubelet -o cat >{name}-said\n"
    )


WANTED = Scenario(
    "swap-wanted-later",
    boots=(
        Boot(
            damage=_configure() + "mkswap /dev/vda4\n",
            script=_WAIT
            + _configure("failSwapOn: false\\n")
            + "swapon /dev/vda4\n"
            + _look("wanted")
            + _configure()
            + _look("unwanted"),
            seconds=300,
        ),
    ),
    files=_KUBEADM,
    collect=("/run/nodefix",),
)

_ENTRY = "/dev/vda2 none swap sw 0 0\n"

# A node on which nodefix runs before `kubeadm join` has written kubelet's configuration.
JOINED = Scenario(
    "swap-before-join",
    boots=(
        Boot(
            damage="mkswap /dev/vda2\n",
            script=_WAIT
            + "cp /run/nodefix/report.json before\n"
            + _look("before")
            + _configure()
            + _look("joined"),
            seconds=300,
        ),
    ),
    files={**_KUBEADM, "/etc/fstab": _ENTRY},
    collect=("/run/nodefix",),
)


def _machine(scenario: Scenario) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("ran", [scenario], indirect=True, ids=["machine"])


def _devices(booted: Booted, name: str) -> list[str]:
    """The devices in a copy of /proc/swaps that the script made."""
    return [line.split()[0] for line in booted.script(name).splitlines()[1:]]


@_machine(LATE)
def test_it_goes_and_kubelet_comes_without_a_hand(ran: Ran) -> None:
    (booted,) = ran.boots
    # Else nothing of this was put to the test.
    assert booted.swapped_on() == ["/dev/vda4"]
    assert booted.script("state").strip() == "active"
    assert booted.swaps == []
    assert booted.stage("swap")["outcome"] == "changed"


@_machine(FIRST_BOOT)
def test_a_first_boot_that_waits_for_its_swap(ran: Ran) -> None:
    first, second = ran.boots
    assert first.swapped_on() == ["/swap.img"]
    assert first.script("state").strip() == "active"
    assert first.swaps == []
    line = b"/swap.img none swap sw,nofail,comment=cloudconfig 0 0"
    assert first.on_disk("/etc/fstab").splitlines()[-1].endswith(b": " + line)
    assert second.swapped_on() == []
    assert second.script("state").strip() == "active"
    assert second.stage("swap")["outcome"] == "unchanged"


@_machine(WANTED)
def test_swap_that_kubelets_settings_want_later_does_not_hold_it(ran: Ran) -> None:
    (booted,) = ran.boots
    assert booted.script("wanted-state").strip() == "active"
    assert _devices(booted, "wanted-swaps") == ["/dev/vda4"]
    # On a slow machine it may be held later, while a run takes the swap away.
    assert "kubelet is held" not in booted.script("wanted-said")


@_machine(WANTED)
def test_it_goes_once_they_do_not_want_it_any_more(ran: Ran) -> None:
    (booted,) = ran.boots
    assert booted.script("unwanted-state").strip() == "active"
    assert _devices(booted, "unwanted-swaps") == []


@_machine(JOINED)
def test_before_kubelet_has_its_settings_nothing_is_taken_away(ran: Ran) -> None:
    (booted,) = ran.boots
    assert f"{_CONFIG} of kubelet's --config: cannot be read" in booted.script("before")
    assert _devices(booted, "before-swaps") == ["/dev/vda2"]
    assert booted.script("before-fstab") == _ENTRY


@_machine(JOINED)
def test_kubelets_first_start_with_settings_turns_it_off(ran: Ran) -> None:
    (booted,) = ran.boots
    assert booted.script("joined-state").strip() == "active"
    assert _devices(booted, "joined-swaps") == []
    assert booted.script("joined-fstab") == f"# nodefix: swap is off for kubelet: {_ENTRY}"
