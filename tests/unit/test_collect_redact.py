"""nodefix/collect/redact.py and its rules: what is taken out of texts, and what stays."""

from __future__ import annotations

import json
import time

import pytest

from nodefix import events
from nodefix.collect.hosts import Hosts
from nodefix.collect.redact import Redactor
from nodefix.deadline import Deadline
from nodefix.errors import DeadlineError

UUID = "2a3b4c5d-1111-2222-3333-444455556666"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJl"
CERTIFICATE = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSURJVENDQWdtZ0F3SUJBZ0lJ"
PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIA\nabc=\n-----END EC PRIVATE KEY-----"

TAKEN_OUT = [
    ("dial tcp 10.0.0.1:6443: refused", "dial tcp <ipv4-1>:6443: refused"),
    ("10.244.0.0/16,fd00:10::/56", "<ipv4-1>/16,<ipv6-1>/56"),
    ("10.0.0.1-10.0.0.9 x10.0.0.1", "<ipv4-1>-<ipv4-2> x<ipv4-1>"),
    (r"{\"a\":\"b\n10.0.0.1\"}", r"{\"a\":\"b\n<ipv4-1>\"}"),
    ("ip-10-0-0-12 10-0-0-12.default.pod", "ip-<ipv4-1> <ipv4-1>.default.pod"),
    ("[fd00::1]:6443 fe80::1%eth0 fd00::1: bad.", "[<ipv6-1>]:6443 <ipv6-2>%eth0 <ipv6-1>: bad."),
    ("2001:db8::1 2001:0DB8:0:0:0:0:0:1", "<ipv6-1> <ipv6-1>"),
    (r"\nfd00::1 worker:fd00::1 fd00%3A%3A1", r"\n<ipv6-1> worker:<ipv6-1> <ipv6-1>"),
    ("::ffff:10.0.0.1", "::ffff:<ipv4-1>"),
    # As ip= of the kernel's command line has it.
    ("ip=10.0.0.5::10.0.0.1:255.0.0.0", "ip=<ipv4-1>::<ipv4-2>:255.0.0.0"),
    ("fd00--1.default.pod fd00-1--5.x.pod", "<ipv6-1>.default.pod <ipv6-2>.x.pod"),
    ("8.b.d.0.1.0.0.2.ip6.arpa", "<ipv6-1>.ip6.arpa"),
    ("aa:bb:cc:dd:ee:ff AA-BB-CC-DD-EE-FF aabb.ccdd.eeff", "<mac-1> <mac-1> <mac-1>"),
    ("mac:aa:bb:cc:dd:ee:ff enxaabbccddeeff", "mac:<mac-1> enx<mac-1>"),
    ("MAC=aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:08:00 SRC", "MAC=<mac-1> SRC"),
    (f"UUID={UUID} {UUID.upper()}", "UUID=<id-1> <id-1>"),
    ("UUID=ABCD-1234 /dev/disk/by-uuid/ABCD-1234", "UUID=<id-1> /dev/disk/by-uuid/<id-1>"),
    (rf"by\x2duuid-{UUID}.swap".replace("-", r"\x2d")[:-5], r"by\x2duuid\x2d<id-1>"),
    (f"dev-disk-by\\x2duuid-{UUID.replace('-', chr(92) + 'x2d')}", r"dev-disk-by\x2duuid-<id-1>"),
    ("/dev/disk/by-id/ata-X_S3R1AL", "/dev/disk/by-id/<disk-1>"),
    (f"boot {UUID.replace('-', '')}", "boot <id-1>"),
    ("token abcdef.0123456789abcdef", "token <secret-1>"),
    (f"x={JWT} y", "x=<secret-1> y"),
    (f"Authorization: Bearer {JWT}", "Authorization: Bearer <secret-1>"),
    ("Authorization: Basic abc", "Authorization: <secret-1>"),
    ("curl -H 'Bearer Abc123def456'", "curl -H 'Bearer <secret-1>'"),
    ("https://u:p@ss@10.0.0.1/", "https://<secret-1>@<ipv4-1>/"),
    ("K10deadbeef::server:hunter2", "<secret-1>"),
    ("--token=a;b --x", "--token=<secret-1> --x"),
    ("--token hunter --x", "--token <secret-1> --x"),
    ('["--token", "hunter"]', '["--token", "<secret-1>"]'),
    (r"err=\"secret=\"a b\"\"", r"err=\"secret=\"<secret-1>\"\""),
    ("password: hunter", "password: <secret-1>"),
    ("  client-key-data: abc\n", "  client-key-data: <secret-1>\n"),
    ("MY_API_KEY=1234 apiKey='a b'", "MY_API_KEY=<secret-1> apiKey='<secret-2>'"),
    (f"a {CERTIFICATE} b", "a <secret-1> b"),
    (f"a {PEM} b", "a <secret-1> b"),
    (json.dumps(PEM), '"<secret-1>"'),
    ("10.0.0. [12 characters left out] 77 x", " [12 characters left out]  x"),
    ("write to a.b@mail.example", "write to <mail-1>"),
    ("to:bob@mail.example; p=bob:hunter2@mail.example", "to:<mail-1>; p=bob:<mail-2>"),
    ("/home/bob/x by alice", "/home/<user-1>/x by <user-2>"),
    ("on n1, N1.Corp.Example and n1", "on host-1, host-1.domain-1 and host-1"),
    ("kube-apiserver-n1.corp.example", "kube-apiserver-host-1.domain-1"),
    ("n2.corp.example.", "host-1.domain-1."),
    (r"\nn1", r"\nhost-1"),
    ('node "worker-7" not found: worker-7', 'node "host-1" not found: host-1'),
    (r"nodes \"worker7\" is", r"nodes \"host-1\" is"),
    ("https://api.acme.com:6443 api.acme.com", "https://host-1.domain-1:6443 host-1.domain-1"),
    ("lookup db on 10.0.0.1:53", "lookup host-1 on <ipv4-1>:53"),
    ("system:node:blue blue", "system:node:host-1 host-1"),
    ('{"nodeName":"blue"} blue', '{"nodeName":"host-1"} host-1'),
    ("hostname: blue7 blue7", "hostname: host-1 host-1"),
    ('ObjectReference{Kind:"Node", Name:"blue"}', 'ObjectReference{Kind:"Node", Name:"host-1"}'),
    ("nfs: server nas1 not responding", "nfs: server host-1 not responding"),
    ("HTTP_PROXY=ada:hunter2@p.corp.example:3128", "HTTP_PROXY=<secret-1>@host-1.domain-1:3128"),
]
KEPT = [
    "127.0.0.1 ::1 :: 0.0.0.0/0 255.255.255.0 255.255.255.255 fe80::/10 ff02::1 224.0.0.1",
    "6.12.0-124.8.1.el10_1.x86_64 6.12.0-124.8.1.2.el10 v1.2.3.4 version 1.2.3.4 1.2.3.4.5",
    "iptables-1.8.11.2-4.el10 300.1.2.3",
    "12:34:56 2026-11-27T08:24:20Z [0:0] :::10250 0000:00:1f.2 cpe:/o:redhat:linux:10::baseos",
    "open /var/run/secrets/kubernetes.io/serviceaccount/token: no such file",
    "failed to get token: unauthorized",
    "--tls-private-key-file=/etc/k/x.key --token-ttl=24h --rotate-certificate-key=true",
    "user@1000.service nodefix-chains@firewalld.service kubernetes.default.svc.cluster.local",
    "/var/lib/rancher/rke2/agent/logs/kubelet/abcdefghijklmnop /etc/rc.local",
    "registry.k8s.io/kube-proxy:v1.34 https://kubernetes.io/docs",
    f"MESSAGE_ID={events.RUN_FAILED} KUBE-SVC-ABCDEFGH12345678ABCDEFGH12345678",
    "00:00:00:00:00:00 00000000-0000-0000-0000-000000000000",
    "localhost kubelet is not ready on this node",
    "hostname: cannot be read; nodename: none",
]


