"""kube-proxy's mode, kept for the next boot, which begins with an empty kernel."""

from __future__ import annotations

import json
from pathlib import Path

from nodefix.errors import NodefixError
from nodefix.facts.proxy_learned import SCHEMA, learned
from nodefix.facts.proxy_sign import Sign
from nodefix.facts.system import boot_id
from nodefix.host.node import Host
from nodefix.host.writing import make_folder, write_atomic
from nodefix.text import stamp
from nodefix.words import LEARNED_MODE


def keep(host: Host, seen: Sign) -> str:
    """Write down what the kernel shows, unless the same mode stands there already.

    Returns:
        Why it could not be written; empty if it stands there.
    """
    if _is_known(host, seen.mode):
        return ""
    content = {
        "schema": SCHEMA,
        "mode": seen.mode,
        "from": seen.origin,
        "learned": stamp(),
        "boot_id": boot_id(host.root),
    }
    path: Path = host.root / LEARNED_MODE
    try:
        make_folder(path.parent)
        write_atomic(path, json.dumps(content, indent=1).encode() + b"\n")
    except OSError as error:
        return f"{error.filename or path}: cannot be written: {error.strerror}"
    return ""


def _is_known(host: Host, mode: str) -> bool:
    try:
        sign = learned(host)
    except NodefixError:
        return False
    return sign is not None and sign.mode == mode
