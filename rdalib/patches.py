"""Random patches of photographs, to train on: at every scale, some with other colours."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional as F

from rdalib.photo_files import PhotoError, open_rgb

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8
    from torch import Tensor

    Colours = tuple[Tensor, float]  # the order of the channels, and their saturation


class RandomPatches:
    """Random square crops of photographs at random scales, half of them mirrored, on one device.

    Photographs are kept as 8-bit tensors (3, H, W); those smaller than a crop are extended by
    repeating their last row and column. Where they are too many for the memory allowed, a random
    choice of them is kept, another one every few hundred steps.
    """

    STEPS_A_POOL = 500  # then other photographs are read, if not all are in memory

    def __init__(
        self,
        *sets: Sequence[str | PathLike[str]],
        size: int = 256,
        largest_scale: float = 1.0,
        recoloured: float = 0.0,
        device: torch.device | str = "cpu",
        pool_bytes: int = 2**32,
        progress: Callable[[Any], Iterable[Any]] = lambda paths: paths,
    ) -> None:
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
        self.pools: list[list[Tensor]] = []
        self.number, self.complete = -1, False
        self._fill(0)

    def _fill(self, number: int) -> None:
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

    def _read(self, path: Path) -> UInt8[Tensor, "3 H W"]:
        samples = torch.from_numpy(np.array(open_rgb(path, note=lambda text: None)))
        samples = samples.permute(2, 0, 1).contiguous()  # (3, H, W), uint8: a quarter of a float's
        right, bottom = max(self.size - samples.shape[2], 0), max(self.size - samples.shape[1], 0)
        if right or bottom:
            samples = F.pad(samples.float(), (0, right, 0, bottom), mode="replicate").byte()
        return samples.to(self.device)

    def fingerprint(self) -> str:
        """A number, as text, that tells these photograph files from others by names and sizes."""
        files = [sorted((path.name, path.stat().st_size) for path in paths) for paths in self.sets]
        return hashlib.sha256(repr(files).encode()).hexdigest()[:16]

    def sample(
        self, count: int, generator: torch.Generator, share: slice = slice(None), step: int = 0
    ) -> Float[Tensor, "b 3 s s"]:
        """`count` patches as y, a float tensor (count, 3, size, size) in [0, 1], k / 255 each.

        generator: a CPU torch.Generator, the only source of chance here; share: the part of the
        `count` that is wanted. The others are drawn too, so that all shares make one batch.
        step: of the training run, which says what photographs are in memory.
        """
        self._fill(step // self.STEPS_A_POOL)
        drawn = [self._draw(generator) for _ in range(count)]
        return torch.stack([self._cut(*each) for each in drawn[share]]) / 255

    def to_cover(self, most: int) -> int:
        """How many patches show as many pixels as there are in memory: at least 8."""
        pixels = sum(photo.shape[1] * photo.shape[2] for pool in self.pools for photo in pool)
        return min(max(pixels // self.size**2, 8), most)

    def crops(self, count: int) -> Iterator[Float[Tensor, "3 s s"]]:
        """`count` patches y in their own colours, one after the other, on the CPU."""
        plain, generator = copy(self), torch.Generator().manual_seed(0)
        plain.recoloured = 0.0
        for _ in range(count):
            yield plain.sample(1, generator, step=self.number * self.STEPS_A_POOL)[0].cpu()

    def _draw(self, generator: torch.Generator) -> tuple[Tensor, bool, Colours | None]:
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

    def _cut(
        self, patch: UInt8[Tensor, "3 s s"], mirrored: bool, colours: Colours | None
    ) -> Tensor:
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

    def blocks(self, side: int, count: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """`count` random side x side blocks of y - 0.5, flattened: (count, 3 * side * side)."""
        per_patch = (self.size // side) ** 2
        patches = self.sample(-(-count // per_patch), generator) - 0.5
        return F.unfold(patches, side, stride=side).transpose(1, 2).flatten(0, 1)[:count]


def _below(limit: int, generator: torch.Generator) -> int:
    return int(torch.randint(limit, (), generator=generator))
