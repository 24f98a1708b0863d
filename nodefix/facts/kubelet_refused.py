"""What kubelet refuses on its command line, or takes in a way that is not known here.

It would not start with that, and what its admin meant by it is not known. Flags of which nothing
is said here count for themselves: releases know different ones.

Sources: spf13/pflag flag.go (parseArgs); kubernetes cmd/kubelet/app/server.go ("unknown command"),
cmd/kubelet/app/options.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from nodefix.errors import UnclearError
from nodefix.facts.kubelet_flags import boolean

_SWAP = "fail-swap-on"
_FILES = ("config", "config-dir")
# Flags that take no word after them, of releases since 1.31; any other takes one.
SWITCHES = frozenset(
    {"anonymous-auth", "authentication-token-webhook", "cgroups-per-qos", "contention-profiling"}
    | {"cpu-cfs-quota", "enable-controller-attach-detach", "enable-debugging-handlers"}
    | {"enable-load-reader", "enable-server", "exit-on-lock-contention"}
    | {"experimental-allocatable-ignore-eviction", "fail-cgroupv1", _SWAP, "help"}
    | {"keep-terminated-pod-volumes", "kernel-memcg-notification"}
    | {"local-storage-capacity-isolation", "log-cadvisor-usage", "log-json-split-stream"}
    | {"log-text-split-stream", "make-iptables-util-chains", "protect-kernel-defaults"}
    | {"register-node", "rotate-certificates", "rotate-server-certificates", "runonce"}
    | {"seccomp-default", "serialize-image-pulls", "storage-driver-secure", "version"}
)
# -h and -v; the latter takes a word where it has no value of its own.
_SHORT = "hv"


def expect_clear(words: Sequence[str]) -> None:
    """Raise UnclearError for words after kubelet's name that it refuses, or that may mean two."""
    rest = iter(range(len(words)))
    for at in rest:
        word, after = words[at], words[at + 1 :]
        if word == "--":
            _expect_flags(after)
            return
        _expect_flags([word][: not word.startswith("-") or word == "-"])
        if _takes_next(word, after):
            next(rest, None)


def _expect_flags(others: Sequence[str]) -> None:
    if others:
        raise _refused(others[0], "kubelet takes flags alone")


def _takes_next(word: str, after: Sequence[str]) -> bool:
    """Whether a flag takes the next word."""
    if not word.startswith("--"):
        if word[1] not in _SHORT:
            raise _refused(word, "expected two dashes")
        return word == "-v"
    name, equals, value = word[2:].replace("_", "-").partition("=")
    if not name or name.startswith("-"):
        raise _refused(word, "expected two dashes and a name")
    if name not in (_SWAP, *_FILES) and name.replace("-", "").casefold() == _SWAP.replace("-", ""):
        raise _refused(word, f"expected --{_SWAP}")
    if name == _SWAP and equals and boolean(value) is None:
        raise _refused(word, "expected true or false")
    if equals or name in SWITCHES:
        return False
    if name in _FILES:
        if not after:
            raise _refused(word, "expected a path after it")
        return True
    return _may_take(word, after)


def _may_take(word: str, after: Sequence[str]) -> bool:
    """Whether a flag of which nothing is known takes the next word."""
    following = next(iter(after), "")
    if following == "--" or _name(following) in (_SWAP, *_FILES):
        raise _refused(word, f"expected a value with =, as it may take {following} for it")
    return bool(after) and not following.startswith("-")


def _name(word: str) -> str:
    return word.lstrip("-").partition("=")[0].replace("_", "-")


def _refused(word: str, expected: str) -> UnclearError:
    return UnclearError(
        f"{shlex.quote(word[:200])} on kubelet's command line: {expected}", "systemctl cat kubelet"
    )
