"""Names in texts: of hosts, of domains, of people.

Those of this node are known; others are learned from where they stand, and are then taken out
wherever they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from re import Match

from nodefix.collect.taken import DOMAIN, HOST, MAIL, USER, Taken
from nodefix.words import KUBELET_UNITS, STAGE_NAMES

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_WORD = rf"({_LABEL}(?:\.{_LABEL}){{0,10}})"
_QUOTE = r"\\{0,3}[\"']?"

# Where a name of a host stands, in what kubelet, kube-proxy, Go, systemd and the kernel print.
_PLACES = tuple(
    re.compile(place)
    for place in (
        rf"://(?:[^\s/@\"']{{1,500}}@)?{_WORD}",
        rf"\blookup {_WORD}(?: on |:)",
        rf"(?i)\b(?:host|node|server)_?-?name{_QUOTE}=[ \t]*{_QUOTE}{_WORD}",
        # Others than a quoted word go on as a sentence does.
        rf"(?i)\b(?:host|node|server)_?-?name(?:override)?{_QUOTE}:[ \t]*(?:\\{{0,3}}[\"']"
        rf"|(?=[a-z.-]{{0,60}}[0-9])){_WORD}",
        rf"\bKind:\\{{0,3}}\"Node\\{{0,3}}\"[^}}\n]{{0,100}}\bName:\\{{0,3}}\"{_WORD}",
        rf"\bnfs: server {_WORD} (?:not responding|OK)\b",
        rf"\b(?:node|host){_QUOTE}=[ \t]*{_QUOTE}{_WORD}",
        rf"(?i)\bnodes? {_QUOTE.replace('?', '')}{_WORD}{_QUOTE.replace('?', '')}",
        rf"\bkubernetes\.io/hostname{_QUOTE}[=:][ \t]*{_QUOTE}{_WORD}",
        rf"--hostname-override(?:=|[ \t]+|\",[ \t]*\"){_QUOTE}{_WORD}",
        rf"\bsystem:node:{_WORD}",
        rf"/(?:nodes|kube-node-lease/leases|csinodes|leases)/{_WORD}",
        rf"\b[Hh]ostname (?:set )?to <{_WORD}>",
        rf"(?i)\bimage{_QUOTE}[=:][ \t]*{_QUOTE}{_WORD}(?::[0-9]{{1,5}})?/",
        # Domains that no public registry gives, and some that many do.
        rf"(?<![\w.-])({_LABEL}(?:\.{_LABEL}){{1,10}}\.(?:internal|local|lan|corp|intra|intranet|home|private"
        r"|localdomain|home\.arpa|com|net|org|edu|gov|mil|int|de|at|ch|fr|it|es|nl|be|eu|uk|pl|cz"
        r"|se|no|fi|dk|jp|cn|kr|in|au|nz|ca|us|br|mx|ru|ua|tr|za|cloud|dev|tech|online))(?![\w.-])",
    )
)

# What all clusters and systems have, and the sites of the projects that they are made of.
_PUBLIC = re.compile(
    r"(?i)(?:.*\.)?(?:localhost|localdomain|cluster\.local|svc|k8s\.io|kubernetes\.io|github\.com"
    r"|githubusercontent\.com|golang\.org|go\.dev|google\.com|googleapis\.com|gcr\.io|docker\.com"
    r"|docker\.io|quay\.io|redhat\.com|projectcalico\.org|tigera\.io|cilium\.io|cncf\.io|ovn\.org"
    r"|coreos\.com|rancher\.com|rancher\.io|cattle\.io|k3s\.io|rke2\.io|suse\.com|k0sproject\.io"
    r"|openshift\.io|openshift\.com|fedoraproject\.org|centos\.org|rockylinux\.org|almalinux\.org"
    r"|oracle\.com|kernel\.org|netfilter\.org|freedesktop\.org|systemd\.io|gnu\.org|apache\.org"
    r"|python\.org|w3\.org|ietf\.org|json-schema\.org|opencontainers\.org|containerd\.io|ghcr\.io"
    r"|lwn\.net|bugzilla\.redhat\.com|amazonaws\.com|azurecr\.io|pkg\.dev|nodefix1?\.agent)"
)
# What is nobody's name alone, and what texts could not do without.
_COMMON = frozenset(
    {
        *(unit.removesuffix(".service") for unit in KUBELET_UNITS),
        *STAGE_NAMES,
        *("localhost", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback", "localdomain"),
        *("ip6-allnodes", "ip6-allrouters", "ip6-localnet", "ip6-mcastprefix", "broadcasthost"),
        *("nodefix", "kube-proxy", "kubernetes", "kube-system", "default", "systemd", "kernel"),
        *("node", "host", "linux", "root", "unix", "tcp", "udp", "http", "https", "true", "false"),
        *(
            "null",
            "none",
            "nil",
            "unknown",
            "not",
            "is",
            "the",
            "no",
            "in",
            "of",
            "to",
            "a",
            "this",
        ),
        *(
            "has",
            "was",
            "may",
            "be",
            "and",
            "from",
            "for",
            "with",
            "that",
            "by",
            "on",
            "at",
            "name",
        ),
        *("iptables", "nftables", "firewalld", "containerd", "crio", "docker", "status", "info"),
        *("ready", "error", "localhost.localdomain", "kubernetes.default.svc", "nobody", "config"),
    }
)
# What ends like a name of a host and is a file or a unit.
_FILES = re.compile(
    r"(?i).*\.(?:service|socket|target|mount|swap|timer|slice|scope|device|path|automount|conf|yaml"
    r"|yml|json|log|pem|crt|key|ko|so|go|py|sh|rpm|service\.d|sock|repo|txt|prom|gz|xz)"
)
_MAIL = re.compile(
    rf"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{{1,64}}@((?:{_LABEL}\.){{1,10}}[A-Za-z]{{2,24}})"
    r"(?![A-Za-z0-9-])"
)
# Letters at a word's beginning that are a tree's branches.
_TREE = 24
_HOME = re.compile(r"(?<=/home/)([A-Za-z0-9_][A-Za-z0-9_.-]{0,63})")


class Hosts:
    """The names that are taken out.

    Args:
        names: of this node's hosts, whatever they are.
        domains: in which names of hosts end.
        users: login names.
    """

    def __init__(
        self, names: Iterable[str] = (), domains: Iterable[str] = (), users: Iterable[str] = ()
    ) -> None:
        self.left: set[str] = set()
        self._names: set[str] = set()
        self._domains: set[str] = set()
        self._users = sorted({user for user in users if user not in _COMMON and len(user) > 1})
        self._patterns: tuple[re.Pattern[str], ...] | None = None
        for domain in domains:
            self._add_domain(domain.strip().strip(".").lower())
        for name in names:
            self.add(name)
            self.add(name.partition(".")[0])

    def add(self, name: str) -> None:
        """Take this name out from now on, and its domain."""
        name = name.strip().strip(".").lower()
        if not name or name in self._names or _PUBLIC.fullmatch(name) or _is_address(name):
            return
        if name in _COMMON or len(name) < 2 or name.isdigit():
            self.left.add(name)
            return
        self._patterns = None
        self._names.add(name)
        first, _, domain = name.partition(".")
        self._add_domain(domain)
        if domain and re.search("[0-9-]", first):
            # Of others only what is no word: `api.example.com` must not take out each `api`.
            self.add(first)

    def learn(self, text: str) -> None:
        """Find names of hosts by where they stand."""
        for place in _PLACES:
            for found in place.finditer(text):
                name = found[1]
                if not (_FILES.fullmatch(name) or name.lower() in _COMMON):
                    self.add(name)

    def take(self, text: str, taken: Taken) -> str:
        """The text with marks in the places of names."""
        exact, domain = self._compiled()
        text = _MAIL.sub(lambda found: _mail(found, taken), text)
        text = exact.sub(lambda found: _host(found[0].lower(), taken), text)
        text = "".join(_in_domains(text, domain, taken))
        text = _HOME.sub(lambda found: taken.put(USER, found[1]), text)
        for user in self._users:
            pattern = rf"(?<![A-Za-z0-9_-]){re.escape(user)}(?![A-Za-z0-9_-])"
            text = re.sub(pattern, lambda found: taken.put(USER, found[0]), text)
        return text

    def _add_domain(self, domain: str) -> None:
        if domain and not _PUBLIC.fullmatch(domain) and not domain.isdigit():
            self._patterns = None
            self._domains.add(domain)

    def _compiled(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        if self._patterns is None:
            self._patterns = (
                _any(self._names, r"(?<![A-Za-z0-9])"),
                _any(self._domains, r"(?<![A-Za-z0-9-])"),
            )
        return self._patterns[0], self._patterns[1]


def _any(words: Iterable[str], before: str) -> re.Pattern[str]:
    """Any of these words, the longest that fits."""
    found = sorted(set(words))
    if not found:
        return re.compile(r"(?!)")
    return re.compile(rf"(?i){before}{_either(found)}(?![A-Za-z0-9])")


def _either(words: list[str], depth: int = 0) -> str:
    """A pattern for sorted words, as a tree: one after the other, thousands would take minutes."""
    if len(words) == 1 or depth > _TREE:
        longest = sorted(words, key=lambda word: (-len(word), word))
        return f"(?:{'|'.join(re.escape(word[depth:]) for word in longest)})"
    branches = [
        re.escape(first) + _either(list(group), depth + 1)
        for first, group in groupby(words, key=lambda word: word[depth : depth + 1])
        if first
    ]
    ends = any(len(word) == depth for word in words)
    return f"(?:{'|'.join(branches)}){'?' * ends}"


def _host(name: str, taken: Taken) -> str:
    first, dot, domain = name.partition(".")
    host = taken.put(HOST, first)
    return f"{host}.{taken.put(DOMAIN, domain)}" if dot else host


def _in_domains(text: str, domain: re.Pattern[str], taken: Taken) -> Iterator[str]:
    """The text with hosts in known domains, and these, taken out."""
    done = 0
    for found in domain.finditer(text):
        if found.start() < done:
            continue
        start = found.start()
        while start > done and (text[start - 1].isalnum() or text[start - 1] in "._-"):
            start -= 1
        name = found[0].lower()
        labels = text[start : found.start()]
        if labels.endswith("."):
            yield text[done:start] + taken.put(HOST, labels[:-1].lower()) + "."
        elif "." not in name:
            # The last part of names alone is a word like any other.
            continue
        else:
            yield text[done : found.start()]
        yield taken.put(DOMAIN, name)
        done = found.end()
    yield text[done:]


def _mail(found: Match[str], taken: Taken) -> str:
    # `user@1000.service` is a unit.
    return found[0] if _FILES.fullmatch(found[1]) else taken.put(MAIL, found[0].lower())


def _is_address(name: str) -> bool:
    return not any(letter.isalpha() for letter in name)
