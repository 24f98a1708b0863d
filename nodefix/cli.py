"""The command line: the table of commands, and how the program ends."""

from __future__ import annotations

import gc
import os

from nodefix.words import EXIT_FAILED, EXIT_USAGE

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from typing import NoReturn, Protocol

    class Command(Protocol):
        """What a command's module has; its name is the module's, with `-` for `_`."""

        # What it does, as `nodefix --help` shows it.
        HELP: str
        # Its exit statuses, and what each of them says.
        STATUSES: Mapping[int, str]

        def options(self, parser: argparse.ArgumentParser, /) -> None:
            """Add its options."""

        def main(self, options: argparse.Namespace, arguments: list[str], /) -> int:
            """Do it; `arguments` are its words as they were typed.

            Returns:
                The exit status.
            """


# Each is a module of nodefix.commands, imported when it is called.
COMMANDS = (
    "run",
    "wait",
    "watch",
    "status",
    "check",
    "history",
    "explain",
    "collect",
    "restart-kube-proxy",
    "learn",
    "disable",
    "enable",
    "rollback",
    "config",
)


def main(arguments: list[str]) -> int:
    """Run nodefix.

    Args:
        arguments: without the program's name.

    Returns:
        The exit status, one of those in words.py.
    """
    try:
        # kubelet's way and the unit's, without argparse: it alone would double the time of the
        # first.
        if arguments == ["wait"]:
            from nodefix.commands import wait

            return wait.wait()
        from nodefix.host import bundle

        bundle.install()
        from nodefix import lean_tuples

        lean_tuples.install()
        if arguments[:1] == ["run"]:
            # It is short: collecting garbage would cost a tenth of it and free next to nothing.
            gc.disable()
        if arguments == ["run"]:
            from nodefix.commands import run

            return run.run()
        options = _parse(arguments)
        return command(options.command).main(options, arguments)
    except KeyboardInterrupt:
        from nodefix.terminal import tell

        unfinished = "; to finish what was begun: nodefix run" if arguments[:1] == ["run"] else ""
        tell(f"nodefix: interrupted{unfinished}")
    except BrokenPipeError:
        # The reader of a dry run went away; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return EXIT_FAILED


def command(name: str) -> Command:
    """The module of a command."""
    from importlib import import_module

    module: Command = import_module(f"nodefix.commands.{name.replace('-', '_')}")
    return module


def parser(only: str = "") -> argparse.ArgumentParser:
    """The parser of the command line.

    Args:
        only: the command whose options are wanted, so that no other one is imported; empty for all.
    """
    import argparse

    from nodefix import __version__
    from nodefix.terminal import tell

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            tell(f"{self.format_usage()}{self.prog}: {message}\n  see: {self.prog} --help")
            self.exit(EXIT_USAGE)

    found = Parser("nodefix", description="Prepare this node for kubelet and kube-proxy.")
    found.add_argument("--version", action="version", version=f"nodefix {__version__}")
    commands = found.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        if only in ("", name):
            module = command(name)
            one = commands.add_parser(name, help=module.HELP, description=module.HELP)
            # Whatever the whole program's parser does not know is this command's to refuse.
            one.set_defaults(refuse=one.error)
            module.options(one)
        else:
            commands.add_parser(name)
    return found


def _parse(arguments: list[str]) -> argparse.Namespace:
    called = arguments[0] if arguments and arguments[0] in COMMANDS else ""
    options, unknown = parser(called).parse_known_args(arguments)
    if unknown:
        options.refuse(f"unrecognized arguments: {' '.join(unknown)}")
    return options
