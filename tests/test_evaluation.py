import json
import math

import bjontegaard
import numpy as np
import pytest
import torch
from PIL import Image

from rdalib import classical
from rdalib.distortion import ms_ssim, psnr, psnr_luma_chroma
from rdalib.evaluation import (
    METRICS,
    QUALITIES,
    SECONDS,
    at_rate,
    bd_rate,
    bd_rates,
    compare,
    curve,
    evaluate,
    measure,
    quality_of,
    upper_envelope,
)
from rdalib.images import photo_to_tensor, read_photo, sample_photo, tensor_to_photo, write_photo


@pytest.fixture(scope="module")
def y():
    return sample_photo("astronaut")[:, 64:160, 176:272]


def random_curve(random, points=6):
    """Rates in bits per pixel and PSNRs in dB, both rising."""
    rates = np.exp(np.cumsum(random.uniform(0.2, 0.8, points)) - 3)
    return rates, 24 + np.cumsum(random.uniform(0.3, 2.5, points))


def points_of(rates, psnrs):
    return [{"bpp": r, "psnr_rgb": p} for r, p in zip(rates, psnrs, strict=True)]


@pytest.mark.parametrize("seed", range(20))
def test_bd_rate_agrees_with_the_bjontegaard_package(seed):
    random = np.random.default_rng(seed)
    anchor, ours = random_curve(random), random_curve(random)
    expected = bjontegaard.bd_rate(*anchor, *ours, method="pchip", min_overlap=0)
    assert bd_rate(*anchor, *ours) == pytest.approx(expected, rel=1e-9)


def test_bd_rate_of_half_the_bits_is_minus_50_percent():
    rates, psnrs = random_curve(np.random.default_rng(0))
    assert bd_rate(rates, psnrs, rates / 2, psnrs) == pytest.approx(-50, abs=1e-9)
    assert bd_rate(rates, psnrs, rates, psnrs) == pytest.approx(0, abs=1e-9)
    assert bd_rate(rates, psnrs, 2 * rates, psnrs) == pytest.approx(100, abs=1e-9)


def test_bd_rate_does_not_mind_the_order_of_points():
    random = np.random.default_rng(1)
    anchor, ours = random_curve(random), random_curve(random)
    shuffled = random.permutation(6)
    assert bd_rate(*anchor, ours[0][shuffled], ours[1][shuffled]) == bd_rate(*anchor, *ours)


def test_bd_rate_of_curves_without_a_common_psnr_is_none():
    rates, psnrs = random_curve(np.random.default_rng(2))
    assert bd_rate(rates, psnrs, rates, psnrs + 100) is None
    assert bd_rate(rates, psnrs, rates[:1], psnrs[:1]) is None
    assert bd_rate(rates, psnrs, [], []) is None


def test_bd_rates_compare_us_with_every_rival():
    rates, psnrs = random_curve(np.random.default_rng(3))
    curves = {
        "rda": points_of(rates / 2, psnrs),
        "jpeg": points_of(rates, psnrs),
        "webp": points_of(rates, psnrs + 100),
    }
    assert bd_rates(curves) == {"rda vs jpeg": pytest.approx(-50), "rda vs webp": None}
    assert bd_rates({"jpeg": curves["jpeg"]}) == {}
    assert bd_rates(curves, "jpeg")["jpeg vs rda"] == pytest.approx(100)


def test_curve_leaves_nulls_out():
    bpp, values = curve(points_of([0.1, 0.2, 0.4], [25.0, None, 30.0]))
    assert (bpp.tolist(), values.tolist()) == ([0.1, 0.4], [25.0, 30.0])
    assert [len(array) for array in curve(points_of([0.1], [None]))] == [0, 0]


def test_at_rate_is_linear_in_the_logarithm_of_the_rate():
    points = points_of([0.4, 0.1], [30.0, 26.0])  # in any order
    assert at_rate(points, 0.2) == pytest.approx(28)
    assert at_rate(points, 0.1) == pytest.approx(26)
    assert at_rate(points, 0.4) == pytest.approx(30)
    assert at_rate(points, 0.09) is None
    assert at_rate(points, 0.41) is None
    assert at_rate([], 0.2) is None


