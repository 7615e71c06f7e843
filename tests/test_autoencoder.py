import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from rdalib.autoencoder import ANCHORS, RateDistortionAutoencoder, high_rate_step
from rdalib.priors import interval_nats, nats_to_bits
from rdalib.quality import LAMBDA_MAX, LAMBDA_MIN, LEVELS, lambda_to_quality, quality_to_lambda
from rdalib.quantization import round_half_up

MODES = ("noise", "mixed", "round")


def anchors_of_quality():
    return torch.linspace(0, LEVELS - 1, ANCHORS)


@pytest.fixture
def model():
    """A small model of which every parameter has moved away from where it starts."""
    torch.manual_seed(0)
    model = RateDistortionAutoencoder(hidden=6, latent=10)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn(parameter.shape)
    return model


def test_lambda_is_log_uniform_over_the_levels():
    lambdas = [quality_to_lambda(quality) for quality in range(LEVELS)]
    assert lambdas[0] == pytest.approx(LAMBDA_MIN)
    assert lambdas[-1] == pytest.approx(LAMBDA_MAX)
    np.testing.assert_allclose(np.diff(np.log(lambdas)), np.log(320) / 63, rtol=1e-9)


def test_lambda_and_quality_are_inverse():
    assert [lambda_to_quality(quality_to_lambda(q)) for q in range(LEVELS)] == list(range(LEVELS))


@given(st.floats(1e-9, 1e3))
@settings(max_examples=50, deadline=None)
def test_lambda_to_quality_names_the_nearest_level(lam):
    distances = [abs(np.log(lam / quality_to_lambda(quality))) for quality in range(LEVELS)]
    assert distances[lambda_to_quality(lam)] == pytest.approx(min(distances), abs=1e-9)


@pytest.mark.parametrize("lam", [LAMBDA_MIN, 0.0018, 0.0483])
def test_high_rate_step_minimises_rate_plus_lam_times_distortion(lam):
    coefficients_per_pixel = 3

    def loss(log_step):
        rate_bpp = -coefficients_per_pixel * log_step / np.log(2)
        distortion = 255**2 * coefficients_per_pixel / 3 * np.exp(2 * log_step) / 12
        return rate_bpp + lam * distortion

    best = minimize_scalar(loss, bounds=(-8, 3), method="bounded", options={"xatol": 1e-9})
    assert high_rate_step(lam) == pytest.approx(np.exp(best.x), rel=1e-6)


@pytest.mark.parametrize("knob", ["steps", "gains"])
def test_steps_and_gains_are_exact_at_anchors_and_log_linear_between(model, knob):
    function, logarithms = getattr(model, knob), getattr(model, f"log_{knob}")
    at_anchors = function(anchors_of_quality())
    assert at_anchors.shape == (ANCHORS, 10, 1, 1)
    torch.testing.assert_close(at_anchors[..., 0, 0], logarithms.exp())
    for fraction in (0.25, 0.5, 0.9):
        quality = anchors_of_quality()[:-1] + fraction * (LEVELS - 1) / (ANCHORS - 1)
        expected = (1 - fraction) * logarithms[:-1] + fraction * logarithms[1:]
        torch.testing.assert_close(function(quality)[..., 0, 0].log(), expected, rtol=0, atol=1e-5)


def test_steps_start_at_the_high_rate_steps_of_every_level():
    model = RateDistortionAutoencoder(hidden=4, latent=5)
    quality = torch.arange(LEVELS, dtype=torch.float32)
    expected = high_rate_step(quality_to_lambda(quality))[:, None, None, None].expand(-1, 5, 1, 1)
    torch.testing.assert_close(model.steps(quality), expected, rtol=1e-5, atol=0)


def test_rate_of_rounding_is_the_bits_of_the_masses(model):
    y = torch.rand(2, 3, 32, 48)
    quality = torch.tensor([10.0, 60.0])
    with torch.no_grad():
        output = model(y, quality, "round")
        steps = model.steps(quality)
        z_rounded = round_half_up(model.analysis(y) / steps)
        prior = model.prior.double()  # in float64 two cdfs may simply be subtracted
        upper, lower = (
            prior.log_tails((z_rounded + shift).double() * steps.double())[0].exp()
            for shift in (0.5, -0.5)
        )
    bits = -torch.log2(upper - lower).sum(dim=(1, 2, 3))
    torch.testing.assert_close(output.rate_bpp.double(), bits / (32 * 48), rtol=1e-4, atol=0)


def test_distortion_is_the_mean_squared_error_of_y_hat_on_the_255_scale(model):
    y = torch.rand(2, 3, 16, 32)
    for mode in MODES:
        output = model(y, torch.tensor([5.0, 50.0]), mode)
        assert output.y_hat.shape == y.shape
        expected = ((255 * (output.y_hat - y)) ** 2).flatten(1).mean(dim=1)
        torch.testing.assert_close(output.distortion, expected)


