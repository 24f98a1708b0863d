"""nodefix/facts/kubelet_environment.py: a service's environment and words, as systemd has them."""

from __future__ import annotations

import pytest
from fakehost import Node
from fakesystemd import started_by

from nodefix.errors import UnclearError
from nodefix.facts.kubelet_environment import assignments, expanded, split, words_of

FILE = "/etc/sysconfig/kubelet"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("A=1\nB=2\n", {"A": "1", "B": "2"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("A=1", {"A": "1"}),
        ("A=\n", {"A": ""}),
        ("A=1\nA=2\n", {"A": "2"}),
        ("  A =  1 2  \n", {"A": "1 2"}),
        ("# A=1\n; B=2\n  # C=3\n", {}),
        ("A=1 # no comment\n", {"A": "1 # no comment"}),
        ("no assignment\nA=1\n", {"A": "1"}),
        ("export A=1\n", {}),
        ("1A=1\nA-B=1\n=x\n", {}),
        # Continued lines.
        ("A=1 \\\n  2\n", {"A": "1   2"}),
        ("A=\\\n1\n", {"A": "1"}),
        ('A="1 \\\n2"\n', {"A": "1 2"}),
        ("A=1\\", {"A": "1"}),
        ('A="1\\', {"A": "1"}),
        # Quotes, over several lines and one after the other.
        ('A="\n1\n2\n"\nB=3\n', {"A": "\n1\n2\n", "B": "3"}),
        ("A='\n1\n'\n", {"A": "\n1\n"}),
        ("A='1\\'\n", {"A": "1\\"}),
        ("A='it''s'\n", {"A": "its"}),
        ("A=\"1\" '2' 3 \n", {"A": "123"}),
        ('A="1', {"A": "1"}),
        ("A='1", {"A": "1"}),
        # Inside a value they are letters.
        ("A=it's\nB=2\n", {"A": "it's", "B": "2"}),
        ('A=x"1 2"\n', {"A": 'x"1 2"'}),
        # Escapes.
        ('A="\\"\\$\\`\\\\ \\n"\n', {"A": '"$`\\ \\n'}),
        ('A=\\"1\\" \\x\n', {"A": '"1" x'}),
        ("A=1\\ \nB=1 \\  \n", {"A": "1 ", "B": "1  "}),
        ("A=1 \\\\  \n", {"A": "1 \\"}),
        ("A=1 \\", {"A": "1 "}),
        ("A=\x1b[1m\n", {"A": "\x1b[1m"}),
        ("A=\t1\t2\n", {"A": "1\t2"}),
        ("# \udcff\nA=1\n", {"A": "1"}),
        ("A=größe\n", {"A": "größe"}),
    ],
)
def test_environment_file(text: str, found: dict[str, str]) -> None:
    assert assignments(text) == found


@pytest.mark.parametrize("text", ["A=1\nB=\udcff\n", "\udcff=1\n", "A=1\0\n"])
def test_file_that_systemd_refuses_as_a_whole(text: str) -> None:
    with pytest.raises(ValueError, match="found"):
        assignments(text)


def test_size_costs_little() -> None:
    """A megabyte of what could make a pattern go back and forth."""
    for piece in ("\\", " ", '"', "'", "A=\\ ", "#\\"):
        assignments("A=" + piece * (1_000_000 // len(piece)))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", []),
        ("  a\tb\nc ", ["a", "b", "c"]),
        ("'a b' \"c d\"", ["a b", "c d"]),
        ("x'a b'y", ["xa by"]),
        ("''", [""]),
        ("'a", ["a"]),
        ("a\\ b \\'c \"d\\\"e\" 'f\\'g'", ["a b", "'c", 'd"e', "f'g"]),
        ("a\\", ["a"]),
    ],
)
def test_a_variable_alone_becomes_words(value: str, words: list[str]) -> None:
    assert split(value) == words
    assert expanded(("$A",), {"A": value}) == words


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("--x=${A}/c", ["--x=1 2/c"]),
        ("${A}", ["1 2"]),
        ("${MISSING}", [""]),
        ("$MISSING", []),
        ("$A/c", []),
        ("$", []),
        ("x$A", ["x$A"]),
        ("x$$A", ["x$A"]),
        ("$$A", ["$A"]),
        ("$${A}", ["${A}"]),
        ("${A", ["${A"]),
        ("$$${A}", ["$1 2"]),
        ("${B$$", ["${B$$"]),
    ],
)
def test_variables(word: str, words: list[str]) -> None:
    assert expanded((word,), {"A": "1 2"}) == words


