"""Tokens, passwords, keys and certificates in texts, by their form and by what they are called.

Sources: https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/ (the form of
bootstrap tokens), https://docs.k3s.io/cli/token (those of k3s and rke2), RFC 7519 (JWT), RFC 7468
(PEM), RFC 9110 section 11 (Authorization), client-go tools/clientcmd/api/v1 (the *-data keys),
docker/cli cli/config/types (`auth`), systemd.exec(5) (Environment=), curl(1) (--user).
"""

from __future__ import annotations

import base64
import re
from re import Match

from nodefix import events
from nodefix.collect.taken import DISK, ID, SECRET, WALL, Taken

# With what stands between, such as the headers of an encrypted key; then what has no end.
_WHOLE_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,60})-----(?s:.{0,20000}?)-----END \1-----")
_PEM = re.compile(
    rf"-----BEGIN [A-Z0-9 ]{{1,60}}-----(?:[A-Za-z0-9+/=\s{WALL}]|\\+[nr])*"
    r"(?:-----END [A-Z0-9 ]{1,60}-----)?"
)
_FORMS = (
    # JSON in base64url begins like this: JWT, and what else is signed or encoded.
    re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)*={0,2}"),
    # k3s and rke2: K10 and the hash of the cluster's CA, then who and the secret.
    re.compile(r"K10[0-9A-Za-z]*::[^\s\"'\\,;]+"),
    re.compile(r"(?<![A-Za-z0-9])[a-z0-9]{6}\.[a-z0-9]{16}(?![A-Za-z0-9])"),
    re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[0-9A-Z]{16}(?![A-Za-z0-9])"),
    # Those that say themselves whose they are: GitHub, GitLab, Slack, Vault, Docker, age.
    re.compile(
        r"(?<![A-Za-z0-9])(?:gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|hv[sbr]\.|dckr_pat_"
        r"|AGE-SECRET-KEY-)[A-Za-z0-9_.-]{10,}"
    ),
    # crypt(5).
    re.compile(r"\$(?:[0-9a-z]{1,6})\$[A-Za-z0-9./$=,]{20,200}"),
)
# The first is a password, which may have a slash, and no port. Of an image's digest it is none.
_IN_URL = re.compile(
    r"(?<=://)(?:[^\s/@:\[\"'<>\\]{0,200}:(?![0-9]{1,5}[/?#])[^\s\"'<>\\]{1,500}"
    r"|[^\s/\"'<>\\]{1,2000})@(?!sha[0-9]{3}:)"
)
# As some proxies' variables and iSCSI have them. The tag of an image before its digest is none, and
# what has neither an address nor a port behind it is one of mail.
_BEFORE_HOST = re.compile(
    r"(?<![^\s=:,\"'])[A-Za-z0-9._%+-]{1,64}:[^\s:/@\"'\\]{1,200}(?=@(?!sha[0-9]{3}:)(?:[0-9]+\.[0-9]|\[|[a-z]+\(|[A-Za-z0-9.-]{1,253}:[0-9]))"
)
# What signs the address of a layer in a registry's store; `\u0026` is what Go makes of `&`.
_SIGNED = re.compile(
    rf"(?i)(?<=[?&;{WALL}])((?:x-[a-z]+-)?(?:sig|signature|credential|verify|policy|hmac)=)"
    r"([^&\s\"'\\]+)"
)
_USER = re.compile(
    r"(?<![A-Za-z0-9-])(-[uU]|--(?:proxy-)?user)([= ][\"']?)(?![0-9]+:[0-9]+\b)"
    r"([^\s:\"'@/]{1,200}:[^\s\"'@]+)"
)
_HEADER = re.compile(
    r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]{0,40}(?:token|key))"
    r"(\\*[\"']?[ \t]*[:=][ \t]*(?:\[[ \t]*)?\\*[\"']?)([^\r\n\"'\\\]]+)"
)
_SCHEME = re.compile(r"(?i)\b((?:bearer|basic)[ \t]+)([A-Za-z0-9._~+/=-]{8,})")

