"""A photograph between its file and the tensor y: float, (3, H, W), sRGB in [0, 1].

Files come in many kinds; y comes in one. What is lost on the way is said through `note`.
"""

import io
import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageChops, ImageCms, ImageOps
from torch.nn import functional as F

from rdalib.bitstream import MAX_PIXELS
from rdalib.files import write_file

SAMPLES = (
    "astronaut",
    "chelsea",
    "coffee",
    "rocket",
    "motorcycle_left",
    "motorcycle_right",
    "page",
)


class PhotoError(ValueError):
    """A file that cannot be read as a photograph. The message is one line for the user."""


def read_photo(path, note=None):
    """Read a photograph file as y, a float tensor (3, H, W) in [0, 1].

    Any format Pillow opens. EXIF orientation is applied, a colour profile converted to sRGB,
    16 bits and CMYK converted, alpha laid on white, the first frame of an animation taken.
    note: called with one line of text for each of these that changed what is seen, or None.
    Raises: PhotoError.
    """
    return photo_to_tensor(open_rgb(path, note or (lambda text: None)))


def open_rgb(path, note):
    """Read a photograph file as a Pillow image of mode RGB. See read_photo."""
    if Path(path).is_dir():
        raise PhotoError(f"{path} is a folder; name a photograph in it")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, on large pictures and damaged metadata
            with Image.open(path) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise Image.DecompressionBombError
                image.load()
                return _to_rgb(image, note)
    except Image.DecompressionBombError:
        raise PhotoError(
            f"{path} has too many pixels: at most {MAX_PIXELS:,} fit; scale it down first"
        ) from None
    except PhotoError as error:
        raise PhotoError(f"{path}: {error}") from None
    except Image.UnidentifiedImageError:
        raise PhotoError(f"{path} is not a photograph that Pillow can open") from None
    except Exception as error:  # Pillow's decoders raise whatever a damaged file leads them to
        if isinstance(error, OSError) and error.errno:
            raise PhotoError(f"{path}: {error.strerror.lower()}") from None
        reason = str(error) or type(error).__name__
        raise PhotoError(f"{path} cannot be decoded: {reason}") from None


def _to_rgb(image, note):
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        note(f"the first of {frames} frames is taken")
    profile = image.info.get("icc_profile")
    try:
        image = ImageOps.exif_transpose(image)
    except Exception:  # as above; the picture itself is whole
        note("its EXIF data cannot be read; the picture is taken as upright")
    if image.mode[0] in "IF":  # samples of 16 or 32 bits
        samples = np.asarray(image)
        if samples.dtype.kind == "f" or samples.min() < 0 or samples.max() > 65535:
            raise PhotoError(
                "float or 32-bit samples, of which none is white; convert them to 8 or 16 bits"
            )
        note("16 bits a sample reduced to 8")
        image = Image.fromarray(((samples.astype(np.int32) + 128) // 257).astype(np.uint8))
    alpha = None
    if image.has_transparency_data:
        grey = image.mode[0] == "L"
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("L" if grey else "RGB")
        if alpha.getextrema()[0] < 255:
            note("transparent parts are laid on white")
    elif image.mode not in ("L", "CMYK"):
        image = image.convert("RGB")
    image = _to_srgb(image, profile, note)
    if alpha is not None:
        image = Image.composite(image, Image.new("RGB", image.size, "white"), alpha)
    return image


def _to_srgb(image, profile, note):
    """An image of mode L, RGB or CMYK with its ICC profile (bytes or None) to sRGB."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if image.mode == "L" and source.profile.xcolor_space.strip() == "RGB":
                image = image.convert("RGB")
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
            note("its colour profile cannot be used; colours are taken as they are")
        else:
            if not _nearly_equal(converted, image.convert("RGB")):
                name = ImageCms.getProfileDescription(source).strip() or "its colour profile"
                note(f"colours converted from {name} to sRGB")
                return converted
            return image.convert("RGB")
    if image.mode == "CMYK":
        note("CMYK converted to RGB without a profile; colours are approximate")
    return image.convert("RGB")


def _nearly_equal(image, other):
    """Whether no sample differs by more than one grey level, as after a conversion to itself."""
    extrema = ImageChops.difference(image, other).getextrema()  # ((low, high), ...), one a channel
    return max(high for _, high in extrema) <= 1


def photo_to_tensor(image):
    """A Pillow image of mode RGB to y, (3, H, W)."""
    pixels = torch.from_numpy(np.array(image, dtype=np.uint8))
    return pixels.permute(2, 0, 1).contiguous().float() / 255


def tensor_to_photo(y):
    """y, (3, H, W) in [0, 1], to a Pillow image; each value to the nearest of 256."""
    return Image.fromarray(to_8bit(y).permute(1, 2, 0).contiguous().numpy())


def to_8bit(y):
    """Clamp to [0, 1] and round to the nearest of 256 grey levels. Same shape, uint8."""
    return torch.floor(y.clamp(0, 1) * 255 + 0.5).to(torch.uint8)


def write_photo(y, path):
    """Write y as an image file of the kind that the name's ending says, whole or not at all.

    Raises: PhotoError for an ending or a size that Pillow cannot write, OSError.
    """
    kind = photo_format(path)
    buffer = io.BytesIO()  # Pillow's JPEG encoder does not see a disk that fills up
    try:
        tensor_to_photo(y).save(buffer, format=kind)
    except Exception as error:  # as decoders do: WebP at a side over 16383
        raise PhotoError(f"{path}: {error}; .png takes every picture") from None
    write_file(path, buffer.getbuffer())


def photo_format(path):
    """Pillow's name of the format that a file's ending asks for. Raises: PhotoError."""
    ending = Path(path).suffix
    kind = Image.registered_extensions().get(ending.lower())
    if kind not in Image.SAVE:
        what = f"no picture can be written as {ending}" if ending else "the name has no ending"
        raise PhotoError(f"{path}: {what}; end it in .png")
    return kind


def pad_to_multiple(y, multiple):
    """Extend right and bottom by repeating the last column and row; (C, H, W) or (B, C, H, W)."""
    height, width = y.shape[-2:]
    return F.pad(y, (0, -width % multiple, 0, -height % multiple), mode="replicate")


def sample_photo(name):
    """One of the photographs inside scikit-image, as y. SAMPLES lists the names.

    Raises: ValueError for another name.
    """
    if name not in SAMPLES:
        raise ValueError(f"no sample photograph {name!r}; there are {', '.join(SAMPLES)}")
    import skimage  # only here: half a second to import

    folder = skimage.__path__[0] + "/data/"
    return read_photo(folder + name + (".jpg" if name == "rocket" else ".png"))
