"""nodefix/collect/secrets.py: what is called a secret and is one."""

from __future__ import annotations

import pytest

from nodefix.collect.secrets import MESSAGE_IDS, is_secret, take_secrets
from nodefix.collect.taken import Taken


def taken(text: str) -> str:
    """A text with its secrets taken out."""
    found = Taken()
    return found.end(take_secrets(found.begin(text), found))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("token", "abc", True),
        ("password", "/x", True),
        ("client-key-data", "AAAA", True),
        ("tokenfile", "/etc/token", False),
        # No place, whatever it is called.
        ("passwordfile", "hunter2", True),
        ("token-ttl", "24h", False),
        ("token-ttl", "x9!y", True),
        ("client-key", "/etc/kubernetes/pki/x.key", False),
        ("automount-token", "true", False),
        ("secret", "<none>", False),
        ("secretName", "web-tls", False),
        ("node", "abc", False),
        ("DB_PASS", "hunter2", True),
        ("bypass", "hunter2", False),
        ("psk", "hunter2", True),
        ("preshared_key", "hunter2", True),
        # In a registry's settings: USER:PASSWORD in base64.
        ("auth", "YWRhOmh1bnRlcjI=", True),
        ("auth", "webhook", False),
        ("--auth", "webhook", False),
        ("BASIC_AUTH", "ada:hunter2", True),
    ],
)
def test_by_its_name_and_form(name: str, value: str, expected: bool) -> None:
    assert is_secret(name, value) == expected


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("https://ada:hunter2@host/x", "https://<secret-1>@host/x"),
        ("Authorization: Bearer abcdef123456", "Authorization: <secret-1>"),
        ("basic functionality", "basic functionality"),
        ("basic dXNlcjpwYXNz", "basic <secret-1>"),
        ("--token abc --v=2", "--token <secret-1> --v=2"),
        # A switch without a value, and the next one.
        ("--rotate-token --v=2", "--rotate-token --v=2"),
        ("the token: it was refused", "the token: it was refused"),
        ("  token: abc", "  token: <secret-1>"),
        ("abcdef.0123456789abcdef", "<secret-1>"),
        (f"id {min(MESSAGE_IDS)}", f"id {min(MESSAGE_IDS)}"),
        ("id 0123456789abcdef0123456789abcdef", "id <id-1>"),
        ("0" * 32, "0" * 32),
        ("/dev/disk/by-id/ata-X_SERIAL", "/dev/disk/by-id/<disk-1>"),
        ("http://ada:hun/ter2@proxy:3128", "http://<secret-1>@proxy:3128"),
        ("https://host:6443/a@b", "https://host:6443/a@b"),
        ("proxy=ada:hunter2@10.0.0.1", "proxy=<secret-1>@10.0.0.1"),
        ("nginx:1.25@sha256:0a1b", "nginx:1.25@sha256:0a1b"),
        ("iscsi:ada:hunter2@10.0.0.1::", "iscsi:<secret-1>@10.0.0.1::"),
        ("curl -u ada:hunter2 --user ada:x", "curl -u <secret-1> --user <secret-2>"),
        ("--user 1000:1000", "--user 1000:1000"),
        # What registries' stores are asked with.
        ("https://x/?se=1&sig=aB%3D&sp=r", "https://x/?se=1&sig=<secret-1>&sp=r"),
        (
            r"https://x/?a=1\u0026X-Amz-Signature=ab",
            r"https://x/?a=1\u0026X-Amz-Signature=<secret-1>",
        ),
        (r"{\"auth\":\"YWRhOmh1bnRlcjI=\"}", r"{\"auth\":\"<secret-1>\"}"),
        ("auth: failed", "auth: failed"),
        ("pass=hunter2", "pass=<secret-1>"),
        # Cut in its middle.
        ('password="hun ter', 'password="<secret-1>'),
        ("a?password%3Dhunter2", "a?password%3D<secret-1>"),
        ("'password' => 'hunter2'", "'password' => '<secret-1>'"),
        ("root:$6$rounds=5000$SaltSalt$hashHASHhashHASHhash:1", "root:<secret-1>:1"),
        ("ada:hunter2@tcp(db:3306)/x", "<secret-1>@tcp(db:3306)/x"),
        # As kubelet prints the containers that it could not start.
        (
            "EnvVar{Name:DB_PASSWORD,Value:hun, ter2,ValueFrom:nil,},EnvVar{Name:A,Value:b,Value",
            "EnvVar{Name:DB_PASSWORD,Value:<secret-1>,ValueFrom:nil,},EnvVar{Name:A,Value:b,Value",
        ),
        ("EnvVar{Name:A_TOKEN,Value:,ValueFrom:&x", "EnvVar{Name:A_TOKEN,Value:,ValueFrom:&x"),
        (
            r"{\"name\":\"A_TOKEN\",\"value\":\"x y\"}",
            r"{\"name\":\"A_TOKEN\",\"value\":\"<secret-1>\"}",
        ),
        ("- name: A_SECRET\n  value: x y\n", "- name: A_SECRET\n  value: <secret-1>\n"),
        *(
            (text, text)
            for text in (
                "EnvVar{Name:TOKEN_FILE,Value:/x,ValueFrom:nil,}",
                "- name: USE_PASSWORD\n  value: true\n",
                # The current folder, as sudo and shells have it.
                "PWD=/var/lib/k8s1 ;",
                "docker-pullable://nginx@sha256:0a1b",
                "docker-pullable://nginx:1.25@sha256:0a1b",
            )
        ),
        ("EnvVar{Name:MY_AUTH,Value:a:b,", "EnvVar{Name:MY_AUTH,Value:<secret-1>"),
        ("DB_PWD=/hunter2", "DB_PWD=<secret-1>"),
        ("password: 'it''s'", "password: '<secret-1>'"),
        ("password: correct horse", "password: <secret-1>"),
        # systemd's quotes stand around the whole of a variable.
        ("Environment='TOKEN=a b' X=1", "Environment='TOKEN=<secret-1>' X=1"),
        ('"SECRET=a\'b" "PATH=/bin"', '"SECRET=<secret-1>" "PATH=/bin"'),
        ("token: |-\n  hunter2\n  more\nx: y\n", "token: |-\n  <secret-1>\nx: y\n"),
        ("key-data:\n  TUlJQ0RUQ0N\n  QWZhZ\nx: y", "key-data:\n  <secret-1>\nx: y"),
        ("secret:\n  secretName: web\n", "secret:\n  secretName: web\n"),
        ("glpat-ABCDEFGHIJKLMNOPQRST", "<secret-1>"),
        (
            "-----BEGIN X KEY-----\nProc-Type: 4,ENCRYPTED\n\nYWJj\n-----END X KEY-----\nx",
            "<secret-1>\nx",
        ),
    ],
)
def test_in_a_text(text: str, left: str) -> None:
    assert taken(text) == left


def test_a_uuid_in_the_name_of_a_unit_is_the_same() -> None:
    uuid = "0a1b2c3d-1111-2222-3333-444455556666"
    assert taken(f"{uuid} {uuid.upper()} dev-{uuid.replace('-', chr(92) + 'x2d')}.swap") == (
        "<id-1> <id-1> dev-<id-1>.swap"
    )
