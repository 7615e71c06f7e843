"""The context model: what has been decoded already says where the next latents lie.

The hyperprior describes z by h, one vector for 64 x 64 pixels. Much of what a latent holds is in
its neighbours, which the decoder has by then: the mean colour of a block lies between those of
the blocks around it, and a channel is large where the channels before it are. So the latents are
coded one group of channels after the other, a group in turns from coarse to fine, and networks
move each mean and each scale by what was decoded:

    channels 0 to 7     in 9 turns, from the four nearest places decoded in turns before
    channels 8 to 31    likewise in 5 turns, and from channels 0 to 7 in 3 x 3 places
    channels 32 to 95   likewise in 3 turns, and from channels 8 to 31 at the same place
    channels 96 to M    in one turn, from channels 0 to 7 in 3 x 3 places and 8 to 95 at the same

The first turn of a group takes every 16th (4th, 2nd) place of every 16th (4th, 2nd) row; the next
the centres of the squares between them, from their corners; the next the middles of the sides,
from the two ends and the two centres. Then the same at half the distance, until all are coded.

Everything is seen relative to the hyperprior, in units of its scale: r = (decoded - mean) / scale.
The encoder has to go the decoder's way, since its roundings depend on the means that move.

Source: Minnen, Balle, Toderici, NeurIPS 2018 (means and scales from decoded latents); Minnen,
Singh, ICIP 2020 (channel-conditional); the networks in integers as in hyperprior.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from rdalib.hyperprior import SMALLEST_SCALE
from rdalib.quality import LEVELS

if TYPE_CHECKING:
    from jaxtyping import Float, Int64
    from torch import Tensor

    Quantize = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]  # see ContextModel.forward

BOUNDARIES = (8, 32, 96)  # channels at which the second, third and fourth group begin
SPACINGS = (16, 4, 2, 1)  # of the places in the first turn of each group; powers of two
HIDDEN = (64, 48, 48, 48)
LARGEST_RATIO = 128  # of r: beyond it nothing more is learned from the size
LARGEST_CHANGE = 5.0  # of a log2 scale
SMALLEST_LOG2, LARGEST_LOG2 = -3.5, 7.0  # scales, in steps, that r is measured by
POWERS = 3  # of the quality that the networks see


def groups_of(latent: int) -> list[tuple[int, int]]:
    """[(first channel, one after the last), ...] of the groups, for M latent channels."""
    ends = [boundary for boundary in BOUNDARIES if boundary < latent]
    return list(zip([0, *ends], [*ends, latent], strict=True))


class Turn(NamedTuple):
    """Places that are coded at once."""

    places: Int64[np.ndarray, " k"]  # of a grid, counted row by row
    neighbours: list[tuple[int, int]]  # (rows, columns) from a place to those it is predicted from


@lru_cache(maxsize=64)
def turns(height: int, width: int, spacing: int) -> list[Turn]:
    """The turns in which a group is coded, on a grid; spacing: of the places of the first."""
    i, j = np.indices((height, width))
    found = [Turn(np.flatnonzero((i % spacing == 0) & (j % spacing == 0)), [])]
    while spacing > 1:
        s = spacing // 2
        centres = (i % spacing == s) & (j % spacing == s)
        found.append(Turn(np.flatnonzero(centres), [(-s, -s), (-s, s), (s, -s), (s, s)]))
        sides = (i % s == 0) & (j % s == 0) & ((i + j) % spacing == s)
        found.append(Turn(np.flatnonzero(sides), [(-s, 0), (0, -s), (0, s), (s, 0)]))
        spacing = s
    return found


class ContextNetwork(nn.Module):
    """From the inputs at a place to how far means and log2 scales move, one for each channel.

    Two hidden layers; for the first group a linear map beside them, too.
    """

    def __init__(self, inputs: int, channels: int, hidden: int, linear: bool) -> None:
        super().__init__()
        last = nn.Linear(hidden, 2 * channels)
        nn.init.zeros_(last.weight)  # the hyperprior as it is, to begin with
        nn.init.zeros_(last.bias)
        self.layers = nn.ModuleList((nn.Linear(inputs, hidden), nn.Linear(hidden, hidden), last))
        self.linear = nn.Linear(inputs, 2 * channels, bias=False) if linear else None
        if self.linear is not None:
            nn.init.zeros_(self.linear.weight)

    def forward(self, x: Float[Tensor, "B n inputs"]) -> tuple[Tensor, Tensor]:
        """x (B, n, inputs) to (shift of the mean in scales, change of the log2 scale)."""
        u = self.layers[2](F.relu(self.layers[1](F.relu(self.layers[0](x)))))
        if self.linear is not None:
            u = u + self.linear(x)
        shift, change = u.chunk(2, dim=2)  # (B, n, channels) each
        return shift, change.clamp(-LARGEST_CHANGE, LARGEST_CHANGE)


def weights_of(network: nn.Module) -> list[nn.Parameter]:
    """Of the layers of a ContextNetwork and, if there is one, of its linear map."""
    return [p for name, p in network.named_parameters() if name.endswith("weight")]


def biases_of(network: nn.Module) -> list[nn.Parameter]:
    """Of the layers of a ContextNetwork."""
    return [p for name, p in network.named_parameters() if name.endswith("bias")]


class ContextModel(nn.Module):
    """Means and scales of the hyperprior, moved by what was decoded. latent: M channels.

    features: channels of the hyper-synthesis before its last layer, which the networks see, too.
    """

    networks: Any  # of each group, of each of its turns: an nn.ModuleList of such lists

    def __init__(self, latent: int = 288, features: int = 96) -> None:
        super().__init__()
        self.groups = groups_of(latent)
        first = self.groups[0][1]
        self.networks = nn.ModuleList()
        for (low, high), spacing, hidden in zip(self.groups, SPACINGS, HIDDEN, strict=False):
            known = features + POWERS + (2 * first * 9 + 2 * (low - first) if low else 0)
            inputs = [
                known + 2 * (high - low) * len(turn.neighbours) for turn in turns(1, 1, spacing)
            ]
            self.networks.append(
                nn.ModuleList(
                    ContextNetwork(n, high - low, hidden, linear=low == 0) for n in inputs
                )
            )

    def forward(
        self,
        u: Float[Tensor, "B M h w"],
        mean: Float[Tensor, "B M h w"],
        log_scale: Float[Tensor, "B M h w"],
        features: Float[Tensor, "B A h w"],
        quality: Float[Tensor, " B"],
        quantize: Quantize,
        through: bool = False,
    ) -> tuple[Tensor, ...]:
        """Differentiably, group by group and turn by turn.

        u, mean, log_scale: (B, M, h, w): z, its mean and log2 of its scale in units of the step;
        features (B, A, h, w); quality (B,); quantize: a function of u and its mean to (what the
        rate is counted on, what is decoded), called with some channels at some places, (B, k, C);
        through: whether gradients go from what is predicted to u, as if nothing were rounded.
        Returns (what the rate is counted on, what is decoded, the means and log2 scales as they
        were moved), each (B, M, h, w).
        """
        powers = torch.stack(
            [(quality / (LEVELS - 1) * 2 - 1) ** (k + 1) for k in range(POWERS)], dim=1
        )
        powers = powers[..., None, None].expand(-1, -1, *u.shape[2:])
        common = torch.cat((features, powers), dim=1)
        spread = spread_of(log_scale)
        before: list[Tensor] = []  # sizes of what was decoded of each group
        results: list[list[Tensor]] = []
        for networks, (low, high), spacing in zip(
            self.networks, self.groups, SPACINGS, strict=False
        ):
            own = [t[:, low:high] for t in (u, mean, log_scale, spread)]
            known = known_inputs(common, before)
            coded, decoded_sizes = in_turns(networks, spacing, known, own, quantize, through)
            results.append(coded)
            before.append(decoded_sizes)
        return tuple(torch.cat(parts, dim=1) for parts in zip(*results, strict=True))


@torch.compiler.disable  # many small steps: hours of compiling, and no gain
def in_turns(
    networks: Sequence[nn.Module],
    spacing: int,
    known: Float[Tensor, "B inputs n"],
    own: Sequence[Float[Tensor, "B C h w"]],
    quantize: Quantize,
    through: bool,
) -> tuple[list[Tensor], Float[Tensor, "B 2C h w"]]:
    """One group: (what `ContextModel.forward` returns of it, the sizes of what is decoded).

    networks: one a turn; known: see known_inputs; own: the group's u, mean, log_scale and spread.
    """
    count, channels, height, width = own[0].shape
    border = spacing // 2  # of zeros, as where nothing is decoded yet
    wide = width + 2 * border
    seen = known.new_zeros(count, (height + 2 * border) * wide, 2 * channels)
    group_turns = turns(height, width, spacing)
    order = np.concatenate([turn.places for turn in group_turns])
    lengths = [len(turn.places) for turn in group_turns]
    by_place = (t.flatten(2).transpose(1, 2).contiguous() for t in (known, *own))
    coded = []
    for network, (places, neighbours), x, u, mean, log_scale, spread in zip(
        networks, group_turns, *(t[:, order].split(lengths, dim=1) for t in by_place), strict=True
    ):
        if not len(places):
            continue
        here = (places // width + border) * wide + places % width + border
        x = torch.cat((x, *(seen[:, here + i * wide + j] for i, j in neighbours)), dim=2)
        shift, change = network(x)  # (count, k, channels)
        moved = mean + shift * spread
        counted, decoded = quantize(u, moved)
        if spacing > 1:  # nothing is predicted from a group of one turn
            r = ((decoded - mean) / spread).detach()
            if through:
                r = r + (u - u.detach()) / spread
            seen[:, here] = sizes(r, dim=2)
        coded.append((counted, decoded, moved, log_scale + change))
    back = np.argsort(order)
    results = [
        torch.cat(parts, dim=1)[:, back].transpose(1, 2).unflatten(2, (height, width))
        for parts in zip(*coded, strict=True)
    ]
    seen = seen.transpose(1, 2).unflatten(2, (-1, wide))
    return results, seen[..., border : border + height, border : border + width]


def known_inputs(
    common: Float[Tensor, "B A+3 h w"], before: Sequence[Float[Tensor, "B C h w"]]
) -> Float[Tensor, "B inputs n"]:
    """What all turns of a group see at each place. before: the sizes of each group before it."""
    if not before:
        return common.flatten(2)
    first, *others = before
    window = F.unfold(first, 3, padding=1)
    return torch.cat((common.flatten(2), window, *(t.flatten(2) for t in others)), dim=1)


def spread_of(log_scale: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """How far what is decoded may lie from the mean: the scale and the rounding, in steps."""
    scale = log_scale.clamp(SMALLEST_LOG2, LARGEST_LOG2).exp2()
    return (scale.square() + SMALLEST_SCALE**2 + 1 / 12).sqrt()


def sizes(r: Float[Tensor, "*shape"], dim: int = 1) -> Float[Tensor, "*shape"]:
    """r as the networks see it, compressed, with and without sign: twice the channels, in `dim`."""
    r = r.clamp(-LARGEST_RATIO, LARGEST_RATIO)
    return torch.cat((r.asinh(), r.abs().log1p()), dim=dim)
