"""Latents to rows of integers, each with its table, and back: one class for each prior.

Both have the same four methods. `quantise` and `decode` give the same integers, one from z, the
other from a file; `rows` says in which order and by which tables they are coded; `dequantise`
gives back z, rounded. Tables are counted once, at export, on photographs.

Nothing that says which table an integer is coded with may come from floating-point results of a
network, for these differ between machines.
"""

from dataclasses import dataclass

import numpy as np
import torch

from rdalib.autoencoder import LEVELS
from rdalib.entropy_coding import Table, frequencies_from_pmf
from rdalib.hyperprior import (
    ONE,
    SIDE_STRIDE,
    SMALLEST_SCALE,
    IntegerSynthesis,
    gaussian_nats,
)
from rdalib.images import pad_to_multiple
from rdalib.priors import interval_nats
from rdalib.quantization import round_half_up

PSEUDO_COUNTS = 64  # the weight of the learned density where photographs were few
FARTHEST = 2**12  # from the mean of its scale that an integer is counted


def level(quality):
    """A quality level as the autoencoder wants it, a batch of one."""
    return torch.tensor([float(quality)])


class FactorizedPrior:
    """One table for each channel of z. tables[quality][channel]: Table."""

    def __init__(self, model, tables):
        self.model, self.tables = model, tables

    @torch.inference_mode()
    def quantise(self, z, quality):
        """z (M, h, w) to z_rounded, in units of the level's steps: int64 array (M, h * w)."""
        u = z / self.model.steps(level(quality))[0]
        return round_half_up(u).to(torch.int64).flatten(1).numpy()

    def rows(self, z_rounded, quality):
        """(rows, tables) to be coded."""
        return z_rounded, self.tables[quality]

    def decode(self, decoder, quality, rows, columns):
        """z_rounded from an entropy_coding.Decoder. Raises: ValueError."""
        tables = self.tables[quality]
        decoded = decoder.decode(tables, [rows * columns] * len(tables))
        return np.array(decoded).reshape(len(tables), -1)

    @torch.inference_mode()
    def dequantise(self, z_rounded, quality, rows, columns):
        """z_rounded to what the synthesis is given before its gains: (M, rows, columns)."""
        z = torch.from_numpy(z_rounded).float().reshape(-1, rows, columns)
        return z * self.model.steps(level(quality))[0]

    @torch.inference_mode()
    def count_tables(self, latents):
        """Set the tables to how often each integer occurs in latents, a list of z (M, h, w)."""
        self.tables = []
        for quality in range(LEVELS):
            integers = np.concatenate([self.quantise(z, quality) for z in latents], axis=1)
            steps = self.model.steps(level(quality))[0, ..., 0]  # (M, 1)
            self.tables.append(tables_of_channels(integers, self.model.prior, steps))


@dataclass(frozen=True)
class Latents:
    """z with its side information, all in integers. n places of z, n' of h, row by row."""

    h_rounded: np.ndarray  # (K, n') int64
    z_rounded: np.ndarray  # (M, n) int64: z minus its mean, in units of the step
    mean: np.ndarray  # (M, n) int64, in units of 1 / ONE times the channel's unit
    table: np.ndarray  # (M, n) uint8: which of the tables each latent is coded with


