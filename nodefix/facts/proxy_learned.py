"""kube-proxy's mode as nodefix learned it in an earlier boot, or earlier in this one.

The file is nodefix' own; nodefix/live/learn.py writes it. One that is broken, or that another
release wrote in another form, is no sign.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nodefix.errors import UnclearError
from nodefix.facts.proxy_sign import Sign
from nodefix.facts.yaml_files import content_of
from nodefix.shape import an, parsed
from nodefix.text import bounded
from nodefix.words import LEARNED_MODE, PROXY_MODES

if TYPE_CHECKING:
    from nodefix.host.node import Host

SCHEMA = 1
PATH = f"/{LEARNED_MODE}"
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d(?:\.\d+)?Z", re.ASCII)
_ORIGIN = 200


def learned(host: Host) -> Sign | None:
    """What the file says; None where nothing has been learned.

    Raises:
        UnclearError: the file is not nodefix', or is broken.
    """
    content = content_of(host, PATH)
    if content is None:
        return None
    try:
        found = parsed(content)
        if found["schema"] != SCHEMA:
            raise ValueError(f"found the schema {found['schema']!r}, expected {SCHEMA}")
        mode, origin, stamp = (an(str, found[key]) for key in ("mode", "from", "learned"))
        day = _DAY.fullmatch(stamp)
        if mode not in PROXY_MODES or not day:
            raise ValueError(f"found the mode {mode!r} of {stamp!r}")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        words = bounded(f"{type(error).__name__}: {error}", _ORIGIN)
        message = f"{PATH}: ignored, since it cannot be understood ({words})"
        raise UnclearError(message, f"rm {PATH}") from error
    seen = bounded(origin, _ORIGIN)
    return Sign(mode, f"{PATH}, learned {day[1]} by {seen}")
