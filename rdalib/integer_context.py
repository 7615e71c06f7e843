"""The context model in integers: what chooses tables is the same on every machine.

All of it is integer arithmetic, as in `hyperprior.IntegerSynthesis`. asinh, log and the scales are
looked up in tables of integers, which are stored with the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from rdalib.context import (
    LARGEST_CHANGE,
    LARGEST_LOG2,
    LARGEST_RATIO,
    POWERS,
    REACH,
    SMALLEST_LOG2,
    biases_of,
    causal_places,
    spread_of,
    wavefronts,
    weights_of,
)
from rdalib.hyperprior import LARGEST_ACTIVATION, LARGEST_WEIGHT, ONE, WEIGHT_ONE
from rdalib.hyperprior_coding import scale_index
from rdalib.quality import LEVELS

if TYPE_CHECKING:
    from jaxtyping import Float64, Int16, Int32

    from rdalib.context import ContextModel
    from rdalib.latent_coding import Grid

    Integers = np.ndarray[Any, np.dtype[Any]]  # of 16, 32 or 64 bits, (channels, places)
    Places = slice | Integers
    Code = Callable[[slice, Places, Integers, Integers], Integers]  # see IntegerContext.walk

PER_OCTAVE = 48  # spreads looked up for each factor of two of a scale
INVERSE_ONE = 2**20  # inverse spreads are integer multiples of 1 / INVERSE_ONE
PER_RATIO = 64  # sizes looked up for each unit of r
PLACES_AT_ONCE = 4096  # of which the networks' inputs are in memory
LOOKED_UP = ("spreads", "inverse_spreads", "asinh", "log1p")


@dataclass(frozen=True, eq=False)
class IntegerContext:
    """The networks of a ContextModel in integers. All numbers are multiples of 1 / ONE.

    weights[group]: int16 tensors (out, in, 1) of the layers and, in the raster, of the linear map;
    biases[group]: int32 tensors (out,) of the layers; spreads and inverse_spreads: int32 (504,),
    by a scale's octaves above the smallest; asinh and log1p: int32 (8192,), by 64 |r|.
    """

    groups: list[tuple[int, int]]
    weights: list[list[torch.Tensor]]
    biases: list[list[torch.Tensor]]
    spreads: torch.Tensor
    inverse_spreads: torch.Tensor
    asinh: torch.Tensor
    log1p: torch.Tensor

    @classmethod
    def of(cls, context: ContextModel) -> IntegerContext:
        """The nearest integers to a trained ContextModel."""
        weights, biases = [], []
        for network in context.networks:
            scaled = [torch.round(t.detach() * WEIGHT_ONE) for t in weights_of(network)]
            weights.append(
                [w.clamp(-LARGEST_WEIGHT, LARGEST_WEIGHT).to(torch.int16) for w in scaled]
            )
            scaled = [torch.round(t.detach() * WEIGHT_ONE) for t in biases_of(network)]
            biases.append([b.to(torch.int32) for b in scaled])
        return cls(context.groups, weights, biases, **look_up_tables())

    def copy_to(self, context: ContextModel) -> None:
        """Set a ContextModel to the weights of this one. Raises: ValueError for other shapes."""
        with torch.no_grad():
            for network, weights, biases in zip(
                context.networks, self.weights, self.biases, strict=True
            ):
                for parameter, weight in zip(weights_of(network), weights, strict=True):
                    _copy(parameter, weight, torch.int16)
                for parameter, bias in zip(biases_of(network), biases, strict=True):
                    _copy(parameter, bias, torch.int32)

    def walk(
        self,
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
        for (low, high), network in zip(self.groups, self._networks, strict=True):
            group = _Group(self, network, slice(low, high), octaves[low:high])
            if low == 0:
                sizes.append(self._raster(common, grid, group, code))
                continue
            parts = [group.moved(x, places) for x, places in self._columns(common, sizes, grid)]
            shift, table_index = (np.concatenate(t, axis=1) for t in zip(*parts, strict=True))
            everywhere = slice(None)
            integers = code(group.channels, everywhere, shift, table_index)
            if high < self.groups[-1][1]:  # nothing is predicted from the last
                sizes.append(group.sizes(integers, shift, everywhere))

    @cached_property
    def _networks(self) -> list[_IntegerNetwork]:
        return list(map(_IntegerNetwork, self.weights, self.biases))

    @staticmethod
    def _raster(common: Integers, grid: Grid, group: _Group, code: Code) -> Integers:
        """The first group, place by place: all at once that wait for nothing but places before.

        Returns its sizes (2, channels, n).
        """
        height, width = grid
        wide = width + 2 * REACH
        inside = ((np.arange(height)[:, None] + REACH) * wide + np.arange(width) + REACH).ravel()
        offsets = np.array([i * wide + j for i, j in causal_places()])[:, None]
        sizes = np.zeros(
            (2 * group.channels.stop, (height + REACH) * wide), np.int16
        )  # zeros around
        for places in wavefronts(height, width):
            window = sizes[:, inside[places] + offsets].reshape(-1, len(places))
            x = np.concatenate((common[:, places], window))
            shift, table_index = group.moved(x, places)
            integers = code(group.channels, places, shift, table_index)
            done = group.sizes(integers, shift, places)
            sizes[:, inside[places]] = done.reshape(-1, len(places))
        return sizes[:, inside].reshape(2, group.channels.stop, -1)

    @staticmethod
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
            around = [
                first[:, top + i : bottom + i, j : j + width] for i in range(3) for j in range(3)
            ]
            window = np.stack(around, axis=1).reshape(-1, (bottom - top) * width)
            places = slice(top * width, bottom * width)
            columns = [common[:, places], window, *(group[:, places] for group in rest)]
            yield np.concatenate(columns), places


@dataclass(frozen=True)
class _Group:
    """Channels that are coded together: where the context moves them, and what they tell others."""

    tables: IntegerContext  # in which spreads and logarithms are looked up
    network: _IntegerNetwork
    channels: slice
    octaves: Int32[np.ndarray, "C n"]

    def moved(self, x: Integers, places: Places) -> tuple[Integers, Integers]:
        """(shifts of the means, indices of the tables) at places, from the network's inputs x."""
        shift, change = np.split(self.network(x), 2)
        shift = (shift * self._of_scale(self.tables.spreads, places) + ONE // 2) // ONE
        return shift.astype(np.int32), scale_index(self.octaves[:, places] + change)

    def sizes(
        self, integers: Integers, shift: Integers, places: Places
    ) -> Int16[np.ndarray, "2 C k"]:
        """asinh r and log(1 + |r|) of what was decoded, as the networks of later groups see it."""
        decoded = integers.astype(np.int64) * ONE + shift  # from the hyperprior's mean
        unit = ONE * INVERSE_ONE // PER_RATIO
        magnitude = np.abs(decoded) * self._of_scale(self.tables.inverse_spreads, places) // unit
        magnitude = magnitude.clip(max=len(self.tables.asinh) - 1)
        asinh = self.tables.asinh.numpy()[magnitude]
        log1p = self.tables.log1p.numpy()[magnitude]
        return np.stack((np.sign(decoded) * asinh, log1p)).astype(np.int16)

    def _of_scale(self, table: torch.Tensor, places: Places) -> Int32[np.ndarray, "C k"]:
        index = self.octaves[:, places].astype(np.int64) * PER_OCTAVE // ONE
        return table.numpy()[index.clip(0, len(table) - 1)]


def look_up_tables() -> dict[str, torch.Tensor]:
    """{name: int32 tensor} of what an IntegerContext looks up, made once for each weights file."""
    count = int((LARGEST_LOG2 - SMALLEST_LOG2) * PER_OCTAVE)
    logs = SMALLEST_LOG2 + (torch.arange(count, dtype=torch.float64) + 0.5) / PER_OCTAVE
    ratios = torch.arange(LARGEST_RATIO * PER_RATIO, dtype=torch.float64) / PER_RATIO
    made = (
        ONE * spread_of(logs),
        INVERSE_ONE / spread_of(logs),
        ONE * ratios.asinh(),
        ONE * ratios.log1p(),
    )
    return {name: t.round().to(torch.int32) for name, t in zip(LOOKED_UP, made, strict=True)}


class _IntegerNetwork:
    """A ContextNetwork in integers held in float64: sums stay below 2^53 and are exact."""

    def __init__(self, weights: list[torch.Tensor], biases: list[torch.Tensor]) -> None:
        self.weights = [weight[:, :, 0].double().numpy() for weight in weights]
        self.biases = [ONE * bias.double().numpy()[:, None] for bias in biases]

    def __call__(self, x: Integers) -> Integers:
        """x (inputs, k), ints, to shifts and changes below each other, int64 (2 channels, k)."""
        u = x = x.astype(np.float64)
        for weight, bias in zip(self.weights[:2], self.biases[:2], strict=True):
            u = _rounded(weight @ u + bias).clip(0, LARGEST_ACTIVATION)
        sums = self.weights[2] @ u + self.biases[2]
        if len(self.weights) > 3:
            sums += self.weights[3] @ x
        result = _rounded(sums).clip(-LARGEST_ACTIVATION, LARGEST_ACTIVATION).astype(np.int64)
        largest = int(LARGEST_CHANGE * ONE)
        changes = result[len(result) // 2 :]
        np.clip(changes, -largest, largest, out=changes)
        return result


def _rounded(sums: Float64[np.ndarray, ...]) -> Float64[np.ndarray, ...]:
    return np.floor(sums / WEIGHT_ONE + 0.5)


def _copy(parameter: torch.Tensor, integers: torch.Tensor, dtype: torch.dtype) -> None:
    if integers.dtype != dtype or integers.shape != parameter.shape:
        raise ValueError(
            f"a layer of the context model is {integers.dtype} {tuple(integers.shape)}"
        )
    parameter.copy_(integers / WEIGHT_ONE)


def _powers(quality: int, count: int) -> Int32[np.ndarray, "3 n"]:
    """The powers of the quality, -1 to 1 from the lowest to the highest level: (3, count)."""
    first = (2 * quality - (LEVELS - 1)) * ONE // (LEVELS - 1)
    powers = [first]
    while len(powers) < POWERS:
        powers.append(powers[-1] * first // ONE)
    return np.repeat(np.array(powers, np.int32)[:, None], count, axis=1)