def test_quality_of_a_file_is_its_length_and_the_errors_of_its_picture(y):
    data = classical.encode("jpeg", tensor_to_photo(y), 30)
    y_hat = photo_to_tensor(classical.decode(data))
    values = quality_of(y, y_hat, data)
    assert tuple(values) == METRICS
    assert values["bytes"] == len(data)
    assert values["bpp"] == 8 * len(data) / (96 * 96)
    assert values["psnr_rgb"] == psnr(y, y_hat)
    assert (values["psnr_luma"], values["psnr_chroma"]) == psnr_luma_chroma(y, y_hat)
    assert values["ms_ssim"] is None  # a side under 176


def test_quality_of_an_exact_picture_is_null_where_it_would_be_infinite():
    y = sample_photo("chelsea")[:, :200, :200]
    values = quality_of(y, y.clone(), b"1234")
    assert [values[f"psnr_{part}"] for part in ("rgb", "luma", "chroma")] == [None, None, None]
    assert values["ms_ssim"] == pytest.approx(ms_ssim(y, y))


@pytest.mark.parametrize(("name", "setting"), [("rda", 30), ("jpeg", 30), ("jpeg2000", 0.5)])
def test_measured_is_what_the_file_gives(codec, y, name, setting):
    values = measure(name, setting, y, codec)
    if name == "rda":
        data = codec.compress(y, setting)
        y_hat = codec.decompress(data)
    else:
        data = classical.encode(name, tensor_to_photo(y), setting)
        y_hat = photo_to_tensor(classical.decode(data))
    assert {key: values[key] for key in METRICS} == quality_of(y, y_hat, data)
    assert min(values[key] for key in SECONDS) > 0


def test_evaluate_gives_every_point_and_the_means_of_its_images(codec, y, tmp_path):
    for name, photo in {"b.png": y[:, :48, :64], "a.png": y[:, 32:80, 20:60]}.items():
        write_photo(photo, tmp_path / name)
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    jobs = []
    result = evaluate(
        paths, ("rda", "jpeg"), codec, progress=lambda all_: jobs.extend(all_) or all_
    )
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    settings = {"rda": list(QUALITIES), "jpeg": list(classical.SETTINGS["jpeg"])}
    assert len(jobs) == 2 * sum(map(len, settings.values()))
    for name, points in result["codecs"].items():
        assert [point["setting"] for point in points] == settings[name]
        assert len(points) >= 6
        for point in points:
            rows = point["per_image"]
            assert [row["image"] for row in rows] == ["a.png", "b.png"]
            for key in (*METRICS, *SECONDS):
                values = [row[key] for row in rows]
                mean = None if key == "ms_ssim" else pytest.approx(math.fsum(values) / 2)
                assert point[key] == mean
    exact = codec.compress(read_photo(paths[0]), QUALITIES[2])
    assert result["codecs"]["rda"][2]["per_image"][0]["bytes"] == len(exact)
    assert list(result["bd_rate_percent"]) == ["rda vs jpeg"]


def labelled(subsampling, rates, psnrs):
    return [point | {"subsampling": subsampling} for point in points_of(rates, psnrs)]


def test_the_upper_envelope_keeps_the_better_curve_at_every_rate():
    rates = [0.1, 0.2, 0.4, 0.8]
    half = labelled("4:2:0", rates, [25.0, 28.0, 30.0, 31.0])
    full = labelled("4:4:4", [1.1 * rate for rate in rates], [24.0, 28.0, 31.0, 34.0])
    kept = upper_envelope(half + full)
    assert [(p["subsampling"], p["psnr_rgb"]) for p in kept] == [
        ("4:2:0", 25.0),
        ("4:2:0", 28.0),
        ("4:4:4", 31.0),
        ("4:4:4", 34.0),
    ]
    assert upper_envelope(full + half) == kept


