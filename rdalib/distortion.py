"""How far y_hat is from y: L1, L2, PSNR in RGB, luma and chroma, and MS-SSIM.

y and y_hat: float tensors (3, H, W) or (B, 3, H, W) in [0, 1]. Results are plain floats, for
measuring; losses for training are the tensors of the same formulas.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

SMALLEST_MS_SSIM_SIDE = 176
ROWS = 256  # compared at a time, in float64


def l1(y: Float[Tensor, "*B 3 H W"], y_hat: Float[Tensor, "*B 3 H W"]) -> float:
    """Mean absolute error on the 0..255 scale: -ln of a Laplace density, up to scale and C."""
    return 255 * float((y - y_hat).abs().mean())


def l2(y: Float[Tensor, "*B 3 H W"], y_hat: Float[Tensor, "*B 3 H W"]) -> float:
    """Mean squared error on the 0..255 scale: -ln of a Gaussian density, up to scale and C."""
    strips = zip(y.split(ROWS, dim=-2), y_hat.split(ROWS, dim=-2), strict=True)
    total = sum(float((part - other).double().square().sum()) for part, other in strips)
    return 255**2 * total / y.numel()


def psnr(y: Float[Tensor, "*B 3 H W"], y_hat: Float[Tensor, "*B 3 H W"]) -> float:
    """Peak signal-to-noise ratio over all pixels and channels, in dB; inf where equal."""
    squared_error = l2(y, y_hat)
    return 10 * math.log10(255**2 / squared_error) if squared_error else math.inf


def luma_chroma(
    y: Float[Tensor, "*B 3 H W"],
) -> tuple[Float[Tensor, "*B 1 H W"], Float[Tensor, "*B 2 H W"]]:
    """(Y, CbCr) of an RGB picture by BT.601 at full range, as in JPEG; Cb and Cr around zero.

    Shapes (..., 1, H, W) and (..., 2, H, W).
    """
    red, green, blue = y.split(1, dim=-3)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return luma, torch.cat(((blue - luma) / 1.772, (red - luma) / 1.402), dim=-3)


def psnr_luma_chroma(
    y: Float[Tensor, "*B 3 H W"], y_hat: Float[Tensor, "*B 3 H W"]
) -> tuple[float, float]:
    """(PSNR of Y, PSNR of Cb and Cr pooled), in dB."""
    luma, chroma = map(psnr, luma_chroma(y), luma_chroma(y_hat))
    return luma, chroma


def ms_ssim(y: Float[Tensor, "*B 3 H W"], y_hat: Float[Tensor, "*B 3 H W"]) -> float | None:
    """Multi-scale structural similarity over RGB, 1 where equal; None where a side is too short.

    Source: Wang, Simoncelli, Bovik, 2003; computed by torchmetrics with data_range 1.
    """
    if min(y.shape[-2:]) < SMALLEST_MS_SSIM_SIDE:
        return None
    from torchmetrics.functional.image import (
        multiscale_structural_similarity_index_measure as measure,
    )

    y, y_hat = (t if t.ndim == 4 else t[None] for t in (y, y_hat))
    return float(measure(y_hat, y, data_range=1.0))
