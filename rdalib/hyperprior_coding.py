"""The coder of latents with side information: h first, then z by the scales that h tells.

See latent_coding for what a coder of latents is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from rdalib.autoencoder import RateDistortionAutoencoder
from rdalib.entropy_coding import Decoder, Table
from rdalib.hyperprior import ONE, SIDE_STRIDE, IntegerSynthesis
from rdalib.images import pad_to_multiple
from rdalib.latent_coding import steps_at, to_integers
from rdalib.strips import in_strips

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Int32, Shaped, UInt8
    from torch import Tensor

    from rdalib.latent_coding import Grid, Groups, Relaxed, Soften

    Described = tuple[
        Int32[np.ndarray, "M n"], Int32[np.ndarray, "M n"], Int32[np.ndarray, "A n"]
    ]  # see HyperpriorCoder.describe_fully

SCALES, SCALES_PER_OCTAVE, SMALLEST_LOG2_SCALE = 64, 6, -3.5  # of the tables of z
SIDE_ROWS = 8  # of h in a strip
SIDE_HALO = 2  # rows of h; both networks of the hyperprior see fewer
LATENTS_AT_ONCE = 2**21  # in sorting them by their tables


@dataclass(frozen=True, eq=False)
class Latents:
    """z with its side information, all in integers. n places of z, n' of h, row by row."""

    h_rounded: Int32[np.ndarray, "K n_h"]
    z_rounded: Int32[np.ndarray, "M n"]  # z minus its mean, in units of the step
    mean: Int32[np.ndarray, "M n"]  # in units of 1 / ONE times the channel's unit
    table_index: UInt8[np.ndarray, "M n"]  # which of the tables each latent is coded with


@dataclass(frozen=True, eq=False)
class HyperpriorCoder:
    """Side information first, a table for each of its channels; then z, a table for each scale.

    The latents are `Latents`. Scale i of 64 is 2^(-3.5 + (i + 1/2) / 6), in units of the step.
    """

    model: RateDistortionAutoencoder
    side_tables: Sequence[Sequence[Table]]  # side_tables[quality]: K tables of h
    scale_tables: Sequence[Table]  # of z, one a scale
    synthesis: IntegerSynthesis
    side_steps: Int[Tensor, "64 K"]  # the steps of h at each level, in units of 1 / ONE
    log_units: Int[Tensor, "64 M"]  # log2 of the units of z over its steps, likewise

    def to(self, device: torch.device | str) -> HyperpriorCoder:
        """The same with its networks on another device; the integers stay on the CPU."""
        return replace(self, model=deepcopy(self.model).to(device))

    @torch.inference_mode()
    def quantize(
        self,
        z: Float[Tensor, "M h w"],
        quality: int,
        side: Latents | None = None,
        threshold: float = 0.5,
    ) -> Latents:
        """z in the integers that a file holds."""
        if side:
            h_rounded, mean, table_index = side.h_rounded, side.mean, side.table_index
        else:
            h_rounded = self.round_side(self.analyse_side(z), quality)
            mean, table_index = self.describe(h_rounded, quality, (z.shape[1], z.shape[2]))
        u = (z / steps_at(self.model, quality)).flatten(1)
        deviation = u.sub_(self.in_steps(mean, quality)).cpu().numpy()
        z_rounded = to_integers(deviation, threshold)
        return Latents(h_rounded, z_rounded, mean, table_index)

    def symbols_and_tables(self, latents: Latents, quality: int) -> Groups:
        """(symbols, tables) to be coded: h by channels, then z by scales."""
        by_scale = sorted_by_table(latents.z_rounded, latents.table_index)
        tables = [*self.side_tables[quality], *self.scale_tables]
        return [*latents.h_rounded, *by_scale], tables

    def decode(self, decoder: Decoder, quality: int, grid: Grid) -> Latents:
        """Latents from a file. Raises: ValueError."""
        h_rounded = self.decode_side(decoder, quality, grid)
        mean, table_index = self.describe(h_rounded, quality, grid)
        counts = np.bincount(table_index.ravel(), minlength=SCALES)
        by_scale = decoder.decode(self.scale_tables, counts)
        return Latents(h_rounded, put_back(by_scale, table_index), mean, table_index)

    @torch.inference_mode()
    def dequantize(self, latents: Latents, quality: int, grid: Grid) -> Float[Tensor, "M h w"]:
        """What the synthesis is given before its gains."""
        steps = steps_at(self.model, quality)
        u = torch.from_numpy(latents.z_rounded).to(steps.device).float()
        u += self.in_steps(latents.mean, quality)
        return u.reshape(-1, *grid).mul_(steps)

    def tables_of_z(self, quality: int) -> Sequence[Table]:
        """One a scale."""
        return self.scale_tables

    def relaxed(self, latents: Latents, quality: int) -> Relaxed:
        """See latent_coding. Means and scales are those of the side information."""
        means = self.in_steps(latents.mean, quality).detach()
        indices = torch.from_numpy(latents.table_index).to(means.device).long()

        def relax(u: Tensor, soften: Soften) -> tuple[Tensor, Tensor, Tensor]:
            mean, index = means.reshape(u.shape), indices.reshape(u.shape)
            d = soften(u - mean)
            return d, index, d + mean

        return relax

    # The side information by itself

    @torch.inference_mode()
    def analyse_side(self, z: Float[Tensor, "M h w"]) -> Float[Tensor, "K n_h"]:
        """h before rounding."""

        def analyse(part: Tensor) -> Tensor:
            return self.model.hyperprior.analyse(pad_to_multiple(part[None], SIDE_STRIDE))[0]

        sizes = {"rows": SIDE_ROWS, "halo": SIDE_HALO, "given": SIDE_STRIDE}
        strips = [h for _, h in in_strips(analyse, z, **sizes)]
        return torch.cat(strips, dim=1).flatten(1)

    def round_side(self, h: Float[Tensor, "K n_h"], quality: int) -> Int32[np.ndarray, "K n_h"]:
        """h_rounded, in units of the level's steps."""
        steps = self.side_steps[quality][:, None].float() / ONE
        return to_integers((h / steps.to(h.device)).cpu().numpy())

    def decode_side(self, decoder: Decoder, quality: int, grid: Grid) -> Int32[np.ndarray, "K n_h"]:
        """h_rounded from a file. Raises: ValueError."""
        tables = self.side_tables[quality]
        rows, columns = side_grid(grid)
        return np.array(decoder.decode(tables, [rows * columns] * len(tables)))

    def describe(
        self, h_rounded: Int32[np.ndarray, "K n_h"], quality: int, grid: Grid
    ) -> tuple[Int32[np.ndarray, "M n"], UInt8[np.ndarray, "M n"]]:
        """(mean, table_index) of every latent, as in `Latents`."""
        mean, octaves, _ = self.describe_fully(h_rounded, quality, grid)
        return mean, scale_index(octaves)

    def describe_fully(
        self, h_rounded: Int32[np.ndarray, "K n_h"], quality: int, grid: Grid
    ) -> Described:
        """(mean, octaves, features), all in units of 1 / ONE: what a context model builds on.

        mean: as in `Latents`; octaves: log2 of the scale over the smallest one of the tables;
        features: what the hyper-synthesis computed them from.
        """
        h = torch.from_numpy(h_rounded) * self.side_steps[quality][:, None]
        latent, seen = self.log_units.shape[1], self.synthesis.weights[-1].shape[1]
        parts = [np.empty((channels, *grid), np.int32) for channels in (latent, latent, seen)]
        sizes = {"rows": SIDE_ROWS, "halo": SIDE_HALO, "made": SIDE_STRIDE}

        def describe(part: Tensor) -> Tensor:
            features = self.synthesis.features(part)
            return torch.cat((self.synthesis.last(features), features))

        for rows, described in in_strips(describe, h.reshape(-1, *side_grid(grid)), **sizes):
            height = min(rows.stop, grid[0]) - rows.start
            here = described[:, :height, : grid[1]].split((latent, latent, seen))
            here[1].add_(self.log_units[quality][:, None, None] - int(SMALLEST_LOG2_SCALE * ONE))
            for whole, part in zip(parts, here, strict=True):
                whole[:, rows] = part.clamp(-(2**31), 2**31 - 1).numpy()
        mean, octaves, features = (part.reshape(len(part), -1) for part in parts)
        return mean, octaves, features

    def in_steps(self, mean: Int32[np.ndarray, "M n"], quality: int) -> Float[Tensor, "M n"]:
        """Means in units of the step."""
        units = self.model.hyperprior.units / steps_at(self.model, quality)[:, 0, 0]
        return torch.from_numpy(mean).to(units.device).float().div_(ONE).mul_(units[:, None])


