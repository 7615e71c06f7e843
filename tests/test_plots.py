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
