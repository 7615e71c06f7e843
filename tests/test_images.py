"""Every kind of photograph file becomes the same y; what is no photograph is said in one line."""

import io
import os
import re
import shlex
import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
import tifffile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from rdalib import containers, photo_files
from rdalib.bit_depth import depth_of
from rdalib.images import (
    SAMPLES,
    PhotoError,
    pad_to_multiple,
    photo_format,
    photo_to_tensor,
    read_photo,
    sample_photo,
    tensor_to_photo,
    to_8bit,
    write_photo,
)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def levels(y):
    """y to integers 0..255, (H, W, 3); fails unless every value is k / 255 and y is as promised."""
    assert y.dtype == torch.float32 and y.shape[0] == 3
    scaled = (y * 255).permute(1, 2, 0)
    assert torch.equal(scaled.round() / 255, y.permute(1, 2, 0))
    return scaled.round().to(torch.uint8).numpy()


def saved(path, image, **options):
    image.save(path, **options)
    return path


def read_with_notes(path):
    notes = []
    return levels(read_photo(path, note=notes.append)), notes


# Sizes


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(height=st.integers(1, 40), width=st.integers(1, 40), seed=st.integers(0, 99))
def test_png_keeps_every_pixel_at_every_size(tmp_path, height, width, seed):
    y = photo_to_tensor(Image.fromarray(noise(height, width, 3, seed=seed)))
    write_photo(y, tmp_path / "y.png")
    assert torch.equal(read_photo(tmp_path / "y.png"), y)


def test_tensor_and_picture_hold_the_same_samples():
    pixels = noise(15, 33, 3)
    y = photo_to_tensor(Image.fromarray(pixels))
    assert y.shape == (3, 15, 33)
    assert np.array_equal(levels(y), pixels)
    assert np.array_equal(np.asarray(tensor_to_photo(y)), pixels)


def test_to_8bit_takes_the_nearest_level_and_clamps():
    y = torch.tensor([-0.1, 0.0, 0.49 / 255, 0.5 / 255, 254.4 / 255, 1.0, 1.7])
    assert to_8bit(y).tolist() == [0, 0, 0, 1, 254, 255, 255]