_CALLED = (
    r"(?:token|passw(?:or)?d|passphrase|secret|credential|(?:api|access|private|client|certificate"
    r"|encryption|auth|signing|shared|master)[-_.]?key|(?:key|certificate|authority)[-_.]?data|authtok"
    r"|(?<![a-z])(?!\bpwd=/)(?:pass|passcode|pwd|psk|auth)(?![a-z0-9_-]))"
)
_VALUE = (
    r"(?:\\+\"(?P<escaped>[^\"\\\n]*)\\+\"|\"(?P<quoted>(?:[^\"\\\n]|\\.)*)\"|'(?P<single>(?:[^'\n]|'')*)'"
    # The last one goes on where its line was cut.
    r"|(?P<bare>[^\s\"'\\]+)|[\"'](?P<cut>[^\"'\\\n]+)(?=\n|\Z))"
)
_CALL = re.compile(
    rf"(?i){_CALLED}[A-Za-z0-9_.-]{{0,40}}\\*[\"']?[ \t]*(?P<sep>:?=>?|:|%3[ADad])[ \t]*{_VALUE}"
)
_FLAG = re.compile(
    rf"(?i)--(?:[a-z][a-z0-9-]{{0,40}}?)??{_CALLED}[a-z0-9-]{{0,40}}"
    rf"(?:\\*[\"'],?[ \t]*|[ \t]+){_VALUE}"
)
# With quotes around all of it, as systemd has it.
_VARIABLE = re.compile(r"([\"'])([A-Za-z_][A-Za-z0-9_]{0,100})(=)(?![\"'\\])([^\n]*?)(?=\1)")
# YAML: a password of several words, and values on lines of their own.
_WORDS = re.compile(
    r"(?im)^([ \t]*(?:- +)?[\"']?[a-z0-9_.-]{0,60}(?:passw(?:or)?d|passphrase)[\"']?:[ \t]+)"
    r"(?![\"'|>])(\S+[ \t]+\S.*)$"
)
_BLOCK = re.compile(
    rf"(?im)^(([ \t]*)(?:- +)?[\"']?[a-z0-9_.-]{{0,60}}{_CALLED}[a-z0-9_.-]{{0,40}}[\"']?:[ \t]*"
    r"(?:[|>][0-9+-]{0,2}[ \t]*\n|\n(?=[ \t]*[A-Za-z0-9+/=]{8,}[ \t]*(?:\n|\Z))))"
    r"((?:\2[ \t]+\S[^\n]*(?:\n|\Z)|[ \t]*\n)+)"
)
# A container's environment: as kubelet prints that of one that could not be started
# (pkg/kubelet/kuberuntime/kuberuntime_manager.go), and in YAML and JSON.
_ENVIRONMENT = re.compile(
    rf"(?i)\b(name\\*[\"']?:[ \t]*\\*[\"']?)([a-z0-9_.-]{{0,60}}{_CALLED}[a-z0-9_.-]{{0,40}})"
    r"(\\*[\"']?,?\s*\\*[\"']?value\\*[\"']?:[ \t]*\\*[\"']?)(?![\"'\\,])"
    r"([^\n]+?)(?=,ValueFrom:|\\*[\"']|\n|\Z)"
)
_NAME = re.compile(rf"(?i){_CALLED}")
# What is called like a secret and is none: a place, a time, a switch.
_ABOUT = re.compile(r"(?i)(?:file|path|dir|name|type|ttl|timeout|period|interval|expir|mode|id)s?$")
_PATH = re.compile(r"/[A-Za-z0-9_./*+:-]*\.?[A-Za-z0-9_-]*")
_KEY_FILE = re.compile(r"/[A-Za-z0-9_./-]+\.(?:pem|key|crt|conf|yaml|yml|json|csr|pub)")
_SWITCH = re.compile(
    r"(?i)(?:true|false|null|none|nil|yes|no)(?:,.*)?|<[a-z]+>|\{\}|\[\]|~|[|>][0-9+-]{0,2}|"
)
# In prose a colon ends a sentence's half; only these are told with it.
_PROSE = re.compile(r"(?i)passw|passphrase")
_YAML_LINE = re.compile(r"^[ \t]*(?:- +)?[A-Za-z0-9_.\"'-]*$")

_DASH = rf"(?:-|\\{{1,4}}x2d{WALL}?)"
_UUID = re.compile(
    rf"(?<![0-9A-Za-z])[0-9A-Fa-f]{{8}}(?:{_DASH}[0-9A-Fa-f]{{4}}){{3}}{_DASH}[0-9A-Fa-f]{{12}}"
    r"(?![0-9A-Za-z])"
)
_SHORT_UUID = re.compile(
    rf"(?i)((?:part)?uuid(?:=|/|: ?|{_DASH})[\"']?)([0-9A-F]{{4,16}}(?:{_DASH}[0-9A-F]{{2,8}})?)\b"
)
_HEX = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{32,}(?![0-9A-Za-z])")
_BY_ID = re.compile(rf"(disk/by-id/|disk-by{_DASH}id-)([^\s\"',;]+)")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{32,}={0,2}")
_LEAST_WITH_SLASH = 40

# What nodefix's records are told by: the same on all machines.
MESSAGE_IDS = frozenset(
    value
    for value in vars(events).values()
    if isinstance(value, str) and re.fullmatch("[0-9a-f]{32}", value)
)


