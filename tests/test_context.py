"""The context model: in an order, the same in integers and floats, exact, one file a photograph."""

import numpy as np
import pytest
import torch

from rdalib import coding_order, entropy_coding
from rdalib.coding_order import Group, walk
from rdalib.context import SPACINGS, ContextModel, groups_of, sizes, spread_of, turns
from rdalib.hyperprior import LARGEST_ACTIVATION, LARGEST_WEIGHT, ONE
from rdalib.hyperprior_coding import SMALLEST_LOG2_SCALE
from rdalib.integer_context import IntegerContext

LATENT, FEATURES, GRID = 40, 7, (5, 6)
PLACES = GRID[0] * GRID[1]


@pytest.fixture(scope="module")
def model():
    """A context model whose networks do something."""
    torch.manual_seed(0)
    model = ContextModel(LATENT, FEATURES)
    for network in (network for networks in model.networks for network in networks):
        torch.nn.init.normal_(network.layers[2].weight, std=0.3)
        if network.linear is not None:
            torch.nn.init.normal_(network.linear.weight, std=0.05)
    return model


@pytest.fixture(scope="module")
def context(model):
    return IntegerContext.of(model)


@pytest.fixture(scope="module")
def seen():
    """(octaves, features) as the hyperprior might give them."""
    rng = np.random.default_rng(1)
    octaves = rng.integers(0, 8 * ONE, (LATENT, PLACES)).astype(np.int32)
    return octaves, rng.integers(0, 3 * ONE, (FEATURES, PLACES)).astype(np.int32)


def walked(context, seen, integers, quality=30):
    """What the walk says of every latent when these are its integers: (shifts, table indices)."""
    shifts, indices = np.zeros((2, LATENT, PLACES), np.int64)

    def code(channels, places, shift, table_index):
        shifts[channels, places], indices[channels, places] = shift, table_index
        return integers[channels, places]

    walk(context, *seen, quality, GRID, code)
    return shifts, indices


def some_integers(seed=2):
    return np.random.default_rng(seed).integers(-9, 10, (LATENT, PLACES)).astype(np.int32)


def test_the_groups_make_up_all_channels():
    for latent in (3, 8, 9, 96, 97, 288):
        groups = groups_of(latent)
        assert [low for low, _ in groups] == [0, *(high for _, high in groups[:-1])]
        assert groups[-1][1] == latent and all(low < high for low, high in groups)
    assert groups_of(288) == [(0, 8), (8, 32), (32, 96), (96, 288)]


def test_it_begins_as_the_hyperprior_alone():
    model = ContextModel(LATENT, FEATURES)
    u, mean, log_scale = torch.randn(3, 2, LATENT, *GRID)
    features, quality = torch.rand(2, FEATURES, *GRID), torch.tensor([3.0, 60.0])

    def quantize(u, mean):
        return u - mean, (u - mean).round() + mean

    deviation, decoded, means, scales = model(u, mean, log_scale, features, quality, quantize)
    assert torch.equal(deviation, u - mean)
    assert torch.equal(means, mean) and torch.equal(scales, log_scale)
    assert torch.equal(decoded, (u - mean).round() + mean)


@pytest.mark.parametrize("grid", [(1, 1), (1, 9), (9, 1), (4, 7), (12, 3), (17, 33)])
@pytest.mark.parametrize("spacing", SPACINGS)
def test_turns_visit_every_place_once_after_its_neighbours(grid, spacing):
    turn_of = np.full(grid, -1)
    for now, (places, neighbours) in enumerate(turns(*grid, spacing)):
        assert (turn_of.ravel()[places] == -1).all()
        turn_of.ravel()[places] = now
        for i, j in zip(*np.divmod(places, grid[1]), strict=True):
            for down, right in neighbours:
                if 0 <= i + down < grid[0] and 0 <= j + right < grid[1]:
                    assert 0 <= turn_of[i + down, j + right] < now
    assert (turn_of >= 0).all()


def test_places_are_predicted_from_four_sides():
    first, *others = turns(33, 33, 16)
    assert first.neighbours == [] and list(first.places) == [
        33 * row + column for row in (0, 16, 32) for column in (0, 16, 32)
    ]
    assert len(others) == 8
    for places, neighbours in others:
        assert len(neighbours) == 4 and np.sum(neighbours) == 0
        assert len({i * i + j * j for i, j in neighbours}) == 1  # as far on each side
        assert len(places) > 0


def test_nothing_decoded_later_changes_a_mean_or_a_table(context, seen):
    integers = some_integers()
    before = walked(context, seen, integers)
    moment = np.zeros((LATENT, PLACES), int)  # in which step of the walk each is coded
    step = 0
    for (low, high), spacing in zip(context.groups, SPACINGS, strict=False):
        for places, _ in turns(*GRID, spacing):
            moment[low:high, places] = step
            step += len(places) > 0
    for now in range(step):
        changed = integers + 50 * (moment >= now)
        for known, after in zip(before, walked(context, seen, changed), strict=True):
            assert np.array_equal(known[moment <= now], after[moment <= now]), now
        if now < step - 1:  # and what comes later does depend on it
            assert not np.array_equal(
                before[0][moment > now], walked(context, seen, changed)[0][moment > now]
            )


