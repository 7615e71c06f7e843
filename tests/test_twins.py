"""What a lesson builds and the library also holds is the same function.

A cell with the tag "twin:module.function" defines `function`; a method's name is that of its
class and its own, "twin:module.Class.method". Its notebook's twin cells and the imports of its
set-up cell are run, nothing else, and what it built is compared with what the library holds on
random inputs, in the way that COMPARISONS names for it.
"""

import ast
import importlib
import inspect
import math
import random
from functools import partial
from operator import attrgetter
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import nbformat
import numpy
import pytest
import torch

from rdalib import arithmetic_coding, entropy_coding, plane, priors, refinement
from rdalib.codec import Codec
from rdalib.hyperprior import IntegerSynthesis
from rdalib.hyperprior_coding import HyperpriorCoder
from rdalib.images import sample_photo
from rdalib.training import TrainingSettings

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


def twins():
    """(notebook, index of the cell, name of the twin) of every tagged cell."""
    for path in NOTEBOOKS:
        for index, cell in enumerate(nbformat.read(path, as_version=4).cells):
            for tag in cell.metadata.get("tags", []):
                if tag.startswith("twin:"):
                    name = tag.removeprefix("twin:")
                    yield pytest.param(path, index, name, id=f"{path.stem[:2]}-{name}")


def built_by(path, index):
    """The names that the imports and the twin cells of a notebook define, up to a cell."""
    cells = nbformat.read(path, as_version=4).cells
    setup = next(cell for cell in cells if cell.cell_type == "code")
    statements = ast.parse(setup.source).body
    imports = [s for s in statements if isinstance(s, ast.Import | ast.ImportFrom)]
    names = {}
    exec(compile(ast.Module(imports, type_ignores=[]), path.name, "exec"), names)
    for cell in cells[: index + 1]:
        if any(tag.startswith("twin:") for tag in cell.metadata.get("tags", [])):
            exec(cell.source, names)
    return names


def of_a_tensor(ours, theirs):
    """Functions of one tensor: values and gradients, ties among the inputs, the same noise."""
    ties = torch.arange(-20, 21) / 2
    for z in (ties, 10 * torch.randn(3, 4, 5), 0.3 * torch.randn(1000, dtype=torch.float64)):
        results = []
        for function in (ours, theirs):
            torch.manual_seed(3)  # for those that draw noise
            leaf = z.clone().requires_grad_()
            value = function(leaf)
            gradient = torch.zeros(())
            if value.requires_grad:
                gradient = torch.autograd.grad(value.sum(), leaf)[0]
            results.append((value, gradient))
        (value, gradient), (held_value, held_gradient) = results
        assert value.dtype == held_value.dtype and torch.equal(value, held_value)
        assert torch.equal(gradient, held_gradient)


def of_positive_numbers(ours, theirs):
    """Functions of one positive number: floats, arrays and tensors, from 1e-5 to 1e5."""
    values = 10 ** (10 * torch.rand(1000, dtype=torch.float64) - 5)
    for numbers in (*values[:50].tolist(), values.numpy(), values):
        result, held = ours(numbers), theirs(numbers)
        assert type(result) is type(held)
        result, held = (torch.as_tensor(r, dtype=torch.float64) for r in (result, held))
        assert torch.allclose(result, held, rtol=1e-12, atol=0)


def of_log_difference(ours, theirs):
    """ln(a - b): far tails, thin bins, none at all; values and gradients."""
    log_a = torch.tensor([0.0, -1e-3, -2.0, -80.0, -3000.0])
    gap = torch.tensor([0.0, 1e-12, 1e-5, 0.5, 3.0, 60.0, 1000.0])
    for dtype in (torch.float32, torch.float64):
        a = log_a.to(dtype)[:, None].expand(5, 7)
        b = a - gap.to(dtype)
        assert_equal_with_gradients(ours, theirs, (a, b))


