import math

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2ycbcr
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio
from torchmetrics.image import MultiScaleStructuralSimilarityIndexMeasure

from rdalib.distortion import l1, l2, luma_chroma, ms_ssim, psnr, psnr_luma_chroma
from rdalib.images import sample_photo, tensor_to_photo


def noisy(y, deviation, seed=0):
    noise = torch.randn(y.shape, generator=torch.Generator().manual_seed(seed))
    return (y + deviation * noise).clamp(0, 1)


@pytest.fixture(scope="module")
def y():
    return sample_photo("astronaut")[:, :192, 100:300]


@pytest.mark.parametrize("deviation", [0.001, 0.02, 0.5])
def test_psnr_and_l2_agree_with_scikit_image(y, deviation):
    y_hat = noisy(y, deviation)
    first, second = y.double().numpy(), y_hat.double().numpy()
    assert psnr(y, y_hat) == pytest.approx(peak_signal_noise_ratio(first, second, data_range=1))
    assert l2(y, y_hat) == pytest.approx(255**2 * mean_squared_error(first, second), rel=1e-5)


def test_one_grey_level_everywhere_is_an_error_of_one(y):
    y_hat = y.clamp(max=0.9) + 1 / 255
    assert l1(y.clamp(max=0.9), y_hat) == pytest.approx(1, rel=1e-5)
    assert l2(y.clamp(max=0.9), y_hat) == pytest.approx(1, rel=1e-5)
    assert psnr(y.clamp(max=0.9), y_hat) == pytest.approx(20 * math.log10(255), abs=1e-4)


def test_l1_is_the_mean_absolute_error(y):
    y_hat = noisy(y, 0.1)
    expected = np.abs(255 * y.double().numpy() - 255 * y_hat.double().numpy()).mean()
    assert l1(y, y_hat) == pytest.approx(expected, rel=1e-5)


def test_exact_pictures_have_infinite_psnr(y):
    assert psnr(y, y.clone()) == math.inf
    assert psnr_luma_chroma(y, y.clone()) == (math.inf, math.inf)
    assert l1(y, y.clone()) == l2(y, y.clone()) == 0


def test_luma_and_chroma_are_pillows_ycbcr_within_one_grey_level(y):
    expected = np.asarray(tensor_to_photo(y).convert("YCbCr"), dtype=np.float64)
    luma, chroma = luma_chroma(y)
    computed = np.concatenate((255 * luma, 255 * chroma + 128)).transpose(1, 2, 0)
    assert np.abs(computed - expected).max() < 1.01  # Pillow cuts off, in fixed point


def test_luma_and_chroma_are_bt601_as_scikit_image_has_it(y):
    studio = rgb2ycbcr(y.permute(1, 2, 0).double().numpy())  # 16..235 and 16..240
    luma, chroma = luma_chroma(y)
    assert (luma.shape, chroma.shape) == ((1, 192, 200), (2, 192, 200))
    np.testing.assert_allclose(luma[0], (studio[..., 0] - 16) / 219, atol=2e-5)
    np.testing.assert_allclose(chroma.permute(1, 2, 0), (studio[..., 1:] - 128) / 224, atol=2e-5)


def test_luma_and_chroma_keep_a_batch(y):
    batch = torch.stack((y, noisy(y, 0.1)))
    luma, chroma = luma_chroma(batch)
    assert (luma.shape, chroma.shape) == ((2, 1, 192, 200), (2, 2, 192, 200))
    torch.testing.assert_close(luma[1], luma_chroma(batch[1])[0])


def test_chroma_psnr_pools_cb_and_cr(y):
    y_hat = noisy(y, 0.05)
    original, decoded = (
        np.asarray(Image.fromarray(np.uint8(255 * t.permute(1, 2, 0) + 0.5)).convert("YCbCr"))
        for t in (y, y_hat)
    )
    luma, chroma = psnr_luma_chroma(y, y_hat)
    expected = peak_signal_noise_ratio(original[..., 0], decoded[..., 0])
    assert luma == pytest.approx(expected, abs=0.05)  # Pillow rounds to grey levels
    expected = peak_signal_noise_ratio(original[..., 1:], decoded[..., 1:])
    assert chroma == pytest.approx(expected, abs=0.05)


def test_an_error_in_grey_alone_leaves_chroma_exact(y):
    y = y.clamp(max=0.75)
    luma, chroma = psnr_luma_chroma(y, y + 0.125)
    assert luma == pytest.approx(20 * math.log10(8), abs=1e-4)
    assert chroma > 120


def test_ms_ssim_agrees_with_torchmetrics(y):
    y_hat = noisy(y, 0.1)
    expected = MultiScaleStructuralSimilarityIndexMeasure(data_range=1.0)(y_hat[None], y[None])
    assert ms_ssim(y, y_hat) == pytest.approx(float(expected), abs=1e-6)
    assert ms_ssim(y[None], y_hat[None]) == ms_ssim(y, y_hat)


def test_ms_ssim_is_one_for_equal_pictures_and_falls_with_noise(y):
    values = [ms_ssim(y, noisy(y, deviation)) for deviation in (0.0, 0.05, 0.2)]
    assert values[0] == pytest.approx(1, abs=1e-6)
    assert values[0] > values[1] > values[2]


@pytest.mark.parametrize("shape", [(176, 190), (190, 176)])
def test_ms_ssim_needs_sides_of_176(y, shape):
    height, width = shape
    y_hat = noisy(y, 0.05)
    assert 0.5 < ms_ssim(y[:, :height, :width], y_hat[:, :height, :width]) < 1
    smaller = (height - (height == 176), width - (width == 176))
    y, y_hat = (t[:, : smaller[0], : smaller[1]] for t in (y, y_hat))
    assert ms_ssim(y, y_hat) is None
