"""`nodefix learn`: keep kube-proxy's mode, as the kernel shows it, for the next boot.

nodefix.service calls it as the node goes down: pods have ended by then, and their rules are still
there. So a node learns its mode that joined its cluster after its last run. It needs no network.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from nodefix.deadline import Deadline
from nodefix.errors import NodefixError
from nodefix.facts.proxy_traces import seen_in_kernel
from nodefix.host.node import open_host
from nodefix.live.learn import keep
from nodefix.messages import in_words
from nodefix.plan import Problem
from nodefix.terminal import is_root, tell
from nodefix.words import EXIT_DONE, EXIT_FAILED, EXIT_NOT_ROOT, EXIT_USAGE, LEARNED_MODE

HELP = "keep kube-proxy's mode, as it is seen now, for the next boot"
STATUSES = {
    EXIT_DONE: "it is kept, or kube-proxy has left no trace",
    EXIT_FAILED: "the kernel could not be asked, or the file could not be written",
    EXIT_USAGE: "the command line is not valid",
    EXIT_NOT_ROOT: "not root",
}

# A node that goes down waits for it.
_SECONDS = 10.0


def options(parser: ArgumentParser) -> None:
    """Add the options of this command: it has none."""


def main(options: Namespace, arguments: list[str]) -> int:
    """Look, and write down what is seen."""
    if not is_root(arguments):
        return EXIT_NOT_ROOT
    host = open_host(Path("/"))
    try:
        with host.limit(Deadline("the look for kube-proxy's traces", _SECONDS)):
            seen = seen_in_kernel(host)
    except NodefixError as error:
        tell(in_words(Problem(error.message, error.hint)))
        return EXIT_FAILED
    if seen is None:
        print("nothing to keep: kube-proxy has left no trace since this boot")
        return EXIT_DONE
    if failure := keep(host, seen):
        tell(in_words(Problem(failure, f"ls -ldZ /{LEARNED_MODE}; df -h /var/lib/nodefix")))
        return EXIT_FAILED
    print(f"kube-proxy's mode: {seen.mode}, by {seen.origin}; kept in /{LEARNED_MODE}")
    return EXIT_DONE
