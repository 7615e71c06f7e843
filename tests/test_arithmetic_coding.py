import re
from itertools import pairwise

import constriction
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdalib.arithmetic_coding import (
    BOTTOM,
    TOP,
    TOTAL,
    Decoder,
    Encoder,
    boundaries,
    decode,
    encode,
)

# With these the middle symbol's interval goes on holding one half: 0.49999... or 0.50000...
THIRDS = [21845, 21846, 21845]
UNDECIDED = [1] * 28


@st.composite
def tables(draw):
    """Frequencies of 1 to 40 symbols, adding up to 65536, of every skew; zeros among them."""
    cuts = draw(st.lists(st.integers(0, TOTAL), max_size=39))
    near = draw(st.sampled_from([None, 0, TOTAL]))
    if near is not None:  # crowded at one end, so that one symbol has nearly everything
        cuts = [abs(near - cut % 50) for cut in cuts]
    cuts = [0, *sorted(cuts), TOTAL]
    return [after - before for before, after in pairwise(cuts)]


@st.composite
def messages(draw):
    """(symbols, one table for each), the tables changing from symbol to symbol."""
    choice = draw(st.lists(tables(), min_size=1, max_size=4))
    used = draw(st.lists(st.sampled_from(choice), max_size=60))
    possible = [np.flatnonzero(frequencies).tolist() for frequencies in used]
    return [draw(st.sampled_from(symbols)) for symbols in possible], used


def encode_with(symbols, used):
    encoder = Encoder()
    for symbol, frequencies in zip(symbols, used, strict=True):
        encoder.encode(symbol, boundaries(frequencies))
    return encoder.finish()


def decode_with(data, used):
    decoder = Decoder(data)
    symbols = [decoder.decode(boundaries(frequencies)) for frequencies in used]
    decoder.finish()
    return symbols


def ideal_bits(symbols, used):
    return -sum(np.log2(f[symbol] / TOTAL) for symbol, f in zip(symbols, used, strict=True))


def carries(encoder, symbol, table):
    """Encode a symbol; whether that changed bytes already written."""
    before = bytes(encoder.data)
    encoder.encode(symbol, table)
    return encoder.data[: len(before)] != before


# Round trips


@given(messages())
@settings(max_examples=300, deadline=None)
def test_symbols_come_back_with_a_table_for_each(message):
    symbols, used = message
    assert decode_with(encode_with(symbols, used), used) == symbols


@given(messages())
@settings(max_examples=300, deadline=None)
def test_length_is_the_ideal_and_at_most_8_bits(message):
    data, ideal = encode_with(*message), ideal_bits(*message)
    assert -1e-6 < 8 * len(data) - ideal < 8 + 1e-6


@given(messages())
@settings(max_examples=200, deadline=None)
def test_the_invariants_hold_after_every_symbol(message):
    encoder = Encoder()
    for symbol, frequencies in zip(*message, strict=True):
        encoder.encode(symbol, boundaries(frequencies))
        low, width, room = encoder.low, encoder.range, 256 ** len(encoder.data) * TOP
        assert 0 <= low < TOP and BOTTOM <= width <= TOP
        assert int.from_bytes(encoder.data, "big") * TOP + low + width <= room
    decoder = Decoder(encoder.finish())
    for frequencies in message[1]:
        decoder.decode(boundaries(frequencies))
        assert 0 <= decoder.offset < decoder.range and BOTTOM <= decoder.range <= TOP


def test_no_symbols_make_one_byte():
    assert encode([], THIRDS) == b"\0"
    assert decode(b"\0", THIRDS, 0) == []


@pytest.mark.parametrize("symbol", range(3))
def test_one_symbol_comes_back(symbol):
    data = encode([symbol], THIRDS)
    assert len(data) == 1 and decode(data, THIRDS, 1) == [symbol]


def test_every_symbol_of_the_largest_table_comes_back():
    everything, equal = list(range(TOTAL)), [1] * TOTAL
    data = encode(everything, equal)
    assert len(data) == 2 * TOTAL  # 16 bits each, and not one more
    assert decode(data, equal, TOTAL) == everything


def test_a_symbol_that_is_certain_costs_nothing():
    assert encode([0] * 100_000, [TOTAL]) == b"\0"
    assert decode(b"\0", [TOTAL], 100_000) == [0] * 100_000


