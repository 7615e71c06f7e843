"""Samples of every depth to 8 bits, and what is transparent among them.

Pillow gives grey samples of 12 and 16 bits as they lie in the file, and of colours of 16 bits the
upper 8. `layout` is the set of its words for how samples lie there, such as {"RGB;16B"}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from jaxtyping import Int32

Layout: TypeAlias = set[object]
Note: TypeAlias = Callable[[str], object]

# TIFF's tags and values (TIFF 6.0)
BITS_PER_SAMPLE, PHOTOMETRIC, MAX_SAMPLE_VALUE, SAMPLE_FORMAT = 258, 262, 281, 339
WHITE_IS_ZERO, SIGNED = 0, 2


class PhotoError(ValueError):
    """A file that cannot be read as a photograph. The message is one line for the user."""


def _tiff_tag(image: Image.Image, tag: int, default: int) -> tuple[int, ...]:
    """The values of a TIFF's tag as a tuple; `default` for other formats too."""
    values = getattr(image, "tag_v2", {}).get(tag, default)
    return values if isinstance(values, tuple) else (values,)


def depth_of(image: Image.Image, layout: Layout, properties: dict[bytes, bytes]) -> int:
    """Bits a sample in the file, as far as the file says so; 8 or fewer are 8."""
    depths = [8, *_tiff_tag(image, BITS_PER_SAMPLE, 8), *properties.get(b"pixi", b"")[5:]]
    for word in layout:
        if isinstance(word, str) and ";16" in word and not word.startswith("BGR"):  # 5 + 6 + 5
            depths.append(16)
        elif isinstance(word, int) and image.format == "PPM":
            depths.append(word.bit_length())
    return max(depths)


def colour_and_alpha(
    image: Image.Image, layout: Layout, depth: int, note: Note
) -> tuple[Image.Image, Image.Image | None]:
    """An image to mode L, RGB or CMYK of 8 bits, and its alpha, mode L or None."""
    key = image.info.get("transparency")  # of a PNG: the one level or colour that is transparent
    if image.mode[0] in "IF" or SIGNED in _tiff_tag(image, SAMPLE_FORMAT, 1):
        samples = _grey_of_16_bits(image, depth, note)
        alpha = None if key is None else Image.fromarray(255 * (samples != key).astype(np.uint8))
        return Image.fromarray(((samples + 128) // 257).astype(np.uint8)), alpha
    white = _stated_white(image, depth)
    if white and 256 * max(np.ravel(image.getextrema())) <= white:  # the upper 8 bits of 16
        raise PhotoError(f"16-bit colours with a MaxSampleValue of {white}; scale them to 65535")
    if depth > 8 and isinstance(key, tuple):
        note("its transparent colour has 16 bits and is not applied")
        del image.info["transparency"]
    elif key is not None and image.mode == "L":  # as in the file, where Pillow has scaled samples
        image.info["transparency"] = key * (85 if "L;2" in layout else 17 if "L;4" in layout else 1)
    if image.has_transparency_data:
        grey = image.mode[0] == "L"
        image = image.convert("RGBA")
        return image.convert("L" if grey else "RGB"), image.getchannel("A")
    return image if image.mode in ("L", "CMYK") else image.convert("RGB"), None


def _grey_of_16_bits(image: Image.Image, depth: int, note: Note) -> Int32[np.ndarray, "H W"]:
    """Grey samples as integers from black at 0 to white at 65535."""
    samples = np.asarray(image)
    signed = SIGNED in _tiff_tag(image, SAMPLE_FORMAT, 1)
    wide = samples.dtype.kind == "f" or depth > 16 or samples.max() > 65535
    if signed or wide or samples.min() < 0:
        raise PhotoError(
            "float or 32-bit samples, or signed ones, of which none is white; convert them to 8 or "
            "16 bits without a sign"
        )
    samples = samples.astype(np.int32)
    white = _stated_white(image, depth)
    if white and samples.max() <= white:
        note(f"its MaxSampleValue, {white}, is taken as white")
    elif image.format == "TIFF":
        white = 2**depth - 1  # Pillow has not scaled 12 bits
    if white and white < 65535:
        samples = (samples * 65535 + white // 2) // white
    if WHITE_IS_ZERO in _tiff_tag(image, PHOTOMETRIC, 1):
        samples = 65535 - samples
    return samples


def _stated_white(image: Image.Image, depth: int) -> int | None:
    """The MaxSampleValue of a TIFF of 16 bits whose samples have fewer, such as 4095; or None.

    TIFF means it as statistics, so only what is all ones in binary is believed.
    """
    white = max(_tiff_tag(image, MAX_SAMPLE_VALUE, 65535))
    return white if depth == 16 and 255 <= white < 65535 and not white & (white + 1) else None
