"""How fast a training run goes here: trials that do not move it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rdalib.processes import same_for_all

if TYPE_CHECKING:
    from rdalib.training import Training


def faster_precision(training: Training) -> str:
    """ "bfloat16" or "float32": in which a step of this run is faster here, by timing both.

    Some processors have units for bfloat16 and are twice as fast with it; others work it out
    from float32, at a sixth of the speed. One answer for all processes. The run is not moved.
    """
    seconds = {}
    for training.precision in ("float32", "bfloat16"):
        for _ in range(2):  # the first step pays for memory and kernels
            start = time.monotonic()
            training.gradient().sum().item()
            seconds[training.precision] = time.monotonic() - start
    training.optimizer.zero_grad()
    return same_for_all(min(seconds, key=seconds.__getitem__), training.device)


def steps_for_minutes(training: Training, minutes: float, trial: int = 6) -> int:
    """How many steps of a run fit in `minutes`, from the time of a few that do not move it."""
    training.gradient()
    start = time.monotonic()
    for _ in range(trial):
        training.gradient().sum().item()
    seconds = (time.monotonic() - start) / trial
    training.optimizer.zero_grad()
    return same_for_all(max(1, int(minutes * 60 / seconds)), training.device)
