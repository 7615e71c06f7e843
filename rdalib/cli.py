"""The command `rda`."""

import argparse
import json
import math
import os
import sys
import time
from pathlib import Path

from rdalib import __version__
from rdalib.files import check_writable, write_file

PROGRAM = "rda"
DEFAULT_MINUTES = 60
KEEP_EVERY_PIXEL = (".png", ".tif", ".tiff", ".bmp", ".ppm")


def main(argv=None):
    """Run the command. argv: list of words, by default the process's. Returns the exit status.

    0: done; 2: bad input, said in one line on standard error; 130: interrupted.
    """
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as stop:  # --help ends with 0, bad usage with 2
        return int(stop.code or 0)
    try:
        arguments.run(arguments)
        return 0
    except KeyboardInterrupt:
        _complain("interrupted")
        return 130
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _complain(where + error.strerror.lower() if error.strerror else error)
    except ValueError as error:  # BitstreamError, PhotoError and all that the library refuses
        _complain(error)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "allocate" not in str(error):
            raise
        _complain("not enough memory: scale the picture down, or train with a smaller --batch")
    return 2


def _complain(message):
    print(f"{PROGRAM}: {' '.join(str(message).splitlines())}", file=sys.stderr)


# The commands. Slow imports stand inside: `rda --help` answers at once.


def _compress(arguments):
    from rdalib import bitstream
    from rdalib.autoencoder import lambda_to_quality
    from rdalib.codec import Codec
    from rdalib.distortion import psnr
    from rdalib.images import read_photo

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


def _decompress(arguments):
    from rdalib.codec import Codec
    from rdalib.images import photo_format, write_photo

    photo_format(arguments.output)
    _check_output(arguments.output, arguments.input)
    y_hat = _read_rda(arguments.input, Codec.load(arguments.model).decompress)
    write_photo(y_hat, arguments.output)
    ending = Path(arguments.output).suffix
    if ending.lower() not in KEEP_EVERY_PIXEL:
        _note(f"{ending} may lose a little again; .png keeps every pixel")
    print(f"{arguments.output}: {y_hat.shape[2]} x {y_hat.shape[1]} pixels")


def _info(arguments):
    from rdalib import bitstream
    from rdalib.autoencoder import quality_to_lambda

    stream = _read_rda(arguments.input, bitstream.parse)
    header, payload = bitstream.HEADER.size, len(stream.payload)
    bpp = 8 * (header + payload) / (stream.width * stream.height)
    print(f"format     .rda version {bitstream.VERSION}, checksum right")
    print(f"size       {stream.width} x {stream.height} pixels")
    print(f"file       {header + payload:,} bytes, {bpp:.3f} bpp")
    print(f"payload    {payload:,} bytes after {header} of header")
    print(f"quality    {stream.quality} of 0..63, lambda {quality_to_lambda(stream.quality):.3g}")
    print(f"weights    {stream.weights_id.hex()}")


def _compare(arguments):
    from rdalib.classical import LABELS
    from rdalib.codec import Codec
    from rdalib.evaluation import compare, quality_of
    from rdalib.images import read_photo

    if arguments.out:
        _check_output(arguments.out, arguments.input)
    y = read_photo(arguments.input, note=_note)
    codec = Codec.load(arguments.model)
    shown = [
        (name, y_hat, quality_of(y, y_hat, data))
        for name, data, y_hat in compare(y, codec, arguments.bytes)
    ]
    print(f"{'':14}{'bytes':>9}{'bpp':>8}{'PSNR':>8}{'luma':>8}{'chroma':>8}{'MS-SSIM':>9}")
    for name, _, values in shown:
        numbers = (values["psnr_rgb"], values["psnr_luma"], values["psnr_chroma"])
        decibels = "".join("   exact" if n is None else f"{n:8.2f}" for n in numbers)
        similarity = "        -" if values["ms_ssim"] is None else f"{values['ms_ssim']:9.4f}"
        over = "  (its smallest)" if values["bytes"] > arguments.bytes else ""
        label = LABELS.get(name, "RDA (ours)")
        print(f"{label:14}{values['bytes']:9,}{values['bpp']:8.3f}{decibels}{similarity}{over}")
    if arguments.out:
        _draw_comparison(y, shown, arguments.out)
        print(f"picture: {arguments.out}")


