"""The commands of `rda` that fetch photographs and train. Each takes the parsed arguments."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import torch

from rdalib import datasets
from rdalib.codec import Codec
from rdalib.export import export
from rdalib.images import read_photo
from rdalib.terminal import bar, check_output
from rdalib.training import (
    Training,
    TrainingSettings,
    joined_processes,
    rank_and_world_size,
    read_checkpoint,
    steps_for_minutes,
)

DEFAULT_MINUTES = 60
CHANNELS = {  # of the latent, those of them with a convolutional path, and side information
    "factorized": {"latent": 192},
    "hyperprior": {"latent": 288, "convolved": 192, "side_channels": 64},
}
START_LEARNING_RATE = 5e-4  # of a run that begins at trained weights


def train(arguments):
    device = arguments.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device cuda: PyTorch sees no GPU here; leave it out to use the CPU")
    out = Path(arguments.out)
    if out.suffix != ".safetensors":
        raise ValueError(f"--out {out}: end the name in .safetensors")
    checkpoint, log = out.with_suffix(".checkpoint"), out.with_suffix(".csv")
    for output in (out, checkpoint, log):
        check_output(output)
    settings = _settings(arguments)
    start = Codec.load(arguments.start).model.state_dict() if arguments.start else None
    paths = datasets.training_paths(arguments.data)
    with joined_processes(device) as device:
        if settings.compiled:
            _check_compiler(device)  # this process's own GPU, where there are several
        first = rank_and_world_size()[0] == 0
        reading = bar("reading", "photo", disable=None if first else True)
        patches = datasets.RandomPatches(paths, settings.patch, device, progress=reading)
        training = _training(arguments, settings, start, patches, device)
        steps = training.settings.steps
        if first:
            print(f"{len(paths)} photographs, step {training.step} of {steps}, on {device}")
            print(f"log: {log}")
        try:
            steps_bar = bar("training", "step", disable=None if first else True)
            with steps_bar(total=steps, initial=training.step) as progress:
                training.run(checkpoint, log, progress)
        except KeyboardInterrupt:
            if first:
                print(f"stopped; go on with: --resume {checkpoint}", file=sys.stderr)
            raise
    if not first:
        return
    minutes = training.seconds / 60
    photos = map(read_photo, bar("counting tables", "photo")(paths))
    about = {
        "data": Path(arguments.data).name,
        "photographs": str(len(paths)),
        "start": training.settings.start,
        "steps": str(steps),
        "minutes": f"{minutes:.0f}",
        "device": device,
    }
    export(training.model, photos, out, about)
    print(f"{out}: {os.path.getsize(out):,} bytes, after {minutes:.1f} minutes of training")
    print(f"use it: rda compress PHOTO.jpg PHOTO.rda --model {out}")


def _settings(arguments):
    """The settings of the run that `rda train` is asked for, its number of steps still open."""
    if arguments.resume:
        if arguments.start:
            raise ValueError("--start: a resumed run has begun already; leave it out")
        if not Path(arguments.resume).is_file():
            raise ValueError(f"--resume {arguments.resume}: no such file")
        return read_checkpoint(arguments.resume)[0]
    return TrainingSettings(
        steps=1,
        batch=arguments.batch,
        patch=arguments.patch,
        compiled=arguments.compile,
        start=arguments.start or "",
        **CHANNELS[arguments.model],
        learning_rate=START_LEARNING_RATE if arguments.start else TrainingSettings.learning_rate,
    )


def _training(arguments, settings, start, patches, device):
    """The run itself, new or resumed. start: the weights that a new one begins at, or None."""
    steps = arguments.steps
    if arguments.minutes or not (arguments.steps or arguments.resume):
        minutes = arguments.minutes or DEFAULT_MINUTES
        steps = steps_for_minutes(settings, patches, device, minutes)
    if not arguments.resume:
        training = Training(replace(settings, steps=steps), patches, device)
        if start:
            training.start_from(start)
        return training
    training = Training.resume(arguments.resume, patches, device)
    if arguments.minutes:
        steps += training.step
    if steps and steps < training.step:
        raise ValueError(f"--steps {steps}: the run is at step {training.step} already")
    if steps:
        training.settings = replace(training.settings, steps=steps)
    return training


def _check_compiler(device):
    """Compile something small. Raises: ValueError if PyTorch cannot."""
    try:
        torch.compile(lambda x: x.sin() + 1)(torch.ones(8, device=device))
    except Exception as error:  # each compiler, present or not, fails in its own way
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"--compile: PyTorch cannot compile here ({reason}); leave it out"
        ) from None


def fetch(arguments):
    folder = datasets.fetch(arguments.name, progress=bar("fetching", "file"))
    print(f"{folder}: {len(datasets.photo_paths(folder))} photographs, checksums right")
