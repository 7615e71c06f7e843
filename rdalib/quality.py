"""Quality levels 0..63, and the lambda that each stands for."""

from __future__ import annotations

import math
from typing import Any

LAMBDA_MIN, LAMBDA_MAX = 0.0002, 0.064
DEFAULT_QUALITY = 32
LEVELS = 64  # quality 0..63; lambda grows by the same factor from each to the next


def quality_to_lambda(quality: Any) -> Any:
    """The lambda of a quality level 0..63 (or a fraction of one), from 0.0002 to 0.064."""
    return LAMBDA_MIN * (LAMBDA_MAX / LAMBDA_MIN) ** (quality / (LEVELS - 1))


def lambda_to_quality(lam: float) -> int:
    """The nearest quality level, 0..63, to a positive lambda."""
    quality = (LEVELS - 1) * math.log(lam / LAMBDA_MIN) / math.log(LAMBDA_MAX / LAMBDA_MIN)
    return min(max(round(quality), 0), LEVELS - 1)


def check_quality(quality: int | None) -> int:
    """A quality level as an int, the default for None. Raises: ValueError."""
    if quality is None:
        return DEFAULT_QUALITY
    if not 0 <= quality < LEVELS or quality != int(quality):
        raise ValueError(f"quality {quality}; there are levels 0 to {LEVELS - 1}")
    return int(quality)
