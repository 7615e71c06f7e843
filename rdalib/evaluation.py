"""Measured rate-distortion points from real files, and the area between their curves.

Bytes are the length of the whole file, PSNR is of the decoded 8-bit picture, and the mean over
images is a mean of PSNRs (not the PSNR of a mean). An exact picture has PSNR null, one with a
side under 176 pixels MS-SSIM null; means leave nulls out. Seconds of JPEG's encoding include the
search for the better subsampling; AVIF's two, at 4:2:0 and at 4:4:4, are run apart and the better
of their mean curves is kept at each rate, by PSNR of RGB.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy.interpolate import PchipInterpolator

from rdalib import classical
from rdalib.distortion import ms_ssim, psnr, psnr_luma_chroma
from rdalib.images import PhotoError, photo_to_tensor, read_photo, tensor_to_photo
from rdalib.kept_points import name_of_point
from rdalib.quality import LEVELS

if TYPE_CHECKING:
    from jaxtyping import Float, Float64
    from torch import Tensor

    from rdalib.codec import Codec

    Line = Float64[np.ndarray, " n"]

Point: TypeAlias = dict[str, Any]  # METRICS and, where it was measured alone, SECONDS
Knob: TypeAlias = dict[str, Any]  # of a codec: its setting and, for AVIF, the subsampling
Progress: TypeAlias = Callable[[Any], Iterable[Any]]

QUALITIES = tuple(range(0, LEVELS, 7))  # 0, 7, ..., 63
METRICS = ("bytes", "bpp", "psnr_rgb", "psnr_luma", "psnr_chroma", "ms_ssim")
SECONDS = ("encode_s", "decode_s")


def quality_of(y: Float[Tensor, "3 H W"], y_hat: Float[Tensor, "3 H W"], data: bytes) -> Point:
    """What METRICS name, for a photograph y, its reconstruction and the bytes of the file."""
    bpp = 8 * len(data) / (y.shape[1] * y.shape[2])
    decibels = (psnr(y, y_hat), *psnr_luma_chroma(y, y_hat))
    none_if_exact = (value if math.isfinite(value) else None for value in decibels)
    values = (len(data), bpp, *none_if_exact, ms_ssim(y, y_hat))
    return dict(zip(METRICS, values, strict=True))


def measure(
    name: str,
    setting: float,
    y: Float[Tensor, "3 H W"],
    codec: Codec | None = None,
    subsampling: str | None = None,
    effort: int = 0,
) -> Point:
    """Compress and decompress y with one codec at one setting. Returns METRICS and SECONDS.

    name: "rda" (then `codec` is the Codec and the setting a quality level) or one of
    classical.AVAILABLE; subsampling: as classical.encode takes it; effort: as Codec.compress.
    """
    image = tensor_to_photo(y)
    start = time.perf_counter()
    if codec is not None and name == "rda":
        data = codec.compress(y, int(setting), effort=effort)
        middle = time.perf_counter()
        y_hat = codec.decompress(data)
    else:
        data = classical.encode(name, image, setting, subsampling)
        middle = time.perf_counter()
        y_hat = photo_to_tensor(classical.decode(data))
    end = time.perf_counter()
    return quality_of(y, y_hat, data) | {"encode_s": middle - start, "decode_s": end - middle}


def evaluate(
    paths: Sequence[Path],
    codecs: Sequence[str],
    codec: Codec | None,
    progress: Progress = lambda items: items,
    note: Callable[[str], object] = lambda text: None,
    effort: int = 0,
    known: MutableMapping[str, Point] | None = None,
    qualities: Sequence[int] = QUALITIES,
) -> dict[str, Any]:
    """Every codec at every setting on every photograph.

    paths: photograph files; codecs: names, "rda" among them or not; codec: the Codec;
    progress: wraps the list of files to make, as tqdm; note: called with one line of text for
    each photograph that was changed in the reading; effort, qualities: of our codec;
    known: a dict of points that need not be measured again, to which new ones are added, or None.
    Returns the dict that `rda evaluate --json` writes. A photograph that cannot be read, or that
    one of the codecs cannot encode, is left out of all means: "left_out" then says why, by path.
    Raises: ValueError if all are left out.
    """
    tasks = [(name, knob) for name in codecs for knob in knobs(name, qualities)]
    measured: dict[Path, list[Point]] = {}  # rows in the order of tasks
    left_out: dict[Path, str] = {}  # what is wrong
    known = {} if known is None else known
    for path, (name, knob) in progress([(path, task) for path in paths for task in tasks]):
        if path in left_out:
            continue
        try:
            if path not in measured:
                y = read_photo(path, _with_name(path, note))
                measured[path] = []
            ours = f" {codec.weights_id.hex()} effort {effort}" if codec and name == "rda" else ""
            what = name_of_point(path, f"{name}{ours}", knob.values())
            if what not in known:
                known[what] = measure(name, y=y, codec=codec, effort=effort, **knob)
        except ValueError as error:  # the photograph cannot be read, or a codec not encode it
            left_out[path] = str(error) if isinstance(error, PhotoError) else f"{path}: {error}"
            measured.pop(path, None)
        else:
            measured[path].append({"image": path.name} | known[what])
    if left_out and not measured:
        raise ValueError(f"no photograph can be measured: {left_out[paths[0]]}")
    points: dict[str, list[Point]] = {name: [] for name in codecs}
    for (name, knob), rows in zip(tasks, zip(*measured.values(), strict=True), strict=True):
        points[name].append(mean_point(knob, list(rows)))
    curves = {name: upper_envelope(each) for name, each in points.items()}
    result = {"codecs": curves, "bd_rate_percent": bd_rates(curves)}
    named = {str(path): why for path, why in left_out.items()}
    return result | ({"left_out": named} if named else {})


def _with_name(path: Path, note: Callable[[str], object]) -> Callable[[str], object]:
    return lambda text: note(f"{path}: {text}")


def knobs(name: str, qualities: Sequence[int] = QUALITIES) -> list[Knob]:
    """What evaluate sets a codec to: dicts of `setting` and, for AVIF, `subsampling`."""
    settings = qualities if name == "rda" else classical.SETTINGS[name]
    if name == "avif":
        subsamplings = classical.SUBSAMPLINGS[name]  # JPEG looks for its better one by itself
        return [{"setting": s, "subsampling": each} for each in subsamplings for s in settings]
    return [{"setting": setting} for setting in settings]


def mean_point(knob: Knob, rows: list[Point]) -> Point:
    """The means of rows, dicts of METRICS and SECONDS, at one setting of a codec."""
    means = {key: _mean([row[key] for row in rows]) for key in (*METRICS, *SECONDS)}
    return knob | means | {"per_image": rows}


def upper_envelope(points: list[Point], metric: str = "psnr_rgb") -> list[Point]:
    """The points that no curve of another subsampling beats at as many bits, by rising rate.

    points: those of one codec; where it has several curves, each point's "subsampling" names its.
    """
    kept = []
    for point in points:
        others = [p for p in points if p.get("subsampling") != point.get("subsampling")]
        best = _best_within(point["bpp"], *curve(others, metric))
        if point[metric] is None or point[metric] >= best:  # None: exact
            kept.append(point)
    return sorted(kept, key=lambda point: point["bpp"])


def _best_within(bpp: float, rates: Line, values: Line) -> float:
    """The best value that a curve reaches at `bpp` or less; -infinity below its first rate."""
    if not len(rates):
        return -np.inf
    order = np.argsort(rates)
    return np.interp(np.log(bpp), np.log(rates[order]), values[order], left=-np.inf)


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def curve(points: Iterable[Point], metric: str = "psnr_rgb") -> tuple[Line, Line]:
    """(bpp, metric) of a codec's points as two arrays, nulls left out."""
    pairs = [(p["bpp"], p[metric]) for p in points if p[metric] is not None]
    rates, values = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    return rates, values


