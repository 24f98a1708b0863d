"""nodefix/told.py: the same reason again is one line."""

from __future__ import annotations

import os
import time
from pathlib import Path

from fakehost import Node

from nodefix import told
from nodefix.told import essence
from nodefix.words import TOLD_BY_WAIT as TOLD

WHOLE = "nodefix wait --timeout 0"
REASON = "kubelet is held: this node is not ready for it\nmodules: found none\n  fix: x"
LINE = (
    "kubelet is held: this node is not ready for it, as before: modules: found none"
    " (all of it: nodefix wait --timeout 0)"
)


def briefly(root: Path, text: str) -> str:
    return told.briefly(root / TOLD, text, WHOLE)


def test_in_full_once_and_then_on_one_line(node: Node) -> None:
    assert briefly(node.root, REASON) == REASON
    assert briefly(node.root, REASON) == briefly(node.root, REASON) == LINE


def test_another_reason_is_told_in_full(node: Node) -> None:
    briefly(node.root, REASON)
    assert briefly(node.root, REASON + "y") == REASON + "y"
    assert briefly(node.root, REASON) == REASON


def test_figures_alone_make_no_other_reason(node: Node) -> None:
    briefly(node.root, "kubelet is held: x\nswap: found 12 MiB in use after 3.5 s")
    assert ", as before: " in briefly(
        node.root, "kubelet is held: x\nswap: found 340 MiB in use after 4 s"
    )
    assert essence("found /dev/vda2 and 5 MiB") == "found /dev/vda2 and # MiB"


def test_after_an_hour_it_is_told_in_full_again(node: Node) -> None:
    briefly(node.root, REASON)
    hour_ago = time.time() - 3601
    os.utime(node.root / TOLD, (hour_ago, hour_ago))
    assert briefly(node.root, REASON) == REASON
    assert briefly(node.root, REASON) == LINE


def test_a_clock_that_was_set_back_does_not_keep_it_short(node: Node) -> None:
    briefly(node.root, REASON)
    tomorrow = time.time() + 86400
    os.utime(node.root / TOLD, (tomorrow, tomorrow))
    assert briefly(node.root, REASON) == REASON


def test_what_cannot_be_remembered_is_told_in_full(node: Node) -> None:
    os.mkfifo(node.file("/run/nodefix/x").with_name("told-by-wait"))
    assert briefly(node.root, REASON) == REASON
    (node.root / TOLD).unlink()
    (node.root / TOLD).mkdir()
    assert briefly(node.root, REASON) == briefly(node.root, REASON) == REASON


def test_a_reason_of_one_line(node: Node) -> None:
    briefly(node.root, "kubelet is held: \ud800")
    assert ", as before: " in briefly(node.root, "kubelet is held: \ud800")
