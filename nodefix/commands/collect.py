"""`nodefix collect`: pack what a bug report needs, without names, addresses and secrets."""

from __future__ import annotations

import os
import shlex
from argparse import ArgumentParser, Namespace
from pathlib import Path

from nodefix.collect.archive import packed
from nodefix.collect.bundle import Bundle, collect, in_words
from nodefix.host.newfile import expect_place, write_new
from nodefix.host.node import Host, open_host
from nodefix.terminal import tell
from nodefix.text import compact_stamp, one_line, stamp
from nodefix.words import EXIT_DONE, EXIT_FAILED, EXIT_LACKING, EXIT_USAGE

HELP = "pack what a bug report needs, without host names, addresses and secrets"
STATUSES = {
    EXIT_DONE: "the archive is written, and all is in it",
    EXIT_FAILED: "the archive could not be written",
    EXIT_LACKING: "the archive is written, and something is missing in it",
    EXIT_USAGE: "the command line is not valid",
}

_ENDING = ".tar.gz"
# Characters of a line about a part that is missing.
_LINE = 300


def options(parser: ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE.tar.gz",
        help="the archive (default: nodefix-TIME.tar.gz in the current folder)",
    )
    parser.add_argument("--force", action="store_true", help="replace a file that is there")


def main(options: Namespace, arguments: list[str]) -> int:
    """Collect, and write."""
    name = f"nodefix-{compact_stamp()}"
    if options.file is not None and not options.file.endswith(_ENDING):
        tell(f"nodefix collect: found {options.file!r}, expected a name that ends in {_ENDING}")
        tell(f"  try: nodefix collect {name}{_ENDING}")
        return EXIT_USAGE
    place = Path(options.file or f"{name}{_ENDING}")
    try:
        place = Path.cwd() / place
        expect_place(place, options.force)
        bundle = collect(_host, _by(), stamp())
        archive = packed(name, bundle.files)
        write_new(place, archive, options.force)
    except OSError as error:
        tell(f"nodefix collect: {error.filename or place}: {error.strerror or error}")
        tell(f"  try: {_instead(error, place, name)}")
        return EXIT_FAILED
    _say(place, len(archive), bundle)
    return EXIT_LACKING if bundle.missing else EXIT_DONE


def _host() -> Host:
    # Nothing that is collected may make the kernel load a module.
    return open_host(Path("/"))._replace(may_load=False)


def _by() -> str:
    return "root" if os.geteuid() == 0 else "an ordinary user"


def _instead(error: OSError, place: Path, name: str) -> str:
    if isinstance(error, FileExistsError) and place.is_file() and not place.is_symlink():
        return f"nodefix collect --force {shlex.quote(str(place))}"
    if place.parent == Path("/var/tmp"):
        return "df -h /var/tmp; ls -ld /var/tmp"
    return f"nodefix collect /var/tmp/{name}{_ENDING}"


def _say(place: Path, size: int, bundle: Bundle) -> None:
    print(f"wrote {place}: {-(-size // 1024)} KiB, {len(bundle.files)} files")
    print("taken out:")
    for line in in_words(bundle.taken) or ["nothing"]:
        print(f"  {line}")
    print(f"look through it before you hand it on: tar -xzOf {shlex.quote(str(place))} | less")
    for name, lack in bundle.missing.items():
        tell(one_line(f"missing: {name}: {lack}", _LINE))
    if bundle.missing and os.geteuid() != 0:
        tell("  only root can collect all of it: sudo nodefix collect")
