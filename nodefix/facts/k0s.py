"""k0s' units, the flags on their lines, and where they say that its files are.

Sources: k0s pkg/config/cli.go, pkg/constant/constant_unix.go, pkg/install; spf13/pflag.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodefix.facts.kubelet_flags import values_of
from nodefix.facts.unit_line import Started, expect_absolute, started

if TYPE_CHECKING:
    from nodefix.host.node import Host
    from nodefix.host.units import ServiceCommand

PROGRAM, CONTROLLER = "k0s", "k0scontroller.service"
# A controller's, if its line names no other.
SETTINGS = "/etc/k0s/k0s.yaml"
_DATA = "/var/lib/k0s"


def read_line(host: Host, unit: str, command: ServiceCommand | None) -> Started:
    """How a unit starts k0s, as a worker too where that is not known.

    Raises:
        UnclearError: it starts something else.
        BusError: systemd was to be asked, and did not answer.
    """
    return started(host, unit, command, PROGRAM) if command else Started(("--enable-worker",), {})


def settings_file(unit: str, line: Started) -> str:
    """The path of a controller's settings.

    Raises:
        UnclearError: they come from somewhere else.
    """
    return expect_absolute((SETTINGS, *values_of(line.words, "config", "c"))[-1], unit)


def data_folder(line: Started) -> str:
    """The folder of its data."""
    return (_DATA, *values_of(line.words, "data-dir"))[-1].rstrip("/")
