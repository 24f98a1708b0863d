"""nodefix/live/restart.py: this node's kube-proxy, once, and up afterwards."""

from __future__ import annotations

import time

import pytest
from crictl import PROGRAM
from fakehost import result
from liveproxy import CONFLICT, CRICTL, CUT_OFF, FORBIDDEN, KUBECTL, NOT_FOUND, REFUSED, KubeProxy

from nodefix.errors import DeadlineError
from nodefix.host.programs import Result
from nodefix.live.restart import Restart, restart
from nodefix.live.sight import Intent, look, plan

RUNNING = "CONTAINER_RUNNING"


def go(proxy: KubeProxy) -> Restart:
    """Look, plan, restart."""
    sight = look(proxy.node.host)
    intent = plan(sight)
    assert isinstance(intent, Intent)
    return restart(proxy.node.host, sight, intent, time.sleep)


def test_pod_is_deleted_by_the_api_server(proxy: KubeProxy) -> None:
    begun = proxy.clock.now
    assert go(proxy) == Restart("deleted pod kube-proxy-aaaa0")
    assert proxy.deletes == [
        {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "uid-0"}}
    ]
    assert proxy.called("stop") == proxy.called("rm") == []
    # Two seconds until it starts, ten that it stays.
    assert 11 <= proxy.clock.now - begun <= 15


@pytest.mark.parametrize("said", [NOT_FOUND, CONFLICT])
def test_pod_that_is_gone_meanwhile_is_deleted(proxy: KubeProxy, said: str) -> None:
    proxy.deletion = said
    proxy.clock.after(1, proxy.replace)
    assert go(proxy) == Restart("pod kube-proxy-aaaa0 was gone already")
    assert len(proxy.deletes) == 1
    assert proxy.called("stop") == []


@pytest.mark.parametrize(
    ("said", "tries"),
    [(FORBIDDEN, 1), (CUT_OFF, 3), (REFUSED, 3), (DeadlineError("it took too long"), 3)],
)
def test_api_server_that_says_no_or_nothing(
    proxy: KubeProxy, said: str | Exception, tries: int
) -> None:
    proxy.deletion = said
    done = go(proxy)
    assert done.problem is None
    assert "stopped container container-0 and removed 1 that had ended, since" in done.how
    assert len(proxy.deletes) == tries
    assert len({tuple(sorted(body["preconditions"].items())) for body in proxy.deletes}) == 1
    assert proxy.called("stop") == [(*CRICTL, "stop", "--timeout", "10", "container-0")]
    assert proxy.called("rm") == [(*CRICTL, "rm", "--keep-logs", "container-0")]


def test_refused_and_no_crictl_is_said(proxy: KubeProxy) -> None:
    proxy.without(PROGRAM)
    proxy.deletion = FORBIDDEN
    problem = go(proxy).problem
    assert problem
    assert (problem.required, problem.code) == (False, "kube-proxy-not-restarted")
    assert "cannot delete resource" in problem.message
    assert problem.hint == "dnf install cri-tools && nodefix restart-kube-proxy"


def test_without_crictl_the_api_server_tells_that_it_is_up(proxy: KubeProxy) -> None:
    proxy.without(PROGRAM)
    assert go(proxy).problem is None
    assert len(proxy.called("get")) > 10


def test_without_kubectl_it_is_stopped_by_the_runtime(proxy: KubeProxy) -> None:
    proxy.without(KUBECTL)
    assert go(proxy) == Restart("stopped container container-0 and removed 1 that had ended")
    assert proxy.containers == [("container-1", RUNNING)]


def test_container_in_a_back_off_is_taken_away(proxy: KubeProxy) -> None:
    proxy.without(KUBECTL)
    proxy.containers = [("container-8", "CONTAINER_EXITED"), ("container-7", "CONTAINER_EXITED")]
    assert go(proxy) == Restart("removed 2 that had ended")
    assert proxy.called("stop") == []


def test_crictl_that_knows_no_keep_logs_only_means_a_wait(proxy: KubeProxy) -> None:
    proxy.without(KUBECTL)
    old = proxy.crictl

    def crictl(argv: tuple[str, ...], stdin: bytes) -> Result:
        if "rm" in argv:
            return result(1, "", "flag provided but not defined: -keep-logs")
        return old(argv, stdin)

    proxy.node.programs.table[(PROGRAM,)] = crictl
    assert go(proxy) == Restart("stopped container container-0")


def test_static_pod_is_left_to_the_runtime(proxy: KubeProxy) -> None:
    proxy.mirror = True
    assert go(proxy).problem is None
    assert proxy.deletes == []
    assert proxy.called("stop")


def test_pod_without_the_label_is_left_to_the_runtime(proxy: KubeProxy) -> None:
    proxy.labelled = False
    assert go(proxy).problem is None
    assert proxy.called("stop")


@pytest.mark.parametrize("lasts", [1.0, 8.0])
def test_kube_proxy_that_does_not_stay_up_is_said(proxy: KubeProxy, lasts: float) -> None:
    proxy.lasts = lasts
    begun = proxy.clock.now
    problem = go(proxy).problem
    assert problem
    assert (problem.required, problem.code) == (False, "kube-proxy-down")
    assert "the new container ended" in problem.message
    assert "logs --tail 30" in problem.hint
    assert 90 <= proxy.clock.now - begun <= 95
    assert len(proxy.deletes) == 1


def test_kube_proxy_that_never_comes_is_said(proxy: KubeProxy) -> None:
    proxy.starts_after = None
    problem = go(proxy).problem
    assert problem
    assert "no new container was seen within 90 s" in problem.message


def test_old_container_that_runs_on_is_no_new_one(
    proxy: KubeProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "replace", lambda: None)
    problem = go(proxy).problem
    assert problem
    assert "no new container was seen" in problem.message


def test_kube_proxy_that_fails_once_and_then_stays_is_up(proxy: KubeProxy) -> None:
    proxy.lasts = 3.0
    proxy.clock.after(4, lambda: setattr(proxy, "lasts", None))
    assert go(proxy).problem is None
