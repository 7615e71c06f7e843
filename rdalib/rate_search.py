"""The highest quality level whose file has at most so many bytes.

Files grow with the level, about by the same factor from each to the next, so a secant through the
logarithms of two sizes is a good guess. Only tiny pictures and repeated textures have neighbouring
levels the other way round.

Both functions ask for the sizes of levels, by size_of(level), until the last one they asked for
that fits is the answer; where none fits, the lowest level has been asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from rdalib.quality import DEFAULT_QUALITY, LEVELS

FEW_PIXELS = 2**16  # below, all levels are tried: it takes no time, and they may lie any way round
USUAL_SLOPE = 0.06  # of the logarithm of a size from a level to the next


def try_all(max_bytes: int, size_of: Callable[[int], int]) -> None:
    """From the highest level down."""
    for quality in reversed(range(LEVELS)):
        if size_of(quality) <= max_bytes:
            break


def try_by_secants(max_bytes: int, size_of: Callable[[int], int]) -> None:
    """Ask for the sizes of levels until the highest that fits has been asked for last of those.

    Where files grow with the level: low fits (or is below all levels), high does not.
    """
    low, high = -1, LEVELS
    known: dict[int, float] = {}
    guess = DEFAULT_QUALITY
    while high - low > 1:
        known[guess] = math.log(size_of(guess) / max(max_bytes, 1))
        if known[guess] <= 0:
            low = guess
        else:
            high = guess
        below = low if low >= 0 else guess
        above = high if high < LEVELS else guess
        slope = USUAL_SLOPE if below == above else (known[above] - known[below]) / (above - below)
        guess = math.floor(below - known[below] / max(slope, 1e-3))
        if len(known) % 3 == 0:  # a secant may creep along a bent curve
            guess = (low + high) // 2
        guess = min(max(guess, low + 1), high - 1)