def of_interval_nats(ours, theirs):
    """Bins of several widths around points in both tails, for a symmetric prior and others."""
    z = torch.cat((torch.linspace(-9, 9, 73), torch.tensor([-700.0, -90.0, 90.0, 700.0])))
    mixture = priors.Mixture([priors.Gaussian(-1.0, 0.5), priors.Logistic(2.0, 1.5)])
    for prior in (priors.Laplace(0.3, 0.7), priors.Gaussian(-0.4, 1.3), mixture):
        for width in (0.01, 1.0, 4.0, torch.linspace(0.1, 3, len(z))):
            assert_equal_with_gradients(
                lambda z, prior=prior, width=width: ours(prior, z, width),
                lambda z, prior=prior, width=width: theirs(prior, z, width),
                (z,),
                (prior, prior),
            )


def parameters(function):
    """Names and defaults: a lesson's code has no types."""
    return [(p.name, p.default) for p in inspect.signature(function).parameters.values()]


def of_a_prior(make, shape=(-1,)):
    """Classes of priors: make(class, dtype) builds one; the same parameters, tails, gradients."""

    def compare(ours, theirs):
        assert parameters(ours) == parameters(theirs)
        near = torch.cat((torch.linspace(-6, 6, 52), torch.tensor([0.0, 0.3])))
        far = torch.tensor([-1000.0, -120.0, -30.0, 30.0, 120.0, 1000.0])
        for dtype in (torch.float32, torch.float64):
            made = []
            for kind in (ours, theirs):
                torch.manual_seed(5)
                made.append(make(kind, dtype))
            mine, held = (prior.state_dict() for prior in made)
            assert list(mine) == list(held)  # names and order of the parameters
            assert all(torch.equal(mine[name], held[name]) for name in held)  # how they start
            for name in held:
                held[name] = torch.randn(held[name].shape, dtype=dtype)
            for prior in made:
                prior.load_state_dict(held)
            z = torch.cat((near, far)).to(dtype).reshape(shape)
            tails = [lambda z, prior=prior: torch.stack(prior.log_tails(z)) for prior in made]
            assert_equal_with_gradients(*tails, (z,), made)

    return compare


def assert_equal_with_gradients(ours, theirs, inputs, modules=(None, None)):
    """The same values and the same gradients, of the inputs and of each module's parameters."""
    results = []
    for function, module in zip((ours, theirs), modules, strict=True):
        leaves = [each.detach().clone().requires_grad_() for each in inputs]
        value = function(*leaves)
        wanted = [*leaves, *(module.parameters() if module else ())]
        weights = torch.linspace(1, 2, value.numel(), dtype=value.dtype).reshape(value.shape)
        gradients = torch.autograd.grad((weights * value).sum(), wanted)
        results.append((value.detach(), *gradients))
    for mine, held in zip(*results, strict=True):
        assert mine.dtype == held.dtype
        torch.testing.assert_close(mine, held, rtol=1e-7, atol=0, equal_nan=False)


def two_components(kind, dtype):
    components = [priors.Gaussian(-1.0, 0.5, dtype), priors.Laplace(1.0, 2.0, dtype)]
    return kind(components, torch.tensor([0.2, -0.7], dtype=dtype))


def learned(kind, dtype):
    """Three channels: the scale of each its own."""
    return kind(3, torch.tensor([0.2, 1.0, 20.0])).to(dtype)


of_a_family = of_a_prior(lambda kind, dtype: kind(0.3, 0.7, dtype))


def of_add_one(ours, theirs):
    """Adding one to bytes: none, some and many 255s at the end."""
    for nines in (0, 1, 2, 9):
        for first in (0, 41, 254):
            mine, held = (bytearray([7, first] + [255] * nines) for _ in range(2))
            ours(mine)
            theirs(held)
            assert mine == held


