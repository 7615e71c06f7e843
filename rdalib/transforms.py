"""The two transforms: a photograph y to a latent tensor z, and back.

Each is the sum of two paths. The linear path cuts y into 16 x 16 blocks and projects them on
principal components, as JPEG projects 8 x 8 blocks on cosines. The convolutional path is the
network of Balle, Laparra and Simoncelli (ICLR 2017, section 4): strided convolutions and
generalized divisive normalization. Its last layer starts at zero, so that training begins at
the linear codec and learns what the linear codec misses.

The convolutional path may have a part in the first channels only, those of largest variance: the
others carry the fine grain that only large files show, and cost little as long as they are linear.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

STRIDE = 16  # one latent vector for each 16 x 16 block of pixels


class GDN(nn.Module):
    """Generalized divisive normalization: v_i = u_i / sqrt(beta_i + sum_j gamma_ij u_j^2).

    With inverse=True it multiplies by the square root instead (IGDN).
    Input and output: (B, C, H, W). beta > 0 and gamma >= 0 by squaring the parameters.
    Source: Balle et al., ICLR 2017, equations 1 and 2, with the exponents fixed to 2 and 1/2.
    """

    def __init__(self, channels: int, inverse: bool = False) -> None:
        super().__init__()
        self.inverse = inverse
        self.beta_root = nn.Parameter(torch.ones(channels))
        # A little of every neighbour from the start: at exactly zero the square has no gradient.
        self.gamma_root = nn.Parameter((0.1 * torch.eye(channels) + 1e-4).sqrt()[:, :, None, None])

    def forward(self, u: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        energy = F.conv2d(u * u, self.gamma_root**2, self.beta_root**2 + 1e-6)
        return u * (energy.sqrt() if self.inverse else energy.rsqrt())


class Analysis(nn.Module):
    """y (B, 3, H, W) in [0, 1], H and W multiples of 16, to z (B, M, H/16, W/16).

    hidden: N channels; latent: M channels, the first `convolved` of them from both paths (all of
    them by default), the others from the linear one.
    """

    def __init__(self, hidden: int = 128, latent: int = 192, convolved: int | None = None) -> None:
        super().__init__()
        convolved = latent if convolved is None else convolved
        self.linear_only = latent - convolved
        self.linear = nn.Conv2d(3, latent, STRIDE, stride=STRIDE)
        self.convolutional = nn.Sequential(
            nn.Conv2d(3, hidden, 9, stride=4, padding=4),  # (B, N, H/4, W/4)
            GDN(hidden),
            nn.Conv2d(hidden, hidden, 5, stride=2, padding=2),  # (B, N, H/8, W/8)
            GDN(hidden),
            nn.Conv2d(hidden, convolved, 5, stride=2, padding=2),  # (B, <= M, H/16, W/16)
        )
        _zero(self.convolutional[-1])

    def forward(self, y: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B M h w"]:
        y = y - 0.5
        more = F.pad(self.convolutional(y), (0, 0, 0, 0, 0, self.linear_only))  # by zeros, to M
        return self.linear(y) + more


class Synthesis(nn.Module):
    """z_rounded or z_noisy (B, M, H/16, W/16) to y_hat (B, 3, H, W), not clamped.

    hidden, latent, convolved: as for Analysis.
    """

    def __init__(self, hidden: int = 128, latent: int = 192, convolved: int | None = None) -> None:
        super().__init__()
        self.convolved = latent if convolved is None else convolved
        self.linear = nn.ConvTranspose2d(latent, 3, STRIDE, stride=STRIDE)
        self.convolutional = nn.Sequential(
            nn.ConvTranspose2d(self.convolved, hidden, 5, stride=2, padding=2, output_padding=1),
            GDN(hidden, inverse=True),  # (B, N, H/8, W/8)
            nn.ConvTranspose2d(hidden, hidden, 5, stride=2, padding=2, output_padding=1),
            GDN(hidden, inverse=True),  # (B, N, H/4, W/4)
            nn.ConvTranspose2d(hidden, 3, 9, stride=4, padding=4, output_padding=3),
        )
        _zero(self.convolutional[-1])

    def forward(self, z: Float[Tensor, "B M h w"]) -> Float[Tensor, "B 3 H W"]:
        u = self.convolutional[:-1](z[:, : self.convolved])
        return _in_blocks(self.linear, z) + _in_blocks(self.convolutional[-1], u) + 0.5


def _in_blocks(layer: Any, u: Float[Tensor, "B C h w"]) -> Float[Tensor, "B 3 H W"]:
    """What a transposed convolution of stride s makes of u, faster where colours are few.

    Each place of u decides on blocks of s x s pixels: a plain convolution computes them as
    3 s^2 channels, and a pixel shuffle lays them out.
    """
    stride, kernel = layer.stride[0], layer.kernel_size[0]
    reach = -(-kernel // stride)  # the kernel's width in blocks
    weight = F.pad(layer.weight, (0, reach * stride - kernel) * 2)
    weight = weight.unflatten(3, (reach, stride)).unflatten(2, (reach, stride))
    weight = weight.flip(2, 4).permute(1, 3, 5, 0, 2, 4).flatten(0, 2)  # (3 s s, in, reach, reach)
    bias = layer.bias.repeat_interleave(stride**2)
    return F.pixel_shuffle(F.conv2d(u, weight, bias, padding=reach // 2), stride)


def _zero(layer: Any) -> None:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)


def principal_components(
    blocks: Float[Tensor, "n d"], count: int
) -> tuple[Float[Tensor, "count d"], Float[Tensor, " count"]]:
    """The orthonormal directions of largest variance, and the standard deviation along each.

    blocks: float tensor (n, d), one flattened block a row, n > count.
    Returns (directions (count, d), deviations (count,)), largest first.
    """
    blocks = blocks.double()
    covariance = blocks.T @ blocks / len(blocks)  # about zero, not the mean: y - 0.5 is centred
    variances, directions = torch.linalg.eigh(covariance)  # ascending
    order = torch.arange(len(variances) - 1, len(variances) - 1 - count, -1)
    return directions[:, order].T.float(), variances[order].clamp(min=1e-12).sqrt().float()
