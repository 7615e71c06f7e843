"""Colours to sRGB: by an ICC profile, or by a gamma and primaries that a file just states."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from PIL import Image, ImageChops, ImageCms

SRGB_WHITE_AND_PRIMARIES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)  # xy of W, R, G, B
SRGB_GAMMA = 1 / 2.2
ADOBE_RGB_WHITE_AND_PRIMARIES = (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
ADOBE_RGB_GAMMA = 256 / 563
# Bradford's cone responses: how a white is adapted to D50, the white of every ICC profile.
CONES = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
D50 = np.array([0.9642, 1.0, 0.8249])

# Names of what a file's CICP numbers say (ITU-T H.273), for notes.
PRIMARIES = {1: "BT.709", 9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
TRANSFERS = {1: "BT.709", 8: "linear", 13: "sRGB", 16: "PQ (HDR)", 18: "HLG (HDR)"}


def to_srgb(
    image: Image.Image, profile: bytes | None, note: Callable[[str], object]
) -> Image.Image:
    """An image of mode L, RGB or CMYK with its ICC profile (bytes or None) to sRGB, mode RGB."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if image.mode == "L" and source.profile.xcolor_space.strip() == "RGB":
                image = image.convert("RGB")
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
            assert converted is not None  # as it would be if it were made in place
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


def _nearly_equal(image: Image.Image, other: Image.Image) -> bool:
    """Whether no sample differs by more than one grey level, as after a conversion to itself."""
    return np.asarray(ImageChops.difference(image, other)).max() <= 1


def cicp_name(primaries: int, transfer: int) -> str | None:
    """What two CICP numbers call the colours, or None where they are sRGB or left open (2)."""
    if primaries in (1, 2) and transfer in (2, 13):
        return None
    names = PRIMARIES.get(primaries, primaries), TRANSFERS.get(transfer, transfer)
    return "primaries {}, transfer {}".format(*names)


def stated_profile(
    gamma: float | None, chromaticity: Sequence[float] | None, name: str | None = None
) -> bytes | None:
    """The ICC profile of a PNG's gAMA and cHRM, or None where they are about those of sRGB.

    gamma: the exponent that made the samples, such as 1/2.2, or None; chromaticity: x and y of
    white, red, green and blue, or None. Either that is missing is taken to be sRGB's. A gamma
    within 5 % of 1/2.2 counts as sRGB's, as in libpng. name: what notes call it, in place of
    "gAMA 1". Returns bytes that to_srgb takes.
    """
    gamma = gamma or SRGB_GAMMA
    xy = np.array(chromaticity or SRGB_WHITE_AND_PRIMARIES).reshape(4, 2)
    usual = np.array(SRGB_WHITE_AND_PRIMARIES).reshape(4, 2)
    if abs(gamma / SRGB_GAMMA - 1) < 0.05 and np.abs(xy - usual).max() < 0.005:
        return None
    try:
        with np.errstate(all="raise"):
            xyz = np.column_stack((xy, 1 - xy.sum(axis=1))) / xy[:, 1:]  # rows of Y = 1
            white, primaries = xyz[0], xyz[1:].T
            columns = primaries * np.linalg.solve(primaries, white)  # that add up to white
            adapted = np.linalg.inv(CONES) @ np.diag((CONES @ D50) / (CONES @ white)) @ CONES
            columns = adapted @ columns
    except (np.linalg.LinAlgError, FloatingPointError):
        return b"no colours"  # to_srgb says that it is of no use
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, min(round(256 / gamma), 65535))
    name = name or f"gAMA {gamma:.4g}" + (" and cHRM" if chromaticity else "")
    tags = {b"desc": _description(name), b"wtpt": _xyz(D50)}
    for letter, column in zip(b"rgb", columns.T, strict=True):
        tags |= {bytes([letter]) + b"XYZ": _xyz(column), bytes([letter]) + b"TRC": curve}
    return _icc_profile(tags)


def _xyz(values: Iterable[float]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(65536 * value) for value in values))


def _description(text: str) -> bytes:
    return b"desc" + bytes(4) + struct.pack(">I", len(text) + 1) + text.encode() + bytes(79)


def _icc_profile(tags: dict[bytes, bytes]) -> bytes:
    """A display profile, ICC version 2.1, of the given tags: {name: data}."""
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += struct.pack(">4sII", name, 128 + 4 + 12 * len(tags) + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = 128 + len(table + body)
    head = struct.pack(">I4sI4s4s4s", size, b"", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + _xyz(D50)[8:]
    return head.ljust(128, b"\0") + table + body
