import numpy as np
import pytest
import torch
from scipy import stats

from rdalib.hyperprior import (
    LARGEST_ACTIVATION,
    LARGEST_WEIGHT,
    ONE,
    SIDE_STRIDE,
    Hyperprior,
    IntegerSynthesis,
    gaussian_nats,
)


@pytest.fixture(scope="module")
def hyperprior():
    torch.manual_seed(0)
    hyperprior = Hyperprior(latent=6, side_channels=5, hidden=8)
    torch.nn.init.normal_(hyperprior.synthesis[-1].weight, std=0.3)
    hyperprior.units.copy_(torch.tensor([5.0, 2.0, 1.0, 0.5, 0.1, 0.01]))
    return hyperprior.eval()


@pytest.fixture
def integer_synthesis(hyperprior):
    synthesis = IntegerSynthesis.of(hyperprior.synthesis)
    synthesis.copy_to(hyperprior.synthesis)
    return synthesis


def integers(*shape, largest=20 * ONE, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-largest, largest + 1, shape, generator=generator)


def test_gaussian_nats_are_scipys():
    scale = torch.tensor([0.11, 0.5, 1.0, 7.0, 150.0], dtype=torch.float64)
    deviation = torch.linspace(-4, 4, 9, dtype=torch.float64)[:, None] * scale
    normal = stats.norm(scale=scale.numpy())
    lower, upper = deviation.abs().numpy() - 0.5, deviation.abs().numpy() + 0.5
    expected = -np.log(normal.sf(lower) - normal.sf(upper))
    np.testing.assert_allclose(gaussian_nats(deviation, scale).numpy(), expected, rtol=1e-9)


def test_gaussian_nats_have_finite_values_and_gradients_far_from_the_mean():
    deviation = torch.tensor([0.0, 1.0, 30.0, 1000.0], requires_grad=True)
    scale = torch.full((4,), 0.11, requires_grad=True)
    nats = gaussian_nats(deviation, scale)
    nats.sum().backward()
    assert torch.isfinite(nats).all() and (nats.diff() > 0).all()
    assert torch.isfinite(deviation.grad).all() and torch.isfinite(scale.grad).all()


@pytest.mark.parametrize(("rows", "columns"), [(4, 4), (8, 12)])
def test_shapes(hyperprior, rows, columns):
    z = torch.randn(2, 6, rows, columns)
    h = hyperprior.analyse(z)
    assert h.shape == (2, 5, rows // SIDE_STRIDE, columns // SIDE_STRIDE)
    for described in hyperprior.synthesise(h)[:2]:
        assert described.shape == z.shape


def test_before_training_every_latent_has_mean_zero_and_its_channels_scale():
    hyperprior = Hyperprior(latent=6, side_channels=5, hidden=8)
    hyperprior.units.copy_(torch.tensor([4.0, 2.0, 1.0, 0.5, 0.25, 0.125]))
    mean, log_scale, _ = hyperprior.synthesise(torch.randn(1, 5, 2, 2))
    assert torch.equal(mean, torch.zeros(1, 6, 8, 8))
    assert torch.equal(log_scale[0, :, 3, 5], torch.tensor([2.0, 1.0, 0.0, -1.0, -2.0, -3.0]))


def test_integers_compute_what_the_floating_point_network_computes(hyperprior, integer_synthesis):
    h = integers(5, 3, 2)
    features = integer_synthesis.features(h)
    described = torch.cat((integer_synthesis(h), features)).double() / ONE
    with torch.no_grad():
        mean, log_scale, features = hyperprior.synthesise(h[None].float() / ONE)
    units = hyperprior.units[:, None, None]
    expected = torch.cat((mean[0] / units, log_scale[0] - units.log2(), features[0]))
    assert expected.abs().max() > 0.3  # not an empty test
    assert (described - expected).abs().max() < 4 / ONE


def test_the_order_of_summation_does_not_matter(integer_synthesis):
    h = integers(5, 3, 2, largest=LARGEST_ACTIVATION)
    order = torch.randperm(5, generator=torch.Generator().manual_seed(2))
    first, *others = integer_synthesis.weights
    shuffled = IntegerSynthesis([first[:, order], *others], integer_synthesis.biases)
    assert torch.equal(integer_synthesis(h), shuffled(h[order]))


def test_no_partial_sum_reaches_2_to_the_53():
    # The largest weights and inputs there can be, at the widest layer of the shipped size.
    weights = [
        torch.full((32, 64, 3, 3), LARGEST_WEIGHT, dtype=torch.int16),
        torch.full((32, 8, 3, 3), LARGEST_WEIGHT, dtype=torch.int16),
        torch.full((4, 8, 1, 1), LARGEST_WEIGHT, dtype=torch.int16),
    ]
    biases = [torch.full((n,), 2**31 - 1, dtype=torch.int32) for n in (32, 32, 4)]
    assert 9 * 96 * LARGEST_WEIGHT * LARGEST_ACTIVATION + ONE * (2**31 - 1) < 2**53
    described = IntegerSynthesis(weights, biases)(torch.full((64, 3, 3), 2**40))
    # In Python's unbounded integers, at a corner of the last layer: the activations are clamped.
    last = LARGEST_WEIGHT * LARGEST_ACTIVATION * 8 + ONE * (2**31 - 1)
    assert int(described[0, 0, 0]) == (2 * last + 2**14) // 2**15


def test_one_and_two_threads_compute_the_same(integer_synthesis):
    threads, described = torch.get_num_threads(), []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            described.append(integer_synthesis(integers(5, 9, 8)))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*described)


def test_weights_fit_in_16_bits_whatever_was_trained(hyperprior):
    with torch.no_grad():
        hyperprior.synthesis[0].weight[0, 0, 0, 0] = 100.0
    synthesis = IntegerSynthesis.of(hyperprior.synthesis)
    assert synthesis.weights[0].dtype == torch.int16
    assert int(synthesis.weights[0][0, 0, 0, 0]) == LARGEST_WEIGHT
