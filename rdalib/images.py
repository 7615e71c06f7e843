"""A photograph between its file and the tensor y: float, (3, H, W), sRGB in [0, 1].

Files come in many kinds; y comes in one. What is lost on the way is said through `note`.
"""

import io
import warnings

import numpy as np
import torch
from PIL import Image, ImageCms, ImageOps
from torch.nn import functional as F

from rdalib.files import written_beside

MAX_PIXELS = 2**26  # 67 million: about what 16 GB of memory can compress
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
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # we cap ourselves
            with Image.open(path) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise PhotoError(
                        f"{path} has {image.width} x {image.height} pixels; "
                        f"at most {MAX_PIXELS} fit: scale it down first"
                    )
                image.load()
                return _to_rgb(image, note)
    except PhotoError:
        raise
    except FileNotFoundError:
        raise PhotoError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise PhotoError(f"{path} is a folder; name a photograph in it") from None
    except PermissionError:
        raise PhotoError(f"{path}: no permission to read it") from None
    except Image.UnidentifiedImageError:
        raise PhotoError(f"{path} is not a photograph that Pillow can open") from None
    except Exception as error:  # Pillow's decoders raise whatever a damaged file leads them to
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PhotoError(f"{path} cannot be decoded: {reason}") from None


def _to_rgb(image, note):
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        note(f"the first of {frames} frames is taken")
    profile = image.info.get("icc_profile")
    image = ImageOps.exif_transpose(image)
    if image.mode in ("I;16", "I;16B", "I;16L", "I;16N", "I"):
        note("16 bits a sample reduced to 8")
        sixteen = np.asarray(image).astype(np.int64).clip(0, 65535)
        image = Image.fromarray(((sixteen + 128) // 257).astype(np.uint8))
    elif image.mode == "F":
        raise PhotoError("a float picture has no fixed white; convert it to 8 or 16 bits first")
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        if alpha.getextrema()[0] < 255:
            note("transparent parts are laid on white")
        image = image.convert("RGB")
    elif image.mode in ("P", "1"):
        image = image.convert("RGB")
    image = _to_srgb(image, profile, note)
    if alpha is not None:
        image = Image.composite(image, Image.new("RGB", image.size, "white"), alpha)
    return image


def _to_srgb(image, profile, note):
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            name = ImageCms.getProfileDescription(source).strip()
            if "srgb" in name.lower():
                return image.convert("RGB")
            target = ImageCms.createProfile("sRGB")
            image = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
            note(f"colours converted from {name} to sRGB")
            return image
        except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
            note("its colour profile cannot be used; colours are taken as sRGB")
    if image.mode == "CMYK":
        note("CMYK converted to RGB without a profile; colours are approximate")
    return image.convert("RGB")


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

    Raises: PhotoError for an ending that Pillow does not know, OSError.
    """
    with written_beside(path) as beside:
        try:
            tensor_to_photo(y).save(beside)
        except (ValueError, KeyError):
            raise PhotoError(f"{path}: end the name in .png, or another image format") from None


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
