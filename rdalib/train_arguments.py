"""The arguments of `rda train`."""

import argparse

from rdalib import argument_types


def add_train_arguments(sub: argparse.ArgumentParser) -> None:
    """Give the parser of `rda train` its options."""
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
        type=argument_types.positive,
        metavar="M",
        help="about as long: as many steps as fit (default 60)",
    )
    length.add_argument(
        "--steps", type=argument_types.count, metavar="S", help="so many steps, counted from 0"
    )
    sub.add_argument(
        "--resume",
        metavar="CHECKPOINT",
        help="go on where a run stopped, to the end it was meant to have, or to a new one "
        "with --steps or --minutes",
    )
    sub.add_argument(
        "--batch",
        type=argument_types.count,
        default=8,
        metavar="B",
        help="patches a step (default 8; a resumed run keeps its own)",
    )
    sub.add_argument(
        "--patch",
        type=argument_types.patch,
        default=256,
        metavar="P",
        help="their side in pixels, a multiple of 64 (default 256; a resumed run keeps its own)",
    )
    sub.add_argument(
        "--relative",
        action="store_true",
        help="count a percent of every patch's loss nearly alike, so that smooth photographs are "
        "learned as well as busy ones (a resumed run keeps to its own choice)",
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
