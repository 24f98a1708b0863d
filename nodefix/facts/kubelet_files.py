"""failSwapOn of kubelet's configuration files: --config, then the drop-ins of --config-dir.

Source: kubernetes cmd/kubelet/app/server.go (loadConfigFile, mergeKubeletConfigurations), Go's
filepath.WalkDir.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from nodefix.answer import Answer
from nodefix.errors import UnclearError
from nodefix.facts.kubelet_yaml import Said, fail_swap_on

if TYPE_CHECKING:
    from nodefix.host.node import Host

_DROP_IN = ".conf"
# Of nested folders.
_DEPTH = 100


def said_by_files(host: Host, config: str, folder: str) -> Answer:
    """Whether the files configure kubelet to allow swap; the later one wins, either way.

    Args:
        host: the node.
        config: what --config names; empty if it is not given.
        folder: what --config-dir names; empty if it is not given.

    Raises:
        UnclearError: one of them cannot be read, or kubelet refuses it.
    """
    answer = Answer(False, "kubelet's settings do not say failSwapOn: false")
    if config:
        answer = after(answer, _read(host, config, "--config"), config)
    return said_by_drop_ins(host, drop_ins(host, folder) if folder else (), answer)


def said_by_drop_ins(host: Host, paths: Iterable[str], answer: Answer) -> Answer:
    """What becomes of an answer by drop-ins that are applied in the given order.

    Raises:
        UnclearError: one of them cannot be read, or kubelet refuses it.
    """
    for path in paths:
        answer = after(answer, _read(host, path, "--config-dir", drop_in=True), path)
    return answer


def after(answer: Answer, said: Said, path: str) -> Answer:
    """What becomes of an answer by the file that comes next."""
    if not said.stated:
        return answer
    if said.value is None:
        return Answer(False, f"failSwapOn: null in {path}")
    return Answer(not said.value, f"failSwapOn: {str(said.value).lower()} in {path}")


def _read(host: Host, path: str, flag: str, drop_in: bool = False) -> Said:
    _expect_absolute(path, flag)
    try:
        content = host.read(path)
    except OSError as error:
        raise _unreadable(path, f"kubelet's {flag}", error) from error
    return fail_swap_on(content, path, drop_in)


def drop_ins(
    host: Host, folder: str, suffix: str = _DROP_IN, whose: str = "kubelet's --config-dir"
) -> Iterator[str]:
    """The files below a folder whose names end in a suffix, in the order of Go's WalkDir.

    Raises:
        UnclearError: the folder, or one in it, cannot be read.
    """
    _expect_absolute(folder, "--config-dir")
    try:
        # By lstat, as WalkDir does: a link to a folder is not entered, one with a slash is.
        status = os.lstat(f"{host.path(folder)}{'/' if folder.endswith('/') else ''}")
        if stat.S_ISDIR(status.st_mode):
            yield from _walk(host, folder.rstrip("/"), suffix)
        elif folder.endswith(suffix):
            yield folder
    except OSError as error:
        raise _unreadable(folder, whose, error) from error


def _walk(host: Host, folder: str, suffix: str, depth: int = 0) -> Iterator[str]:
    if depth > _DEPTH:
        words = f"{folder[:80]}…: found more than {_DEPTH} nested folders, expected a few"
        raise UnclearError(words, f"find {shlex.quote(folder[:80])} -maxdepth 5")
    with os.scandir(host.path(folder)) as entries:
        found = sorted(entries, key=lambda entry: os.fsencode(entry.name))
    for entry in found:
        path = f"{folder}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(host, path, suffix, depth + 1)
        elif entry.name.endswith(suffix):
            yield path


def _expect_absolute(path: str, flag: str) -> None:
    if not path.startswith("/"):
        words = f"{flag}={path} on kubelet's command line: expected an absolute path"
        raise UnclearError(words, "systemctl cat kubelet")


def _unreadable(path: str, whose: str, error: OSError) -> UnclearError:
    return UnclearError(
        f"{path} of {whose}: cannot be read: {error.strerror}",
        f"ls -lZ {shlex.quote(path)}",
    )
