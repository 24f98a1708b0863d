"""`nodefix explain`: from an error line to its cause, its state on this node, and the remedy."""

from __future__ import annotations

import errno
import os
import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from nodefix import foresight
from nodefix.codes import is_unclear
from nodefix.config import load as load_settings
from nodefix.errors import NodefixError, UnclearError
from nodefix.facts.system import boot_id, read_scope
from nodefix.host.image import for_this_node
from nodefix.host.kubelets import kubelets
from nodefix.host.node import Host, open_host
from nodefix.output import add_format, show
from nodefix.plan import Plan
from nodefix.settle import Settled, settle
from nodefix.symptoms import Found, Text, find, load, own_words
from nodefix.symptoms_input import Read, of_file, of_node, of_stream
from nodefix.symptoms_now import FINE, UNKNOWN, WRONG, Now, look
from nodefix.terminal import tell
from nodefix.text import bounded, one_line, stamp
from nodefix.words import EXIT_DONE, EXIT_FAILED, EXIT_USAGE, KUBELET

HELP = "explain an error line, a log or this boot's journal"
STATUSES = {
    EXIT_DONE: "something was explained",
    EXIT_FAILED: "nothing in it is known, or it cannot be read",
    EXIT_USAGE: "the command line is not valid, or there is no such file",
}

# Characters of a line that is shown, and causes in all.
_LINE, _MOST = 300, 30

_STATES = {WRONG: "wrong", FINE: "in order", UNKNOWN: "not known"}


class Explained(NamedTuple):
    """A symptom that was found, and the state of its cause."""

    found: Found
    now: Now
    fix: str


def options(parser: ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "text",
        nargs="*",
        metavar="TEXT | FILE | -",
        help="an error line, a file that has some, or - for standard input",
    )
    parser.add_argument(
        "--journal",
        action="store_true",
        help="this boot's journal of kubelet, its container runtime and the kernel, and the log of"
        " the running kube-proxy",
    )
    add_format(parser)


def main(options: Namespace, arguments: list[str]) -> int:
    """Explain what the options say."""
    if bool(options.text) == options.journal:
        tell("nodefix explain: expected a line, a file, - or --journal, and one of them")
        tell("  try: nodefix explain --journal")
        return EXIT_USAGE
    host = open_host(Path("/"))
    try:
        read = of_node(host, boot_id(host.root)) if options.journal else _given(options.text)
        return explain(host, read, options.format, arguments)
    except FileNotFoundError as error:
        tell(f"nodefix explain: {error.filename}: there is no such file")
        return EXIT_USAGE
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        source = one_line(_source(error, options), _LINE)
        tell(f"nodefix explain: {source}: {error.strerror or error}")
        # To root nothing else would be said the second time.
        if isinstance(error, PermissionError) and os.geteuid() != 0:
            tell(f"  try: {shlex.join(['sudo', 'nodefix', *arguments])}")
    except NodefixError as error:
        tell(f"nodefix explain: {error.message}")
        if error.hint:
            tell(f"  try: {error.hint}")
    return EXIT_FAILED


def explain(host: Host, read: Read, form: str, arguments: Sequence[str]) -> int:
    """Print what is known of the texts; the exit status says whether anything is.

    Raises:
        NodefixError: the symptoms cannot be read.
    """
    symptoms = load()
    found = find(symptoms, read.texts)[:_MOST]
    states = _States(host, arguments)
    explained = [Explained(one, *_state(states, one)) for one in found]
    # What is wrong now comes before what has been.
    explained.sort(key=lambda one: (one.found.symptom.follows, one.now.state == FINE))
    elsewhere = _elsewhere(host)
    text = _text(explained, read, len(symptoms), elsewhere)
    show(form, _data(explained, read, elsewhere), text)
    return EXIT_DONE if explained else EXIT_FAILED


def _source(error: OSError, options: Namespace) -> str:
    """What could not be read; an error while something is read names no file."""
    words = " ".join(options.text) or "the journal"
    return "standard input" if words == "-" else str(error.filename or words)


def _given(words: list[str]) -> Read:
    if words == ["-"]:
        if sys.stdin is None:
            raise OSError(errno.EBADF, "it is closed")
        return of_stream(sys.stdin.fileno())
    if all(map(_is_path, words)):
        # A shell's pattern gives several.
        read = [of_file(Path(word), len(words)) for word in words]
        return Read(
            tuple(text for one in read for text in one.texts),
            tuple(note for one in read for note in one.notes),
        )
    line = " ".join(words)
    return Read((Text("", line),) if line.strip() else ())


def _is_path(word: str) -> bool:
    """Whether a word is meant as a file: one that is there, or one that could not be a line."""
    return os.path.lexists(word) or (word.startswith(("/", "./", "../")) and " " not in word)


