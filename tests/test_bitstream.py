import dataclasses
import io
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdalib.bitstream import (
    HEADER,
    MAGIC,
    MAX_PIXELS,
    VERSION,
    Bitstream,
    BitstreamError,
    build,
    parse,
    read,
)

STREAM = Bitstream(b"\x01\x02\x03", 42, 640, 479, b"payload!")
# Pinned: "RDA", version 1, weights, quality, width and height little-endian, checksum, payload.
GOLDEN = bytes.fromhex("524441 01 010203 2a 8002 df01") + bytes.fromhex("afdc8e82") + b"payload!"


def with_checksum(header, payload=b""):
    """12 bytes of header that `build` would not make, made to look right."""
    return header + zlib.crc32(header + payload).to_bytes(4, "little") + payload


@st.composite
def streams(draw):
    side = st.integers(1, 8192)
    return Bitstream(
        draw(st.binary(min_size=3, max_size=3)),
        draw(st.integers(0, 63)),
        draw(side),
        draw(side),
        draw(st.binary(max_size=50)),
    )


@given(streams())
@settings(max_examples=50, deadline=None)
def test_a_stream_comes_back(stream):
    assert parse(build(stream)) == stream


def test_the_header_is_16_bytes():
    assert HEADER.size == 16
    assert len(build(dataclasses.replace(STREAM, payload=b""))) == 16


def test_golden_file():
    assert build(STREAM) == GOLDEN
    assert parse(GOLDEN) == STREAM


def test_every_truncation_is_refused():
    data = build(STREAM)
    for length in range(len(data)):
        with pytest.raises(BitstreamError):
            parse(data[:length])


def test_every_flipped_bit_is_refused():
    data = build(STREAM)
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BitstreamError):
            parse(bytes(damaged))


def test_every_two_flipped_bits_are_refused():
    data = build(dataclasses.replace(STREAM, payload=b"ab"))
    for first in range(8 * len(data)):
        for second in range(first):
            damaged = bytearray(data)
            damaged[first // 8] ^= 1 << first % 8
            damaged[second // 8] ^= 1 << second % 8
            with pytest.raises(BitstreamError):
                parse(bytes(damaged))


@given(st.binary(min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_every_extension_is_refused(tail):
    with pytest.raises(BitstreamError, match="checksum"):
        parse(build(STREAM) + tail)


@given(st.binary(max_size=60))
@settings(max_examples=100, deadline=None)
def test_other_files_are_refused(data):
    with pytest.raises(BitstreamError):
        parse(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "not an .rda file"),
        (b"R", "cut short: 1 bytes"),
        (build(STREAM)[:15], "cut short: 15 bytes"),
        (build(STREAM)[:-1], "damaged or cut short"),
    ],
)
def test_the_error_says_what_is_wrong(data, message):
    with pytest.raises(BitstreamError, match=message) as caught:
        parse(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("version", [0, 2, 255])
def test_another_version_is_named_before_anything_else_is_looked_at(version):
    for length in (4, 10, 16, 24):
        data = bytearray(build(STREAM)[:length])
        data[3] = version
        with pytest.raises(BitstreamError, match=f"format version {version}; .* version {VERSION}"):
            parse(bytes(data))


@pytest.mark.parametrize("quality", [64, 255])
def test_a_level_beyond_63_is_refused(quality):
    header = MAGIC + bytes([VERSION, 1, 2, 3, quality, 16, 0, 16, 0])
    with pytest.raises(BitstreamError, match=f"quality level {quality}"):
        parse(with_checksum(header))


@pytest.mark.parametrize(
    ("width", "height"), [(0, 0), (0, 5), (5, 0), (65535, 65535), (31250, 32000)]
)
def test_sides_of_nothing_or_of_too_much_are_refused_before_anything_is_allocated(width, height):
    sides = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    data = with_checksum(MAGIC + bytes([VERSION, 1, 2, 3, 10]) + sides)
    tracemalloc.start()
    try:
        with pytest.raises(BitstreamError, match=f"{width} x {height} pixels"):
            parse(data)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("width", "height"), [(0, 1), (1, 0), (-1, 1), (65536, 1), (1, 65536), (8192, 8193)]
)
def test_files_of_such_sides_are_not_made_either(width, height):
    with pytest.raises(ValueError, match=f"{width} x {height} pixels"):
        build(dataclasses.replace(STREAM, width=width, height=height))


@pytest.mark.parametrize(("width", "height"), [(1, 1), (65535, 1), (1, 65535), (8192, 8192)])
def test_the_extreme_sides_that_fit_come_back(width, height):
    assert width * height <= MAX_PIXELS
    stream = dataclasses.replace(STREAM, width=width, height=height)
    assert parse(build(stream)) == stream


class Endless(io.RawIOBase):
    """Bytes of a start, then zeros for ever; counts what is read of them."""

    def __init__(self, start):
        self.start, self.count = start, 0

    def read(self, size):
        piece = self.start[self.count : self.count + size]
        self.count += size
        return piece + bytes(size - len(piece))


@pytest.mark.parametrize("start", [b"", b"\x89PNG\r\n\x1a\n", MAGIC + bytes([VERSION + 1])])
def test_of_a_foreign_file_only_the_first_16_bytes_are_read(start):
    file = Endless(start)
    with pytest.raises(BitstreamError):
        read(file)
    assert file.count == 16


def test_of_a_file_without_an_end_no_more_is_read_than_its_size_allows():
    file = Endless(build(STREAM)[:16])
    with pytest.raises(BitstreamError, match="too long for"):
        read(file)
    assert file.count < 7_000_000
    file = Endless(MAGIC + bytes([VERSION, 1, 2, 3, 10]) + b"\xff" * 4)
    with pytest.raises(BitstreamError, match="65535 x 65535 pixels; at most"):
        read(file)
    assert file.count == 16


def test_a_whole_file_is_read_whole():
    assert read(io.BytesIO(build(STREAM))) == build(STREAM)
    for length in range(len(build(STREAM))):
        cut = build(STREAM)[:length]
        if length < 16:
            with pytest.raises(BitstreamError):
                read(io.BytesIO(cut))
        else:
            assert read(io.BytesIO(cut)) == cut
