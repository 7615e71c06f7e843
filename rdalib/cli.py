"""The command `rda`."""

import argparse
import json
import os
import sys
import time
from pathlib import Path

from rdalib.files import write_file

PROGRAM = "rda"


def main(argv=None):
    """Run the command. argv: list of words, by default the process's. Returns the exit status.

    0: done; 2: bad input, said in one line on standard error; 130: interrupted.
    """
    parser = _parser()
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as stop:  # --help ends with 0, bad usage with 2
        return int(stop.code or 0)
    try:
        arguments.run(arguments)
        return 0
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted", file=sys.stderr)
        return 130
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        reason = error.strerror or str(error)
        print(f"{PROGRAM}: {where}{reason[0].lower()}{reason[1:]}", file=sys.stderr)
        return 2
    except ValueError as error:  # BitstreamError, PhotoError and all that the library refuses
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 2


# The commands. Slow imports stand inside: `rda --help` answers at once.


def _compress(arguments):
    from rdalib.autoencoder import lambda_to_quality
    from rdalib.bitstream import HEADER
    from rdalib.codec import Codec
    from rdalib.evaluation import quality_of
    from rdalib.images import read_photo

    quality = arguments.quality
    if arguments.lam is not None:
        if arguments.lam <= 0:
            raise ValueError(f"--lam {arguments.lam:g}: lambda is a positive number")
        quality = lambda_to_quality(arguments.lam)
    y = read_photo(arguments.input, note=_note)
    codec = Codec.load(arguments.model)
    data = codec.compress(y, quality=quality, max_bytes=arguments.bytes)
    values = quality_of(y, codec.decompress(data), data)
    write_file(arguments.output, data)
    decibels = values["psnr_rgb"]
    print(
        f"{arguments.output}: {len(data):,} bytes ({HEADER.size} of header), "
        f"{values['bpp']:.3f} bpp, PSNR {'exact' if decibels is None else f'{decibels:.2f} dB'}, "
        f"quality {data[7]} of 63"
    )


def _decompress(arguments):
    from rdalib.codec import Codec
    from rdalib.images import write_photo

    data = _read_rda(arguments.input)
    y_hat = Codec.load(arguments.model).decompress(data)
    write_photo(y_hat, arguments.output)
    print(f"{arguments.output}: {y_hat.shape[2]} x {y_hat.shape[1]} pixels")


def _info(arguments):
    from rdalib import bitstream
    from rdalib.autoencoder import quality_to_lambda

    data = _read_rda(arguments.input)
    stream = bitstream.parse(data)
    pixels = stream.width * stream.height
    print(f"size       {stream.width} x {stream.height} pixels")
    print(f"file       {len(data):,} bytes, {8 * len(data) / pixels:.3f} bpp")
    print(f"payload    {len(stream.payload):,} bytes after {bitstream.HEADER.size} of header")
    print(f"quality    {stream.quality} of 63, lambda {quality_to_lambda(stream.quality):.3g}")
    print(f"weights    {stream.weights_id.hex()}")


def _compare(arguments):
    from rdalib.classical import LABELS
    from rdalib.codec import Codec
    from rdalib.evaluation import compare, quality_of
    from rdalib.images import read_photo

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
    from rdalib import classical, datasets
    from rdalib.codec import Codec
    from rdalib.evaluation import evaluate

    codecs = arguments.codecs.split(",")
    for name in codecs:
        if name not in ("rda", *classical.CODECS):
            known = ", ".join(("rda", *classical.CODECS))
            raise ValueError(f"--codecs: no codec {name!r}; there are {known}")
    paths = datasets.photo_paths(datasets.find(arguments.folder))[: arguments.limit]
    codec = Codec.load(arguments.model) if "rda" in codecs else None
    result = evaluate(paths, codecs, codec, progress=_bar("measuring", "file"))
    write_file(arguments.json, (json.dumps(result, indent=1) + "\n").encode())
    for name, points in result["codecs"].items():
        print(f"{name}, mean of {len(paths)}")
        print(
            f"{'setting':>9}{'bytes':>10}{'bpp':>8}{'PSNR':>8}{'luma':>8}{'chroma':>8}{'MS-SSIM':>9}"
        )
        for point in points:
            print(_evaluation_row(point))
    for pair, percent in result["bd_rate_percent"].items():
        print(f"BD-rate {pair}: {'no overlap' if percent is None else f'{percent:+.1f} %'}")
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
    if not out.parent.is_dir():
        raise ValueError(f"--out {out}: no such folder {out.parent}")
    checkpoint, log = out.with_suffix(".checkpoint"), out.with_suffix(".csv")
    paths = datasets.training_paths(arguments.data)
    patches = datasets.RandomPatches(paths, device=device, progress=_bar("reading", "photo"))
    if arguments.resume:
        training = Training.resume(arguments.resume, patches, device)
    else:
        settings = TrainingSettings(steps=arguments.steps or 1, batch=arguments.batch)
        if arguments.minutes:
            steps = steps_for_minutes(settings, patches, device, arguments.minutes)
            settings = TrainingSettings(steps=steps, batch=arguments.batch)
        training = Training(settings, patches, device)
    steps = training.settings.steps
    print(f"{len(paths)} photographs, step {training.step} of {steps}, on {device}; log: {log}")
    start = time.monotonic()
    try:
        with _bar("training", "step")(total=steps, initial=training.step) as progress:
            training.run(checkpoint, log, progress)
    except KeyboardInterrupt:
        print(f"stopped; go on with: --resume {checkpoint}", file=sys.stderr)
        raise
    minutes = (time.monotonic() - start) / 60
    photos = map(read_photo, _bar("counting tables", "photo")(paths))
    about = {"steps": str(steps), "photographs": str(len(paths)), "device": device}
    export(training.model, photos, out, about)
    print(f"{out}: {os.path.getsize(out):,} bytes, after {minutes:.1f} minutes of training")


