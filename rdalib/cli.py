"""The command `rda`."""

import argparse
import io
import math
import os
import re
import sys
from importlib import import_module
from pathlib import Path

from rdalib import __version__

PROGRAM = "rda"
MODULES = {  # where each command is
    "compress": "codec_commands",
    "decompress": "codec_commands",
    "info": "codec_commands",
    "compare": "evaluation_commands",
    "evaluate": "evaluation_commands",
    "train": "commands",
    "fetch": "commands",
}
EXTRAS = {  # what brings the modules that compress and decompress do without
    "evaluate": ("matplotlib", "scipy", "torchmetrics"),
    "train": ("pooch", "requests"),
    "lab": ("skimage",),
}


def main(argv=None):
    """Run the command. argv: list of words, by default the process's. Returns the exit status.

    0: done; 1: done, but for photographs that were left out and named; 2: bad input, said in one
    line on standard error; 130: interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that it cannot show is no failure
            stream.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        _check_dashes(words)
        arguments = _parser().parse_args(words)
    except SystemExit as stop:  # --help ends with 0, bad usage with 2
        return int(stop.code or 0)
    try:
        # PyTorch is slow to import, and neither --help nor `rda info` need wait for it.
        commands = import_module(f"rdalib.{MODULES[arguments.command]}")
        return getattr(commands, arguments.command)(arguments) or 0
    except KeyboardInterrupt:
        _complain("interrupted")
        return 130
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        extra = next((name for name, modules in EXTRAS.items() if missing in modules), None)
        if extra is None:
            raise
        _complain(f"this needs {missing}: pip install 'rdalib[{extra}]'")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _complain(where + error.strerror.lower() if error.strerror else error)
    except ValueError as error:  # BitstreamError, PhotoError and all that the library refuses
        _complain(error)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "allocate" not in str(error):
            raise
        what = "use a smaller --batch" if arguments.command == "train" else "use a smaller picture"
        _complain(f"not enough memory: {what}")
    return 2


def _check_dashes(words):
    """argparse takes a file's name that begins with a dash for an option that it does not know."""
    for word in words[: words.index("--")] if "--" in words else words:
        name = word.startswith("-") and (os.path.lexists(word) or re.match("-[^-0-9.]..", word))
        if name:
            _complain(f"{word} begins with a dash, as options do; for a file write ./{word}")
            raise SystemExit(2)


def _complain(message):
    print(f"{PROGRAM}: {' '.join(str(message).splitlines())}", file=sys.stderr)


