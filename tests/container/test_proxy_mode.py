"""kube-proxy's mode is found on the node: by what the kernel shows, and over a boot."""

from __future__ import annotations

import json

from nodes import kubelet_runs, outcomes, report, rules, sh
from test_flush import kubelet_starts
from testnode import Nspawn

LEARNED = "/var/lib/nodefix/kube-proxy-mode.json"
TABLES = "nft add table ip kube-proxy; nft add table ip6 kube-proxy"
HINT = "-t mangle -S KUBE-IPTABLES-HINT"


def said(node: Nspawn) -> str:
    """What the last run's report tells of the mode."""
    notes = {stage["stage"]: stage["notes"] for stage in report(node)["stages"]}
    (note,) = (note for note in notes["modules"] if note.startswith("kube-proxy's mode: "))
    assert isinstance(note, str)
    return note.removeprefix("kube-proxy's mode: ")


def kept(node: Nspawn) -> dict[str, str]:
    """What is kept for the next boot."""
    found: dict[str, str] = json.loads(node.read(LEARNED))
    return found


def test_nftables_mode_is_found_without_a_setting(node: Nspawn) -> None:
    assert said(node).startswith("iptables, from kube-proxy's own default")
    assert "KUBE-SERVICES" in rules(node)
    assert not node.exists(LEARNED)

    # The node joins a cluster, and kube-proxy begins.
    checked = sh(node, f"nft flush ruleset; {TABLES}; nodefix check", check=False)
    assert "note: kube-proxy's mode: nftables, from nft's table ip kube-proxy" in checked
    assert "found it in the mode" not in checked
    assert not node.exists(LEARNED)
    node.run(["nodefix", "run"])
    assert said(node) == "nftables, from nft's table ip kube-proxy"
    assert kept(node)["mode"] == "nftables"
    # iptables finds what nft made, and there is nothing else.
    assert sh(node, f"iptables {HINT}; ip6tables {HINT}") == "-N KUBE-IPTABLES-HINT\n" * 2
    assert "KUBE-SERVICES" not in rules(node)

    # kube-proxy in that mode needs no iptables, and neither does any stage.
    sh(node, "rm /usr/sbin/*tables-nft* /usr/sbin/xtables-*; nft flush ruleset")
    kubelet_starts(node)
    assert report(node)["outcome"] == "ready", report(node)
    assert outcomes(node)["alternatives"] == "skipped"
    sh(node, "nft list chain ip mangle KUBE-IPTABLES-HINT")
    told = node.run(["nodefix", "config", "show"]).stdout
    assert f"kube-proxy's mode: nftables, from {LEARNED}, learned " in told

    # What is seen as the node goes down counts from the beginning of the next boot.
    sh(node, f"rm {LEARNED}; {TABLES}")
    node.poweroff()
    node.boot()
    assert said(node).startswith(f"nftables, from {LEARNED}, learned ")
    assert kubelet_runs(node)
    assert outcomes(node)["chains"] == "prepared"
    told = node.run(["nodefix", "status", "--long"]).stdout
    assert f"kube-proxy's mode: {said(node)}" in told