def test_the_integers_follow_the_floating_point_model(model, context, seen):
    octaves, features = (torch.from_numpy(t).float()[None] / ONE for t in seen)
    octaves = octaves.reshape(1, LATENT, *GRID)
    features = features.reshape(1, FEATURES, *GRID)
    quality, integers = 30, some_integers()
    shifts, indices = walked(context, seen, integers, quality)
    decoded = torch.from_numpy(integers + shifts / ONE).float().reshape(1, LATENT, *GRID)
    log_scale = octaves + SMALLEST_LOG2_SCALE
    left = iter(
        decoded[:, low:high].flatten(2).transpose(1, 2)[:, places]
        for (low, high), spacing in zip(model.groups, SPACINGS, strict=False)
        for places, _ in turns(*GRID, spacing)
        if len(places)
    )

    def quantize(u, mean):  # whatever the mean: the integers' own, in the order of coding
        return u, next(left)

    at = torch.tensor([float(quality)])
    nowhere = torch.zeros_like(decoded)
    with torch.no_grad():
        _, _, means, scales = model(nowhere, nowhere, log_scale, features, at, quantize)
    assert next(left, None) is None
    found = torch.from_numpy(shifts / ONE).reshape(means.shape)
    assert means.abs().max() > 0.2
    assert ((means - found) / spread_of(log_scale)).abs().max() < 0.03
    index = torch.from_numpy(indices).reshape(scales.shape)
    expected = ((scales - SMALLEST_LOG2_SCALE) * 6).clamp(0, 63.99)
    assert (expected - index - 0.5).abs().max() < 0.75


def test_features_of_what_was_decoded_are_looked_up_right(context):
    scale_octaves = np.array([[0], [2 * ONE], [7 * ONE]])
    spread = spread_of(torch.tensor([[0.0], [2.0], [7.0]]) + SMALLEST_LOG2_SCALE + 1 / 96)
    group = Group.of(context, scale_octaves)
    nowhere = np.zeros((3, 1), np.int64)
    for decoded in (-3.0, -0.25, 0.0, 0.5, 7.0, 4000.0):
        shift = np.full((3, 1), round(decoded * ONE), np.int64)
        found = group.sizes(nowhere, shift)
        expected = sizes((torch.full((3, 1), decoded) / spread)[None])[0]
        np.testing.assert_allclose(found.reshape(6, 1) / ONE, expected, atol=0.02)


def test_how_many_places_are_in_memory_changes_nothing(context, seen, monkeypatch):
    whole = walked(context, seen, some_integers())
    for some in (1, 7, 13):
        monkeypatch.setattr(coding_order, "PLACES_AT_ONCE", some)
        for one, other in zip(whole, walked(context, seen, some_integers()), strict=True):
            assert np.array_equal(one, other)


def test_one_and_two_threads_walk_alike(context, seen):
    threads, found = torch.get_num_threads(), []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            found.append(walked(context, seen, some_integers()))
    finally:
        torch.set_num_threads(threads)
    assert np.array_equal(found[0], found[1])


def test_no_partial_sum_reaches_2_to_the_53():
    networks = (network for networks in ContextModel(288).networks for network in networks)
    widest = max(layer.weight.shape[1] for network in networks for layer in network.layers)
    terms = 2 * widest  # with a linear map beside the last layer
    assert terms * LARGEST_WEIGHT * LARGEST_ACTIVATION + ONE * (2**31 - 1) < 2**53


def test_weights_fit_in_16_bits_whatever_was_trained():
    model = ContextModel(LATENT, FEATURES)
    with torch.no_grad():
        model.networks[0][0].layers[0].weight[0, 0] = 100.0
    assert int(IntegerContext.of(model).weights[0][0][0][0, 0]) == LARGEST_WEIGHT


def test_the_model_takes_the_integers_weights(model, context):
    copy = ContextModel(LATENT, FEATURES)
    context.copy_to(copy)
    for one, other in zip(copy.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1 / 2**14)


# In a file


def test_a_file_comes_back_as_what_was_coded(contextual, photo_of_48_by_80):
    for quality in (0, 20, 63):
        data = contextual.compress(photo_of_48_by_80, quality)
        z = contextual.analyse(photo_of_48_by_80)
        latents = contextual.latent_coder.quantize(z, quality)
        symbols, tables = contextual.latent_coder.symbols_and_tables(latents, quality)
        assert data[16:] == entropy_coding.encode(symbols, tables)
        decoder = entropy_coding.Decoder(data[16:])
        decoded = contextual.latent_coder.decode(decoder, quality, latents.grid)
        decoder.finish()
        for name in ("h_rounded", "z_rounded", "mean", "shift", "table_index"):
            np.testing.assert_array_equal(getattr(decoded, name), getattr(latents, name))


def test_an_encoder_that_looks_ahead_makes_no_file(contextual, photo_of_48_by_80):
    quality, coder = 40, contextual.latent_coder
    latents = coder.quantize(contextual.analyse(photo_of_48_by_80), quality)
    # The table of each latent of the first group is chosen by itself: much shorter, if only
    # a decoder could know it.
    cheating = latents.table_index.copy()
    cheating[:8] = np.clip(12 * np.log2(1 + np.abs(latents.z_rounded[:8])), 0, 63)
    honest = entropy_coding.encode(*coder.symbols_and_tables(latents, quality))
    latents.table_index[:] = cheating
    data = entropy_coding.encode(*coder.symbols_and_tables(latents, quality))
    assert len(data) < len(honest)
    decoder = entropy_coding.Decoder(data)
    with pytest.raises(ValueError, match="the coded data is damaged"):
        coder.decode(decoder, quality, latents.grid)
        decoder.finish()
