"""nodefix/check_kube_proxy.py: this node's kube-proxy, judged."""

from __future__ import annotations

import pytest

from nodefix.advice.finding import Unknown
from nodefix.check import KubeProxyCheck
from nodefix.check_kube_proxy import Facts, Judged, explain_line, judge
from nodefix.facts.kubeproxy_log import LastError
from nodefix.facts.kubeproxy_pod import EXITED, RUNNING, ContainerFacts, KubeProxyFacts

MADE = 1764214800.5
CONTAINER = ContainerFacts("1a", "kube-proxy-x7k2p", "3f1c", RUNNING, MADE, 0)
ERROR = LastError("2026-11-27T03:00:00Z", "E1127 no iptables", "/var/log/pods/x/2.log")


def facts(*containers: ContainerFacts, **other: object) -> Facts:
    found = Facts("iptables", "kubelet.service", KubeProxyFacts(containers), now=MADE + 60)
    return found._replace(**other)  # type: ignore[arg-type]


def test_it_runs() -> None:
    expected = KubeProxyCheck(True, "kube-proxy-x7k2p", "2025-11-27T03:40:00Z")
    assert judge(facts(CONTAINER)) == Judged(expected)


def test_the_last_error_is_told_though_it_runs() -> None:
    found = judge(facts(CONTAINER._replace(attempt=1), error=ERROR))
    assert found.check
    assert (found.check.restarts, found.check.error) == (1, f"{ERROR.time} {ERROR.line}")
    assert (found.problems, found.advice) == ((), ())


def test_it_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nodefix.check_kube_proxy.explain_line", lambda text: "no tables")
    down = CONTAINER._replace(state=EXITED, attempt=4)
    found = judge(facts(down, CONTAINER._replace(state=EXITED, attempt=3), error=ERROR))
    (problem,) = found.problems
    assert problem.message == (
        "kube-proxy, pod kube-proxy-x7k2p: found it not running after 5 starts, expected it to"
        f" run; the last of its log: {ERROR.time} {ERROR.line}, that is: no tables"
    )
    assert (problem.hint, problem.code) == ("nodefix restart-kube-proxy", "kube-proxy-down")
    assert found.check
    assert found.check.explained == "no tables"


@pytest.mark.parametrize(
    ("attempt", "later", "count"), [(3, 60, 1), (2, 60, 0), (3, 3600, 0), (50, 3600, 0)]
)
def test_it_is_started_anew_often(attempt: int, later: float, count: int) -> None:
    found = judge(facts(CONTAINER._replace(attempt=attempt), now=MADE + later))
    assert [one.code for one in found.advice] == ["kube-proxy-restarts"] * count
    assert found.problems == ()


def test_there_is_none() -> None:
    found = judge(facts())
    assert [one.code for one in found.advice] == ["kube-proxy-absent"]
    assert found.check == KubeProxyCheck(None, note="no container of it on this node")


@pytest.mark.parametrize("other", [{"mode": "none"}, {"kubelet": ""}])
def test_nothing_is_expected(other: dict[str, str]) -> None:
    assert judge(facts(**other)) == Judged()


def test_a_part_of_another_service() -> None:
    found = judge(facts(kubelet="k3s-agent.service"))
    note = "it is a part of k3s-agent.service, which runs"
    assert found == Judged(KubeProxyCheck(None, note=note))


def test_microshift_may_do_without() -> None:
    assert judge(facts(kubelet="microshift.service")) == Judged()
    found = judge(facts(CONTAINER, kubelet="microshift.service"))
    assert found.check
    assert found.check.running


def test_unknown() -> None:
    found = judge(facts(found=KubeProxyFacts(None, (), "no crictl", "dnf install cri-tools")))
    gap = Unknown(("kube-proxy",), "no crictl", "dnf install cri-tools")
    assert found == Judged(unknown=(gap,))


def test_a_log_that_cannot_be_read() -> None:
    found = judge(facts(CONTAINER, unread="x: cannot be read: y"))
    assert found.unknown == (Unknown(("kube-proxy",), "x: cannot be read: y"),)
    assert found.check
    assert found.check.running


def test_an_error_line_is_explained_by_the_symptoms() -> None:
    line = "Fatal: can't open lock file /run/xtables.lock: Is a directory"
    assert "is not a regular file" in (explain_line(line) or "")
    assert explain_line("all is well") is None
