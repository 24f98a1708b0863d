"""Whatever stands in a file: no parser ends in anything but an answer or an error that explains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nodefix import config, store, yamlfile
from nodefix.errors import NodefixError
from nodefix.facts import (
    alternatives_state,
    fstab,
    kubelet_environment,
    kubelet_flags,
    kubelet_yaml,
    kubeproxy_log,
    yaml_files,
)
from nodefix.text import harmless, one_line, told

hypothesis = pytest.importorskip("hypothesis")

from hypothesis import example, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

# Pieces that such files are made of, so that what is put together comes near to one.
_PIECES = (
    b"failSwapOn", b"swap", b"none", b": ", b"=", b"\n", b"\n  ", b"- ", b"{", b"}", b"[", b"]",
    b'"', b"'", b"\\", b"#", b"---\n", b"...\n", b"&a ", b"*a", b"!!", b"<<", b"\t", b"\r\n", b"\0",
    b"\xff\xfe", b"\xef\xbb\xbf", b"true", b"null", b"1e999", b"0x", b"/usr/sbin/a", b"auto\n",
    b"manual\n", b"slave ", b"10\n", b"kind: KubeletConfiguration\n", b"apiVersion: ", b"E0102 ",
    b"2026-01-02T03:04:05Z stderr F ", b"--fail-swap-on", b"$A", b"${A}", b"scope", b"stages",
    b"\x1b[2J", b"UUID=a b swap sw 0 0\n", b"\\040", b"schema", b"boot_id",
)  # fmt: skip
contents = st.one_of(
    st.lists(st.sampled_from(_PIECES), max_size=25).map(b"".join), st.binary(max_size=200)
)


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _environment(content: bytes) -> object:
    try:
        return kubelet_environment.assignments(content.decode("utf-8", "surrogateescape"))
    except ValueError as error:
        # Its reader tells it with the file's name.
        assert str(error).startswith("found ")
        return None


PARSERS: dict[str, Callable[[bytes], object]] = {
    "kubelet's configuration": lambda it: kubelet_yaml.fail_swap_on(it, "/x"),
    "a drop-in of kubelet's": lambda it: kubelet_yaml.fail_swap_on(it, "/x", drop_in=True),
    "settings": lambda it: config.checked(Path("/x"), it, []),
    "YAML of others": lambda it: yaml_files.parsed(it, "/x"),
    "fstab": fstab.fstab_swaps,
    "a state file of alternatives": lambda it: alternatives_state.entry_of("/x", it),
    "a log of kube-proxy": kubeproxy_log.errors_in,
    "an environment file": _environment,
    "a command line": lambda it: kubelet_flags.parsed(kubelet_environment.split(_text(it))),
    "YAML": yamlfile.parse,
    "what a tool says": lambda it: one_line(harmless(told(it))),
}


@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
def test_an_answer_or_an_error_that_explains(parser: Callable[[bytes], object]) -> None:
    @settings(derandomize=True, deadline=None, max_examples=60)
    @given(contents)
    @example(b"[" * 5000)
    @example(b"{a: " * 3000)
    @example(b"1" * 5000)
    @example(b"")
    def holds(content: bytes) -> None:
        try:
            parser(content)
        except NodefixError as error:
            assert error.message

    holds()


@settings(derandomize=True, deadline=None, max_examples=60)
@given(contents)
def test_settings_that_are_not_understood_are_said(content: bytes) -> None:
    problems: list[str] = []
    found = config.checked(Path("/x"), content, problems)
    # What is not blank, no comment and no setting is a problem.
    assert found or problems or not config._parse(Path("/x"), content, [])


@settings(derandomize=True, deadline=None, max_examples=60)
@given(contents)
def test_lines_of_fstab_that_are_no_swap_are_kept(content: bytes) -> None:
    lines = content.splitlines(True)
    for entry in fstab.fstab_swaps(content):
        assert b"swap" in b"".join(lines)
        assert entry


def test_a_report_in_any_form_is_none_or_one(tmp_path: Path) -> None:
    files = store.ReportFiles(tmp_path)
    place = tmp_path / store.REPORT
    place.parent.mkdir(parents=True)

    @settings(derandomize=True, deadline=None, max_examples=60)
    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(
                    st.sampled_from(("stage", "outcome", "mode", "problems", "changes", "a")), inner
                )
            ),
            max_leaves=12,
        )
    )
    def holds(stages: object) -> None:
        import json

        found = {"schema": 1, "boot_id": "b", "outcome": "ready", "stages": stages}
        place.write_text(json.dumps(found))
        earlier = files.earlier("b")
        assert earlier.outcome in ("", "ready")

    holds()
