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

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from rdalib.autoencoder import RateDistortionAutoencoder
from rdalib.entropy_coding import LARGEST, Decoder, Table
from rdalib.hyperprior import ONE, SIDE_STRIDE, IntegerSynthesis
from rdalib.images import pad_to_multiple
from rdalib.quantization import round_half_up
from rdalib.strips import in_strips

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Int32, Shaped, UInt8
    from torch import Tensor

    Grid = tuple[int, int]
    Soften = Callable[[Float[Tensor, "M h w"]], Float[Tensor, "M h w"]]
    Relaxed = Callable[[Float[Tensor, "M h w"], Soften], tuple[Tensor, Tensor, Tensor]]
    Groups = tuple[Sequence[Int[np.ndarray, " n"]], Sequence[Table]]

SIDE_ROWS = 4  # of h in a strip
SIDE_HALO = 2  # rows of h; both networks of the hyperprior see fewer
LATENTS_AT_ONCE = 2**21  # in sorting them by their tables


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


def to_integers(u: Float[Tensor, "*shape"], threshold: float = 0.5) -> Int32[np.ndarray, "*shape"]:
    """Rounded half up, as an array; what is too large to be coded stays so.

    threshold: with more than 1/2, a number less than so far beyond an integer is rounded to that
    one, the nearer to zero: fewer bits for a little more distortion.
    """
    rounded = round_half_up(u)
    if threshold > 0.5:
        size = rounded.abs()
        rounded = rounded.sign() * (size - (u.abs() < size - 1 + threshold).float())
    return rounded.clamp_(-LARGEST, LARGEST).to(torch.int32).cpu().numpy()


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
        return to_integers((z / steps_at(self.model, quality)).flatten(1), threshold)

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


@dataclass(frozen=True, eq=False)
class Latents:
    """z with its side information, all in integers. n places of z, n' of h, row by row."""

    h_rounded: Int32[np.ndarray, "K n_h"]
    z_rounded: Int32[np.ndarray, "M n"]  # z minus its mean, in units of the step
    mean: Int32[np.ndarray, "M n"]  # in units of 1 / ONE times the channel's unit
    table_index: UInt8[np.ndarray, "M n"]  # which of the tables each latent is coded with


SCALES, SCALES_PER_OCTAVE, SMALLEST_LOG2_SCALE = 64, 6, -3.5


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
        h_rounded = side.h_rounded if side else self.round_side(self.analyse_side(z), quality)
        mean, table_index = self.describe(h_rounded, quality, (z.shape[1], z.shape[2]))
        u = (z / steps_at(self.model, quality)).flatten(1)
        z_rounded = to_integers(u.sub_(self.in_steps(mean, quality)), threshold)
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
        """See the head of this module. Means and scales are those of the side information."""
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
        return to_integers(h / (self.side_steps[quality][:, None].float() / ONE).to(h.device))

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
    ) -> tuple[Int32[np.ndarray, "M n"], Int32[np.ndarray, "M n"], Int32[np.ndarray, "A n"]]:
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


def scale_index(octaves: Int32[np.ndarray, "M n"]) -> UInt8[np.ndarray, "M n"]:
    """The table of each scale, by its log2 over the smallest, in units of 1 / ONE."""
    table_index = np.empty(octaves.shape, np.uint8)
    for channels in _some_channels(octaves):
        index = octaves[channels].astype(np.int64) * SCALES_PER_OCTAVE // ONE
        table_index[channels] = index.clip(0, SCALES - 1)
    return table_index


def side_grid(grid: Grid) -> Grid:
    """The (height, width) of h for that of z."""
    return -(-grid[0] // SIDE_STRIDE), -(-grid[1] // SIDE_STRIDE)


def sorted_by_table(
    integers: Int32[np.ndarray, "M n"], table_index: UInt8[np.ndarray, "M n"]
) -> list[Int32[np.ndarray, " n_i"]]:
    """The integers of each of the 64 tables, in the order in which they lie in the array."""
    parts: list[list[np.ndarray]] = [[] for _ in range(SCALES)]
    for channels in _some_channels(table_index):
        index = table_index[channels].ravel()
        order = np.argsort(index, kind="stable")
        ends = np.cumsum(np.bincount(index, minlength=SCALES))[:-1]
        for group, part in zip(
            parts, np.split(integers[channels].ravel()[order], ends), strict=True
        ):
            group.append(part)
    return [np.concatenate(group) for group in parts]


def put_back(
    by_table: Sequence[Int32[np.ndarray, " n_i"]], table_index: UInt8[np.ndarray, "M n"]
) -> Int32[np.ndarray, "M n"]:
    """The inverse of `sorted_by_table`."""
    integers, taken = np.empty(table_index.shape, np.int32), np.zeros(SCALES, np.int64)
    for channels in _some_channels(table_index):
        index = table_index[channels].ravel()
        counts = np.bincount(index, minlength=SCALES)
        here = [
            group[start : start + count]
            for group, start, count in zip(by_table, taken, counts, strict=True)
        ]
        some = np.empty(len(index), np.int32)
        some[np.argsort(index, kind="stable")] = np.concatenate(here)
        integers[channels] = some.reshape(-1, table_index.shape[1])
        taken += counts
    return integers


def _some_channels(latents: Shaped[np.ndarray, "M n"]) -> Iterator[slice]:
    """Slices of channels, so that what has 64 bits for each latent is never large."""
    channels, places = latents.shape
    some = max(1, LATENTS_AT_ONCE // max(places, 1))
    return (slice(first, first + some) for first in range(0, channels, some))
