"""The commands of `rda` that make .rda files and read them. Each takes the parsed arguments.

PyTorch is imported where it is needed: `rda info` has no use for it.
"""

import math
from pathlib import Path

from rdalib import bitstream
from rdalib.bitstream import BitstreamError
from rdalib.files import write_file
from rdalib.quality import lambda_to_quality, quality_to_lambda
from rdalib.terminal import check_output, note

KEEP_EVERY_PIXEL = (".png", ".tif", ".tiff", ".bmp", ".ppm")


def compress(arguments):
    if Path(arguments.output).suffix.lower() != ".rda":
        raise ValueError(f"{arguments.output}: end the name of the file to write in .rda")
    check_output(arguments.output, arguments.input)
    quality = arguments.quality
    if arguments.lam is not None:
        quality = lambda_to_quality(arguments.lam)
    from rdalib.codec import Codec
    from rdalib.distortion import psnr
    from rdalib.images import read_photo

    y = read_photo(arguments.input, note=note)
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
    from rdalib.codec import Codec
    from rdalib.images import photo_format, write_photo

    photo_format(arguments.output)
    check_output(arguments.output, arguments.input)

    def decoded(data):
        codec = Codec.load(arguments.model) if arguments.model else Codec.load_for(data)
        return codec.decompress(data)

    y_hat = _read_rda(arguments.input, decoded)
    write_photo(y_hat, arguments.output)
    ending = Path(arguments.output).suffix
    if ending.lower() not in KEEP_EVERY_PIXEL:
        note(f"{ending} may lose a little again; .png keeps every pixel")
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


def _read_rda(path, parse):
    """parse(bytes of a file); what is wrong with them is said with the file's name."""
    if Path(path).is_dir():
        raise ValueError(f"{path} is a folder; name an .rda file in it")
    try:
        with open(path, "rb") as file:
            return parse(bitstream.read(file))
    except BitstreamError as error:
        raise BitstreamError(f"{path}: {error}") from None
