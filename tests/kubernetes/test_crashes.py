"""Why there is nodefix: the real kube-proxy and kubelet on a node as the reports have it.

The node is a virtual machine with swap in its fstab, `iptables` that is not the nft variant, and a
kernel without what Enterprise Linux has in kernel-modules-extra. In its first boot nodefix is
switched off, in the second it does its work. kubelet is the newest release's; kube-proxy is each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import testnode
from build import RELEASES, binaries
from proxying import errors
from testnode.qemu import Boot, Farm, Ran, Scenario

from nodefix.symptoms import Text, find, load

_HERE = Path(__file__).resolve().parent
_SCRIPT = (_HERE / "crashes.sh").read_text()
_RELEASES = " ".join(RELEASES)
# Of what Enterprise Linux 10 has in kernel-modules-extra only.
_EXTRA = ("nft_compat", "xt_comment", "xt_addrtype", "xt_MASQUERADE", "ip_set", "br_netfilter")
# What it does not have at all.
_LEGACY = ("ip_tables", "ip6_tables", "iptable_nat", "ip6table_nat")

_KUBELET = """\
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {webhook: {enabled: false}, anonymous: {enabled: true}}
authorization: {mode: AlwaysAllow}
"""
_UNIT = """\
[Unit]
Wants=containerd.service
After=containerd.service

[Service]
ExecStart=
ExecStart=/srv/kubelet --config=/etc/kubernetes/kubelet.yaml
RestartSec=3
"""
_RUNTIME = """\
[Service]
ExecStart=/srv/containerd --log-level warn
"""
_PROXY = """\
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: /etc/kubernetes/kubeconfig, contentType: application/json}
mode: iptables
nodePortAddresses: [primary]
"""
_KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:8001"}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
current-context: c
users: [{name: u, user: {}}]
"""
_ON_EACH = """\
until mount -t ext4 -o ro /dev/vdc /srv; do sleep 0.1; done
"""
_AWAY = "find . -name '{}.ko*' -exec mv {{}} /root/{} ';'\n"
_DAMAGE = (
    f"{_ON_EACH}cd /lib/modules/*/kernel\nmkdir /root/away /root/legacy\n"
    + "".join(_AWAY.format(name, "away") for name in _EXTRA)
    + "".join(_AWAY.format(name, "legacy") for name in _LEGACY)
    + """\
depmod $(ls /lib/modules)
update-alternatives --set iptables /usr/sbin/iptables-legacy
update-alternatives --set ip6tables /usr/sbin/ip6tables-legacy
mkswap /dev/vda2
echo '/dev/vda2 none swap sw 0 0' >>/etc/fstab
echo 'to be seen without it' >/etc/nodefix/disabled
"""
)


def _programs() -> Mapping[str, Path]:
    """kubelet and kube-proxy, a container runtime for the one, and what the other one reads."""
    proxies = {f"kube-proxy-{release}": binaries(release).kube_proxy for release in RELEASES}
    return {
        **proxies,
        "kubelet": binaries(RELEASES[0]).kubelet,
        "containerd": testnode.image(("containerd",)) / "usr/bin/containerd",
        **{name: _HERE / "data" / name for name in ("apiserver.py", "objects.py")},
    }


CRASHES = Scenario(
    "crashes",
    boots=(
        Boot(damage=_DAMAGE, script=f"{_SCRIPT}without_nodefix {_RELEASES}\n", seconds=300),
        Boot(
            damage=f"{_ON_EACH}rm /etc/nodefix/disabled\n",
            script=f"{_SCRIPT}with_nodefix {_RELEASES}\n",
            seconds=300,
        ),
    ),
    files={
        "/etc/kubernetes/kubelet.yaml": _KUBELET,
        "/etc/systemd/system/kubelet.service.d/real.conf": _UNIT,
        "/etc/systemd/system/containerd.service": _RUNTIME,
        "/etc/kubernetes/kube-proxy.yaml": _PROXY,
        "/etc/kubernetes/kubeconfig": _KUBECONFIG,
    },
    collect=("/run/nodefix", "/etc/fstab"),
    programs=_programs,
)
_PROXY_CRASHES = (
    ("conntrack", "nf_conntrack_max: no such file or directory", "conntrack-max-missing"),
    ("iptables", "iptables is not available on this host", "iptables-not-available"),
)
# What a file of the first boot's has, and the symptom by which nodefix explains it.
CRASHING = (
    ("swap", "running with swap on is not supported", "swap-on"),
    *((f"{name}-{of}", *rest) for name, *rest in _PROXY_CRASHES for of in RELEASES),
)
on_it = pytest.mark.parametrize("ran", [CRASHES], indirect=True, ids=["machine"])


@pytest.fixture(scope="session")
def farm(request: pytest.FixtureRequest) -> Iterator[Farm]:
    """The machines of the tier vm where that runs, else one of our own."""
    if machines := request.config.pluginmanager.get_plugin("machines"):
        yield machines.farm()
        return
    alone = Farm([CRASHES])
    yield alone
    alone.close()


@pytest.fixture
def ran(farm: Farm, request: pytest.FixtureRequest) -> Ran:
    """The machine after its boots."""
    return farm.ran(request.param)


def _explained(said: str) -> set[str]:
    """The symptoms that nodefix finds in what a program said."""
    return {one.symptom.id for one in find(load(), [Text("", said)])}


@on_it
@pytest.mark.parametrize(("name", "words", "symptom"), CRASHING, ids=[c[0] for c in CRASHING])
def test_without_nodefix_it_crashes(ran: Ran, name: str, words: str, symptom: str) -> None:
    said = ran.boots[0].script(name)
    print(said)
    assert words in said
    assert symptom in _explained(said)
    assert ran.boots[0].script(f"{name}.ended").strip() not in ("", "0", "124")


@on_it
def test_with_nodefix_swap_is_off_and_kubelet_held_for_the_modules(ran: Ran) -> None:
    second = ran.boots[1]
    assert second.swapped_on() == ["/dev/vda2"]
    assert second.script("held").strip() == "activating"
    # Of the first try; others may have followed.
    said = second.told("nodefix.service")
    assert "swap: changed" in said
    assert "alternatives: changed" in said
    # Where the probe of rules could not be made in time, it is the chains that hold kubelet.
    report = json.loads(second.script("held.json"))
    assert report["outcome"] == "failed"
    codes = {problem["code"] for stage in report["stages"] for problem in stage["problems"]}
    assert "module-absent" in codes
    assert "kubelet is held" in second.told("kubelet.service")
    assert "running with swap on" not in second.told("kubelet.service")


@on_it
def test_after_the_remedy_kubelet_runs(ran: Ran) -> None:
    second = ran.boots[1]
    assert "systemctl restart nodefix" in second.told("kubelet.service")
    assert second.script("kubelet.healthz") == "ok", second.told("kubelet.service")
    assert second.swaps == []


@on_it
@pytest.mark.parametrize("release", RELEASES)
def test_after_the_remedy_kube_proxy_runs(ran: Ran, release: str) -> None:
    second = ran.boots[1]
    said = second.script(f"proxy-{release}")
    for first in ("10.96.0.1/32", "fd00:96::1/128"):
        assert f"KUBE-SERVICES -d {first}" in second.script(f"rules-{release}"), said
    assert not errors(said), said
    assert not _explained(said) & {symptom for _, _, symptom in CRASHING}, said
