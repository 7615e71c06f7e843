"""Latents to groups of integers, each with its table, and back: one class for each model.

A coder of latents is a frozen dataclass with the autoencoder as `model` and these methods:

    quantize(z, quality)               z to the integers of a file, "latents" below
    symbols_and_tables(latents, quality)   those integers in the order of coding, with their tables
    decode(decoder, quality, grid)     the same latents from a file
    dequantize(latents, quality, grid) z, rounded, for the synthesis

`quantize` and `decode` give the same latents, one from z, the other from a file. What they are is
each coder's own matter; nobody else looks inside. grid is the (height, width) of z. `decode` may
take its integers in as many steps as it likes, from an entropy_coding.Decoder: each step's tables
may depend on all integers before it.

Nothing that says which table an integer is coded with may come from floating-point results of a
network, for these differ between machines. Tables are counted once, by `rdalib.export`.
"""

from dataclasses import dataclass

import numpy as np
import torch

from rdalib.autoencoder import RateDistortionAutoencoder
from rdalib.entropy_coding import Table
from rdalib.hyperprior import ONE, SIDE_STRIDE, IntegerSynthesis
from rdalib.images import pad_to_multiple
from rdalib.quantization import round_half_up


def level(quality):
    """A quality level as the autoencoder wants it, a batch of one."""
    return torch.tensor([float(quality)])


@dataclass(frozen=True, eq=False)
class FactorizedCoder:
    """One table for each channel of z. Its latents: z_rounded, int64 array (M, h * w)."""

    model: RateDistortionAutoencoder
    tables: list[list[Table]]  # tables[quality][channel]

    @torch.inference_mode()
    def quantize(self, z, quality):
        """z (M, h, w) to z_rounded, in units of the level's steps."""
        u = z / self.model.steps(level(quality))[0]
        return round_half_up(u).to(torch.int64).flatten(1).numpy()

    def symbols_and_tables(self, z_rounded, quality):
        """(symbols, tables) to be coded: one group a channel."""
        return z_rounded, self.tables[quality]

    def decode(self, decoder, quality, grid):
        """z_rounded from an entropy_coding.Decoder. Raises: ValueError."""
        tables = self.tables[quality]
        decoded = decoder.decode(tables, [grid[0] * grid[1]] * len(tables))
        return np.array(decoded).reshape(len(tables), -1)

    @torch.inference_mode()
    def dequantize(self, z_rounded, quality, grid):
        """z_rounded to what the synthesis is given before its gains: (M, *grid)."""
        z = torch.from_numpy(z_rounded).float().reshape(-1, *grid)
        return z * self.model.steps(level(quality))[0]


@dataclass(frozen=True, eq=False)
class Latents:
    """z with its side information, all in integers. n places of z, n' of h, row by row."""

    h_rounded: np.ndarray  # (K, n') int64
    z_rounded: np.ndarray  # (M, n) int64: z minus its mean, in units of the step
    mean: np.ndarray  # (M, n) int64, in units of 1 / ONE times the channel's unit
    table_index: np.ndarray  # (M, n) uint8: which of the tables each latent is coded with


SCALES, SCALES_PER_OCTAVE, SMALLEST_LOG2_SCALE = 64, 6, -3.5


