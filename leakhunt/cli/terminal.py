"""How wide standard output is."""

import os
import sys

UNLIMITED = 200  # into a file or a pipe: wide enough for paths, narrow enough to read
NARROWEST = 40


def columns() -> int:
    """Columns of standard output; COLUMNS overrides them."""
    wanted = os.environ.get("COLUMNS", "")
    if wanted.isdecimal() and int(wanted) > 0:
        return max(NARROWEST, int(wanted))
    return max(NARROWEST, os.get_terminal_size().columns) if sys.stdout.isatty() else UNLIMITED