def of_boundaries(ours, theirs):
    """Tables of frequencies, zeros among them, and what is no table."""
    wrong = ([], [65535], [65536, 1], [65537, -1])
    for frequencies in (*TABLES, *(numpy.array(f, dtype="u2") for f in TABLES[1:]), *wrong):
        assert outcome(ours, frequencies) == outcome(theirs, frequencies)


def of_an_encoder(ours, theirs):
    """Symbols with a table for each: the window and the bytes after every one of them."""
    for message in coded_messages():
        mine, held = ours(), theirs()
        for symbol, frequencies in message:
            for encoder in (mine, held):
                encoder.encode(symbol, arithmetic_coding.boundaries(frequencies))
            assert (mine.low, mine.range, mine.data) == (held.low, held.range, held.data)
        assert mine.finish() == held.finish()


def of_a_decoder(ours, theirs):
    """Whole, damaged and cut data: symbols, state and errors, one by one."""
    for message in coded_messages():
        encoder = arithmetic_coding.Encoder()
        tables = [arithmetic_coding.boundaries(frequencies) for _, frequencies in message]
        for (symbol, _), table in zip(message, tables, strict=True):
            encoder.encode(symbol, table)
        data = encoder.finish()
        middle = len(data) // 2
        flipped = data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :]
        edge = (encoder.low + encoder.range).to_bytes(9, "big")[1:]  # in the rest of a division
        for given in (
            data,
            flipped,
            data[:-1],
            data + b"\0",
            b"",
            b"\1",
            data[: middle - 1] + edge,
        ):
            mine, held = ours(given), theirs(given)
            for table in tables:
                assert outcome(mine.decode, table) == outcome(held.decode, table)
                state = [(d.offset, d.range, d.position) for d in (mine, held)]
                assert state[0] == state[1]
            assert outcome(mine.finish) == outcome(held.finish)
    mine, held = ours(bytes(8)), theirs(bytes(8))
    for decoder in (mine, held):  # at the bounds themselves
        decoder.range = arithmetic_coding.BOTTOM + 5
        decoder.offset = arithmetic_coding.BOTTOM + 4
    assert outcome(mine.finish) == outcome(held.finish)
    assert outcome(mine.decode, [0, 65536]) == outcome(held.decode, [0, 65536])


def of_encode(ours, theirs):
    """One table for all: bytes, and frequencies that add up to something else."""
    for frequencies in (*TABLES, [1, 2]):
        symbols = [i for i, f in enumerate(frequencies) if f][:50] * 20
        assert outcome(ours, symbols, frequencies) == outcome(theirs, symbols, frequencies)