def _parser():
    parser = _refusing_in_one_line(
        argparse.ArgumentParser(
            prog=PROGRAM,
            description="Compress photographs with a rate-distortion autoencoder.",
            epilog="Begin with: rda compress PHOTO.jpg PHOTO.rda --quality 20; "
            "rda COMMAND --help says more of each.",
        )
    )
    parser.add_argument("--version", action="version", version=f"rdalib {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name, help, example):
        sub = commands.add_parser(
            name,
            help=help,
            description=f"{help[0].upper()}{help[1:]}.",
            epilog=f"Example: {example}",
        )
        return _refusing_in_one_line(sub)

    def with_model(sub):
        sub.add_argument(
            "--model",
            metavar="NAME",
            help="other weights: a model of rdalib by name, or a .safetensors file of rda train",
        )

    sub = command(
        "compress",
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

    sub = command("info", "say what an .rda file says of itself", "rda info holiday.rda")
    sub.add_argument("input", metavar="IN.rda", help="a file that rda compress made")

    sub = command(
        "compare",
        "set a photograph beside JPEG, JPEG 2000, WebP, AVIF (and JPEG XL, if pillow-jxl-plugin is "
        "there), each at its best in as many bytes",
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
        "measure bytes and distortion of real files over a folder of photographs",
        "rda evaluate kodak --json kodak.json --plot kodak.png",
    )
    sub.add_argument("folder", metavar="FOLDER", help="a folder, or a data set: kodak, bsds500")
    sub.add_argument("--json", required=True, metavar="FILE", help="where the numbers go")
    sub.add_argument(
        "--codecs",
        type=_codec_names,
        metavar="NAMES",
        help="some of rda,jpeg,jpeg2000,webp,avif,jpegxl, with commas (default: all; jpegxl needs "
        "pillow-jxl-plugin)",
    )
    sub.add_argument("--limit", type=_count, metavar="K", help="only the first K photographs")
    sub.add_argument("--plot", type=_figure_name, metavar="FIGURE.png", help="also draw the curves")
    with_model(sub)

    sub = command(
        "train",
        "train the codec, with checkpoints and a CSV log beside the weights",
        "rda train --data bsds500 large --out mine.safetensors --minutes 60",
    )
    sub.add_argument(
        "--data",
        required=True,
        nargs="+",
        metavar="FOLDER",
        help="folders of photographs, or data sets: bsds500, large; each has the same share",
    )
    sub.add_argument(
        "--out",
        required=True,
        metavar="WEIGHTS.safetensors",
        help="the file to write",
    )
    sub.add_argument(
        "--model",
        choices=("factorized", "hyperprior", "context"),
        default="context",
        help="without side information, with it, or with a context model, too (default context; "
        "a resumed run keeps its own)",
    )
    sub.add_argument(
        "--start",
        metavar="NAME",
        help="begin at the networks of other weights: a model of rdalib by name, or a "
        ".safetensors file, of either model",
    )
    sub.add_argument(
        "--frozen",
        action="store_true",
        help="train the context model alone; all else stays as --start has it",
    )
    length = sub.add_mutually_exclusive_group()
    length.add_argument(
        "--minutes",
        type=_positive,
        metavar="M",
        help="about as long: as many steps as fit (default 60)",
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
        "--patch",
        type=_patch,
        default=256,
        metavar="P",
        help="their side in pixels, a multiple of 64 (default 256; a resumed run keeps its own)",
    )
    sub.add_argument(
        "--quantization",
        choices=("mixed", "noise"),
        default="mixed",
        help="what stands in for rounding: noise for the rate and rounding into the synthesis "
        "(mixed), or noise in both places, as on the slides (default mixed; a resumed run keeps "
        "its own)",
    )
    sub.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        default="auto",
        help="of the convolutions (default auto: the faster one here, timed at the start)",
    )
    sub.add_argument(
        "--overwrite",
        action="store_true",
        help="replace the weights, the checkpoint and the log of an earlier run",
    )
    sub.add_argument(
        "--compile",
        action="store_true",
        help="by torch.compile: faster steps after a minute of compiling, which needs a compiler "
        "of C++ (a resumed run keeps to its own choice)",
    )
    sub.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="where to compute (default auto: a GPU if PyTorch sees one)",
    )

    sub = command(
        "fetch",
        "download a data set into the cache (or into $RDALIB_DATA), checking every file",
        "rda fetch kodak",
    )
    sub.add_argument(
        "name",
        choices=("bsds500", "large", "kodak"),
        help="to train on: bsds500 (500 photographs, 34 MB) and large (45 of 4 to 24 megapixels, "
        "70 MB); kodak: 24, 15 MB, to measure on",
    )
    return parser


def _refusing_in_one_line(parser):
    """argparse prints the whole usage before what is wrong; print what is wrong."""
    parser.error = lambda message: parser.exit(
        2, f"{parser.prog}: {message}; see {parser.prog} --help\n"
    )
    return parser


# Types of arguments: each takes the text and returns the value, or says what would do.


def _patch(text):
    side = _number(text, int, 64, math.inf, "a multiple of 64 from 64 up")
    if side % 64:
        raise argparse.ArgumentTypeError(f"{text!r} is not a multiple of 64")
    return side


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

    known = ("rda", *classical.AVAILABLE)
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name == "jpegxl" and name not in known:
            raise argparse.ArgumentTypeError("jpegxl needs: pip install pillow-jxl-plugin")
        if name not in known:
            raise argparse.ArgumentTypeError(f"no codec {name!r}; there are {', '.join(known)}")
    return names


def _figure_name(text):
    if Path(text).suffix.lower() not in (".png", ".jpg", ".jpeg", ".pdf", ".svg"):
        raise argparse.ArgumentTypeError(f"{text!r} does not end in .png, .jpg, .pdf or .svg")
    return text


if __name__ == "__main__":
    sys.exit(main())
