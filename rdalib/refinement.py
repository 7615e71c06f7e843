"""Encoding harder: the latents of one photograph, improved by gradient descent through the decoder.

The analysis network finds latents that are good on the average photograph. The decoder is fixed,
but the encoder is free: any integers make a legal file. So z is moved for this photograph alone,
to a smaller rate + lam * distortion, where the rate is what the codec's own tables say. Rounding
is relaxed as in stochastic Gumbel annealing: each latent is the integer below or above it by
chance, the more surely the colder.

Source: Yang, Bamler, Mandt, "Improving Inference for Neural Image Compression", NeurIPS 2020.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from rdalib import entropy_coding
from rdalib.distortion import l2
from rdalib.images import pad_to_multiple
from rdalib.latent_coding import level, steps_at
from rdalib.quality import quality_to_lambda
from rdalib.transforms import STRIDE

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from rdalib.autoencoder import RateDistortionAutoencoder
    from rdalib.entropy_coding import Table
    from rdalib.latent_coding import LatentCoder

LARGEST_PIXELS = 2**22  # 4 megapixels: gradients take about 1 GB of memory a megapixel
LAMBDA_FACTOR = 1.33  # of the level's lambda: leaves distortion about where it was
FIRST_RATE, LAST_RATE = 0.05, 0.01  # Adam's, in steps
HOT, COLD, HOT_SHARE = 0.5, 0.2, 0.2  # temperatures, and the part of the run at the first
CHECK_EVERY = 25  # iterations, after which what a file would hold is measured
REACH = 255  # integers of larger magnitude cost what this one does


class Refinable(Protocol):
    """What is needed of a codec."""

    latent_coder: LatentCoder
    model: RateDistortionAutoencoder

    @property
    def device(self) -> torch.device: ...
    def quantize(self, z: Tensor, quality: int, side: Any = None) -> Any: ...
    def synthesise(self, latents: Any, quality: int, height: int, width: int) -> Tensor: ...


def refine(
    codec: Refinable,
    y: Float[Tensor, "3 H W"],
    z: Float[Tensor, "M h w"],
    quality: int,
    iterations: int,
    progress: Callable[[float], object] = lambda loss: None,
    seed: int = 0,
) -> tuple[Float[Tensor, "M h w"], Any]:
    """z of a photograph y, moved for a smaller loss at a quality level: the best z on the way.

    Returns (z, side). The side information stays that of the first z: `side`, its latents, is to
    be given to `quantize` with z. Never worse than the first z, by the loss of a file: its bits
    + 1.33 lambda * distortion.
    progress: called at each iteration with the relaxed loss over the first. The same arguments
    give the same result on the same machine: what the search decodes on the way is in bfloat16
    where the processor has units for it (0.6 of the time); what is kept is judged in float32.
    Raises: ValueError for a photograph too large.
    """
    height, width = y.shape[1:]
    if height * width > LARGEST_PIXELS:
        raise ValueError(
            f"{width} x {height} pixels are too many to refine: at most {LARGEST_PIXELS:,}; "
            "leave --effort out"
        )
    coder, model = codec.latent_coder, codec.model
    lam = LAMBDA_FACTOR * quality_to_lambda(quality)
    side = codec.quantize(z, quality)
    steps = steps_at(model, quality).detach()
    gains = model.gains(level(quality).to(codec.device))[0].detach()
    target = pad_to_multiple(y[None], STRIDE)
    fast = codec.device.type == "cpu" and has_bfloat16()

    with _without_gradients(model), torch.autocast(codec.device.type, enabled=False):
        relaxed = coder.relaxed(side, quality)
        bits = table_of_bits(coder.tables_of_z(quality)).to(codec.device)
        u = (z / steps).clone().requires_grad_()
        optimizer = torch.optim.Adam([u], lr=FIRST_RATE)
        generator = torch.Generator().manual_seed(seed)
        best, least, first = z, loss_of_file(codec, y, z, quality, side), None
        for iteration in range(iterations):
            done = iteration / iterations
            optimizer.param_groups[0]["lr"] = FIRST_RATE + (LAST_RATE - FIRST_RATE) * done
            cooling = max(0.0, done - HOT_SHARE) / (1 - HOT_SHARE)
            temperature = HOT * (COLD / HOT) ** cooling
            d, index, decoded = relaxed(u, partial(soften, temperature, generator))
            rate = interpolated(bits, index, d).sum() / (height * width)
            with torch.autocast("cpu", torch.bfloat16, enabled=fast):
                y_hat = model.synthesis((decoded * steps * gains)[None])
            error = (y_hat.float() - target)[..., :height, :width]
            loss = rate + lam * 255**2 * error.square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            first = first or loss.item()
            progress(loss.item() / first)
            if (iteration + 1) % CHECK_EVERY == 0 or iteration + 1 == iterations:
                z_now = u.detach() * steps
                now = loss_of_file(codec, y, z_now, quality, side)
                if now < least:
                    best, least = z_now.clone(), now
    return best, side


def loss_of_file(
    codec: Refinable,
    y: Float[Tensor, "3 H W"],
    z: Float[Tensor, "M h w"],
    quality: int,
    side: Any = None,
) -> float:
    """Bits per pixel + 1.33 lambda * distortion of the file that z makes, with y_hat in 8 bits.

    side: latents whose side information is kept.
    """
    latents = codec.quantize(z, quality, side=side)
    groups = codec.latent_coder.symbols_and_tables(latents, quality)
    height, width = y.shape[1:]
    y_hat = codec.synthesise(latents, quality, height, width)
    rate = entropy_coding.table_bits(*groups) / (height * width)
    return rate + LAMBDA_FACTOR * quality_to_lambda(quality) * l2(y, y_hat)


def soften(
    temperature: float, generator: torch.Generator, d: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """A place between floor(d) and the integer above, drawn at random: near one of them when cold.

    The nearer integer is the likelier. With r = d - floor(d), its two logarithms of odds are
    -atanh(r) / temperature for floor(d) and -atanh(1 - r) / temperature for the one above.
    """
    below = d.detach().floor()
    r = (d - below).clamp(1e-4, 1 - 1e-4)
    logits = -torch.stack((r.atanh(), (1 - r).atanh())) / temperature
    uniform = torch.rand(logits.shape, generator=generator).clamp(1e-20, 1 - 1e-7)
    gumbel = -torch.log(-torch.log(uniform)).to(d.device)
    weights = torch.softmax((torch.log_softmax(logits, dim=0) + gumbel) / temperature, dim=0)
    return below + weights[1]


def table_of_bits(tables: Sequence[Table]) -> Float[Tensor, "T 511"]:
    """What each table asks for the integers -255..255, in bits."""
    integers = np.arange(-REACH, REACH + 1)
    bits = np.array([entropy_coding.bits_of_integers(integers, table) for table in tables])
    return torch.tensor(bits, dtype=torch.float32)


def interpolated(
    bits: Float[Tensor, "T 511"], index: Tensor, d: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """Bits of numbers between integers, on straight lines. index: the table of each, as d."""
    below = d.detach().floor().clamp(-REACH, REACH - 1)
    place = index * bits.shape[1] + below.long() + REACH
    low, high = bits.view(-1)[place], bits.view(-1)[place + 1]
    return low + (high - low) * (d - below)


def has_bfloat16() -> bool:
    """Whether this processor has units for bfloat16; without them float32 is faster."""
    known: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # older: none
    return bool(known.get("amx_bf16") or known.get("avx512_bf16"))


@contextmanager
def _without_gradients(model: torch.nn.Module) -> Iterator[None]:
    """Meanwhile the networks' parameters need no gradients: the backward pass is much faster."""
    needed = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in needed:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in needed:
            parameter.requires_grad_(True)
