"""A node with the real kube-proxy, and what is asked of the two."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from build import BUILT, Binaries
from testnode import Failed, Nspawn, Result

DATA = Path(__file__).with_name("data")
_SETTING = "/etc/nodefix/nodefix.yaml.d/mode.yaml"
_FAILURES = (
    "kubeproxy_sync_proxy_rules_iptables_restore_failures_total",
    "kubeproxy_sync_proxy_rules_iptables_partial_restore_failures_total",
    "kubeproxy_sync_proxy_rules_nftables_sync_failures_total",
)
_SYNCED = "kubeproxy_sync_proxy_rules_last_timestamp_seconds"
# What kube-proxy says as an error and is none, each with its source file.
_NO_ERRORS = (
    # pkg/proxy/metrics/metrics_linux.go, before v1.37 metrics.go: whoever asks for the metrics
    # before the first sync, as _has_synced() does, asks for counters that are made by that.
    re.compile(
        r'metrics(_linux)?\.go:\d+] "failed to collect nfacct counter" err="object not found"'
    ),
    # pkg/proxy/nftables/proxier.go, syncProxyRules: at a start where its table is not there yet.
    re.compile(
        r'proxier\.go:\d+] "Failed to list existing sets" err="[^"]*no such file or directory"'
    ),
)
# A chain is its family's save program, its table and its name.
Chain = tuple[str, str, str]
Rules = dict[Chain, list[str]]
SAVES = ("iptables-save", "ip6tables-save")
HINTS: Rules = {(save, "mangle", "KUBE-IPTABLES-HINT"): [] for save in SAVES}
SERVICES = 20
# For the first sync of thousands of services on a busy machine.
_PATIENCE = 400


class Proxied:
    """A booted node with an API server on it."""

    def __init__(self, node: Nspawn) -> None:
        self.node = node
        self._alone: dict[str, Rules] = {}
        argv = ["/usr/bin/python3", "/srv/data/apiserver.py", "serve"]
        node.run(["systemd-run", "--quiet", "--unit=apiserver", *argv])
        asked = ["/usr/bin/python3", "/srv/data/apiserver.py", "services", "0"]
        node.wait_until("the API server", lambda: not node.run(asked, check=False).returncode)

    def sh(self, script: str) -> str:
        """What a script on the node prints."""
        return self.node.run(["bash", "-euc", script], timeout=300).stdout

    def reset(self) -> None:
        """Begin anew: no kube-proxy, no rule, no setting, nothing learned, twenty services."""
        self.sh(
            f"""
            systemctl stop kube-proxy 2>/dev/null || true
            systemctl reset-failed
            nft flush ruleset
            iptables-legacy -t mangle -X KUBE-IPTABLES-HINT 2>/dev/null || true
            rm -f {_SETTING} /var/lib/nodefix/kube-proxy-mode.json
            """
        )
        self.services(SERVICES)

    def services(self, count: int) -> dict[str, Any]:
        """Have that many services; what became of them before."""
        asked = self.sh(f"python3 /srv/data/apiserver.py services {count}")
        found: dict[str, Any] = json.loads(asked)
        return found

    def churn(self) -> None:
        """Have services come and go, until there shall be a number of them again."""
        self.sh("python3 /srv/data/apiserver.py churn")

    def setting(self, mode: str) -> None:
        """Tell nodefix kube-proxy's mode."""
        self.node.write(_SETTING, f"kube_proxy: {mode}\n")

    def nodefix(self) -> dict[str, str]:
        """Run nodefix, which must not hold kubelet; stage to outcome."""
        ran = self.node.run(["nodefix", "run"], timeout=120, check=False)
        report = json.loads(self.node.read("/run/nodefix/report.json"))
        # This machine's kernel may be without modules that a mode is better with.
        assert report["outcome"] in ("ready", "degraded"), ran.output
        return {stage["stage"]: stage["outcome"] for stage in report["stages"]}

    def hand_fix(self) -> None:
        """What people do by hand."""
        script = Path(__file__).resolve().parents[1] / "bench" / "hand-fix.sh"
        # It turns off all swap, and a container's is this machine's.
        hidden = "head -n 1 /proc/swaps >/run/swaps; mount --bind /run/swaps /proc/swaps"
        argv = ["unshare", "--mount", "bash", "-euc", f"{hidden}; exec bash -s"]
        self.node.run(argv, input=script.read_text())

    def start(self, binaries: Binaries, mode: str = "iptables") -> None:
        """Start kube-proxy, and wait until it has written all rules of both families."""
        self.node.run(["bash", "/srv/data/kube-proxy.sh", _on_node(binaries), mode])
        try:
            self.node.wait_until("kube-proxy's first sync", self._has_synced, _PATIENCE)
        except Failed as error:
            raise Failed(f"{error}\n{self.log()}") from None

    def alone(self, binaries: Binaries) -> Rules:
        """The rules of a kube-proxy that never met nodefix; begins anew afterwards."""
        if binaries.release not in self._alone:
            self.start(binaries)
            self._alone[binaries.release] = self.rules()
            self.reset()
        return self._alone[binaries.release]

    def restart(self, binaries: Binaries, mode: str = "iptables") -> None:
        """Start it again, as a container of its own again; it has to be healthy until then."""
        self._stop()
        self.start(binaries, mode)

    def cleanup(self, binaries: Binaries) -> Result:
        """End it, which has to be healthy until then, and have it take its rules away."""
        self._stop()
        argv = ["bash", "/srv/data/kube-proxy.sh", _on_node(binaries), "cleanup"]
        return self.node.run(argv, check=False)

    def _stop(self) -> None:
        self.healthy()
        self.node.run(["systemctl", "stop", "kube-proxy"])

    def _has_synced(self) -> bool:
        synced = [value for name, value in self.metrics().items() if name.startswith(_SYNCED)]
        return len(synced) == 2 and all(synced)

    def metrics(self) -> dict[str, float]:
        """kube-proxy's metrics, each with its labels in its name; none while it does not answer."""
        argv = ["python3", "-c", _FETCH]
        lines = self.node.run(argv, check=False).stdout.splitlines()
        found = (line.rsplit(" ", 1) for line in lines if line.startswith("kubeproxy_"))
        return {name: float(value) for name, value in found}

    def settle(self, wanted: Rules) -> Rules:
        """Wait until kube-proxy has followed all changes, and these chains are as they were.

        With more than a thousand endpoints it takes chains away that nothing leads to only now and
        then; and it writes what has changed only, so that nothing that was lost comes back.
        """
        found: Rules = {}
        told: list[str] = []

        def settled() -> bool:
            found.clear()
            found.update(self.rules())
            told[:] = differences({key: found[key] for key in found.keys() & wanted.keys()}, wanted)
            return not told

        try:
            self.node.wait_until("kube-proxy's last sync", settled, _PATIENCE)
        except Failed as error:
            raise Failed("\n".join([str(error), *told])) from None
        return found

    def syncs(self) -> int:
        """How often kube-proxy has written its rules, of both families."""
        name = "kubeproxy_sync_proxy_rules_duration_seconds_count"
        return int(sum(value for key, value in self.metrics().items() if key.startswith(name)))

    def healthy(self) -> None:
        """Fail if kube-proxy was restarted, or could not write rules at any time."""
        metrics = self.metrics()
        assert metrics, f"found no answer of kube-proxy's, expected its metrics\n{self.log()}"
        assert not {name: metrics[name] for name in metrics if _is_failure(name) and metrics[name]}
        assert self.node.unit("kube-proxy.service")["NRestarts"] == "0"
        assert not (wrong := errors(self.log())), wrong

    def log(self) -> str:
        """What this kube-proxy has said."""
        invocation = self.node.unit("kube-proxy.service")["InvocationID"]
        entries = self.node.journal(f"_SYSTEMD_INVOCATION_ID={invocation}")
        return "\n".join(entry["MESSAGE"] for entry in entries)

    def backend(self) -> str:
        """The program that iptables is for kube-proxy."""
        return self.sh("readlink /run/kube-proxy/root/usr/sbin/iptables").strip()

    def rules(self) -> Rules:
        """All rules of iptables, without counters: a chain's policy first, if it has one.

        kube-proxy writes the rules of its own chains in any order; those are sorted here.
        """
        found: Rules = {}
        for save in SAVES:
            table = ""
            for line in self.node.run([save], timeout=120).stdout.splitlines():
                if line.startswith("*"):
                    table = line[1:]
                elif line.startswith(":"):
                    chain, policy, _ = line[1:].split()
                    found[save, table, chain] = [policy] * (policy != "-")
                elif line.startswith("-A"):
                    chain, rule = line[3:].split(" ", 1)
                    found[save, table, chain].append(rule)
        own = (chain for chain in found if chain[2].startswith("KUBE-"))
        return found | {chain: sorted(found[chain]) for chain in own}

    def nft(self) -> list[str]:
        """What kube-proxy's own tables of nft hold, in any order, without counters."""
        listing = "for f in ip ip6; do nft --stateless list table $f kube-proxy; done"
        return sorted(re.split(r"[\n,]\s*", self.sh(listing)))


