"""The rate-distortion autoencoder: y -> z -> z_noisy or z_rounded -> y_hat, and its loss.

One set of weights serves every lambda. The networks and the density p(z) know nothing of lambda;
only the step sizes do. Latent channel c is measured in units of its step, so that rounding to
integers means rounding z to multiples of the step: coarse steps give small files, fine steps
good pictures. With one lambda and all steps equal to one, this is the autoencoder of the slides.

Source: TTIC 31230, "Rate-Distortion Autoencoders"; Balle et al., ICLR 2017, equation 9.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from rdalib.context import ContextModel
from rdalib.hyperprior import SMALLEST_SCALE, Hyperprior, gaussian_nats
from rdalib.priors import LearnedCdf, interval_nats, nats_to_bits
from rdalib.quality import LEVELS, quality_to_lambda
from rdalib.quantization import add_uniform_noise, round_half_up, round_straight_through
from rdalib.transforms import STRIDE, Analysis, Synthesis, principal_components

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

ESCAPE_NATS = 24 * math.log(2)  # a latent outside its table costs no more than about 24 bits
TYPICAL_LOSS = 10.0  # of a patch
ANCHORS = 8  # lambdas at which the steps are learned; in between, their logarithm is linear


def high_rate_step(lam: Any) -> Any:
    """The step that minimises rate + lam * distortion for an orthonormal transform at high rate.

    With n coefficients for P pixels of 3 colours, rate = const - n log2(step) / P bits per pixel
    and distortion = 255^2 n (step^2 / 12) / (3 P); the derivative of rate + lam * distortion
    is zero at step^2 = 18 / (255^2 lam ln 2). lam: number or tensor.
    """
    return (18 / (math.log(2.0) * lam)) ** 0.5 / 255


@dataclass(frozen=True)
class Output:
    """What a training step needs. B photographs of H x W pixels."""

    y_hat: torch.Tensor  # (B, 3, H, W), not clamped
    rate_bpp: torch.Tensor  # (B,), bits per pixel
    distortion: torch.Tensor  # (B,), mean squared error on the 0..255 scale

    def losses(self, lam: Float[Tensor, " B"]) -> Float[Tensor, " B"]:
        """Of training: (rate + lam * distortion) / sqrt(lam).

        rate + lam * distortion grows about as sqrt(lam): the division keeps all lambdas in play.
        """
        return (self.rate_bpp + lam * self.distortion) / lam.sqrt()


def relative_losses(losses: Float[Tensor, " B"]) -> Float[Tensor, " B"]:
    """What a run with `relative` minimises: log(1 + loss), times a patch's typical loss.

    In it a per cent of a smooth patch counts nearly as much as one of a busy patch with ten times
    its loss. The factor keeps gradients as large as those of the losses themselves.
    """
    return TYPICAL_LOSS * losses.log1p()


class RateDistortionAutoencoder(nn.Module):
    """Analysis, synthesis, density and step sizes. hidden: N channels; latent: M channels.

    side_channels: K, of side information h. With none (0) the prior is factorised: one learned
    density a channel. With some it is a hyperprior. convolved: how many of the latent channels
    the convolutional paths have a part in, by default all. context: whether a context model
    moves the hyperprior's means and scales.
    """

    def __init__(
        self,
        hidden: int = 128,
        latent: int = 192,
        side_channels: int = 0,
        convolved: int | None = None,
        context: bool = False,
    ) -> None:
        super().__init__()
        self.analysis = Analysis(hidden, latent, convolved)
        self.synthesis = Synthesis(hidden, latent, convolved)
        if side_channels:
            self.hyperprior = Hyperprior(latent, side_channels)
            self.log_side_steps = nn.Parameter(torch.zeros(ANCHORS, side_channels))
            if context:
                self.context = ContextModel(latent)
        else:
            self.prior = LearnedCdf(latent)
        lambdas = quality_to_lambda(torch.linspace(0, LEVELS - 1, ANCHORS))
        self.log_steps = nn.Parameter(high_rate_step(lambdas).log()[:, None].repeat(1, latent))
        self.log_gains = nn.Parameter(torch.zeros(ANCHORS, latent))

    @torch.no_grad()
    def start_from_principal_components(self, blocks: Float[Tensor, "n 768"]) -> None:
        """Set the linear paths to the principal components of photographs, the prior to match.

        blocks: float tensor (n, 768), 16 x 16 blocks of y - 0.5 in the order (3, 16, 16).
        """
        latent = self.log_steps.shape[1]
        directions, deviations = principal_components(blocks, latent)
        path: Any
        for path in (self.analysis.linear, self.synthesis.linear):
            path.weight.copy_(directions.reshape(latent, 3, STRIDE, STRIDE))
            path.bias.zero_()
        if hasattr(self, "hyperprior"):
            self.hyperprior.units.copy_(deviations)
        else:
            self.prior = LearnedCdf(latent, scale=deviations / 2)
        noise_variance = torch.exp(2 * self.log_steps) / 12
        self.log_gains.copy_(-torch.log1p(noise_variance / deviations**2))

    @torch.no_grad()
    def start_from(self, weights: dict[str, Tensor]) -> None:
        """Take the networks of another autoencoder, and of its prior what has the same shape.

        weights: its state dict. Its latent channels are the first of this one's, which may have
        more. Raises: ValueError if it has more itself, or convolutions of another size.
        """
        own = self.state_dict()  # shares its memory with the model
        for name, tensor in weights.items():
            if name not in own:
                continue  # of the other prior
            place = own[name]
            if name.endswith(("linear.weight", "linear.bias", "log_steps", "log_gains")):
                place = place[tuple(map(slice, tensor.shape))]
            if place.shape == tensor.shape:
                place.copy_(tensor)
            elif not name.startswith(("prior", "hyperprior", "context")):
                raise ValueError("those weights are of networks of another size")

    def steps(self, quality: Float[Tensor, " B"]) -> Float[Tensor, "B M 1 1"]:
        """Step sizes at quality (B,), floats in 0..63. Returns (B, M, 1, 1)."""
        return self._between_anchors(self.log_steps, quality)

    def side_steps(self, quality: Float[Tensor, " B"]) -> Float[Tensor, "B K 1 1"]:
        """Step sizes of h at quality (B,). Returns (B, K, 1, 1)."""
        return self._between_anchors(self.log_side_steps, quality)

    def gains(self, quality: Float[Tensor, " B"]) -> Float[Tensor, "B M 1 1"]:
        """What z is multiplied by before synthesis, at most about one. Returns (B, M, 1, 1)."""
        return self._between_anchors(self.log_gains, quality)

    def _between_anchors(
        self, logarithms: Float[Tensor, "A C"], quality: Float[Tensor, " B"]
    ) -> Float[Tensor, "B C 1 1"]:
        position = quality * (ANCHORS - 1) / (LEVELS - 1)
        index = position.floor().clamp(0, ANCHORS - 2)
        fraction = (position - index)[:, None]
        index = index.long()
        return torch.lerp(logarithms[index], logarithms[index + 1], fraction).exp()[..., None, None]

    def rate_nats(
        self, z_noisy: Float[Tensor, "B M h w"], steps: Float[Tensor, "B M 1 1"]
    ) -> Float[Tensor, "B M h w"]:
        """-ln of the mass of each latent's bin. z_noisy in units of steps; (B, M, h, w)."""
        return interval_nats(self.prior, z_noisy * steps, steps)

    def forward(
        self, y: Float[Tensor, "B 3 H W"], quality: Float[Tensor, " B"], quantization: str = "noise"
    ) -> Output:
        """Compress and reconstruct, differentiably.

        y: (B, 3, H, W) in [0, 1], sides multiples of 16 (of 64 with a hyperprior); quality: (B,)
        floats in 0..63.
        quantization: "noise" (uniform noise for rate and distortion), "mixed" (noise for the
        rate, straight-through rounding into the synthesis) or "round" (rounding for both, as in
        the file; without a useful gradient). Returns Output.
        """
        steps = self.steps(quality)
        z = self.analysis(y).float()  # (B, M, H/16, W/16)
        if hasattr(self, "hyperprior"):
            nats, z_decoded = self._given_side_information(z, steps, quality, quantization)
        else:
            z_noisy, z_decoded = quantize(z / steps, quantization)
            with torch.autocast(y.device.type, enabled=False):  # probabilities need float32
                nats = self.rate_nats(z_noisy, steps).sum(dim=(1, 2, 3))
        y_hat = self.synthesis(z_decoded * steps * self.gains(quality)).float()
        pixels = y.shape[2] * y.shape[3]
        return Output(
            y_hat=y_hat,
            rate_bpp=nats_to_bits(nats) / pixels,
            distortion=255**2 * (y_hat - y).square().mean(dim=(1, 2, 3)),
        )

    def _given_side_information(
        self,
        z: Float[Tensor, "B M h w"],
        steps: Float[Tensor, "B M 1 1"],
        quality: Float[Tensor, " B"],
        quantization: str,
    ) -> tuple[Float[Tensor, " B"], Float[Tensor, "B M h w"]]:
        """Nats of h and of z given h, (B,), and the decoded z in units of steps."""
        side_steps = self.side_steps(quality)
        h_noisy, h_decoded = quantize(self.hyperprior.analyse(z) / side_steps, quantization)
        with torch.autocast(z.device.type, enabled=False):  # means and probabilities need float32
            h = h_decoded.float() * side_steps
            mean, log_scale, features = self.hyperprior.synthesise(h)
            u, mean, log_scale = z / steps, mean / steps, log_scale - steps.log2()
            if hasattr(self, "context"):
                around = partial(quantize_around, quantization=quantization)
                deviation, decoded, _, log_scale = self.context(
                    u, mean, log_scale, features, quality, around
                )
            else:
                deviation, decoded = quantize_around(u, mean, quantization)
            side_nats = interval_nats(self.hyperprior.prior, h_noisy * side_steps, side_steps)
            scale = log_scale.exp2()
            nats = gaussian_nats(deviation, (scale.square() + SMALLEST_SCALE**2).sqrt())
            nats = -torch.logaddexp(-nats, torch.full_like(nats, -ESCAPE_NATS))
        return side_nats.sum(dim=(1, 2, 3)) + nats.sum(dim=(1, 2, 3)), decoded


def quantize_around(
    u: Float[Tensor, "*shape"], mean: Float[Tensor, "*shape"], quantization: str
) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
    """u in units of the step, rounded to integers from its mean: as `quantize`, the mean added."""
    deviation, decoded = quantize(u - mean, quantization)
    return deviation, decoded + mean


def quantize(
    z: Float[Tensor, "*shape"], quantization: str
) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
    """z in units of the step to (what the rate is counted on, what the synthesis is given).

    quantization: "noise", "mixed" or "round", see `forward`. Raises: ValueError for another.
    """
    if quantization not in ("noise", "mixed", "round"):
        raise ValueError(f"no quantization {quantization!r}; there are noise, mixed and round")
    z_noisy = round_half_up(z) if quantization == "round" else add_uniform_noise(z)
    return z_noisy, round_straight_through(z) if quantization == "mixed" else z_noisy
