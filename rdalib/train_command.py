"""The command `rda train`, which takes the parsed arguments."""

import os
import signal
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from rdalib import datasets, figures
from rdalib.codec import Codec
from rdalib.export import export
from rdalib.images import read_photo
from rdalib.pace import faster_precision, steps_for_minutes
from rdalib.patches import RandomPatches
from rdalib.processes import joined_processes, rank_and_world_size
from rdalib.terminal import bar, check_output, note
from rdalib.training import Training
from rdalib.training_settings import TrainingSettings, read_checkpoint

DEFAULT_MINUTES = 60
# Of the latent, those of them with a convolutional path, and of side information
CHANNELS: dict[str, dict[str, Any]] = {
    "factorized": {"latent": 192},
    "hyperprior": {"latent": 288, "convolved": 192, "side_channels": 64},
    "context": {"latent": 288, "convolved": 192, "side_channels": 64, "context": True},
}
LARGEST_SCALE, RECOLOURED = 6.0, 0.1  # photographs as people have them: see RandomPatches
START_LEARNING_RATE = 5e-4  # of a run that begins at trained weights
LARGEST_COUNT = 400  # patches that tables are counted on
FROZEN_LEARNING_RATE = 1e-3  # of a run of the context model alone


def train(arguments: Namespace) -> None:
    device = arguments.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device cuda: PyTorch sees no GPU here; leave it out to use the CPU")
    out = Path(arguments.out)
    if out.suffix != ".safetensors":
        raise ValueError(f"--out {out}: end the name in .safetensors")
    checkpoint, log = out.with_suffix(".checkpoint"), out.with_suffix(".csv")
    resumes_this = arguments.resume and Path(arguments.resume).resolve() == checkpoint.resolve()
    for output in (out, checkpoint, log):
        check_output(output)
        if output.exists() and not (resumes_this or arguments.overwrite):
            raise ValueError(
                f"{output} is there from an earlier run: go on with that by --resume {checkpoint}, "
                "or replace it with --overwrite"
            )
    settings = _settings(arguments)
    start = Codec.load(arguments.start).model.state_dict() if arguments.start else None
    sets = list(map(datasets.training_paths, arguments.data))
    for missing in filter(None, map(datasets.what_is_missing, arguments.data)):
        note(missing)
    with _ended_as_by_ctrl_c(), joined_processes(device) as device:
        if settings.compiled:
            _check_compiler(device)  # this process's own GPU, where there are several
        first = rank_and_world_size()[0] == 0
        patches = RandomPatches(
            *sets,
            size=settings.patch,
            largest_scale=settings.largest_scale,
            recoloured=settings.recoloured,
            device=device,
            progress=bar("reading", "photo", disable=None if first else True),
        )
        training = _training(arguments, settings, start, patches, device)
        steps = training.settings.steps
        if first:
            photographs = sum(map(len, sets))
            print(f"{photographs} photographs, step {training.step} of {steps}, on {device}")
            print(f"precision: {training.precision}, {_why(arguments.precision)}")
            print(f"log: {log}")
        try:
            steps_bar = bar("training", "step", disable=None if first else True)
            with steps_bar(total=steps, initial=training.step) as progress:
                training.run(checkpoint, log, progress, _validation_crops(arguments.data))
            if first:
                _export(arguments, training, sets, device, out)
        except KeyboardInterrupt:
            if first and checkpoint.exists():
                print(f"stopped; go on with: --resume {checkpoint}", file=sys.stderr)
            raise