def twice(rules: Rules) -> list[tuple[Chain, str]]:
    """The jumps to one of Kubernetes' chains that a built-in chain has more than once."""
    found = []
    for chain, theirs in rules.items():
        targets = Counter(rule.rsplit("-j ", 1)[-1] for rule in theirs if "-j KUBE-" in rule)
        if not chain[2].startswith("KUBE-"):
            found += [(chain, target) for target, count in targets.items() if count > 1]
    return found


def differences(found: Rules, wanted: Rules) -> list[str]:
    """What is not as wanted, chain by chain, as far as one wants to read that."""
    told = []
    for chain in sorted(found.keys() | wanted.keys()):
        mine, theirs = found.get(chain), wanted.get(chain)
        if mine != theirs:
            told.append(f"{' '.join(chain)}: {str(mine)[:500]}, expected {str(theirs)[:500]}")
    return told[:10]


def _is_failure(metric: str) -> bool:
    return metric.split("{")[0] in _FAILURES


def errors(log: str) -> list[str]:
    """The lines in which a kube-proxy says that something is wrong, or that it ends."""
    said = (line for line in log.splitlines() if re.match(r"[EF]\d{4} ", line))
    return [line for line in said if not any(known.search(line) for known in _NO_ERRORS)]


def _on_node(binaries: Binaries) -> str:
    return f"/srv/kubernetes/{binaries.kube_proxy.relative_to(BUILT)}"


_FETCH = """
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:10249/metrics", timeout=50).read().decode())
"""