def redactor() -> Redactor:
    """One that knows this node."""
    return Redactor(Hosts(["n1.corp.example", "localhost"], ["corp.example"], ["alice", "root"]))


@pytest.mark.parametrize(("text", "expected"), TAKEN_OUT, ids=[text for text, _ in TAKEN_OUT])
def test_it_is_taken_out(text: str, expected: str) -> None:
    one = redactor()
    one.learn(text)
    assert one.text(text) == expected


@pytest.mark.parametrize("text", KEPT)
def test_it_is_kept(text: str) -> None:
    one = redactor()
    one.learn(text)
    assert one.text(text) == text
    assert one.counts() == []


def test_data_is_redacted_by_keys_and_in_lists() -> None:
    found = redactor().value(
        {
            "n1": ["a\n10.0.0.1", {"token": "abc", "password": 1234, "secrets": ["x", "y"]}],
            "argv": ["--token", "hunter", "--node-ip=10.0.0.1", "-x"],
            "on": [True, None, 3],
        }
    )
    assert found == {
        "host-1": [
            "a\n<ipv4-1>",
            {
                "token": "<secret-1>",
                "password": "<secret-2>",
                "secrets": ["<secret-3>", "<secret-4>"],
            },
        ],
        "argv": ["--token", "<secret-5>", "--node-ip=<ipv4-1>", "-x"],
        "on": [True, None, 3],
    }