def words(node: Node, *argv: str, **other: object) -> list[str]:
    return words_of(node.host, started_by("/usr/bin/kubelet", *argv, **other))  # type: ignore[arg-type]


def test_prefix_that_keeps_variables_as_they_are(node: Node) -> None:
    assert words(node, "$A", environment=["A=1"], expands=False) == ["$A"]


def test_later_assignments_and_files_win(node: Node) -> None:
    node.file("/a", "A=file\n")
    node.file("/b", "B=file\n")
    given = {"environment": ["A=0", "B=1", "B=2", "C=3"], "files": [("/a", False), ("/b", True)]}
    assert words(node, "${A}${B}${C}", **given) == ["filefile3"]


@pytest.mark.parametrize(
    ("unset", "word"), [("A", ""), ("A=1", ""), ("A=2", "1"), ("B", "1"), ("A=", "1")]
)
def test_unset_environment_is_last(node: Node, unset: str, word: str) -> None:
    node.file("/a", "A=1\n")
    assert words(node, "${A}", files=[("/a", False)], unset=(unset,)) == [word]


def test_pattern(node: Node) -> None:
    node.file("/etc/k.d/20.env", "A=2\n")
    node.file("/etc/k.d/10.env", "A=1\nB=1\n")
    node.file("/etc/k.d/.30.env", "A=3\n")
    assert words(node, "${A}${B}", files=[("/etc/k.d/*.env", False)]) == ["21"]
    assert words(node, "${A}", files=[("/etc/none.d/*", True)]) == [""]
    with pytest.raises(UnclearError, match=r"/etc/none.d/\*, .*: found no such file") as caught:
        words(node, files=[("/etc/none.d/*", False)])
    # Not the pattern, which a shell would fill in or not.
    assert caught.value.hint == "ls -la /etc/none.d"


def test_file_that_is_missing(node: Node) -> None:
    assert words(node, "x$", files=[(FILE, True)]) == ["x$"]
    with pytest.raises(UnclearError, match="No such file") as caught:
        words(node, files=[(FILE, False)])
    assert caught.value.hint == f"ls -lZ {FILE}"


@pytest.mark.parametrize("optional", [True, False])
def test_file_that_cannot_be_read(node: Node, optional: bool) -> None:
    node.host.path(FILE).mkdir(parents=True)
    with pytest.raises(UnclearError, match="cannot be read: found a directory"):
        words(node, files=[(FILE, optional)])


def test_file_that_systemd_refuses(node: Node) -> None:
    node.file(FILE, b"A=1\nB=\xff\n")
    assert words(node, "${A}", files=[(FILE, True)]) == [""]
    with pytest.raises(UnclearError, match="no UTF-8"):
        words(node, files=[(FILE, False)])


@pytest.mark.parametrize(("release", "found"), [(252, ""), (253, ""), (254, "1"), (257, "1")])
def test_comment_that_ends_in_a_backslash(node: Node, release: int, found: str) -> None:
    node.systemd.release = release
    node.file(FILE, "# a comment \\\nA=1\n")
    assert words(node, "${A}", files=[(FILE, True)]) == [found]


def test_systemd_is_not_asked_for_its_release_without_need(node: Node) -> None:
    node.systemd.failing["version"] = UnclearError("asked")
    node.file(FILE, "# a comment\nA=1\\\n\n")
    assert words(node, "${A}", files=[(FILE, True)]) == ["1"]


@pytest.mark.parametrize("optional", [True, False])
def test_folder_of_a_pattern_that_cannot_be_listed(node: Node, optional: bool) -> None:
    node.link("/etc/k.d", "k.d")
    with pytest.raises(UnclearError, match="cannot be listed: Too many levels"):
        words(node, files=[("/etc/k.d/*.env", optional)])
