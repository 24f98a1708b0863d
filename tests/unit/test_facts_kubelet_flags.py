"""nodefix/facts/kubelet_flags.py: kubelet's command line."""

from __future__ import annotations

import pytest

from nodefix.errors import UnclearError
from nodefix.facts.kubelet_flags import Flags, Line, kubelets_line, parsed, values_of


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        ((), Flags()),
        (("--config=/a", "--config-dir=/b"), Flags("/a", "/b")),
        (("--config", "/a", "--config-dir", "/b"), Flags("/a", "/b")),
        (("--config_dir=/b",), Flags("", "/b")),
        (("--fail_swap_on=false",), Flags(fail_swap_on="false")),
        (("--fail-swap-on",), Flags(fail_swap_on="true")),
        # A boolean flag takes no word.
        (("--fail-swap-on", "false"), Flags(fail_swap_on="true")),
        (("--fail-swap-on=false", "--fail-swap-on"), Flags(fail_swap_on="true")),
        (("--config=/a", "--config=/b"), Flags("/b")),
        (("--", "--fail-swap-on=false"), Flags()),
        (("-v=2", "x", "--config=/a"), Flags("/a")),
        (("--config",), Flags()),
    ],
)
def test_flags(words: tuple[str, ...], flags: Flags) -> None:
    assert parsed(words) == flags


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--a=1", "--b=2", "--a", "3"], ["1", "3"]),
        (["-a=1", "---a=2", "a=3", "--ab=4"], ["1"]),
        (["--b", "--a", "1", "--", "--a=2"], ["1"]),
        (["--a"], [""]),
    ],
)
def test_values_of_a_flag(words: list[str], found: list[str]) -> None:
    assert values_of(words, "a") == found


@pytest.mark.parametrize("value", ["1", "t", "T", "TRUE", "true", "True"])
def test_true_as_go_reads_it(value: str) -> None:
    assert Flags(fail_swap_on=value).fails_with_swap


@pytest.mark.parametrize("value", ["0", "f", "F", "FALSE", "false", "False"])
def test_false_as_go_reads_it(value: str) -> None:
    assert not Flags(fail_swap_on=value).fails_with_swap


@pytest.mark.parametrize("value", ["fAlse", "no", "off", "", " false"])
def test_anything_else_is_refused(value: str) -> None:
    with pytest.raises(UnclearError, match="expected true or false"):
        _ = Flags(fail_swap_on=value).fails_with_swap


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["/usr/bin/kubelet", "--v=2"], Line(["--v=2"], True)),
        (["/usr/bin/env", "A=1", "kubelet", "--v=2"], Line(["--v=2"], True)),
        (["taskset", "-c", "0", "nice", "/x/kubelet"], Line([], True)),
        (["/bin/bash", "-c", "exec kubelet --v=2"], Line(["--v=2"], True)),
        (["/bin/bash", "-ec", "/usr/bin/kubelet '--v=2'"], Line(["--v=2"], True)),
        (["/bin/bash", "-c", "env A=1 kubelet --v=2"], Line(["--v=2"], True)),
        (["/bin/bash", "-c", "cd /; exec kubelet --v=2"], Line(["--v=2"])),
        (["/bin/bash", "-c", "exec kubelet $ARGS"], Line(["$ARGS"])),
        (["/bin/bash", "-c", "/opt/start"], Line(None)),
        (["/bin/bash", "-c", ""], Line(None)),
        (["/bin/bash", "-c"], Line(None)),
        (["/bin/bash", "--login", "/opt/start"], Line(None)),
        (["/usr/bin/other", "kubelet", "--v=2"], Line(["--v=2"])),
        (["/usr/bin/other", "sh", "-c", "kubelet --v=2"], Line(["--v=2"])),
        # In another file system the files that it names are others.
        (["/usr/sbin/chroot", "/x", "kubelet"], Line([])),
        (["/usr/bin/other"], Line(None)),
    ],
)
def test_where_kubelets_flags_begin(argv: list[str], line: Line) -> None:
    assert kubelets_line(argv[0], argv[1:]) == line
