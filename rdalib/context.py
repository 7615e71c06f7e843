"""The context model: what has been decoded already says where the next latents lie.

The hyperprior describes z by h, one vector for 64 x 64 pixels. Much of what a latent holds is in
its neighbours, which the decoder has by then: the mean colour of a block is nearly that of the
block to its left, and a channel is large where the channels before it are. So the latents are
coded one group after the other, and networks move each mean and each scale by what was decoded:

    channels 0 to 7     place by place in raster order, from the twelve decoded places around
    channels 8 to 31    all places at once, from channels 0 to 7 in 3 x 3 places
    channels 32 to 95   likewise, and from channels 8 to 31 at the same place
    channels 96 to M    likewise, and from channels 8 to 95

Everything is seen relative to the hyperprior, in units of its scale: r = (decoded - mean) / scale.
The encoder has to go the decoder's way, since its roundings depend on the means that move.

Source: Minnen, Balle, Toderici, NeurIPS 2018 (autoregressive prior); Minnen, Singh, ICIP 2020
(channel-conditional); the networks in integers as in hyperprior.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from rdalib.hyperprior import SMALLEST_SCALE
from rdalib.quality import LEVELS
from rdalib.quantization import round_half_up

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

    Quantize = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]  # see ContextModel.forward

BOUNDARIES = (8, 32, 96)  # channels at which the second, third and fourth group begin
HIDDEN = (32, 48, 48, 48)
REACH = 2  # of the raster's window: rows above and columns beside
LARGEST_RATIO = 128  # of r: beyond it nothing more is learned from the size
LARGEST_CHANGE = 5.0  # of a log2 scale
SMALLEST_LOG2, LARGEST_LOG2 = -3.5, 7.0  # scales, in steps, that r is measured by
POWERS = 3  # of the quality that the networks see


def groups_of(latent: int) -> list[tuple[int, int]]:
    """[(first channel, one after the last), ...] of the groups, for M latent channels."""
    ends = [boundary for boundary in BOUNDARIES if boundary < latent]
    return list(zip([0, *ends], [*ends, latent], strict=True))


class ContextNetwork(nn.Module):
    """From a column of inputs to how far means and log2 scales move, one for each channel.

    A network of one hidden layer and another; in the raster a linear map beside it, too.
    """

    def __init__(self, inputs: int, channels: int, hidden: int, linear: bool) -> None:
        super().__init__()
        last = nn.Conv1d(hidden, 2 * channels, 1)
        nn.init.zeros_(last.weight)  # the hyperprior as it is, to begin with
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        self.layers = nn.ModuleList(
            (nn.Conv1d(inputs, hidden, 1), nn.Conv1d(hidden, hidden, 1), last)
        )
        self.linear = nn.Conv1d(inputs, 2 * channels, 1, bias=False) if linear else None
        if self.linear is not None:
            nn.init.zeros_(self.linear.weight)

    def forward(self, x: Float[Tensor, "B inputs n"]) -> tuple[Tensor, Tensor]:
        """x (B, inputs, n) to (shift of the mean in scales, change of the log2 scale)."""
        u = self.layers[2](F.relu(self.layers[1](F.relu(self.layers[0](x)))))
        if self.linear is not None:
            u = u + self.linear(x)
        shift, change = u.chunk(2, dim=1)  # (B, channels, n) each
        return shift, change.clamp(-LARGEST_CHANGE, LARGEST_CHANGE)


def weights_of(network: nn.Module) -> list[nn.Parameter]:
    """Of the layers of a ContextNetwork and, in the raster, of its linear map."""
    return [p for name, p in network.named_parameters() if name.endswith("weight")]


def biases_of(network: nn.Module) -> list[nn.Parameter]:
    """Of the layers of a ContextNetwork."""
    return [p for name, p in network.named_parameters() if name.endswith("bias")]


class ContextModel(nn.Module):
    """Means and scales of the hyperprior, moved by what was decoded. latent: M channels.

    features: channels of the hyper-synthesis before its last layer, which the networks see, too.
    """

    def __init__(self, latent: int = 288, features: int = 96) -> None:
        super().__init__()
        self.groups = groups_of(latent)
        common, first = features + POWERS, self.groups[0][1]
        inputs = [common + 2 * first * len(causal_places())]
        inputs += [common + 2 * first * 9 + 2 * (low - first) for low, _ in self.groups[1:]]
        self.networks = nn.ModuleList(
            ContextNetwork(n, high - low, hidden, linear=low == 0)
            for n, (low, high), hidden in zip(inputs, self.groups, HIDDEN, strict=False)
        )

    def forward(
        self,
        u: Float[Tensor, "B M h w"],
        mean: Float[Tensor, "B M h w"],
        log_scale: Float[Tensor, "B M h w"],
        features: Float[Tensor, "B A h w"],
        quality: Float[Tensor, " B"],
        quantize: Quantize,
        passes: int = 1,
        through: bool = False,
    ) -> tuple[Tensor, ...]:
        """Differentiably, with all that is decoded known at once.

        u, mean, log_scale: (B, M, h, w): z, its mean and log2 of its scale in units of the step;
        features (B, A, h, w); quality (B,); quantize: a function of u and its mean to (what the
        rate is counted on, what is decoded); passes: over the raster, see below; through: whether
        gradients go through what is decoded to what is predicted from it. Returns (what
        the rate is counted on, log2 of its scale, what is decoded), each (B, M, h, w).
        """
        spread = spread_of(log_scale)
        powers = torch.stack(
            [(quality / (LEVELS - 1) * 2 - 1) ** (k + 1) for k in range(POWERS)], dim=1
        )
        powers = powers[..., None, None].expand(-1, -1, *u.shape[2:])
        common = torch.cat((features, powers), dim=1)
        done: list[Tensor] = []  # r of each group
        coded: list[list[Tensor]] = []  # what is returned
        for network, (low, high) in zip(self.networks, self.groups, strict=True):
            own = u[:, low:high], mean[:, low:high], log_scale[:, low:high], spread[:, low:high]
            if low == 0:
                # A mean depends on roundings around it, which depend on their means: a first
                # guess from the hyperprior's means, then again from the last guess. Every pass
                # makes at least one wavefront more exact; one is nearly right.
                with torch.no_grad():
                    r = round_half_up(own[0] - own[1]) / own[3]
                    for _ in range(passes):
                        before = r
                        r = self._group(network, self.inputs(common, r, low), *own, _rounded)[-1]
                        if passes > 1 and torch.equal(r, before):
                            break
                if through:
                    r = r + (own[0] - own[0].detach()) / own[3]
                x = self.inputs(common, r, low)
            else:
                x = self.inputs(common, torch.cat(done, dim=1), low)
            *results, r = self._group(network, x, *own, quantize)
            done.append(r if through else r.detach())
            coded.append(results)
        return tuple(torch.cat(parts, dim=1) for parts in zip(*coded, strict=True))

    @staticmethod
    def _group(
        network: nn.Module,
        x: Tensor,
        u: Tensor,
        mean: Tensor,
        log_scale: Tensor,
        spread: Tensor,
        quantize: Quantize,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        shift, change = (t.reshape(u.shape) for t in network(x))
        deviation, decoded = quantize(u, mean + shift * spread)
        r = (decoded - mean) / spread
        return deviation, log_scale + change, decoded, r

    def inputs(
        self, common: Float[Tensor, "B A+3 h w"], r: Float[Tensor, "B C h w"], low: int
    ) -> Float[Tensor, "B inputs n"]:
        """The columns of inputs (B, inputs, h * w) of the group that begins at channel `low`.

        common (B, A + 3, h, w): what all groups see; r (B, channels, h, w): of the group itself,
        of which the causal places are taken, or of all groups before it.
        """
        first = self.groups[0][1]
        side = 2 * REACH + 1 if low == 0 else 3
        window = F.unfold(sizes(r[:, :first]), side, padding=side // 2)  # (B, 2 first side^2, n)
        if low == 0:
            places = causal_places()
            window = window.unflatten(1, (-1, side**2))[:, :, : len(places)].flatten(1, 2)
        rest = sizes(r[:, first:low]).flatten(2)
        return torch.cat((common.flatten(2), window, rest), dim=1)


def _rounded(u: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    return u - mean, round_half_up(u - mean) + mean


def causal_places() -> list[tuple[int, int]]:
    """(rows, columns) from a place to those of a 5 x 5 window that raster order decodes first."""
    window = range(-REACH, REACH + 1)
    return [(i, j) for i in window for j in window if (i, j) < (0, 0)]


def wavefronts(height: int, width: int) -> Iterator[Int[np.ndarray, " k"]]:
    """Places of a grid in an order in which each comes after its causal window, many at a time.

    Row i is REACH + 1 columns behind row i - 1, so that the window's right end is there already.
    """
    lag = REACH + 1
    for time in range(width + lag * (height - 1)):
        rows = np.arange(max(0, -(-(time - width + 1) // lag)), min(height - 1, time // lag) + 1)
        yield rows * width + time - lag * rows


def spread_of(log_scale: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """How far what is decoded may lie from the mean: the scale and the rounding, in steps."""
    scale = log_scale.clamp(SMALLEST_LOG2, LARGEST_LOG2).exp2()
    return (scale.square() + SMALLEST_SCALE**2 + 1 / 12).sqrt()


def sizes(r: Float[Tensor, "B C *n"]) -> Float[Tensor, "B 2C *n"]:
    """r (B, C, ...) as the networks see it, (B, 2 C, ...): compressed, with and without sign."""
    r = r.clamp(-LARGEST_RATIO, LARGEST_RATIO)
    return torch.cat((r.asinh(), r.abs().log1p()), dim=1)