def take_secrets(text: str, taken: Taken) -> str:
    """The text with marks in the places of secrets, and then of long identifiers."""

    def whole(found: Match[str]) -> str:
        return taken.put(SECRET, found[0])

    text = _PEM.sub(whole, _WHOLE_PEM.sub(whole, text))
    for form in _FORMS:
        text = form.sub(whole, text)
    text = _IN_URL.sub(lambda found: f"{taken.put(SECRET, found[0][:-1])}@", text)
    text = _BEFORE_HOST.sub(whole, text)
    text = _SIGNED.sub(lambda found: found[1] + taken.put(SECRET, found[2]), text)
    text = _USER.sub(lambda found: found[1] + found[2] + taken.put(SECRET, found[3]), text)
    text = _BLOCK.sub(lambda found: _block(found, taken), text)
    text = _ENVIRONMENT.sub(lambda found: _variable(found, taken), text)
    text = _WORDS.sub(lambda found: found[1] + taken.put(SECRET, found[2]), text)
    text = _HEADER.sub(lambda found: _header(found, taken), text)
    text = _SCHEME.sub(lambda found: _scheme(found, taken), text)
    text = _VARIABLE.sub(lambda found: _variable(found, taken), text)
    text = _CALL.sub(lambda found: _called(found, taken), text)
    text = _FLAG.sub(lambda found: _called(found, taken), text)
    return _take_ids(text, taken)


def is_secret(name: str, value: str) -> bool:
    """Whether what is called so is a secret, as far as its name and form tell."""
    if not _NAME.search(name) or _SWITCH.fullmatch(value):
        return False
    if name.strip("-=").lower() == "auth":
        return _is_user_and_password(value)
    if _KEY_FILE.fullmatch(value):
        return False
    if not _ABOUT.search(name.rstrip("=:\"' \t\\")):
        return True
    # `passwordfile=hunter2` is no place.
    return not (_PATH.fullmatch(value) or re.fullmatch(r"[0-9.]+[a-z]{0,2}|[A-Za-z-]+", value))


def _is_user_and_password(value: str) -> bool:
    """Whether that is what a word of base64 says."""
    try:
        return b":" in base64.b64decode(value, validate=True)
    except ValueError:
        return False


def _variable(found: Match[str], taken: Taken) -> str:
    before, name, between, value = found.groups()
    if taken.is_mark(value) or not is_secret(name, value):
        return found[0]
    return f"{before}{name}{between}{taken.put(SECRET, value)}"


def _block(found: Match[str], taken: Taken) -> str:
    value = found[found.re.groups]
    end = "\n" if value.endswith("\n") else ""
    return f"{found[1]}{found[2]}  {taken.put(SECRET, value.strip())}{end}"


def _header(found: Match[str], taken: Taken) -> str:
    value = found[3].strip().rpartition(" ")[2]
    if taken.is_mark(value) and found[3].count(" ") < 2:
        # Known by its form: the same wherever it stands.
        return found[0]
    return f"{found[1]}{found[2]}{taken.put(SECRET, found[3].strip())}"


def _scheme(found: Match[str], taken: Taken) -> str:
    if not re.search("[0-9A-Z=._~+/]", found[2]):
        # `basic functionality`
        return found[0]
    return found[1] + taken.put(SECRET, found[2])


def _called(found: Match[str], taken: Taken) -> str:
    group = found.lastgroup or "bare"
    value = found[group]
    name = found[0][: found.start(group) - found.start()]
    sep = found.groupdict().get("sep")
    if taken.is_mark(value) or not is_secret(name.rstrip("=:\"'\\ \t"), value):
        return found[0]
    if not sep and value.startswith("-"):
        # A switch without a value, and the next one.
        return found[0]
    if sep == ":" and group == "bare" and not _is_set(found, value):
        return found[0]
    end = found[0][found.end(group) - found.start() :]
    return name + taken.put(SECRET, value) + end


def _is_set(found: Match[str], value: str) -> bool:
    """Whether a word after `NAME:` is its value, and not how a sentence goes on."""
    text, start = found.string, found.start()
    line = text[text.rfind("\n", 0, start) + 1 : start]
    ends = text[found.end() : found.end() + 1] in ("", "\n", "\r")
    if ends and len(line) < 100 and _YAML_LINE.match(line):
        return True
    return bool(_PROSE.match(found[0]) or re.search("[0-9]", value))


def _take_ids(text: str, taken: Taken) -> str:
    def identifier(found: Match[str]) -> str:
        digits = re.sub(_DASH, "", found[0]).lower()
        kept = digits in MESSAGE_IDS or not digits.strip("0")
        return found[0] if kept else taken.put(ID, digits)

    text = _BY_ID.sub(lambda found: found[1] + taken.put(DISK, found[2]), text)
    text = _UUID.sub(identifier, text)
    text = _SHORT_UUID.sub(
        lambda found: found[1] + taken.put(ID, re.sub(_DASH, "-", found[2]).lower()), text
    )
    text = _HEX.sub(identifier, text)
    return _BASE64.sub(lambda found: _base64(found, taken), text)


def _base64(found: Match[str], taken: Taken) -> str:
    """Long words of capitals, small letters and digits in no order; paths and names are none."""
    word = found[0]
    capitals = sum(letter.isupper() for letter in word)
    small = sum(letter.islower() for letter in word)
    digits = sum(letter.isdigit() for letter in word)
    if capitals < 4 or small < 4 or not digits:
        return word
    if "/" in word and len(word) < _LEAST_WITH_SLASH:
        return word
    return taken.put(SECRET, word)
