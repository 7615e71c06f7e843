"""The photographs to train and measure on: BSDS500 and Kodak, fetched, found and cropped.

BSDS500 (Arbelaez, Maire, Fowlkes, Malik, PAMI 2011) trains and chooses; Kodak only measures.
`registry.tsv` lists every file with its SHA-256 and address.
"""

import os
from importlib import resources
from pathlib import Path

import torch
from torch.nn import functional as F

from rdalib.images import PhotoError, read_photo, to_8bit

NAMES = ("bsds500", "kodak")
PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".jp2", ".ppm")


def cache_folder():
    """Where downloads go: $RDALIB_DATA, or else the user's cache folder."""
    if os.environ.get("RDALIB_DATA"):
        return Path(os.environ["RDALIB_DATA"])
    import pooch  # only here: a machine that trains from a folder need not have it

    return Path(pooch.os_cache("rdalib"))


def fetch(name, progress=lambda paths: paths):
    """Download a data set into the cache, checking every file's SHA-256. Returns its folder.

    name: "bsds500" (500 photographs, 34 MB) or "kodak" (24, 15 MB). Files that are there already
    with the right checksum are not downloaded again. progress: wraps the list of files, as tqdm.
    Raises: ValueError for another name or a wrong checksum, OSError without a network or space.
    """
    if name not in NAMES:
        raise ValueError(f"no data set {name!r}; there are {' and '.join(NAMES)}")
    import pooch
    import requests  # what pooch downloads with

    pooch.get_logger().setLevel("WARNING")  # else two lines a file
    rows = resources.files("rdalib").joinpath("registry.tsv").read_text().splitlines()
    registry = [row.split("\t") for row in rows if row.startswith(name + "/")]
    for path, checksum, address in progress(registry):
        target = cache_folder() / path
        try:
            pooch.retrieve(address, "sha256:" + checksum, fname=target.name, path=target.parent)
        except requests.RequestException as error:
            raise OSError(
                f"{address} cannot be downloaded ({type(error).__name__}); "
                "with a network, run the same command again: it goes on where it stopped"
            ) from None
    return cache_folder() / name


def photo_paths(folder):
    """The photograph files in a folder and the folders below it, sorted; hidden ones left out.

    Raises: ValueError if there is no such folder or no photograph in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder}: {'not a folder' if folder.exists() else 'no such folder'}")
    paths = [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PHOTO_ENDINGS and path.is_file()
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not paths:
        endings = ", ".join(PHOTO_ENDINGS)
        raise ValueError(f"{folder}: no photographs in it, by their endings: {endings}")
    return sorted(paths)


def find(name_or_folder):
    """The folder of a data set by its name, or the folder itself.

    Raises: ValueError with the command that would fetch the data set.
    """
    if str(name_or_folder) not in NAMES:
        return Path(name_or_folder)
    folder = cache_folder() / name_or_folder
    if not any(folder.rglob("*.*")):  # no folder, or what a fetch without a network leaves
        raise ValueError(
            f"{name_or_folder} is not in {cache_folder()}; fetch it: rda fetch {name_or_folder}"
        )
    return folder


def validation_paths(folder):
    """BSDS500: the 40 photographs that choose between models, every fifth of its test folder."""
    return photo_paths(Path(folder) / "test")[::5]


def training_paths(name_or_folder):
    """All photographs of a folder; for "bsds500" all but the 40 that validate."""
    folder = find(name_or_folder)
    paths = photo_paths(folder)
    if str(name_or_folder) == "bsds500":
        kept_out = set(validation_paths(folder))
        paths = [path for path in paths if path not in kept_out]
    return paths


class RandomPatches:
    """Random square crops of photographs, half of them mirrored, always on one device.

    paths: photograph files; size: side of a crop in pixels. The photographs are kept as 8-bit
    tensors (3, H, W); those smaller than a crop are extended by repeating their last row and
    column. Raises: PhotoError for a file that cannot be read.
    """

    def __init__(self, paths, size=256, device="cpu", progress=lambda paths: paths):
        if not paths:
            raise PhotoError("no photographs to train on")
        self.size = size
        self.photos = []
        for path in progress(paths):
            y = read_photo(path)
            right, bottom = max(size - y.shape[2], 0), max(size - y.shape[1], 0)
            y = F.pad(y, (0, right, 0, bottom), mode="replicate")
            self.photos.append(to_8bit(y).to(device))

    def sample(self, count, generator, share=slice(None)):
        """`count` patches as y, a float tensor (count, 3, size, size) in [0, 1].

        generator: a CPU torch.Generator, the only source of chance here; share: the part of the
        `count` that is wanted. The others are drawn too, so that all shares make one batch.
        """
        places = []
        for _ in range(count):
            photo = self.photos[_below(len(self.photos), generator)]
            top = _below(photo.shape[1] - self.size + 1, generator)
            left = _below(photo.shape[2] - self.size + 1, generator)
            places.append((photo, top, left, _below(2, generator)))
        patches = []
        for photo, top, left, mirrored in places[share]:
            patch = photo[:, top : top + self.size, left : left + self.size]
            patches.append(patch.flip(2) if mirrored else patch)
        return torch.stack(patches).float() / 255

    def blocks(self, side, count, generator):
        """`count` random side x side blocks of y - 0.5, flattened: (count, 3 * side * side)."""
        per_patch = (self.size // side) ** 2
        patches = self.sample(-(-count // per_patch), generator) - 0.5
        return F.unfold(patches, side, stride=side).transpose(1, 2).flatten(0, 1)[:count]


def _below(limit, generator):
    return int(torch.randint(limit, (), generator=generator))
