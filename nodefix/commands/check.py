"""`nodefix check`: look at the node and say what is not as it should be; changes nothing."""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from nodefix import check_kube_proxy, engine
from nodefix.advice import advise
from nodefix.advice.finding import Unknown
from nodefix.check import AS_ROOT, Checked, judge, merged, without_told
from nodefix.check_text import as_json, in_words
from nodefix.config import Config, load
from nodefix.deadline import Deadline
from nodefix.errors import BusError, ConfigError, NodefixError
from nodefix.facts.kubeproxy_log import read_last_error
from nodefix.facts.kubeproxy_pod import read_kube_proxy
from nodefix.facts.system import read_scope
from nodefix.gate import is_switched_off
from nodefix.host.node import Host, open_host
from nodefix.output import add_format, show
from nodefix.settle import settle
from nodefix.terminal import add_stage, tell
from nodefix.words import (
    EMBEDDED_KUBELETS,
    EXIT_ADVICE,
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_UNKNOWN,
    EXIT_USAGE,
    KUBELET,
    UNIT,
)

HELP = "say what is not as it should be, and what else an admin should know; change nothing"
STATUSES = {
    EXIT_DONE: "everything is as it should be",
    EXIT_FAILED: "something differs or is wrong",
    EXIT_ADVICE: "there is advice only",
    EXIT_UNKNOWN: "something could not be told, and nothing is known to be wrong",
    EXIT_USAGE: "the command line or the settings are not valid",
}

OUTSIDE = "outside"
_SWITCHED_OFF = "nodefix is switched off: what differs is not put right at boot"
_KUBE_PROXY_SECONDS = 15.0
_RUNNING = f"{UNIT} is at work: what differs may be put right in a moment"


def options(parser: ArgumentParser) -> None:
    """Add the options of this command."""
    add_stage(parser, "check this stage only, without advice")
    add_format(parser)


def main(options: Namespace, arguments: list[str]) -> int:
    """Check the node."""
    root = Path("/")
    try:
        config = load(root)
    except ConfigError as error:
        tell(f"{error.message}\n  fix: {error.hint}")
        return EXIT_USAGE
    scope = read_scope(root)
    if not scope.inside and not config.is_forced:
        words = f"nothing to check on this system: {scope.reason}"
        data = {"status": OUTSIDE, "exit_status": EXIT_DONE, "notes": [words], "stages": []}
        show(options.format, data, words)
        return EXIT_DONE
    checked = check(open_host(root), config, options.stage, os.geteuid() == 0)
    show(options.format, as_json(checked), in_words(checked))
    return checked.exit_status


def check(host: Host, config: Config, names: Sequence[str], is_root: bool) -> Checked:
    """Look at the stages, then at what nodefix does not change.

    Args:
        host: the node.
        config: the settings.
        names: these stages only, and no advice; all if empty.
        is_root: whether this is root.
    """
    settled = settle(host, config)
    plans = engine.dry_run(host, settled, names)
    judged = [judge(name, plan, is_root) for name, plan in plans.items()]
    stages = tuple(stage for stage, _ in judged)
    unknown = [gap for _, gaps in judged for gap in gaps]
    notes = _notes(host)
    if names:
        return Checked(stages, unknown=merged(unknown), notes=notes)
    advised = advise(host, config)
    live = _kube_proxy(host, settled.config)
    gaps = (*advised.unknown, *live.unknown)
    unknown += gaps if is_root else map(_for_users, gaps)
    return Checked(
        stages,
        live.check,
        live.problems,
        without_told((*live.advice, *advised.advice), stages),
        unknown=merged(unknown),
        notes=notes,
    )


def _kube_proxy(host: Host, config: Config) -> check_kube_proxy.Judged:
    """What this node's kube-proxy does, where kubelet runs."""
    if config.kube_proxy == "none":
        return check_kube_proxy.Judged()
    try:
        with host.limit(Deadline("the look at kube-proxy", _KUBE_PROXY_SECONDS)):
            return check_kube_proxy.judge(_kube_proxy_facts(host, config))
    except NodefixError as error:
        gap = Unknown((check_kube_proxy.NAME,), error.message, error.hint)
        return check_kube_proxy.Judged(unknown=(gap,))


def _kube_proxy_facts(host: Host, config: Config) -> check_kube_proxy.Facts:
    running = host.systemd.active_units((*EMBEDDED_KUBELETS, KUBELET))
    if not running or check_kube_proxy.in_process(running[0]):
        return check_kube_proxy.Facts(config.kube_proxy, "".join(running[:1]))
    found = read_kube_proxy(host)
    error, unread = None, ""
    if found.containers:
        try:
            error = read_last_error(host, found.containers[0])
        except OSError as failure:
            unread = f"{failure.filename}: cannot be read: {failure.strerror}"
    return check_kube_proxy.Facts(config.kube_proxy, running[0], found, error, unread, time.time())


def _for_users(gap: Unknown) -> Unknown:
    return gap._replace(hint=AS_ROOT)


def _notes(host: Host) -> tuple[str, ...]:
    notes = [_SWITCHED_OFF] if is_switched_off(f"{host.root}/") else []
    try:
        if host.systemd.unit_state(UNIT).is_busy:
            notes.append(_RUNNING)
    except BusError:
        # The advisers tell that the bus does not answer.
        pass
    return tuple(notes)
