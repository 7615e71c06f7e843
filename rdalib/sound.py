"""Sound for lesson 13: the MDCT, log-mel spectra, signal-to-noise ratio, alignment.

y: float32 tensor (samples,), one channel, RATE samples a second, in [-1, 1].
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from scipy.signal import correlate
from torch.nn import functional as F

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

RATE = 16_000  # samples a second
FLOOR_DB = -70.0  # what is quieter than this counts as silence


def mdct_basis(n: int) -> Float[Tensor, "n two_n"]:
    """The n windowed cosines of 2n samples whose shifts by n are an orthonormal basis, (n, 2n).

    Source: Princen, Johnson and Bradley, 1987, with the sine window.
    """
    t = torch.arange(2 * n, dtype=torch.float64) + 0.5
    k = torch.arange(n, dtype=torch.float64)[:, None] + 0.5
    window = torch.sin(math.pi * t / (2 * n))
    return math.sqrt(2 / n) * window * torch.cos(math.pi / n * (t + n / 2) * k)


def frames(y: Float[Tensor, "*B samples"], n: int) -> Float[Tensor, "*B T two_n"]:
    """Pieces of 2n samples, a new one every n: (..., samples) to (..., T, 2n), zeros outside."""
    samples = y.shape[-1]
    count = math.ceil(samples / n) + 1
    return F.pad(y, (n, count * n - samples)).unfold(-1, 2 * n, n)


def overlap_add(pieces: Float[Tensor, "*B T two_n"], samples: int) -> Float[Tensor, "*B samples"]:
    """The transpose of `frames`: (..., T, 2n) to (..., samples), overlapping halves added."""
    n = pieces.shape[-1] // 2
    left, right = pieces[..., :n], pieces[..., n:]
    return (right[..., :-1, :] + left[..., 1:, :]).flatten(-2)[..., :samples]


def mel_filters(bands: int = 40, size: int = 512) -> Float[Tensor, "bands bins"]:
    """Triangles, equally wide on the mel scale m = 2595 log10(1 + f / 700): (bands, size/2 + 1)."""
    top = 2595 * math.log10(1 + RATE / 2 / 700)
    edges = 700 * (10 ** (torch.linspace(0, top, bands + 2, dtype=torch.float64) / 2595) - 1)
    f = torch.arange(size // 2 + 1) * RATE / size
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return torch.minimum((f - low) / (middle - low), (high - f) / (high - middle)).clamp(min=0)


def log_mel(
    y: Float[Tensor, " samples"], size: int = 512, hop: int = 128
) -> Float[Tensor, "bands T"]:
    """Power in mel bands over time in dB, (bands, T); a sine of amplitude 1 is about 0 dB."""
    window = torch.hann_window(size, dtype=torch.float64)
    spectrum = torch.stft(y.double(), size, hop, window=window, return_complex=True)
    power = mel_filters(size=size) @ (2 * spectrum.abs() / window.sum()).square()
    return 10 * torch.log10(power + 10 ** (FLOOR_DB / 10))


def snr(y: Float[Tensor, " samples"], y_hat: Float[Tensor, " samples"]) -> float:
    """Signal-to-noise ratio in dB: the power of y over the power of the error."""
    y, error = y.double(), (y_hat - y).double()
    return 10 * math.log10(float(y.square().sum() / error.square().sum()))


def align(
    y: Float[Tensor, " samples"], decoded: Float[Tensor, " any"]
) -> tuple[int, float, Float[Tensor, " samples"]]:
    """`decoded` with its delay and gain undone, by cross-correlation, at the length of y.

    Returns (delay in samples, gain, float32 tensor of y's shape). An encoder's delay, or a level
    5 % lower, is nothing that anybody hears, and without this would look like a large error.
    """
    delay = int(correlate(decoded.numpy(), y.numpy()).argmax()) - (len(y) - 1)
    moved = F.pad(decoded[max(delay, 0) :], (max(-delay, 0), len(y)))[: len(y)]
    gain = float((moved @ y) / (y @ y))
    return delay, gain, moved * float((moved @ y) / (moved @ moved))
