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
# Encoding time grows with the pixels: encode_within and smallest take these for larger photographs.
# JPEG XL at effort 9 takes 50 s of a processor for 12 megapixels, 9 s at 7, and gains nothing by
# our measures: 217,299 bytes for 39.76 dB and MS-SSIM 0.9810; 212,787 for 39.80 dB and 0.9810 at 7.
# AVIF stays at speed 4 (30 to 45 s): speed 6 needs 9 % more bytes for the same PSNR.
LARGE_PIXELS = 2_000_000
_LARGE_OPTIONS: dict[str, dict[str, Any]] = {"jpegxl": {"effort": 7}}
_QUICK_OPTIONS: dict[str, dict[str, Any]] = {"avif": {"speed": 8}, "jpegxl": {"effort": 4}}
_QUICK_SIZE = {"avif": 1.1, "jpegxl": 1.0}  # of a quick file, over that of _LARGE_OPTIONS
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
    """The best file of at most max_bytes, or None if the codec has none that small.

    Of a photograph above LARGE_PIXELS, AVIF's subsampling and the quality where the search begins
    are those of the encoder's quick settings.
    """
    if name == "jpeg2000":
        return _jpeg2000_within(image, max_bytes)
    subsamplings: tuple[str | None, ...] = SUBSAMPLINGS.get(name, (None,))
    first, options = None, None
    if _is_large(image) and name in _QUICK_OPTIONS:
        budget = round(_QUICK_SIZE[name] * max_bytes)
        quick = _within(name, image, subsamplings, budget, None, _QUICK_OPTIONS[name])
        first = _QUALITIES[name][0]
        if quick:
            subsampling, first = quick[_better(image, *quick)]
            subsamplings = (subsampling,)
        options = _options(name, image)
    files = _within(name, image, subsamplings, max_bytes, first, options)
    return _better(image, *files) if files else None


def smallest(name: str, image: Image.Image) -> bytes:
    """The smallest file that the codec makes of a picture."""
    if name == "jpeg2000":
        return _save(name, image, _FEWEST_BPP)
    lowest = _QUALITIES[name][0]
    options = _options(name, image)
    files = (_save(name, image, lowest, each, options) for each in SUBSAMPLINGS.get(name, (None,)))
    return min(files, key=len)


def settings_note(name: str, pixels: int) -> str:
    """What is not a rival's best setting in encode_within's files of so many pixels, or nothing."""
    if pixels <= LARGE_PIXELS or name not in _LARGE_OPTIONS:
        return ""
    large, best = _LARGE_OPTIONS[name], _BEST_OPTIONS[name]
    return ", ".join(f"{key} {large[key]}, not {best[key]}" for key in large)


def _is_large(image: Image.Image) -> bool:
    return image.width * image.height > LARGE_PIXELS


def _options(name: str, image: Image.Image) -> dict[str, Any]:
    return {**_BEST_OPTIONS[name], **(_LARGE_OPTIONS.get(name, {}) if _is_large(image) else {})}


def _save(
    name: str,
    image: Image.Image,
    setting: float,
    subsampling: str | None = None,
    options: dict[str, Any] | None = None,
) -> bytes:
    """options: for _BEST_OPTIONS of the codec."""
    if name not in AVAILABLE:
        raise ValueError(f"no codec {name!r}; there are {', '.join(AVAILABLE)}")
    options = dict(options or _BEST_OPTIONS[name])
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


def _within(
    name: str,
    image: Image.Image,
    subsamplings: tuple[str | None, ...],
    max_bytes: int,
    first: int | None,
    options: dict[str, Any] | None,
) -> dict[bytes, tuple[str | None, int]]:
    """The largest file that fits of each subsampling, to its subsampling and quality."""
    files = {}
    for subsampling in subsamplings:
        found = _largest_quality_within(
            name, image, subsampling, _QUALITIES[name], max_bytes, first, options
        )
        if found:
            first, data = found
            files[data] = (subsampling, first)
    return files


def _largest_quality_within(
    name: str,
    image: Image.Image,
    subsampling: str | None,
    qualities: tuple[int, int],
    max_bytes: int,
    first: int | None = None,
    options: dict[str, Any] | None = None,
) -> tuple[int, bytes] | None:
    """(quality, file) at the highest quality that fits; None if none does. first: tried first.

    The next quality tried is where a straight line of log(bytes) meets the budget: half as many
    files as by bisection. options: as _save.
    """
    low, high = qualities[0] - 1, qualities[1] + 1  # low fits (or is below all), high does not
    beyond: dict[int, float] = {}  # log(bytes / max_bytes) of each quality tried
    best = None
    quality = (low + high) // 2 if first is None else first
    while high - low > 1:
        data = _save(name, image, quality, subsampling, options)
        beyond[quality] = math.log(len(data) / max(max_bytes, 1))
        if len(data) <= max_bytes:
            low, best = quality, (quality, data)
        else:
            high = quality
        between = low in beyond and high in beyond
        slope = _USUAL_SLOPE
        if len(beyond) > 1:
            one, other = (low, high) if between else list(beyond)[-2:]
            slope = (beyond[other] - beyond[one]) / (other - one)
        start = low if low in beyond else high
        quality = start + round(-beyond[start] / max(slope, _USUAL_SLOPE / 4))
        if between and len(beyond) % 3 == 0:  # should the line mislead
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
