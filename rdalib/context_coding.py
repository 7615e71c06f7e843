"""The coder of latents with a context model, which goes its way, encoding or decoding.

See latent_coding for what a coder of latents is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from rdalib.coding_order import walk
from rdalib.context import SPACINGS, turns
from rdalib.hyperprior import ONE
from rdalib.hyperprior_coding import (
    SCALES,
    SCALES_PER_OCTAVE,
    SMALLEST_LOG2_SCALE,
    HyperpriorCoder,
    put_back,
    some_channels,
    sorted_by_table,
)
from rdalib.integer_context import IntegerContext
from rdalib.latent_coding import level, steps_at, to_integers
from rdalib.quantization import round_half_up

if TYPE_CHECKING:
    from jaxtyping import Float, Int32, UInt8
    from torch import Tensor

    from rdalib.autoencoder import RateDistortionAutoencoder
    from rdalib.coding_order import Places
    from rdalib.entropy_coding import Decoder, Table
    from rdalib.hyperprior_coding import Described
    from rdalib.integer_context import Integers
    from rdalib.latent_coding import Grid, Groups, Relaxed, Soften


@dataclass(frozen=True, eq=False)
class ContextLatents:
    """z with its side information, all in integers. n places of z on a grid, row by row."""

    grid: Grid
    h_rounded: Int32[np.ndarray, "K n_h"]
    mean: Int32[np.ndarray, "M n"]  # these three: of h, see HyperpriorCoder.describe_fully
    octaves: Int32[np.ndarray, "M n"]
    features: Int32[np.ndarray, "A n"]
    z_rounded: Int32[np.ndarray, "M n"]  # z minus its mean, in units of the step
    shift: Int32[np.ndarray, "M n"]  # how far the context moves it, in units of 1 / ONE steps
    table_index: UInt8[np.ndarray, "M n"]  # which of the tables each latent is coded with

    @classmethod
    def empty(
        cls, grid: Grid, h_rounded: Int32[np.ndarray, "K n_h"], described: Described
    ) -> ContextLatents:
        """With z still to be filled in."""
        parts = (np.empty(described[0].shape, dtype) for dtype in (np.int32, np.int32, np.uint8))
        return cls(grid, h_rounded, *described, *parts)

    def fill(
        self,
        channels: slice,
        places: Places,
        integers: Integers,
        shift: Integers,
        table_index: Integers,
    ) -> None:
        """Set some channels at some places."""
        self.z_rounded[channels, places] = integers
        self.shift[channels, places] = shift
        self.table_index[channels, places] = table_index


@dataclass(frozen=True, eq=False)
class ContextCoder:
    """Side information as in the hyperprior's coder, then z by the context model's groups."""

    hyperprior: HyperpriorCoder
    context: IntegerContext

    @property
    def model(self) -> RateDistortionAutoencoder:
        return self.hyperprior.model

    def to(self, device: torch.device | str) -> ContextCoder:
        """The same with its networks on another device; the integers stay on the CPU."""
        return replace(self, hyperprior=self.hyperprior.to(device))

    @torch.inference_mode()
    def quantize(
        self,
        z: Float[Tensor, "M h w"],
        quality: int,
        side: ContextLatents | None = None,
        threshold: float = 0.5,
    ) -> ContextLatents:
        """z (M, h, w) in the integers that a file holds."""
        coder, grid = self.hyperprior, (z.shape[1], z.shape[2])
        if side:
            h_rounded, described = side.h_rounded, (side.mean, side.octaves, side.features)
        else:
            h_rounded = coder.round_side(coder.analyse_side(z), quality)
            described = coder.describe_fully(h_rounded, quality, grid)
        latents = ContextLatents.empty(grid, h_rounded, described)
        in_steps = (z / steps_at(self.model, quality)).flatten(1)
        u = in_steps.sub_(coder.in_steps(latents.mean, quality)).cpu().numpy()

        def code(
            channels: slice, places: Places, shift: Integers, table_index: Integers
        ) -> Integers:
            integers = np.empty(shift.shape, np.int32)
            for some in some_channels(shift):
                deviation = u[channels][some, places] - shift[some] / ONE
                integers[some] = to_integers(deviation, threshold)
            latents.fill(channels, places, integers, shift, table_index)
            return integers

        walk(self.context, latents.octaves, latents.features, quality, grid, code)
        return latents

    def symbols_and_tables(self, latents: ContextLatents, quality: int) -> Groups:
        """(symbols, tables) to be coded: h by channels, then z turn by turn, each by its tables."""
        symbols, tables = list(latents.h_rounded), list(self.hyperprior.side_tables[quality])
        for (low, high), spacing in zip(self.context.groups, SPACINGS, strict=False):
            for places, _ in turns(*latents.grid, spacing):
                here = slice(low, high), places
                symbols += sorted_by_table(latents.z_rounded[here], latents.table_index[here])
                tables += self.hyperprior.scale_tables
        return symbols, tables

    def decode(self, decoder: Decoder, quality: int, grid: Grid) -> ContextLatents:
        """ContextLatents from a file. Raises: ValueError."""
        h_rounded = self.hyperprior.decode_side(decoder, quality, grid)
        described = self.hyperprior.describe_fully(h_rounded, quality, grid)
        latents = ContextLatents.empty(grid, h_rounded, described)

        def code(
            channels: slice, places: Places, shift: Integers, table_index: Integers
        ) -> Integers:
            counts = np.bincount(table_index.ravel(), minlength=SCALES)
            by_table = decoder.decode(self.hyperprior.scale_tables, counts)
            integers = put_back(by_table, table_index)
            latents.fill(channels, places, integers, shift, table_index)
            return integers

        walk(self.context, latents.octaves, latents.features, quality, grid, code)
        return latents

    def tables_of_z(self, quality: int) -> Sequence[Table]:
        """One a scale."""
        return self.hyperprior.scale_tables

    def relaxed(self, latents: ContextLatents, quality: int) -> Relaxed:
        """See the head of latent_coding. The context is that of the latents rounded; gradients go
        through it, so that a latent answers for what is predicted from it.
        """
        coder, device = self.hyperprior, self.model.log_steps.device
        mean = coder.in_steps(latents.mean, quality).detach()
        log_scale = torch.from_numpy(latents.octaves / ONE + SMALLEST_LOG2_SCALE).float()
        seen = torch.from_numpy(latents.features / ONE).float()
        described = [t.to(device).reshape(1, -1, *latents.grid) for t in (mean, log_scale, seen)]

        at = level(quality).to(device)

        def relax(u: Tensor, soften: Soften) -> tuple[Tensor, Tensor, Tensor]:
            def quantize(u: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
                d = soften(u - mean)
                return d, round_half_up(u - mean) + mean

            d, _, mean, log_scale = self.model.context(
                u[None], *described, at, quantize, through=True
            )
            octaves = log_scale.detach() - SMALLEST_LOG2_SCALE
            index = (octaves * SCALES_PER_OCTAVE).floor().clamp(0, SCALES - 1).long()
            return d[0], index[0], (d + mean)[0]

        return relax

    @torch.inference_mode()
    def dequantize(
        self, latents: ContextLatents, quality: int, grid: Grid
    ) -> Float[Tensor, "M h w"]:
        """What the synthesis is given before its gains: (M, *grid)."""
        steps = steps_at(self.model, quality)
        u = torch.empty(latents.z_rounded.shape, dtype=torch.float32)
        for some in some_channels(latents.z_rounded):
            u[some] = torch.from_numpy(latents.z_rounded[some] + latents.shift[some] / ONE)
        u = u.to(steps.device)
        u += self.hyperprior.in_steps(latents.mean, quality)
        return u.reshape(-1, *grid).mul_(steps)
