"""nodefix/collect/bundle.py and its parts: all is read, redacted and bounded, each by itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from fakehost import BOOT_ID, RHEL10, Node, result

from nodefix import events
from nodefix.collect import bundle, records
from nodefix.collect.archive import packed
from nodefix.collect.bundle import PARTS, Bundle, collect
from nodefix.collect.part import Got, Lines, Part
from nodefix.errors import CommandError, DeadlineError
from nodefix.host import journald
from nodefix.host.journald import MAY_NOT_READ, Entry, Storage
from nodefix.words import BACKUPS, REPORT, SETTINGS_FILE, STATE_FILE

PODS = "/var/log/pods/kube-system_kube-proxy-8qq9t_63f5/kube-proxy"
SAID = {
    "status": '{"kubelet": "held on n1 with 10.0.0.1"}',
    "check": '{"advice": ["a\\n10.0.0.1"]}',
    "config": '{"swap": {"value": "off"}}',
    "history": '{"boots": []}',
    "run": "swap: nothing to change\n",
}


def answer(argv: tuple[str, ...], stdin: bytes) -> Any:
    """What nodefix says to each of its commands."""
    assert argv[1:5] == ("-s", "INT", "-k", "2")
    assert argv[6] == "/usr/bin/nodefix"
    return result(3, SAID[argv[7]], "some remark")


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> list[Entry]:
    """The journal's entries, newest first."""
    held: list[Entry] = []

    def read(matches: Sequence[str], *others: object) -> Iterator[Entry]:
        return iter(held if matches == records.OF_NODEFIX else [])

    monkeypatch.setattr(records, "entries", read)
    for module in (records, journald):
        monkeypatch.setattr(module, "storage", lambda root: Storage(True, True))
    return held


@pytest.fixture
def full(node: Node, journal: list[Entry]) -> Node:
    """A node that has all of it."""
    node.file("/etc/os-release", RHEL10 + 'HOME_URL="https://www.acme.com"\n')
    node.file("/proc/sys/kernel/hostname", "n1\n")
    node.file("/etc/hosts", "10.0.0.7 other7.acme.com # x\n")
    node.file("/etc/resolv.conf", "search corp.example\nnameserver 10.0.0.53\n")
    node.file(f"/{REPORT}", json.dumps({"boot_id": BOOT_ID, "text": "n1: fd00::1\nand 10.0.0.7"}))
    node.file(f"/{STATE_FILE}", "NODEFIX_MESSAGE='other7 is held'\n")
    node.file(f"/{SETTINGS_FILE}", "metrics_file: /var/n1.prom # on n2.corp.example\n")
    node.file(f"/{BACKUPS}/fstab-20260101T000000Z", "UUID=x / ext4\n")
    node.file(f"{PODS}/3.log", '2026-01-26T16:58:13Z stderr F E0126 x "node=\\"w7\\""\n')
    journal += [
        Entry(9.0, "b" * 32, {"MESSAGE": "token: abcdef.0123456789abcdef", "PRIORITY": "3"}),
        Entry(8.0, "b" * 32, {"MESSAGE": "one\ntwo w7", "MESSAGE_ID": events.PROBLEM,
                              "NODEFIX_CODE": "c"}),
    ]  # fmt: skip
    node.programs.table[("/usr/bin/timeout",)] = answer
    node.programs.table[("/usr/bin/hostname",)] = result(0, "n1.corp.example\n")
    for program in ("iptables", "nft", "modprobe"):
        node.programs.table[(f"/usr/sbin/{program}",)] = result(0, f"{program} v1.8.11\n")
    node.programs.table[("/usr/bin/systemctl",)] = result(0, "systemd 257\n")
    node.programs.table[("/usr/bin/rpm",)] = CommandError("/usr/bin/rpm: found no such program")
    return node


def collected(node: Node, parts: Sequence[Part] = PARTS) -> Bundle:
    """What is collected on a node."""
    return collect(lambda: node.host, "root", "2026-01-01T00:00:00Z", parts)


