"""The latents in the order of coding: each group by what the context model makes of those before.

Encoder and decoder go this way alike. The first group goes place by place, in wavefronts; the
others take all places at once. All of it is integer arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rdalib.context import POWERS, REACH, causal_places, wavefronts
from rdalib.hyperprior import LARGEST_ACTIVATION, ONE
from rdalib.hyperprior_coding import scale_index
from rdalib.integer_context import INVERSE_ONE, LOOKED_UP, PER_OCTAVE, PER_RATIO
from rdalib.quality import LEVELS

if TYPE_CHECKING:
    from jaxtyping import Int16, Int32

    from rdalib.integer_context import IntegerContext, IntegerNetwork, Integers
    from rdalib.latent_coding import Grid

    Places = slice | Integers
    Code = Callable[[slice, Places, Integers, Integers], Integers]  # see walk

PLACES_AT_ONCE = 4096  # of which the networks' inputs are in memory


def walk(
    context: IntegerContext,
    octaves: Int32[np.ndarray, "M n"],
    features: Int32[np.ndarray, "A n"],
    quality: int,
    grid: Grid,
    code: Code,
) -> None:
    """Go through all latents in the order of coding, each group by what was coded before.

    octaves (M, n): log2 of the hyperprior's scales over the smallest; features (A, n): of its
    synthesis; both int arrays, n places of a grid (height, width). code: a function of a
    slice of channels, places, the shifts of their means and the indices of their tables, that
    returns their integers; it is called group by group.
    """
    features = features.clip(0, LARGEST_ACTIVATION)
    common = np.concatenate((features, _powers(quality, features.shape[1])))
    looked_up = {name: getattr(context, name).numpy() for name in LOOKED_UP}
    sizes: list[Integers] = []  # of each group before, (2, channels, n): asinh, log1p
    for (low, high), network in zip(context.groups, context.networks, strict=True):
        group = Group(network, slice(low, high), octaves[low:high], **looked_up)
        if low == 0:
            sizes.append(_raster(common, grid, group, code))
            continue
        parts = [group.moved(network(x), places) for x, places in _columns(common, sizes, grid)]
        shift, table_index = (np.concatenate(t, axis=1) for t in zip(*parts, strict=True))
        everywhere = slice(None)
        integers = code(group.channels, everywhere, shift, table_index)
        if high < context.groups[-1][1]:  # nothing is predicted from the last
            sizes.append(group.sizes(integers, shift, everywhere))


def _raster(common: Integers, grid: Grid, group: Group, code: Code) -> Integers:
    """The first group, place by place: all at once that wait for nothing but places before.

    Returns its sizes (2, channels, n).
    """
    height, width = grid
    wide = width + 2 * REACH
    inside = ((np.arange(height)[:, None] + REACH) * wide + np.arange(width) + REACH).ravel()
    offsets = np.array([i * wide + j for i, j in causal_places()])[:, None]
    count = 2 * group.channels.stop
    sizes = np.zeros((count, (height + REACH) * wide), np.int16)  # zeros around
    known = group.network.sums(common, slice(len(common)))  # of what all groups see
    for places in wavefronts(height, width):
        here = inside[places]
        window = sizes[:, here + offsets].reshape(-1, len(places))
        sums = group.network.sums(window, slice(len(common), None)) + known[:, places]
        shift, table_index = group.moved(group.network.outputs(sums), places)
        integers = code(group.channels, places, shift, table_index)
        sizes[:, here] = group.sizes(integers, shift, places).reshape(count, -1)
    return sizes[:, inside].reshape(2, group.channels.stop, -1)


def _columns(
    common: Integers, sizes: list[Integers], grid: Grid
) -> Iterator[tuple[Integers, slice]]:
    """(inputs (inputs, k), places, a slice) of a later group, some rows of places at a time."""
    height, width = grid
    first = np.pad(sizes[0].reshape(-1, height, width), ((0, 0), (1, 1), (1, 1)))
    rest = [group[kind] for kind in (0, 1) for group in sizes[1:]]
    rows = max(1, PLACES_AT_ONCE // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        around = [first[:, top + i : bottom + i, j : j + width] for i in range(3) for j in range(3)]
        window = np.stack(around, axis=1).reshape(-1, (bottom - top) * width)
        places = slice(top * width, bottom * width)
        columns = [common[:, places], window, *(group[:, places] for group in rest)]
        yield np.concatenate(columns), places


@dataclass(frozen=True, eq=False)
class Group:
    """Channels that are coded together: where the context moves them, and what they tell others.

    The last four are the tables of an IntegerContext, as arrays.
    """

    network: IntegerNetwork
    channels: slice
    octaves: Int32[np.ndarray, "C n"]
    spreads: Int32[np.ndarray, " scales"]
    inverse_spreads: Int32[np.ndarray, " scales"]
    asinh: Int32[np.ndarray, " ratios"]
    log1p: Int32[np.ndarray, " ratios"]

    def moved(self, outputs: Integers, places: Places) -> tuple[Integers, Integers]:
        """(shifts of the means, indices of the tables) at places, from the network's outputs."""
        shift, change = np.split(outputs, 2)
        shift = (shift * self._of_scale(self.spreads, places) + ONE // 2) // ONE
        return shift.astype(np.int32), scale_index(self.octaves[:, places] + change)

    def sizes(
        self, integers: Integers, shift: Integers, places: Places
    ) -> Int16[np.ndarray, "2 C k"]:
        """asinh r and log(1 + |r|) of what was decoded, as the networks of later groups see it."""
        decoded = integers.astype(np.int64) * ONE + shift  # from the hyperprior's mean
        unit = ONE * INVERSE_ONE // PER_RATIO
        magnitude = np.abs(decoded) * self._of_scale(self.inverse_spreads, places) // unit
        magnitude = magnitude.clip(max=len(self.asinh) - 1)
        sizes = np.empty((2, *decoded.shape), np.int16)
        sizes[0] = np.sign(decoded) * self.asinh[magnitude]
        sizes[1] = self.log1p[magnitude]
        return sizes

    def _of_scale(
        self, table: Int32[np.ndarray, " scales"], places: Places
    ) -> Int32[np.ndarray, "C k"]:
        beyond = len(table) * ONE // PER_OCTAVE  # octaves; times PER_OCTAVE, these fit in 32 bits
        return table[self.octaves[:, places].clip(0, beyond - 1) * PER_OCTAVE // ONE]


def _powers(quality: int, count: int) -> Int32[np.ndarray, "3 n"]:
    """The powers of the quality, -1 to 1 from the lowest to the highest level: (3, count)."""
    first = (2 * quality - (LEVELS - 1)) * ONE // (LEVELS - 1)
    powers = [first]
    while len(powers) < POWERS:
        powers.append(powers[-1] * first // ONE)
    return np.repeat(np.array(powers, np.int32)[:, None], count, axis=1)
