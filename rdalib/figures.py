"""Whole figures, as the commands write them: a comparison, rate-distortion curves, a run's loss."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from rdalib import plots
from rdalib.files import written_beside

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


def comparison(
    y: Float[Tensor, "3 H W"], shown: Sequence[tuple[str, Tensor, dict[str, Any]]]
) -> Figure:
    """A figure: the photograph, then each codec's picture of it.

    shown: a list of (name, y_hat, values), with values from evaluation.quality_of.
    """
    columns, rows = 3, -(-(len(shown) + 1) // 3)
    height = min(4 * y.shape[1] / y.shape[2], 8)
    with rc_context({"font.size": 14}):  # it is often shown at half its size
        figure = Figure(figsize=(4 * columns, rows * (height + 1)), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).flat
        plots.photo(axes[0], y, "original", f"{y.shape[2]} x {y.shape[1]} pixels")
        for ax, (name, y_hat, values) in zip(axes[1:], shown, strict=False):
            plots.photo(ax, y_hat, plots.STYLES[name][0], plots.caption(values))
    for ax in axes[len(shown) + 1 :]:
        ax.axis("off")
    return figure


def rate_distortion_panels(panels: dict[str, plots.Curves], title: str) -> Figure:
    """A figure with one panel a metric. panels: {metric: curves as in rate_distortion}."""
    figure = Figure(figsize=(6 * len(panels), 5), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False).flat
    for ax, (metric, curves) in zip(axes, panels.items(), strict=True):
        plots.rate_distortion(ax, curves, metric).set_title(title)
    return figure


def learning_curve(log: str | PathLike[str]) -> Figure:
    """A figure of the CSV log of `rda train`: the loss by step, on training and validation."""
    with open(log, newline="") as file:
        rows = list(csv.DictReader(file))
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    ax = figure.subplots()
    looks: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("loss", "training, mean of the steps since the last row", {"color": "#0072B2"}),
        ("validation_loss", "validation, rounded", {"color": "#D55E00", "marker": "o"}),
    )
    for key, label, look in looks:
        points = [(int(row["step"]), float(row[key])) for row in rows if row[key]]
        if points:
            ax.plot(*zip(*points, strict=True), label=label, markersize=4, **look)
    ax.set_xlabel("step")
    ax.set_ylabel("(rate + lambda * distortion) / sqrt(lambda)")
    ax.grid(alpha=0.3)
    ax.legend()
    return figure


def write(figure: Figure, path: str | PathLike[str]) -> None:
    """Save a figure, whole or not at all; the kind by the name's ending. Raises: ValueError."""
    with written_beside(path) as beside:
        figure.savefig(beside, dpi=150, bbox_inches="tight")
