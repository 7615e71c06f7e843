"""A trained model to a weights file: its tables are counted here, once, on photographs.

A table holds how often each integer occurred, and a little of the learned density for the integers
that did not.
"""

from dataclasses import replace

import numpy as np
import torch

from rdalib.entropy_coding import Table, frequencies_from_pmf
from rdalib.files import write_file
from rdalib.hyperprior import ONE, SMALLEST_SCALE, IntegerSynthesis, gaussian_nats
from rdalib.images import pad_to_multiple
from rdalib.latent_coding import (
    SCALES,
    SCALES_PER_OCTAVE,
    SMALLEST_LOG2_SCALE,
    FactorizedCoder,
    HyperpriorCoder,
    level,
)
from rdalib.priors import interval_nats
from rdalib.quality import LEVELS
from rdalib.transforms import STRIDE
from rdalib.weights_file import pack

PSEUDO_COUNTS = 64  # the weight of the learned density where photographs were few
FARTHEST = 2**12  # from the mean of its scale that an integer is counted


@torch.inference_mode()
def export(model, photos, path, about):
    """Write a trained model as a weights file, with tables counted on photographs.

    model: RateDistortionAutoencoder (its weights are rounded here, in place); photos: an
    iterable of y; about: dict of text. Raises: OSError.
    """
    model = model.to("cpu", memory_format=torch.contiguous_format).eval()
    for parameter in model.state_dict().values():
        parameter.copy_(parameter.half().float())
    count = count_hyperprior if hasattr(model, "hyperprior") else count_factorized
    latents = [model.analysis(pad_to_multiple(y[None], STRIDE))[0] for y in photos]
    write_file(path, pack(count(model, latents), about))


@torch.inference_mode()
def count_factorized(model, latents):
    """A FactorizedCoder with tables of how often each integer occurs in latents, z (M, h, w)."""
    coder, tables = FactorizedCoder(model, ()), []
    for quality in range(LEVELS):
        integers = np.concatenate([coder.quantize(z, quality) for z in latents], axis=1)
        steps = model.steps(level(quality))[0, ..., 0]  # (M, 1)
        tables.append(tables_of_channels(integers, model.prior, steps))
    return replace(coder, tables=tables)


@torch.inference_mode()
def count_hyperprior(model, latents):
    """A HyperpriorCoder, likewise. Its hyper-synthesis is rounded to integers in place.

    The tables of h are counted at every level; those of the scales at every ninth, all in one.
    """
    synthesis = IntegerSynthesis.of(model.hyperprior.synthesis)
    synthesis.copy_to(model.hyperprior.synthesis)
    every = torch.arange(LEVELS).float()
    side_steps = torch.round(ONE * model.side_steps(every)).long().flatten(1).clamp(min=1)
    ratio = model.hyperprior.units / model.steps(every).flatten(1)
    log_units = torch.round(ONE * ratio.log2()).long()
    coder = HyperpriorCoder(model, (), (), synthesis, side_steps, log_units)
    h = torch.cat([coder.analyse_side(z) for z in latents], dim=1)
    side_tables = [
        tables_of_channels(
            coder.round_side(h, quality),
            model.hyperprior.prior,
            side_steps[quality][:, None] / ONE,
        )
        for quality in range(LEVELS)
    ]
    width = 2 * FARTHEST + 1
    counts = np.zeros(SCALES * width, np.int64)
    for quality in range(0, LEVELS, 9):
        for z in latents:
            quantized = coder.quantize(z, quality)
            place = quantized.z_rounded.clip(-FARTHEST, FARTHEST) + FARTHEST
            place += width * quantized.table_index.astype(np.int64)
            counts += np.bincount(place.ravel(), minlength=len(counts))
    scales = 2.0 ** (SMALLEST_LOG2_SCALE + (torch.arange(SCALES) + 0.5) / SCALES_PER_OCTAVE)
    scales = torch.hypot(scales, torch.tensor(SMALLEST_SCALE))[:, None]
    grid = torch.arange(-FARTHEST, FARTHEST + 1).float()
    pmfs = torch.exp(-gaussian_nats(grid, scales)).double().numpy()
    scale_tables = list(map(table_from_counts, counts.reshape(-1, width), pmfs))
    return replace(coder, side_tables=side_tables, scale_tables=scale_tables)


def tables_of_channels(integers, prior, steps):
    """One table a channel. integers: (C, n) in units of steps, a tensor (C, 1)."""
    reach = int(np.abs(integers).max()) + 8
    grid = torch.arange(-reach, reach + 1).float()
    nats = interval_nats(prior, (grid * steps)[None], steps)[0]  # (C, 2 reach + 1)
    pmfs = torch.exp(-nats).double().numpy()
    counts = [np.bincount(channel + reach, minlength=len(grid)) for channel in integers]
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