def bodies(got: Got) -> list[str]:
    """What the entries say."""
    assert isinstance(got.content, Lines)
    return [body for _, body in got.content.entries]


def test_all_of_it_without_what_is_to_be_taken_out(full: Node) -> None:
    found = collected(full)
    assert found.missing == {}
    texts = {name: content.decode() for name, content in found.files.items()}
    whole = "\n".join(texts.values())
    for value in ("10.0.0.", "fd00::1", "n1", "n2", "w7", "other7", "acme", "corp.ex", BOOT_ID,
                  "b" * 32, "abcdef.0"):  # fmt: skip
        assert value not in whole, value
    assert json.loads(texts["status.json"])["kubelet"] == "held on host-1 with <ipv4-2>"
    assert json.loads(texts["check.json"]) == {"advice": ["a\n<ipv4-2>"]}
    assert texts["dry-run.txt"] == SAID["run"]
    one, two = texts["journal-nodefix.txt"].split("\n1970")
    assert one.splitlines()[1:] == [
        "    two host-4",
        "    NODEFIX_CODE=c",
        f"    MESSAGE_ID={events.PROBLEM}",
    ]
    assert two.endswith("<3> - -: token: <secret-1>\n")
    assert 'node=\\"host-4\\"' in texts["kube-proxy-errors.txt"]
    assert json.loads(texts["backups.json"]) == {"fstab-20260101T000000Z": 14}
    versions = json.loads(texts["versions.json"])
    assert versions["os-release"]["VERSION_ID"] == "10.0"
    assert versions["/usr/sbin/nft"] == ["nft v1.8.11"]
    assert "no such program" in versions["/usr/bin/rpm"]
    assert "swap-off" not in texts["settings.json"]
    assert f"/{SETTINGS_FILE}" in json.loads(texts["settings.json"])
    assert "IPv4 addresses: 2 (in " in texts["taken-out.txt"]
    assert texts["index.txt"].startswith("nodefix 0.1.0, collected at 2026-01-01T00:00:00Z by root")
    assert "all parts are whole" in texts["index.txt"]
    assert "\ndry-run.txt: 24 bytes; exit status 3; it says: some remark\n" in texts["index.txt"]
    assert {name.partition(":")[0] for name in texts["index.txt"].splitlines()[2:]} == {
        part.name for part in PARTS
    }


def test_a_key_that_was_printed_line_by_line_goes_as_a_whole(full: Node) -> None:
    lines = [
        *(("a", "-----BEGIN X KEY-----"), ("a", "Proc-Type: 4,ENCRYPTED"), ("b", "pod web runs")),
        *(("a", ""), ("a", "c2hvcnQ="), ("a", "-----END X KEY-----"), ("a", "and now: more")),
        *(("a", "-----BEGIN X KEY-----"), ("a", "c2hv"), ("a", "it broke off."), ("a", "c2hvcnQ=")),
    ]
    entries = [(f"2026 {source}:", text) for source, text in lines]
    found = collected(full, [Part("x.txt", 1, lambda host: Got(Lines(entries)))])
    assert found.files["x.txt"].decode().splitlines() == [
        *("2026 a: <secret-1>", "2026 b: pod web runs", "2026 a: and now: more"),
        *("2026 a: <secret-2>", "2026 a: it broke off.", "2026 a: c2hvcnQ="),
    ]


@pytest.mark.parametrize("first", ["-----BEGIN X KEY-----", "found -----BEGIN X KEY----- alone"])
def test_what_is_said_after_a_key_that_has_no_end_stays(full: Node, first: str) -> None:
    said = ["kubelet is not ready", "Error: it cannot mount it", "starting again"]
    entries = [("2026 a:", text) for text in (first, *said)]
    found = collected(full, [Part("x.txt", 1, lambda host: Got(Lines(entries)))])
    lines = found.files["x.txt"].decode().splitlines()
    assert lines[1:] == [f"2026 a: {text}" for text in said]


