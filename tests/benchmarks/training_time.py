"""Rate and distortion against training time, for lesson 08: notebooks/weights/training_time.csv.

    rda fetch bsds500
    python tests/benchmarks/training_time.py --steps 75 150 300 600 1200

Each number of steps is a run of its own from scratch, its learning rate brought down to the end,
as `rda train --model hyperprior --steps N` would do it. Then the shipped hyperprior, with the
minutes of the run that made it, and JPEG 2000. On crops of the validation photographs; our rates
are what the density says, JPEG 2000's are bytes of files.
"""

import argparse
import csv
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from trials import QUALITIES, STANDARD, points, validation_crops

from rdalib import Codec, classical, datasets, evaluation
from rdalib.files import written_beside
from rdalib.training import Training

TARGET = Path(__file__).parents[2] / "notebooks" / "weights" / "training_time.csv"
COLUMNS = ("codec", "steps", "minutes", "setting", "bpp", "psnr")


def main(arguments):
    photos = validation_crops()
    rows = []

    def add(codec, steps, minutes, settings, rates, decibels):
        for setting, bpp, psnr in zip(settings, rates, decibels, strict=True):
            rows.append((codec, steps, minutes, f"{setting:g}", f"{bpp:.4f}", f"{psnr:.3f}"))
            print(*rows[-1], flush=True)

    measured = [
        [evaluation.measure("jpeg2000", setting, y) for y in photos]
        for setting in classical.SETTINGS["jpeg2000"]
    ]
    means = [
        [np.mean([row[key] for row in level]) for level in measured] for key in ("bpp", "psnr_rgb")
    ]
    add("jpeg2000", "", "", classical.SETTINGS["jpeg2000"], *means)
    paths = datasets.training_paths("bsds500")
    patches = datasets.RandomPatches(paths)
    for steps in arguments.steps:
        training = Training(replace(STANDARD, steps=steps), patches)
        start = time.monotonic()
        while training.step < steps:
            training.advance()
        minutes = (time.monotonic() - start) / 60
        curve = points(training.model, photos)
        add("rda", steps, f"{minutes:.1f}", QUALITIES, *curve)
    shipped = Codec.load("hyperprior")
    about = shipped.about
    add("rda", about["steps"], about["minutes"], QUALITIES, *points(shipped.model, photos))
    with written_beside(TARGET) as beside, open(beside, "w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, nargs="*", default=[75, 150, 300, 600, 1200])
    main(parser.parse_args())
