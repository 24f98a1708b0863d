"""nodefix/advice/cni.py: the network plugin's configuration and programs."""

from __future__ import annotations

import pytest
from fakehost import Node

from nodefix.advice import cni
from nodefix.config import Config
from nodefix.facts.cni import CniFacts

FILE = "/etc/cni/net.d/10-flannel.conflist"


def test_no_configuration(node: Node) -> None:
    (found,) = cni.judge(cni.read(node.host, Config()))
    assert found.code == "cni-no-configuration"
    assert "/etc/cni/net.d: found no CNI configuration" in found.message
    assert "kube-proxy does not need it" in found.why


@pytest.mark.parametrize(
    ("missing", "hint"),
    [
        (("portmap",), "dnf install kubernetes-cni --disableexcludes=all"),
        (
            ("flannel", "portmap"),
            "kubectl delete pods -A -l app=flannel --field-selector spec.nodeName=$(hostname)",
        ),
        (
            ("calico",),
            "kubectl delete pods -A -l app.kubernetes.io/name=calico-node"
            " --field-selector spec.nodeName=$(hostname)",
        ),
        (("own",), "ls -l /opt/cni/bin"),
    ],
)
def test_a_missing_program(missing: tuple[str, ...], hint: str) -> None:
    (found,) = cni.judge(CniFacts(file=FILE, plugins=missing, missing=missing))
    assert (found.code, found.hint) == ("cni-plugin-missing", hint)
    assert f"found no program for {', '.join(missing)} in /opt/cni/bin" in found.message


def test_all_is_there() -> None:
    assert cni.judge(CniFacts(file=FILE, plugins=("flannel",))) == ()
    assert cni.judge(CniFacts(bundled=True)) == ()
