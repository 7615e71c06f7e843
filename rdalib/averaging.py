"""The mean of a run's weights over its last steps (Polyak and Juditsky 1992).

At a constant learning rate single steps jump to and fro around a good place. Their mean lies
nearer to it: about where the run would end if its rate fell to zero, and at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch.optim.swa_utils import AveragedModel

if TYPE_CHECKING:
    from torch import Tensor, nn

LAST_STEPS = 100


def mean_of_weights(model: nn.Module, steps: Callable[[], int]) -> AveragedModel:
    """The moving mean, still empty, of the weights of a model that is being trained.

    steps: gives the number of steps taken. AveragedModel's own count lies on the model's device,
    and reading it would make every step wait for a GPU, once a parameter.
    """
    return AveragedModel(model, avg_fn=lambda mean, value, _: moving_mean(mean, value, steps()))


def moving_mean(mean: Tensor, value: Tensor, count: Tensor | int) -> Tensor:
    """A mean with one more value: of about the last hundred, at first of the last tenth.

    mean, value: of one shape; count: of the values so far.
    """
    return mean + (value - mean) / min(LAST_STEPS, 1 + int(count) / 10)


def restore_mean(mean: AveragedModel, checkpoint: dict[str, Any]) -> None:
    """As it was saved; of a checkpoint that has none it begins at the weights."""
    if "averaged" in checkpoint:
        mean.load_state_dict(checkpoint["averaged"])
    else:
        mean.module.load_state_dict(checkpoint["model"])
        mean.n_averaged.fill_(checkpoint["step"])
