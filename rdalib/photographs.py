"""A photograph in any of its kinds, a tensor, an array or a Pillow image, to a tensor (3, H, W)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from PIL import Image

from rdalib import bitstream
from rdalib.photo_files import image_to_rgb

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8
    from torch import Tensor

    Photo: TypeAlias = (
        Float[Tensor, "3 H W"]
        | UInt8[Tensor, "3 H W"]
        | Float[np.ndarray, "3 H W"]
        | UInt8[np.ndarray, "H W 3"]
        | Image.Image
    )


def is_batch(photo: Any) -> bool:
    """Whether several photographs are meant: a list of them, or four dimensions."""
    return isinstance(photo, (list, tuple)) or getattr(photo, "ndim", 3) == 4


def photo_tensor(photo: Photo) -> Float[Tensor, "3 H W"] | UInt8[Tensor, "3 H W"]:
    """One photograph as a tensor, checked. Numbers of type uint8 stay so: a quarter of the memory.

    photo: floats in [0, 1] of shape (3, H, W), as a tensor or an array; or grey levels, a uint8
    tensor (3, H, W), array (H, W, 3) or Pillow image, which is made RGB as `read_photo` does.
    Raises: ValueError for anything else, PhotoError for an image that has no colours.
    """
    if isinstance(photo, Image.Image):
        photo = np.array(image_to_rgb(photo, lambda text: None))
    if isinstance(photo, np.ndarray):
        array = np.ascontiguousarray(photo)
        if array.dtype == np.uint8 and array.ndim == 3:
            array = np.ascontiguousarray(array.transpose(2, 0, 1))
        try:
            photo = torch.from_numpy(array.copy() if not array.flags.writeable else array)
        except TypeError:  # arrays of text, objects, ...
            raise ValueError(f"a photograph is no array of {photo.dtype}") from None
    if (
        not torch.is_tensor(photo)
        or photo.ndim != 3
        or photo.shape[0] != 3
        or not (photo.is_floating_point() or photo.dtype == torch.uint8)
    ):
        what = f"{photo.dtype} {tuple(photo.shape)}" if torch.is_tensor(photo) else type(photo)
        raise ValueError(
            "a photograph is a float tensor (3, H, W), the same as an array, a uint8 array "
            f"(H, W, 3) or a Pillow image, not {getattr(what, '__name__', what)}"
        )
    bitstream.check_size(width=photo.shape[2], height=photo.shape[1])
    if photo.is_floating_point():
        low, high = photo.aminmax()
        if not (low >= 0 and high <= 1):  # written so that NaN fails too
            raise ValueError(f"a photograph has values in [0, 1], not {low:.3g} to {high:.3g}")
    return photo


def as_float(y: Float[Tensor, "3 H W"] | UInt8[Tensor, "3 H W"]) -> Float[Tensor, "3 H W"]:
    """float32 in [0, 1] from a tensor of `photo_tensor`, or a part of one."""
    return y.float() / 255 if y.dtype == torch.uint8 else y.float()
