"""The best file of at most so many bytes.

Files grow with the level, about by the same factor from each to the next, so a secant through the
logarithms of two sizes is a good guess for the highest level that fits. Only tiny pictures and
repeated textures have neighbouring levels the other way round. That level leaves 2 % of the bytes
on average; so the next one, which is too large, is made smaller by rounding towards zero, just as
much as is needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from rdalib.distortion import l2
from rdalib.quality import DEFAULT_QUALITY, LEVELS

if TYPE_CHECKING:
    from torch import Tensor

    Size = tuple[int, int]  # (height, width) in pixels
    Made = tuple[int, bytes, Any]  # a level, the bytes of its file, the latents in it

FEW_PIXELS = 2**16  # below, all levels are tried: it takes no time, and they may lie any way round
USUAL_SLOPE = 0.06  # of the logarithm of a size from a level to the next
LARGEST_THRESHOLD, HALVINGS = 0.75, 8  # of rounding, to meet a number of bytes


class Encoder(Protocol):
    """What is needed of a codec."""

    def file_of(
        self, z: Tensor, quality: int, size: Size, side: Any = None, threshold: float = 0.5
    ) -> tuple[bytes, Any]: ...
    def synthesise(self, latents: Any, quality: int, height: int, width: int) -> Tensor: ...


def best_within(
    codec: Encoder,
    max_bytes: int,
    y: Tensor,
    z: Tensor,
    refined: Callable[[int], tuple[Tensor, Any]],
    refines: bool,
) -> tuple[bytes, Any]:
    """Of the files of at most max_bytes the one with the smallest squared error, and its latents.

    y: the photograph, float (3, H, W); z: its latents; refined: from a level to z and the side
    information that an encoder who tries harder finds, if it `refines`.
    Raises: ValueError if no file is that small.
    """
    size = (y.shape[1], y.shape[2])
    files = [_highest_level(codec, max_bytes, z, size)]
    quality, fits = files[0][0], True
    first = quality + 1 if quality + 1 < LEVELS else quality
    for level in range(first, LEVELS):
        if not fits:
            break
        better, side = refined(level)
        whole = (level, *codec.file_of(better, level, size, side))
        fits = refines and len(whole[1]) <= max_bytes  # then one more level may fit
        if len(whole[1]) <= max_bytes:
            files.append(whole)
        else:
            files += _rounded_within(codec, max_bytes, better, level, size, side)
    _, data, latents = min(files, key=lambda made: l2(y, codec.synthesise(made[2], made[0], *size)))
    return data, latents


def _rounded_within(
    codec: Encoder, max_bytes: int, z: Tensor, quality: int, size: Size, side: Any
) -> list[Made]:
    """The largest file of a level within max_bytes by rounding towards zero, or none."""
    low, high = 0.5, LARGEST_THRESHOLD
    found: list[Made] = []
    for _ in range(HALVINGS):
        threshold = (low + high) / 2
        data, latents = codec.file_of(z, quality, size, side, threshold)
        if len(data) <= max_bytes:
            high, found = threshold, [(quality, data, latents)]
        else:
            low = threshold
    return found


def _highest_level(codec: Encoder, max_bytes: int, z: Tensor, size: Size) -> Made:
    """The highest level whose file has at most max_bytes. Raises: ValueError."""
    best: Made | None = None
    smallest = math.inf

    def size_of(quality: int) -> int:
        nonlocal best, smallest
        data, latents = codec.file_of(z, quality, size)
        smallest = min(smallest, len(data))
        if len(data) <= max_bytes:
            best = quality, data, latents
        return len(data)

    search = try_all if size[0] * size[1] < FEW_PIXELS else try_by_secants
    search(max_bytes, size_of)
    if best is None:
        raise ValueError(
            f"{max_bytes} bytes are too few for {size[1]} x {size[0]} pixels: "
            f"the smallest file possible has {smallest}"
        )
    return best


# Both of these ask for the sizes of levels, by size_of(level), until the last one they asked for
# that fits is the answer; where none fits, the lowest level has been asked for.


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
