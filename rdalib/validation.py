"""The loss on photographs that a run is not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from rdalib.quality import quality_to_lambda

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from rdalib.autoencoder import RateDistortionAutoencoder

VALIDATION_QUALITIES = (8.0, 24.0, 40.0, 56.0)


@torch.no_grad()
def validation_loss(
    model: RateDistortionAutoencoder, photos: Sequence[Float[Tensor, "3 H W"]]
) -> float:
    """The loss at four qualities, rounded as in a file: its mean over photographs.

    photos: y, float tensors (3, H, W), sides multiples of 64.
    """
    device = model.log_steps.device
    losses = []
    for y in photos:
        for level in VALIDATION_QUALITIES:
            quality = torch.tensor([level], device=device)
            output = model(y[None].to(device), quality, "round")
            losses.append(output.losses(quality_to_lambda(quality)))
    return float(torch.stack(losses).mean())
