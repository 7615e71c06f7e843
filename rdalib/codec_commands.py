"""The commands of `rda` that make .rda files and read them. Each takes the parsed arguments.

A file that the user names is replaced; one whose name is made up here, from that of the file read,
is not, unless --overwrite. Of several files, one that is bad is named and the rest go on.

PyTorch is imported where it is needed: `rda info` has no use for it.
"""

from __future__ import annotations

import io
import math
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from rdalib import bitstream
from rdalib.bitstream import BitstreamError
from rdalib.files import write_file
from rdalib.quality import LAMBDA_MAX, LAMBDA_MIN, lambda_to_quality, quality_to_lambda
from rdalib.terminal import bar, check_output, complain, explain, note, refining

if TYPE_CHECKING:
    from rdalib.codec import Codec

STREAM = "-"  # standard input or output, in place of a file's name
KEEP_EVERY_PIXEL = ("PNG", "TIFF", "BMP", "PPM", "WEBP", "JPEG2000")  # as images writes them


def compress(arguments: Namespace) -> int:
    *sources, last = arguments.paths
    if arguments.out:
        jobs = _made_up([*sources, last], Path(arguments.out), ".rda", arguments.overwrite)
    elif not sources:
        raise ValueError(f"{last}: name the file to write too, or a folder with --out")
    elif len(sources) > 1:
        raise ValueError("several photographs need a folder for their files: --out FOLDER")
    elif last != STREAM and Path(last).suffix.lower() != ".rda":
        raise ValueError(f"{last}: end the name of the file to write in .rda")
    else:
        jobs = _named(sources[0], last)
    quality = arguments.quality
    if arguments.lam is not None:
        quality = lambda_to_quality(arguments.lam)
        if not LAMBDA_MIN <= arguments.lam <= LAMBDA_MAX:
            bounds = f"{LAMBDA_MIN:g} to {LAMBDA_MAX:g}"
            note(f"lambda {arguments.lam:g} is not in {bounds}; quality {quality} is the nearest")

    from rdalib.codec import Codec
    from rdalib.distortion import psnr
    from rdalib.images import photo_to_tensor
    from rdalib.photo_files import open_rgb

    loaded: list[Codec] = []

    def one(source: str, target: str) -> str:
        image = open_rgb(io.BytesIO(sys.stdin.buffer.read()) if source == STREAM else source, note)
        if not loaded:
            loaded.append(Codec.load(arguments.model))
        with refining(arguments.effort) as progress:
            data, latents = loaded[0].encode(
                image, quality, arguments.bytes, arguments.effort, progress
            )
        stream = bitstream.parse(data)
        # The decoder finds these very integers in the file: no need to look for them there.
        y_hat = loaded[0].synthesise(latents, stream.quality, stream.height, stream.width)
        del latents  # as large as the photograph
        decibels = psnr(photo_to_tensor(image), y_hat)
        _write(target, data)
        return (
            f"{target}: {len(data):,} bytes ({bitstream.HEADER.size} of header), "
            f"{8 * len(data) / (stream.width * stream.height):.3f} bpp, "
            f"PSNR {f'{decibels:.2f} dB' if math.isfinite(decibels) else 'exact'}, "
            f"quality {stream.quality} of 0..63"
        )

    return _each(jobs, "compressing", one)


def decompress(arguments: Namespace) -> int:
    *sources, last = arguments.paths
    if arguments.out:
        jobs = _made_up([*sources, last], Path(arguments.out), ".png", arguments.overwrite)
    elif Path(last).suffix.lower() == ".rda":
        jobs = _made_up([*sources, last], None, ".png", arguments.overwrite)
    elif len(sources) != 1:
        raise ValueError(f"{last}: name the file to write too, or a folder with --out")
    else:
        jobs = _named(sources[0], last)

    from rdalib.codec import Codec
    from rdalib.images import WRITE_OPTIONS, encode_photo, photo_format

    kinds = {target: "PNG" if target == STREAM else photo_format(target) for _, target in jobs}
    codecs: dict[bytes, Codec] = {}

    def one(source: str, target: str) -> str:
        with _named_in_errors(source):
            data = _read_rda(source)
            made_by = bitstream.parse(data).weights_id
            if made_by not in codecs:
                named = arguments.model
                codecs[made_by] = Codec.load(named) if named else Codec.load_for(data)
            y_hat = codecs[made_by].decompress(data)
        kind = kinds[target]
        _write(target, encode_photo(y_hat, kind, target))
        if kind not in KEEP_EVERY_PIXEL:
            how = "".join(f", {key} {value}" for key, value in WRITE_OPTIONS.get(kind, {}).items())
            note(f"{target}: {kind}{how} loses a little again; .png keeps every pixel")
        return f"{target}: {y_hat.shape[2]} x {y_hat.shape[1]} pixels"

    return _each(jobs, "decompressing", one)


