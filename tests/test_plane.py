"""The codec of the plane: its sources, its limits, what training does to it, and its picture."""

import math

import matplotlib.pyplot as plt
import pytest
import torch

from rdalib import plane, plots
from rdalib.priors import LearnedCdf
from rdalib.quantization import add_uniform_noise, round_half_up

LAM = 2.0


def points(source, count=20_000):
    return source(count, torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def trained():
    """{(source, transform): codec}, each with a learned prior; and one with a Gaussian."""
    torch.manual_seed(0)
    codecs = {}
    for source, transform in (
        (plane.gaussian_points, plane.identity),
        (plane.banana_points, plane.identity),
        (plane.banana_points, plane.Perceptron),
    ):
        codec = plane.PointCodec(transform, LearnedCdf(2, 2.0))
        codecs[source, transform] = plane.train(codec, source, LAM)
    codecs["one Gaussian"] = plane.train(plane.PointCodec(), plane.gaussian_points, LAM)
    return codecs


def test_gaussian_points_have_the_axes_and_the_angle_that_are_written_down():
    variances, directions = torch.linalg.eigh(torch.cov(points(plane.gaussian_points).T))
    assert torch.allclose(variances.sqrt(), torch.tensor(plane.AXES[::-1]), rtol=0.03)
    slope = directions[1, 1] / directions[0, 1]
    assert math.isclose(math.degrees(math.atan(slope)), 30, abs_tol=1.5)


def test_unbent_bananas_are_gaussians_of_its_length_and_thickness():
    y_1, y_2 = points(plane.banana_points).T
    unbent = y_2 - plane.BEND * (y_1**2 - plane.AXES[0] ** 2)
    covariance = torch.cov(torch.stack((y_1, unbent)))
    expected = torch.tensor([[plane.AXES[0] ** 2, 0], [0, plane.THICKNESS**2]])
    assert torch.allclose(covariance, expected, atol=0.2, rtol=0.05)


def test_gaussian_limit_is_that_of_parallel_gaussians():
    for small in (1e-3, 0.1, 1.9):  # both axes get the error D / 2
        by_hand = math.log2(math.prod(plane.AXES) / (small / 2))
        assert math.isclose(plane.gaussian_limit(torch.tensor(small)), by_hand, rel_tol=1e-5)
    one_axis = plane.gaussian_limit(torch.tensor(4.0))  # the short axis is given up
    assert math.isclose(one_axis, 0.5 * math.log2(9 / 3), rel_tol=1e-5)
    assert plane.gaussian_limit(torch.tensor(10.0)) == 0


def test_banana_limit_is_the_gaussian_limit_of_the_same_area_at_high_rate():
    gap = plane.gaussian_limit(torch.tensor(0.01)) - plane.banana_limit(torch.tensor(0.01))
    assert math.isclose(gap, math.log2(plane.AXES[1] / plane.THICKNESS), rel_tol=1e-5)


def test_rounding_gives_the_analysis_no_gradient_and_noise_does():
    y = points(plane.gaussian_points, 100)
    for quantization, moves in ((round_half_up, False), (add_uniform_noise, True)):
        codec = plane.PointCodec(plane.Perceptron)
        z = quantization(codec.analysis(y))
        (codec.rate_bits(z) + LAM * plane.squared_error(y, codec.synthesis(z))).sum().backward()
        largest = max(p.grad.abs().max() for p in codec.analysis.linear.parameters())
        assert (largest > 0) == moves


def test_no_trained_codec_is_below_the_limit_and_the_best_are_near_it(trained):
    for source, transform, limit, near in (
        (plane.gaussian_points, plane.identity, plane.gaussian_limit, 0.7),
        (plane.banana_points, plane.identity, plane.banana_limit, 3),
        (plane.banana_points, plane.Perceptron, plane.banana_limit, 1.2),
    ):
        bits, error = plane.measure(trained[source, transform], points(source))
        assert 0.2 < bits - limit(torch.tensor(error)) < near


def test_training_helps_and_a_density_for_each_latent_helps_more(trained):
    y = points(plane.gaussian_points)
    losses = []
    for codec in (
        plane.PointCodec(),
        trained["one Gaussian"],
        trained[plane.gaussian_points, plane.identity],
    ):
        bits, error = plane.measure(codec, y)
        losses.append(bits + LAM * error)
    assert losses[0] > losses[1] + 0.5 and losses[1] > losses[2] + 0.2


def test_training_can_be_watched_from_the_start_and_watching_changes_nothing():
    seen, weights = [], []

    def watch(step):
        seen.append((step, codec.analysis.weight.detach().clone()))

    for watcher in (None, watch):
        torch.manual_seed(0)
        codec = plane.PointCodec()
        plane.train(codec, plane.gaussian_points, LAM, steps=3, watch=watcher)
        weights.append(codec.analysis.weight)
    assert [step for step, _ in seen] == [0, 1, 2]
    assert torch.equal(seen[0][1], torch.eye(2)) and torch.equal(*weights)


def test_the_banana_needs_a_bent_transform(trained):
    y = points(plane.banana_points)
    linear = plane.measure(trained[plane.banana_points, plane.identity], y)
    bent = plane.measure(trained[plane.banana_points, plane.Perceptron], y)
    assert bent[0] < linear[0] - 1 and bent[1] < linear[1]


def test_an_untrained_perceptron_is_the_identity():
    y = points(plane.banana_points, 50)
    assert torch.equal(plane.Perceptron()(y), y)


def test_code_points_are_what_the_points_of_a_cell_decode_to(trained):
    codec, y = trained[plane.banana_points, plane.Perceptron], points(plane.banana_points, 500)
    integers, found, shares = plane.code_points(codec, y)
    assert math.isclose(shares.sum(), 1, rel_tol=1e-6) and len(integers) == len(found)
    with torch.no_grad():
        z_rounded = round_half_up(codec.analysis(y))
        y_hat = codec.synthesis(z_rounded)
    for integer, point, share in zip(integers, found, shares, strict=True):
        inside = (z_rounded == integer).all(dim=1)
        assert math.isclose(inside.float().mean(), share, rel_tol=1e-5)
        assert torch.allclose(y_hat[inside], point.expand(int(inside.sum()), 2), atol=1e-5)


def test_the_grid_of_a_picture_lies_as_its_axes_say():
    _, axis, latents, *_ = plane.look(plane.PointCodec(), points(plane.gaussian_points, 10))
    assert latents[3, 5].tolist() == [axis[5].item(), axis[3].item()]


def test_the_picture_draws_a_border_between_neighbouring_integers_and_a_dot_for_each_cell():
    y = torch.tensor([[0.2, 0.1], [1.1, 0.2], [2.0, -0.1], [1.9, 0.3]])
    _, axes = plt.subplots(1, 2)
    plots.cells(axes[0], *plane.look(plane.PointCodec(), y))
    vertical, horizontal, dots = axes[0].collections
    assert vertical.levels.tolist() == [-0.5, 0.5, 1.5, 2.5]
    assert horizontal.levels.tolist() == [-0.5, 0.5]
    assert dots.get_offsets().tolist() == [[0, 0], [1, 0], [2, 0]]
    plots.against_limit(axes[1], ([1, 2], [0.5, 0.2]), {"a": (2, 0.4), "b": (3, 0.3)})
    assert [line.get_label() for line in axes[1].lines] == ["Shannon's limit", "a", "b"]
    plt.close("all")
