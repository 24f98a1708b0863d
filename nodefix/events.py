"""Events: the id of each kind, its priority, and a record of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from nodefix.text import bounded
from nodefix.words import UNIT

# One constant id for each kind of event; systemd/nodefix.catalog explains each of them.
RUN_STARTED = "ce51b24a92424f629c83e00bd44edcd7"
RUN_FINISHED = "313b78f722904bbf8cb55a83a98b91e1"
RUN_FAILED = "8047b322ad08471bb96b31288d69e394"
NOT_RUN = "c50bae1e74ea482b8f95c42c9b73aac4"
OUT_OF_SCOPE = "361ac0932e104662a2036a5aa847ecda"
STAGE_UNCHANGED = "ee6db088686d4f918edc892426726b2a"
STAGE_PREPARED = "56c08c06d9a84d729f67f337e58224e0"
STAGE_CHANGED = "5b905a01589c4d38a07ad80a4c59d198"
STAGE_SKIPPED = "79bf2f1743154ad68630d4e167ee4d6c"
STAGE_FAILED = "77763214d8914d68b0effb0747f4a110"
PROBLEM = "ef717bdc48e04ca3be6c96e5b951af90"
NOTE = "2c697cc2cee04eb0927bd8b9619eda01"
UNDONE = "35cadbe26f974f4c91e3198c343caaea"
ROLLED_BACK = "8862b9b8dd6f4dd4a503872f465b5277"
NO_BUS = "dd58149b481648f0b636b685b74e470e"
NO_NAME = "92b8c193d1914bd2a92437c1b485b722"
NO_JOURNAL = "0460313f4d6f407488358841e555fb38"

# syslog(3)
ERROR, WARNING, NOTICE, INFO = 3, 4, 5, 6

# Characters of a record's message, and of each of its other fields.
MESSAGE_CAP = 16 << 10
FIELD_CAP = 4 << 10


class Record(NamedTuple):
    """One event.

    Attributes:
        message_id: one of the ids above.
        priority: as in syslog(3).
        message: one line, or several, for people.
        fields: further journal fields.
    """

    message_id: str
    priority: int
    message: str
    fields: Mapping[str, str]

    def entry(self) -> dict[str, str]:
        """All fields, as they go to journald and over the bus alike; harmless and bounded."""
        return {
            "MESSAGE": self.text,
            "PRIORITY": str(self.priority),
            "MESSAGE_ID": self.message_id,
            "SYSLOG_IDENTIFIER": "nodefix",
            # So that a run from a shell shows under `journalctl -u nodefix` too.
            "OBJECT_SYSTEMD_UNIT": UNIT,
            **{key: bounded(value, FIELD_CAP) for key, value in self.fields.items()},
        }

    @property
    def text(self) -> str:
        """The message as it is shown."""
        return bounded(self.message, MESSAGE_CAP)
