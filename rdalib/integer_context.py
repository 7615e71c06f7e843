"""The context model in integers: what chooses tables is the same on every machine.

All of it is integer arithmetic, as in `hyperprior.IntegerSynthesis`. asinh, log and the scales are
looked up in tables of integers, which are stored with the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from rdalib.context import (
    LARGEST_CHANGE,
    LARGEST_LOG2,
    LARGEST_RATIO,
    SMALLEST_LOG2,
    biases_of,
    spread_of,
    weights_of,
)
from rdalib.hyperprior import LARGEST_ACTIVATION, LARGEST_WEIGHT, ONE, WEIGHT_ONE, in_float64

if TYPE_CHECKING:
    from jaxtyping import Float64, Int32

    from rdalib.context import ContextModel

    Integers = np.ndarray[Any, np.dtype[Any]]  # of 16, 32 or 64 bits, (channels, places)

PER_OCTAVE = 48  # spreads looked up for each factor of two of a scale
INVERSE_ONE = 2**20  # inverse spreads are integer multiples of 1 / INVERSE_ONE
PER_RATIO = 64  # sizes looked up for each unit of r
LOOKED_UP = ("spreads", "inverse_spreads", "asinh", "log1p")


@dataclass(frozen=True, eq=False)
class IntegerContext:
    """The networks of a ContextModel in integers. All numbers are multiples of 1 / ONE.

    weights[group][turn]: int16 tensors (out, in) of the layers and, in the first group, of the
    linear map; biases[group][turn]: int32 tensors (out,) of the layers; spreads and
    inverse_spreads: int32 (504,), by a scale's octaves above the smallest; asinh and log1p: int32
    (8192,), by 64 |r|.
    """

    groups: list[tuple[int, int]]
    weights: list[list[list[torch.Tensor]]]
    biases: list[list[list[torch.Tensor]]]
    spreads: torch.Tensor
    inverse_spreads: torch.Tensor
    asinh: torch.Tensor
    log1p: torch.Tensor

    @classmethod
    def of(cls, context: ContextModel) -> IntegerContext:
        """The nearest integers to a trained ContextModel."""
        weights, biases = [], []
        for networks in context.networks:
            scaled = [
                [torch.round(t.detach() * WEIGHT_ONE) for t in weights_of(n)] for n in networks
            ]
            weights.append([list(map(_in_16_bits, layers)) for layers in scaled])
            scaled = [
                [torch.round(t.detach() * WEIGHT_ONE) for t in biases_of(n)] for n in networks
            ]
            biases.append([[b.to(torch.int32) for b in layers] for layers in scaled])
        return cls(context.groups, weights, biases, **look_up_tables())

    def copy_to(self, context: ContextModel) -> None:
        """Set a ContextModel to the weights of this one. Raises: ValueError for other shapes."""
        own = [network for networks in context.networks for network in networks]
        with torch.no_grad():
            for network, weights, biases in zip(
                own, chain(*self.weights), chain(*self.biases), strict=True
            ):
                for parameter, weight in zip(weights_of(network), weights, strict=True):
                    _copy(parameter, weight, torch.int16)
                for parameter, bias in zip(biases_of(network), biases, strict=True):
                    _copy(parameter, bias, torch.int32)

    @cached_property
    def networks(self) -> list[list[IntegerNetwork]]:
        """Of each group, of each of its turns, ready to compute."""
        return [
            list(map(IntegerNetwork, weights, biases))
            for weights, biases in zip(self.weights, self.biases, strict=True)
        ]

    @cached_property
    def looked_up(self) -> dict[str, Int32[np.ndarray, " n"]]:
        """The four tables by their names."""
        return {name: getattr(self, name).numpy() for name in LOOKED_UP}


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


class IntegerNetwork:
    """A ContextNetwork in integers held in float64: sums stay below 2^53 and are exact.

    The products are PyTorch's: NumPy's have threads of their own, that get in the way of those.
    """

    def __init__(self, weights: list[torch.Tensor], biases: list[torch.Tensor]) -> None:
        (first, self.second, self.last, *linear), self.offsets = in_float64(weights, biases)
        self.seeing = torch.cat((first, *linear))  # the layers that see the inputs

    def __call__(self, x: Float64[np.ndarray, "inputs k"]) -> Integers:
        """x (inputs, k), integers, to shifts and changes below each other, (2 channels, k)."""
        first, second, last = self.offsets
        sums = self.seeing @ torch.from_numpy(x)
        u = (sums[: len(first)] + first).floor_().clamp_(0, LARGEST_ACTIVATION)
        u = torch.addmm(second, self.second, u).floor_().clamp_(0, LARGEST_ACTIVATION)
        result = torch.addmm(last, self.last, u)
        if len(sums) > len(first):
            result += sums[len(first) :]
        shift, change = result.floor_().chunk(2)
        shift.clamp_(-LARGEST_ACTIVATION, LARGEST_ACTIVATION)
        change.clamp_(-LARGEST_CHANGE * ONE, LARGEST_CHANGE * ONE)
        return result.long().numpy()


def _in_16_bits(weight: torch.Tensor) -> torch.Tensor:
    return weight.clamp(-LARGEST_WEIGHT, LARGEST_WEIGHT).to(torch.int16)


def _copy(parameter: torch.Tensor, integers: torch.Tensor, dtype: torch.dtype) -> None:
    if integers.dtype != dtype or integers.shape != parameter.shape:
        raise ValueError(
            f"a layer of the context model is {integers.dtype} {tuple(integers.shape)}"
        )
    parameter.copy_(integers / WEIGHT_ONE)
