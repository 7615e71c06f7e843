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
from rdalib.integer_context import INVERSE_ONE, PER_OCTAVE, PER_RATIO
from rdalib.quality import LEVELS

if TYPE_CHECKING:
    from jaxtyping import Int16, Int32

    from rdalib.integer_context import IntegerContext, Integers
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
    sizes: list[Integers] = []  # of each group before, (2, channels, n): asinh, log1p
    for (low, high), network in zip(context.groups, context.networks, strict=True):
        channels, count = slice(low, high), octaves.shape[1]
        if low == 0:
            sizes.append(_raster(context, common, octaves[channels], grid, code))
            continue
        shift, table_index = (np.empty((high - low, count), t) for t in (np.int32, np.uint8))
        for x, places in _columns(common, sizes, grid):
            group = Group.of(context, octaves[channels, places])
            shift[:, places], table_index[:, places] = group.moved(network(x))
        integers = code(channels, slice(None), shift, table_index)
        if high < context.groups[-1][1]:  # nothing is predicted from the last
            sizes.append(np.empty((2, *shift.shape), np.int16))
            for places in _some_rows(grid):
                group = Group.of(context, octaves[channels, places])
                sizes[-1][..., places] = group.sizes(integers[:, places], shift[:, places])


def _raster(
    context: IntegerContext,
    common: Integers,
    octaves: Int32[np.ndarray, "C n"],
    grid: Grid,
    code: Code,
) -> Integers:
    """The first group, place by place: all at once that wait for nothing but places before.

    Returns its sizes (2, channels, n).
    """
    (height, width), network, count = grid, context.networks[0], len(octaves)
    wide = width + 2 * REACH
    inside = ((np.arange(height)[:, None] + REACH) * wide + np.arange(width) + REACH).ravel()
    offsets = np.array([i * wide + j for i, j in causal_places()])[:, None]
    sizes = np.zeros((2 * count, (height + REACH) * wide))  # zeros around
    fronts = list(wavefronts(height, width))
    order = np.concatenate(fronts)
    inside_in_order = inside[order]
    known = network.sums(common, slice(len(common)))[:, order]  # of what all groups see
    all_places, start = Group.of(context, octaves[:, order]), 0
    for places in fronts:
        front = slice(start, start := start + len(places))
        here, group = inside_in_order[front], all_places[front]
        window = sizes.take(here + offsets, axis=1).reshape(-1, len(places))
        sums = network.sums(window, slice(len(common), None)) + known[:, front]
        shift, table_index = group.moved(network.outputs(sums))
        integers = code(slice(count), places, shift, table_index)
        sizes[:, here] = group.sizes(integers, shift).reshape(2 * count, -1)
    return sizes[:, inside].astype(np.int16).reshape(2, count, -1)


def _columns(
    common: Integers, sizes: list[Integers], grid: Grid
) -> Iterator[tuple[Integers, slice]]:
    """(inputs (inputs, k), places, a slice) of a later group, some rows of places at a time."""
    height, width = grid
    first = np.pad(sizes[0].reshape(-1, height, width), ((0, 0), (1, 1), (1, 1)))
    rest = [group[kind] for kind in (0, 1) for group in sizes[1:]]
    for places in _some_rows(grid):
        top, bottom = places.start // width, places.stop // width
        around = [first[:, top + i : bottom + i, j : j + width] for i in range(3) for j in range(3)]
        window = np.stack(around, axis=1).reshape(-1, (bottom - top) * width)
        columns = [common[:, places], window, *(group[:, places] for group in rest)]
        yield np.concatenate(columns), places


def _some_rows(grid: Grid) -> Iterator[slice]:
    """All places, some rows at a time."""
    height, width = grid
    rows = max(1, PLACES_AT_ONCE // width)
    for top in range(0, height, rows):
        yield slice(top * width, min(top + rows, height) * width)


@dataclass(frozen=True, eq=False)
class Group:
    """Channels at some places: where the context moves them, and what they tell others."""

    looked_up: dict[str, Int32[np.ndarray, " n"]]  # the tables of an IntegerContext
    octaves: Int32[np.ndarray, "C k"]
    entry: Int32[np.ndarray, "C k"]  # of each scale in the tables of spreads

    @classmethod
    def of(cls, context: IntegerContext, octaves: Int32[np.ndarray, "C k"]) -> Group:
        """octaves: log2 of the hyperprior's scales over the smallest, in units of 1 / ONE."""
        entries = len(context.spreads)
        beyond = entries * ONE // PER_OCTAVE  # octaves; times PER_OCTAVE, these fit in 32 bits
        return cls(context.looked_up, octaves, octaves.clip(0, beyond - 1) * PER_OCTAVE // ONE)

    def __getitem__(self, places: slice) -> Group:
        return Group(self.looked_up, self.octaves[:, places], self.entry[:, places])

    def moved(self, outputs: Integers) -> tuple[Integers, Integers]:
        """(shifts of the means, indices of the tables), from the network's outputs."""
        shift, change = outputs[: len(self.octaves)], outputs[len(self.octaves) :]
        shift = (shift * self.looked_up["spreads"][self.entry] + ONE // 2) // ONE
        return shift.astype(np.int32), scale_index(self.octaves + change)

    def sizes(self, integers: Integers, shift: Integers) -> Int16[np.ndarray, "2 C k"]:
        """asinh r and log(1 + |r|) of what was decoded, as the networks of later groups see it."""
        asinh, log1p = self.looked_up["asinh"], self.looked_up["log1p"]
        decoded = integers.astype(np.int64) * ONE + shift  # from the hyperprior's mean
        unit = ONE * INVERSE_ONE // PER_RATIO
        magnitude = np.abs(decoded) * self.looked_up["inverse_spreads"][self.entry] // unit
        magnitude = np.minimum(magnitude, len(asinh) - 1)
        sizes = np.empty((2, *decoded.shape), np.int16)
        sizes[0] = np.sign(decoded) * asinh[magnitude]
        sizes[1] = log1p[magnitude]
        return sizes


def _powers(quality: int, count: int) -> Int32[np.ndarray, "3 n"]:
    """The powers of the quality, -1 to 1 from the lowest to the highest level: (3, count)."""
    first = (2 * quality - (LEVELS - 1)) * ONE // (LEVELS - 1)
    powers = [first]
    while len(powers) < POWERS:
        powers.append(powers[-1] * first // ONE)
    return np.repeat(np.array(powers, np.int32)[:, None], count, axis=1)
