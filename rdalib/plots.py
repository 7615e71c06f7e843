"""Arrays to axes. Every function draws on the `ax` it is given and returns it.

Colours are Okabe and Ito's, told apart by every kind of colour vision; markers and line styles
differ too.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

if TYPE_CHECKING:
    from jaxtyping import Float, Float64
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike
    from torch import Tensor

    Line = Float64[np.ndarray, " n"]
    Curves = dict[str, tuple[Line, Line]]  # of a name: rates in bpp, values

STYLES = {
    "rda": ("RDA (ours)", "#D55E00", "o", "-"),
    "context": ("RDA, context (default)", "#D55E00", "o", "-"),
    "hyperprior": ("RDA, hyperprior", "#D55E00", "+", "--"),
    "factorized": ("RDA, factorised", "#D55E00", "x", ":"),
    "jpeg": ("JPEG", "#0072B2", "s", "--"),
    "jpeg2000": ("JPEG 2000", "#009E73", "^", "-."),
    "webp": ("WebP", "#CC79A7", "D", ":"),
    "avif": ("AVIF", "#56B4E9", "v", "--"),
    "jpegxl": ("JPEG XL", "#E69F00", "P", "-."),
}
DOTS = (("#D55E00", "o"), ("#0072B2", "s"), ("#009E73", "^"), ("#CC79A7", "D"), ("#E69F00", "v"))
OTHERS = (("#000000", "x"), ("#882255", "+"), ("#332288", "1"), ("#999933", "2"), ("#999999", "3"))


def photo(ax: Axes, y: Float[Tensor, "3 H W"], title: str = "", caption: str = "") -> Axes:
    """A photograph y, (3, H, W), pixel for pixel: fixed 0..1 range, no interpolation."""
    ax.imshow(np.asarray(y.permute(1, 2, 0)), vmin=0, vmax=1, interpolation="none")
    ax.set_title(title, fontsize="medium")
    ax.set(xlabel=caption, xticks=[], yticks=[])
    return ax


def caption(values: dict[str, Any]) -> str:
    """Bytes, bpp, PSNR and MS-SSIM in two lines, from evaluation.quality_of."""
    similarity, decibels = values["ms_ssim"], values["psnr_rgb"]
    return (
        f"{values['bytes']:,} bytes, {values['bpp']:.3f} bpp\n"
        + ("exact" if decibels is None else f"{decibels:.2f} dB")
        + ("" if similarity is None else f", MS-SSIM {similarity:.4f}")
    )


def rate_distortion(ax: Axes, curves: Curves, metric: str = "PSNR of RGB (dB)") -> Axes:
    """Rate-distortion curves. curves: {name: (bpp array, value array)}.

    Names that STYLES does not know are drawn thin, under the name itself.
    """
    for (bpp, values), look in _looks(curves):
        order = np.argsort(bpp)
        ax.plot(bpp[order], values[order], **look)
    ax.set(xlabel="rate (bits per pixel)", ylabel=metric)
    ax.grid(alpha=0.3)
    ax.legend()
    return ax


def difference(ax: Axes, curves: Curves, reference: str, metric: str = "PSNR of RGB (dB)") -> Axes:
    """How far each of the curves lies above the one named `reference`, at the same rate.

    The reference is interpolated linearly over the logarithm of the rate; where it has no points
    a curve is left out. curves: as in rate_distortion.
    """
    rates, values = (array[np.argsort(curves[reference][0])] for array in curves[reference])
    above = {}
    for name, (bpp, theirs) in curves.items():
        at = np.interp(np.log(bpp), np.log(rates), values, left=np.nan, right=np.nan)
        above[name] = (bpp[~np.isnan(at)], (theirs - at)[~np.isnan(at)])
    return rate_distortion(ax, above, f"{metric} above {STYLES[reference][0]}'s")


def log_rate(ax: Axes, low: float, high: float, mark: float | None = None) -> Axes:
    """A logarithmic rate axis in plain numbers. mark: a rate to draw a line at."""
    ticks = [t for t in (0.03, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6) if low <= t <= high]
    ax.set_xscale("log")
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.set_xticks([], minor=True)
    ax.set_xlim(low, high)
    if mark is not None:
        ax.axvline(mark, color="k", linewidth=0.8, linestyle=(0, (1, 2)))
        place: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "xytext": (3, 5)}
        ax.annotate(f"{mark:g}", (mark, 0), textcoords="offset points", **place)
    return ax


def _looks(curves: Curves) -> Iterator[tuple[tuple[Line, Line], dict[str, Any]]]:
    """(curve, arguments of ax.plot) of each curve."""
    others = cycle(OTHERS)
    for name, curve in curves.items():
        if name in STYLES:
            label, colour, marker, line = STYLES[name]
            look = {"color": colour, "marker": marker, "linestyle": line, "markersize": 5}
        else:
            label, (colour, marker) = name, next(others)
            look = {"color": colour, "marker": marker, "linewidth": 1, "markersize": 7}
        yield curve, {"label": label} | look


def side_by_side(
    figure: Figure, shown: Sequence[tuple[Tensor, str, str]], columns: int, zoom: int = 1
) -> Figure:
    """Pictures of one size, each pixel drawn as zoom x zoom pixels of the figure.

    shown: a list of (y, title, caption of up to two lines). The figure takes the size it needs.
    """
    height, width = (zoom * side for side in shown[0][0].shape[1:])
    rows = -(-len(shown) // columns)
    gap, above, below = 12, 28, 52  # pixels: between columns, for the title, for the caption
    across, down = columns * (width + gap) - gap, rows * (above + height + below)
    figure.set_dpi(100)
    figure.set_size_inches(across / 100, down / 100)
    for index, (y, title, text) in enumerate(shown):
        row, column = divmod(index, columns)
        left, top = column * (width + gap), down - row * (above + height + below) - above
        ax = figure.add_axes((left / across, (top - height) / down, width / across, height / down))
        photo(ax, y, title, text)
        ax.set_frame_on(False)
    return figure


def cells(
    ax: Axes, points: Any, axis: Any, latents: Any, integers: Any, code_points: Any, shares: Any
) -> Axes:
    """A codec of the plane, from what plane.look returns: samples, cells and code points.

    A cell's border is where a latent lies halfway between two integers. The area of a code point
    is its share of the samples.
    """
    ax.plot(*np.asarray(points[:1500]).T, ".", color="0.75", markersize=2)
    for k in range(2):
        between = np.arange(int(integers[:, k].min()), int(integers[:, k].max()) + 2) - 0.5
        z = np.asarray(latents[..., k])
        style: dict[str, Any] = {"colors": "#0072B2", "linewidths": 0.7, "linestyles": "solid"}
        ax.contour(np.asarray(axis), np.asarray(axis), z, levels=between, **style)
    x, y = np.asarray(code_points).T
    ax.scatter(x, y, 1000 * np.asarray(shares), "#D55E00", zorder=3)
    ends = float(axis[0]), float(axis[-1])
    ax.set(xlim=ends, ylim=ends, aspect="equal", xlabel="$y_1$", ylabel="$y_2$")
    return ax


def against_limit(
    ax: Axes, limit: tuple[ArrayLike, ArrayLike], dots: dict[str, tuple[float, float]]
) -> Axes:
    """Codecs of the plane on the rate-distortion plot.

    limit: (bits, squared errors), two arrays; dots: {label: (bits, squared error)}.
    """
    ax.plot(*map(np.asarray, limit), color="k", label="Shannon's limit")
    for (label, dot), (colour, marker) in zip(dots.items(), DOTS, strict=False):
        ax.plot(*dot, marker, color=colour, markersize=9, label=label)
    ax.set(yscale="log", xlabel="rate (bits per point)", ylabel="squared error of a point")
    ax.grid(alpha=0.3)
    ax.legend()
    return ax


def parts_of_interval(
    ax: Axes,
    parts: dict[str, tuple[float, float]],
    ends: tuple[float, float],
    chosen: Sequence[str] = (),
) -> Axes:
    """An interval and its parts, as an arithmetic coder divides it.

    parts: {symbol: (lower end, width)}; ends: what is seen of the line; chosen: symbols in colour.
    """
    for symbol, (left, width) in parts.items():
        colour = "#E69F00" if symbol in chosen else "white"
        ax.barh(0, width, left=left, color=colour, edgecolor="black")
        seen = max(left, ends[0]), min(left + width, ends[1])
        if seen[1] - seen[0] > 0.05 * (ends[1] - ends[0]):  # or its name would cross the frame
            ax.text(sum(seen) / 2, 0, symbol, ha="center", va="center", fontsize=13)
    ax.set(xlim=ends, ylim=(-0.5, 0.5), xticks=ends, yticks=[])
    ax.set_xticklabels([f"{end:.6f}" for end in ends])
    return ax


def bytes_in_boxes(ax: Axes, data: bytes, place: int, boxes: int) -> Axes:
    """Bytes in a row, with room for so many boxes; the one at `place` in colour."""
    for i, byte in enumerate(data):
        ax.barh(0, 0.94, left=i, color="#E69F00" if i == place else "0.9")
        ax.text(i + 0.47, 0, f"{byte:02x}", ha="center", va="center", fontsize=20)
    ax.set(xlim=(0, boxes), ylim=(-0.5, 0.5))
    ax.axis("off")
    return ax


def animation(figures: Iterable[Figure], milliseconds: int = 150, colours: int = 256) -> bytes:
    """An animated PNG, as bytes, with one frame a figure; it plays for ever.

    Browsers, JupyterLab and exported pages play it without a kernel. Give the figures one size
    and fixed limits, or they jump. colours: how many all frames share, at most 256; 0 keeps
    every colour, which photographs need, in a larger file.
    """
    frames = []
    for canvas in map(FigureCanvasAgg, figures):
        canvas.draw()
        frames.append(np.asarray(canvas.buffer_rgba())[..., :3].copy())  # (H, W, 3)
    pictures = [Image.fromarray(frame) for frame in frames]
    if colours:
        palette = Image.fromarray(np.concatenate(frames)).quantize(colours)
        pictures = [p.quantize(palette=palette, dither=Image.Dither.NONE) for p in pictures]
    first, *rest = pictures
    how = {"append_images": rest, "duration": milliseconds, "loop": 0, "optimize": True}
    first.save(file := io.BytesIO(), "png", save_all=True, **how)
    return file.getvalue()


def ladder(ax: Axes, rungs: Sequence[Any], beside: dict[str, float]) -> Axes:
    """The ladder: one row a rung, from below; on the right what it gains over the rung below.

    rungs: ladder.Rung objects; beside: {label: PSNR} of codecs that are no rungs, drawn above.
    """
    others = sorted(beside.items(), key=lambda item: item[1])
    rows = [(rung.label, rung.psnr_db) for rung in rungs] + others
    own, every = np.arange(len(rungs)), np.arange(len(rows))
    decibels = np.array([psnr for _, psnr in rows])
    ax.step(decibels[own], own, where="pre", color="0.7")
    ax.plot(decibels[own], own, "o", color="#D55E00", markersize=8)
    ax.plot(decibels[len(own) :], every[len(own) :], "D", color="0.5", fillstyle="none")
    ax.axhline(len(own) - 0.5, color="0.8", linewidth=0.8)
    right = ax.twinx()  # its tick labels are the column of gains
    gains = [rung.gained for rung in rungs] + [f"{psnr:.2f} dB" for _, psnr in others]
    for axis, texts in ((ax, [label for label, _ in rows]), (right, gains)):
        axis.set_yticks(every, texts)
        axis.set_ylim(-0.6, len(rows) - 0.4)
        axis.tick_params(axis="y", length=0)
    ax.set_xlabel("PSNR of RGB (dB)")
    ax.grid(alpha=0.3)
    return ax