@dataclass(frozen=True, eq=False)
class HyperpriorCoder:
    """Side information first, a table for each of its channels; then z, a table for each scale.

    The latents are `Latents`. Scale i of 64 is 2^(-3.5 + (i + 1/2) / 6), in units of the step.
    """

    model: RateDistortionAutoencoder
    side_tables: list[list[Table]]  # side_tables[quality]: K tables of h
    scale_tables: list[Table]  # of z, one a scale
    synthesis: IntegerSynthesis
    side_steps: torch.Tensor  # (64, K) int64: the steps of h at each level, in units of 1 / ONE
    log_units: torch.Tensor  # (64, M) int64: log2 of the units of z over its steps, likewise

    @torch.inference_mode()
    def quantize(self, z, quality):
        """z (M, h, w) to Latents."""
        h_rounded = self.round_side(self.analyse_side(z), quality)
        mean, table_index = self.describe(h_rounded, quality, z.shape[1:])
        u = z.flatten(1) / self.model.steps(level(quality))[0, ..., 0]
        z_rounded = round_half_up(u - self._in_steps(mean, quality)).to(torch.int64).numpy()
        return Latents(h_rounded, z_rounded, mean, table_index)

    def symbols_and_tables(self, latents, quality):
        """(symbols, tables) to be coded: h by channels, then z by scales."""
        order = np.argsort(latents.table_index.ravel(), kind="stable")
        ends = np.cumsum(_counts(latents.table_index))[:-1]
        by_scale = np.split(latents.z_rounded.ravel()[order], ends)
        return [*latents.h_rounded, *by_scale], self.side_tables[quality] + self.scale_tables

    def decode(self, decoder, quality, grid):
        """Latents from an entropy_coding.Decoder. Raises: ValueError."""
        h_rounded = self.decode_side(decoder, quality, grid)
        mean, table_index = self.describe(h_rounded, quality, grid)
        by_scale = decoder.decode(self.scale_tables, _counts(table_index))
        z_rounded = np.empty(table_index.size, np.int64)
        z_rounded[np.argsort(table_index.ravel(), kind="stable")] = np.concatenate(by_scale)
        return Latents(h_rounded, z_rounded.reshape(table_index.shape), mean, table_index)

    @torch.inference_mode()
    def dequantize(self, latents, quality, grid):
        """Latents to what the synthesis is given before its gains: (M, *grid)."""
        u = torch.from_numpy(latents.z_rounded).float() + self._in_steps(latents.mean, quality)
        return u.reshape(-1, *grid) * self.model.steps(level(quality))[0]

    # The side information by itself

    @torch.inference_mode()
    def analyse_side(self, z):
        """z (M, h, w) to h before rounding, (K, n')."""
        return self.model.hyperprior.analyse(pad_to_multiple(z[None], SIDE_STRIDE))[0].flatten(1)

    def round_side(self, h, quality):
        """h (K, n') to h_rounded, in units of the level's steps: int64 array (K, n')."""
        steps = self.side_steps[quality][:, None] / ONE
        return round_half_up(h / steps).to(torch.int64).numpy()

    def decode_side(self, decoder, quality, grid):
        """h_rounded from an entropy_coding.Decoder. Raises: ValueError."""
        tables = self.side_tables[quality]
        rows, columns = side_grid(grid)
        return np.array(decoder.decode(tables, [rows * columns] * len(tables)))

    def describe(self, h_rounded, quality, grid):
        """h_rounded (K, n') to (mean, table_index), int64 and uint8 arrays (M, n)."""
        h = torch.from_numpy(h_rounded) * self.side_steps[quality][:, None]
        described = self.synthesis(h.reshape(-1, *side_grid(grid)))
        mean, log_scale = described[:, : grid[0], : grid[1]].flatten(1).chunk(2)
        octaves = log_scale + self.log_units[quality][:, None] - int(SMALLEST_LOG2_SCALE * ONE)
        table_index = (octaves * SCALES_PER_OCTAVE).div(ONE, rounding_mode="floor")
        return mean.numpy(), table_index.clamp(0, SCALES - 1).to(torch.uint8).numpy()

    def _in_steps(self, mean, quality):
        """Means in units of the step: float array (M, n)."""
        units = self.model.hyperprior.units / self.model.steps(level(quality))[0, :, 0, 0]
        return torch.from_numpy(mean).float() / ONE * units[:, None]


def side_grid(grid):
    """The (height, width) of h for that of z."""
    return -(-grid[0] // SIDE_STRIDE), -(-grid[1] // SIDE_STRIDE)


def _counts(table_index):
    return np.bincount(table_index.ravel(), minlength=SCALES)
