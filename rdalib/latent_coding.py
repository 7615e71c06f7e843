"""Latents to groups of integers, each with its table, and back: one class for each model.

A coder of latents is a frozen dataclass with the autoencoder as `model` and these methods:

    quantize(z, quality, side, threshold)  z to the integers of a file, "latents" below
    symbols_and_tables(latents, quality)   those integers in the order of coding, with their tables
    decode(decoder, quality, grid)         the same latents from a file
    dequantize(latents, quality, grid)     z, rounded, for the synthesis
    tables_of_z(quality)                   the tables that integers of z are coded with
    relaxed(latents, quality)              a differentiable stand-in, for `refinement`
    to(device)                             the same coder with its networks on another device

`quantize` and `decode` give the same latents, one from z, the other from a file. What they are is
each coder's own matter; nobody else looks inside. grid is the (height, width) of z. side: latents
whose side information is kept; threshold: see `to_integers`. `relaxed` gives a function of u, z in
steps, and of a function in place of rounding; its result is (what the bits are of, the index of
the table of each, what is decoded, in steps), each (M, h, w). `decode` may
take its integers in as many steps as it likes, from an entropy_coding.Decoder: each step's tables
may depend on all integers before it.

Nothing that says which table an integer is coded with may come from floating-point results of a
network, for these differ between machines. Integers stay on the CPU. Tables are counted once, by
`rdalib.export`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from rdalib.autoencoder import RateDistortionAutoencoder
from rdalib.entropy_coding import Decoder, Table
from rdalib.escapes import LARGEST
from rdalib.transforms import STRIDE

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Int32
    from torch import Tensor

    Grid = tuple[int, int]
    Soften = Callable[[Float[Tensor, "M h w"]], Float[Tensor, "M h w"]]
    Relaxed = Callable[[Float[Tensor, "M h w"], Soften], tuple[Tensor, Tensor, Tensor]]
    Groups = tuple[Sequence[Int[np.ndarray, " n"]], Sequence[Table]]


class LatentCoder(Protocol):
    """What the codec asks of a coder of latents. See the head of this module."""

    @property
    def model(self) -> RateDistortionAutoencoder: ...
    def quantize(
        self,
        z: Float[Tensor, "M h w"],
        quality: int,
        side: Any = None,
        threshold: float = 0.5,
    ) -> Any: ...
    def symbols_and_tables(self, latents: Any, quality: int) -> Groups: ...
    def decode(self, decoder: Decoder, quality: int, grid: Grid) -> Any: ...
    def dequantize(self, latents: Any, quality: int, grid: Grid) -> Float[Tensor, "M h w"]: ...
    def tables_of_z(self, quality: int) -> Sequence[Table]: ...
    def relaxed(self, latents: Any, quality: int) -> Relaxed: ...
    def to(self, device: torch.device | str) -> LatentCoder: ...


def level(quality: float) -> Float[Tensor, " 1"]:
    """A quality level as the autoencoder wants it, a batch of one."""
    return torch.tensor([float(quality)], dtype=torch.float32)


def steps_at(model: RateDistortionAutoencoder, quality: int) -> Float[Tensor, "M 1 1"]:
    """The step sizes of z at a level, on the model's device."""
    return model.steps(level(quality).to(model.log_steps.device))[0]


def to_integers(
    u: Float[np.ndarray, "*shape"], threshold: float = 0.5
) -> Int32[np.ndarray, "*shape"]:
    """Rounded half up; what is too large to be coded stays so.

    threshold: with more than 1/2, a number less than so far beyond an integer is rounded to that
    one, the nearer to zero: fewer bits for a little more distortion.
    """
    rounded = np.floor(u + 0.5)
    if threshold > 0.5:
        size = np.abs(rounded)
        rounded = np.sign(rounded) * (size - (np.abs(u) < size - 1 + threshold))
    return rounded.clip(-LARGEST, LARGEST).astype(np.int32)


@dataclass(frozen=True, eq=False)
class FactorizedCoder:
    """One table for each channel of z. Its latents: z_rounded, int32 array (M, h * w)."""

    model: RateDistortionAutoencoder
    tables: Sequence[Sequence[Table]]  # tables[quality][channel]

    def to(self, device: torch.device | str) -> FactorizedCoder:
        """The same with its networks on another device."""
        return replace(self, model=deepcopy(self.model).to(device))

    @torch.inference_mode()
    def quantize(
        self,
        z: Float[Tensor, "M h w"],
        quality: int,
        side: Any = None,
        threshold: float = 0.5,
    ) -> Int32[np.ndarray, "M n"]:
        """z_rounded, in units of the level's steps."""
        u = (z / steps_at(self.model, quality)).flatten(1)
        return to_integers(u.cpu().numpy(), threshold)

    def symbols_and_tables(self, z_rounded: Int32[np.ndarray, "M n"], quality: int) -> Groups:
        """(symbols, tables) to be coded: one group a channel."""
        return list(z_rounded), self.tables[quality]

    def decode(self, decoder: Decoder, quality: int, grid: Grid) -> Int32[np.ndarray, "M n"]:
        """z_rounded from a file. Raises: ValueError."""
        tables = self.tables[quality]
        return np.array(decoder.decode(tables, [grid[0] * grid[1]] * len(tables)))

    @torch.inference_mode()
    def dequantize(
        self, z_rounded: Int32[np.ndarray, "M n"], quality: int, grid: Grid
    ) -> Float[Tensor, "M h w"]:
        """What the synthesis is given before its gains."""
        steps = steps_at(self.model, quality)
        return torch.from_numpy(z_rounded).to(steps.device).float().reshape(-1, *grid) * steps

    def tables_of_z(self, quality: int) -> Sequence[Table]:
        """One a channel."""
        return self.tables[quality]

    def relaxed(self, z_rounded: Int32[np.ndarray, "M n"], quality: int) -> Relaxed:
        """See the head of this module."""

        def relax(u: Tensor, soften: Soften) -> tuple[Tensor, Tensor, Tensor]:
            d = soften(u)
            index = torch.arange(len(u), device=u.device)[:, None, None].expand_as(u)
            return d, index, d

        return relax


def latent_grid(height: int, width: int) -> Grid:
    """The (height, width) of z for a photograph of height x width pixels."""
    return -(-height // STRIDE), -(-width // STRIDE)