def test_the_same_value_keeps_its_name_and_is_counted() -> None:
    one = redactor()
    assert one.text("10.0.0.1 n1") == one.text("10.0.0.1 N1") == "<ipv4-1> host-1"
    assert [tuple(count) for count in one.counts()] == [("host", 1, 2), ("ipv4", 1, 2)]


def test_a_secret_that_stands_bare_elsewhere_goes_too() -> None:
    one = redactor()
    bare = one.text("it is hunter2hunter2")
    assert one.text("--token=hunter2hunter2") == "--token=<secret-1>"
    assert one.again(bare) == "it is <secret-1>"


def test_marks_of_a_text_are_no_marks() -> None:
    assert redactor().text("\U000f0000 10.0.0.1") == "\ufffd <ipv4-1>"


def test_depth_is_bounded() -> None:
    deep: object = "10.0.0.1"
    for _ in range(500):
        deep = [deep]
    assert "10.0.0.1" not in str(redactor().value(deep))  # type: ignore[arg-type]


def test_when_the_time_is_over_nothing_comes_out() -> None:
    over = Deadline("collecting", 0)
    with pytest.raises(DeadlineError):
        Redactor(Hosts(), lambda: over.left(1)).text("10.0.0.1")


def test_the_longest_name_that_fits_goes() -> None:
    one = Redactor(Hosts(["ab", "abc", "ab-c", "ab-c7", "b", "xab", "xy" * 60, "xy" * 60 + "c"]))
    assert one.text("abc ab-c ab-c7 ab abd xabc") == "host-1 host-2 host-3 host-4 abd xabc"
    assert one.text(f"{'XY' * 60} {'xy' * 60}c {'xy' * 61}") == f"host-5 host-6 {'xy' * 61}"


def test_thousands_of_names_take_no_longer() -> None:
    # Those of /etc/hosts in a large cluster, which have nothing in common.
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = ["".join(letters[(i * k) % 26] for k in (1, 5, 7, 11)) + f"{i}" for i in range(2000)]
    one = Redactor(Hosts(names))
    text = (
        f"{names[1999]}: pod kube-system/coredns-{names[7]} of another node is not ready. " * 5000
    )
    began = time.process_time()
    assert one.text(text).startswith("host-1: pod kube-system/coredns-host-2 of another")
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "1.",
        "a:",
        "-",
        "\\",
        "token ",
        "://",
        "ab-",
        "::1",
        " ",
        "a:b@",
        "Name:token,Value:",
        "$a$",
        "token:\n ",
    ],
)
def test_no_text_takes_long(piece: str) -> None:
    text = piece * (60_000 // len(piece))
    began = time.process_time()
    one = redactor()
    one.learn(text)
    one.text(text)
    assert time.process_time() - began < 5
