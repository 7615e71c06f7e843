"""Sound files: reading one, and MP3, Vorbis and Opus at a size, by libsndfile.

y: float32 tensor (samples,), one channel, RATE samples a second, in [-1, 1].
"""

from __future__ import annotations

import io
import math
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.signal import resample_poly

from rdalib.sound import RATE, align, snr

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

FORMATS = {
    "MP3": ("MP3", "MPEG_LAYER_III", ("CONSTANT", "AVERAGE", "VARIABLE")),
    "Vorbis": ("OGG", "VORBIS", (None,)),
    "Opus": ("OGG", "OPUS", (None,)),
}
SMALLEST = 0.99  # the compression level of the smallest files: libsndfile refuses 1 for MP3


def read_sound(path: str | Path, seconds: float = 8.0) -> Float[Tensor, " samples"]:
    """The first seconds of a sound file as a y: channels averaged, resampled to RATE.

    Raises: ValueError, in one line, for what is no sound file or is silent.
    """
    import soundfile

    try:
        y, rate = soundfile.read(Path(path).expanduser(), always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise ValueError(f"{path}: no sound file that libsndfile can read ({error})") from None
    y = y[: math.ceil(seconds * rate)].mean(axis=1)
    if not len(y) or np.abs(y).max() == 0:
        raise ValueError(f"{path}: its first {seconds:g} seconds are silent")
    common = math.gcd(RATE, rate)
    y = resample_poly(y, RATE // common, rate // common)
    return torch.from_numpy(0.5 * y / np.abs(y).max()).float()


def write_as(
    y: Float[Tensor, " samples"], name: str, level: float, mode: str | None = None
) -> bytes:
    """A whole file in memory. level: libsndfile's compression_level, 0 (large) to SMALLEST."""
    import soundfile

    container, subtype, _ = FORMATS[name]
    file = io.BytesIO()
    options = {"bitrate_mode": mode} if mode else {}
    soundfile.write(
        file, y.numpy(), RATE, subtype, format=container, compression_level=level, **options
    )
    return file.getvalue()


def decoded_by_soundfile(data: bytes) -> Float[Tensor, " samples"]:
    """The samples of a whole file in memory, as a float32 tensor."""
    import soundfile

    return torch.from_numpy(soundfile.read(io.BytesIO(data), dtype="float32")[0])


def best_file(
    y: Float[Tensor, " samples"], name: str, max_bytes: int
) -> tuple[bytes, Float[Tensor, " samples"]]:
    """(file, y_hat aligned) of the best SNR among a format's files of at most max_bytes.

    Every mode is searched by halving the range of levels; the smallest file of all comes back
    where none is small enough.
    """
    tried = []
    for mode in FORMATS[name][2]:
        low, level, high = 0.0, SMALLEST, SMALLEST
        for _ in range(10):
            data = write_as(y, name, level, mode)
            tried.append(data)
            too_large = len(data) > max_bytes
            if (too_large and level == SMALLEST) or 0.985 * max_bytes < len(data) <= max_bytes:
                break  # even the smallest is too large; or as good as full
            low, high = (level, high) if too_large else (low, level)
            level = (low + high) / 2
    small = [data for data in tried if len(data) <= max_bytes] or [min(tried, key=len)]
    aligned = [(data, align(y, decoded_by_soundfile(data))[2]) for data in small]
    return max(aligned, key=lambda pair: snr(y, pair[1]))


def container_bytes(data: bytes) -> int:
    """Bytes of a file that hold no sound: an Ogg file's page headers and the packets before the
    first sound (for Vorbis its code tables); an MP3 file's frame headers and its first frame.
    """
    if data[:4] == b"OggS":
        total = at = 0
        while at < len(data):
            lengths = data[at + 27 : at + 27 + data[at + 26]]
            (position,) = struct.unpack_from("<q", data, at + 6)  # 0 before the first sound
            header, body = 27 + len(lengths), sum(lengths)
            total += header + (body if position == 0 else 0)
            at += header + body
        return total
    kilobits = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # MPEG-2, layer III
    total = at = 0
    while at + 4 <= len(data):
        rate, padded = kilobits[data[at + 2] >> 4], (data[at + 2] >> 1) & 1
        size = 72_000 * rate // RATE + padded
        total += size if at == 0 else 4
        at += size
    return total
