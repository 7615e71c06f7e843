"""What each command of `rda` does. Each function takes the parsed arguments; cli.py parses them."""

import json
import math
import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from tqdm import tqdm

from rdalib import bitstream, classical, datasets, evaluation, plots
from rdalib.autoencoder import lambda_to_quality, quality_to_lambda
from rdalib.bitstream import BitstreamError
from rdalib.codec import Codec
from rdalib.distortion import psnr
from rdalib.files import check_writable, write_file
from rdalib.images import photo_format, read_photo, write_photo
from rdalib.training import (
    Training,
    TrainingSettings,
    joined_processes,
    place_among_processes,
    read_checkpoint,
    steps_for_minutes,
)
from rdalib.weights_file import export

KEEP_EVERY_PIXEL = (".png", ".tif", ".tiff", ".bmp", ".ppm")
DEFAULT_MINUTES = 60
CHANNELS = {  # of the latent, those of them with a convolutional path, and side information
    "factorized": {"latent": 192},
    "hyperprior": {"latent": 288, "convolved": 192, "side": 64},
}
START_LEARNING_RATE = 5e-4  # of a run that begins at trained weights


def compress(arguments):
    if Path(arguments.output).suffix.lower() != ".rda":
        raise ValueError(f"{arguments.output}: end the name of the file to write in .rda")
    _check_output(arguments.output, arguments.input)
    quality = arguments.quality
    if arguments.lam is not None:
        quality = lambda_to_quality(arguments.lam)
    y = read_photo(arguments.input, note=_note)
    codec = Codec.load(arguments.model)
    data = codec.compress(y, quality=quality, max_bytes=arguments.bytes)
    decibels = psnr(y, codec.decompress(data))
    write_file(arguments.output, data)
    print(
        f"{arguments.output}: {len(data):,} bytes ({bitstream.HEADER.size} of header), "
        f"{8 * len(data) / (y.shape[1] * y.shape[2]):.3f} bpp, "
        f"PSNR {f'{decibels:.2f} dB' if math.isfinite(decibels) else 'exact'}, "
        f"quality {bitstream.parse(data).quality} of 0..63"
    )


def decompress(arguments):
    photo_format(arguments.output)
    _check_output(arguments.output, arguments.input)

    def decoded(data):
        codec = Codec.load(arguments.model) if arguments.model else Codec.load_for(data)
        return codec.decompress(data)

    y_hat = _read_rda(arguments.input, decoded)
    write_photo(y_hat, arguments.output)
    ending = Path(arguments.output).suffix
    if ending.lower() not in KEEP_EVERY_PIXEL:
        _note(f"{ending} may lose a little again; .png keeps every pixel")
    print(f"{arguments.output}: {y_hat.shape[2]} x {y_hat.shape[1]} pixels")


def info(arguments):
    stream = _read_rda(arguments.input, bitstream.parse)
    header, payload = bitstream.HEADER.size, len(stream.payload)
    bpp = 8 * (header + payload) / (stream.width * stream.height)
    print(f"format     .rda version {bitstream.VERSION}, checksum right")
    print(f"size       {stream.width} x {stream.height} pixels")
    print(f"file       {header + payload:,} bytes, {bpp:.3f} bpp")
    print(f"payload    {payload:,} bytes after {header} of header")
    print(f"quality    {stream.quality} of 0..63, lambda {quality_to_lambda(stream.quality):.3g}")
    print(f"weights    {stream.weights_id.hex()}")


def compare(arguments):
    if arguments.out:
        _check_output(arguments.out, arguments.input)
    y = read_photo(arguments.input, note=_note)
    codec = Codec.load(arguments.model)
    shown = [
        (name, y_hat, evaluation.quality_of(y, y_hat, data))
        for name, data, y_hat in evaluation.compare(y, codec, arguments.bytes, classical.AVAILABLE)
    ]
    print(f"{'':14}{'bytes':>9}{'bpp':>8}{'PSNR':>8}{'luma':>8}{'chroma':>8}{'MS-SSIM':>9}")
    for name, _, values in shown:
        numbers = (values["psnr_rgb"], values["psnr_luma"], values["psnr_chroma"])
        decibels = "".join("   exact" if n is None else f"{n:8.2f}" for n in numbers)
        similarity = "        -" if values["ms_ssim"] is None else f"{values['ms_ssim']:9.4f}"
        over = "  (its smallest)" if values["bytes"] > arguments.bytes else ""
        label = plots.STYLES[name][0]
        print(f"{label:14}{values['bytes']:9,}{values['bpp']:8.3f}{decibels}{similarity}{over}")
    if arguments.out:
        plots.write(plots.comparison(y, shown), arguments.out)
        print(f"picture: {arguments.out}")