class _States:
    """The stages' plans, each made once and only if it is asked for."""

    def __init__(self, host: Host, arguments: Sequence[str]) -> None:
        self.host = host
        self._again = shlex.join(["sudo", "nodefix", *arguments])
        self._plans: dict[str, Plan] = {}
        self._settled: Settled | None = None

    def stage(self, name: str, about: Sequence[str], own: Collection[str]) -> Now:
        """What a stage finds now.

        Args:
            name: the stage.
            about: only what has one of these words counts; everything if there are none.
            own: words of the line that is explained; what has one of them comes first.
        """
        if os.geteuid() != 0:
            return Now(UNKNOWN, f"only root can read what stage {name} looks at", self._again)
        try:
            plan = self._plan(name)
        except UnclearError as error:
            return Now(UNKNOWN, error.message)
        except NodefixError as error:
            return Now(UNKNOWN, f"the settings are not valid: {error.message}")
        if plan.skipped:
            return Now(UNKNOWN, f"stage {name} is skipped: {plan.skipped}")
        said = [
            (f"{change.target}: found {change.found}, expected {change.wanted}", "")
            for change in plan.changes
        ]
        clear = [
            (problem.message, problem.hint) for problem in plan.problems if _is_clear(problem.code)
        ]
        unclear = [problem.message for problem in plan.problems if not _is_clear(problem.code)]
        mine = [
            one for one in (*clear, *said) if not about or any(word in one[0] for word in about)
        ]
        if mine:
            words, hint = max(mine, key=lambda one: any(word in one[0].lower() for word in own))
            more = f" (and {len(mine) - 1} more)" if len(mine) > 1 else ""
            return Now(WRONG, words + more, hint or f"nodefix run --stage {name}")
        if unclear:
            return Now(UNKNOWN, unclear[0])
        others = len(said) + len(clear)
        return Now(FINE, f"stage {name} finds {'nothing of this' if others else 'all in order'}")

    def _plan(self, name: str) -> Plan:
        if name not in self._plans:
            root = self.host.root
            settings, scope = load_settings(root), read_scope(root)
            if not scope.inside and not settings.is_forced:
                raise UnclearError(f"nodefix is not for this system: {scope.reason}")
            # The mode is looked for once, whatever stages are asked.
            self._settled = self._settled or settle(self.host, settings)
            self._plans.update(foresight.foresee(self.host, self._settled, [name]))
        return self._plans[name]


def _is_clear(code: str) -> bool:
    return not is_unclear(code) and code not in ("nodefix-defect", "stage-behind")


def _state(states: _States, found: Found) -> tuple[Now, str]:
    """The state now, and what to type."""
    symptom = found.symptom
    kind, _, what = symptom.now.partition(" ")
    if kind == "stage":
        now = states.stage(what, symptom.about, own_words(found))
    elif kind == "check":
        now = look(states.host, what)
    else:
        now = Now(UNKNOWN, f"nodefix does not look at this; it shows in: {symptom.look}")
    root = states.host.root
    if now.state == UNKNOWN and now.fix:
        return now._replace(words=f"{now.words}: {now.fix}"), for_this_node(symptom.fix, root)
    return now, for_this_node(now.fix or symptom.fix, root)


def _elsewhere(host: Host) -> list[str]:
    """What to type where a line is not known."""
    names = (*(kubelets(f"{host.root}/") or (KUBELET,)), "containerd", "crio")
    units = " ".join(f"-u {name.removesuffix('.service')}" for name in names)
    return [
        "nodefix check",
        f"journalctl -b -p warning {units} -n 50",
        "crictl ps -a; crictl logs CONTAINER",
    ]


def _data(explained: Sequence[Explained], read: Read, elsewhere: list[str]) -> Mapping[str, object]:
    return {
        "known": bool(explained),
        "causes": [
            {
                "id": one.found.symptom.id,
                "count": one.found.seen,
                "line": bounded(one.found.line, _LINE),
                "where": one.found.where,
                "time": _time(one.found.time),
                "printed_by": list(one.found.symptom.by),
                "follows": one.found.symptom.follows,
                "cause": one.found.symptom.cause,
                "state": one.now.state,
                "now": one.now.words,
                "fix": one.fix,
                "source": one.found.symptom.source,
            }
            for one in explained
        ],
        "read": [text.where for text in read.texts if text.where],
        "notes": list(read.notes),
        "see_also": [] if explained else elsewhere,
    }


def _text(explained: Sequence[Explained], read: Read, known: int, elsewhere: list[str]) -> str:
    lines = [line for one in explained for line in _paragraph(one)]
    if not explained:
        count = sum(text.content.rstrip("\n").count("\n") + 1 for text in read.texts)
        what = f"none of {count} lines is" if count != 1 else "this line is not"
        none = "nothing could be read" if read.notes else "there is nothing to explain"
        known_ones = f"{what} among the {known} that nodefix can explain"
        lines = [f"not known: {known_ones if read.texts else none}"]
        lines += [f"  see also: {line}" for line in elsewhere]
    return "\n".join([*lines, *(f"note: {note}" for note in read.notes)])


def _paragraph(one: Explained) -> list[str]:
    symptom = one.found.symptom
    seen = f"{one.found.seen} times" if one.found.seen > 1 else "once"
    last = f", last at {_time(one.found.time)}" if one.found.time else ""
    where = f" in {one.found.where}" if one.found.where else ""
    fix = "fix" if one.now.state != FINE else "fix, if it comes back"
    return [
        f"{symptom.id}: {seen}{where}{last}",
        f"  line: {one_line(one.found.line, _LINE)}",
        f"  by: {', '.join(symptom.by)}{', as a consequence' if symptom.follows else ''}",
        f"  cause: {symptom.cause}",
        f"  now: {_STATES[one.now.state]}: {one_line(one.now.words, 2 * _LINE)}",
        f"  {fix}: {one.fix}",
        f"  source: {symptom.source}",
    ]


def _time(seconds: float) -> str:
    return stamp(seconds) if seconds else ""
