import numpy as np
import pytest
import torch

from rdalib.autoencoder import RateDistortionAutoencoder
from rdalib.images import sample_photo
from rdalib.transforms import GDN, STRIDE, Analysis, Synthesis, _in_blocks, principal_components


def blocks_of(y):
    """The 16 x 16 blocks of y - 0.5, flattened: (n, 768)."""
    return torch.nn.functional.unfold(y[None] - 0.5, STRIDE, stride=STRIDE)[0].T


@pytest.fixture(scope="module")
def photo():
    return sample_photo("coffee")[:, :384, :576]  # 864 blocks, more than their 768 dimensions


def random_gdn(channels, inverse=False):
    """A GDN in float64 with random parameters."""
    layer = GDN(channels, inverse).double()
    generator = torch.Generator().manual_seed(0)
    for parameter in layer.parameters():
        with torch.no_grad():
            parameter.copy_(torch.rand(parameter.shape, generator=generator) + 0.1)
    return layer


@pytest.mark.parametrize(("height", "width"), [(16, 16), (16, 48), (64, 32)])
def test_shapes_shrink_and_grow_by_sixteen(height, width):
    y = torch.rand(2, 3, height, width)
    z = Analysis(hidden=6, latent=10)(y)
    assert z.shape == (2, 10, height // STRIDE, width // STRIDE)
    assert Synthesis(hidden=6, latent=10)(z).shape == y.shape


@pytest.mark.parametrize("inverse", [False, True])
def test_gdn_equals_its_formula_in_a_slow_loop(inverse):
    layer = random_gdn(3, inverse)
    u = torch.randn(2, 3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    beta = layer.beta_root.detach().square().numpy() + 1e-6
    gamma = layer.gamma_root.detach().square().numpy()[:, :, 0, 0]
    expected = np.empty(u.shape)
    for b, row, column in np.ndindex(2, 4, 5):
        vector = u[b, :, row, column].numpy()
        for i in range(3):
            norm = np.sqrt(beta[i] + sum(gamma[i, j] * vector[j] ** 2 for j in range(3)))
            expected[b, i, row, column] = vector[i] * norm if inverse else vector[i] / norm
    np.testing.assert_allclose(layer(u).detach().numpy(), expected, rtol=1e-12)


def test_igdn_undoes_gdn_up_to_second_order_in_the_energy():
    # With beta = 1 and s = sum gamma u^2, GDN shrinks u by 1 - s/2 and IGDN(GDN(u)) by O(s^2).
    forward, backward = GDN(4).double(), GDN(4, inverse=True).double()
    u = torch.randn(1, 4, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    for size in (0.3, 0.1, 0.03):
        u_scaled = size * u / u.abs().max()
        s = 0.1 * u_scaled.square().max()
        shrunk = ((forward(u_scaled) - u_scaled) / u_scaled).abs().max()
        error = ((backward(forward(u_scaled)) - u_scaled) / u_scaled).abs().max()
        assert shrunk > 0.4 * s
        assert error < s**2 + 2e-6  # beta is 1 + 1e-6


def test_gdn_brings_strong_and_stronger_inputs_to_the_same_level():
    u = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3)).sign()
    torch.testing.assert_close(GDN(4)(1e3 * u), GDN(4)(1e4 * u), rtol=1e-4, atol=0)


def test_principal_components_are_orthonormal_and_carry_the_variance(photo):
    blocks = blocks_of(photo)
    directions, deviations = principal_components(blocks, 20)
    torch.testing.assert_close(directions @ directions.T, torch.eye(20), rtol=0, atol=1e-5)
    root_mean_square = (blocks @ directions.T).square().mean(dim=0).sqrt()
    torch.testing.assert_close(deviations, root_mean_square, rtol=1e-3, atol=0)
    singular = np.linalg.svd(blocks.double().numpy(), compute_uv=False)[:20]
    np.testing.assert_allclose(deviations.numpy(), singular / len(blocks) ** 0.5, rtol=1e-4)


def test_all_768_principal_components_reconstruct_exactly(photo):
    torch.manual_seed(0)
    model = RateDistortionAutoencoder(hidden=4, latent=3 * STRIDE**2)
    model.start_from_principal_components(blocks_of(photo))
    with torch.no_grad():
        y_hat = model.synthesis(model.analysis(photo[None]))[0]
    torch.testing.assert_close(y_hat, photo, rtol=0, atol=2e-5)


def test_training_starts_at_the_linear_codec_of_principal_components(photo):
    torch.manual_seed(0)
    model = RateDistortionAutoencoder(hidden=4, latent=12)
    model.start_from_principal_components(blocks_of(photo))
    y = photo[:, 32:80, 64:128]
    directions, _ = principal_components(blocks_of(photo), 12)
    projections = blocks_of(y) @ directions.T
    with torch.no_grad():
        z = model.analysis(y[None])
        y_hat = model.synthesis(z)[0]
    torch.testing.assert_close(z[0].flatten(1).T, projections, rtol=0, atol=1e-5)
    torch.testing.assert_close(blocks_of(y_hat), projections @ directions, rtol=0, atol=1e-5)


def test_prior_and_gains_start_at_what_the_components_ask_for(photo):
    torch.manual_seed(0)
    model = RateDistortionAutoencoder(hidden=4, latent=12)
    model.start_from_principal_components(blocks_of(photo))
    _, deviations = principal_components(blocks_of(photo), 12)
    logits = model.prior.logit(torch.tensor([0.0, 1.0]).expand(1, 12, -1))
    torch.testing.assert_close(logits.diff()[0, :, 0].detach(), 2 / deviations, rtol=1e-3, atol=0)
    quality = torch.tensor([20.0])
    noise = model.steps(quality).square() / 12  # Wiener: variance / (variance + noise)
    wiener = deviations**2 / (deviations**2 + noise[0, :, 0, 0])
    gains = model.gains(quality)[0, :, 0, 0]
    torch.testing.assert_close(gains, wiener, rtol=0.01, atol=0)  # interpolated between anchors


@pytest.mark.parametrize("path", ["linear", "convolutional"])
def test_synthesis_ends_in_transposed_convolutions(path):
    torch.manual_seed(0)
    synthesis = Synthesis(hidden=5, latent=7)
    layer = synthesis.linear if path == "linear" else synthesis.convolutional[-1]
    torch.nn.init.normal_(layer.weight)
    torch.nn.init.normal_(layer.bias)
    u = torch.randn(2, layer.in_channels, 3, 4)
    torch.testing.assert_close(_in_blocks(layer, u), layer(u), rtol=1e-4, atol=1e-4)
