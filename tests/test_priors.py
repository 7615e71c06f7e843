import math

import numpy as np
import pytest
import scipy.stats
import torch
from scipy.integrate import quad
from scipy.special import logsumexp

from rdalib.priors import (
    Gaussian,
    Laplace,
    LearnedCdf,
    Logistic,
    Mixture,
    interval_nats,
    nats_to_bits,
)

LOC, SCALE = 0.3, 0.7
WEIGHTS = (0.2, 0.5, 0.3)
WIDTHS = (0.05, 0.5, 1.0, 3.0)
FAMILIES = {"gaussian": Gaussian, "laplace": Laplace, "logistic": Logistic}
ORACLES = {
    "gaussian": scipy.stats.norm(LOC, SCALE),
    "laplace": scipy.stats.laplace(LOC, SCALE),
    "logistic": scipy.stats.logistic(LOC, SCALE),
}
COMPONENTS = [scipy.stats.norm(-1, 0.5), scipy.stats.laplace(LOC, SCALE), scipy.stats.logistic(2)]
NAMES = (*FAMILIES, "mixture", "learned")


def make(name, dtype=torch.float64):
    """A prior by name; the learned one has one channel and starts as a logistic density."""
    if name in FAMILIES:
        return FAMILIES[name](LOC, SCALE, dtype)
    if name == "mixture":
        components = [
            Gaussian(-1.0, 0.5, dtype),
            Laplace(LOC, SCALE, dtype),
            Logistic(2.0, 1.0, dtype),
        ]
        return Mixture(components, torch.tensor(WEIGHTS, dtype=dtype).log())
    torch.manual_seed(0)
    return LearnedCdf(1, scale=SCALE).to(dtype)


def oracle(name):
    """The same density as (pdf, ln cdf, ln of 1 - cdf), from SciPy."""
    if name == "mixture":
        return (
            lambda z: sum(w * c.pdf(z) for w, c in zip(WEIGHTS, COMPONENTS, strict=True)),
            lambda z: logsumexp([c.logcdf(z) for c in COMPONENTS], axis=0, b=column(WEIGHTS, z)),
            lambda z: logsumexp([c.logsf(z) for c in COMPONENTS], axis=0, b=column(WEIGHTS, z)),
        )
    if name == "learned":
        prior = make(name)
        at_zero, at_one = prior.logit(torch.tensor([[[0.0, 1.0]]]).double()).flatten().tolist()
        scale = 1 / (at_one - at_zero)
        density = scipy.stats.logistic(-at_zero * scale, scale)
    else:
        density = ORACLES[name]
    return density.pdf, density.logcdf, density.logsf


def column(weights, z):
    return np.reshape(weights, (-1, *[1] * np.ndim(z)))


def oracle_nats(name, z, width):
    """-ln mass of each bin from SciPy's cdf, measured from the nearer tail."""
    _, log_cdf, log_sf = oracle(name)
    lower, upper = z - width / 2, z + width / 2
    left = log_cdf(upper) < log_sf(lower)
    larger = np.where(left, log_cdf(upper), log_sf(lower))
    smaller = np.where(left, log_cdf(lower), log_sf(upper))
    return -(larger + np.log(-np.expm1(smaller - larger)))


def gradients(prior):
    """Of every parameter."""
    return [parameter.grad for parameter in prior.parameters()]


def nats(prior, z, width):
    """interval_nats of a one-dimensional z, for every kind of prior."""
    shaped = z[None, None] if isinstance(prior, LearnedCdf) else z
    return interval_nats(prior, shaped, width).reshape(z.shape)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_interval_nats_agrees_with_scipy(name, width):
    z = torch.linspace(-12, 12, 97, dtype=torch.float64)
    expected = oracle_nats(name, z.numpy(), width)
    computed = nats(make(name), z, width).detach().numpy()
    np.testing.assert_allclose(computed, expected, rtol=1e-9)


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("name", NAMES)
def test_mass_of_one_in_1e300_is_right_and_has_a_gradient(name, side):
    _, log_cdf, log_sf = oracle(name)
    log_tail = log_cdf if side < 0 else log_sf
    grid = side * np.linspace(1, 1000, 100_000)
    start = grid[np.argmax(log_tail(grid) < -300 * math.log(10))]  # the first beyond 1e-300
    prior = make(name)
    z = torch.tensor([start], dtype=torch.float64, requires_grad=True)
    result = nats(prior, z, 1.0)
    np.testing.assert_allclose(result.detach().numpy(), oracle_nats(name, start, 1.0), rtol=1e-9)
    assert 660 < float(result.detach()) < 710
    result.sum().backward()
    shift = 1e-4
    slope = (oracle_nats(name, start + shift, 1.0) - oracle_nats(name, start - shift, 1.0)) / (
        2 * shift
    )
    assert float(z.grad) == pytest.approx(float(slope), rel=1e-5)
    assert all(torch.isfinite(gradient).all() for gradient in gradients(prior))


@pytest.mark.parametrize("name", NAMES)
def test_float32_tails_are_finite_with_finite_gradients(name):
    prior = make(name, torch.float32)
    z = torch.tensor([-300.0, -30.0, -3.0, LOC, 3.0, 30.0, 300.0], requires_grad=True)
    for width in (0.01, 1.0, 10.0):
        result = nats(prior, z, width)
        assert torch.isfinite(result).all()
        result.sum().backward()
        assert torch.isfinite(z.grad).all()
        assert all(torch.isfinite(gradient).all() for gradient in gradients(prior))


