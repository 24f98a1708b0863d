"""The name under which the cluster knows this node, and kubelet's credentials for its API server.

Sources: kubernetes cmd/kubelet/app/server.go and pkg/util/node (the name is --hostname-override or
the host's name in lower case), pkg/auth/nodeidentifier (a kubelet is the user system:node:NAME),
client-go tools/clientcmd/api/v1 (kubeconfig); X.690 for the certificate's form.
"""

from __future__ import annotations

import base64
import binascii
import re
import shlex
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from nodefix.errors import BusError, NodefixError, UnclearError
from nodefix.facts.kubelet_environment import words_of
from nodefix.facts.kubelet_flags import flag, kubelets_line
from nodefix.shape import JsonObject, an, items, mapping
from nodefix.words import KUBELET

if TYPE_CHECKING:
    from nodefix.host.node import Host

# kubeadm's.
KUBECONFIG = "/etc/kubernetes/kubelet.conf"
_HOST_NAME = "/proc/sys/kernel/hostname"

_USER = "system:node:"
# A DNS subdomain: what a Node's name can be.
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")
# The type of a common name, in DER: an object identifier of three bytes, 2.5.4.3.
_COMMON_NAME = b"\x06\x03\x55\x04\x03"
# UTF8String, PrintableString, IA5String.
_STRINGS = (b"\x0c", b"\x13", b"\x16")


class NodeName(NamedTuple):
    """This node's name.

    Attributes:
        name: as the API server has it; empty where it cannot be told for sure.
        kubeconfig: kubelet's.
        where: what the name was found in; why it cannot be told, where it cannot.
        hint: for an empty name the command that shows or mends it.
    """

    name: str
    kubeconfig: str
    where: str
    hint: str = ""


def read_node_name(host: Host) -> NodeName:
    """Find kubelet's kubeconfig and, in it, the node's name; else in what kubelet is told."""
    words = _kubelets_words(host)
    kubeconfig = flag(words or (), "kubeconfig") or KUBECONFIG
    try:
        name, where = _by_credentials(host, kubeconfig)
    except UnclearError as error:
        return NodeName("", kubeconfig, error.message, error.hint)
    if not name and words is None:
        why = f"{where}, and kubelet's command line is not known"
        return NodeName("", kubeconfig, why, f"systemctl cat {KUBELET}")
    if not name:
        name, where = _by_kubelets_words(host, words or ())
    if not _NAME.fullmatch(name):
        why = f"{where}: found {name[:80]!r}, expected a node's name"
        return NodeName("", kubeconfig, why, f"systemctl cat {KUBELET}")
    return NodeName(name, kubeconfig, where)


def _kubelets_words(host: Host) -> list[str] | None:
    """kubelet's flags; None where these are not known to be all."""
    try:
        command = host.systemd.service_command(KUBELET)
        if not command.program:
            return None
        line = kubelets_line(command.program, words_of(host, command))
    except (BusError, UnclearError):
        return None
    return line.words if line.exact else None


def _by_kubelets_words(host: Host, words: Sequence[str]) -> tuple[str, str]:
    name = flag(words, "hostname-override").strip().lower()
    if name:
        return name, "--hostname-override on kubelet's command line"
    try:
        return host.read(_HOST_NAME).decode("utf-8", "replace").strip().lower(), "the host's name"
    except OSError as error:
        return "", f"{_HOST_NAME}: cannot be read: {error.strerror}"


def _by_credentials(host: Host, kubeconfig: str) -> tuple[str, str]:
    """The name in kubelet's certificate, or in its kubeconfig; empty if neither has one.

    Raises:
        UnclearError: the kubeconfig or the certificate cannot be read, or they disagree.
    """
    user, called = _user(_parsed(host, kubeconfig), kubeconfig)
    names = {called.removeprefix(_USER)} if called.startswith(_USER) else set()
    where = f"the user of {kubeconfig}"
    certificate = _certificate(host, kubeconfig, user)
    if certificate:
        path, content = certificate
        in_it = _names_in(content)
        names |= in_it
        where = f"the certificate in {path}" if in_it else where
    if len(names) > 1:
        message = f"{kubeconfig}: found kubelet's node called {' and '.join(sorted(names))}"
        raise UnclearError(f"{message}, expected one name", f"cat {shlex.quote(kubeconfig)}")
    return (names.pop(), where) if names else ("", f"{kubeconfig} does not name the node")


def _parsed(host: Host, path: str) -> JsonObject:
    from nodefix.yamlfile import parse

    try:
        return mapping(parse(host.read(path)))
    except OSError as error:
        words = f"{path}: cannot be read: {error.strerror}"
        raise UnclearError(words, f"ls -lZ {shlex.quote(path)}") from error
    except (NodefixError, TypeError) as error:
        raise UnclearError(f"{path}: {error}", f"cat -A {shlex.quote(path)}") from error


def _user(found: JsonObject, path: str) -> tuple[JsonObject, str]:
    """The user of the current context, and what it is called."""
    try:
        contexts = {an(str, mapping(one)["name"]): one for one in items(found["contexts"])}
        users = {an(str, mapping(one)["name"]): one for one in items(found["users"])}
        context = mapping(mapping(contexts[an(str, found["current-context"])])["context"])
        name = an(str, context["user"])
        return mapping(mapping(users[name])["user"]), name
    except (KeyError, TypeError) as error:
        words = f"{path}: found no user of its current context ({error}), expected kubelet's"
        raise UnclearError(words, f"cat -A {shlex.quote(path)}") from error


def _certificate(host: Host, kubeconfig: str, user: JsonObject) -> tuple[str, bytes] | None:
    """Where a user's certificate stands, and the file or text that holds it; None if it has none.

    Data goes before a file, as for client-go.
    """
    data, file = user.get("client-certificate-data"), user.get("client-certificate")
    try:
        if isinstance(data, str) and data:
            return kubeconfig, base64.b64decode(data)
        if isinstance(file, str) and file:
            path = str(PurePosixPath(kubeconfig).parent / file)
            return path, host.read(path)
    except binascii.Error as error:
        words = f"{kubeconfig}: client-certificate-data: {error}"
        raise UnclearError(words, f"cat -A {shlex.quote(kubeconfig)}") from error
    except OSError as error:
        words = f"{path}: cannot be read: {error.strerror}"
        raise UnclearError(words, f"ls -lZ {shlex.quote(path)}") from error
    return None


def _names_in(pem: bytes) -> set[str]:
    """The names of nodes that certificates are about."""
    found = set()
    for match in _PEM.finditer(pem):
        try:
            content = base64.b64decode(match[1])
        except binascii.Error:
            continue
        found |= {name.removeprefix(_USER) for name in _common_names(content)}
    return found


def _common_names(certificate: bytes) -> set[str]:
    """The common names in a certificate that are a node's."""
    found = set()
    for part in certificate.split(_COMMON_NAME)[1:]:
        if part[:1] not in _STRINGS:
            continue
        # Up to 127 bytes the length is one byte, up to 255 it stands behind 0x81.
        long = part[1:2] == b"\x81"
        length, text = (part[2:3], part[3:]) if long else (part[1:2], part[2:])
        found.add(text[: int.from_bytes(length, "big")].decode("utf-8", "replace"))
    return {name for name in found if name.startswith(_USER)}
