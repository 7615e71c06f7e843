"""One change of training at a time: what pays, by the validation photographs.

    rda fetch bsds500
    python tests/benchmarks/trials.py --steps 300            # all, from scratch
    python tests/benchmarks/trials.py --steps 300 noise      # the first and the named ones

Prints a row a trial: its steps and seconds, and the BD-rate against the first row by PSNR over
six quality levels, the rate as the density says it and not of files. The tables that were
printed, with what was made of them, are kept in trials.md.
"""

import argparse
import time
from dataclasses import replace
from functools import cache

import torch

from rdalib import datasets, evaluation
from rdalib.images import read_photo
from rdalib.pace import faster_precision
from rdalib.patches import RandomPatches
from rdalib.train_command import CHANNELS
from rdalib.training import Training, TrainingSettings

CHANGES = {
    "as shipped": {},
    "factorised prior": {"side_channels": 0},
    "192 channels": {"latent": 192},
    "all 288 channels convolved": {"convolved": None},
    "noise": {"quantization": "noise"},  # for the distortion too
    "linear paths as fast": {"linear_factor": 1.0},
    "learning rate 3e-3": {"learning_rate": 3e-3},
    "learning rate 3e-4": {"learning_rate": 3e-4},
    "32 patches of 128": {"batch": 32, "patch": 128},
    "5 patches of 320": {"batch": 5, "patch": 320},
}
STANDARD = TrainingSettings(steps=300, warmup_steps=50, **CHANNELS["hyperprior"])
QUALITIES = (4.0, 15.0, 26.0, 37.0, 48.0, 60.0)
SIDE = 320  # of the validation crops, in pixels


def validation_crops():
    """The upper left corners of the 40 photographs that choose between models."""
    paths = datasets.validation_paths("bsds500")
    return [read_photo(path)[:, :SIDE, :SIDE] for path in paths]


@torch.no_grad()
def points(model, photos):
    """Mean bits per pixel and decibels at each quality, rounded as in a file."""
    rates, decibels = [], []
    for quality in QUALITIES:
        outputs = [model(y[None], torch.tensor([quality]), "round") for y in photos]
        rates.append(sum(float(output.rate_bpp) for output in outputs) / len(outputs))
        mse = torch.tensor([float(output.distortion) for output in outputs])
        decibels.append(float((10 * torch.log10(255**2 / mse)).mean()))
    return rates, decibels


@cache
def training_patches(size):
    return RandomPatches(datasets.training_paths("bsds500"), size=size)


def train(settings):
    """A run from scratch to its end. Returns the model and the seconds that it took."""
    training = Training(settings, training_patches(settings.patch))
    training.precision = faster_precision(training)
    start = time.monotonic()
    while training.step < settings.steps:
        training.advance()
    return training.model, time.monotonic() - start


def main(arguments):
    photos = validation_crops()
    standard, *others = CHANGES
    first = None
    print(f"{'change':28}{'steps':>7}{'seconds':>9}{'BD-rate':>10}", flush=True)
    for name in (standard, *(arguments.names or others)):
        settings = replace(STANDARD, steps=arguments.steps, **CHANGES[name])
        model, seconds = train(settings)
        curve = points(model, photos)
        first = first or curve
        change = evaluation.bd_rate(*first, *curve)
        print(f"{name:28}{settings.steps:7}{seconds:9.0f}{change:+8.1f} %", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=STANDARD.steps)
    parser.add_argument("names", nargs="*", choices=[[], *CHANGES], metavar="NAME")
    main(parser.parse_args())
