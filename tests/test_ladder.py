"""The ladder: what comes with the library is whole, and gains are what the points say."""

import pytest
from matplotlib.figure import Figure

from rdalib import evaluation, ladder, plots


def point(bpp, psnr):
    return {"bpp": bpp, "psnr_rgb": psnr}


@pytest.fixture
def two_rungs(monkeypatch):
    """Half the bits at the same PSNR, and 6 dB for four times the bits: 3 dB at as many."""
    below = [point(0.1, 20), point(0.4, 26), point(1.6, 32)]
    above = [point(0.05, 20), point(0.2, 26), point(0.8, 32)]
    known = {"jpeg": below, "factorized": above, "avif": [point(0.1, 25), point(0.4, 31)]}
    monkeypatch.setattr(ladder, "points", lambda place: known)


def test_gains_are_decibels_at_equal_bytes_and_bytes_at_equal_decibels(two_rungs):
    first, second = ladder.climb("cat", bpp=0.2)
    assert (first.label, first.psnr_db, first.decibels, first.percent) == (
        "JPEG", pytest.approx(23), None, None,
    )  # fmt: skip
    assert second.decibels == pytest.approx(3)
    assert second.percent == pytest.approx(-50)


def test_a_rung_beyond_its_curve_is_left_out_and_a_gain_beyond_it_unknown(two_rungs):
    assert [rung.name for rung in ladder.climb("cat", bpp=1.2)] == ["jpeg"]
    _, second = ladder.climb("cat", bpp=0.1)  # 20 dB: where the upper curve begins
    assert second.percent == pytest.approx(-50)
    assert ladder.climb("cat", bpp=0.06)[0].decibels is None


def test_the_climb_ends_where_it_is_told(two_rungs):
    assert [rung.name for rung in ladder.climb("cat", last="jpeg")] == ["jpeg"]
    assert ladder.beside("cat", bpp=0.2) == {"AVIF": pytest.approx(28)}


@pytest.mark.parametrize("place", ["cat", "kodak"])
def test_every_rung_is_measured_from_whole_files(place):
    measured = ladder.points(place)
    assert [rung.name for rung in ladder.climb(place)] == list(ladder.RUNGS)
    for name in ladder.RUNGS:
        rates, _ = evaluation.curve(measured[name])
        assert len(rates) >= 6 and rates.min() < ladder.BPP < rates.max(), name
        for one in measured[name] if place == "cat" else ():
            assert one["bpp"] == 8 * one["bytes"] / (288 * 448)
    assert tuple(ladder.photograph().shape) == (3, 288, 448)
    assert len(ladder.beside(place)) >= 2


def test_the_table_and_the_figure_name_every_rung():
    rungs = ladder.climb("kodak", last="hyperprior")
    text = ladder.table(rungs)
    ax = plots.ladder(Figure().subplots(), rungs, {"AVIF": 29.0})
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == [*(rung.label for rung in rungs), "AVIF"]
    for rung in rungs:
        assert rung.label in text and f"{rung.psnr_db:.2f} dB" in text
    gains = [label.get_text() for label in ax.figure.axes[1].get_yticklabels()]
    assert gains[0] == f"{rungs[0].psnr_db:.2f} dB"
    assert f"{rungs[-1].decibels:+.2f} dB" in gains[-2]
