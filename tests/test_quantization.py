import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rdalib.quantization import add_uniform_noise, round_half_up, round_straight_through

FLOATS = st.lists(st.floats(-(2.0**22), 2.0**22, width=32), min_size=1, max_size=20)


def test_halves_go_up_also_below_zero():
    z = torch.tensor([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
    assert round_half_up(z).tolist() == [-2, -1, 0, 1, 2, 3]


def test_torch_round_differs_at_every_second_half():
    z = torch.arange(-8, 8) + 0.5
    assert (torch.round(z) != round_half_up(z)).tolist() == [True, False] * 8


@given(FLOATS)
@settings(max_examples=50, deadline=None)
def test_rounded_is_an_integer_at_most_one_half_away(values):
    z = torch.tensor(values)
    z_rounded = round_half_up(z)
    assert torch.equal(z_rounded, z_rounded.trunc())
    assert (z_rounded - z).abs().max() <= 0.5


def test_the_float_just_below_one_half_goes_up_and_no_smaller_one():
    # z + 1/2 lies half-way between two floats there and becomes 1: a known property of the formula.
    just_below = torch.nextafter(torch.tensor(0.5), torch.tensor(0.0))
    assert just_below < 0.5
    assert round_half_up(just_below) == 1
    assert round_half_up(torch.nextafter(just_below, torch.tensor(0.0))) == 0


def test_float32_integers_are_kept_up_to_two_to_the_23():
    # From there on z + 1/2 is no float32 any more; the entropy coder stops at 2^20.
    z = torch.tensor([2.0**23 - 1, 1 - 2.0**23, 2.0**23 + 1])
    assert (round_half_up(z) - z).tolist() == [0, 0, 1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3, 4, 5)])
@pytest.mark.parametrize("function", [round_half_up, add_uniform_noise, round_straight_through])
def test_shape_and_dtype_are_kept(function, shape, dtype):
    result = function(torch.zeros(shape, dtype=dtype))
    assert (result.shape, result.dtype) == (shape, dtype)


def test_noise_is_uniform_on_the_unit_interval_about_zero():
    n = 200_000
    epsilon = add_uniform_noise(torch.zeros(n), torch.Generator().manual_seed(1))
    assert epsilon.min() >= -0.5
    assert epsilon.max() < 0.5
    # Five standard errors: Var epsilon = 1/12, Var epsilon^2 = 1/180.
    assert abs(epsilon.double().mean()) < 5 * (1 / 12 / n) ** 0.5
    assert abs(epsilon.double().square().mean() - 1 / 12) < 5 * (1 / 180 / n) ** 0.5


def test_noise_of_neighbours_is_independent():
    n = 200_000
    epsilon = add_uniform_noise(torch.zeros(n), torch.Generator().manual_seed(2)).double()
    assert abs((epsilon[1:] * epsilon[:-1]).mean()) < 5 / 12 / n**0.5


def test_noise_repeats_with_its_generator():
    z = torch.randn(100)
    first, second = (add_uniform_noise(z, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("function", [add_uniform_noise, round_straight_through])
def test_gradient_is_exactly_one(function):
    z = torch.linspace(-3, 3, 101).requires_grad_()
    function(z).sum().backward()
    assert torch.equal(z.grad, torch.ones(101))


def test_gradient_of_rounding_is_zero():
    z = torch.linspace(-3, 3, 101).requires_grad_()
    round_half_up(z).sum().backward()
    assert torch.equal(z.grad, torch.zeros(101))


@given(FLOATS)
@settings(max_examples=50, deadline=None)
def test_straight_through_has_the_value_of_rounding(values):
    z = torch.tensor(values)
    assert torch.equal(round_straight_through(z), round_half_up(z))
