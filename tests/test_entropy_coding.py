import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rdalib.entropy_coding import (
    TOTAL,
    Table,
    decode,
    encode,
    frequencies_from_pmf,
    table_bits,
)
from rdalib.escapes import LARGEST

# Pinned: bytes that any version of rdalib reads as these integers under these tables.
GOLDEN_TABLES = [(-2, (100, 5000, 50000, 10000, 400, 36)), (0, (65535, 1))]
GOLDEN_INTEGERS = [[0, 0, 1, -1, 0, 2, -2, 1, 0, 0, 77, -9], [0] * 11 + [-1]]
GOLDEN_BYTES = bytes.fromhex("e364e3a190d9b7b2375d1ce3")


def table(first, frequencies):
    return Table(first, np.array(frequencies, dtype=np.uint16))


def arrays(element):
    return st.lists(element, min_size=2, max_size=40).map(np.array)


PMFS = st.one_of(
    arrays(st.floats(0, 1)),
    arrays(st.floats(0, 1e308)),
    arrays(st.sampled_from([0.0, 5e-324, 1e-300, 1e-9, 1.0])),
).filter(lambda pmf: pmf.max() > 0)


@st.composite
def messages(draw):
    """Integers (C, n) with tables, of every skew, inside them and outside on both sides."""
    channels, count = draw(st.integers(1, 4)), draw(st.integers(0, 30))
    tables, rows = [], []
    for _ in range(channels):
        first = draw(st.integers(-100, 100))
        frequencies = frequencies_from_pmf(draw(PMFS))
        tables.append(table(first, frequencies))
        inside = st.integers(first, first + len(frequencies) - 2)
        element = st.one_of(inside, inside, inside, st.integers(1 - LARGEST, LARGEST - 1))
        rows.append(draw(st.lists(element, min_size=count, max_size=count)))
    return np.array(rows, dtype=np.int64).reshape(channels, count), tables


def sampled(count, seed=0):
    """Integers drawn from the tables they will be coded with, as in a file."""
    random = np.random.default_rng(seed)
    tables, rows = [], []
    for scale in (0.05, 0.3, 1.0, 5.0, 40.0):
        reach = int(12 * scale) + 1
        pmf = np.exp(-np.abs(np.arange(-reach, reach + 1)) / scale)
        frequencies = frequencies_from_pmf(np.append(pmf, 0.0))
        tables.append(table(-reach, frequencies))
        rows.append(random.choice(2 * reach + 2, count, p=frequencies / TOTAL) - reach)
    return np.array(rows), tables


def assert_returns(integers, tables):
    decoded = decode(encode(integers, tables), tables, integers.shape[1])
    np.testing.assert_array_equal(decoded, integers)


# Frequencies


@given(PMFS)
@settings(max_examples=100, deadline=None)
def test_frequencies_are_positive_and_add_up_to_65536(pmf):
    frequencies = frequencies_from_pmf(pmf)
    assert frequencies.sum() == TOTAL
    assert frequencies.min() >= 1
    assert frequencies.max() < 2**16  # so that uint16 holds them


@given(PMFS)
@settings(max_examples=50, deadline=None)
def test_a_likelier_symbol_is_never_rarer_in_the_table(pmf):
    frequencies = frequencies_from_pmf(pmf)
    likelier = pmf[:, None] > 1.000001 * pmf[None]
    assert (frequencies[:, None] >= frequencies[None])[likelier].all()


@pytest.mark.parametrize("size", [2, 3, 1000, 65535, 65536])
@pytest.mark.parametrize("kind", ["one", "equal", "geometric", "random"])
def test_tables_of_every_size_and_skew(size, kind):
    pmf = {
        "one": np.eye(1, size)[0],
        "equal": np.full(size, 1e-12),
        "geometric": 0.5 ** np.minimum(np.arange(size), 1000.0),
        "random": np.random.default_rng(0).random(size),
    }[kind]
    frequencies = frequencies_from_pmf(pmf)
    assert frequencies.sum() == TOTAL
    assert frequencies.min() >= 1
    if kind == "one":
        assert frequencies[0] == TOTAL - size + 1
    if kind == "equal":
        assert np.ptp(frequencies) <= 1


def test_a_pmf_made_of_whole_parts_of_65536_is_kept():
    exact = np.array([1, 2, 3, 500, 65030])
    np.testing.assert_array_equal(frequencies_from_pmf(exact / TOTAL), exact)


@given(arrays(st.floats(1e-3, 1)))
@settings(max_examples=50, deadline=None)
def test_frequencies_are_close_to_the_pmf(pmf):
    pmf = pmf / pmf.sum()
    frequencies = frequencies_from_pmf(pmf) / TOTAL
    cost_bits = (pmf * np.log2(pmf / frequencies)).sum()
    assert cost_bits < 1e-4


@pytest.mark.parametrize(
    "pmf", [[], [1.0], np.ones(65537), [0.0, 0.0], [1.0, -0.1], [1.0, np.nan], [1.0, np.inf]]
)
def test_what_is_no_pmf_is_refused(pmf):
    with pytest.raises(ValueError, match=r"a table has|a pmf has"):
        frequencies_from_pmf(np.array(pmf))


# Round trips


@given(messages())
@settings(max_examples=100, deadline=None)
def test_integers_come_back(message):
    assert_returns(*message)


def test_no_integers_make_no_bytes():
    tables = [table(0, [1, 65535]), table(5, [100, 65436])]
    assert encode(np.empty((2, 0), dtype=np.int64), tables) == b""
    assert decode(b"", tables, 0).shape == (2, 0)


def test_one_symbol_comes_back():
    assert_returns(np.array([[3]]), [table(3, [1, 65535])])
    assert_returns(np.array([[3]]), [table(3, [65535, 1])])