@pytest.mark.parametrize("shape", [(3, 1, 1), (3, 15, 33), (3, 16, 32), (2, 3, 17, 31)])
def test_padding_repeats_the_last_row_and_column_up_to_the_multiple(shape):
    y = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    padded = pad_to_multiple(y, 16)
    height, width = shape[-2:]
    assert padded.shape[-2:] == (-(-height // 16) * 16, -(-width // 16) * 16)
    rows = torch.arange(padded.shape[-2]).clamp(max=height - 1)
    columns = torch.arange(padded.shape[-1]).clamp(max=width - 1)
    assert torch.equal(padded, y[..., rows, :][..., columns])


# Kinds of samples


def test_greyscale_becomes_three_equal_channels(tmp_path):
    grey = noise(7, 9)
    pixels, notes = read_with_notes(saved(tmp_path / "grey.png", Image.fromarray(grey)))
    assert np.array_equal(pixels, np.repeat(grey[..., None], 3, axis=2))
    assert notes == []


def test_bilevel_becomes_black_and_white(tmp_path):
    bits = noise(7, 9) > 127
    pixels, notes = read_with_notes(saved(tmp_path / "bits.png", Image.fromarray(bits)))
    assert np.array_equal(pixels[..., 0], 255 * bits)
    assert notes == []


def test_palette_becomes_its_colours(tmp_path):
    indices, palette = noise(7, 9) % 5, noise(5, 3, seed=1)
    image = Image.frombytes("P", (9, 7), indices.tobytes())
    image.putpalette(palette.tobytes())
    pixels, notes = read_with_notes(saved(tmp_path / "palette.png", image))
    assert np.array_equal(pixels, palette[indices])
    assert notes == []
    pixels, notes = read_with_notes(saved(tmp_path / "clear.png", image, transparency=2))
    assert np.array_equal(pixels, np.where(indices[..., None] == 2, 255, palette[indices]))
    assert notes == ["transparent parts are laid on white"]


@pytest.mark.parametrize("channels", [2, 4], ids=["grey", "colour"])
def test_alpha_is_laid_on_white_in_proportion(tmp_path, channels):
    samples = noise(7, 9, channels)
    samples[0, 0, -1], samples[0, 1, -1] = 0, 255
    pixels, notes = read_with_notes(saved(tmp_path / "alpha.png", Image.fromarray(samples)))
    colour, alpha = samples[..., :-1].astype(float), samples[..., -1:] / 255
    expected = np.broadcast_to(colour * alpha + 255 * (1 - alpha), (7, 9, 3))
    assert np.abs(pixels - expected).max() <= 0.5 + 1e-9
    assert notes == ["transparent parts are laid on white"]


def test_alpha_that_hides_nothing_needs_no_note(tmp_path):
    samples = noise(7, 9, 4)
    samples[..., 3] = 255
    pixels, notes = read_with_notes(saved(tmp_path / "opaque.png", Image.fromarray(samples)))
    assert np.array_equal(pixels, samples[..., :3])
    assert notes == []


def test_cmyk_without_a_profile_is_converted_with_a_note(tmp_path):
    inks = Image.merge("CMYK", [Image.fromarray(noise(7, 9, seed=seed)) for seed in range(4)])
    pixels, notes = read_with_notes(saved(tmp_path / "inks.tif", inks))
    cyan_magenta_yellow, black = np.split(np.asarray(inks) / 255, [3], axis=2)
    assert np.abs(pixels - 255 * (1 - cyan_magenta_yellow) * (1 - black)).max() <= 1
    assert notes == ["CMYK converted to RGB without a profile; colours are approximate"]


def png(width, height, bits, kind, rows, *chunks):
    """The bytes of a PNG file of any kind; chunks: (name, content), ahead of the pixels."""

    def chunk(name, data):
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = ((b"IHDR", header), *chunks, (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def png16(samples, *chunks):
    """A PNG of 16 bits a sample, (H, W, channels); Pillow writes only grey ones."""
    height, width, channels = samples.shape
    rows = [row.astype(">u2").tobytes() for row in samples]
    return png(width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], rows, *chunks)


def written(path, data):
    path.write_bytes(data)
    return path


def tiff(width, height, data, tags):
    """The bytes of a little-endian TIFF file of one strip; tags: {number: list of numbers}."""
    tags = {256: [width], 257: [height], 259: [1], 278: [height], 279: [len(data)]} | tags
    tags |= {273: [0], 277: [len(tags.get(258, [8]))]}
    values = {tag: struct.pack(f"<{len(v)}H", *v) for tag, v in tags.items()}
    behind, entries = b"", b""
    first = 8 + 2 + 12 * len(tags) + 4
    start = first + sum(len(value) for value in values.values() if len(value) > 4)
    values[273] = struct.pack("<H", start)
    for tag in sorted(values):
        value = values[tag]
        entries += struct.pack("<HHI", tag, 3, len(tags[tag]))  # 3: each of 16 bits
        if len(value) > 4:
            entries += struct.pack("<I", first + len(behind))
            behind += value
        else:
            entries += value.ljust(4, b"\0")
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    return head + entries + bytes(4) + behind + data


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png_is_reduced_to_8(tmp_path, channels):
    samples = noise(7, 9, channels, 2).astype(np.uint16) @ np.array([256, 1], np.uint16)
    if channels in (2, 4):
        samples[..., -1] = 65535
    pixels, notes = read_with_notes(written(tmp_path / "deep.png", png16(samples)))
    assert notes == ["16 bits a sample reduced to 8"]
    colour = samples[..., :3] if channels > 2 else samples[..., :1]
    assert np.abs(pixels - colour / 257).max() < 1  # Pillow takes the high byte of colours


@pytest.mark.parametrize("byteorder", "<>")
@pytest.mark.parametrize("shape", [(7, 9), (7, 9, 3)], ids=["grey", "colour"])
def test_16_bit_tiff_is_reduced_to_8(tmp_path, shape, byteorder):
    samples = noise(*shape, 2).astype(np.uint16) @ np.array([256, 1], np.uint16)
    photometric = "rgb" if len(shape) == 3 else "minisblack"
    path = tmp_path / "deep.tif"
    tifffile.imwrite(path, samples, photometric=photometric, byteorder=byteorder)
    pixels, notes = read_with_notes(path)
    assert notes == ["16 bits a sample reduced to 8"]
    assert np.abs(pixels - samples.reshape(7, 9, -1) / 257).max() < 1


def test_16_bit_grey_takes_the_nearest_level_and_says_so(tmp_path):
    samples = np.arange(0, 65536, 37, dtype=np.uint16)[None]
    pixels, notes = read_with_notes(saved(tmp_path / "ramp.png", Image.fromarray(samples)))
    assert np.array_equal(pixels[..., 1], np.round(samples / 257))
    assert notes == ["16 bits a sample reduced to 8"]


@pytest.mark.parametrize("value", [np.float32(0.5), np.int32(-1), np.int32(65536)])
def test_samples_without_a_known_white_are_refused(tmp_path, value):
    tifffile.imwrite(tmp_path / "odd.tif", np.full((4, 4), value))
    with pytest.raises(PhotoError, match=r"odd\.tif: float or 32-bit samples.*convert them"):
        read_photo(tmp_path / "odd.tif")


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_transparent_level_of_a_grey_png_of_every_depth_is_laid_on_white(tmp_path, bits):
    count = min(2**bits, 256)
    levels_ = np.arange(count) * (257 if bits == 16 else 1)
    clear = 1 if bits < 16 else 257
    if bits == 16:
        row = levels_.astype(">u2").tobytes()
    else:
        digits = "".join(f"{level:0{bits}b}" for level in levels_)
        row = bytes(int(digits[i : i + 8].ljust(8, "0"), 2) for i in range(0, len(digits), 8))
    data = png(count, 1, bits, 0, [row], (b"tRNS", struct.pack(">H", clear)))
    pixels, notes = read_with_notes(written(tmp_path / "a.png", data))
    expected = np.where(levels_ == clear, 255, np.round(levels_ * 255 / (2**bits - 1)))
    assert np.array_equal(pixels[0, :, 0], expected)
    assert "transparent parts are laid on white" in notes


def test_a_transparent_black_is_laid_on_white(tmp_path):
    data = png16(np.array([0, 30000], np.uint16).reshape(1, 2, 1), (b"tRNS", bytes(2)))
    pixels, _ = read_with_notes(written(tmp_path / "a.png", data))
    assert pixels[0, 0, 0] == 255


@pytest.mark.parametrize("bits", [8, 16])
def test_a_transparent_colour_is_laid_on_white_or_noted(tmp_path, bits):
    if bits == 8:
        data = png(2, 1, 8, 2, [bytes([1, 2, 3, 4, 5, 6])], (b"tRNS", struct.pack(">3H", 1, 2, 3)))
    else:
        samples = np.array([[[257, 514, 771], [40000, 0, 0]]], np.uint16)
        data = png16(samples, (b"tRNS", struct.pack(">3H", 257, 514, 771)))
    pixels, notes = read_with_notes(written(tmp_path / "a.png", data))
    if bits == 8:
        assert pixels.tolist() == [[[255] * 3, [4, 5, 6]]]
        assert notes == ["transparent parts are laid on white"]
    else:
        assert pixels[0, 0].tolist() == [1, 2, 3]
        assert "its transparent colour has 16 bits and is not applied" in notes


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_transparent_entries_of_a_palette_are_laid_on_white_in_proportion(tmp_path, bits):
    palette = (b"PLTE", bytes([200, 100, 0, 10, 20, 30]))
    row = bytes([1 << (8 - 2 * bits) if bits < 8 else 0, 1])[: 1 if bits < 8 else 2]  # 0, then 1
    data = png(2, 1, bits, 3, [row], palette, (b"tRNS", bytes([51, 255])))
    pixels, _ = read_with_notes(written(tmp_path / "a.png", data))
    expected = np.round(np.array([200, 100, 0]) * 0.2 + 255 * 0.8)
    assert np.abs(pixels[0, 0] - expected).max() <= 1
    assert pixels[0, 1].tolist() == [10, 20, 30]


RAMP_12 = np.arange(0, 4096, 63)  # 66 samples, the last of them 4095


def packed_12(samples):
    bits = "".join(f"{sample:012b}" for sample in samples)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))


def test_12_bits_of_a_tiff_go_up_to_white(tmp_path):
    data = tiff(66, 1, packed_12(RAMP_12), {258: [12], 262: [1]})
    pixels, notes = read_with_notes(written(tmp_path / "a.tif", data))
    assert np.array_equal(pixels[0, :, 0], np.round(RAMP_12 * 255 / 4095))
    assert notes == ["12 bits a sample reduced to 8"]


def test_12_bits_in_16_with_their_white_stated_go_up_to_it(tmp_path):
    data = tiff(66, 1, RAMP_12.astype("<u2").tobytes(), {258: [16], 262: [1], 281: [4095]})
    pixels, notes = read_with_notes(written(tmp_path / "a.tif", data))
    assert np.array_equal(pixels[0, :, 0], np.round(RAMP_12 * 255 / 4095))
    assert notes == [
        "its MaxSampleValue, 4095, is taken as white",
        "16 bits a sample reduced to 8",
    ]


@pytest.mark.parametrize("stated", [1000, 40000, 4095])
def test_a_largest_sample_that_is_no_white_is_not_taken_for_one(tmp_path, stated):
    ramp = np.array([0, 30000, 65535] if stated == 4095 else [0, 500, stated], np.uint16)
    data = tiff(3, 1, ramp.tobytes(), {258: [16], 262: [1], 281: [stated]})
    pixels, _ = read_with_notes(written(tmp_path / "a.tif", data))
    assert np.array_equal(pixels[0, :, 0], np.round(ramp / 257))


def test_16_bits_far_from_white_are_noted(tmp_path):
    for kind, shape in ((1, (1, 66, 1)), (2, (1, 66, 3))):
        samples = np.broadcast_to(RAMP_12[:, None], shape)
        data = samples.astype("<u2").tobytes()
        data = tiff(66, 1, data, {258: [16] * shape[2], 262: [kind]})
        _, notes = read_with_notes(written(tmp_path / "a.tif", data))
        assert re.fullmatch(r"no sample is above 1\d of 255: too dark if .*", notes[-1])


def test_16_bit_colours_that_pillow_leaves_only_4_bits_of_are_refused(tmp_path):
    samples = np.repeat(RAMP_12, 3).astype("<u2").tobytes()
    data = tiff(66, 1, samples, {258: [16] * 3, 262: [2], 281: [4095] * 3})
    assert "MaxSampleValue of 4095; scale them" in refusal(written(tmp_path / "a.tif", data))


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_white_is_zero_gives_the_positive(tmp_path, bits):
    count = min(2**bits, 256)
    samples = np.arange(count) * (257 if bits == 16 else 1)
    if bits == 16:
        data = samples.astype("<u2").tobytes()
    else:
        digits = "".join(f"{level:0{bits}b}" for level in samples)
        data = bytes(int(digits[i : i + 8].ljust(8, "0"), 2) for i in range(0, len(digits), 8))
    data = tiff(count, 1, data, {258: [bits], 262: [0]})
    pixels, _ = read_with_notes(written(tmp_path / "a.tif", data))
    assert np.array_equal(pixels[0, :, 0], np.round(255 - samples * 255 / (2**bits - 1)))


@pytest.mark.parametrize("bits", [8, 16])
def test_signed_samples_are_refused(tmp_path, bits):
    data = tiff(4, 1, bytes(range(8))[: bits // 2], {258: [bits], 262: [1], 339: [2]})
    assert "signed ones, of which none is white" in refusal(written(tmp_path / "a.tif", data))


@pytest.mark.parametrize(
    "data",
    [
        b"P6 1 1 65535\n" + struct.pack(">3H", 257, 514, 65535),
        b"P3 1 1 65535 257 514 65535 ",
    ],
)
def test_a_deep_pnm_is_reduced_with_a_note(tmp_path, data):
    pixels, notes = read_with_notes(written(tmp_path / "a.ppm", data))
    assert pixels.tolist() == [[[1, 2, 255]]]
    assert notes == ["16 bits a sample reduced to 8"]


def test_5_and_6_bits_of_colour_are_not_called_16(tmp_path):
    head = struct.pack("<2sIII", b"BM", 54 + 12 + 4, 0, 66)
    head += struct.pack("<IiiHHIIiiII", 40, 2, 1, 1, 16, 3, 4, 1, 1, 0, 0)
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    data = head + masks + struct.pack("<HH", 0xF800, 0x7E0)
    pixels, notes = read_with_notes(written(tmp_path / "a.bmp", data))
    assert (pixels.tolist(), notes) == ([[[255, 0, 0], [0, 255, 0]]], [])


# EXIF

ORIENTED = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: a[::-1, ::-1],
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", ORIENTED)
def test_exif_orientation_is_applied(tmp_path, ending, orientation):
    image = Image.fromarray(noise(8, 24, 3))
    exif = Image.Exif()
    exif[0x0112] = orientation
    plain, _ = read_with_notes(saved(tmp_path / f"plain.{ending}", image))
    pixels, notes = read_with_notes(saved(tmp_path / f"turned.{ending}", image, exif=exif))
    assert np.array_equal(pixels, ORIENTED[orientation](plain))
    assert notes == []


@pytest.mark.parametrize(
    "exif, said",
    [
        (b"Exif\0\0garbage", ["its EXIF data cannot be read; the picture is taken as upright"]),
        (b"Exif\0\0II*\0\x08\0\0\0\xff\xff", []),  # cut short: Pillow warns and goes on
        (b"Exif\0\0", []),
    ],
)
def test_damaged_exif_costs_neither_the_picture_nor_a_warning(tmp_path, exif, said):
    image = Image.fromarray(noise(8, 24, 3))
    path = saved(tmp_path / "photo.png", image, exif=exif)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pixels, notes = read_with_notes(path)
    assert np.array_equal(pixels, np.asarray(image))
    assert notes == said


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
def test_a_camera_its_date_and_its_place_are_noted_as_left_behind(tmp_path, ending):
    image = Image.fromarray(noise(8, 24, 3))
    for tag, value in ((0x010F, "maker"), (0x0110, "model"), (0x0132, "2026:11:27 10:00:00")):
        exif = Image.Exif()
        exif[tag] = value
        path = saved(tmp_path / f"{tag}.{ending}", image, exif=exif)
        assert read_with_notes(path)[1] == ["its EXIF data (camera, date, place) is left behind"]
    exif = Image.Exif()
    exif[0x0128] = 2  # a unit of resolution, as many programs write
    path = saved(tmp_path / f"plain.{ending}", image, exif=exif)
    assert read_with_notes(path)[1] == []


# Colour profiles


def srgb_profile():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped_profile():
    """sRGB with red and blue exchanged: every colour it describes is plain to predict."""
    data = srgb_profile()
    return data.replace(b"rXYZ", b"tmp ").replace(b"bXYZ", b"rXYZ").replace(b"tmp ", b"bXYZ")


def built_profile(kind, space, connection, tags):
    """An ICC profile, version 2.1, of the given tags."""
    description = b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78)
    white = b"XYZ " + bytes(4) + struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D)
    tags = {b"desc": description, b"wtpt": white} | tags
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += struct.pack(">4sII", name, 128 + 4 + 12 * len(tags) + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(
        ">I4sI4s4s4s", 128 + len(table + body), b"", 0x02100000, kind, space, connection
    )
    head += struct.pack(">6H4s", 2000, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + white[8:]
    return head.ljust(128, b"\0") + table + body


def grey_profile(gamma):
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(256 * gamma))
    return built_profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": curve})


def cmyk_profile():
    """Lightness falls in proportion to black ink on white paper; any other ink is black too."""
    identity = bytes(range(256))
    paper, ink = bytes([255, 128, 128]), bytes([0, 128, 128])
    matrix = struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + 4 * identity
    return built_profile(
        b"prtr", b"CMYK", b"Lab ", {b"A2B0": table + paper + 15 * ink + 3 * identity}
    )


def srgb_encoded(linear):
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def test_a_profile_that_is_srgb_changes_no_sample(tmp_path):
    image = Image.fromarray(noise(8, 24, 3))
    pixels, notes = read_with_notes(saved(tmp_path / "a.png", image, icc_profile=srgb_profile()))
    assert np.array_equal(pixels, np.asarray(image))
    assert notes == []


def test_a_profile_is_judged_by_what_it_does_and_not_by_its_name(tmp_path):
    image = Image.fromarray(noise(8, 24, 3))
    path = saved(tmp_path / "swapped.png", image, icc_profile=swapped_profile())
    pixels, notes = read_with_notes(path)
    assert np.abs(pixels.astype(int) - np.asarray(image)[..., ::-1]).max() <= 1
    assert notes == ["colours converted from sRGB built-in to sRGB"]


def test_colours_under_alpha_are_converted_before_they_are_laid_on_white(tmp_path):
    samples = noise(8, 24, 4)
    path = saved(tmp_path / "a.png", Image.fromarray(samples), icc_profile=swapped_profile())
    pixels, _ = read_with_notes(path)
    alpha = samples[..., 3:] / 255
    assert np.abs(pixels - (samples[..., 2::-1] * alpha + 255 * (1 - alpha))).max() <= 1.5


@pytest.mark.parametrize("alpha", [False, True])
def test_a_grey_profile_is_applied(tmp_path, alpha):
    grey = np.arange(256, dtype=np.uint8)[None]
    samples = np.stack((grey, np.full_like(grey, 255)), axis=2) if alpha else grey
    path = saved(tmp_path / "a.png", Image.fromarray(samples), icc_profile=grey_profile(1.8))
    pixels, notes = read_with_notes(path)
    assert np.abs(pixels[..., 0] - 255 * srgb_encoded((grey / 255) ** 1.8)).max() <= 2
    assert notes == ["colours converted from test to sRGB"]


def test_a_greyscale_picture_with_a_profile_for_colours_is_kept(tmp_path):
    grey = noise(7, 9)
    path = saved(tmp_path / "a.png", Image.fromarray(grey), icc_profile=srgb_profile())
    pixels, notes = read_with_notes(path)
    assert np.array_equal(pixels[..., 2], grey)
    assert notes == []


def test_a_cmyk_profile_is_applied(tmp_path):
    black = np.arange(256, dtype=np.uint8)[None]
    none = np.zeros_like(black)
    inks = Image.merge("CMYK", [Image.fromarray(plane) for plane in (none, none, none, black)])
    path = saved(tmp_path / "inks.tif", inks, icc_profile=cmyk_profile())
    pixels, notes = read_with_notes(path)
    lightness = 100 * (1 - black / 255)
    linear = np.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness / 903.3)
    assert np.abs(pixels[..., 1] - 255 * srgb_encoded(linear)).max() <= 2
    assert notes == ["colours converted from test to sRGB"]


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("profile", [b"no profile at all" * 9, srgb_profile()[:200], "another"])
def test_a_profile_that_cannot_be_used_is_said_and_left_out(tmp_path, mode, profile):
    if profile == "another":  # whole, but for another kind of picture
        profile = srgb_profile() if mode == "CMYK" else cmyk_profile()
    image = Image.fromarray(noise(8, 24, 3)).convert(mode)
    plain, expected = read_with_notes(saved(tmp_path / "plain.tif", image))
    pixels, notes = read_with_notes(saved(tmp_path / "broken.tif", image, icc_profile=profile))
    assert np.array_equal(pixels, plain)
    assert notes == ["its colour profile cannot be used; colours are taken as they are", *expected]


SRGB_CHRM = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
ADOBE_CHRM = (31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)


def gama(value):
    return b"gAMA", struct.pack(">I", round(100000 * value))


def chrm(values):
    return b"cHRM", struct.pack(">8I", *values)


GREYS = np.arange(256, dtype=np.uint8)
COLOURS = np.stack((GREYS, 255 - GREYS, np.roll(GREYS, 99)), axis=1)


def png_of_colours(*chunks):
    return png(256, 1, 8, 2, [COLOURS.tobytes()], *chunks)


@pytest.mark.parametrize("gamma", [1.0, 0.7, 1 / 1.8, 0.3])
@pytest.mark.parametrize("kind", ["grey", "colour", "palette", "alpha", "16 bits"])
def test_a_png_with_a_gamma_is_converted(tmp_path, gamma, kind):
    if kind == "grey":
        samples, data = GREYS[:, None], png(256, 1, 8, 0, [GREYS.tobytes()], gama(gamma))
    elif kind == "colour":
        samples, data = COLOURS, png_of_colours(gama(gamma))
    elif kind == "palette":
        palette = (b"PLTE", COLOURS.tobytes())
        samples, data = COLOURS, png(256, 1, 8, 3, [GREYS.tobytes()], gama(gamma), palette)
    elif kind == "alpha":
        row = np.column_stack((COLOURS, np.full(256, 255, np.uint8))).tobytes()
        samples, data = COLOURS, png(256, 1, 8, 6, [row], gama(gamma))
    else:
        samples, data = COLOURS, png16(257 * COLOURS[None].astype(np.uint16), gama(gamma))
    pixels, notes = read_with_notes(written(tmp_path / "a.png", data))
    expected = 255 * srgb_encoded((samples / 255) ** (1 / gamma))
    assert np.abs(pixels[0] - expected).max() <= 1
    assert notes[-1] == f"colours converted from gAMA {gamma:.4g} to sRGB"


@pytest.mark.parametrize(
    "chunks",
    [
        [gama(0.45455)],
        [gama(0.45455), chrm(SRGB_CHRM)],
        [(b"sRGB", b"\0"), gama(1.0)],
        [(b"cICP", bytes([1, 13, 0, 1])), gama(1.0)],
    ],
)
def test_a_gamma_that_is_srgbs_or_stands_behind_better_words_changes_nothing(tmp_path, chunks):
    pixels, notes = read_with_notes(written(tmp_path / "a.png", png_of_colours(*chunks)))
    assert np.array_equal(pixels[0], COLOURS)
    assert notes == []


def test_a_profile_goes_before_a_gamma(tmp_path):
    profile = (b"iCCP", b"x\0\0" + zlib.compress(swapped_profile()))
    data = png_of_colours(gama(1.0), profile)
    pixels, _ = read_with_notes(written(tmp_path / "a.png", data))
    assert np.abs(pixels[0].astype(int) - COLOURS[:, ::-1]).max() <= 1


def adobe_rgb_to_srgb(samples):
    """By the matrices that Adobe and the IEC publish, rows of colours 0..255."""
    to_xyz = [[0.57667, 0.18556, 0.18823], [0.29734, 0.62736, 0.07529], [0.02703, 0.07069, 0.99134]]
    from_xyz = [
        [3.24045, -1.53714, -0.49853],
        [-0.96927, 1.87601, 0.04156],
        [0.05564, -0.20403, 1.05723],
    ]
    linear = (samples / 255) ** (563 / 256) @ np.array(to_xyz).T @ np.array(from_xyz).T
    return 255 * srgb_encoded(np.clip(linear, 0, 1))


def test_primaries_of_adobe_rgb_are_converted_as_its_profile_would(tmp_path):
    path = written(tmp_path / "a.png", png_of_colours(gama(0.45471), chrm(ADOBE_CHRM)))
    pixels, notes = read_with_notes(path)
    assert np.abs(pixels[0] - adobe_rgb_to_srgb(COLOURS)).max() <= 2
    assert notes == ["colours converted from gAMA 0.4547 and cHRM to sRGB"]


@pytest.mark.parametrize("values", [(0,) * 8, (31270, 32900) * 4, (31270, 0, *SRGB_CHRM[2:])])
def test_primaries_that_span_no_colours_are_said_and_left_out(tmp_path, values):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = written(tmp_path / "a.png", png_of_colours(gama(1.0), chrm(values)))
        pixels, notes = read_with_notes(path)
    assert np.array_equal(pixels[0], COLOURS)
    assert notes == ["its colour profile cannot be used; colours are taken as they are"]


@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
def test_adobe_rgb_that_only_exif_names_is_converted(tmp_path, ending):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = 65535
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    image = Image.new("RGB", (16, 16), (100, 200, 100))
    options = {"lossless": True} if ending == "webp" else {}
    path = saved(tmp_path / f"a.{ending}", image, exif=exif.tobytes(), **options)
    pixels, notes = read_with_notes(path)
    expected = adobe_rgb_to_srgb(np.array([100, 200, 100]))
    assert np.abs(pixels[8, 8] - expected).max() <= 4
    assert notes[-1] == "colours converted from Adobe RGB to sRGB"


def test_srgb_that_a_png_states_goes_before_what_exif_names(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    data = png_of_colours((b"sRGB", b"\0"), (b"eXIf", exif.tobytes()[6:]))
    pixels, _ = read_with_notes(written(tmp_path / "a.png", data))
    assert np.array_equal(pixels[0], COLOURS)
    data = png_of_colours((b"eXIf", exif.tobytes()[6:]))
    pixels, _ = read_with_notes(written(tmp_path / "b.png", data))
    assert not np.array_equal(pixels[0], COLOURS)


def test_a_png_profile_that_is_damaged_is_said(tmp_path):
    path = written(tmp_path / "a.png", png_of_colours((b"iCCP", b"x\0\0not zlib")))
    pixels, notes = read_with_notes(path)
    assert np.array_equal(pixels[0], COLOURS)
    assert notes == ["its colour profile cannot be used; colours are taken as they are"]


WASHED_OUT = "its colours are not sRGB ({}) but taken as if: they may look washed out"


@pytest.mark.parametrize(
    "cicp, words",
    [
        ((9, 16, 0, 1), "primaries BT.2020, transfer PQ (HDR)"),
        ((9, 18, 0, 1), "primaries BT.2020, transfer HLG (HDR)"),
        ((12, 13, 0, 1), "primaries Display P3, transfer sRGB"),
        ((1, 8, 0, 1), "primaries BT.709, transfer linear"),
        ((1, 77, 0, 1), "primaries BT.709, transfer 77"),
        ((1, 13, 0, 1), None),
        ((2, 2, 0, 1), None),
    ],
)
def test_colours_marked_by_cicp_are_noted(tmp_path, cicp, words):
    text = (b"tEXt", b"a\0" + bytes(range(65, 91)))
    data = png_of_colours(text, (b"cICP", bytes(cicp)))
    pixels, notes = read_with_notes(written(tmp_path / "a.png", data))
    assert np.array_equal(pixels[0], COLOURS)
    assert notes == ([WASHED_OUT.format(words)] if words else [])
    swapped = (b"iCCP", b"x\0\0" + zlib.compress(swapped_profile()))
    data = png_of_colours(swapped, (b"cICP", bytes(cicp)))
    _, notes = read_with_notes(written(tmp_path / "a.png", data))
    assert notes == ["colours converted from sRGB built-in to sRGB"]  # the profile serves as well


def avif(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "AVIF", **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "nclx, words",
    [
        ((9, 16), "primaries BT.2020, transfer PQ (HDR)"),
        ((12, 13), "primaries Display P3, transfer sRGB"),
        ((1, 13), None),
        ((2, 2), None),
    ],
)
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colours_marked_by_nclx_are_noted(tmp_path, mode, nclx, words):
    image = Image.new(mode, (24, 16), (40, 90, 200))
    usual = b"colrnclx" + struct.pack(">HH", 1, 13)
    data = avif(image)
    assert usual in data
    data = data.replace(usual, b"colrnclx" + struct.pack(">HH", *nclx))
    _, notes = read_with_notes(written(tmp_path / "a.avif", data))
    assert notes == ([WASHED_OUT.format(words)] if words else [])


def test_nclx_beside_a_profile_needs_no_note(tmp_path):
    data = avif(Image.new("RGB", (24, 16), (40, 90, 200)), icc_profile=srgb_profile())
    data = data.replace(b"nclx" + struct.pack(">HH", 1, 13), b"nclx" + struct.pack(">HH", 9, 16))
    assert read_with_notes(written(tmp_path / "a.avif", data))[1] == []


def with_property(data, name, content):
    """An AVIF file of one picture with one property more."""
    added = struct.pack(">I", 8 + len(content)) + name + content
    grown = bytearray(data)
    for box in (b"meta", b"iprp", b"ipco"):
        at = data.index(box) - 4
        grown[at : at + 4] = struct.pack(">I", struct.unpack_from(">I", data, at)[0] + len(added))
    association = data.index(b"ipma") + 4 + 4 + 4 + 2  # version, count, item, how many, the first
    ipma = data.index(b"ipma") - 4
    grown[association] += 1
    start = struct.pack(">I", data.index(b"mdat") + 4)
    moved = struct.pack(">I", data.index(b"mdat") + 4 + len(added) + 1)
    where = data.index(start)
    grown[where : where + 4] = moved
    for box in (b"meta", b"iprp", b"ipma"):  # by the byte of the association
        at = data.index(box) - 4
        grown[at : at + 4] = struct.pack(">I", struct.unpack_from(">I", grown, at)[0] + 1)
    number = 0x80 | data[association] + 1  # 0x80: who does not know it must not show the picture
    grown.insert(association + 1 + data[association], number)
    return bytes(grown[:ipma]) + added + bytes(grown[ipma:])


def test_a_clean_aperture_is_noted(tmp_path):
    data = avif(Image.new("RGB", (24, 16), (40, 90, 200)))
    clap = with_property(data, b"clap", struct.pack(">8I", 20, 1, 10, 1, 0, 1, 0, 1))
    pixels, notes = read_with_notes(written(tmp_path / "a.avif", clap))
    assert pixels.shape == (16, 24, 3)
    assert notes == ["its clean aperture, a crop, is not applied"]


def test_10_bits_of_an_avif_are_told_from_8(tmp_path):
    data = avif(Image.new("RGB", (24, 16), (40, 90, 200)))
    with Image.open(io.BytesIO(data)) as image:
        for bits in (8, 10, 12):  # Pillow writes only 8
            pixi = b"pixi" + bytes([0, 0, 0, 0, 3])
            deep = data.replace(pixi + bytes([8] * 3), pixi + bytes([bits] * 3))
            properties = containers.avif_properties(io.BytesIO(deep))
            assert depth_of(image, set(), properties) == bits


@pytest.mark.parametrize("no_jp2", [False, True])
def test_12_bits_of_a_jpeg_2000_are_noted(tmp_path, no_jp2):
    buffer = io.BytesIO()
    Image.fromarray(noise(16, 24, 3)).save(buffer, "JPEG2000", no_jp2=no_jp2)
    data = bytearray(buffer.getvalue())
    first = data.index(b"\xff\x4f\xff\x51") + 42
    data[first : first + 9 : 3] = [11] * 3  # Pillow writes only 8
    path = written(tmp_path / "a.jp2", bytes(data))
    assert read_with_notes(path)[1] == ["12 bits a sample reduced to 8"]
    grey = Image.fromarray(noise(16, 24, 2).view(np.uint16).squeeze())
    _, notes = read_with_notes(saved(tmp_path / "b.jp2", grey, no_jp2=no_jp2))
    assert notes == ["16 bits a sample reduced to 8"]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.integers(0, 330), value=st.integers(0, 255), cut=st.integers(0, 400))
def test_damaged_boxes_of_an_avif_are_refused_or_read_and_nothing_else(tmp_path, at, value, cut):
    data = bytearray(avif(Image.new("RGBA", (24, 16), (40, 90, 200, 99))))
    data[at] = value
    path = written(tmp_path / "a.avif", bytes(data[: len(data) - cut // 4]))
    try:
        assert read_with_notes(path)[0].shape[2] == 3
    except PhotoError as error:
        assert "\n" not in str(error)


# Animations


@pytest.mark.parametrize("ending", ["gif", "png", "webp"])
def test_the_first_frame_of_an_animation_is_taken(tmp_path, ending):
    colours = ["#ff0000", "#00ff00", "#0000ff"]
    first, *others = (Image.new("RGB", (20, 10), colour) for colour in colours)
    options = {"lossless": True} if ending == "webp" else {}
    path = saved(tmp_path / f"a.{ending}", first, save_all=True, append_images=others, **options)
    pixels, notes = read_with_notes(path)
    assert np.array_equal(pixels, np.asarray(first))
    assert notes == ["the first of 3 frames is taken"]


@pytest.mark.parametrize("ending, called", [("tif", "pages"), ("mpo", "pictures")])
def test_what_there_are_several_of_is_called_by_its_name(tmp_path, ending, called):
    first, second = (Image.new("RGB", (20, 10), colour) for colour in ("red", "lime"))
    path = saved(tmp_path / f"a.{ending}", first, save_all=True, append_images=[second])
    assert read_with_notes(path)[1] == [f"the first of 2 {called} is taken"]


def test_layers_of_a_psd_need_no_note_for_the_picture_holds_them_all(tmp_path):
    def layer(count):
        channels = b"".join(struct.pack(">hI", each, 2 + 6) for each in range(3))
        record = struct.pack(">4iH", 0, 0, 2, 3, 3) + channels + b"8BIMnorm" + bytes([255, 0, 0, 0])
        return record + struct.pack(">I", 12) + bytes(12)

    pixels = b"".join(struct.pack(">H", 0) + bytes(6) for _ in range(6))
    layers = struct.pack(">h", 2) + layer(0) + layer(1) + pixels
    layers = struct.pack(">I", len(layers)) + layers
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 2, 3, 8, 3) + bytes(8)
    merged = bytes([200] * 6 + [100] * 6 + [50] * 6)
    data = head + struct.pack(">I", len(layers)) + layers + struct.pack(">H", 0) + merged
    path = written(tmp_path / "a.psd", data)
    with Image.open(path) as image:
        assert image.n_frames == 2
    pixels, notes = read_with_notes(path)
    assert pixels.reshape(-1, 3).tolist() == [[200, 100, 50]] * 6
    assert notes == []


# What is no photograph


def refusal(path):
    with pytest.raises(PhotoError) as caught:
        read_photo(path)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message
    return message


def test_what_is_not_a_photograph_is_refused_in_one_line(tmp_path):
    (tmp_path / "text.jpg").write_text("not a photograph\n" * 9)
    (tmp_path / "empty.png").touch()
    assert refusal(tmp_path / "text.jpg").endswith("is not a photograph that Pillow can open")
    assert refusal(tmp_path / "empty.png").endswith("is not a photograph that Pillow can open")
    assert refusal(tmp_path).endswith("is a folder; name a photograph in it")
    assert refusal(tmp_path / "missing.png").endswith(": no such file or directory")


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif", "gif", "bmp", "jp2", "avif"])
def test_a_truncated_photograph_is_refused_in_one_line(tmp_path, ending):
    path = saved(tmp_path / f"whole.{ending}", Image.fromarray(noise(40, 40, 3)))
    data = path.read_bytes()
    path = tmp_path / f"half.{ending}"
    path.write_bytes(data[: len(data) // 2])
    assert re.search("cannot be decoded: .+|is not a photograph", refusal(path))


def test_a_refusal_of_damage_says_so_in_words(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(noise(60, 60, 3)).save(buffer, "TIFF", compression="tiff_lzw")
    data = bytearray(buffer.getvalue())
    data[2000:2400] = bytes(400)
    message = refusal(written(tmp_path / "a.tif", bytes(data)))
    assert "cannot be decoded: damaged, cut short, or of a rare kind (LZWDecode: " in message


@pytest.mark.parametrize("compression", ["tiff_lzw", "jpeg", "group4", "tiff_deflate", None])
def test_libraries_below_pillow_do_not_print(tmp_path, capfd, compression):
    image = Image.fromarray(noise(8, 24, 3)).resize((300, 300))
    buffer = io.BytesIO()
    kind = image.convert("1") if compression == "group4" else image
    kind.save(buffer, "TIFF", compression=compression)
    data = bytearray(buffer.getvalue())
    at = len(data) // 3
    data[at : at + 200] = bytes(200)
    path = written(tmp_path / "a.tif", bytes(data))
    try:
        _, notes = read_with_notes(path)
    except PhotoError as error:
        assert compression != "group4" and "cannot be decoded" in str(error)
    else:
        said = notes[0].startswith("its decoder reports: Fax4Decode: ") if notes else False
        assert said == (compression == "group4")
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(os.name != "posix", reason="closes a stream by the shell")
def test_a_process_without_standard_error_reads_photographs(tmp_path):
    path = saved(tmp_path / "a.png", Image.fromarray(noise(8, 9, 3)))
    program = (
        "import sys; from rdalib.images import read_photo; print(read_photo(sys.argv[1]).shape)"
    )
    line = f"{shlex.quote(sys.executable)} -c '{program}' {shlex.quote(str(path))} 2>&-"
    said = subprocess.run(line, shell=True, stdout=subprocess.PIPE, check=True).stdout
    assert said.strip() == b"torch.Size([3, 8, 9])"


def test_long_texts_and_profiles_of_a_png_do_not_cost_the_picture(tmp_path):
    text = (b"zTXt", b"notes\0\0" + zlib.compress(b"a" * 3_000_000))
    pixels, notes = read_with_notes(written(tmp_path / "a.png", png_of_colours(text)))
    assert np.array_equal(pixels[0], COLOURS)
    assert notes == []
    profile = swapped_profile() + bytes(3_000_000)
    path = written(tmp_path / "b.png", png_of_colours((b"iCCP", b"x\0\0" + zlib.compress(profile))))
    pixels, _ = read_with_notes(path)
    assert np.abs(pixels[0].astype(int) - COLOURS[:, ::-1]).max() <= 1


@pytest.mark.parametrize(
    "name, data, words",
    [
        ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "it is HEIC; convert it"),
        ("a.jpg", b"\0\0\0\x18ftypheix\0\0\0\0mif1heix", "it is HEIC; convert it"),
        ("a.svg", b"<?xml version='1.0'?><svg/>", "it is SVG; convert it"),
        ("a.pdf", b"%PDF-1.7\n", "it is PDF; convert it"),
        ("a.nef", b"", "a camera's raw file is no picture yet; convert it"),
        ("a.DNG", tiff(1, 1, bytes(1), {258: [8], 262: [1]}), "raw file is no picture yet"),
        ("a.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "a program that draws"),
    ],
)
def test_what_must_be_converted_is_refused_with_that_hint(tmp_path, name, data, words):
    assert words in refusal(written(tmp_path / name, data))


def test_eps_runs_no_program(tmp_path, monkeypatch):
    def run(*args, **kwargs):
        raise AssertionError("a program was run")

    monkeypatch.setattr(subprocess, "Popen", run)
    monkeypatch.setattr(subprocess, "check_call", run)
    Image.new("RGB", (9, 9)).save(tmp_path / "a.eps")
    refusal(tmp_path / "a.eps")


def test_more_pixels_than_fit_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    path = saved(tmp_path / "large.png", Image.new("RGB", (30, 30)))
    monkeypatch.setattr(photo_files, "MAX_PIXELS", 899)
    message = f"{path} has too many pixels: at most 899 fit; scale it down first"
    assert refusal(path) == message
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 449)  # Pillow's own limit is at twice this
    assert refusal(path) == message
    monkeypatch.setattr(photo_files, "MAX_PIXELS", 900)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 450)  # where Pillow only warns
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_photo(path).shape == (3, 30, 30)


def test_an_unreadable_file_is_refused_in_one_line(tmp_path, monkeypatch):
    path = saved(tmp_path / "private.png", Image.new("RGB", (3, 3)))

    def refuse(*args, **kwargs):  # root may read everything
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Image, "open", refuse)
    assert refusal(path) == f"{path}: permission denied"


# Writing


def test_a_photograph_is_written_in_the_format_of_the_ending(tmp_path):
    y = torch.rand(3, 15, 33, generator=torch.Generator().manual_seed(0))
    for ending, kind in {"png": "PNG", "JPG": "JPEG", "bmp": "BMP", "webp": "WEBP"}.items():
        write_photo(y, tmp_path / f"y.{ending}")
        with Image.open(tmp_path / f"y.{ending}") as image:
            assert (image.format, image.size, image.mode) == (kind, (33, 15), "RGB")


@pytest.mark.parametrize("name", ["y.xyz", "y", "y.cur"])
def test_an_ending_that_pillow_cannot_write_is_refused(tmp_path, name):
    with pytest.raises(PhotoError, match=r"no (picture can be written as \.|ending).*; end it in"):
        write_photo(torch.zeros(3, 4, 4), tmp_path / name)
    with pytest.raises(PhotoError):
        photo_format(name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending, side", [("webp", 16384), ("jpg", 65536)])
def test_a_side_too_long_for_the_format_is_refused_and_leaves_nothing(tmp_path, ending, side):
    with pytest.raises(PhotoError, match=r"\.png takes every picture"):
        write_photo(torch.zeros(3, 1, side), tmp_path / f"long.{ending}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["ico", "icns"])
def test_a_format_that_cannot_hold_the_picture_is_refused_and_leaves_nothing(tmp_path, ending):
    with pytest.raises(PhotoError, match=r"cannot hold 400 x 300 pixels; \.png takes every"):
        write_photo(torch.zeros(3, 300, 400), tmp_path / f"a.{ending}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore:IM image format is deprecated")
def test_every_picture_that_is_written_has_all_its_pixels(tmp_path):
    y = torch.rand(3, 270, 280, generator=torch.Generator().manual_seed(0))
    endings = {
        ending for ending, kind in Image.registered_extensions().items() if kind in Image.SAVE
    }
    assert {".ico", ".png", ".bmp"} <= endings
    for ending in sorted(endings):
        path = tmp_path / f"a{ending}"
        try:
            write_photo(y, path)
        except PhotoError:
            assert not path.exists()
            continue
        if Image.registered_extensions()[ending] in Image.OPEN:
            with Image.open(path) as image:
                assert image.size == (280, 270), ending


# JPEG XL, by pillow-jxl-plugin


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_jpeg_xl_photographs_open(tmp_path, mode):
    pytest.importorskip("pillow_jxl")
    samples = noise(8, 24, len(mode))
    path = saved(tmp_path / "a.jxl", Image.fromarray(samples.squeeze()), lossless=True)
    pixels, notes = read_with_notes(path)
    plain, expected = read_with_notes(saved(tmp_path / "a.png", Image.fromarray(samples.squeeze())))
    assert np.array_equal(pixels, plain)
    assert notes == expected


def test_jpeg_xl_is_turned_by_its_decoder_and_a_jpeg_inside_by_exif(tmp_path):
    pytest.importorskip("pillow_jxl")
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.fromarray(noise(8, 24, 3))
    path = saved(tmp_path / "a.jxl", image, lossless=True, exif=exif.tobytes())
    assert np.array_equal(read_with_notes(path)[0], np.asarray(image))
    jpeg = saved(tmp_path / "a.jpg", image, exif=exif)
    with Image.open(jpeg) as wrapped:
        wrapped.save(tmp_path / "b.jxl", lossless_jpeg=True)
    assert np.array_equal(read_with_notes(tmp_path / "b.jxl")[0], read_with_notes(jpeg)[0])


@pytest.mark.parametrize("container", [False, True])
def test_a_jpeg_xl_of_too_many_pixels_is_refused_before_it_is_decoded(
    tmp_path, monkeypatch, container
):
    plugin = pytest.importorskip("pillow_jxl.JpegXLImagePlugin")

    def decoder(**options):
        raise RuntimeError("decoded")

    monkeypatch.setattr(plugin, "Decoder", decoder)
    for width, height in ((30, 30), (8, 130), (256, 256), (1600, 900), (999, 7)):
        path = tmp_path / "a.jxl"
        Image.new("RGB", (width, height)).save(path, use_container=container)
        monkeypatch.setattr(photo_files, "MAX_PIXELS", width * height - 1)
        assert "too many pixels" in refusal(path)
        monkeypatch.setattr(photo_files, "MAX_PIXELS", width * height)
        assert "RuntimeError: decoded" in refusal(path)


def test_a_truncated_jpeg_xl_is_refused_in_one_line(tmp_path):
    pytest.importorskip("pillow_jxl")
    data = saved(tmp_path / "a.jxl", Image.fromarray(noise(40, 40, 3))).read_bytes()
    for length in (3, 20, len(data) // 2):
        refusal(written(tmp_path / "half.jxl", data[:length]))


def test_without_the_plugin_jpeg_xl_is_refused_with_its_name_and_all_else_works(tmp_path):
    written(tmp_path / "a.jxl", bytes.fromhex("ff0a0104880408000100800a4b3840d9"))
    saved(tmp_path / "a.png", Image.fromarray(noise(8, 9, 3)))
    program = f"""
import sys
sys.modules["pillow_jxl"] = None  # as if it were not installed
from rdalib import classical
from rdalib.images import PhotoError, read_photo, write_photo
print(*classical.AVAILABLE)
y = read_photo({str(tmp_path / "a.png")!r})
for act in (lambda: read_photo({str(tmp_path / "a.jxl")!r}), lambda: write_photo(y, "b.jxl")):
    try:
        act()
    except PhotoError as error:
        print(error)
"""
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    available, opened, wrote = result.stdout.splitlines()
    assert available == "jpeg jpeg2000 webp avif"
    assert opened.endswith("it is JPEG XL, which takes pip install pillow-jxl-plugin")
    assert "no picture can be written as .jxl" in wrote


def test_sample_photographs_are_photographs():
    assert {name: tuple(sample_photo(name).shape) for name in SAMPLES if name != "page"} == {
        "astronaut": (3, 512, 512),
        "chelsea": (3, 300, 451),
        "coffee": (3, 400, 600),
        "rocket": (3, 427, 640),
        "motorcycle_left": (3, 500, 741),
        "motorcycle_right": (3, 500, 741),
    }
    with pytest.raises(ValueError, match="no sample photograph 'lena'; there are astronaut"):
        sample_photo("lena")


def test_a_sample_photograph_has_the_samples_of_its_source():
    from skimage import data

    assert np.array_equal(levels(sample_photo("coffee")), data.coffee())
