"""Rate and distortion against training time, for lesson 09: notebooks/weights/training_time.csv.

    rda fetch bsds500
    python tests/benchmarks/training_time.py --steps 75 150 300 600 1200

Each number of steps is a run of its own from scratch, its learning rate brought down to the end,
as `rda train --model hyperprior --steps N` would do it, but for a warm-up of 50 steps, not 200.
Then the shipped hyperprior, with the minutes of the run that made it, and JPEG 2000. On crops of
the validation photographs; our rates are what the density says, JPEG 2000's are bytes of files.
Runs that the file already holds are kept: without a number of steps only the shipped model and
JPEG 2000 are measured again.
"""

import argparse
import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
from trials import QUALITIES, STANDARD, points, train, validation_crops

from rdalib import Codec, classical, evaluation
from rdalib.files import written_beside

TARGET = Path(__file__).parents[2] / "notebooks" / "weights" / "training_time.csv"
COLUMNS = ("codec", "steps", "minutes", "setting", "bpp", "psnr")


def main(arguments):
    photos = validation_crops()
    curves = {}  # (codec, steps): its rows
    if TARGET.exists():
        with open(TARGET, newline="") as file:
            for row in list(csv.reader(file))[1:]:
                curves.setdefault((row[0], row[1]), []).append(row)

    def add(codec, steps, minutes, settings, rates, decibels):
        curves[codec, str(steps)] = [
            (codec, steps, minutes, f"{setting:g}", f"{bpp:.4f}", f"{psnr:.3f}")
            for setting, bpp, psnr in zip(settings, rates, decibels, strict=True)
        ]
        scratch = sorted((key for key in curves if key[0] == "rda"), key=lambda key: int(key[1]))
        shipped = [key for key in curves if key[0] == "shipped"][-1:]
        rows = [row for key in (("jpeg2000", ""), *scratch, *shipped) for row in curves[key]]
        with written_beside(TARGET) as beside, open(beside, "w", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *rows])
        print(codec, steps, minutes, flush=True)

    settings = classical.SETTINGS["jpeg2000"]
    measured = [[evaluation.measure("jpeg2000", s, y) for y in photos] for s in settings]
    rates, decibels = (
        [np.mean([row[key] for row in rows]) for rows in measured] for key in ("bpp", "psnr_rgb")
    )
    add("jpeg2000", "", "", settings, rates, decibels)
    for steps in arguments.steps:
        model, seconds = train(replace(STANDARD, steps=steps))
        add("rda", steps, f"{seconds / 60:.1f}", QUALITIES, *points(model, photos))
    codec = Codec.load("hyperprior")
    about = codec.about
    add("shipped", about["steps"], about["minutes"], QUALITIES, *points(codec.model, photos))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, nargs="*", default=[])
    main(parser.parse_args())
