"""From this boot's journal to the content of a file."""

from __future__ import annotations

from nodefix.host.systemd import Systemd
from nodefix.picture.boot import Told, picture
from nodefix.picture.reading import read
from nodefix.picture.svg import svg
from nodefix.status.seen import Seen
from nodefix.status.text import headline
from nodefix.status.verdict import Verdict


def make(systemd: Systemd, seen: Seen, verdict: Verdict) -> bytes:
    """A picture of this boot, with what `nodefix status` says at its head; in ASCII.

    Raises:
        UnclearError: the journal cannot be read.
    """
    told = Told(headline(seen, verdict), seen.kubelets, seen.is_locked)
    # journald writes ids without dashes.
    found = read(systemd, seen.boot_id.replace("-", ""))
    return svg(picture(found, told)).encode("ascii", "xmlcharrefreplace")
