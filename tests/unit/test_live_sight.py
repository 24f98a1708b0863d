"""nodefix/live/sight.py: what restarting kube-proxy comes to."""

from __future__ import annotations

import json

import pytest
from crictl import PROGRAM
from fakehost import result
from liveproxy import KUBECTL, LIST, KubeProxy

from nodefix.live.sight import Intent, look, plan
from nodefix.plan import Problem


def test_pod_by_the_api_server_first(proxy: KubeProxy) -> None:
    intent = plan(look(proxy.node.host))
    assert isinstance(intent, Intent)
    assert intent.words == "delete pod kube-proxy-aaaa0"
    assert [pod.uid for pod in intent.pods] == ["uid-0"]
    assert intent.containers == ("container-0",)


def test_nothing_is_changed_by_looking(proxy: KubeProxy) -> None:
    plan(look(proxy.node.host))
    assert proxy.deletes == proxy.called("stop") == proxy.called("rm") == []


def test_pod_of_another_node_is_not_ours(proxy: KubeProxy) -> None:
    """Whatever a server makes of the selector."""
    theirs = proxy.pods().replace("worker-1", "worker-9")
    proxy.node.programs.table[LIST] = result(0, theirs)
    sight = look(proxy.node.host)
    assert sight.pods == ()
    intent = plan(sight)
    assert isinstance(intent, Intent)
    assert (intent.pods, intent.containers) == ((), ("container-0",))


@pytest.mark.parametrize("name", ["../nodes/a", "a?b", "", "a b"])
def test_pod_with_a_name_that_is_none_is_not_touched(proxy: KubeProxy, name: str) -> None:
    pods = json.loads(proxy.pods())
    pods["items"][0]["metadata"]["name"] = name
    proxy.node.programs.table[LIST] = result(0, json.dumps(pods))
    assert look(proxy.node.host).pods is None


@pytest.mark.parametrize("printed", ["", "[]", "null", '{"items": [{}]}', '{"items": {}}x'])
def test_list_that_cannot_be_understood(proxy: KubeProxy, printed: str) -> None:
    proxy.node.programs.table[LIST] = result(0, printed)
    sight = look(proxy.node.host)
    assert sight.pods is None
    assert "cannot be understood" in sight.why_no_api


def test_pod_that_is_being_deleted_is_waited_for(proxy: KubeProxy) -> None:
    pods = json.loads(proxy.pods())
    pods["items"][0]["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z"
    proxy.node.programs.table[LIST] = result(0, json.dumps(pods))
    intent = plan(look(proxy.node.host))
    assert isinstance(intent, Intent)
    assert (intent.pods, intent.words) == ((), "wait for the end of pod kube-proxy-aaaa0")


def test_name_that_is_not_known_is_no_way_to_the_api_server(proxy: KubeProxy) -> None:
    proxy.node.host.path("/etc/kubernetes/kubelet.conf").unlink()
    sight = look(proxy.node.host)
    assert sight.api is None
    assert proxy.called("--raw") == []
    intent = plan(sight)
    assert isinstance(intent, Intent)
    assert intent.words == "stop container container-0"


def test_no_kube_proxy(proxy: KubeProxy) -> None:
    proxy.containers, proxy.labelled = [], False
    assert plan(look(proxy.node.host)) is None
    proxy.without(KUBECTL)
    assert plan(look(proxy.node.host)) is None


def test_no_kube_proxy_as_the_api_server_alone_tells(proxy: KubeProxy) -> None:
    proxy.labelled = False
    proxy.without(PROGRAM)
    assert plan(look(proxy.node.host)) is None


def test_no_way(proxy: KubeProxy) -> None:
    proxy.without(KUBECTL, PROGRAM)
    problem = plan(look(proxy.node.host))
    assert isinstance(problem, Problem)
    assert "there is no kubectl; crictl: found none of" in problem.message
    assert (problem.required, problem.code) == (False, "kube-proxy-not-restarted")
    assert problem.hint == "dnf install cri-tools && nodefix restart-kube-proxy"


def test_no_runtime_and_no_api_server(proxy: KubeProxy) -> None:
    proxy.without(KUBECTL, "/run/containerd/containerd.sock")
    problem = plan(look(proxy.node.host))
    assert isinstance(problem, Problem)
    assert problem.hint == (
        "kubectl -n kube-system delete pods -l k8s-app=kube-proxy"
        " --field-selector spec.nodeName=worker-1.example.org"
    )
