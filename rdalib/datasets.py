"""The photographs to train and measure on: BSDS500, large ones and Kodak, fetched and cropped.

BSDS500 (Arbelaez, Maire, Fowlkes, Malik, PAMI 2011: 500 photographs of 0.15 megapixels) and
"large" (45 of 4 to 24 megapixels under free licences) train and choose; Kodak only measures.
`registry.tsv` lists every file with its SHA-256 and address, `large.tsv` whose the large ones are.
"""

import hashlib
import os
from copy import copy
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from rdalib.images import PhotoError, open_rgb

NAMES = ("bsds500", "kodak", "large")
PHOTO_ENDINGS = (
    ".jpg",
    ".jpeg",
    ".png",
    ".webp",
    ".avif",
    ".tif",
    ".tiff",
    ".bmp",
    ".jp2",
    ".jxl",
    ".ppm",
)


def cache_folder():
    """Where downloads go: $RDALIB_DATA, or else the user's cache folder."""
    if os.environ.get("RDALIB_DATA"):
        return Path(os.environ["RDALIB_DATA"]).expanduser()
    import pooch  # only here: a machine that trains from a folder need not have it

    return Path(pooch.os_cache("rdalib"))


def fetch(name, progress=lambda paths: paths):
    """Download a data set into the cache, checking every file's SHA-256. Returns its folder.

    name: "bsds500" (500 photographs, 34 MB), "large" (45, 70 MB) or "kodak" (24, 15 MB). Files
    that are there already with the right checksum are not downloaded again. progress: wraps the
    list of files, as tqdm.
    Raises: ValueError for another name or a wrong checksum, OSError without a network or space.
    """
    if name not in NAMES:
        raise ValueError(f"no data set {name!r}; there are {', '.join(NAMES)}")
    import pooch
    import requests  # what pooch downloads with

    pooch.get_logger().setLevel("WARNING")  # else two lines a file
    files = registry(name)
    downloads = pooch.create(
        path=cache_folder(),
        base_url="",
        registry={path: f"sha256:{checksum}" for path, checksum, _ in files},
        urls={path: address for path, _, address in files},
    )
    for path, _, address in progress(files):
        try:
            downloads.fetch(path)
        except requests.RequestException as error:
            raise OSError(
                f"{address} cannot be downloaded ({type(error).__name__}); "
                "with a network, run the same command again: it goes on where it stopped"
            ) from None
    return cache_folder() / name


def registry(name):
    """The files of a data set: a list of (path below the cache, SHA-256 in hex, address)."""
    rows = resources.files("rdalib").joinpath("registry.tsv").read_text().splitlines()
    return [tuple(row.split("\t")) for row in rows if row.startswith(name + "/")]


def what_is_missing(name_or_folder):
    """A line that says how much of a data set is there, if not all of it is; else None."""
    if str(name_or_folder) not in NAMES:
        return None
    files = registry(str(name_or_folder))
    there = sum((cache_folder() / path).is_file() for path, _, _ in files)
    if there == len(files):
        return None
    return (
        f"only {there} of the {len(files)} photographs of {name_or_folder} are there; "
        f"for the others: rda fetch {name_or_folder}"
    )


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


def validation_paths(name_or_folder):
    """The photographs that choose between models, kept out of training.

    BSDS500: 40, every fifth of its test folder; large: 8. Of another folder, or of Kodak: every
    twentieth photograph.
    """
    folder = find(name_or_folder)
    if str(name_or_folder) == "bsds500":
        return photo_paths(folder / "test")[::5]
    if str(name_or_folder) == "large":
        return photo_paths(folder / "validation")
    return photo_paths(folder)[19::20]


def training_paths(name_or_folder):
    """All photographs of a data set or a folder but those that validate."""
    kept_out = set(validation_paths(name_or_folder))
    return [path for path in photo_paths(find(name_or_folder)) if path not in kept_out]


