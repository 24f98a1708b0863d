"""The kinds of problems: a code that stays the same in every version, and what it means.

Records carry the code as NODEFIX_CODE=, the report as `code`.
"""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    # Any stage.
    "stage-behind": "A stage that has to work first does not, so this one cannot be judged.",
    "stage-unclear": "Something on the node could not be read or understood.",
    "stage-error": "A stage could not be run to its end.",
    "nodefix-defect": "nodefix hit an unexpected error; this is a defect, please report it.",
    # Stage swap.
    # Stage modules.
    # Stage alternatives.
    # Stage chains.
    # Stage lockfile.
}
