"""Prints the tables of rights.py, by the systemd of a node, which is that of Debian 13."""

from __future__ import annotations

import sys

import testnode
from rights import SYSTEMD, UNITS, judge, lines

FOLDER = "/usr/lib/systemd/system"


def main() -> int:
    """Run."""
    try:
        root = testnode.Root.make(testnode.image())
        for unit in UNITS:
            root.write(f"{FOLDER}/{unit}", (SYSTEMD / unit).read_text())

        def analyze(arguments: list[str]) -> str:
            return root.run(["systemd-analyze", *arguments]).stdout

        print("\n".join(lines({unit: judge(unit, FOLDER, analyze) for unit in UNITS})))
    except testnode.Failed as error:
        print(f"tests/safety/run: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
