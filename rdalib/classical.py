"""The rivals, through Pillow at their best settings: JPEG, JPEG 2000, WebP, AVIF, JPEG XL.

Each has one knob, its setting: a quality, or for JPEG 2000 a target in bits per pixel. JPEG and
AVIF store chroma at half the width and height (4:2:0) or in full (4:4:4), and run at both. JPEG XL
needs the package pillow-jxl-plugin, which photo_files.py loads. Pictures are Pillow images of mode
RGB; files are bytes, and their length is the rate.
"""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from PIL import Image

from rdalib.photo_files import HAS_JPEG_XL

CODECS = ("jpeg", "jpeg2000", "webp", "avif")  # those inside Pillow
AVAILABLE = (*CODECS, "jpegxl") if HAS_JPEG_XL else CODECS

# What `rda evaluate` measures at: from the smallest files to about 1.5 bits per pixel and more.
SETTINGS: dict[str, tuple[float, ...]] = {
    "jpeg": (1, 3, 5, 8, 12, 18, 25, 35, 50, 65, 80, 90),
    "jpeg2000": (0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.45, 0.65, 0.9, 1.2, 1.6, 2.2),
    "webp": (0, 4, 10, 20, 35, 50, 65, 80, 90, 95),
    "avif": (5, 12, 20, 28, 36, 45, 55, 65, 75, 85),
    "jpegxl": (0, 5, 12, 20, 30, 40, 50, 60, 70, 80, 88, 93),
}
SUBSAMPLINGS = {"jpeg": ("4:2:0", "4:4:4"), "avif": ("4:2:0", "4:4:4")}
_BEST_OPTIONS: dict[str, dict[str, Any]] = {
    "jpeg": {"optimize": True, "progressive": True},
    "jpeg2000": {"irreversible": True, "mct": 1, "no_jp2": True, "quality_mode": "rates"},
    "webp": {"method": 6},
    "avif": {"speed": 4},
    "jpegxl": {"effort": 9},
}
_QUALITIES = {"jpeg": (1, 95), "webp": (0, 100), "avif": (0, 100), "jpegxl": (0, 99)}
_FORMATS = {"jpegxl": "JXL"}  # Pillow's names where they are others
_FEWEST_BPP, _MOST_BPP = 0.001, 24.0
_USUAL_SLOPE = 0.05  # of log(bytes) over quality


def encode(name: str, image: Image.Image, setting: float, subsampling: str | None = None) -> bytes:
    """A picture to a file's bytes.

    subsampling: for AVIF "4:2:0" (where None is given) or "4:4:4". JPEG needs none: it is the
    better of the two at the size of 4:2:0, which for AVIF would take minutes a photograph.
    Raises: ValueError for another codec's name, or a picture that the codec cannot take.
    """
    if name != "jpeg":
        return _save(name, image, setting, subsampling)
    half = _save("jpeg", image, setting, "4:2:0")
    full = _largest_quality_within("jpeg", image, "4:4:4", (1, int(setting)), len(half))
    return half if full is None else _better(image, half, full[1])


def decode(data: bytes) -> Image.Image:
    """A file's bytes to the picture, mode RGB."""
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB")


def encode_within(name: str, image: Image.Image, max_bytes: int) -> bytes | None:
    """The best file of at most max_bytes, or None if the codec has none that small."""
    if name == "jpeg2000":
        return _jpeg2000_within(image, max_bytes)
    files, quality = [], None
    for subsampling in SUBSAMPLINGS.get(name, (None,)):
        found = _largest_quality_within(
            name, image, subsampling, _QUALITIES[name], max_bytes, first=quality
        )
        if found:
            quality, data = found
            files.append(data)
    return _better(image, *files) if files else None


def smallest(name: str, image: Image.Image) -> bytes:
    """The smallest file that the codec makes of a picture."""
    if name == "jpeg2000":
        return _save(name, image, _FEWEST_BPP)
    lowest = _QUALITIES[name][0]
    files = (_save(name, image, lowest, each) for each in SUBSAMPLINGS.get(name, (None,)))
    return min(files, key=len)


def _save(name: str, image: Image.Image, setting: float, subsampling: str | None = None) -> bytes:
    if name not in AVAILABLE:
        raise ValueError(f"no codec {name!r}; there are {', '.join(AVAILABLE)}")
    options = dict(_BEST_OPTIONS[name])
    if name == "jpeg2000":
        options["quality_layers"] = [_MOST_BPP / setting]  # as a factor below 24 bits per pixel
    else:
        options["quality"] = setting
    if subsampling:
        options["subsampling"] = subsampling
    buffer = io.BytesIO()
    try:
        image.save(buffer, format=_FORMATS.get(name, name.upper()), **options)
    except Exception as error:  # as images.write_photo: each encoder refuses in its own way
        size = f"{image.width} x {image.height}"
        raise ValueError(f"{name} cannot encode a picture of {size} pixels: {error}") from None
    return buffer.getvalue()


def _better(image: Image.Image, *files: bytes) -> bytes:
    """The file whose picture is closest to `image` in squared error."""
    if len(files) == 1:
        return files[0]
    pixels = np.asarray(image, dtype=np.float64)
    return min(files, key=lambda data: ((np.asarray(decode(data)) - pixels) ** 2).mean())


def _largest_quality_within(
    name: str,
    image: Image.Image,
    subsampling: str | None,
    qualities: tuple[int, int],
    max_bytes: int,
    first: int | None = None,
) -> tuple[int, bytes] | None:
    """(quality, file) at the highest quality that fits; None if none does. first: tried first.

    Between a quality that fits and one that does not, the next one tried is where a straight line
    of log(bytes) meets the budget: half as many files as by bisection.
    """
    low, high = qualities[0] - 1, qualities[1] + 1  # low fits (or is below all), high does not
    beyond: dict[int, float] = {}  # log(bytes / max_bytes) of each quality tried
    best = None
    quality = (low + high) // 2 if first is None else first
    while high - low > 1:
        data = _save(name, image, quality, subsampling)
        beyond[quality] = math.log(len(data) / max(max_bytes, 1))
        if len(data) <= max_bytes:
            low, best = quality, (quality, data)
        else:
            high = quality
        if low in beyond and high in beyond:
            slope = (beyond[high] - beyond[low]) / (high - low)
        else:
            slope = _USUAL_SLOPE
        start = low if low in beyond else high
        quality = start + round(-beyond[start] / slope)
        if len(beyond) % 3 == 0:  # should the line mislead
            quality = (low + high) // 2
        quality = min(max(quality, low + 1), high - 1)
    return best


def _jpeg2000_within(image: Image.Image, max_bytes: int) -> bytes | None:
    """The coder aims at the size asked for but may miss it: aim lower until it fits."""
    least = smallest("jpeg2000", image)
    if len(least) > max_bytes:
        return None
    target = min(8 * max_bytes / (image.width * image.height), _MOST_BPP)
    while target > _FEWEST_BPP:
        data = _save("jpeg2000", image, target)
        if len(data) <= max_bytes:
            return data
        target *= 0.995
    return least
