"""`nodefix check`: look at the node and say what is not as it should be; changes nothing.

With --report-node the cluster is told as well; nothing of that is imported otherwise.
"""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from nodefix import check_kube_proxy, foresight
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
from nodefix.gate import is_ready, is_switched_off, undone
from nodefix.host.kubelets import kubelets
from nodefix.host.node import Host, open_host
from nodefix.messages import in_words as problem_in_words
from nodefix.messages import is_held
from nodefix.output import add_format, show
from nodefix.plan import Problem
from nodefix.settle import settle
from nodefix.terminal import add_stage, is_root, tell
from nodefix.words import (
    EMBEDDED_KUBELETS,
    EXIT_ADVICE,
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_NOT_REPORTED,
    EXIT_NOT_ROOT,
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
    EXIT_NOT_REPORTED: "with --report-node: everything is as it should be, and the event could not"
    " be set; where one of the others applies, that one counts",
    EXIT_USAGE: "the command line or the settings are not valid",
    EXIT_NOT_ROOT: "with --report-node: not root",
}

OUTSIDE = "outside"
_SWITCHED_OFF = "nodefix is switched off: what differs is not put right at boot"
_KUBE_PROXY_SECONDS = 15.0
# Two requests, each of which kubectl ends after ten.
_REPORT_SECONDS = 25.0
_RUNNING = f"{UNIT} is at work: what differs may be put right in a moment"


def options(parser: ArgumentParser) -> None:
    """Add the options of this command."""
    add_stage(parser, "check this stage only, without advice")
    add_format(parser)
    parser.add_argument(
        "--report-node",
        action="store_true",
        help="set an event on this node too, with kubelet's credentials; kubectl describe node"
        " then shows what was found",
    )


def main(options: Namespace, arguments: list[str]) -> int:
    """Check the node."""
    if options.report_node and options.stage:
        tell("nodefix check: --report-node is about the whole node, so not with --stage")
        return EXIT_USAGE
    if options.report_node and not is_root(arguments):
        return EXIT_NOT_ROOT
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
    host = open_host(root)
    checked = check(host, config, options.stage, os.geteuid() == 0)
    if not options.report_node:
        show(options.format, as_json(checked), in_words(checked))
        return checked.exit_status
    data, words, failure = _report(host, checked)
    show(options.format, {**as_json(checked), "reported": data}, f"{in_words(checked)}{words}")
    if failure:
        tell(f"nodefix: {failure}")
    return checked.exit_status or (EXIT_NOT_REPORTED if failure else EXIT_DONE)


def _report(host: Host, checked: Checked) -> tuple[dict[str, object], str, str]:
    """Tell the cluster; what came of it for programs and for people, and what went wrong."""
    from nodefix.check_node import event
    from nodefix.live.event import report

    due = event(checked, _held(host))
    data: dict[str, object] = {"type": due.kind, "reason": due.reason}
    try:
        with host.limit(Deadline("the event on this node", _REPORT_SECONDS)):
            told = report(host, due)
    except NodefixError as error:
        failure = Problem(f"the cluster was not told: {error.message}", error.hint)
        failed = {"event": "", "failure": failure.message, "hint": failure.hint}
        return {**data, **failed}, "", problem_in_words(failure)
    often = f"told {told.times} times" if told.times > 1 else "told for the first time"
    words = f"\nnode {told.node}: event {due.reason}, {often} in this boot"
    return {**data, **told._asdict()}, words, ""


def _held(host: Host) -> str:
    """The kubelets that are held now, in words; empty if none is."""
    root = f"{host.root}/"
    if is_switched_off(root) or (is_ready(root) and not undone(root)):
        return ""
    return is_held(kubelets(root))


def check(host: Host, config: Config, names: Sequence[str], is_root: bool) -> Checked:
    """Look at the stages, then at what nodefix does not change.

    Args:
        host: the node.
        config: the settings.
        names: these stages only, and no advice; all if empty.
        is_root: whether this is root.
    """
    settled = settle(host, config)
    plans = foresight.foresee(host, settled, names)
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