def bd_rates(curves: dict[str, list[Point]], ours: str = "rda") -> dict[str, float | None]:
    """{"rda vs jpeg": percent, ...} of the codec `ours` against every other in `curves`.

    None where two curves share no PSNR.
    """
    if ours not in curves:
        return {}
    rivals = {name: curve(points) for name, points in curves.items() if name != ours}
    our_curve = curve(curves[ours])
    return {f"{ours} vs {name}": bd_rate(*theirs, *our_curve) for name, theirs in rivals.items()}


def bd_rate(anchor_bpp: Line, anchor_psnr: Line, bpp: Line, psnr_db: Line) -> float | None:
    """Bjontegaard's rate difference: mean change of rate at equal PSNR, in percent.

    The logarithm of the rate is interpolated over PSNR by monotone cubics (pchip), and the
    difference averaged over the PSNRs that both curves reach. Negative: fewer bits than the
    anchor. Returns None where the curves share no PSNR or have fewer than two points.
    Source: Bjontegaard, VCEG-M33, 2001; pchip as in VCEG-AL22.
    """
    curves = []
    for rates, psnrs in ((anchor_bpp, anchor_psnr), (bpp, psnr_db)):
        psnrs, index = np.unique(np.asarray(psnrs, dtype=np.float64), return_index=True)
        if len(psnrs) < 2:
            return None
        curves.append(PchipInterpolator(psnrs, np.log(np.asarray(rates)[index])))
    low, high = max(each.x[0] for each in curves), min(each.x[-1] for each in curves)
    if high <= low:
        return None
    anchor, ours = (spline.integrate(low, high) / (high - low) for spline in curves)
    return float(100 * (np.exp(ours - anchor) - 1))


def at_rate(points: Iterable[Point], bpp: float, metric: str = "psnr_rgb") -> float | None:
    """A metric at a rate, interpolated linearly over log bpp; None outside the curve."""
    rates, values = curve(points, metric)
    order = np.argsort(rates)
    if not len(rates) or not rates.min() <= bpp <= rates.max():
        return None
    return float(np.interp(np.log(bpp), np.log(rates[order]), values[order]))


def compare(
    y: Float[Tensor, "3 H W"],
    codec: Codec,
    max_bytes: int,
    rivals: Sequence[str] = classical.CODECS,
    progress: Progress = lambda items: items,
    effort: int = 0,
) -> list[tuple[str, bytes, Tensor]]:
    """The codecs side by side on one photograph, each at its best within max_bytes.

    A rival that cannot go that low is shown at its smallest file; our file is then held to the
    smallest of all rivals' files. progress: wraps the rivals, as tqdm; effort: as Codec.compress.
    Returns a list of (name, data, y_hat), ours first.
    Raises: ValueError if our codec cannot go that low.
    """
    image = tensor_to_photo(y)
    files = {}
    for name in progress(rivals):
        within = classical.encode_within(name, image, max_bytes)
        files[name] = within or classical.smallest(name, image)
    budget = min([max_bytes, *map(len, files.values())])
    ours = codec.compress(y, max_bytes=budget, effort=effort)
    theirs = [(name, data, photo_to_tensor(classical.decode(data))) for name, data in files.items()]
    return [("rda", ours, codec.decompress(ours)), *theirs]
