"""The ladder: the same photograph at the same bytes, one rung an idea of the course.

`tests/benchmarks/ladder.py` and `kodak.py` measured the points, from real files; they come with
the library, so lessons 07, 08 and 11 draw the ladder without any weights but those they load.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rdalib.evaluation import at_rate, curve
from rdalib.images import sample_photo
from rdalib.results import kodak_results

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

RUNGS = {
    "jpeg": "JPEG",
    "dct8": "8 x 8 cosines, our coder",
    "dct16": "16 x 16 cosines",
    "klt": "principal components",
    "factorized": "a trained CNN",
    "hyperprior": "side information",
    "context_frozen": "context",
    "context": "trained on, at every scale",
}
BESIDE = {"jpeg2000": "JPEG 2000", "avif": "AVIF"}  # measured here
PUBLISHED = {
    "mean_scale2018": "Minnen et al. 2018",
    "bpg": "BPG",
    "elic2022": "ELIC 2022",
}
BPP = 0.2


@dataclass(frozen=True)
class Rung:
    """A codec at one rate, and what it gains over the rung below; None where that is unknown."""

    name: str
    label: str
    psnr_db: float
    decibels: float | None  # more than the rung below, at as many bytes
    percent: float | None  # of the bytes that the rung below needs for its own PSNR, added

    @property
    def gained(self) -> str:
        """Its PSNR and its gains in words."""
        gains = [] if self.decibels is None else [f"{self.decibels:+.2f} dB"]
        gains += [] if self.percent is None else [f"{self.percent:+.0f} % bytes"]
        return f"{self.psnr_db:.2f} dB" + (f"   {', '.join(gains)}" if gains else "")


def photograph() -> Float[Tensor, "3 288 448"]:
    """Lesson 07's cat: whole 16 x 16 blocks of scikit-image's `chelsea`."""
    return sample_photo("chelsea")[:, :288, :448]


def points(place: str) -> dict[str, list[dict[str, Any]]]:
    """Every codec's measured points. place: "cat", or "kodak" for means over 24 photographs."""
    measured = kodak_results("ladder")[place]
    if place == "kodak":
        published = kodak_results("published")["codecs"]
        measured = kodak_results("measured")["codecs"] | measured
        measured = {name: published[name]["points"] for name in PUBLISHED} | measured
    return measured


def climb(place: str, last: str = "context", bpp: float = BPP) -> list[Rung]:
    """The rungs up to `last`, from below, at a rate. place: as for `points`."""
    measured, rungs, below = points(place), [], None
    for name, label in RUNGS.items():
        if name in measured and (psnr := at_rate(measured[name], bpp)) is not None:
            gained = (None, None) if below is None else _gain(measured[below], measured[name], bpp)
            rungs.append(Rung(name, label, psnr, *gained))
            below = name
        if name == last:
            break
    return rungs


def beside(place: str, bpp: float = BPP) -> dict[str, float]:
    """{label: PSNR} of codecs that are no rungs of ours, at a rate."""
    measured = points(place)
    found = {
        label: at_rate(measured[name], bpp)
        for name, label in (BESIDE | PUBLISHED).items()
        if name in measured
    }
    return {label: psnr for label, psnr in found.items() if psnr is not None}


def _gain(
    below: list[dict[str, Any]], above: list[dict[str, Any]], bpp: float
) -> tuple[float, float | None]:
    """(dB at as many bits, percent of bits at as many dB) of one curve over another."""
    psnr, reached = at_rate(below, bpp), at_rate(above, bpp)
    assert psnr is not None and reached is not None
    rates, values = curve(above)
    order = np.argsort(values)
    enough = np.interp(psnr, values[order], np.log(rates[order]), left=np.nan, right=np.nan)
    percent = 100 * (np.exp(enough) / bpp - 1)
    return reached - psnr, float(percent) if np.isfinite(percent) else None


def table(rungs: list[Rung]) -> str:
    """The rungs as text, one a line: PSNR, and what each gains over the one below."""
    lines = [f"{'':28}{'PSNR':>9}{'at equal bytes':>17}{'bytes at equal PSNR':>22}"]
    for rung in rungs:
        line = f"{rung.label:28}{rung.psnr_db:6.2f} dB"
        line += " " * 17 if rung.decibels is None else f"{rung.decibels:+14.2f} dB"
        line += "" if rung.percent is None else f"{rung.percent:+20.0f} %"
        lines.append(line.rstrip())
    return "\n".join(lines)