@pytest.mark.parametrize("width", [0.1, 0.5, 1.0, 2.0, 7.0])
@pytest.mark.parametrize("name", NAMES)
def test_pmf_sums_to_one_on_the_integer_grid(name, width):
    n = torch.arange(-int(60 / width) - 2, int(60 / width) + 3, dtype=torch.float64)
    pmf = torch.exp(-nats(make(name), n * width, width))
    assert float(pmf.detach().sum()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("width", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("name", NAMES)
def test_mass_over_width_is_the_density_convolved_with_the_box(name, width):
    pdf, _, _ = oracle(name)
    for z in (-2.7, -0.4, LOC, 0.9, 3.2):
        lower, upper = z - width / 2, z + width / 2
        kinks = [point for point in (LOC,) if lower < point < upper]
        convolution = quad(pdf, lower, upper, points=kinks or None, epsabs=1e-13)[0] / width
        mass = torch.exp(-nats(make(name), torch.tensor([z], dtype=torch.float64), width))
        assert float(mass.detach()) / width == pytest.approx(convolution, rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_both_tails_add_up_to_one(name):
    z = torch.linspace(-9, 9, 61, dtype=torch.float64)
    below, above = make(name).log_tails(z[None, None])
    torch.testing.assert_close((below.exp() + above.exp()).detach(), torch.ones_like(z)[None, None])


@pytest.mark.parametrize("seed", range(5))
def test_learned_cdf_rises_from_zero_to_one_whatever_its_parameters(seed):
    torch.manual_seed(seed)
    prior = LearnedCdf(4).double()
    for parameter in prior.parameters():
        torch.nn.init.normal_(parameter)
    z = torch.linspace(-50, 50, 4001, dtype=torch.float64).expand(1, 4, -1)
    assert (prior.logit(z).diff() > 0).all()
    ends = torch.tensor([-1e6, 1e6], dtype=torch.float64).expand(1, 4, -1)
    cdf = prior.log_tails(ends)[0].exp()
    assert torch.equal(cdf[..., 0], torch.zeros(1, 4, dtype=torch.float64))
    assert torch.equal(cdf[..., 1], torch.ones(1, 4, dtype=torch.float64))


def test_learned_cdf_starts_with_the_given_scale_in_every_channel():
    scale = torch.tensor([5e-7, 1.0, 20.0])
    prior = LearnedCdf(3, scale=scale)
    logits = prior.logit(torch.tensor([0.0, 1.0]).expand(1, 3, -1))
    torch.testing.assert_close(logits.diff()[0, :, 0].detach(), 1 / scale, rtol=1e-4, atol=0)


def test_learned_cdf_treats_channels_apart_and_places_alike():
    torch.manual_seed(0)
    prior = LearnedCdf(3)
    for parameter in prior.parameters():
        torch.nn.init.normal_(parameter)
    z = torch.randn(2, 3, 4, 5)
    logits = prior.logit(z)
    assert logits.shape == z.shape
    changed = z.clone()
    changed[:, 1] += 1
    moved = (prior.logit(changed) != logits).any(dim=3).any(dim=2).any(dim=0)
    assert moved.tolist() == [False, True, False]
    torch.testing.assert_close(prior.logit(z.flip(3)), logits.flip(3))


def test_learned_cdf_fits_a_density_of_two_hills():
    torch.manual_seed(0)
    z = torch.cat((torch.randn(1000) * 0.5 - 3, torch.randn(1000) + 2))[None, None]
    prior = LearnedCdf(1, scale=3.0)
    optimizer = torch.optim.Adam(prior.parameters(), lr=0.02)
    for _ in range(300):
        loss = interval_nats(prior, z, 0.1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    hills = Mixture([Gaussian(-3.0, 0.5), Gaussian(2.0, 1.0)])
    single = Gaussian(float(z.mean()), float(z.std()))
    ideal, worse = (interval_nats(density, z, 0.1).mean() for density in (hills, single))
    assert ideal - 0.01 < loss < ideal + 0.1 * (worse - ideal)


@pytest.mark.parametrize("name", FAMILIES)
def test_mixture_of_one_equals_that_one(name):
    component = make(name)
    z = torch.linspace(-40, 40, 81, dtype=torch.float64)
    torch.testing.assert_close(nats(Mixture([component]), z, 1.0), nats(component, z, 1.0))


def test_mixture_of_equals_is_the_same_density_whatever_the_weights():
    z = torch.linspace(-40, 40, 81, dtype=torch.float64)
    mixture = Mixture([make("laplace"), make("laplace")], torch.tensor([-3.0, 1.0]))
    torch.testing.assert_close(nats(mixture, z, 1.0), nats(make("laplace"), z, 1.0))


def test_one_bit_is_ln_2_nats():
    assert nats_to_bits(math.log(2)) == 1
    torch.testing.assert_close(
        nats_to_bits(torch.tensor([0.0, math.log(8)])), torch.tensor([0.0, 3.0])
    )
    np.testing.assert_allclose(nats_to_bits(np.log([4.0])), [2.0])
