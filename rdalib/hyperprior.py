"""The hyperprior: side information h that tells the decoder how large z is, and where.

A factorised prior gives a channel one density for every place of every photograph. Here a second,
smaller pair of networks describes z: h is computed from z, rounded and coded first; from it the
decoder computes a mean and a scale for every single latent, and p(z given h) is a Gaussian with
that mean and scale, integrated over the bin. The bits of h pay for themselves.

Encoder and decoder must agree on every scale to the last bit, since it says which table a latent
is coded with. Floating-point networks do not agree between machines; `IntegerSynthesis` computes
with integers alone.

Source: Balle, Minnen, Singh, Hwang, Johnston, ICLR 2018; Minnen, Balle, Toderici, NeurIPS 2018
(mean and scale); Balle, Johnston, Minnen, ICLR 2019 (integer networks).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F

from rdalib.priors import LearnedCdf, log_difference

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Int16, Int32
    from torch import Tensor

SIDE_STRIDE = 4  # one vector of h for each 4 x 4 vectors of z: 64 x 64 pixels
SMALLEST_SCALE = 0.11  # in units of the step: a bin cannot be surer than this


def gaussian_nats(deviation: Float[Tensor, "*shape"], scale: Tensor) -> Float[Tensor, "*shape"]:
    """-ln of the mass of the bin [-1/2, 1/2] around `deviation`, under a Gaussian at 0.

    deviation: latent minus mean, in units of the step; scale: standard deviation in the same
    units, at least 0.11 for float32. Tensors that broadcast against each other.
    """
    left = -deviation.abs()  # the same mass by symmetry, in the tail that keeps its digits
    log_below_lower = torch.special.log_ndtr((left - 0.5) / scale)
    log_below_upper = torch.special.log_ndtr((left + 0.5) / scale)
    return -log_difference(log_below_upper, log_below_lower)


class Hyperprior(nn.Module):
    """z to h and, from h, the mean and scale of every latent.

    latent: M channels; side_channels: K. Means and scales are in the units of z, so that one
    network serves every lambda: dividing by the step is left to the caller.
    """

    units: Tensor  # (M,)

    def __init__(self, latent: int = 192, side_channels: int = 64, hidden: int = 96) -> None:
        super().__init__()
        self.analysis = nn.Sequential(
            nn.Conv2d(latent, hidden, 3, padding=1),  # (B, A, h, w)
            nn.ReLU(),
            nn.Conv2d(hidden, hidden, 5, stride=2, padding=2),  # (B, A, h/2, w/2)
            nn.ReLU(),
            nn.Conv2d(hidden, side_channels, 5, stride=2, padding=2),  # (B, K, h/4, w/4)
        )
        self.synthesis = nn.Sequential(
            nn.Conv2d(side_channels, 4 * hidden, 3, padding=1),
            nn.PixelShuffle(2),  # (B, A, h/2, w/2)
            nn.ReLU(),
            nn.Conv2d(hidden, 4 * hidden, 3, padding=1),
            nn.PixelShuffle(2),  # (B, A, h, w)
            nn.ReLU(),
            nn.Conv2d(hidden, 2 * latent, 1),  # (B, 2 M, h, w)
        )
        self.prior = LearnedCdf(side_channels)
        self.register_buffer("units", torch.ones(latent))  # the standard deviation of channels
        last: Any = self.synthesis[-1]
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def analyse(self, z: Float[Tensor, "B M h w"]) -> Float[Tensor, "B K h/4 w/4"]:
        """z (B, M, h, w), h and w multiples of 4, to h (B, K, h/4, w/4), before its step."""
        # asinh is linear for small values and logarithmic for large ones, of either sign.
        # The factor makes h large enough at the start to survive rounding to integers.
        return 10 * self.analysis(torch.asinh(8 * z / self.units[:, None, None])).float()

    def synthesise(
        self, h: Float[Tensor, "B K h/4 w/4"]
    ) -> tuple[Float[Tensor, "B M h w"], Float[Tensor, "B M h w"], Float[Tensor, "B A h w"]]:
        """h (B, K, h/4, w/4) to (mean, log2 of the scale), each (B, M, h, w), in z's units.

        And the features that the last layer computes them from, (B, A, h, w).
        """
        features = self.synthesis[:-1](h)
        mean, log_scale = self.synthesis[-1](features).float().chunk(2, dim=1)
        units = self.units[:, None, None]
        return mean * units, log_scale + units.log2(), features.float()


# The same hyper-synthesis in integers

ONE = 2**12  # h, activations, means and scales are integer multiples of 1 / ONE
WEIGHT_ONE = 2**14  # weights are integer multiples of 1 / WEIGHT_ONE
LARGEST_WEIGHT = 2**15 - 1  # so that 16 bits hold one
LARGEST_ACTIVATION = 2**22


def in_float64(
    weights: Sequence[Int16[Tensor, "*shape"]], biases: Sequence[Int32[Tensor, " out"]]
) -> tuple[list[Float[Tensor, "out in"]], list[Float[Tensor, "out 1"]]]:
    """Layers in integers as (matrices, offsets) in float64, whose sums floor rounds half up.

    They are divided by WEIGHT_ONE, a power of two: exact. The half is in the offsets.
    """
    matrices = [weight.flatten(1).double() / WEIGHT_ONE for weight in weights]
    return matrices, [ONE * bias.double()[:, None] / WEIGHT_ONE + 0.5 for bias in biases]


class IntegerSynthesis:
    """h to means and log2 scales by integer arithmetic: alike on every machine, to the last bit.

    All numbers are integers held in float64, where sums and products are exact below 2^53. The
    largest possible sum has 9 * 96 terms of 2^15 * 2^22: below 2^47. So no order of summation,
    vector width or number of threads changes a result. Only matrix products and shifts are
    used: a library's convolution might go through a Fourier transform, which rounds.
    """

    def __init__(
        self,
        weights: Sequence[Int16[Tensor, "out in k k"]],
        biases: Sequence[Int32[Tensor, " out"]],
    ) -> None:
        """weights: three int tensors (out, in, k, k); biases: three int tensors (out,)."""
        self.weights, self.biases = tuple(weights), tuple(biases)
        self.matrices, self.offsets = in_float64(weights, biases)

    @classmethod
    def of(cls, synthesis: nn.Sequential) -> IntegerSynthesis:
        """The nearest integers to a trained hyper-synthesis, an nn.Sequential."""
        layers: list[Any] = [layer for layer in synthesis if isinstance(layer, nn.Conv2d)]
        weights = [torch.round(layer.weight.detach() * WEIGHT_ONE) for layer in layers]
        biases = [torch.round(layer.bias.detach() * WEIGHT_ONE) for layer in layers]
        weights = [w.clamp(-LARGEST_WEIGHT, LARGEST_WEIGHT).to(torch.int16) for w in weights]
        return cls(weights, [b.to(torch.int32) for b in biases])

    def copy_to(self, synthesis: nn.Sequential) -> None:
        """Set the floating-point hyper-synthesis to the weights of this one.

        Raises: ValueError unless these are int16 and int32 tensors of the same shapes.
        """
        layers: list[Any] = [layer for layer in synthesis if isinstance(layer, nn.Conv2d)]
        with torch.no_grad():
            for layer, weight, bias in zip(layers, self.weights, self.biases, strict=True):
                if (weight.dtype, bias.dtype) != (torch.int16, torch.int32) or (
                    (weight.shape, bias.shape) != (layer.weight.shape, layer.bias.shape)
                ):
                    what = f"{weight.dtype} {tuple(weight.shape)}, {bias.dtype} {tuple(bias.shape)}"
                    raise ValueError(f"a layer of the hyper-synthesis is {what}")
                layer.weight.copy_(weight.float() / WEIGHT_ONE)
                layer.bias.copy_(bias.float() / WEIGHT_ONE)

    def __call__(self, h: Int[Tensor, "K h/4 w/4"]) -> Int[Tensor, "2*M h w"]:
        """h, int64 tensor (K, h/4, w/4) in units of 1 / ONE, to int64 (2 M, h, w), likewise."""
        return self.last(self.features(h))

    def features(self, h: Int[Tensor, "K h/4 w/4"]) -> Int[Tensor, "A h w"]:
        """What the last layer is given: int64 (A, h, w), in units of 1 / ONE."""
        u = h
        for layer in range(len(self.weights) - 1):
            u = F.pixel_shuffle(self._convolved(u, layer), 2).clamp(min=0)
        return u.long()

    def last(self, features: Int[Tensor, "A h w"]) -> Int[Tensor, "2*M h w"]:
        """Means and log2 scales from the features: int64 (2 M, h, w), in units of 1 / ONE."""
        return self._convolved(features, len(self.weights) - 1).long()

    def _convolved(self, u: Tensor, layer: int) -> Float[Tensor, "C h w"]:
        u = u.double().clamp(-LARGEST_ACTIVATION, LARGEST_ACTIVATION)
        (rows, columns), kernel = u.shape[1:], self.weights[layer].shape[2]
        patches = F.unfold(u[None], kernel, padding=kernel // 2)[0]  # (in k k, rows * columns)
        sums = torch.addmm(self.offsets[layer], self.matrices[layer], patches)
        return sums.floor_().reshape(-1, rows, columns)
