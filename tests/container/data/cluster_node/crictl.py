#!/usr/bin/python3
"""`crictl`, on a node of a cluster with kube-proxy's containers.

crictl --runtime-endpoint … ps|stop|rm …
crictl set JSON                          change what is kept
"""

from __future__ import annotations

import json
import sys
import time

from kept import Kept, State, let_go, log, pod, runs, seen, start

LABELS = [
    "--label=io.kubernetes.container.name=kube-proxy",
    "--label=io.kubernetes.pod.namespace=kube-system",
]


def crictl(words: list[str]) -> None:
    """Answer as crictl, in the forms that nodefix is to use and in no others."""
    if words[:2] != ["--runtime-endpoint", "unix:///run/containerd/containerd.sock"]:
        sys.exit("crictl: no runtime endpoint was given")
    log("crictl " + " ".join(words[2:]))
    with Kept() as state:
        match words[2:]:
            case ["ps", "-a", "-o", "json", "--label", a, "--label", b]:
                assert [f"--label={a}", f"--label={b}"] == LABELS
                print(json.dumps({"containers": [shown(one) for one in seen(state)]}, indent=2))
            case ["stop", "--timeout", "10", *names]:
                for one in named(state, names):
                    if runs(one):
                        one["until"] = time.time()
                        start(state, time.time() + 1)
                print("\n".join(names))
            case ["rm", "--keep-logs", *names]:
                for one in named(state, names):
                    if runs(one):
                        sys.exit(f'container "{one["id"]}" is running, please stop it first')
                    state["containers"].remove(one)
                if not state["containers"]:
                    start(state, time.time() + 1)
                print("\n".join(names))
            case other:
                sys.exit(f"No help topic for '{other}'")


def named(state: State, names: list[str]) -> list[State]:
    """The containers of these ids."""
    found = [one for one in seen(state) if one["id"] in names]
    if len(found) != len(names):
        sys.exit("rpc error: code = NotFound desc = an error occurred when try to find container")
    return found


def shown(container: State) -> State:
    """As crictl 1.35 prints it."""
    name, uid = pod(container["pod"])
    image = "sha256:3f1c7a526d554b0e9a520c1f4d8e7b613f1c7a526d554b0e9a520c1f4d8e7b61"
    return {
        "id": container["id"],
        "podSandboxId": "0d4c3b2a19f8e7d6c5b4a39281706f5e4d3c2b1a0f9e8d7c6b5a493827160504",
        "metadata": {"name": "kube-proxy", "attempt": 0},
        "image": {
            "image": image,
            "annotations": {},
            "userSpecifiedImage": "",
            "runtimeHandler": "",
        },
        "imageRef": image,
        "state": "CONTAINER_RUNNING" if runs(container) else "CONTAINER_EXITED",
        "createdAt": str(int(container["from"] * 1e9)),
        "labels": {
            "io.kubernetes.container.name": "kube-proxy",
            "io.kubernetes.pod.name": name,
            "io.kubernetes.pod.namespace": "kube-system",
            "io.kubernetes.pod.uid": uid,
        },
        "annotations": {"io.kubernetes.container.restartCount": "0"},
        "imageId": image,
    }


def main() -> None:
    """Be what the words ask for."""
    match sys.argv[1:]:
        case ["set", text]:
            with Kept() as state:
                state.update(json.loads(text))
                if not state.get("held"):
                    let_go(state)
        case words:
            crictl(words)


main()