class RandomPatches:
    """Random square crops of photographs at random scales, half of them mirrored, on one device.

    Photographs are kept as 8-bit tensors (3, H, W); those smaller than a crop are extended by
    repeating their last row and column. Where they are too many for the memory allowed, a random
    choice of them is kept, another one every few hundred steps.
    """

    STEPS_A_POOL = 500  # then other photographs are read, if not all are in memory

    def __init__(
        self,
        *sets,
        size=256,
        largest_scale=1.0,
        recoloured=0.0,
        device="cpu",
        pool_bytes=2**32,
        progress=lambda paths: paths,
    ):
        """sets: lists of photograph files, each with the same share of the crops.

        size: side of a crop in pixels; largest_scale: a crop shows up to so many times its side,
        scaled down, where a photograph is large enough; recoloured: the share of crops with their
        colour channels in another order and more or less saturated, for the colours that the
        photographs lack; pool_bytes: memory for the photographs; progress: wraps the files read.
        Raises: PhotoError for a file that cannot be read, in whichever pool it comes.
        """
        if not sets or not all(sets):
            raise PhotoError("no photographs to train on")
        self.sets = [list(map(Path, paths)) for paths in sets]
        self.size, self.device = size, torch.device(device)
        self.largest_scale, self.recoloured = largest_scale, recoloured
        self.pool_bytes, self.progress = pool_bytes, progress
        self.pools, self.number, self.complete = [], None, False
        self._fill(0)

    def _fill(self, number):
        """Have the photographs of pool `number` in memory: which they are follows from it."""
        if self.complete or self.number == number:
            return
        self.pools, self.number, self.complete = [], number, True
        chosen = []
        for index, paths in enumerate(self.sets):
            chance = torch.Generator().manual_seed(number * len(self.sets) + index)
            chosen.append([paths[i] for i in torch.randperm(len(paths), generator=chance)])
        for paths, reading in zip(self.sets, map(self.progress, chosen), strict=True):
            pool, left = {}, self.pool_bytes // len(self.sets)
            for path in reading:
                pool[path] = self._read(path)
                left -= pool[path].numel()
                if left < 0:
                    break
            self.complete &= len(pool) == len(set(paths))
            self.pools.append([pool[path] for path in paths if path in pool])

    def _read(self, path):
        samples = torch.from_numpy(np.array(open_rgb(path, note=lambda text: None)))
        samples = samples.permute(2, 0, 1).contiguous()  # (3, H, W), uint8: a quarter of a float's
        right, bottom = max(self.size - samples.shape[2], 0), max(self.size - samples.shape[1], 0)
        if right or bottom:
            samples = F.pad(samples.float(), (0, right, 0, bottom), mode="replicate").byte()
        return samples.to(self.device)

    def fingerprint(self):
        """A number, as text, that tells these photograph files from others by names and sizes."""
        files = [sorted((path.name, path.stat().st_size) for path in paths) for paths in self.sets]
        return hashlib.sha256(repr(files).encode()).hexdigest()[:16]

    def sample(self, count, generator, share=slice(None), step=0):
        """`count` patches as y, a float tensor (count, 3, size, size) in [0, 1], k / 255 each.

        generator: a CPU torch.Generator, the only source of chance here; share: the part of the
        `count` that is wanted. The others are drawn too, so that all shares make one batch.
        step: of the training run, which says what photographs are in memory.
        """
        self._fill(step // self.STEPS_A_POOL)
        drawn = [self._draw(generator) for _ in range(count)]
        return torch.stack([self._cut(*each) for each in drawn[share]]) / 255

    def to_cover(self, most):
        """How many patches show as many pixels as there are in memory: at least 8."""
        pixels = sum(photo.shape[1] * photo.shape[2] for pool in self.pools for photo in pool)
        return min(max(pixels // self.size**2, 8), most)

    def crops(self, count):
        """`count` patches y in their own colours, one after the other, on the CPU."""
        plain, generator = copy(self), torch.Generator().manual_seed(0)
        plain.recoloured = 0.0
        for _ in range(count):
            yield plain.sample(1, generator, step=self.number * self.STEPS_A_POOL)[0].cpu()

    def _draw(self, generator):
        """Where a patch lies, and what becomes of it: the arguments of _cut."""
        pool = self.pools[_below(len(self.pools), generator)]
        photo = pool[_below(len(pool), generator)]
        scale, saturation, dice = torch.rand(3, generator=generator).tolist()
        scale = min(self.largest_scale**scale, min(photo.shape[1:]) / self.size)
        side = int(self.size * scale)
        top = _below(photo.shape[1] - side + 1, generator)
        left = _below(photo.shape[2] - side + 1, generator)
        order = torch.randperm(3, generator=generator)
        mirrored = bool(_below(2, generator))
        colours = (order, 2 * saturation) if dice < self.recoloured else None
        return photo[:, top : top + side, left : left + side], mirrored, colours

    def _cut(self, patch, mirrored, colours):
        """A part of a photograph, (3, s, s), to a patch, float (3, size, size) in 0..255."""
        patch = patch.flip(2) if mirrored else patch
        if patch.shape[1] != self.size:
            samples = patch if patch.device.type == "cpu" else patch.float()  # there is no other
            size = (self.size, self.size)
            patch = F.interpolate(samples[None], size, mode="bicubic", antialias=True)[0]
        patch = patch.float()
        if colours is not None:
            order, saturation = colours
            patch = patch[order.to(patch.device)]
            grey = patch.mean(dim=0, keepdim=True)
            patch = grey + saturation * (patch - grey)
        return patch.clamp(0, 255).round()

    def blocks(self, side, count, generator):
        """`count` random side x side blocks of y - 0.5, flattened: (count, 3 * side * side)."""
        per_patch = (self.size // side) ** 2
        patches = self.sample(-(-count // per_patch), generator) - 0.5
        return F.unfold(patches, side, stride=side).transpose(1, 2).flatten(0, 1)[:count]


def _below(limit, generator):
    return int(torch.randint(limit, (), generator=generator))
