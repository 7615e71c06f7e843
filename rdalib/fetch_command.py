"""The command `rda fetch`, which takes the parsed arguments."""

from __future__ import annotations

from argparse import Namespace

from rdalib import datasets
from rdalib.terminal import bar


def fetch(arguments: Namespace) -> None:
    folder = datasets.fetch(arguments.name, progress=bar("fetching", "file"))
    print(f"{folder}: {len(datasets.photo_paths(folder))} photographs, checksums right")
