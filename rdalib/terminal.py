"""What the commands share: notes and progress bars on the terminal, checks of what is written."""

import os
import sys

from rdalib.files import check_writable


def note(text):
    """Say something on standard error, where it is no part of the output."""
    print(f"note: {text}", file=sys.stderr)


def bar(what, unit, disable=None):
    """A function that wraps a list in a progress bar, or makes a bar from keywords.

    disable: None for a bar on a terminal only, so that logs and error messages stay readable.
    """
    from functools import partial

    from tqdm import tqdm  # only here: `rda info` has no bar

    return partial(tqdm, desc=what, unit=unit, dynamic_ncols=True, leave=False, disable=disable)


def check_output(path, *inputs):
    """Refuse before the work what cannot be written after it, and to replace what is read."""
    check_writable(path)
    for other in inputs:
        if os.path.exists(path) and os.path.exists(other) and os.path.samefile(path, other):
            raise ValueError(f"{path} is the file to read; name another one to write")
