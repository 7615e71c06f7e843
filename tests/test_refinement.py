"""Encoding harder: a smaller loss in files that any decoder reads."""

import numpy as np
import pytest
import torch

from rdalib import entropy_coding, refinement
from rdalib.codec import Codec
from rdalib.distortion import l2
from rdalib.hyperprior_coding import HyperpriorCoder
from rdalib.images import sample_photo
from rdalib.latent_coding import to_integers
from rdalib.quality import quality_to_lambda
from rdalib.refinement import interpolated, refine, soften, table_of_bits


@pytest.fixture(scope="module")
def y():
    return sample_photo("chelsea")[:, 60:140, 90:200].clone()


def loss_of(codec, y, data, quality):
    pixels = y.shape[1] * y.shape[2]
    lam = refinement.LAMBDA_FACTOR * quality_to_lambda(quality)
    return 8 * len(data) / pixels + lam * l2(y, codec.decompress(data))


@pytest.fixture(params=["factorized", "hyperprior", "contextual"])
def some_codec(request, contextual):
    return contextual if request.param == "contextual" else Codec.load(request.param)


@pytest.mark.parametrize("bfloat16", [False, True])
def test_either_precision_finds_a_gain(y, bfloat16, monkeypatch):
    monkeypatch.setattr(refinement, "has_bfloat16", lambda: bfloat16)
    codec = Codec.load("factorized")
    plain, refined = (codec.compress(y, 24, effort=effort) for effort in (0, 50))
    assert loss_of(codec, y, refined, 24) < 0.99 * loss_of(codec, y, plain, 24)


@pytest.mark.parametrize("quality", [12, 40])
def test_refinement_lowers_the_loss_of_the_file(some_codec, y, quality):
    plain, refined = (some_codec.compress(y, quality, effort=effort) for effort in (0, 50))
    assert loss_of(some_codec, y, refined, quality) < loss_of(some_codec, y, plain, quality)


def test_the_same_effort_gives_the_same_file(some_codec, y):
    torch.manual_seed(1)
    first = some_codec.compress(y, 20, effort=3)
    torch.manual_seed(2)
    assert some_codec.compress(y, 20, effort=3) == first
    expected = torch.rand(3, generator=torch.Generator().manual_seed(2))
    assert torch.equal(torch.rand(3), expected)  # and the caller's chance stays


def test_one_bad_step_is_never_worse_than_none(contextual, y, monkeypatch):
    monkeypatch.setattr(refinement, "FIRST_RATE", 50.0)  # throws every latent away
    z = contextual.analyse(y)
    refined, side = refine(contextual, y, z, 30, 1)
    assert torch.equal(refined, z)
    assert np.array_equal(side.h_rounded, contextual.quantize(z, 30).h_rounded)
    assert contextual.compress(y, 30, effort=1) == contextual.compress(y, 30)


@pytest.mark.parametrize("name", ["sided", "contextual"])
def test_side_information_is_analysed_and_described_once(name, request, y, monkeypatch):
    codec, calls = request.getfixturevalue(name), []
    for method in ("analyse_side", "describe_fully"):
        plain = getattr(HyperpriorCoder, method)

        def counted(*arguments, method=method, plain=plain):
            calls.append(method)
            return plain(*arguments)

        monkeypatch.setattr(HyperpriorCoder, method, counted)
    codec.compress(y, 30, effort=2)
    assert sorted(calls) == ["analyse_side", "describe_fully"]


def test_the_networks_are_left_as_they_were(contextual, y):
    before = {name: p.requires_grad for name, p in contextual.model.named_parameters()}
    contextual.compress(y, 30, effort=2)
    after = {name: p.requires_grad for name, p in contextual.model.named_parameters()}
    assert before == after and any(after.values())
    assert all(p.grad is None for p in contextual.model.parameters())


def test_too_large_a_photograph_is_refused(contextual):
    y = torch.zeros(3, 2**11, 2**11 + 16)
    with pytest.raises(
        ValueError, match="2064 x 2048 pixels are too many to refine: at most 4,194"
    ):
        contextual.compress(y, 0, effort=1)


def test_cold_chance_rounds_and_warm_chance_is_fair():
    d = torch.linspace(-3.2, 3.2, 20_001)
    generator = torch.Generator().manual_seed(0)
    cold = soften(0.01, generator, d)
    far = (d - d.round()).abs() < 0.4
    assert (cold[far] - d[far].round()).abs().max() < 1e-3
    warm = soften(0.5, generator, d)
    assert ((d.floor() <= warm) & (warm <= d.floor() + 1)).all()
    half = soften(0.5, generator, torch.full((20_000,), 0.5))
    assert half.mean() == pytest.approx(0.5, abs=0.02)


def test_soft_rounding_has_a_gradient():
    d = torch.tensor([0.3, 1.6, -2.5], requires_grad=True)
    soften(0.5, torch.Generator().manual_seed(0), d).sum().backward()
    assert (d.grad.abs() > 0).all()


def test_bits_at_integers_are_the_tables_and_lie_on_lines_between():
    tables = [
        entropy_coding.Table(-2, entropy_coding.frequencies_from_pmf(pmf).astype(np.uint16))
        for pmf in ([1.0, 4, 9, 4, 1, 0.1], [1.0, 100, 1, 1, 1, 1])
    ]
    bits = table_of_bits(tables)
    for index, table in enumerate(tables):
        for integer in (-255, -40, -3, -2, 0, 2, 3, 254):
            expected = entropy_coding.table_bits([np.array([integer])], [table])
            d = torch.tensor([float(integer)])
            assert float(interpolated(bits, torch.tensor([index]), d)) == pytest.approx(expected)
    d = torch.tensor([0.25], requires_grad=True)
    value = interpolated(bits, torch.tensor([0]), d)
    low, high = (entropy_coding.table_bits([np.array([k])], [tables[0]]) for k in (0, 1))
    assert value.item() == pytest.approx(low + 0.25 * (high - low))
    value.backward()
    assert d.grad.item() == pytest.approx(high - low)


# A number of bytes


@pytest.mark.parametrize("effort", [0, 2])
def test_a_budget_is_used_up(effort):
    codec, y = Codec.load(), sample_photo("astronaut")[:, 100:356, 100:356]
    for max_bytes in (900, 3001):
        data = codec.compress(y, max_bytes=max_bytes, effort=effort)
        assert 0.985 * max_bytes <= len(data) <= max_bytes
        level = next(q for q in range(63, -1, -1) if len(codec.compress(y, q)) <= max_bytes)
        assert l2(y, codec.decompress(data)) <= l2(y, codec.decompress(codec.compress(y, level)))


def test_a_threshold_moves_integers_towards_zero_and_none_away():
    u = np.linspace(-3, 3, 6001, dtype=np.float32)
    plain, rounded = to_integers(u), to_integers(u, threshold=0.7)
    assert (np.abs(rounded) <= np.abs(plain)).all()
    assert (np.sign(rounded) * np.sign(plain) >= 0).all()
    assert rounded[np.abs(np.abs(u) - 1.6) < 0.05].tolist().count(2) == 0
    assert set(np.abs(rounded[np.abs(np.abs(u) - 1.75) < 0.04])) == {2}
    assert np.array_equal(to_integers(u, threshold=0.5), plain)
