"""Every kind of photograph file becomes the same y; what is no photograph is said in one line."""

import re
import struct
import warnings
import zlib

import numpy as np
import pytest
import tifffile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from rdalib import images
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


def write_png16(path, samples):
    """A PNG of 16 bits a sample, (H, W, channels); Pillow writes only grey ones."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    height, width, channels = samples.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png_is_reduced_to_8(tmp_path, channels):
    samples = noise(7, 9, channels, 2).astype(np.uint16) @ np.array([256, 1], np.uint16)
    if channels in (2, 4):
        samples[..., -1] = 65535
    write_png16(tmp_path / "deep.png", samples)
    pixels, _ = read_with_notes(tmp_path / "deep.png")
    colour = samples[..., :3] if channels > 2 else samples[..., :1]
    assert np.abs(pixels - colour / 257).max() < 1  # Pillow takes the high byte of colours


@pytest.mark.parametrize("byteorder", "<>")
@pytest.mark.parametrize("shape", [(7, 9), (7, 9, 3)], ids=["grey", "colour"])
def test_16_bit_tiff_is_reduced_to_8(tmp_path, shape, byteorder):
    samples = noise(*shape, 2).astype(np.uint16) @ np.array([256, 1], np.uint16)
    photometric = "rgb" if len(shape) == 3 else "minisblack"
    path = tmp_path / "deep.tif"
    tifffile.imwrite(path, samples, photometric=photometric, byteorder=byteorder)
    pixels, _ = read_with_notes(path)
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


def test_more_pixels_than_fit_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    path = saved(tmp_path / "large.png", Image.new("RGB", (30, 30)))
    monkeypatch.setattr(images, "MAX_PIXELS", 899)
    message = f"{path} has too many pixels: at most 899 fit; scale it down first"
    assert refusal(path) == message
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 449)  # Pillow's own limit is at twice this
    assert refusal(path) == message
    monkeypatch.setattr(images, "MAX_PIXELS", 900)
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