def test_every_photograph_of_a_batch_has_its_own_quality(model):
    y = torch.rand(3, 3, 16, 32)
    quality = torch.tensor([0.0, 31.5, 63.0])
    together = model(y, quality, "round")
    for index in range(3):
        alone = model(y[index : index + 1], quality[index : index + 1], "round")
        torch.testing.assert_close(together.rate_bpp[index], alone.rate_bpp[0], rtol=1e-4, atol=0)
        torch.testing.assert_close(together.y_hat[index], alone.y_hat[0], rtol=0, atol=1e-5)


def test_noise_is_different_every_time_and_rounding_is_not(model):
    y, quality = torch.rand(1, 3, 32, 32), torch.tensor([40.0])
    first, second = (model(y, quality, "noise") for _ in range(2))
    assert not torch.equal(first.rate_bpp, second.rate_bpp)
    assert not torch.equal(first.y_hat, second.y_hat)
    first, second = (model(y, quality, "round") for _ in range(2))
    assert torch.equal(first.rate_bpp, second.rate_bpp)
    assert torch.equal(first.y_hat, second.y_hat)


def test_mixed_synthesises_from_rounded_latents_and_charges_for_noisy_ones(model):
    y, quality = torch.rand(1, 3, 32, 32), torch.tensor([40.0])
    torch.manual_seed(1)
    noise = model(y, quality, "noise")
    torch.manual_seed(1)
    mixed = model(y, quality, "mixed")
    torch.testing.assert_close(mixed.rate_bpp, noise.rate_bpp)
    torch.testing.assert_close(mixed.y_hat, model(y, quality, "round").y_hat, rtol=0, atol=1e-5)


@pytest.mark.parametrize("mode", ["noise", "mixed"])
def test_gradient_reaches_every_parameter(model, mode):
    y = torch.rand(ANCHORS, 3, 32, 32)
    output = model(y, anchors_of_quality(), mode)
    (output.rate_bpp + 0.01 * output.distortion).sum().backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    for name, gradient in gradients.items():
        assert gradient is not None, name
        assert torch.isfinite(gradient).all(), name
        assert gradient.abs().amax() > 0, name
    assert (gradients["log_steps"] != 0).all()
    assert (gradients["log_gains"] != 0).any(dim=1).all()


def test_rounding_for_both_gives_the_analysis_no_gradient_from_the_distortion(model):
    output = model(torch.rand(1, 3, 32, 32), torch.tensor([40.0]), "round")
    output.distortion.sum().backward()
    assert model.analysis.linear.weight.grad.abs().max() == 0


# With side information


@pytest.fixture
def sided():
    torch.manual_seed(0)
    model = RateDistortionAutoencoder(hidden=6, latent=10, side_channels=4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn(parameter.shape)
    return model


@pytest.mark.parametrize("mode", ["noise", "mixed"])
def test_gradient_reaches_every_parameter_with_side_information(sided, mode):
    output = sided(torch.rand(ANCHORS, 3, 64, 64), anchors_of_quality(), mode)
    (output.rate_bpp + 0.01 * output.distortion).sum().backward()
    for name, parameter in sided.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().amax() > 0, name


def test_the_rate_counts_the_side_information(sided):
    # With all means and scales fixed, only the bits of h depend on the step of h.
    with torch.no_grad():
        for parameter in sided.hyperprior.synthesis.parameters():
            parameter.zero_()
    y, quality = torch.rand(1, 3, 64, 64), torch.tensor([20.0])
    rates, bits_of_h = [], []
    with torch.no_grad():
        h = sided.hyperprior.analyse(sided.analysis(y))
        for _ in range(2):
            steps = sided.side_steps(quality)
            h_rounded = round_half_up(h / steps) * steps
            nats = interval_nats(sided.hyperprior.prior, h_rounded, steps).sum()
            bits_of_h.append(float(nats_to_bits(nats)))
            rates.append(float(sided(y, quality, "round").rate_bpp) * 64 * 64)
            sided.log_side_steps -= 3 * np.log(2)
    assert bits_of_h[1] > bits_of_h[0] + 5
    assert rates[1] - rates[0] == pytest.approx(bits_of_h[1] - bits_of_h[0], abs=0.05)


def test_the_mean_is_taken_off_before_rounding_and_put_back(sided):
    # A mean that moves with the latents leaves the same integers, so the same bits.
    y, quality = torch.rand(1, 3, 64, 64), torch.tensor([40.0])
    before = sided(y, quality, "round")
    with torch.no_grad():
        shift = 0.7 * torch.ones(10)
        sided.analysis.linear.bias += shift * sided.hyperprior.units
        sided.hyperprior.analyse = lambda z: torch.zeros(1, 4, 1, 1)
        plain = sided(y, quality, "round")
        sided.hyperprior.synthesis[-1].bias[:10] += shift
        moved = sided(y, quality, "round")
    assert before.rate_bpp != plain.rate_bpp
    assert moved.rate_bpp < plain.rate_bpp


def test_an_unknown_quantization_is_refused():
    model = RateDistortionAutoencoder(hidden=4, latent=6)
    with pytest.raises(ValueError, match="no quantization 'rounding'; there are noise, mixed and"):
        model(torch.zeros(1, 3, 16, 16), torch.zeros(1), "rounding")