def _draw_comparison(y, shown, path):
    from matplotlib.figure import Figure

    from rdalib import plots
    from rdalib.classical import LABELS

    columns, rows = 3, -(-(len(shown) + 1) // 3)
    height = 4 * y.shape[1] / y.shape[2]
    figure = Figure(figsize=(4 * columns, rows * (min(height, 8) + 0.8)), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).flat
    plots.photo(axes[0], y, "original", f"{y.shape[2]} x {y.shape[1]} pixels")
    for ax, (name, y_hat, values) in zip(axes[1:], shown, strict=False):
        plots.photo(ax, y_hat, LABELS.get(name, "RDA (ours)"), plots.caption(values))
    for ax in axes[len(shown) + 1 :]:
        ax.axis("off")
    plots.write(figure, path)


def _evaluate(arguments):
    from rdalib import datasets
    from rdalib.codec import Codec
    from rdalib.evaluation import evaluate

    for output in filter(None, (arguments.json, arguments.plot)):
        _check_output(output)
    paths = datasets.photo_paths(datasets.find(arguments.folder))[: arguments.limit]
    codec = Codec.load(arguments.model) if "rda" in arguments.codecs else None
    result = evaluate(paths, arguments.codecs, codec, progress=_bar("measuring", "file"))
    write_file(arguments.json, (json.dumps(result, indent=1) + "\n").encode())
    columns = (
        f"{'setting':>9}{'bytes':>10}{'bpp':>8}{'PSNR':>8}{'luma':>8}{'chroma':>8}{'MS-SSIM':>9}"
    )
    for name, points in result["codecs"].items():
        print(f"{name}, mean of {len(paths)}")
        print(columns)
        for point in points:
            print(_evaluation_row(point))
    for pair, percent in result["bd_rate_percent"].items():
        print(f"BD-rate {pair}: {'no overlap' if percent is None else f'{percent:+.1f} %'}")
    print(f"numbers: {arguments.json}")
    if arguments.plot:
        _draw_curves(result["codecs"], arguments.plot, f"mean of {len(paths)} photographs")
        print(f"picture: {arguments.plot}")


def _evaluation_row(point):
    def cell(key, width, places):
        return f"{'-':>{width}}" if point[key] is None else f"{point[key]:{width}.{places}f}"

    decibels = "".join(cell(key, 8, 2) for key in ("psnr_rgb", "psnr_luma", "psnr_chroma"))
    return f"{point['setting']:9g}{point['bytes']:10,.0f}{point['bpp']:8.3f}{decibels}" + cell(
        "ms_ssim", 9, 4
    )


def _draw_curves(codecs, path, title):
    from matplotlib.figure import Figure

    from rdalib import plots
    from rdalib.evaluation import curve

    figure = Figure(figsize=(12, 5), layout="constrained")
    for ax, metric, label in zip(
        figure.subplots(1, 2), ("psnr_rgb", "ms_ssim"), ("PSNR of RGB (dB)", "MS-SSIM"), strict=True
    ):
        plots.rate_distortion(ax, {n: curve(p, metric) for n, p in codecs.items()}, label)
        ax.set_title(title)
    plots.write(figure, path)


def _train(arguments):
    from dataclasses import replace

    import torch

    from rdalib import datasets
    from rdalib.codec import export
    from rdalib.images import read_photo
    from rdalib.training import Training, TrainingSettings, steps_for_minutes

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
    if arguments.resume and not Path(arguments.resume).is_file():
        raise ValueError(f"--resume {arguments.resume}: no such file")
    paths = datasets.training_paths(arguments.data)
    patches = datasets.RandomPatches(paths, device=device, progress=_bar("reading", "photo"))
    steps = arguments.steps
    if arguments.minutes or not (arguments.steps or arguments.resume):
        trial = TrainingSettings(steps=1, batch=arguments.batch)
        minutes = arguments.minutes or DEFAULT_MINUTES
        steps = steps_for_minutes(trial, patches, device, minutes)
    if arguments.resume:
        training = Training.resume(arguments.resume, patches, device)
        if arguments.minutes:
            steps += training.step
        if steps:
            training.settings = replace(training.settings, steps=steps)
    else:
        training = Training(TrainingSettings(steps=steps, batch=arguments.batch), patches, device)
    steps = training.settings.steps
    print(f"{len(paths)} photographs, step {training.step} of {steps}, on {device}; log: {log}")
    start = time.monotonic()
    try:
        bar = _bar("training", "step", disable=False)
        with bar(total=steps, initial=training.step) as progress:
            training.run(checkpoint, log, progress)
    except KeyboardInterrupt:
        print(f"stopped; go on with: --resume {checkpoint}", file=sys.stderr)
        raise
    minutes = (time.monotonic() - start) / 60
    photos = map(read_photo, _bar("counting tables", "photo")(paths))
    about = {"steps": str(steps), "photographs": str(len(paths)), "device": device}
    export(training.model, photos, out, about)
    print(f"{out}: {os.path.getsize(out):,} bytes, after {minutes:.1f} minutes of training")
    print(f"use it: rda compress PHOTO.jpg PHOTO.rda --model {out}")


def _fetch(arguments):
    from rdalib import datasets

    folder = datasets.fetch(arguments.name, progress=_bar("fetching", "file"))
    print(f"{folder}: {len(datasets.photo_paths(folder))} photographs, checksums right")


# What they share


def _note(text):
    print(f"note: {text}", file=sys.stderr)


def _bar(what, unit, disable=None):
    """A function that wraps a list in a progress bar, or makes a bar from keywords.

    disable: None for a bar on a terminal only, so that logs and error messages stay readable.
    """
    from functools import partial

    from tqdm import tqdm

    return partial(tqdm, desc=what, unit=unit, dynamic_ncols=True, leave=False, disable=disable)


def _check_output(path, *inputs):
    """Refuse before the work what cannot be written after it, and to replace what is read."""
    check_writable(path)
    for other in inputs:
        if os.path.exists(path) and os.path.exists(other) and os.path.samefile(path, other):
            raise ValueError(f"{path} is the file to read; name another one to write")


def _read_rda(path, parse):
    """parse(bytes of a file); what is wrong with them is said with the file's name."""
    from rdalib.bitstream import BitstreamError

    if Path(path).is_dir():
        raise ValueError(f"{path} is a folder; name an .rda file in it")
    try:
        return parse(Path(path).read_bytes())
    except BitstreamError as error:
        raise BitstreamError(f"{path}: {error}") from None


def _parser():
    parser = _refusing_in_one_line(
        argparse.ArgumentParser(
            prog=PROGRAM,
            description="Compress photographs with a rate-distortion autoencoder.",
            epilog="Begin with: rda compress PHOTO.jpg PHOTO.rda --bytes 4000; "
            "rda COMMAND --help says more of each.",
        )
    )
    parser.add_argument("--version", action="version", version=f"rdalib {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name, run, help, example):
        sub = commands.add_parser(
            name,
            help=help,
            description=f"{help[0].upper()}{help[1:]}.",
            epilog=f"Example: {example}",
        )
        sub.set_defaults(run=run)
        return _refusing_in_one_line(sub)

    def with_model(sub):
        sub.add_argument(
            "--model",
            metavar="NAME",
            help="other weights: a model of rdalib by name, or a .safetensors file of rda train",
        )

    sub = command(
        "compress",
        _compress,
        "compress a photograph to an .rda file",
        "rda compress holiday.jpg holiday.rda --bytes 8000",
    )
    sub.add_argument("input", metavar="IN", help="a photograph, in any format Pillow opens")
    sub.add_argument("output", metavar="OUT.rda", help="the file to write")
    knob = sub.add_mutually_exclusive_group()
    knob.add_argument(
        "--quality",
        type=_level,
        metavar="0..63",
        help="higher is better and larger (default 32)",
    )
    knob.add_argument("--bytes", type=_count, metavar="N", help="the best file of at most N bytes")
    knob.add_argument(
        "--lam",
        type=_positive,
        metavar="L",
        help="the quality level nearest to lambda, from 0.0002 (small files) to 0.064 (good ones)",
    )
    with_model(sub)

    sub = command(
        "decompress",
        _decompress,
        "decompress an .rda file to a photograph",
        "rda decompress holiday.rda holiday.png",
    )
    sub.add_argument("input", metavar="IN.rda", help="a file that rda compress made")
    sub.add_argument(
        "output",
        metavar="OUT.png",
        help="the file to write; its ending says the format, and .png keeps every pixel",
    )
    with_model(sub)

    sub = command("info", _info, "say what an .rda file says of itself", "rda info holiday.rda")
    sub.add_argument("input", metavar="IN.rda", help="a file that rda compress made")

    sub = command(
        "compare",
        _compare,
        "set a photograph beside JPEG, JPEG 2000, WebP and AVIF, each at its best in as many bytes",
        "rda compare holiday.jpg --bytes 8000 --out comparison.png",
    )
    sub.add_argument("input", metavar="IN", help="a photograph, in any format Pillow opens")
    sub.add_argument(
        "--bytes",
        type=_count,
        default=4000,
        metavar="N",
        help="how large the files may be (default 4000)",
    )
    sub.add_argument(
        "--out",
        type=_figure_name,
        metavar="FIGURE.png",
        help="also draw the pictures side by side",
    )
    with_model(sub)

    sub = command(
        "evaluate",
        _evaluate,
        "measure bytes and distortion of real files over a folder of photographs",
        "rda evaluate kodak --json kodak.json --plot kodak.png",
    )
    sub.add_argument("folder", metavar="FOLDER", help="a folder, or a data set: kodak, bsds500")
    sub.add_argument("--json", required=True, metavar="FILE", help="where the numbers go")
    sub.add_argument(
        "--codecs",
        type=_codec_names,
        default="rda,jpeg,jpeg2000,webp,avif",
        metavar="NAMES",
        help="some of rda,jpeg,jpeg2000,webp,avif, with commas (default: all)",
    )
    sub.add_argument("--limit", type=_count, metavar="K", help="only the first K photographs")
    sub.add_argument("--plot", type=_figure_name, metavar="FIGURE.png", help="also draw the curves")
    with_model(sub)

    sub = command(
        "train",
        _train,
        "train the codec, with checkpoints and a CSV log beside the weights",
        "rda train --data bsds500 --out mine.safetensors --minutes 60",
    )
    sub.add_argument(
        "--data",
        required=True,
        metavar="FOLDER",
        help="a folder of photographs, or a data set: bsds500",
    )
    sub.add_argument(
        "--out",
        required=True,
        metavar="WEIGHTS.safetensors",
        help="the file to write",
    )
    length = sub.add_mutually_exclusive_group()
    length.add_argument(
        "--minutes",
        type=_positive,
        metavar="M",
        help=f"about as long: as many steps as fit (default {DEFAULT_MINUTES})",
    )
    length.add_argument("--steps", type=_count, metavar="S", help="so many steps, counted from 0")
    sub.add_argument(
        "--resume",
        metavar="CHECKPOINT",
        help="go on where a run stopped, to the end it was meant to have, or to a new one "
        "with --steps or --minutes",
    )
    sub.add_argument(
        "--batch",
        type=_count,
        default=8,
        metavar="B",
        help="patches a step (default 8; a resumed run keeps its own)",
    )
    sub.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="where to compute (default auto: a GPU if PyTorch sees one)",
    )

    sub = command(
        "fetch",
        _fetch,
        "download a data set into the cache (or into $RDALIB_DATA), checking every file",
        "rda fetch kodak",
    )
    sub.add_argument(
        "name",
        choices=("bsds500", "kodak"),
        help="bsds500: 500 photographs, 34 MB, to train on; kodak: 24, 15 MB, to measure on",
    )
    return parser


def _refusing_in_one_line(parser):
    """argparse prints the whole usage before what is wrong; print what is wrong."""
    parser.error = lambda message: parser.exit(
        2, f"{parser.prog}: {message}; see {parser.prog} --help\n"
    )
    return parser


# Types of arguments: each takes the text and returns the value, or says what would do.


def _count(text):
    return _number(text, int, 1, math.inf, "a whole number from 1 up")


def _level(text):
    return _number(text, int, 0, 63, "a whole number from 0 to 63")


def _positive(text):
    return _number(text, float, sys.float_info.min, sys.float_info.max, "a number above 0")


def _number(text, kind, low, high, meaning):
    try:
        number = kind(text)
    except ValueError:
        number = math.nan
    if not low <= number <= high:  # NaN fails too
        raise argparse.ArgumentTypeError(f"{text!r} is not {meaning}")
    return number


def _codec_names(text):
    from rdalib import classical

    known = ("rda", *classical.CODECS)
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(f"no codec {name!r}; there are {', '.join(known)}")
    return names


def _figure_name(text):
    from matplotlib.backend_bases import FigureCanvasBase

    if Path(text).suffix[1:].lower() not in FigureCanvasBase.get_supported_filetypes():
        raise argparse.ArgumentTypeError(f"{text!r} does not end in .png, .pdf or .svg")
    return text


if __name__ == "__main__":
    sys.exit(main())
