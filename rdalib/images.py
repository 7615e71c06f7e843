"""A photograph and the tensor y: float, (3, H, W), sRGB in [0, 1]; reading, writing, padding."""

from __future__ import annotations

import io
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from rdalib.bit_depth import PhotoError
from rdalib.files import write_file
from rdalib.photo_files import open_rgb

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8
    from torch import Tensor

    from rdalib.bit_depth import Note
    from rdalib.photo_files import Source

# Where Pillow would lose more than one who asked for no size can want.
WRITE_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": "4:4:4"},
    "AVIF": {"quality": 95, "subsampling": "4:4:4"},
    "WEBP": {"lossless": True},
}
SAMPLES = (
    "astronaut",
    "chelsea",
    "coffee",
    "rocket",
    "motorcycle_left",
    "motorcycle_right",
    "page",
)


def read_photo(path: Source, note: Note | None = None) -> Float[Tensor, "3 H W"]:
    """Read a photograph, from a path or an open file, as y, a float tensor (3, H, W) in [0, 1].

    Any format Pillow opens, but for EPS, a program that draws; JPEG XL where pillow-jxl-plugin is
    installed. EXIF orientation is applied, colours are converted to sRGB by a profile, or by a
    PNG's gAMA and cHRM, 16 bits and CMYK are converted, alpha is laid on white, the first frame
    of an animation taken.
    note: called with one line of text for each of these that changed what is seen, and for what
    the file says and nobody applies, such as HDR, a crop, or damage that was patched; or None.
    Raises: PhotoError.
    """
    return photo_to_tensor(open_rgb(path, note or (lambda text: None)))


def photo_to_tensor(image: Image.Image) -> Float[Tensor, "3 H W"]:
    """A Pillow image of mode RGB to y, (3, H, W)."""
    pixels = torch.from_numpy(np.array(image, dtype=np.uint8))
    return pixels.permute(2, 0, 1).contiguous().float().div_(255)


def tensor_to_photo(y: Float[Tensor, "3 H W"]) -> Image.Image:
    """y, (3, H, W) in [0, 1], to a Pillow image; each value to the nearest of 256."""
    return Image.fromarray(to_8bit(y).permute(1, 2, 0).contiguous().numpy())


def to_8bit(y: Float[Tensor, "*shape"]) -> UInt8[Tensor, "*shape"]:
    """Clamp to [0, 1] and round to the nearest of 256 grey levels. Same shape, uint8."""
    return y.clamp(0, 1).mul_(255).add_(0.5).floor_().to(torch.uint8)


def write_photo(y: Float[Tensor, "3 H W"], path: str | PathLike[str]) -> None:
    """Write y as an image file of the kind that the name's ending says, whole or not at all.

    Raises: PhotoError for an ending or a size that Pillow cannot write, OSError.
    """
    write_file(path, encode_photo(y, photo_format(path), path))


def encode_photo(y: Float[Tensor, "3 H W"], kind: str, name: object) -> bytes:
    """y to the bytes of an image file, losing nothing or little. kind: Pillow's name of it.

    name: of the file, for what is said if the size does not fit. Raises: PhotoError.
    """
    buffer = io.BytesIO()  # Pillow's JPEG encoder does not see a disk that fills up
    image = tensor_to_photo(y)
    try:
        image.save(buffer, format=kind, **WRITE_OPTIONS.get(kind, {}))
        if kind in Image.OPEN:  # .ico would hold 256 x 256 pixels of it, and say nothing
            with Image.open(buffer) as held:
                if held.size != image.size:
                    raise ValueError(f"{kind} cannot hold {image.width} x {image.height} pixels")
    except MemoryError:
        raise
    except Exception as error:  # as decoders do: WebP at a side over 16383
        raise PhotoError(f"{name}: {error}; .png takes every picture") from None
    return buffer.getvalue()


def photo_format(path: str | PathLike[str]) -> str:
    """Pillow's name of the format that a file's ending asks for. Raises: PhotoError."""
    ending = Path(path).suffix
    kind = Image.registered_extensions().get(ending.lower())
    if kind not in Image.SAVE:
        what = f"no picture can be written as {ending}" if ending else "the name has no ending"
        raise PhotoError(f"{path}: {what}; end it in .png")
    return kind


def pad_to_multiple(y: Float[Tensor, "*C H W"], multiple: int) -> Float[Tensor, "*C h w"]:
    """Extend right and bottom by repeating the last column and row; (C, H, W) or (B, C, H, W)."""
    height, width = y.shape[-2:]
    return F.pad(y, (0, -width % multiple, 0, -height % multiple), mode="replicate")


def sample_photo(name: str) -> Float[Tensor, "3 H W"]:
    """One of the photographs inside scikit-image, as y. SAMPLES lists the names.

    Raises: ValueError for another name.
    """
    if name not in SAMPLES:
        raise ValueError(f"no sample photograph {name!r}; there are {', '.join(SAMPLES)}")
    import skimage  # only here: half a second to import

    folder = skimage.__path__[0] + "/data/"
    return read_photo(folder + name + (".jpg" if name == "rocket" else ".png"))
