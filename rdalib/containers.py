"""What the containers of photographs say that Pillow keeps to itself.

They are PNG's chunks, the boxes of AVIF and JPEG XL, and the header of JPEG 2000.

Each function takes an open file, or its first bytes, and survives every damage to them: what cannot
be found is left out, since Pillow is the judge of whether a file can be decoded.
"""

from __future__ import annotations

import struct
from typing import IO


def png_cicp(file: IO[bytes]) -> tuple[int, int] | None:
    """(primaries, transfer) of a PNG's cICP chunk, or None."""
    file.seek(8)
    while len(start := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", start)
        if name == b"IDAT":  # ahead of which it would be
            break
        if name == b"cICP" and length == 4:
            primaries, transfer = file.read(4)[:2]
            return primaries, transfer
        file.seek(length + 4, 1)
    return None


def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    """The boxes that `data` is a row of: a list of (name, content), the last perhaps cut short."""
    found, at = [], 0
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if size == 1 and at + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, at + 8)
            start = at + 16
        end = at + size if size else len(data)  # 0: up to the end of the file
        if end < start:
            break
        found.append((name, data[start:end]))
        at = end
    return found


def avif_properties(file: IO[bytes]) -> dict[bytes, bytes]:
    """The properties of an AVIF file's main picture: {name of the box: content}."""
    file.seek(0)
    try:
        meta = dict(boxes(dict(boxes(file.read()))[b"meta"][4:]))
        iprp = dict(boxes(meta[b"iprp"]))
        main = int.from_bytes(meta[b"pitm"][4 : 6 if meta[b"pitm"][0] == 0 else 8], "big")
        listed = boxes(iprp[b"ipco"])
        numbers = _associations(iprp[b"ipma"])[main]
        return dict(listed[number - 1] for number in numbers if 0 < number <= len(listed))
    except (KeyError, IndexError, struct.error):
        return {}


def _associations(ipma: bytes) -> dict[int, list[int]]:
    """{item: the numbers of its properties, from 1} of an ipma box."""
    wide_item, wide_number = ipma[0] > 0, ipma[3] & 1
    (count,) = struct.unpack_from(">I", ipma, 4)
    found, at = {}, 8
    for _ in range(count):
        (item,) = struct.unpack_from(">I" if wide_item else ">H", ipma, at)
        at += 4 if wide_item else 2
        form = f">{ipma[at]}{'H' if wide_number else 'B'}"
        numbers = struct.unpack_from(form, ipma, at + 1)
        found[item] = [number & (0x7FFF if wide_number else 0x7F) for number in numbers]
        at += 1 + struct.calcsize(form)
    return found


def avif_cicp(properties: dict[bytes, bytes]) -> tuple[int, int] | None:
    """(primaries, transfer) of an AVIF picture's nclx box, or None."""
    colr = properties.get(b"colr", b"")
    return struct.unpack_from(">HH", colr, 4) if colr[:4] == b"nclx" and len(colr) >= 8 else None


def jpeg2000_depth(file: IO[bytes]) -> int:
    """Bits a sample of a JPEG 2000 file's deepest component; 8 if that is not found."""
    file.seek(0)
    data = file.read()
    start = data.find(b"\xff\x4f\xff\x51")  # where the codestream begins: SOC, SIZ
    components = data[start + 40 : start + 42]
    if start < 0 or len(components) < 2:
        return 8
    depths = data[start + 42 : start + 42 + 3 * int.from_bytes(components, "big") : 3]
    return max((depth & 0x7F) + 1 for depth in depths or b"\7")


def jxl_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) of a JPEG XL picture by its first bytes, or None if it is none.

    Source: ISO/IEC 18181-1, SizeHeader.
    """
    if data[4:8] == b"JXL ":
        for name, content in boxes(data):
            if name in (b"jxlc", b"jxlp"):  # whole, or in parts of which each has a number first
                data = content[4:] if name == b"jxlp" else content
                break
    if data[:2] != b"\xff\x0a" or len(data) < 12:
        return None
    bits = int.from_bytes(data[2:12], "little")

    def take(count: int) -> int:
        nonlocal bits
        value, bits = bits & ((1 << count) - 1), bits >> count
        return value

    small = take(1)

    def side() -> int:
        return 8 * (take(5) + 1) if small else take((9, 13, 18, 30)[take(2)]) + 1

    height = side()
    ratio = ((0, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))[take(3)]
    width = height * ratio[0] // ratio[1] if ratio[0] else side()
    return width, height
