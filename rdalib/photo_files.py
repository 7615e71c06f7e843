"""A photograph's file, of whatever kind, to a Pillow image of mode RGB, in sRGB.

What is lost on the way is said through `note`, and so is what a file says of itself that nobody
applied; where the picture would be wrong, it is refused.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from os import PathLike
from pathlib import Path
from typing import IO, TypeAlias

import numpy as np
from PIL import ExifTags, Image, ImageOps, PngImagePlugin

from rdalib import containers
from rdalib.bit_depth import Layout, Note, PhotoError, colour_and_alpha, depth_of
from rdalib.bitstream import MAX_PIXELS
from rdalib.colour import (
    ADOBE_RGB_GAMMA,
    ADOBE_RGB_WHITE_AND_PRIMARIES,
    cicp_name,
    stated_profile,
    to_srgb,
)

try:
    import pillow_jxl  # noqa: F401 (JPEG XL: it registers itself with Pillow)
except ImportError:
    HAS_JPEG_XL = False
else:
    HAS_JPEG_XL = True

CONVERT = "convert it to PNG or JPEG first"
RAW_ENDINGS = (".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".pef", ".raf", ".rw2", ".srw")
HEIC = tuple(b"ftyp" + brand for brand in (b"heic", b"heim", b"heis", b"heix", b"mif1", b"msf1"))
CAMERA_TAGS = {  # of EXIF: what photographers miss
    ExifTags.Base.Make,
    ExifTags.Base.Model,
    ExifTags.Base.DateTime,
    ExifTags.IFD.Exif,
    ExifTags.IFD.GPSInfo,
}
FRAMES = {"TIFF": "pages", "MPO": "pictures"}  # what a format has several of; else frames

Source: TypeAlias = str | PathLike[str] | IO[bytes]  # a path, or an open file


def open_rgb(path: Source, note: Note) -> Image.Image:
    """Read a photograph as a Pillow image of mode RGB. See read_photo."""
    name = path if isinstance(path, str | PathLike) else getattr(path, "name", "the file")
    ending = Path(str(name)).suffix.lower()
    if isinstance(path, str | PathLike) and Path(path).is_dir():
        raise PhotoError(f"{name} is a folder; name a photograph in it")
    head = b""
    said: list[str] = []
    try:
        with _opened(path) as file, _pillow_patient():
            if ending in RAW_ENDINGS:  # which Pillow may open: as the small preview inside
                raise PhotoError(f"a camera's raw file is no picture yet; {CONVERT}")
            head = file.read(1024)
            with _standard_error_kept(said):
                image, layout = _loaded(file)
            if said:
                note(f"its decoder reports: {said[0]}")
            return _to_rgb(image, layout, file, note)
    except Image.DecompressionBombError:
        raise PhotoError(
            f"{name} has too many pixels: at most {MAX_PIXELS:,} fit; scale it down first"
        ) from None
    except PhotoError as error:
        raise PhotoError(f"{name}: {error}") from None
    except Image.UnidentifiedImageError:
        what = _what_it_is(head, ending)
        raise PhotoError(f"{name} is not a photograph that Pillow can open{what}") from None
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise whatever a damaged file leads them to
        if isinstance(error, OSError) and error.strerror:
            raise PhotoError(f"{name}: {error.strerror.lower()}") from None
        reason = said[0] if said else f"{type(error).__name__}: {error}"
        raise PhotoError(
            f"{name} cannot be decoded: damaged, cut short, or of a rare kind "
            f"({textwrap.shorten(reason, 100)})"
        ) from None


def _opened(path: Source) -> AbstractContextManager[IO[bytes]]:
    """A file to read from, which is closed afterwards only if it was opened here."""
    return open(path, "rb") if isinstance(path, str | PathLike) else nullcontext(path)


@contextmanager
def _pillow_patient() -> Iterator[None]:
    """Meanwhile Pillow does not warn, and takes PNG's texts and profiles of any length it can."""
    usual = PngImagePlugin.MAX_TEXT_CHUNK
    PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on large pictures and damaged metadata
            yield
    finally:
        PngImagePlugin.MAX_TEXT_CHUNK = usual


