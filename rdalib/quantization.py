"""Rounding a latent tensor, and the additive noise that stands in for it in training.

Source: TTIC 31230, "Rate-Distortion Autoencoders", slides "Rounding a Tensor" and
"Rate-Distortion Autoencoders"; Balle, Laparra, Simoncelli, ICLR 2017, section 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


def round_half_up(z: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Round every component to the nearest integer, halves upwards: floor(z + 1/2).

    z: float tensor of any shape. Returns a tensor of the same shape and dtype.
    torch.round differs at ties: it sends them to the even neighbour.
    """
    return torch.floor(z + 0.5)


def add_uniform_noise(
    z: Float[Tensor, "*shape"], generator: torch.Generator | None = None
) -> Float[Tensor, "*shape"]:
    """Add independent noise, uniform on [-1/2, 1/2), to every component.

    z: float tensor of any shape. Returns z_noisy, same shape, dtype and device.
    The gradient of z_noisy with respect to z is one everywhere.
    """
    epsilon = torch.rand(z.shape, generator=generator, dtype=z.dtype, device=z.device) - 0.5
    return z + epsilon


def round_straight_through(z: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Round half up going forward; going backward, pretend that nothing was rounded.

    z: float tensor of any shape. Returns z_rounded with the gradient of z: biased, but it lets
    a network see the very integers that the decoder will see.
    """
    return z + (round_half_up(z) - z).detach()
