"""The photographs to train and measure on: BSDS500, large ones and Kodak, fetched and cropped.

BSDS500 (Arbelaez, Maire, Fowlkes, Malik, PAMI 2011: 500 photographs of 0.15 megapixels) and
"large" (45 of 4 to 24 megapixels under free licences) train and choose; Kodak only measures.
`registry.tsv` lists every file with its SHA-256 and address, `large.tsv` whose the large ones are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias

Name: TypeAlias = str | os.PathLike[str]  # of a data set, or a folder
Progress: TypeAlias = Callable[[Any], Iterable[Any]]
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


def cache_folder() -> Path:
    """Where downloads go: $RDALIB_DATA, or else the user's cache folder."""
    if os.environ.get("RDALIB_DATA"):
        return Path(os.environ["RDALIB_DATA"]).expanduser()
    import pooch  # only here: a machine that trains from a folder need not have it

    return Path(pooch.os_cache("rdalib"))


def fetch(name: str, progress: Progress = lambda paths: paths) -> Path:
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


def registry(name: str) -> list[tuple[str, str, str]]:
    """The files of a data set: a list of (path below the cache, SHA-256 in hex, address)."""
    rows = resources.files("rdalib").joinpath("registry.tsv").read_text().splitlines()
    split = [row.split("\t") for row in rows if row.startswith(name + "/")]
    return [(path, checksum, address) for path, checksum, address in split]


def what_is_missing(name_or_folder: Name) -> str | None:
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


def photo_paths(folder: Name) -> list[Path]:
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


def find(name_or_folder: Name) -> Path:
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


def validation_paths(name_or_folder: Name) -> list[Path]:
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


def training_paths(name_or_folder: Name) -> list[Path]:
    """All photographs of a data set or a folder but those that validate."""
    kept_out = set(validation_paths(name_or_folder))
    return [path for path in photo_paths(find(name_or_folder)) if path not in kept_out]