def test_every_symbol_of_the_largest_table_comes_back():
    integers = np.random.default_rng(0).permutation(TOTAL - 1) - 30000
    assert_returns(integers[None], [table(-30000, np.ones(TOTAL))])


@pytest.mark.parametrize("likely", [0, 1, 2])
def test_extreme_skew_comes_back_in_few_bytes_or_many(likely):
    frequencies = np.ones(3, dtype=np.int64)
    frequencies[likely] = TOTAL - 2
    for integer in (7, 8):
        integers = np.full((1, 5000), integer)
        tables = [table(7, frequencies)]
        assert_returns(integers, tables)
        size = len(encode(integers, tables))
        assert size <= 8 if integer == 7 + likely else size >= 5000 * 16 / 8


@pytest.mark.parametrize("first", [-3, 0, 1000, -(2**20)])
def test_outside_the_table_on_both_sides_comes_back(first):
    distances = np.array([0, 1, 2, 3, 7, 8, 1000, 2**19, 2**20])
    integers = np.concatenate((first - 1 - distances, first + 4 + distances))
    integers = integers[np.abs(integers) < LARGEST]
    assert len(integers) >= 9
    assert_returns(integers[None], [table(first, [1, 2, 3, 60000, 5530])])


def test_the_largest_magnitudes_come_back_and_the_next_are_refused():
    tables = [table(0, [65535, 1])]
    assert_returns(np.array([[LARGEST - 1, 1 - LARGEST]]), tables)
    for integer in (LARGEST, -LARGEST, 2**62, np.iinfo(np.int64).min):
        with pytest.raises(ValueError, match="1048576 and more cannot be coded"):
            encode(np.array([[0, integer]]), tables)


def test_every_row_needs_its_table():
    with pytest.raises(ValueError, match="argument"):
        encode(np.zeros((2, 3), dtype=np.int64), [table(0, [65535, 1])])


# Length


@pytest.mark.parametrize("count", [0, 1, 10, 1000, 20_000])
def test_length_is_within_a_thousandth_and_8_bytes_of_the_table_entropy(count):
    integers, tables = sampled(count)
    ideal = table_bits(integers, tables) / 8
    assert abs(len(encode(integers, tables)) - ideal) <= 0.001 * ideal + 8


@given(messages())
@settings(max_examples=50, deadline=None)
def test_length_of_any_message_is_close_to_its_table_bits(message):
    ideal = table_bits(*message) / 8
    assert abs(len(encode(*message)) - ideal) <= 0.001 * ideal + 8


def test_table_bits_by_hand():
    tables = [table(0, [2**15, 2**14, 2**14])]  # 0 at one bit, 1 and the escape at two
    assert table_bits(np.array([[0, 0, 1]]), tables) == 1 + 1 + 2
    # Outside: the escape, 5 bits of length, and the bits after the leading one of n + 1, where
    # 2 is n = 0, -1 is n = 1, 3 is n = 2, -2 is n = 3.
    for integer, bits in {2: 0, -1: 1, 3: 1, -2: 2}.items():
        assert table_bits(np.array([[integer]]), tables) == 2 + 5 + bits


# Bytes


def test_golden_bytes():
    tables, integers = [table(*t) for t in GOLDEN_TABLES], np.array(GOLDEN_INTEGERS)
    assert encode(integers, tables) == GOLDEN_BYTES
    np.testing.assert_array_equal(decode(GOLDEN_BYTES, tables, 12), integers)


def test_bytes_do_not_depend_on_the_type_of_the_integers():
    integers, tables = sampled(100)
    assert encode(integers.astype(np.int32), tables) == encode(integers.astype(np.int64), tables)


def refused_or_another_message(data, tables, count):
    """Whether damaged bytes are refused; else they must be just what `encode` makes."""
    try:
        integers = decode(data, tables, count)
    except ValueError as error:
        assert str(error).startswith("the coded data is")
        return True
    assert encode(integers, tables) == data
    return False


def test_every_truncation_is_refused():
    integers, tables = sampled(40)
    data = encode(integers, tables)
    assert all(refused_or_another_message(data[:n], tables, 40) for n in range(len(data)))


def test_every_extension_is_refused():
    integers, tables = sampled(40)
    data = encode(integers, tables)
    tails = [b"\0" * n for n in range(1, 13)] + [b"\xff" * n for n in range(1, 13)] + [data]
    assert all(refused_or_another_message(data + tail, tables, 40) for tail in tails)


def test_other_counts_are_refused():
    integers, tables = sampled(40)
    data = encode(integers, tables)
    assert all(refused_or_another_message(data, tables, n) for n in (0, 1, 39, 41, 80))


def test_a_changed_byte_is_refused_or_means_another_message():
    integers, tables = sampled(40)
    data = encode(integers, tables)
    refused = 0
    for position in range(len(data)):
        for flip in (1, 0x80, 0xFF):
            damaged = bytearray(data)
            damaged[position] ^= flip
            refused += refused_or_another_message(bytes(damaged), tables, 40)
    assert refused > 0  # the checksum of the file stands guard over the others


@given(st.binary(max_size=60), st.integers(0, 30))
@settings(max_examples=100, deadline=None)
def test_random_bytes_are_refused_or_mean_a_message(data, count):
    _, tables = sampled(0)
    refused_or_another_message(data, tables, count)


@given(messages(), st.binary(max_size=40))
@settings(max_examples=50, deadline=None)
def test_random_bytes_under_random_tables_raise_nothing_else(message, data):
    integers, tables = message
    assume(data != encode(integers, tables))
    refused_or_another_message(data, tables, integers.shape[1])
