"""The commands of `rda` and their arguments."""

from __future__ import annotations

import argparse

from rdalib import __version__, argument_types
from rdalib.terminal import PROGRAM, refusing_in_one_line
from rdalib.train_arguments import add_train_arguments


def parser() -> argparse.ArgumentParser:
    """What turns the words of a command line into its arguments."""
    parser = refusing_in_one_line(
        argparse.ArgumentParser(
            prog=PROGRAM,
            description="Compress photographs with a rate-distortion autoencoder.",
            epilog="Begin with: rda compress PHOTO.jpg PHOTO.rda; rda COMMAND --help says more.",
        )
    )
    parser.add_argument("--version", action="version", version=f"rdalib {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, help: str, example: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name,
            help=help,
            description=f"{help[0].upper()}{help[1:]}.",
            epilog=f"Example: {example}",
        )
        return refusing_in_one_line(sub)

    def with_model(sub: argparse.ArgumentParser) -> None:
        sub.add_argument(
            "--model",
            metavar="NAME",
            help="other weights: a model of rdalib by name, or a .safetensors file of rda train",
        )

    def with_effort(sub: argparse.ArgumentParser) -> None:
        sub.add_argument(
            "--effort",
            type=argument_types.count_from_0,
            default=0,
            metavar="N",
            help="refine the latents of each photograph in N steps of gradient descent: 50 or 100 "
            "give smaller files for the same error, any decoder reads them; some 40 and 60 seconds "
            "a megapixel on two cores, at most 4 megapixels (default 0)",
        )

    def with_files(sub: argparse.ArgumentParser, files: str, out: str) -> None:
        sub.add_argument("paths", metavar="FILE", nargs="+", help=files)
        sub.add_argument("--out", metavar="FOLDER", help=out)
        sub.add_argument(
            "--overwrite",
            action="store_true",
            help="replace files that are there under a name made up from that of the file read (a "
            "file that you name is replaced without)",
        )

    sub = command(
        "compress",
        "compress photographs to .rda files",
        "rda compress holiday.jpg holiday.rda --bytes 8000; or several: "
        "rda compress *.jpg --out FOLDER",
    )
    with_files(
        sub,
        "two names, IN OUT.rda: a photograph, in any format Pillow opens, and the file to write, "
        "or - for standard input and output; with --out, photographs",
        "where the .rda files of several photographs go",
    )
    knob = sub.add_mutually_exclusive_group()
    knob.add_argument(
        "--quality",
        type=argument_types.level,
        metavar="0..63",
        help="higher is better and larger (default 32)",
    )
    knob.add_argument(
        "--bytes", type=argument_types.count, metavar="N", help="the best file of at most N bytes"
    )
    knob.add_argument(
        "--lam",
        type=argument_types.positive,
        metavar="L",
        help="the quality level nearest to lambda, from 0.0002 (small files) to 0.064 (good ones)",
    )
    with_effort(sub)
    with_model(sub)

    sub = command(
        "decompress",
        "decompress .rda files to photographs",
        "rda decompress holiday.rda holiday.png; or several: rda decompress *.rda",
    )
    with_files(
        sub,
        "two names, IN.rda OUT.png: a file that rda compress made and the file to write, whose "
        "ending says the format (.png keeps every pixel), or - for standard input and output "
        "(then PNG); or .rda files alone, whose photographs are written beside them as .png",
        "where photographs go that are not to be beside their .rda files",
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
        type=argument_types.count,
        default=4000,
        metavar="N",
        help="how large the files may be (default 4000); of photographs above 2 megapixels JPEG "
        "XL runs at effort 7, not 9, which takes minutes and gains nothing in PSNR",
    )
    sub.add_argument(
        "--out",
        type=argument_types.figure_name,
        metavar="FIGURE.png",
        help="also draw the pictures side by side",
    )
    with_effort(sub)
    with_model(sub)

    sub = command(
        "evaluate",
        "measure bytes and distortion of real files over a folder of photographs",
        "rda evaluate kodak --json kodak.json --plot kodak.png",
    )
    sub.add_argument("folder", metavar="FOLDER", help="a folder, or a data set: kodak, bsds500")
    sub.add_argument(
        "--json",
        required=True,
        metavar="FILE",
        help="where the numbers go; a run that was stopped goes on by the same command",
    )
    sub.add_argument(
        "--codecs",
        type=argument_types.codec_names,
        metavar="NAMES",
        help="some of rda,jpeg,jpeg2000,webp,avif,jpegxl, with commas (default: all; jpegxl needs "
        "pillow-jxl-plugin)",
    )
    sub.add_argument(
        "--qualities",
        type=argument_types.levels,
        metavar="LEVELS",
        help="levels of our codec, with commas (default 0,7,14, ... 63)",
    )
    sub.add_argument(
        "--limit", type=argument_types.count, metavar="K", help="only the first K photographs"
    )
    sub.add_argument(
        "--plot", type=argument_types.figure_name, metavar="FIGURE.png", help="also draw the curves"
    )
    with_effort(sub)
    with_model(sub)

    sub = command(
        "train",
        "train the codec, with checkpoints and a CSV log beside the weights",
        "rda train --data bsds500 large --out mine.safetensors --minutes 60",
    )
    add_train_arguments(sub)

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
