"""The log of a training run: a CSV file, a row every 50 steps."""

import csv
import time
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from rdalib.files import written_beside


class TrainingLog:
    """A CSV file of the run; on resume, rows after the checkpoint are dropped."""

    columns = (
        "step",
        "seconds",
        "rate_bpp",
        "distortion",
        "loss",
        "learning_rate",
        "validation_loss",  # empty where it was not measured
    )

    def __init__(self, path: str | PathLike[str], step: int) -> None:
        self.path = Path(path)
        rows = []
        if step and self.path.exists():
            with open(self.path, newline="") as file:
                rows = [row for row in csv.reader(file) if len(row) == len(self.columns)]
            rows = [row for row in rows if row[0].isdigit() and int(row[0]) <= step]
        self.start = time.monotonic() - (float(rows[-1][1]) if rows else 0.0)
        with written_beside(self.path) as beside, open(beside, "w", newline="") as file:
            csv.writer(file).writerows([self.columns, *rows])

    def seconds(self) -> float:
        return time.monotonic() - self.start

    def add(
        self,
        step: int,
        means: Sequence[float],
        learning_rate: float,
        validation_loss: float | None = None,
    ) -> None:
        """A row. means: of rate_bpp, distortion and loss over the steps since the last row."""
        rate_bpp, distortion, loss = means
        row = (step, f"{self.seconds():.1f}", f"{rate_bpp:.5f}", f"{distortion:.4f}", f"{loss:.5f}")
        measured = "" if validation_loss is None else f"{validation_loss:.5f}"
        with open(self.path, "a", newline="") as file:
            csv.writer(file).writerow((*row, f"{learning_rate:.3g}", measured))
