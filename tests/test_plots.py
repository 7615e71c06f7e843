"""Figures show what they are given: pixels as pixels, distances as distances."""

import io

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from rdalib import plots


def drawn(figure):
    """A figure's pixels, (H, W, 3) in 0..255."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


@pytest.mark.parametrize("zoom", [1, 2])
@pytest.mark.parametrize("size", [(40, 64), (61, 33)])
def test_pictures_side_by_side_are_drawn_pixel_for_pixel(size, zoom):
    generator = torch.Generator().manual_seed(0)
    pictures = [torch.rand(3, *size, generator=generator) for _ in range(3)]
    figure = plots.side_by_side(Figure(), [(y, "", "") for y in pictures], 2, zoom)
    pixels = drawn(figure)
    for number, y in enumerate(pictures):
        wanted = (255 * y).round().byte().permute(1, 2, 0).numpy()
        wanted = wanted.repeat(zoom, axis=0).repeat(zoom, axis=1)
        row, column = divmod(number, 2)
        top = row * (28 + size[0] * zoom + 52) + 28
        left = column * (size[1] * zoom + 12)
        found = pixels[top : top + zoom * size[0], left : left + zoom * size[1]]
        inside = slice(2, -2)  # Agg may blend the outermost line with the frame
        gap = np.abs(found[inside, inside].astype(int) - wanted[inside, inside].astype(int))
        assert gap.max() <= 1


def test_a_difference_is_zero_for_the_reference_and_left_out_beyond_it():
    rates = np.array([0.1, 0.2, 0.4])
    curves = {
        "jpeg2000": (rates, np.array([20.0, 23.0, 26.0])),
        "rda": (np.array([0.05, 0.1, 0.1 * 2**0.5]), np.array([19.0, 21.0, 22.5])),
    }
    ax = plots.difference(Figure().subplots(), curves, "jpeg2000")
    reference, ours = ax.lines
    assert np.abs(reference.get_ydata()).max() < 1e-12
    assert ours.get_xdata() == pytest.approx([0.1, 0.1 * 2**0.5])
    assert ours.get_ydata() == pytest.approx([1, 1])  # 21.5 dB halfway, by the logarithm


def test_a_logarithmic_rate_axis_has_plain_numbers_and_the_mark():
    ax = plots.log_rate(Figure().subplots(), 0.05, 1.6, mark=0.113)
    assert [label.get_text() for label in ax.get_xticklabels()] == [
        "0.05", "0.1", "0.2", "0.4", "0.8", "1.6",
    ]  # fmt: skip
    assert ax.get_xscale() == "log" and ax.lines[0].get_xdata()[0] == 0.113
    assert [text.get_text() for text in ax.texts] == ["0.113"]


def bar(height, colour):
    figure = Figure(figsize=(2, 1))
    ax = figure.subplots()
    ax.bar([0], [height], color=colour)
    ax.set_ylim(0, 3)
    return figure


def test_an_animation_has_each_figure_as_a_frame_and_plays_for_ever():
    data = plots.animation([bar(1, "#D55E00"), bar(2, "#0072B2"), bar(3, "#009E73")], 80)
    picture = Image.open(io.BytesIO(data))
    assert (picture.format, picture.n_frames, picture.size) == ("PNG", 3, (200, 100))
    assert picture.info["loop"] == 0
    for frame, colour in enumerate(((0xD5, 0x5E, 0x00), (0x00, 0x72, 0xB2), (0x00, 0x9E, 0x73))):
        picture.seek(frame)
        assert picture.info["duration"] == 80
        colours = {c for _, c in picture.convert("RGB").getcolors(maxcolors=20_000)}
        assert min(max(abs(a - b) for a, b in zip(c, colour, strict=True)) for c in colours) < 8


def test_an_animation_of_photographs_keeps_every_colour():
    photograph = torch.rand(3, 30, 40, generator=torch.Generator().manual_seed(0))  # 1,200 colours
    figures = [plots.side_by_side(Figure(), [(y, "", "")], 1) for y in (photograph, 1 - photograph)]
    picture = Image.open(io.BytesIO(plots.animation(figures, 700, colours=0)))
    assert (picture.n_frames, picture.info["duration"]) == (2, 700)
    for frame, figure in enumerate(figures):
        picture.seek(frame)
        assert (np.asarray(picture.convert("RGB")) == drawn(figure)).all()


def test_the_parts_that_are_seen_are_named_and_the_chosen_one_is_coloured():
    ax = Figure().subplots()
    parts = {"a": (0.0, 0.25), "b": (0.25, 0.5), "c": (0.75, 0.25)}
    plots.parts_of_interval(ax, parts, (0.2, 0.8), chosen="b")
    assert [text.get_text() for text in ax.texts] == ["a", "b", "c"]
    widths, colours = zip(*((p.get_width(), p.get_facecolor()) for p in ax.patches), strict=True)
    assert widths == (0.25, 0.5, 0.25) and colours[0] == colours[2] != colours[1]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0.200000", "0.800000"]


def test_the_name_of_a_part_never_crosses_the_frame():
    for end in (0.01, 0.12, 0.13, 0.24, 0.26, 0.5):
        figure = Figure(figsize=(8, 1.7))
        ax = figure.subplots()
        plots.parts_of_interval(ax, {"-1": (0.0, 0.25), "0": (0.25, 0.75)}, (end, end + 0.5))
        drawn(figure)
        for text in ax.texts:
            box, frame = text.get_window_extent(), ax.get_window_extent()
            assert frame.x0 < box.x0 and box.x1 < frame.x1, (end, text.get_text())


def test_bytes_stand_in_boxes_as_hexadecimal_digits():
    ax = Figure().subplots()
    plots.bytes_in_boxes(ax, bytes([127, 255]), 1, boxes=5)
    assert [text.get_text() for text in ax.texts] == ["7f", "ff"]
    assert ax.patches[0].get_facecolor() != ax.patches[1].get_facecolor()
    assert ax.get_xlim() == (0, 5)