def scale_index(octaves: Int[np.ndarray, "M n"]) -> UInt8[np.ndarray, "M n"]:
    """The table of each scale, by its log2 over the smallest, in units of 1 / ONE."""
    beyond = (SCALES * ONE - 1) // SCALES_PER_OCTAVE  # of the last; times 6, it fits in 32 bits
    table_index = np.empty(octaves.shape, np.uint8)
    for channels in some_channels(octaves):
        inside = np.minimum(np.maximum(octaves[channels], 0), beyond)
        table_index[channels] = inside * SCALES_PER_OCTAVE // ONE
    return table_index


def side_grid(grid: Grid) -> Grid:
    """The (height, width) of h for that of z."""
    return -(-grid[0] // SIDE_STRIDE), -(-grid[1] // SIDE_STRIDE)


def sorted_by_table(
    integers: Int32[np.ndarray, "M n"], table_index: UInt8[np.ndarray, "M n"]
) -> list[Int32[np.ndarray, " n_i"]]:
    """The integers of each of the 64 tables, in the order in which they lie in the array."""
    parts: list[list[np.ndarray]] = [[] for _ in range(SCALES)]
    for channels in some_channels(table_index):
        index = table_index[channels].ravel()
        order = np.argsort(index, kind="stable")
        ends = np.cumsum(np.bincount(index, minlength=SCALES))[:-1]
        for group, part in zip(
            parts, np.split(integers[channels].ravel()[order], ends), strict=True
        ):
            group.append(part)
    return [np.concatenate(group) for group in parts]


def put_back(
    by_table: Sequence[Int32[np.ndarray, " n_i"]],
    table_index: UInt8[np.ndarray, "M n"],
) -> Int32[np.ndarray, "M n"]:
    """The inverse of `sorted_by_table`."""
    integers, taken = np.empty(table_index.shape, np.int32), np.zeros(len(by_table), np.int64)
    for channels in some_channels(table_index):
        index = table_index[channels].ravel()
        counts = np.bincount(index, minlength=SCALES)
        here = [
            group[start : start + count]
            for group, start, count in zip(by_table, taken, counts, strict=True)
        ]
        some = np.empty(len(index), np.int32)
        some[np.argsort(index, kind="stable")] = np.concatenate(here)
        integers[channels] = some.reshape(table_index[channels].shape)
        taken += counts
    return integers


def some_channels(latents: Shaped[np.ndarray, "M n"]) -> Iterator[slice]:
    """Slices of channels, so that what has 64 bits for each latent is never large."""
    channels, places = latents.shape
    some = max(1, LATENTS_AT_ONCE // max(places, 1))
    return (slice(first, first + some) for first in range(0, channels, some))
