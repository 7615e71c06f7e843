"""Ctrl-C and SIGTERM, put off until what is in hand is whole."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def deferred_signals() -> Iterator[list[int]]:
    """Gives a list of those that came meanwhile, which do nothing else. In the main thread only."""
    came: list[int] = []
    handlers = [signal.signal(each, lambda number, _: came.append(number)) for each in SIGNALS]
    try:
        yield came
    finally:
        for each, handler in zip(SIGNALS, handlers, strict=True):
            signal.signal(each, handler)