def info(arguments: Namespace) -> None:
    with _named_in_errors(arguments.input):
        stream = bitstream.parse(_read_rda(arguments.input))
    header, payload = bitstream.HEADER.size, len(stream.payload)
    bpp = 8 * (header + payload) / (stream.width * stream.height)
    print(f"format     .rda version {bitstream.VERSION}, checksum right")
    print(f"size       {stream.width} x {stream.height} pixels")
    print(f"file       {header + payload:,} bytes, {bpp:.3f} bpp")
    print(f"payload    {payload:,} bytes after {header} of header")
    print(f"quality    {stream.quality} of 0..63, lambda {quality_to_lambda(stream.quality):.3g}")
    print(f"weights    {stream.weights_id.hex()}")


# Files in, files out: a job is (the name to read, the name to write)

Job = tuple[str, str]


def _named(source: str, target: str) -> list[Job]:
    """The job whose names the user gave. Raises: ValueError, OSError."""
    if target != STREAM:
        check_output(target, *([] if source == STREAM else [source]))
    return [(source, target)]


def _made_up(sources: list[str], folder: Path | None, ending: str, overwrite: bool) -> list[Job]:
    """Jobs that write into a folder, or beside what they read, under the same name but for ending.

    Raises: ValueError for two of one name, or an existing file unless overwrite, OSError.
    """
    if STREAM in sources:
        raise ValueError("standard input has no name to give on; name the file to write")
    if folder and not folder.is_dir():
        raise ValueError(f"--out {folder}: no such folder; make it first")
    jobs: dict[str, str] = {}  # by what is written
    for source in sources:
        target = str((folder or Path(source).parent) / Path(source).with_suffix(ending).name)
        if target in jobs:
            raise ValueError(f"{jobs[target]} and {source} would both be written to {target}")
        check_output(target, source)
        if os.path.exists(target) and not overwrite:
            raise ValueError(f"{target} exists; --overwrite replaces it")
        jobs[target] = source
    return [(source, target) for target, source in jobs.items()]


def _each(jobs: list[Job], what: str, one: Callable[[str, str], str]) -> int:
    """Do every job and print its line. Returns the exit status: 1 where some of several failed."""
    if len(jobs) == 1:
        ((source, target),) = jobs
        print(one(source, target), file=sys.stderr if target == STREAM else sys.stdout)
        return 0
    failed = 0
    with bar(what, "file")(jobs) as progress:
        for source, target in progress:
            try:
                progress.write(one(source, target))
            except Exception as error:
                message = explain(error)
                if message is None:
                    raise
                failed += 1
                complain(message if source in message else f"{source}: {message}")
    if failed:
        complain(f"{failed} of {len(jobs)} files failed")
    return 1 if failed else 0


def _read_rda(source: str) -> bytes:
    """The bytes of an .rda file, or of standard input. Raises: ValueError, OSError."""
    if source != STREAM and Path(source).is_dir():
        raise ValueError(f"{source} is a folder; name an .rda file in it")
    with nullcontext(sys.stdin.buffer) if source == STREAM else open(source, "rb") as file:
        return bitstream.read(file)


@contextmanager
def _named_in_errors(source: str) -> Iterator[None]:
    """What is wrong with an .rda file is said with its name."""
    try:
        yield
    except BitstreamError as error:
        raise BitstreamError(f"{source}: {error}") from None


def _write(target: str, data: bytes) -> None:
    """Bytes to a file, whole or not at all, or to standard output. Raises: OSError."""
    if target == STREAM:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        write_file(target, data)
