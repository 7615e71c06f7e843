"""A trained model to a weights file: its tables are counted here, once, on photographs.

A table holds how often each integer occurred, and a little of the learned density for the integers
that did not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from rdalib.context_coding import ContextCoder
from rdalib.entropy_coding import Table, frequencies_from_pmf
from rdalib.files import write_file
from rdalib.hyperprior import ONE, SMALLEST_SCALE, IntegerSynthesis, gaussian_nats
from rdalib.hyperprior_coding import (
    SCALES,
    SCALES_PER_OCTAVE,
    SMALLEST_LOG2_SCALE,
    HyperpriorCoder,
)
from rdalib.images import pad_to_multiple
from rdalib.integer_context import IntegerContext
from rdalib.latent_coding import FactorizedCoder
from rdalib.priors import interval_nats
from rdalib.quality import LEVELS
from rdalib.transforms import STRIDE
from rdalib.weights_file import pack

if TYPE_CHECKING:
    from os import PathLike

    from jaxtyping import Float, Float64, Int
    from torch import Tensor

    from rdalib.autoencoder import RateDistortionAutoencoder
    from rdalib.priors import Prior

PSEUDO_COUNTS = 64  # the weight of the learned density where photographs were few
FARTHEST = 2**12  # from its mean that an integer of z is counted
LARGEST_COUNTED = 2**10  # of a channel with a table of its own


@torch.inference_mode()
def export(
    model: RateDistortionAutoencoder,
    photos: Iterable[Float[Tensor, "3 H W"]],
    path: str | PathLike[str],
    about: dict[str, str],
) -> None:
    """Write a trained model as a weights file, with tables counted on photographs.

    model: RateDistortionAutoencoder (its weights are rounded here, in place); photos: an
    iterable of y, looked at one by one; about: dict of text. Raises: OSError.
    """
    model.to("cpu", memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    model.eval()
    for parameter in model.state_dict().values():
        parameter.copy_(parameter.half().float())
    latents = (model.analysis(pad_to_multiple(y[None], STRIDE))[0] for y in photos)
    count = count_side_and_scales if hasattr(model, "hyperprior") else count_channels
    write_file(path, pack(count(model, latents), about))


@torch.inference_mode()
def count_channels(
    model: RateDistortionAutoencoder, latents: Iterable[Float[Tensor, "M h w"]]
) -> FactorizedCoder:
    """A FactorizedCoder with tables of how often each integer occurs in latents, z (M, h, w)."""
    coder = FactorizedCoder(model, ())
    steps = model.steps(torch.arange(LEVELS).float())[..., 0]  # (64, M, 1)
    counts = np.zeros((LEVELS, steps.shape[1], 2 * LARGEST_COUNTED + 1), np.int32)
    for z in latents:
        for quality in range(LEVELS):
            add_counts(counts[quality], coder.quantize(z, quality))
    each_level = zip(counts, repeat(model.prior), steps, strict=False)
    tables = [channel_tables(*level) for level in each_level]
    return replace(coder, tables=tables)


@torch.inference_mode()
def count_side_and_scales(
    model: RateDistortionAutoencoder, latents: Iterable[Float[Tensor, "M h w"]]
) -> HyperpriorCoder | ContextCoder:
    """A HyperpriorCoder or ContextCoder, likewise. Its networks are rounded to integers in place.

    The tables of h are counted at every level; those of the scales at every ninth, all in one.
    """
    coder = in_integers(model)
    hyperprior = coder.hyperprior if isinstance(coder, ContextCoder) else coder
    steps = hyperprior.side_steps.float()[..., None] / ONE  # (64, K, 1)
    side = np.zeros((LEVELS, steps.shape[1], 2 * LARGEST_COUNTED + 1), np.int32)
    scales = np.zeros((SCALES, 2 * FARTHEST + 1), np.int64)
    for z in latents:
        h = hyperprior.analyse_side(z)
        for quality in range(LEVELS):
            add_counts(side[quality], hyperprior.round_side(h, quality))
        for quality in range(0, LEVELS, 9):
            quantized = coder.quantize(z, quality)
            place = quantized.z_rounded.clip(-FARTHEST, FARTHEST).astype(np.int64) + FARTHEST
            place += scales.shape[1] * quantized.table_index.astype(np.int64)
            scales += np.bincount(place.ravel(), minlength=scales.size).reshape(scales.shape)
    prior = repeat(model.hyperprior.prior)
    each_level = zip(side, prior, steps, strict=False)
    side_tables = [channel_tables(*level) for level in each_level]
    tables: dict[str, Any] = {"side_tables": side_tables, "scale_tables": scale_tables(scales)}
    if isinstance(coder, ContextCoder):
        return replace(coder, hyperprior=replace(hyperprior, **tables))
    return replace(coder, **tables)


def in_integers(model: RateDistortionAutoencoder) -> HyperpriorCoder | ContextCoder:
    """A trained model as a coder still without tables. What chooses tables is rounded in place."""
    synthesis = IntegerSynthesis.of(model.hyperprior.synthesis)
    synthesis.copy_to(model.hyperprior.synthesis)
    every = torch.arange(LEVELS).float()
    side_steps = torch.round(ONE * model.side_steps(every)).long().flatten(1).clamp(min=1)
    ratio = model.hyperprior.units / model.steps(every).flatten(1)
    log_units = torch.round(ONE * ratio.log2()).long()
    coder = HyperpriorCoder(model, (), (), synthesis, side_steps, log_units)
    if not hasattr(model, "context"):
        return coder
    context = IntegerContext.of(model.context)
    context.copy_to(model.context)
    return ContextCoder(coder, context)


def add_counts(counts: Int[np.ndarray, "C m"], integers: Int[np.ndarray, "C n"]) -> None:
    """Count integers (C, n) in counts (C, 2 r + 1), where those beyond r are left out."""
    reach = counts.shape[1] // 2
    for row, channel in zip(counts, integers, strict=True):
        row += np.bincount(channel[np.abs(channel) <= reach] + reach, minlength=len(row))


def channel_tables(
    counts: Int[np.ndarray, "C m"], prior: Prior, steps: Float[Tensor, "C 1"]
) -> list[Table]:
    """One table a channel. counts: (C, 2 r + 1), of integers in units of steps, (C, 1)."""
    reach = counts.shape[1] // 2
    grid = torch.arange(-reach, reach + 1).float()
    nats = interval_nats(prior, (grid * steps)[None], steps)[0]  # (C, 2 r + 1)
    pmfs = torch.exp(-nats).double().numpy()
    return list(map(table_from_counts, counts, pmfs))


def scale_tables(counts: Int[np.ndarray, "64 m"]) -> list[Table]:
    """One table a scale. counts: (64, 2 r + 1)."""
    reach = counts.shape[1] // 2
    scales = 2.0 ** (SMALLEST_LOG2_SCALE + (torch.arange(SCALES) + 0.5) / SCALES_PER_OCTAVE)
    scales = torch.hypot(scales, torch.tensor(SMALLEST_SCALE))[:, None]
    grid = torch.arange(-reach, reach + 1).float()
    pmfs = torch.exp(-gaussian_nats(grid, scales)).double().numpy()
    return list(map(table_from_counts, counts, pmfs))


def table_from_counts(counts: Int[np.ndarray, " m"], pmf: Float64[np.ndarray, " m"]) -> Table:
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
