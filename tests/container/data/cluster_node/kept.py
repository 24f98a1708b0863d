"""What `crictl` and the API server keep in one file, and the log of their calls.

A container that ends is started again by kubelet a second later, a pod that is deleted is replaced
by the DaemonSet; while `held` is set neither comes to it.
"""

from __future__ import annotations

import fcntl
import json
import time
from pathlib import Path
from typing import Any

# No time that comes.
NEVER = 1e12
STATE, LOCK, LOG = (Path(f"/run/cluster.{name}") for name in ("json", "lock", "log"))
State = dict[str, Any]


class Kept:
    """What is kept, locked while it is used."""

    def __enter__(self) -> State:
        """Read it."""
        self.lock = LOCK.open("w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.state: State = {}
        if STATE.exists():
            self.state.update(json.loads(STATE.read_text()))
        else:
            self.state = {"mode": "ok", "count": 0, "pod": 0, "containers": []}
            start(self.state, time.time() - 60)
        return self.state

    def __exit__(self, *_: object) -> None:
        """Write it."""
        STATE.write_text(json.dumps(self.state))
        self.lock.close()


def log(line: str) -> None:
    """Write a call down."""
    with LOG.open("a") as file:
        file.write(f"{line}\n")


def start(state: State, when: float) -> None:
    """kubelet starts kube-proxy."""
    state["count"] += 1
    when = NEVER if state.get("held") else when
    name = f"{state['count']:064x}"
    state["containers"].append({"id": name, "pod": state["pod"], "from": when, "until": None})


def let_go(state: State) -> None:
    """kubelet starts what was held."""
    for one in state["containers"]:
        if one["from"] == NEVER:
            one["from"] = time.time()


def runs(container: State) -> bool:
    """Whether it runs now."""
    return container["until"] is None or bool(time.time() < container["until"])


def seen(state: State) -> list[State]:
    """The containers that are there by now, the newest first."""
    return [one for one in reversed(state["containers"]) if one["from"] <= time.time()]


def pod(number: int) -> tuple[str, str]:
    """Its name and UID."""
    return f"kube-proxy-aaaa{number}", f"3f1c7a52-6d55-4b0e-9a52-{number:012d}"
