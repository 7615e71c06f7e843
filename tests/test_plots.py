"""The animated picture that plots.animation makes of figures."""

import io

from matplotlib.figure import Figure
from PIL import Image

from rdalib import plots


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


def test_the_parts_that_are_seen_are_named_and_the_chosen_one_is_coloured():
    ax = Figure().subplots()
    parts = {"a": (0.0, 0.25), "b": (0.25, 0.5), "c": (0.75, 0.25)}
    plots.parts_of_interval(ax, parts, (0.2, 0.8), chosen="b")
    assert [text.get_text() for text in ax.texts] == ["b"]  # the middles of the others lie outside
    widths, colours = zip(*((p.get_width(), p.get_facecolor()) for p in ax.patches), strict=True)
    assert widths == (0.25, 0.5, 0.25) and colours[0] == colours[2] != colours[1]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0.200000", "0.800000"]


def test_bytes_stand_in_boxes_as_hexadecimal_digits():
    ax = Figure().subplots()
    plots.bytes_in_boxes(ax, bytes([127, 255]), 1, boxes=5)
    assert [text.get_text() for text in ax.texts] == ["7f", "ff"]
    assert ax.patches[0].get_facecolor() != ax.patches[1].get_facecolor()
    assert ax.get_xlim() == (0, 5)