@pytest.mark.parametrize("seed", range(20))
def test_the_upper_envelope_is_beaten_by_none_of_its_curves(seed):
    random = np.random.default_rng(seed)
    curves = [labelled(name, *random_curve(random)) for name in ("4:2:0", "4:4:4")]
    kept = upper_envelope(curves[0] + curves[1])
    assert kept == sorted(kept, key=lambda point: point["bpp"])
    assert [p["psnr_rgb"] for p in kept] == sorted(p["psnr_rgb"] for p in kept)
    for points in curves:
        for point in points:
            if point in kept:
                others = [at_rate(other, point["bpp"]) for other in curves if other is not points]
                assert all(other is None or other <= point["psnr_rgb"] for other in others)
            else:  # another curve does as well, with no more bits
                others = [p for p in kept if p["subsampling"] != point["subsampling"]]
                assert others
    for points in curves:  # a curve all above another hides it
        above = [point | {"psnr_rgb": point["psnr_rgb"] + 100} for point in points]
        below = [point | {"subsampling": "other"} for point in points]
        assert upper_envelope(above + below) == above


def test_one_curve_is_its_own_envelope():
    points = points_of([0.1, 0.2, 0.4], [25.0, None, 24.0])
    assert upper_envelope(points) == points


def test_avif_runs_at_both_subsamplings_and_each_point_says_its_own(tmp_path):
    colours = np.array([(200, 40, 40), (40, 104, 200)], np.uint8)  # alike in luma
    image = Image.fromarray(colours[np.random.default_rng(0).integers(0, 2, (48, 48))])
    image.save(tmp_path / "a.png")
    points = evaluate([tmp_path / "a.png"], ("avif",), None)["codecs"]["avif"]
    assert {point["subsampling"] for point in points} >= {"4:4:4"}
    for point in points:
        data = classical.encode("avif", image, point["setting"], point["subsampling"])
        assert point["bytes"] == len(data)
    best = {"setting": classical.SETTINGS["avif"][-1], "subsampling": "4:4:4"}
    assert any(best.items() <= point.items() for point in points)


def test_means_leave_exact_pictures_out(codec, tmp_path):
    write_photo(sample_photo("astronaut")[:, :32, :32], tmp_path / "photo.png")
    write_photo(torch.full((3, 16, 16), 128 / 255), tmp_path / "grey.png")  # JPEG's zero
    paths = [tmp_path / "grey.png", tmp_path / "photo.png"]
    for point in evaluate(paths, ("jpeg",), codec)["codecs"]["jpeg"]:
        assert point["per_image"][0]["psnr_rgb"] is None
        assert point["psnr_rgb"] == point["per_image"][1]["psnr_rgb"]


@pytest.mark.parametrize("max_bytes", [300, 1000, 2500])
def test_compare_keeps_our_file_no_larger_than_any_rival(codec, y, max_bytes):
    rows = compare(y, codec, max_bytes)
    assert [name for name, _, _ in rows] == ["rda", *classical.CODECS]
    files = {name: data for name, data, _ in rows}
    assert len(files["rda"]) <= min(max_bytes, *map(len, files.values()))
    image = tensor_to_photo(y)
    for name in classical.CODECS:
        least = classical.smallest(name, image)
        assert len(files[name]) <= max(max_bytes, len(least))
        if len(least) > max_bytes:
            assert files[name] == least
    for name, data, y_hat in rows:
        decoded = (
            codec.decompress(data) if name == "rda" else photo_to_tensor(classical.decode(data))
        )
        assert decoded.equal(y_hat)


def test_compare_takes_the_rivals_it_is_given(codec, y):
    assert [name for name, _, _ in compare(y, codec, 900, ("webp",))] == ["rda", "webp"]
    ours = compare(y, codec, 900, ())
    assert [(name, data) for name, data, _ in ours] == [("rda", codec.compress(y, max_bytes=900))]


def test_compare_refuses_a_budget_that_we_cannot_meet(codec, y):
    with pytest.raises(ValueError, match="18 bytes are too few"):
        compare(y, codec, 18)
