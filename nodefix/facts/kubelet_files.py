"""failSwapOn of kubelet's configuration files: --config, then the drop-ins of --config-dir.

Source: kubernetes cmd/kubelet/app/server.go (loadConfigFile, mergeKubeletConfigurations), Go's
filepath.WalkDir.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator
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
        answer = _after(answer, _read(host, config, "--config"), config)
    for path in _drop_ins(host, folder) if folder else ():
        answer = _after(answer, _read(host, path, "--config-dir", drop_in=True), path)
    return answer


def _after(answer: Answer, said: Said, path: str) -> Answer:
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
        raise _unreadable(path, flag, error) from error
    return fail_swap_on(content, path, drop_in)


def _drop_ins(host: Host, folder: str) -> Iterator[str]:
    _expect_absolute(folder, "--config-dir")
    try:
        # By lstat, as WalkDir does: a link to a folder is not entered, one with a slash is.
        status = os.lstat(f"{host.path(folder)}{'/' if folder.endswith('/') else ''}")
        if stat.S_ISDIR(status.st_mode):
            yield from _walk(host, folder.rstrip("/"))
        elif folder.endswith(_DROP_IN):
            yield folder
    except OSError as error:
        raise _unreadable(folder, "--config-dir", error) from error


def _walk(host: Host, folder: str, depth: int = 0) -> Iterator[str]:
    if depth > _DEPTH:
        words = f"{folder[:80]}…: found more than {_DEPTH} nested folders, expected a few"
        raise UnclearError(words, "systemctl cat kubelet")
    with os.scandir(host.path(folder)) as entries:
        found = sorted(entries, key=lambda entry: os.fsencode(entry.name))
    for entry in found:
        path = f"{folder}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(host, path, depth + 1)
        elif entry.name.endswith(_DROP_IN):
            yield path


def _expect_absolute(path: str, flag: str) -> None:
    if not path.startswith("/"):
        words = f"{flag}={path} on kubelet's command line: expected an absolute path"
        raise UnclearError(words, "systemctl cat kubelet")


def _unreadable(path: str, flag: str, error: OSError) -> UnclearError:
    return UnclearError(
        f"{path} of kubelet's {flag}: cannot be read: {error.strerror}",
        f"ls -lZ {shlex.quote(path)}",
    )
