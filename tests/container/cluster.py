"""What a live node needs of a cluster: a real kubectl, kubelet's credentials, stand-ins."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from testnode import Nspawn, Root
from testnode.store import cached

DATA = Path(__file__).with_name("data")
SOURCES = DATA / "kubectl"
NAME = "worker-1.example.org"
STAND_INS = "/usr/local/lib/cluster_node"

_CONFIG = """\
apiVersion: v1
kind: Config
clusters:
- name: default-cluster
  cluster: {certificate-authority: /etc/kubernetes/pki/ca.crt, server: "https://127.0.0.1:6443"}
contexts:
- name: default-context
  context: {cluster: default-cluster, namespace: default, user: default-auth}
current-context: default-context
users:
- name: default-auth
  user:
    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem
    client-key: /var/lib/kubelet/pki/kubelet-client-current.pem
"""

# Two certificates of one authority: the server's, and a kubelet's with its name in it.
_CERTIFICATES = """
new="req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
openssl $new -x509 -days 365 -keyout ca.key -out ca.crt -subj /CN=kubernetes
printf 'subjectAltName=IP:127.0.0.1' >san
sign() { openssl x509 -req -days 365 -CA ca.crt -CAkey ca.key -CAcreateserial "$@"; }
openssl $new -keyout server.key -out server.csr -subj /CN=kube-apiserver
sign -in server.csr -out server.crt -extfile san
openssl $new -keyout kubelet.key -out kubelet.csr -subj "/O=system:nodes/CN=system:node:$1"
sign -in kubelet.csr -out kubelet.crt
cat kubelet.crt kubelet.key >kubelet.pem
cat server.crt server.key >server.pem
"""


def kubectl() -> Path:
    """The real kubectl, built once for each content of its sources' folder; else skips."""
    if not shutil.which("go"):
        pytest.skip("NO REAL KUBECTL: there is no Go to build it with")

    def make(folder: Path) -> None:
        source = folder / "source"
        shutil.copytree(SOURCES, source)
        argv = ["go", "build", "-mod=mod", "-trimpath", "-ldflags=-s -w", "-o", "../kubectl", "."]
        built = subprocess.run(
            ["env", "CGO_ENABLED=0", "GOFLAGS=", *argv],
            cwd=source,
            capture_output=True,
            text=True,
            timeout=1800,
        )
        if built.returncode:
            pytest.skip(f"NO REAL KUBECTL: go build: {built.stderr[-500:]}")

    sources = [file.read_text() for file in sorted(SOURCES.iterdir())]
    return cached("kubectl", sources, make) / "kubectl"


def stand_ins(root: Root) -> None:
    """Put crictl on a node, and what is beside it."""
    for file in sorted((DATA / "cluster_node").glob("*.py")):
        root.write(f"{STAND_INS}/{file.name}", file.read_text(), 0o755)
    root.run(["ln", "-s", f"{STAND_INS}/crictl.py", "/usr/bin/crictl"])


def join(root: Root, scratch: Path, program: Path | None) -> None:
    """Make a node of a cluster: kubelet's credentials, the stand-ins and, if given, kubectl."""
    subprocess.run(
        ["bash", "-euc", _CERTIFICATES, "bash", NAME], cwd=scratch, check=True, capture_output=True
    )
    root.write("/etc/kubernetes/kubelet.conf", _CONFIG, 0o600)
    # One node is no fleet.
    root.write("/etc/nodefix/nodefix.yaml.d/50-spread.yaml", "kube_proxy_restart_spread: 0\n")
    root.write("/etc/kubernetes/pki/ca.crt", (scratch / "ca.crt").read_text())
    root.write("/etc/kubernetes/pki/server.pem", (scratch / "server.pem").read_text(), 0o600)
    path = "/var/lib/kubelet/pki/kubelet-client-current.pem"
    root.write(path, (scratch / "kubelet.pem").read_text(), 0o600)
    stand_ins(root)
    if program:
        shutil.copy(program, root.path / "usr/bin/kubectl")


class Cluster:
    """The stand-ins on a node that is booted."""

    def __init__(self, node: Nspawn) -> None:
        self.node = node
        node.run(["mkdir", "-p", "/run/containerd"])
        node.write("/run/containerd/containerd.sock", "")
        self.set(mode="ok")
        argv = ["systemd-run", "--quiet", "--unit=apiserver", f"{STAND_INS}/apiserver.py"]
        node.run(argv)
        node.wait_until("the API server", lambda: self.called("serving"))

    def set(self, **state: Any) -> None:
        """Set what the stand-ins keep, such as how the API server answers."""
        self.node.run(["/usr/bin/crictl", "set", json.dumps(state)])

    @property
    def state(self) -> dict[str, Any]:
        """What they keep."""
        found: dict[str, Any] = json.loads(self.node.read("/run/cluster.json"))
        return found

    def called(self, word: str) -> list[str]:
        """The calls and requests with this word, in their order."""
        lines = self.node.run(["cat", "/run/cluster.log"], check=False).stdout.splitlines()
        return [line for line in lines if word in line]
