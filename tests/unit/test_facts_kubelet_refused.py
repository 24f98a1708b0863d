"""nodefix/facts/kubelet_refused.py: what kubelet refuses on its command line.

What the real one says to most of these: test_facts_kubelet_real.py.
"""

from __future__ import annotations

import pytest

from nodefix.errors import UnclearError
from nodefix.facts.kubelet_refused import expect_clear


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--v=2", "-v", "2", "-v2", "-h", "--"),
        ("--config", "/a", "--config_dir", "/b", "--fail_swap_on=F"),
        # A value that looks like a flag of no interest, or a switch of another release.
        ("--new", "--v=2", "--node-ip", "10.0.0.1", "--new"),
        ("--register-node", "--config=/a", "--seccomp_default", "--"),
    ],
)
def test_clear(words: tuple[str, ...]) -> None:
    expect_clear(words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--v=2", "x y"), "'x y' on kubelet's command line: kubelet takes flags alone"),
        (("--register-node", "false"), "false on kubelet's command line: kubelet takes flags"),
        (("--", "--v=2"), "--v=2 on kubelet's command line: kubelet takes flags alone"),
        (("-config=/a",), "-config=/a on kubelet's command line: expected two dashes"),
        (("--=/a",), "--=/a on kubelet's command line: expected two dashes and a name"),
        (("--FailSwap-On",), "expected --fail-swap-on"),
        (("--config-dir",), "expected a path after it"),
        (("--new", "--config_dir=/a"), "as it may take --config_dir=/a for it"),
        (("--new", "--"), "as it may take -- for it"),
    ],
)
def test_unclear(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(UnclearError) as caught:
        expect_clear(words)
    assert message in caught.value.message
    assert caught.value.hint == "systemctl cat kubelet"
