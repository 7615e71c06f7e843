"""The latents in the order of coding: each turn by what the context model makes of those before.

Encoder and decoder go this way alike, group by group and turn by turn. All of it is integer
arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rdalib.context import POWERS, SPACINGS, turns
from rdalib.hyperprior import LARGEST_ACTIVATION, ONE
from rdalib.hyperprior_coding import scale_index
from rdalib.integer_context import INVERSE_ONE, PER_OCTAVE, PER_RATIO
from rdalib.quality import LEVELS

if TYPE_CHECKING:
    from jaxtyping import Float64, Int16, Int32, Int64

    from rdalib.integer_context import IntegerContext, Integers
    from rdalib.latent_coding import Grid

    Places = slice | Int64[np.ndarray, " k"]
    Code = Callable[[slice, Places, Integers, Integers], Integers]  # see walk

PLACES_AT_ONCE = 4096  # of which the networks' inputs are in memory
BORDER = SPACINGS[0] // 2  # of zeros around the grid; as far as the farthest neighbour


def walk(
    context: IntegerContext,
    octaves: Int32[np.ndarray, "M n"],
    features: Int32[np.ndarray, "A n"],
    quality: int,
    grid: Grid,
    code: Code,
) -> None:
    """Go through all latents in the order of coding, each turn by what was coded before.

    octaves (M, n): log2 of the hyperprior's scales over the smallest; features (A, n): of its
    synthesis; both int arrays, n places of a grid (height, width). code: a function of a
    slice of channels, places, the shifts of their means and the indices of their tables, that
    returns their integers; it is called turn by turn.
    """
    features = features.clip(0, LARGEST_ACTIVATION)
    common = np.concatenate((features, _powers(quality, features.shape[1])))
    before: list[Integers] = []  # sizes of what was decoded of each group
    for (low, high), networks, spacing in zip(
        context.groups, context.networks, SPACINGS, strict=False
    ):
        channels, sizes = slice(low, high), _bordered(2 * (high - low), grid)
        for network, turn in zip(networks, turns(*grid, spacing), strict=True):
            places: Places = turn.places if spacing > 1 else slice(None)  # of which NumPy is fast
            own = octaves[channels, places]
            shift, table_index = np.empty(own.shape, np.int32), np.empty(own.shape, np.uint8)
            parts = [(some, Group.of(context, own[:, some])) for some in _parts(own.shape[1])]
            for some, group in parts:
                inputs = _inputs(common, before, sizes, turn.places[some], turn.neighbours, grid)
                shift[:, some], table_index[:, some] = group.moved(network(inputs))
            integers = code(channels, places, shift, table_index)
            for some, group in parts if spacing > 1 else ():  # else nothing looks at them
                here = group.sizes(integers[:, some], shift[:, some])
                sizes[:, _inside(turn.places[some], grid)] = here.reshape(len(sizes), -1)
        before.append(sizes)


def _inputs(
    common: Integers,
    before: list[Integers],
    own: Integers,
    places: Int64[np.ndarray, " k"],
    neighbours: list[tuple[int, int]],
    grid: Grid,
) -> Float64[np.ndarray, "inputs k"]:
    """Of a group's network at some places, as `context.known_inputs`, and its own neighbours.

    before, own: sizes of the groups before and of the group itself, within a border.
    """
    here, wide = _inside(places, grid), grid[1] + 2 * BORDER
    parts = [common[:, places]]
    if before:
        around = np.array([i * wide + j for i in (-1, 0, 1) for j in (-1, 0, 1)])[:, None]
        parts += [before[0][:, here + around], *(group[:, here] for group in before[1:])]
    parts += [own[:, here + i * wide + j] for i, j in neighbours]
    return np.concatenate([part.reshape(-1, len(places)) for part in parts], dtype=np.float64)


def _bordered(channels: int, grid: Grid) -> Int16[np.ndarray, "C n"]:
    """Zeros for sizes at all places of a grid and of a border around it."""
    height, width = grid
    return np.zeros((channels, (height + 2 * BORDER) * (width + 2 * BORDER)), np.int16)


def _inside(places: Int64[np.ndarray, " k"], grid: Grid) -> Int64[np.ndarray, " k"]:
    """Where places of a grid are within its border."""
    rows, columns = np.divmod(places, grid[1])
    return (rows + BORDER) * (grid[1] + 2 * BORDER) + columns + BORDER


def _parts(count: int) -> Iterator[slice]:
    return (slice(start, start + PLACES_AT_ONCE) for start in range(0, count, PLACES_AT_ONCE))


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

    def moved(self, outputs: Integers) -> tuple[Integers, Integers]:
        """(shifts of the means, indices of the tables), from the network's outputs."""
        shift, change = outputs[: len(self.octaves)], outputs[len(self.octaves) :]
        shift = (shift * self.looked_up["spreads"][self.entry] + ONE // 2) // ONE
        return shift.astype(np.int32), scale_index(self.octaves + change)

    def sizes(self, integers: Integers, shift: Integers) -> Int16[np.ndarray, "2 C k"]:
        """asinh r and log(1 + |r|) of what was decoded, as the networks of later turns see it."""
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