@contextmanager
def _standard_error_kept(said: list[str]) -> Iterator[None]:
    """Append to the list `said` the lines that C libraries, libtiff above all, print meanwhile."""
    try:
        if sys.stderr is None:  # closed, and its number perhaps another file's by now
            raise OSError
        usual = os.dup(2)
        beside = tempfile.TemporaryFile()  # noqa: SIM115 (closed below)
    except OSError:  # or no place for a temporary file
        yield
        return
    with beside:
        os.dup2(beside.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(usual, 2)
            os.close(usual)
            beside.seek(0)
            said += beside.read().decode(errors="replace").splitlines()


def _loaded(file: IO[bytes]) -> tuple[Image.Image, Layout]:
    """The image in an open file, decoded, and its layout there: a set such as {"RGB;16B"}."""
    file.seek(0)
    width, height = containers.jxl_size(file.read(4096)) or (0, 0)
    if width * height > MAX_PIXELS:  # asked first, for JPEG XL is decoded as it is opened
        raise Image.DecompressionBombError
    image = Image.open(file)
    if image.format == "EPS":  # Pillow would run Ghostscript on it
        raise PhotoError(f"an EPS file is a program that draws; {CONVERT}")
    return image, _load(image)


def _load(image: Image.Image) -> Layout:
    """Decode an open image. Returns its layout in the file."""
    if image.width * image.height > MAX_PIXELS:
        raise Image.DecompressionBombError
    layout: Layout = set()
    for tile in getattr(image, "tile", ()):
        layout.update(tile.args if isinstance(tile.args, tuple) else (tile.args,))
    image.load()
    return layout


def image_to_rgb(image: Image.Image, note: Note) -> Image.Image:
    """A Pillow image of any mode to RGB. See read_photo. Raises: PhotoError."""
    with _pillow_patient():
        layout = _load(image)
        own = image.copy()  # which may be turned
        own.format = image.format
        return _to_rgb(own, layout, io.BytesIO(), note)


def _what_it_is(head: bytes, ending: str) -> str:
    """What can be done about a file that Pillow does not know: the end of a sentence."""
    if not HAS_JPEG_XL and containers.jxl_size(head):
        return ": it is JPEG XL, which takes pip install pillow-jxl-plugin"
    kinds = {
        "HEIC": head[4:12] in HEIC or ending in (".heic", ".heif"),
        "PDF": head[:4] == b"%PDF",
        "SVG": b"<svg" in head or ending in (".svg", ".svgz"),
    }
    return "".join(f": it is {kind}; {CONVERT}" for kind, found in kinds.items() if found)


def _to_rgb(image: Image.Image, layout: Layout, file: IO[bytes], note: Note) -> Image.Image:
    """A loaded image to mode RGB: upright, sRGB, on white."""
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "PSD":  # whose layers are in the picture that is taken
        note(f"the first of {frames} {FRAMES.get(str(image.format), 'frames')} is taken")
    _turn_upright(image, note)
    properties = containers.avif_properties(file) if image.format == "AVIF" else {}
    if b"clap" in properties:
        note("its clean aperture, a crop, is not applied")
    profile = _profile(image, properties, file, note)
    depth = depth_of(image, layout, properties)
    if image.format == "JPEG2000":
        depth = containers.jpeg2000_depth(file)
    image, alpha = colour_and_alpha(image, layout, depth, note)
    if depth > 8:
        note(f"{depth} bits a sample reduced to 8")
        brightest = int(np.asarray(image).max())
        if 0 < brightest < 32:
            note(f"no sample is above {brightest} of 255: too dark if its white lies lower")
    image = to_srgb(image, profile, note)
    if alpha is not None and np.asarray(alpha).min() < 255:
        note("transparent parts are laid on white")
        image = Image.composite(image, Image.new("RGB", image.size, "white"), alpha)
    return image


def _profile(
    image: Image.Image, properties: dict[bytes, bytes], file: IO[bytes], note: Note
) -> bytes | None:
    """The ICC profile to convert colours by, bytes or None; what cannot be converted is noted."""
    if image.info.get("icc_profile"):
        return image.info["icc_profile"]
    if "icc_profile" in image.info:
        note("its colour profile cannot be used; colours are taken as they are")
        return None
    png = image.format == "PNG"
    cicp = containers.png_cicp(file) if png else containers.avif_cicp(properties)
    if cicp:
        name = cicp_name(*cicp)
        if name:
            note(f"its colours are not sRGB ({name}) but taken as if: they may look washed out")
    elif "srgb" in image.info:  # a PNG's word for it
        return None
    elif png and {"gamma", "chromaticity"} & image.info.keys():
        return stated_profile(image.info.get("gamma"), image.info.get("chromaticity"))
    elif _says_adobe_rgb(image):
        return stated_profile(ADOBE_RGB_GAMMA, ADOBE_RGB_WHITE_AND_PRIMARIES, "Adobe RGB")
    return None


def _says_adobe_rgb(image: Image.Image) -> bool:
    """Whether EXIF data names Adobe RGB, as cameras do that put in no profile (DCF 2.0)."""
    try:
        return image.getexif().get_ifd(ExifTags.IFD.Interop).get(1) == "R03"
    except Exception:  # of damage, which is noted where the picture is turned upright
        return False


def _turn_upright(image: Image.Image, note: Note) -> None:
    """Apply the EXIF orientation, in place."""
    if image.format == "JXL" and not getattr(image, "jpeg", False):
        return  # its decoder has turned it; EXIF counts only in a JPEG wrapped up whole
    try:
        exif = set(image.getexif())  # which for TIFF are all of its tags
        ImageOps.exif_transpose(image, in_place=True)
        if exif & CAMERA_TAGS:
            note("its EXIF data (camera, date, place) is left behind")
    except Exception:  # whatever damage leads to; the picture itself is whole
        note("its EXIF data cannot be read; the picture is taken as upright")
