"""A codec you can see: a rate-distortion autoencoder on points of the plane.

A point y is two numbers. The analysis makes two latents z of it, which are rounded; from the two
integers the synthesis makes y_hat. All points with the same integers form a cell, and their
common y_hat is the cell's code point: the whole codec fits into one picture. Rates are in bits
per point, distortions are squared errors summed over both coordinates.
Source: J. Balle and others, "Nonlinear Transform Coding", IEEE JSTSP 2021, on such sources.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import nn

from rdalib.priors import Gaussian, Prior, interval_nats, nats_to_bits
from rdalib.quantization import add_uniform_noise, round_half_up

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    Distortion = Callable[[Tensor, Tensor], Tensor]

AXES = (3.0, 1.0)  # standard deviations along the ellipse of the Gaussian and across it
ANGLE = math.radians(30)  # of its long axis
THICKNESS, BEND = 0.5, 0.15  # of the banana, whose length is that of the ellipse


def gaussian_points(count: int, generator: torch.Generator | None = None) -> Float[Tensor, "n 2"]:
    """Points of a Gaussian whose coordinates are correlated, (count, 2)."""
    along, across = (torch.randn(count, 2, generator=generator) * torch.tensor(AXES)).T
    cos, sin = math.cos(ANGLE), math.sin(ANGLE)
    return torch.stack((cos * along - sin * across, sin * along + cos * across), dim=1)


def banana_points(count: int, generator: torch.Generator | None = None) -> Float[Tensor, "n 2"]:
    """Points of a Gaussian that was bent: y_2 = x_2 + BEND (x_1^2 - its mean), (count, 2)."""
    x_1, x_2 = torch.randn(count, 2, generator=generator).T
    x_1 = AXES[0] * x_1
    return torch.stack((x_1, THICKNESS * x_2 + BEND * (x_1**2 - AXES[0] ** 2)), dim=1)


def gaussian_limit(distortion: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Shannon's R(D) of the Gaussian points, in bits per point, by reverse water-filling.

    distortion: float tensor, 0 < D < 10. Both axes get the same error, up to their variance.
    """
    small, large = AXES[1] ** 2, AXES[0] ** 2
    across = (distortion / 2).clamp(max=small)
    along = (distortion - across).clamp(max=large)
    return 0.5 * torch.log2(small / across) + 0.5 * torch.log2(large / along)


def banana_limit(distortion: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Shannon's lower bound for the banana points, in bits per point: h - log2(pi e D).

    Bending moves area without stretching it: h is that of the Gaussian before it was bent.
    """
    entropy = math.log2(2 * math.pi * math.e * AXES[0] * THICKNESS)
    return (entropy - torch.log2(math.pi * math.e * distortion)).clamp(min=0)


class Perceptron(nn.Module):
    """A linear map, the identity at first, and a small network beside it that starts at zero."""

    def __init__(self, hidden: int = 32) -> None:
        super().__init__()
        self.linear = identity()
        last = nn.Linear(hidden, 2)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        middle = nn.Linear(hidden, hidden)
        self.bent = nn.Sequential(nn.Linear(2, hidden), nn.Tanh(), middle, nn.Tanh(), last)

    def forward(self, x: Float[Tensor, "*n 2"]) -> Float[Tensor, "*n 2"]:
        return self.linear(x) + self.bent(x)


def identity() -> nn.Linear:
    """A linear map of the plane that does nothing as yet."""
    linear = nn.Linear(2, 2)
    nn.init.eye_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear


class PointCodec(nn.Module):
    """Analysis, synthesis and a prior of the two latents.

    transform: makes a map from points (n, 2) to points; one is made for each direction.
    prior: a module of rdalib.priors; by default one Gaussian for both latents.
    """

    def __init__(
        self, transform: Callable[[], nn.Module] = identity, prior: Prior | None = None
    ) -> None:
        super().__init__()
        self.analysis, self.synthesis = transform(), transform()
        self.prior: Prior = Gaussian(0.0, 2.0) if prior is None else prior

    def rate_bits(self, z: Float[Tensor, "n 2"]) -> Float[Tensor, " n"]:
        """-log2 of the mass of the bins around latents z, (n, 2), in bits per point, (n,)."""
        return nats_to_bits(interval_nats(self.prior, z, 1.0)).sum(dim=1)


def squared_error(y: Float[Tensor, "n 2"], y_hat: Float[Tensor, "n 2"]) -> Float[Tensor, " n"]:
    """The squared distance of each point from its reconstruction, (n,)."""
    return (y_hat - y).square().sum(dim=1)


def noisy_loss(
    codec: PointCodec, y: Float[Tensor, "n 2"], lam: float, distortion: Distortion = squared_error
) -> Tensor:
    """rate + lam * Dist with noise in place of rounding, the mean over the points y, (n, 2)."""
    z_noisy = add_uniform_noise(codec.analysis(y))
    return (codec.rate_bits(z_noisy) + lam * distortion(y, codec.synthesis(z_noisy))).mean()


def train(
    codec: PointCodec,
    source: Callable[[int], Tensor],
    lam: float,
    loss: Callable[..., Tensor] = noisy_loss,
    steps: int = 400,
    batch: int = 256,
    learning_rate: float = 0.02,
    watch: Callable[..., object] | None = None,
) -> PointCodec:
    """Minimise the loss on fresh points of the source, and return the codec.

    watch: called with the number of the step before each one, to draw pictures on the way.
    """
    optimizer = torch.optim.Adam(codec.parameters(), learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        if watch:
            watch(step)
        optimizer.zero_grad()
        loss(codec, source(batch), lam).backward()
        optimizer.step()
        schedule.step()
    return codec


@torch.no_grad()
def measure(
    codec: PointCodec,
    y: Float[Tensor, "n 2"],
    quantization: Callable[[Tensor], Tensor] = round_half_up,
) -> tuple[float, float]:
    """(bits, squared error), means over the points y, (n, 2).

    quantization: round_half_up, as in a file, or add_uniform_noise.
    """
    z = quantization(codec.analysis(y))
    distortion = squared_error(y, codec.synthesis(z))
    return codec.rate_bits(z).mean().item(), distortion.mean().item()


@torch.no_grad()
def code_points(codec: PointCodec, y: Float[Tensor, "n 2"]) -> tuple[Tensor, Tensor, Tensor]:
    """Cells of points y, (n, 2): integers (k, 2), code points (k, 2), shares of the points (k,)."""
    integers, counts = torch.unique(round_half_up(codec.analysis(y)), dim=0, return_counts=True)
    return integers, codec.synthesis(integers), counts / len(y)


@torch.no_grad()
def look(
    codec: PointCodec, y: Float[Tensor, "n 2"], reach: float = 9.0, lines: int = 241
) -> tuple[Tensor, ...]:
    """What plots.cells draws of a codec, with the points y, (n, 2), as samples.

    Returns y; an axis from -reach to reach, (lines,); the latents z on the square grid over it,
    (lines, lines, 2), where z[i, j] is that of the point (axis[j], axis[i]); and code_points(y).
    """
    axis = torch.linspace(-reach, reach, lines)
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), dim=-1)  # (lines, lines, 2)
    return y, axis, codec.analysis(grid), *code_points(codec, y)