@pytest.mark.parametrize("skewed", [[1, 65535], [65535, 1]])
@pytest.mark.parametrize("symbol", [0, 1])
def test_extreme_skew_thousands_of_times(skewed, symbol):
    symbols = [symbol] * 20_000
    data = encode(symbols, skewed)
    assert 0 <= 8 * len(data) - ideal_bits(symbols, [skewed] * 20_000) <= 8 + 1e-6
    assert decode(data, skewed, 20_000) == symbols


def test_a_decoder_may_make_each_table_from_what_it_has_decoded():
    symbols = np.random.default_rng(0).choice(4, 3000, p=[0.9, 0.05, 0.04, 0.01]).tolist()
    encoder, counts = Encoder(), [1] * 4

    def table_of(counts):
        frequencies = [count * TOTAL // sum(counts) for count in counts]
        frequencies[0] += TOTAL - sum(frequencies)
        return boundaries(frequencies)

    for symbol in symbols:
        encoder.encode(symbol, table_of(counts))
        counts[symbol] += 1
    data = encoder.finish()
    assert len(data) < 3000 * 0.63 / 8 + 20  # entropy 0.605 bits, and what learning it costs
    decoder, counts = Decoder(data), [1] * 4
    for symbol in symbols:
        assert decoder.decode(table_of(counts)) == symbol
        counts[symbol] += 1
    decoder.finish()


# The carry


def test_a_carry_runs_through_several_bytes_and_comes_back():
    encoder, table = Encoder(), boundaries(THIRDS)
    assert not any(carries(encoder, symbol, table) for symbol in UNDECIDED)
    assert encoder.data == bytes.fromhex("7fffffffff")
    assert carries(encoder, 2, table)
    assert encoder.data == bytes.fromhex("8000000000")
    assert decode(encode([*UNDECIDED, 2, 0, 1], THIRDS), THIRDS, 31) == [*UNDECIDED, 2, 0, 1]


def test_the_other_choice_leaves_the_bytes_as_they_are():
    encoder, table = Encoder(), boundaries(THIRDS)
    assert not any(carries(encoder, symbol, table) for symbol in [*UNDECIDED, 0])
    assert encoder.data[:5] == bytes.fromhex("7fffffffff")


def test_the_last_byte_may_carry_too():
    encoder, table = Encoder(), boundaries(THIRDS)
    for symbol in UNDECIDED[:25]:
        encoder.encode(symbol, table)
    assert encoder.data == bytes.fromhex("7fffffff")
    assert encoder.low > TOP - BOTTOM  # rounded up, it runs over
    data = encoder.finish()
    assert data == bytes.fromhex("8000000000")
    assert decode(data, THIRDS, 25) == UNDECIDED[:25]


def test_low_may_become_top_exactly():
    encoder = Encoder()
    encoder.encode(1, boundaries([32767, 2, 32767]))
    assert carries(encoder, 1, boundaries([32768, 32768]))
    assert (encoder.low, encoder.data) == (0, b"\x80")


def test_the_number_next_to_the_right_one_is_refused():
    with pytest.raises(ValueError, match="damaged"):
        decode(b"\1", THIRDS, 0)


def test_carries_are_common_and_harmless():
    random = np.random.default_rng(0)
    frequencies = [1000, 64000, 500, 36]
    symbols = random.choice(4, 20_000, p=np.array(frequencies) / TOTAL).tolist()
    encoder, table = Encoder(), boundaries(frequencies)
    assert sum(carries(encoder, symbol, table) for symbol in symbols) > 50
    assert decode(encoder.finish(), frequencies, len(symbols)) == symbols


# Against constriction


@pytest.mark.parametrize("scale", [0.05, 0.3, 1.0, 5.0, 40.0])
def test_as_short_as_constriction(scale):
    reach = int(12 * scale) + 1
    pmf = np.exp(-np.abs(np.arange(-reach, reach + 1)) / scale)
    frequencies = np.maximum(np.floor(pmf / pmf.sum() * (TOTAL - len(pmf))), 1).astype(int)
    frequencies[reach] += TOTAL - frequencies.sum()
    random = np.random.default_rng(0)
    symbols = random.choice(len(pmf), 20_000, p=frequencies / TOTAL)
    model = constriction.stream.model.Categorical(frequencies / TOTAL, perfect=False)
    theirs = constriction.stream.queue.RangeEncoder()
    theirs.encode(symbols.astype(np.int32), model)
    ours = encode(symbols, frequencies)
    assert decode(ours, frequencies, len(symbols)) == symbols.tolist()
    assert abs(len(ours) - 4 * len(theirs.get_compressed())) <= 16
    assert len(ours) <= ideal_bits(symbols, [frequencies] * len(symbols)) / 8 + 16


# What is refused


@pytest.mark.parametrize("frequencies", [[], [1], [65535], [65536, 1], [65537, -1], [70000]])
def test_frequencies_that_do_not_add_up_are_refused(frequencies):
    message = f"frequencies are not negative and add up to 65536, not {sum(frequencies)}"
    with pytest.raises(ValueError, match=re.escape(message)):
        boundaries(frequencies)


def test_fractions_are_no_frequencies():
    with pytest.raises(TypeError, match="integer"):
        boundaries([0.5, 65535.5])


def test_frequencies_may_be_any_kind_of_integer():
    for kind in (np.uint16, np.int64, object):
        assert boundaries(np.array([40000, 25536], dtype=kind)) == [0, 40000, 65536]


@pytest.mark.parametrize("symbol", [-1, 2, 4, 5])
def test_a_symbol_without_frequency_is_refused(symbol):
    message = f"symbol {symbol} is outside the table or has frequency 0"
    with pytest.raises(ValueError, match=message):
        encode([0, symbol], [60000, 5000, 0, 536])


@given(messages(), st.data())
@settings(max_examples=300, deadline=None)
def test_what_is_cut_short_never_passes_for_the_message(message, draw):
    symbols, used = message
    whole = encode_with(symbols, used)
    data = whole[: draw.draw(st.integers(0, len(whole) - 1))]
    try:
        decoded = decode_with(data, used)
    except ValueError as error:
        assert "damaged" in str(error) and "\n" not in str(error)
    else:
        assert decoded != symbols


@given(messages(), st.data())
@settings(max_examples=300, deadline=None)
def test_only_what_the_encoder_makes_is_accepted(message, draw):
    _, used = message
    data = draw.draw(st.binary(max_size=80))
    try:
        decoded = decode_with(data, used)
    except ValueError as error:
        assert "damaged" in str(error) and "\n" not in str(error)
    else:
        assert encode_with(decoded, used) == data


def test_what_lies_in_the_rest_that_the_division_leaves_is_refused():
    encoder, table, count = Encoder(), boundaries(THIRDS), 12
    for _ in range(count):
        encoder.encode(1, table)
    assert encoder.range % TOTAL  # the parts do not fill the interval
    end = int.from_bytes(encoder.data, "big") * TOP + encoder.low + encoder.range
    for number, fails in ((end - 1, True), (end - 1 - encoder.range % TOTAL, False)):
        decoder = Decoder(number.to_bytes(len(encoder.data) + 8, "big"))
        assert [decoder.decode(table) for _ in range(count)] == [1] * count
        if fails:
            with pytest.raises(ValueError, match="damaged"):
                decoder.decode(table)
        else:
            assert decoder.decode(table) == 2


@pytest.mark.parametrize("tail", [b"\0", b"\1", bytes(100)])
def test_bytes_too_many_are_refused(tail):
    symbols = [0, 1, 2, 1] * 50
    with pytest.raises(ValueError, match="damaged"):
        decode(encode(symbols, THIRDS) + tail, THIRDS, len(symbols))


def test_a_long_message_cut_by_a_byte_or_more_is_refused():
    symbols = np.random.default_rng(0).integers(0, 3, 2000).tolist()
    data = encode(symbols, THIRDS)
    for cut in range(2, len(data) + 1):  # nearly 1.6 bits a symbol, whatever the symbols are
        with pytest.raises(ValueError, match="damaged"):
            decode(data[:-cut], THIRDS, len(symbols))


def test_a_bit_flipped_in_the_middle_spoils_what_follows_and_nothing_before():
    symbols = np.random.default_rng(1).integers(0, 3, 2000).tolist()
    data = bytearray(encode(symbols, THIRDS))
    data[len(data) // 2] ^= 1
    decoder, table, decoded = Decoder(data), boundaries(THIRDS), []
    for _ in symbols:
        decoded.append(decoder.decode(table))
    wrong = [ours != theirs for ours, theirs in zip(decoded, symbols, strict=True)]
    assert 990 < wrong.index(True) < 1010
    assert 0.6 < np.mean(wrong[1010:]) < 0.73  # two thirds: no better than a guess