def test_the_node_is_left_as_it_is(full: Node) -> None:
    before = full.snapshot()
    collected(full)
    assert full.snapshot() == before


def test_half_of_it_fails(full: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    full.programs.table[("/usr/bin/timeout",)] = result(124)
    full.file("/etc/hostname", b"x" * (1 << 20))
    monkeypatch.setattr(records, "storage", lambda root: Storage(True, False))
    found = collected(full)
    assert set(found.missing) >= {"names", "check.json", "dry-run.txt", "journal-units.txt"}
    index = found.files["index.txt"].decode()
    assert "check.json: none; missing: did not end within 20 s\n" in index
    assert f"missing: {MAY_NOT_READ}; sudo nodefix collect\n" in index
    assert "report.json" in found.files


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (DeadlineError("no answer from n1 within 3 s", "top"), "no answer from host-1 within 3 s"),
        (PermissionError(13, "Permission denied", "/n1"), "/host-1: Permission denied"),
        (ZeroDivisionError("n1"), "a defect in nodefix: ZeroDivisionError('host-1')"),
        (RecursionError(), "a defect in nodefix"),
    ],
)
def test_a_part_that_fails_is_a_line(full: Node, failure: Exception, words: str) -> None:
    def fail(host: object) -> Got:
        raise failure

    found = collected(full, [Part("x.txt", 3, fail), Part("y.txt", 3, lambda host: Got("y n1"))])
    assert words in found.missing["x.txt"]
    assert words in found.files["index.txt"].decode()
    assert found.files["y.txt"] == b"y host-1"


def test_a_file_that_is_not_there_is_no_lack(node: Node, journal: list[Entry]) -> None:
    for argv in (("/usr/bin/hostname",), ("/usr/bin/timeout",)):
        node.programs.table[argv] = CommandError("no such program")
    found = collected(node, PARTS[:7])
    assert found.missing == {}
    assert "report.json: none; " in found.files["index.txt"].decode()


def test_a_part_that_hangs_is_left_behind(full: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(host: object) -> Got:
        time.sleep(5)
        return Got("late")

    monkeypatch.setattr(bundle, "READING", 0.6)
    began = time.monotonic()
    found = collected(full, [Part("x", 0.2, hang), Part("y", 9, hang), Part("z", 9, hang)])
    assert time.monotonic() - began < 3
    assert found.missing["x"] == "no answer within 0.2 seconds"
    assert found.missing["z"] == "not begun: 0.6 s for all of it were over"


def test_without_time_nothing_goes_out_unseen(full: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "SECONDS", 0.0)
    found = collected(full, [Part("x", 3, lambda host: Got("n1 10.0.0.1", "n1", "n1"))])
    assert set(found.files) == {"index.txt", "taken-out.txt"}
    assert "n1" not in found.files["index.txt"].decode().replace("in 1", "")
    assert found.missing["x"].startswith("left out: collecting took longer")


def test_size_is_bounded(full: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "SIZE", 100)
    big: Callable[[object], Got] = lambda host: Got("word " * 30)  # noqa: E731
    found = collected(full, [Part("x", 3, big), Part("y", 3, lambda host: Got("small"))])
    assert found.missing == {"x": "left out: with it there were more than 100 bytes"}
    assert found.files["y"] == b"small"


def test_records_are_of_the_last_boots_and_bounded(
    full: Node, journal: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    journal[:] = [Entry(9.0 - n, f"{n:032x}", {"MESSAGE": f"m{n}"}) for n in range(9)]
    got = records.journal(records.OF_NODEFIX)(full.host)
    assert bodies(got) == ["m4", "m3", "m2", "m1", "m0"]
    assert got.note == "what is older than 5 entries was left out"
    monkeypatch.setattr(records, "_SIZE", 100)
    assert bodies(records.journal(records.OF_NODEFIX)(full.host)) == ["m0"]


def test_the_same_files_make_the_same_archive() -> None:
    one = packed("nodefix-1", {"b": b"2", "a": b"1"})
    assert one == packed("nodefix-1", {"a": b"1", "b": b"2"})
