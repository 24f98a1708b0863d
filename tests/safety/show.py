"""Prints the tables of rights.py, by the systemd of a node, which is that of Debian 13.

It writes them into tests/PROOF.md, too.
"""

from __future__ import annotations

import sys

import proof
import testnode
from rights import FOLDER, SYSTEMD, UNITS, judge, page


def main() -> int:
    """Run."""
    try:
        root = testnode.Root.make(testnode.image())
        for unit in UNITS:
            root.write(f"{FOLDER}/{unit}", (SYSTEMD / unit).read_text())
        shown = page(judge(root))
    except testnode.Failed as error:
        print(f"{proof.SAFETY}: {error}", file=sys.stderr)
        return 1
    proof.write(proof.SAFETY, shown)
    print(shown, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
