"""The .rda file: 16 bytes of header, then the range coder's words. All little-endian.

offset  bytes  content
     0      3  "RDA"
     3      1  version of this format, 1
     4      3  first bytes of the SHA-256 of the weights file
     7      1  quality level, 0..63
     8      2  width in pixels, 1..65535
    10      2  height in pixels, 1..65535
    12      4  CRC-32 of everything else, header and payload
    16      -  payload
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

MAGIC = b"RDA"
VERSION = 1
HEADER = struct.Struct("<3sB3sBHHI")
LARGEST_SIDE = 2**16 - 1
MAX_PIXELS = 2**26  # 67 million
MOST_BYTES_A_BLOCK = 2**16  # of 64 x 64 pixels: no payload is longer, were every integer escaped


class BitstreamError(ValueError):
    """A file that is not a whole, undamaged .rda file for these weights. One line of text."""


@dataclass(frozen=True)
class Bitstream:
    """What an .rda file says. weights_id: 3 bytes; quality: 0..63; sides in pixels."""

    weights_id: bytes
    quality: int
    width: int
    height: int
    payload: bytes


def build(stream: Bitstream) -> bytes:
    """A Bitstream to the bytes of the file. Raises: ValueError for sides out of range."""
    check_size(stream.width, stream.height)
    fields = (MAGIC, VERSION, stream.weights_id, stream.quality, stream.width, stream.height)
    checksum = zlib.crc32(HEADER.pack(*fields, 0)[:-4] + stream.payload)
    return HEADER.pack(*fields, checksum) + stream.payload


def read(file: BinaryIO) -> bytes:
    """The bytes of an open .rda file, of which no more are read than such a file can have.

    Raises: BitstreamError for what is no .rda file, after its first 16 bytes.
    """
    data = bytearray(file.read(HEADER.size))
    _check_start(data)
    *_, width, height, _ = HEADER.unpack(data)
    _check_stated_size(width, height)
    most = HEADER.size + MOST_BYTES_A_BLOCK * -(-width // 64) * -(-height // 64)
    while piece := file.read(2**20):
        data += piece
        if len(data) > most:
            raise BitstreamError(f"damaged: too long for {width} x {height} pixels")
    return bytes(data)


def _check_start(data: bytes | bytearray) -> None:
    if not data:
        raise BitstreamError("the file is empty")
    if data[:3] != MAGIC[: len(data)]:
        raise BitstreamError("not an .rda file: it does not begin with RDA")
    if len(data) > 3 and data[3] != VERSION:
        raise BitstreamError(
            f"format version {data[3]}; this rdalib reads version {VERSION}: a newer one may do"
        )
    if len(data) < HEADER.size:
        raise BitstreamError(f"cut short: {len(data)} bytes, and the header alone has 16")


def parse(data: bytes) -> Bitstream:
    """The bytes of a file to a Bitstream, everything checked. Raises: BitstreamError."""
    _check_start(data)
    _, _, weights_id, quality, width, height, checksum = HEADER.unpack_from(data)
    payload = data[HEADER.size :]
    if checksum != zlib.crc32(data[: HEADER.size - 4] + payload):
        raise BitstreamError("damaged or cut short: the checksum does not match")
    if quality > 63:
        raise BitstreamError(f"quality level {quality}; there are levels 0 to 63")
    _check_stated_size(width, height)
    return Bitstream(weights_id, quality, width, height, payload)


def _check_stated_size(width: int, height: int) -> None:
    try:
        check_size(width, height)
    except ValueError as error:
        raise BitstreamError(str(error)) from None


def check_size(width: int, height: int) -> None:
    """Raises: ValueError unless a photograph of these sides fits the format."""
    if not (1 <= width <= LARGEST_SIDE and 1 <= height <= LARGEST_SIDE):
        raise ValueError(f"{width} x {height} pixels; a side has 1 to {LARGEST_SIDE}")
    if width * height > MAX_PIXELS:
        raise ValueError(f"{width} x {height} pixels; at most {MAX_PIXELS} are allowed")