def _fetch(arguments):
    from rdalib import datasets

    folder = datasets.fetch(arguments.name, progress=_bar("fetching", "file"))
    print(f"{folder}: {len(datasets.photo_paths(folder))} photographs, checksums right")


# What they share


def _note(text):
    print(f"note: {text}", file=sys.stderr)


def _bar(what, unit):
    """A function that wraps a list in a progress bar, or makes a bar from keywords."""
    from functools import partial

    from tqdm import tqdm

    return partial(tqdm, desc=what, unit=unit, dynamic_ncols=True, leave=False)


def _read_rda(path):
    return Path(path).read_bytes()


def _parser():
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Compress photographs with a rate-distortion autoencoder.",
        epilog="Begin with: rda compress PHOTO.jpg PHOTO.rda --bytes 4000",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name, run, help, **kwargs):
        sub = commands.add_parser(name, help=help, description=help, **kwargs)
        sub.set_defaults(run=run)
        return sub

    def with_model(sub):
        sub.add_argument("--model", help="a model by name, or a .safetensors file of rda train")

    sub = command("compress", _compress, "compress a photograph to an .rda file")
    sub.add_argument("input", metavar="IN", help="a photograph, any format Pillow opens")
    sub.add_argument("output", metavar="OUT.rda", help="the file to write")
    knob = sub.add_mutually_exclusive_group()
    knob.add_argument("--quality", type=int, metavar="0..63", help="higher is better (default 32)")
    knob.add_argument("--bytes", type=_positive, metavar="N", help="the best file within N bytes")
    knob.add_argument("--lam", type=float, metavar="L", help="the quality level nearest to lambda")
    with_model(sub)

    sub = command("decompress", _decompress, "decompress an .rda file to a photograph")
    sub.add_argument("input", metavar="IN.rda")
    sub.add_argument("output", metavar="OUT.png", help="the ending says the format")
    with_model(sub)

    sub = command("info", _info, "say what an .rda file says of itself")
    sub.add_argument("input", metavar="IN.rda")

    sub = command("compare", _compare, "set a photograph beside JPEG, JPEG 2000, WebP and AVIF")
    sub.add_argument("input", metavar="IN", help="a photograph")
    sub.add_argument(
        "--bytes",
        type=_positive,
        default=4000,
        metavar="N",
        help="file size (default 4000)",
    )
    sub.add_argument("--out", metavar="FIGURE.png", help="draw the pictures side by side")
    with_model(sub)

    sub = command("evaluate", _evaluate, "measure rate and distortion over a folder of photographs")
    sub.add_argument("folder", metavar="FOLDER", help="a folder, or: kodak, bsds500")
    sub.add_argument("--json", required=True, metavar="FILE", help="where the numbers go")
    sub.add_argument(
        "--codecs", default="rda,jpeg,jpeg2000,webp,avif", help="separated by commas (default: all)"
    )
    sub.add_argument("--limit", type=_positive, metavar="K", help="only the first K photographs")
    sub.add_argument("--plot", metavar="FILE", help="draw the curves")
    with_model(sub)

    sub = command("train", _train, "train the codec")
    sub.add_argument("--data", required=True, help="a folder of photographs, or: bsds500")
    sub.add_argument("--out", required=True, metavar="WEIGHTS.safetensors")
    length = sub.add_mutually_exclusive_group(required=True)
    length.add_argument("--minutes", type=float, metavar="M", help="as many steps as fit")
    length.add_argument("--steps", type=_positive, metavar="S")
    length.add_argument("--resume", metavar="CHECKPOINT", help="go on where a run stopped")
    sub.add_argument("--batch", type=_positive, default=8, help="patches a step (default 8)")
    sub.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")

    sub = command("fetch", _fetch, "download a data set, checking every file")
    sub.add_argument("name", choices=("bsds500", "kodak"))
    return parser


def _positive(text):
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: a whole number above 0")
    return number


if __name__ == "__main__":
    sys.exit(main())
