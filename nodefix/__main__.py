"""Entry point of `python3 -m nodefix`."""

import sys

from nodefix.cli import main

sys.exit(main(sys.argv[1:]))
