"""The settings of one run, in which kube-proxy's mode is no longer `auto`."""

from __future__ import annotations

from typing import NamedTuple

from nodefix.config import Config
from nodefix.deadline import Deadline
from nodefix.facts.proxy_mode import DEFAULT, Found, Unread, find_mode
from nodefix.host.node import Host
from nodefix.plan import Plan, Problem
from nodefix.words import AUTO

# Seconds for some files and, beside a kubelet that is up, three listings.
_SECONDS = 10.0

# The stages that depend on the mode; the first of them that is run tells it.
TELLING = ("modules", "chains")


class Settled(NamedTuple):
    """What a run works with.

    Attributes:
        config: the settings; `kube_proxy` is one of words.PROXY_MODES.
        found: where the mode is from; None where a setting says it.
        said: what there is to tell about the mode: a note, and a problem where it is doubtful.
    """

    config: Config
    found: Found | None
    said: Plan

    def plan_of(self, stage: str, stages: tuple[str, ...]) -> Plan:
        """What a stage tells of it.

        Args:
            stage: its name.
            stages: the names of those that are run.
        """
        first = next((name for name in TELLING if name in stages), "")
        return self.said if stage == first else Plan()


def settle(host: Host, config: Config) -> Settled:
    """Replace `auto` by the mode that is found; reads only, and never raises."""
    if config.kube_proxy != AUTO:
        note = f"kube-proxy's mode: {config.kube_proxy}, from the setting `kube_proxy`"
        return Settled(config, None, Plan(notes=(note,)))
    with host.limit(Deadline("the look for kube-proxy's mode", _SECONDS)):
        found = _found(host)
    notes = [f"kube-proxy's mode: {found.in_words}"]
    notes += [f"{gap.message}; fix: {gap.hint}" for gap in found.unread]
    problems = tuple(_doubtful(found, gap) for gap in found.doubts)
    settled = config._replace(kube_proxy=found.sign.mode)
    return Settled(settled, found, Plan(problems=problems, notes=tuple(notes)))


def _found(host: Host) -> Found:
    try:
        return find_mode(host)
    except Exception as error:  # a defect, and the stages must run all the same
        words = f"unexpected error: {type(error).__name__}: {error}"
        gap = Unread(f"{words}; this is a defect of nodefix, please report it", "")
        return Found(DEFAULT, doubts=(gap,))


def _doubtful(found: Found, gap: Unread) -> Problem:
    message = f"kube-proxy's mode is taken to be {found.sign.mode}, but is not known: {gap.message}"
    return Problem(message, gap.hint, False, "kube-proxy-mode-unknown")
