"""The context model in integers: what chooses tables is the same on every machine.

All of it is integer arithmetic, as in `hyperprior.IntegerSynthesis`. asinh, log and the scales are
looked up in tables of integers, which are stored with the weights.
"""

from dataclasses import dataclass

import numpy as np
import torch

from rdalib.context import (
    LARGEST_CHANGE,
    LARGEST_LOG2,
    LARGEST_RATIO,
    POWERS,
    REACH,
    SMALLEST_LOG2,
    causal_places,
    spread_of,
)
from rdalib.hyperprior import LARGEST_ACTIVATION, LARGEST_WEIGHT, ONE, WEIGHT_ONE
from rdalib.hyperprior_coding import scale_index
from rdalib.quality import LEVELS

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
    def of(cls, context):
        """The nearest integers to a trained ContextModel."""
        weights, biases = [], []
        for network in context.networks:
            linear = [] if network.linear is None else [network.linear]
            scaled = [
                torch.round(layer.weight.detach() * WEIGHT_ONE)
                for layer in [*network.layers, *linear]
            ]
            weights.append(
                [w.clamp(-LARGEST_WEIGHT, LARGEST_WEIGHT).to(torch.int16) for w in scaled]
            )
            scaled = [torch.round(layer.bias.detach() * WEIGHT_ONE) for layer in network.layers]
            biases.append([b.to(torch.int32) for b in scaled])
        return cls(context.groups, weights, biases, **look_up_tables())

    def copy_to(self, context):
        """Set a ContextModel to the weights of this one. Raises: ValueError for other shapes."""
        with torch.no_grad():
            for network, weights, biases in zip(
                context.networks, self.weights, self.biases, strict=True
            ):
                linear = [] if network.linear is None else [network.linear]
                for layer, weight in zip([*network.layers, *linear], weights, strict=True):
                    _copy(layer.weight, weight, torch.int16)
                for layer, bias in zip(network.layers, biases, strict=True):
                    _copy(layer.bias, bias, torch.int32)

    def walk(self, octaves, features, quality, grid, code):
        """Go through all latents in the order of coding, each group by what was coded before.

        octaves (M, n): log2 of the hyperprior's scales over the smallest; features (A, n): of its
        synthesis; both int arrays, n places of a grid (height, width). code: a function of a
        slice of channels, places, the shifts of their means and the indices of their tables, that
        returns their integers; it is called group by group.
        """
        features = features.clip(0, LARGEST_ACTIVATION)
        common = np.concatenate((features, _powers(quality, features.shape[1])))
        sizes = []  # of each group before, (2, channels, n): asinh, log1p
        for (low, high), network in zip(self.groups, self._networks(), strict=True):
            own = slice(low, high)

            def looked_up(table, places, own=own):
                index = octaves[own, places].astype(np.int64) * PER_OCTAVE // ONE
                return table.numpy()[index.clip(0, len(table) - 1)]

            def moved(x, places, own=own, network=network, looked_up=looked_up):
                shift, change = np.split(network(x), 2)
                shift = (shift * looked_up(self.spreads, places) + ONE // 2) // ONE
                return shift.astype(np.int32), scale_index(octaves[own, places] + change)

            def done(integers, shift, places, looked_up=looked_up):
                decoded = integers.astype(np.int64) * ONE + shift
                return self._sizes(decoded, looked_up(self.inverse_spreads, places))

            if low == 0:
                sizes.append(self._raster(common, grid, own, moved, done, code))
                continue
            parts = [moved(x, places) for x, places in self._columns(common, sizes, grid)]
            shift, table_index = (np.concatenate(t, axis=1) for t in zip(*parts, strict=True))
            everywhere = slice(None)
            integers = code(own, everywhere, shift, table_index)
            if high < self.groups[-1][1]:  # nothing is predicted from the last
                sizes.append(done(integers, shift, everywhere))

    def _raster(self, common, grid, own, moved, done, code):
        """The first group, place by place: all at once that wait for nothing but places before.

        Returns its sizes (2, channels, n).
        """
        height, width = grid
        wide = width + 2 * REACH
        inside = ((np.arange(height)[:, None] + REACH) * wide + np.arange(width) + REACH).ravel()
        offsets = np.array([i * wide + j for i, j in causal_places()])[:, None]
        sizes = np.zeros((2 * own.stop, (height + REACH) * wide), np.int16)  # zeros around
        for places in wavefronts(height, width):
            window = sizes[:, inside[places] + offsets].reshape(-1, len(places))
            x = np.concatenate((common[:, places], window))
            shift, table_index = moved(x, places)
            integers = code(own, places, shift, table_index)
            sizes[:, inside[places]] = done(integers, shift, places).reshape(-1, len(places))
        return sizes[:, inside].reshape(2, own.stop, -1)

    @staticmethod
    def _columns(common, sizes, grid):
        """(inputs (inputs, k), places, a slice) of a later group, some rows of places at a time."""
        height, width = grid
        first = sizes[0].reshape(-1, height, width)
        first = np.pad(first, ((0, 0), (1, 1), (1, 1)))
        rest = [group[kind] for kind in (0, 1) for group in sizes[1:]]
        rows = max(1, PLACES_AT_ONCE // width)
        for top in range(0, height, rows):
            bottom = min(top + rows, height)
            window = [
                first[:, top + i : bottom + i, j : j + width] for i in range(3) for j in range(3)
            ]
            window = np.stack(window, axis=1).reshape(-1, (bottom - top) * width)
            places = slice(top * width, bottom * width)
            columns = [common[:, places], window, *(group[:, places] for group in rest)]
            yield np.concatenate(columns), places

    def _sizes(self, decoded, inverse):
        """decoded: relative to the hyperprior's mean, in steps. Returns (2, channels, k)."""
        unit = ONE * INVERSE_ONE // PER_RATIO
        magnitude = (np.abs(decoded) * inverse // unit).clip(max=len(self.asinh) - 1)
        asinh, log1p = self.asinh.numpy()[magnitude], self.log1p.numpy()[magnitude]
        return np.stack((np.sign(decoded) * asinh, log1p)).astype(np.int16)

    def _networks(self):
        for weights, biases in zip(self.weights, self.biases, strict=True):
            yield _IntegerNetwork(weights, biases)


def look_up_tables():
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

    def __init__(self, weights, biases):
        self.weights = [weight[:, :, 0].double().numpy() for weight in weights]
        self.biases = [ONE * bias.double().numpy()[:, None] for bias in biases]

    def __call__(self, x):
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


def _rounded(sums):
    return np.floor(sums / WEIGHT_ONE + 0.5)


def _copy(parameter, integers, dtype):
    if integers.dtype != dtype or integers.shape != parameter.shape:
        raise ValueError(
            f"a layer of the context model is {integers.dtype} {tuple(integers.shape)}"
        )
    parameter.copy_(integers / WEIGHT_ONE)


def _powers(quality, count):
    """The powers of the quality, -1 to 1 from the lowest to the highest level: (3, count)."""
    first = (2 * quality - (LEVELS - 1)) * ONE // (LEVELS - 1)
    powers = [first]
    while len(powers) < POWERS:
        powers.append(powers[-1] * first // ONE)
    return np.repeat(np.array(powers, np.int32)[:, None], count, axis=1)


def wavefronts(height, width):
    """Places of a grid in an order in which each comes after its causal window, many at a time.

    Row i is REACH + 1 columns behind row i - 1, so that the window's right end is there already.
    """
    lag = REACH + 1
    for time in range(width + lag * (height - 1)):
        rows = np.arange(max(0, -(-(time - width + 1) // lag)), min(height - 1, time // lag) + 1)
        yield rows * width + time - lag * rows
