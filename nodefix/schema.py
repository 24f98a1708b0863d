"""The settings as a JSON Schema, for editors and for tools that write settings."""

from __future__ import annotations

from nodefix.config import Config
from nodefix.settings import SETTINGS
from nodefix.shape import JsonObject


def schema() -> JsonObject:
    """JSON Schema, draft 2020-12, of one settings file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of nodefix: /etc/nodefix/nodefix.yaml and its drop-ins",
        "type": ["object", "null"],
        "properties": {
            key: {**setting.schema, "description": setting.help, "default": default(key)}
            for key, setting in SETTINGS.items()
        },
        "additionalProperties": False,
    }


def default(key: str) -> object:
    """A setting's default, as a file would say it."""
    value = getattr(Config(), "modes" if key == "stages" else key)
    return list(value) if isinstance(value, tuple) else value