def of_decode(ours, theirs):
    """One table for all: symbols, and the error for a count that is wrong."""
    for frequencies in TABLES:
        symbols = [i for i, f in enumerate(frequencies) if f][:50] * 20
        data = arithmetic_coding.encode(symbols, frequencies)
        for count in (len(symbols), len(symbols) // 2, 0):
            arguments = data, frequencies, count
            assert outcome(ours, *arguments) == outcome(theirs, *arguments)


def of_frequencies(ours, theirs):
    """Pmfs of many sizes and skews, sums of any size."""
    for size in (2, 3, 40, 1000, 65536):
        for power in (0, 1, 6, 60):
            pmf = numpy.random.default_rng(size + power).random(size) ** power
            for scaled in (pmf, 1e300 * pmf, 1e-200 * pmf):
                assert (ours(scaled) == theirs(scaled)).all()


# Frequencies for the coder: nearly certain, even, undecided (they make carries), zeros among them.
TABLES = (
    [65536],
    [65535, 1],
    [1, 65535],
    [21845, 21846, 21845],
    [0, 30000, 0, 0, 35535, 1, 0],
    [6554, 52428, 6554],
    [256] * 256,
)


def coded_messages():
    """Lists of (symbol, frequencies): one that makes a carry run, and random ones."""
    thirds = TABLES[3]
    yield [(1, thirds)] * 28 + [(2, thirds), (0, thirds)]  # carries through four bytes
    yield [(1, thirds)] * 25  # the last byte carries
    yield [(1, [32767, 2, 32767]), (1, [32768, 32768])]  # low becomes TOP exactly
    yield []
    generator = random.Random(0)
    for length in (1, 2, 30, 3000):
        used = generator.choices(TABLES, k=length)
        yield [(generator.choices(range(len(f)), weights=f)[0], f) for f in used]


def outcome(function, *arguments):
    """What a function returns, or the error it raises."""
    try:
        return function(*arguments)
    except ValueError as error:
        return repr(error)


def of_principal_components(ours, theirs):
    """Blocks that are not centred, one pixel always zero, fewer directions than pixels and all."""
    scale = torch.arange(12.0)  # the first pixel is zero: no variance, up to the clamp
    blocks = scale * (torch.randn(500, 12) @ torch.randn(12, 12) + 0.5)
    for data in (blocks, blocks.double()):
        for count in (1, 5, 12):
            for mine, held in zip(ours(data, count), theirs(data, count), strict=True):
                assert mine.dtype == held.dtype and torch.equal(mine, held)


def of_gdn(ours, theirs):
    """Layers of both kinds: how they start, and values and gradients at random parameters."""
    assert parameters(ours) == parameters(theirs)
    for inverse in ((), (False,), (True,)):
        mine, held = ours(3, *inverse).double(), theirs(3, *inverse).double()
        started, state = mine.state_dict(), held.state_dict()
        assert list(started) == list(state)
        assert all(torch.equal(started[name], state[name]) for name in state)
        state = {name: torch.randn_like(value) for name, value in state.items()}
        state["beta_root"][0] = 0.0  # so that the small constant counts
        for layer in (mine, held):
            layer.load_state_dict(state)
        for size in (1e-4, 1.0, 100.0):
            u = size * torch.randn(2, 3, 4, 5, dtype=torch.float64)
            assert_equal_with_gradients(mine, held, (u,), (mine, held))


def of_two_pictures(ours, theirs):
    """Distances between two pictures: one or a batch, float32 or float64, and equal ones."""
    for shape in ((3, 8, 9), (2, 3, 4, 5)):
        for dtype in (torch.float32, torch.float64):
            y, y_hat = torch.rand(2, *shape, dtype=dtype)
            assert math.isclose(ours(y, y_hat), theirs(y, y_hat), rel_tol=1e-6)
            assert math.isclose(ours(y, 0.99 * y), theirs(y, 0.99 * y), rel_tol=1e-6)
            assert ours(y, y) == theirs(y, y)


def of_learning_rate(ours, theirs):
    """Every step of short and long runs, with much warm-up and with none."""
    for steps, warmup_steps in ((1, 200), (300, 40), (5000, 1)):
        settings = TrainingSettings(steps, warmup_steps=warmup_steps)
        for step in range(steps + 1):
            assert ours(settings, step) == theirs(SimpleNamespace(settings=settings, step=step))


def of_moving_mean(ours, theirs):
    """Early and late, as a tensor and as a number."""
    mean, value = torch.randn(5), torch.randn(5)
    for count in (0, 1, 9, 500, 990, torch.tensor(10**6)):
        assert torch.equal(ours(mean, value, count), theirs(mean, value, count))


def of_gaussian_nats(ours, theirs):
    """Deviations in both tails, the smallest scale and large ones; values and gradients."""
    deviation = torch.cat((torch.linspace(-9, 9, 73), torch.tensor([-700.0, -90.0, 90.0, 700.0])))
    for dtype in (torch.float32, torch.float64):
        for scale in (0.11, 1.0, 140.0):
            scales = torch.full_like(deviation, scale, dtype=dtype)
            assert_equal_with_gradients(ours, theirs, (deviation.to(dtype), scales))


def random_synthesis(latent):
    """Weights and biases of a hyper-synthesis of 5 channels of h, the largest among them."""
    shapes = ((32, 5, 3, 3), (32, 8, 3, 3), (2 * latent, 8, 1, 1))
    weights = [torch.randint(-(2**13), 2**13, shape, dtype=torch.int16) for shape in shapes]
    biases = [torch.randint(-(2**14), 2**14, shape[:1], dtype=torch.int32) for shape in shapes]
    weights[0][0], biases[2][0] = 2**15 - 1, 2**31 - 1
    return weights, biases


def of_integer_synthesis(ours, theirs):
    """Random integers, and h so large that it is clamped."""
    weights, biases = random_synthesis(latent=4)
    for largest in (2**12, 2**17, 2**40):
        h = torch.randint(-largest, largest, (5, 3, 2))
        mine, held = ours(weights, biases)(h), theirs(weights, biases)(h)
        assert mine.dtype == held.dtype and torch.equal(mine, held)
        assert held.unique().numel() > 100  # not an empty test


def of_describe(ours, theirs):
    """Sides that are no multiples of 4; means and tables, the first and the last among them."""
    synthesis = IntegerSynthesis(*random_synthesis(latent=4))
    side_steps, log_units = torch.randint(1, 9000, (64, 5)), torch.randint(-40000, 40000, (64, 4))
    coder = HyperpriorCoder(None, [], [], synthesis, side_steps, log_units)
    for quality, rows, columns in ((0, 8, 8), (31, 5, 9), (63, 1, 2)):
        places = -(-rows // 4) * -(-columns // 4)
        h_rounded = torch.randint(-3, 4, (5, places)).numpy()
        arguments = coder, h_rounded, quality, (rows, columns)
        for mine, held in zip(ours(*arguments), theirs(*arguments), strict=True):
            assert mine.dtype.kind == held.dtype.kind and numpy.array_equal(mine, held)
        assert quality == 63 or (held.min() == 0 and held.max() == 63)  # clamped at both ends


def of_code_points(ours, theirs):
    """Codecs whose maps are random, few points and many."""
    for transform in (plane.identity, plane.Perceptron):
        codec = plane.PointCodec(transform)
        for parameter in codec.parameters():
            torch.nn.init.normal_(parameter, std=0.7)
        for count in (1, 7, 2000):
            y = plane.banana_points(count)
            for mine, held in zip(ours(codec, y), theirs(codec, y), strict=True):
                assert torch.equal(mine, held) and not mine.requires_grad


def of_noisy_loss(ours, theirs):
    """Losses and gradients with the same noise, under either distortion."""

    def with_noise(loss, *settings):
        def function(y):
            torch.manual_seed(4)
            return loss(codec, y, *settings)

        return function

    codec = plane.PointCodec(plane.Perceptron)
    for settings in ((2.0,), (0.3, lambda y, y_hat: (y - y_hat).abs().sum(dim=1))):
        mine, held = (with_noise(loss, *settings) for loss in (ours, theirs))
        assert_equal_with_gradients(mine, held, (plane.gaussian_points(50),), (codec, codec))


def of_a_map(ours, theirs):
    """Maps of the plane: how they start, and values and gradients at random parameters."""
    mine, held = ours(), theirs()
    state = held.state_dict()
    assert list(mine.state_dict()) == list(state)
    for layer in (mine, held):
        torch.manual_seed(3)
        for name in state:
            state[name] = torch.randn_like(state[name])
        layer.load_state_dict(state)
    y = plane.gaussian_points(20)
    assert torch.equal(ours()(y), y)  # at the start: the identity
    assert_equal_with_gradients(mine, held, (y,), (mine, held))


def of_sizes(ours, theirs):
    """Functions of one small whole number."""
    for n in (1, 2, 3, 16, 100):
        assert torch.equal(ours(n), theirs(n))


def of_frames(ours, theirs):
    """Sounds of many lengths, one and a batch, shorter than a frame among them."""
    for shape in ((1,), (7,), (64,), (3, 100)):
        for n in (1, 4, 30):
            assert torch.equal(
                ours(torch.arange(math.prod(shape)).reshape(shape), n),
                theirs(torch.arange(math.prod(shape)).reshape(shape), n),
            )


def of_overlap_add(ours, theirs):
    """Pieces of one sound and of a batch; lengths that end within a frame and at its end."""
    for shape in ((2, 2), (5, 8), (3, 6, 10)):
        pieces = torch.randn(shape, dtype=torch.float64)
        most = (shape[-2] - 1) * shape[-1] // 2
        for samples in {1, most // 2 + 1, most}:
            assert torch.equal(ours(pieces, samples), theirs(pieces, samples))


def of_two_sounds(ours, theirs):
    """Signal-to-noise ratios, good ones and those below 0 dB."""
    for error in (1e-4, 0.1, 3.0):
        y = torch.randn(1000)
        y_hat = y + error * torch.randn(1000)
        assert ours(y, y_hat) == theirs(y, y_hat)


def of_log_mel(ours, theirs):
    """Noise and silence, the frames of the defaults and others."""
    for y in (torch.randn(3000), torch.zeros(3000)):
        assert torch.equal(ours(y), theirs(y))
        assert torch.equal(ours(y, size=256, hop=100), theirs(y, size=256, hop=100))


def of_align(ours, theirs):
    """Sounds that come late, early, short, long, quiet."""
    y = torch.randn(400)
    late = torch.cat((torch.zeros(30), 0.5 * y))
    for decoded in (y, late, late[:400], y[25:], torch.cat((y, y))):
        (delay, gain, moved), held = ours(y, decoded), theirs(y, decoded)
        assert (delay, gain) == held[:2] and torch.equal(moved, held[2])


def of_soften(ours, theirs):
    """Soft rounding: the same draws from the same seed, values and gradients, at integers too."""
    d = torch.cat((torch.linspace(-3, 3, 121), 9 * torch.randn(200)))
    for temperature in (0.5, 0.2):

        def drawn(f, temperature=temperature):
            return lambda d: f(temperature, torch.Generator().manual_seed(4), d)

        assert_equal_with_gradients(drawn(ours), drawn(theirs), (d,))


def tables_of_all_kinds():
    pmfs = ([1.0, 4, 9, 4, 1, 0.1], [1.0, 1], numpy.linspace(1, 9, 600))
    frequencies = [entropy_coding.frequencies_from_pmf(pmf).astype("u2") for pmf in pmfs]
    return [
        entropy_coding.Table(first, f) for first, f in zip((-2, 7, -300), frequencies, strict=True)
    ]


def of_table_of_bits(ours, theirs):
    """Prices of the integers: tables that hold some, none and all of them."""
    assert torch.equal(ours(tables_of_all_kinds()), theirs(tables_of_all_kinds()))


def of_interpolated(ours, theirs):
    """Prices between integers, and beyond the last: values and gradients."""
    bits = 9 * torch.rand(3, 511)
    d = torch.cat((torch.linspace(-4, 4, 80), torch.tensor([-900.0, -255, 254, 255, 900])))
    index = torch.randint(3, d.shape)
    assert_equal_with_gradients(partial(ours, bits, index), partial(theirs, bits, index), (d,))


def of_loss_of_file(ours, theirs):
    """The loss of a file: several levels, the latents of a network and others."""
    codec, y = Codec.load("factorized"), sample_photo("coffee")[:, 80:140, 300:370].clone()
    for quality in (0, 30, 63):
        for z in (codec.analyse(y), 0.3 * torch.randn(192, 4, 5)):
            mine, held = (f(codec, y, z, quality) for f in (ours, theirs))
            assert mine == pytest.approx(held, rel=1e-6)


def of_refine(ours, theirs):
    """Refined latents: the loss of their file to 0.1 % in float32, and a real gain."""
    codec, y = Codec.load("factorized"), sample_photo("coffee")[:, 80:144, 300:380].clone()
    z = codec.analyse(y).clone()
    for quality, seed in ((16, 0), (48, 3)):
        results = (z, ours(codec, y, z, quality, 30, seed=seed))
        with mock.patch.object(refinement, "has_bfloat16", lambda: False):
            results += theirs(codec, y, z, quality, 30, seed=seed)[:1]
        plain, mine, held = (refinement.loss_of_file(codec, y, r, quality) for r in results)
        assert mine == pytest.approx(held, rel=1e-3) and mine < 0.997 * plain


def of_turns(ours, theirs):
    """Grids of every shape: the same places in each turn, and the same neighbours."""
    for height, width in ((1, 1), (1, 9), (7, 1), (5, 8), (20, 3), (17, 40)):
        for spacing in (1, 2, 4, 16):
            mine, held = ours(height, width, spacing), theirs(height, width, spacing)
            for (places, neighbours), turn in zip(mine, held, strict=True):
                assert numpy.array_equal(places, turn.places) and neighbours == turn.neighbours


COMPARISONS = {
    "plane.code_points": of_code_points,
    "plane.noisy_loss": of_noisy_loss,
    "plane.identity": of_a_map,
    "plane.Perceptron": of_a_map,
    "quantization.round_half_up": of_a_tensor,
    "quantization.add_uniform_noise": of_a_tensor,
    "quantization.round_straight_through": of_a_tensor,
    "transforms.principal_components": of_principal_components,
    "transforms.GDN": of_gdn,
    "priors.nats_to_bits": of_positive_numbers,
    "autoencoder.high_rate_step": of_positive_numbers,
    "arithmetic_coding.add_one": of_add_one,
    "arithmetic_coding.boundaries": of_boundaries,
    "arithmetic_coding.Encoder": of_an_encoder,
    "arithmetic_coding.Decoder": of_a_decoder,
    "arithmetic_coding.encode": of_encode,
    "arithmetic_coding.decode": of_decode,
    "entropy_coding.frequencies_from_pmf": of_frequencies,
    "priors.log_difference": of_log_difference,
    "priors.interval_nats": of_interval_nats,
    "priors.Laplace": of_a_family,
    "priors.Gaussian": of_a_family,
    "priors.Logistic": of_a_family,
    "priors.Mixture": of_a_prior(two_components),
    "priors.LearnedCdf": of_a_prior(learned, shape=(2, 3, 10)),
    "distortion.l1": of_two_pictures,
    "distortion.l2": of_two_pictures,
    "distortion.psnr": of_two_pictures,
    "refinement.soften": of_soften,
    "refinement.table_of_bits": of_table_of_bits,
    "refinement.interpolated": of_interpolated,
    "refinement.loss_of_file": of_loss_of_file,
    "refinement.refine": of_refine,
    "sound.mdct_basis": of_sizes,
    "sound.frames": of_frames,
    "sound.overlap_add": of_overlap_add,
    "sound.snr": of_two_sounds,
    "sound.log_mel": of_log_mel,
    "sound.align": of_align,
    "training.Training.learning_rate": of_learning_rate,
    "averaging.moving_mean": of_moving_mean,
    "context.turns": of_turns,
    "hyperprior.gaussian_nats": of_gaussian_nats,
    "hyperprior.IntegerSynthesis": of_integer_synthesis,
    "hyperprior_coding.HyperpriorCoder.describe": of_describe,
}


@pytest.mark.parametrize("path, index, name", list(twins()))
def test_a_lesson_builds_what_the_library_holds(path, index, name):
    torch.manual_seed(0)
    module, function = name.split(".", 1)
    ours = built_by(path, index)[function.split(".")[-1]]
    theirs = attrgetter(function)(importlib.import_module(f"rdalib.{module}"))
    assert ours is not theirs  # an import is no twin
    COMPARISONS[name](ours, theirs)


def test_every_comparison_has_its_lesson():
    assert {parameter.values[2] for parameter in twins()} == set(COMPARISONS)