def evaluate(arguments):
    for output in filter(None, (arguments.json, arguments.plot)):
        _check_output(output)
    paths = datasets.photo_paths(datasets.find(arguments.folder))[: arguments.limit]
    codecs = arguments.codecs or ["rda", *classical.AVAILABLE]
    codec = Codec.load(arguments.model) if "rda" in codecs else None
    notes = []  # said at the end, below the progress bar
    bar = _bar("measuring", "file")
    result = evaluation.evaluate(paths, codecs, codec, progress=bar, note=notes.append)
    left_out = result.get("left_out", {})
    count = len(paths) - len(left_out)
    write_file(arguments.json, (json.dumps(result, indent=1) + "\n").encode())
    columns = (
        f"{'setting':>9}{'bytes':>10}{'bpp':>8}{'PSNR':>8}{'luma':>8}{'chroma':>8}{'MS-SSIM':>9}"
    )
    for name, points in result["codecs"].items():
        print(f"{name}, mean of {count}")
        print(columns)
        for point in points:
            print(_evaluation_row(point))
    for pair, percent in result["bd_rate_percent"].items():
        print(f"BD-rate {pair}: {'no overlap' if percent is None else f'{percent:+.1f} %'}")
    print(f"numbers: {arguments.json}")
    if arguments.plot:
        panels = {
            label: {name: evaluation.curve(p, key) for name, p in result["codecs"].items()}
            for label, key in (("PSNR of RGB (dB)", "psnr_rgb"), ("MS-SSIM", "ms_ssim"))
        }
        title = f"mean of {count} photographs"
        plots.write(plots.rate_distortion_panels(panels, title), arguments.plot)
        print(f"picture: {arguments.plot}")
    for text in notes:
        _note(text)
    for why in left_out.values():
        print(f"left out: {why}", file=sys.stderr)
    return 1 if left_out else 0


def _evaluation_row(point):
    def cell(key, width, places):
        return f"{'-':>{width}}" if point[key] is None else f"{point[key]:{width}.{places}f}"

    decibels = "".join(cell(key, 8, 2) for key in ("psnr_rgb", "psnr_luma", "psnr_chroma"))
    rates = f"{point['setting']:9g}{point['bytes']:10,.0f}{point['bpp']:8.3f}"
    similarity = cell("ms_ssim", 9, 4)
    return f"{rates}{decibels}{similarity}  {point.get('subsampling', '')}".rstrip()


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
        _check_output(output)
    settings = _settings(arguments)
    start = Codec.load(arguments.start).model.state_dict() if arguments.start else None
    paths = datasets.training_paths(arguments.data)
    with joined_processes(device) as device:
        if settings.compiled:
            _check_compiler(device)  # this process's own GPU, where there are several
        first = place_among_processes()[0] == 0
        reading = _bar("reading", "photo", disable=None if first else True)
        patches = datasets.RandomPatches(paths, settings.patch, device, progress=reading)
        training = _training(arguments, settings, start, patches, device)
        steps = training.settings.steps
        if first:
            print(f"{len(paths)} photographs, step {training.step} of {steps}, on {device}")
            print(f"log: {log}")
        try:
            bar = _bar("training", "step", disable=None if first else True)
            with bar(total=steps, initial=training.step) as progress:
                training.run(checkpoint, log, progress)
        except KeyboardInterrupt:
            if first:
                print(f"stopped; go on with: --resume {checkpoint}", file=sys.stderr)
            raise
    if not first:
        return
    minutes = training.seconds / 60
    photos = map(read_photo, _bar("counting tables", "photo")(paths))
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
    folder = datasets.fetch(arguments.name, progress=_bar("fetching", "file"))
    print(f"{folder}: {len(datasets.photo_paths(folder))} photographs, checksums right")


# What they share


def _note(text):
    print(f"note: {text}", file=sys.stderr)


def _bar(what, unit, disable=None):
    """A function that wraps a list in a progress bar, or makes a bar from keywords.

    disable: None for a bar on a terminal only, so that logs and error messages stay readable.
    """
    return partial(tqdm, desc=what, unit=unit, dynamic_ncols=True, leave=False, disable=disable)


def _check_output(path, *inputs):
    """Refuse before the work what cannot be written after it, and to replace what is read."""
    check_writable(path)
    for other in inputs:
        if os.path.exists(path) and os.path.exists(other) and os.path.samefile(path, other):
            raise ValueError(f"{path} is the file to read; name another one to write")


def _read_rda(path, parse):
    """parse(bytes of a file); what is wrong with them is said with the file's name."""
    if Path(path).is_dir():
        raise ValueError(f"{path} is a folder; name an .rda file in it")
    try:
        with open(path, "rb") as file:
            return parse(bitstream.read(file))
    except BitstreamError as error:
        raise BitstreamError(f"{path}: {error}") from None
