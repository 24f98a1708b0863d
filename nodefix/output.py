"""What a command prints for programs and for people: JSON, YAML or text."""

from __future__ import annotations

import json
from argparse import ArgumentParser

from nodefix.shape import JsonObject
from nodefix.text import harmless

TEXT, JSON, YAML = "text", "json", "yaml"
FORMATS = (TEXT, JSON, YAML)


def add_format(parser: ArgumentParser) -> None:
    """Add the option --format."""
    parser.add_argument(
        "--format", choices=FORMATS, default=TEXT, help="what is printed (default: text)"
    )


def show(form: str, data: JsonObject, text: str) -> None:
    """Print to standard output.

    Args:
        form: one of FORMATS.
        data: what JSON and YAML hold; plain values only.
        text: the same for people.

    Raises:
        BrokenPipeError: the reader went away.
    """
    if form == JSON:
        print(json.dumps(data, indent=2, ensure_ascii=True))
    elif form == YAML:
        import yaml

        print(yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=False), end="")
    else:
        print(harmless(text))
