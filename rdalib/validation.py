"""What is looked at while a run goes on: its loss on other photographs, and that it is finite."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING

import torch

from rdalib.quality import quality_to_lambda

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor, nn

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


def check_finite(model: nn.Module, step: int, checkpoint: str | PathLike[str] | None) -> None:
    """Raises: ValueError where training has diverged. checkpoint: the last that was saved."""
    finite = [parameter.isfinite().all() for parameter in model.parameters()]
    if not torch.stack(finite).all():
        what = f"resume from {checkpoint}" if checkpoint else "begin again"
        raise ValueError(f"training diverged before step {step}: {what} with --precision float32")
