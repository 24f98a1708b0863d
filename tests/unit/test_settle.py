"""nodefix/settle.py, and the engine with it: kube-proxy's mode in one run."""

from __future__ import annotations

import pytest
from fakehost import Node, modes
from fakestage import FakeStage, Run
from proxysigns import LEARNED, NFTABLES, RKE2_POD, learned, static_pod, with_nft

from nodefix import events, foresight, settle
from nodefix.config import Config
from nodefix.facts.proxy_learned import learned as kept
from nodefix.foresight import foresee
from nodefix.plan import Plan

DEFAULT = (
    "kube-proxy's mode: iptables, from kube-proxy's own default, as nothing on this node tells it"
)


class Seeing(FakeStage):
    """A stage that remembers the mode that it was given."""

    mode = ""

    def read(self, host: object, config: Config, /) -> Plan:  # type: ignore[override]
        """Remember it."""
        self.mode = config.kube_proxy
        return Plan()


def notes(run: Run, stage: str) -> list[str]:
    found = run.stage(stage)["notes"]
    assert isinstance(found, list)
    return found


def test_a_setting_is_taken_as_it_is(node: Node) -> None:
    node.file(LEARNED, learned())
    settings = Config(kube_proxy="none")
    settled = settle.settle(node.host, settings)
    assert (settled.config, settled.found) == (settings, None)
    assert settled.said == Plan(notes=("kube-proxy's mode: none, from the setting `kube_proxy`",))


def test_stages_see_what_was_found_and_one_of_them_tells_it(node: Node) -> None:
    node.file(LEARNED, learned())
    stages = [Seeing(name) for name in ("swap", "modules", "chains")]
    run = Run(node, *stages)
    assert run() == "ready"
    assert [stage.mode for stage in stages] == ["nftables"] * 3
    said = (
        f"kube-proxy's mode: nftables, from {LEARNED}, learned 2026-11-26 by nft's table"
        " ip kube-proxy"
    )
    assert [notes(run, stage.NAME) for stage in stages] == [[], [said], []]
    assert run.said(events.NOTE) == [f"modules: {said}"]
    # A stage that is not run tells nothing.
    run(modes(modules="skip"))
    assert notes(run, "chains") == [said]
    run = Run(node, Seeing("chains"))
    run()
    assert notes(run, "chains") == [said]


def test_what_the_kernel_shows_is_kept_by_a_run_and_not_by_a_look(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.systemd.active.add("kubelet.service")
    with_nft(node, NFTABLES)
    stage = Seeing("modules")
    monkeypatch.setattr(foresight, "STAGES", (stage,))
    before = node.snapshot()
    plan = foresee(node.host, settle.settle(node.host, Config()))["modules"]
    assert plan.notes == ("kube-proxy's mode: nftables, from nft's table ip kube-proxy",)
    assert node.snapshot() == before
    run = Run(node, stage)
    assert run() == "ready"
    sign = kept(node.host)
    assert sign and sign.mode == "nftables"
    # The next boot begins without a table and without kubelet.
    node.systemd.active.clear()
    with_nft(node, "")
    run()
    assert stage.mode == "nftables"


def test_a_mode_that_cannot_be_kept_is_said(node: Node) -> None:
    node.systemd.active.add("kubelet.service")
    with_nft(node, NFTABLES)
    node.host.path(LEARNED).mkdir(parents=True)
    run = Run(node, FakeStage("modules"))
    assert run() == "ready"
    said = "\n".join(notes(run, "modules"))
    assert f"kube-proxy's mode is not kept for the next boot: {node.root}" in said
    assert f"{LEARNED}: cannot be read: found a directory" in said


def test_a_doubt_degrades_and_never_holds_kubelet(node: Node) -> None:
    node.file("/etc/rancher/rke2/config.yaml", "a: [\n")
    node.file(RKE2_POD, static_pod("--proxy-mode=ipvs"))
    run = Run(node, FakeStage("modules"))
    assert run() == "degraded"
    (problem,) = run.stage("modules")["problems"]
    assert problem["code"] == "kube-proxy-mode-unknown"
    assert problem["message"].startswith("kube-proxy's mode is taken to be ipvs, but is not known:")
    assert problem["hint"] == "cat -A /etc/rancher/rke2/config.yaml"


def test_a_defect_does_not_end_a_run(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(host: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(settle, "find_mode", fail)
    run = Run(node, FakeStage("modules"))
    assert run() == "degraded"
    assert notes(run, "modules") == [DEFAULT]
    assert "RuntimeError: boom; this is a defect" in run.stage("modules")["problems"][0]["message"]