class ScaledPrior:
    """Side information first, a table for each of its channels; then z, a table for each scale.

    side_tables[quality]: K Tables of h; scale_tables: 64 Tables of z, the scales 2^(1/6) apart.
    synthesis: the IntegerSynthesis; side_steps (64, K): the steps of h at each level, and
    log_units (64, M): log2 of the units of z over its steps, int64 tensors in units of 1 / ONE.
    """

    SCALES, PER_OCTAVE, SMALLEST_LOG2 = 64, 6, -3.5

    def __init__(self, model, side_tables, scale_tables, synthesis, side_steps, log_units):
        self.model, self.synthesis = model, synthesis
        self.side_tables, self.scale_tables = side_tables, scale_tables
        self.side_steps, self.log_units = side_steps, log_units

    @classmethod
    @torch.inference_mode()
    def of(cls, model):
        """For a trained model, still without tables. Its hyper-synthesis is rounded in place."""
        synthesis = IntegerSynthesis.of(model.hyperprior.synthesis)
        synthesis.copy_to(model.hyperprior.synthesis)
        every = torch.arange(LEVELS).float()
        side_steps = torch.round(ONE * model.side_steps(every)).long().flatten(1)
        ratio = model.hyperprior.units / model.steps(every).flatten(1)
        log_units = torch.round(ONE * ratio.log2()).long()
        return cls(model, [], [], synthesis, side_steps.clamp(min=1), log_units)

    def describe(self, h_rounded, quality, rows, columns):
        """h_rounded (K, n') to (mean, table), int64 and uint8 arrays (M, rows * columns)."""
        side_rows, side_columns = -(-rows // SIDE_STRIDE), -(-columns // SIDE_STRIDE)
        h = torch.from_numpy(h_rounded) * self.side_steps[quality][:, None]
        described = self.synthesis(h.reshape(-1, side_rows, side_columns))
        mean, log_scale = described[:, :rows, :columns].flatten(1).chunk(2)
        octaves = log_scale + self.log_units[quality][:, None] - int(self.SMALLEST_LOG2 * ONE)
        table = (octaves * self.PER_OCTAVE).div(ONE, rounding_mode="floor")
        return mean.numpy(), table.clamp(0, self.SCALES - 1).to(torch.uint8).numpy()

    def _side(self, z):
        """z (M, h, w) to h before rounding, (K, n')."""
        return self.model.hyperprior.analyse(pad_to_multiple(z[None], SIDE_STRIDE))[0].flatten(1)

    def _round_side(self, h, quality):
        """h to h_rounded, in units of the level's steps: int64 array (K, n')."""
        steps = self.side_steps[quality][:, None] / ONE
        return round_half_up(h / steps).to(torch.int64).numpy()

    def _means(self, mean, quality):
        """Means in units of the step: float array (M, n)."""
        units = self.model.hyperprior.units / self.model.steps(level(quality))[0, :, 0, 0]
        return torch.from_numpy(mean).float() / ONE * units[:, None]

    @torch.inference_mode()
    def quantise(self, z, quality):
        """z (M, h, w) to Latents."""
        rows, columns = z.shape[1:]
        h_rounded = self._round_side(self._side(z), quality)
        mean, table = self.describe(h_rounded, quality, rows, columns)
        u = z.flatten(1) / self.model.steps(level(quality))[0, ..., 0]
        z_rounded = round_half_up(u - self._means(mean, quality)).to(torch.int64).numpy()
        return Latents(h_rounded, z_rounded, mean, table)

    def rows(self, latents, quality):
        """(rows, tables) to be coded: h by channels, then z by scales."""
        order = np.argsort(latents.table.ravel(), kind="stable")
        ends = np.cumsum(self._counts(latents.table))[:-1]
        by_scale = np.split(latents.z_rounded.ravel()[order], ends)
        return [*latents.h_rounded, *by_scale], self.side_tables[quality] + self.scale_tables

    def _counts(self, table):
        return np.bincount(table.ravel(), minlength=self.SCALES)

    def decode(self, decoder, quality, rows, columns):
        """Latents from an entropy_coding.Decoder. Raises: ValueError."""
        side_tables = self.side_tables[quality]
        side_count = -(-rows // SIDE_STRIDE) * -(-columns // SIDE_STRIDE)
        h_rounded = np.array(decoder.decode(side_tables, [side_count] * len(side_tables)))
        mean, table = self.describe(h_rounded, quality, rows, columns)
        by_scale = decoder.decode(self.scale_tables, self._counts(table))
        z_rounded = np.empty(table.size, np.int64)
        z_rounded[np.argsort(table.ravel(), kind="stable")] = np.concatenate(by_scale)
        return Latents(h_rounded, z_rounded.reshape(table.shape), mean, table)

    @torch.inference_mode()
    def dequantise(self, latents, quality, rows, columns):
        """Latents to what the synthesis is given before its gains: (M, rows, columns)."""
        u = torch.from_numpy(latents.z_rounded).float() + self._means(latents.mean, quality)
        steps = self.model.steps(level(quality))[0]
        return u.reshape(-1, rows, columns) * steps

    @torch.inference_mode()
    def count_tables(self, latents):
        """Set the tables to how often each integer occurs in latents, a list of z (M, h, w).

        The tables of h at every level; those of the scales at every ninth, all in one.
        """
        h = torch.cat([self._side(z) for z in latents], dim=1)
        self.side_tables = []
        for quality in range(LEVELS):
            steps = self.side_steps[quality][:, None] / ONE
            h_rounded = self._round_side(h, quality)
            self.side_tables.append(
                tables_of_channels(h_rounded, self.model.hyperprior.prior, steps)
            )
        width = 2 * FARTHEST + 1
        counts = np.zeros(self.SCALES * width, np.int64)
        for quality in range(0, LEVELS, 9):
            for z in latents:
                quantised = self.quantise(z, quality)
                place = quantised.z_rounded.clip(-FARTHEST, FARTHEST) + FARTHEST
                place += width * quantised.table.astype(np.int64)
                counts += np.bincount(place.ravel(), minlength=len(counts))
        scales = 2.0 ** (self.SMALLEST_LOG2 + (torch.arange(self.SCALES) + 0.5) / self.PER_OCTAVE)
        scales = torch.hypot(scales, torch.tensor(SMALLEST_SCALE))[:, None]
        grid = torch.arange(-FARTHEST, FARTHEST + 1).float()
        pmfs = torch.exp(-gaussian_nats(grid, scales)).double().numpy()
        self.scale_tables = list(map(table_from_counts, counts.reshape(-1, width), pmfs))


def tables_of_channels(integers, prior, steps):
    """One table a channel. integers: (C, n) in units of steps, a tensor (C, 1)."""
    reach = int(np.abs(integers).max()) + 8
    grid = torch.arange(-reach, reach + 1).float()
    nats = interval_nats(prior, (grid * steps)[None], steps)[0]  # (C, 2 reach + 1)
    pmfs = torch.exp(-nats).double().numpy()
    counts = [np.bincount(row + reach, minlength=len(grid)) for row in integers]
    return list(map(table_from_counts, counts, pmfs))


def table_from_counts(counts, pmf):
    """How often each of the integers -r..r occurred, as a Table.

    counts: int array (2 r + 1,); pmf: float64 array (2 r + 1,), the learned density, which has
    the weight of 64 integers. A table reaches out to one part in 2^17 on both sides.
    """
    pmf = counts + PSEUDO_COUNTS * pmf
    pmf = pmf / pmf.sum()
    inside = np.flatnonzero((np.cumsum(pmf) > 2**-17) & (np.cumsum(pmf[::-1])[::-1] > 2**-17))
    low, high = inside[0], inside[-1] + 1
    escape = pmf[:low].sum() + pmf[high:].sum()
    first = int(low) - len(pmf) // 2
    return Table(first, frequencies_from_pmf(np.append(pmf[low:high], escape)))