def _export(
    arguments: Namespace, training: Training, sets: list[list[Path]], device: str, out: Path
) -> None:
    """What a finished run leaves: the weights, with tables counted, and the learning curve."""
    paths = [path for paths in sets for path in paths]
    about = {
        "data": training.settings.data,
        "photographs": str(len(paths)),
        "start": training.settings.start,
        "steps": str(training.step),
        "minutes": f"{training.seconds / 60:.0f}",
        "device": device,
        "precision": training.precision,
    }
    count = training.patches.to_cover(LARGEST_COUNT)
    photos = bar("counting tables", "patch")(training.patches.crops(count), total=count)
    export(training.averaged, photos, out, about)
    curve = out.with_suffix(".png")
    figures.write(figures.learning_curve(out.with_suffix(".csv")), curve)
    minutes = training.seconds / 60
    print(f"{out}: {os.path.getsize(out):,} bytes, after {minutes:.1f} minutes of training")
    print(f"learning curve: {curve}")
    print(f"use it: rda compress PHOTO.jpg PHOTO.rda --model {out}")


@contextmanager
def _ended_as_by_ctrl_c() -> Iterator[None]:
    """SIGTERM, by which clusters end a job, is a KeyboardInterrupt."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _why(precision: str) -> str:
    return "a step of each timed" if precision == "auto" else "as asked"


def _validation_crops(names: Sequence[str], count: int = 24, side: int = 320) -> list[torch.Tensor]:
    """Crops of photographs that training leaves out, the same number of each set."""
    crops = []
    for name in names:
        paths = datasets.validation_paths(name)
        for path in paths[:: max(1, -(-len(paths) * len(names) // count))]:
            y = read_photo(path)[:, :side, :side]
            crops.append(y[:, : y.shape[1] // 64 * 64, : y.shape[2] // 64 * 64])
    return [y for y in crops if y.numel()]


def _settings(arguments: Namespace) -> TrainingSettings:
    """The settings of the run that `rda train` is asked for, its number of steps still open."""
    if arguments.resume:
        if arguments.start:
            raise ValueError("--start: a resumed run has begun already; leave it out")
        if not Path(arguments.resume).is_file():
            raise ValueError(f"--resume {arguments.resume}: no such file")
        return read_checkpoint(arguments.resume)[0]
    if arguments.frozen and not (arguments.start and arguments.model == "context"):
        raise ValueError(
            "--frozen trains the context model alone: it needs --model context --start"
        )
    learning_rate = START_LEARNING_RATE if arguments.start else TrainingSettings.learning_rate
    return TrainingSettings(
        steps=1,
        batch=arguments.batch,
        patch=arguments.patch,
        largest_scale=LARGEST_SCALE,
        recoloured=RECOLOURED,
        relative=arguments.relative,
        quantization=arguments.quantization,
        compiled=arguments.compile,
        data=" and ".join(Path(name).name for name in arguments.data),
        start=arguments.start or "",
        **CHANNELS[arguments.model],
        frozen=arguments.frozen,
        learning_rate=FROZEN_LEARNING_RATE if arguments.frozen else learning_rate,
    )


def _training(
    arguments: Namespace,
    settings: TrainingSettings,
    start: dict[str, torch.Tensor] | None,
    patches: RandomPatches,
    device: str,
) -> Training:
    """The run itself, new or resumed. start: the weights that a new one begins at, or None."""
    if arguments.resume:
        training = Training.resume(arguments.resume, patches, device)
    else:
        training = Training(settings, patches, device)
        if start:
            training.model.start_from(start)
    if arguments.precision == "auto":
        training.precision = faster_precision(training)
    else:
        training.precision = arguments.precision
    steps = arguments.steps
    if arguments.minutes or not (arguments.steps or arguments.resume):
        minutes = arguments.minutes or DEFAULT_MINUTES
        steps = training.step + steps_for_minutes(training, minutes)
    if steps and steps < training.step:
        raise ValueError(f"--steps {steps}: the run is at step {training.step} already")
    if steps:
        training.settings = replace(training.settings, steps=steps)
    return training


def _check_compiler(device: str) -> None:
    """Compile something small. Raises: ValueError if PyTorch cannot."""
    try:
        torch.compile(lambda x: x.sin() + 1)(torch.ones(8, device=device))
    except Exception as error:  # each compiler, present or not, fails in its own way
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"--compile: PyTorch cannot compile here ({reason}); leave it out"
        ) from None
