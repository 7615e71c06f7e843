"""Integers and integer frequency tables to bytes and back.

A table says how often each symbol is expected out of 65536. Encoder and decoder read the same
stored integers, so no floating-point result stands between a file and its meaning. The coder is
constriction's range coder; lesson 06 builds one by hand.

Three surprises: (1) a table's last entry is the escape: an integer outside the table is announced
by it and sent apart, see escapes. (2) constriction takes floats: frequency
/ 65536 is exact in float64. (3) a decoder encodes again what it decoded: a payload is accepted
only if it is, byte for byte, the one that `encode` makes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import constriction
import numpy as np

from rdalib.escapes import bits_outside, decode_outside, encode_outside

if TYPE_CHECKING:
    from jaxtyping import Float64, Int, Int32

PRECISION = 16
TOTAL = 2**PRECISION  # every table's frequencies add up to this
AT_ONCE = 2**14  # symbols encoded together, or decoded before a look at how much data is left
SLACK = 128  # bits by which a part of the symbols may need more than all of them


@dataclass(frozen=True, eq=False)
class Table:
    """Frequencies of the integers first, first + 1, ..., and, last, of the escape.

    frequencies: uint16 array (n + 1,), each at least 1, sum 65536; read-only from here on.
    """

    first: int
    frequencies: np.ndarray

    def __post_init__(self) -> None:
        self.frequencies.setflags(write=False)

    def __reduce__(
        self,
    ) -> tuple[Any, ...]:  # to pickle and to copy: the coder's own model can neither
        return Table, (self.first, self.frequencies)

    @cached_property
    def model(self) -> Any:
        """The table as constriction's coder wants it."""
        return constriction.stream.model.Categorical(
            self.frequencies.astype(np.float64) / TOTAL, perfect=False
        )

    @cached_property
    def bits(self) -> Float64[np.ndarray, " entries"]:
        """What an ideal coder needs for each of the entries, in bits: float64 array (n + 1,)."""
        return -np.log2(self.frequencies.astype(np.float64) / TOTAL)

    @cached_property
    def escape(self) -> int:
        """The index that announces an integer outside the table."""
        return len(self.frequencies) - 1

    @property
    def inside(self) -> range:
        """The integers that have entries of their own."""
        return range(self.first, self.first + self.escape)

    def index(self, integers: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        """Index of each integer in the table, the escape's for those outside."""
        return _index(integers, self.first, self.escape)


def frequencies_from_pmf(pmf: Float64[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """Integer frequencies, each at least 1 and adding up to 65536, close to a pmf.

    pmf: float64 array (n,), non-negative, n at most 65536, any positive sum. Every symbol gets
    1; the rest is shared in proportion, what rounding leaves to the largest remainders.
    Returns an integer array (n,). Raises: ValueError.
    """
    pmf = np.asarray(pmf, dtype=np.float64)
    if not 2 <= len(pmf) <= TOTAL:
        raise ValueError(f"a table has 2 to {TOTAL} entries, not {len(pmf)}")
    if not np.all(np.isfinite(pmf)) or pmf.min() < 0 or pmf.max() <= 0:
        raise ValueError("a pmf has finite, non-negative entries, not all zero")
    pmf = pmf / pmf.max()  # so that no sum overflows
    # Entries below one part in 65536 are lifted to it, the others share what is left.
    excess = np.maximum(pmf / pmf.sum() * TOTAL, 1.0) - 1.0
    share = 1.0 + excess * (TOTAL - len(pmf)) / max(excess.sum(), 1e-300)
    frequencies = np.floor(share).astype(np.int64)
    missing = TOTAL - int(frequencies.sum())
    frequencies[np.argsort(frequencies - share, kind="stable")[:missing]] += 1
    return frequencies


def encode(
    symbols: Sequence[Int[np.ndarray, " n_i"]] | Int[np.ndarray, "C n"], tables: Sequence[Table]
) -> bytes:
    """Groups of integers, group i by table i, to bytes: whole 32-bit words, little-endian.

    symbols: int arrays (n_i,), of any lengths, magnitudes below 2^20; tables: as many Tables.
    Raises: ValueError.
    """
    encoder = constriction.stream.queue.RangeEncoder()
    for groups, used in _some_at_once(symbols, tables):
        counts = list(map(len, groups))
        if len(groups) > 1:
            pairs = np.array([(table.first, table.escape) for table in used], np.int32)
            first, escape = np.repeat(pairs.T, counts, axis=1)
            index = _index(np.concatenate(groups), first, escape)
        else:
            escape = used[0].escape
            index = used[0].index(groups[0])
        index = index.astype(np.int32)
        ends = np.cumsum(counts)
        escaped = set(np.searchsorted(ends, np.flatnonzero(index == escape), side="right"))
        for place, (group, table, end) in enumerate(zip(groups, used, ends, strict=True)):
            own = index[end - len(group) : end]
            encoder.encode(own, table.model)
            if place in escaped:
                for integer in map(int, group[own == table.escape]):
                    encode_outside(encoder, integer, table.inside)
    return _words(encoder)


def _some_at_once(
    symbols: Sequence[Int[np.ndarray, " n_i"]] | Int[np.ndarray, "C n"], tables: Sequence[Table]
) -> Iterator[tuple[list[Int[np.ndarray, " n_i"]], list[Table]]]:
    """Small groups many at a time, since NumPy is slow on a few numbers; large ones alone."""
    groups: list[Int[np.ndarray, " n_i"]] = []
    used: list[Table] = []
    count = 0
    for group, table in zip(symbols, tables, strict=True):
        if groups and count + len(group) > AT_ONCE:
            yield groups, used
            groups, used, count = [], [], 0
        if len(group):
            groups.append(group)
            used.append(table)
            count += len(group)
    if groups:
        yield groups, used


class Decoder:
    """The bytes of `encode` back to integers, some groups at a time: tables may depend on them.

    What was decoded is encoded again on the way: it must need no more bits than the data has, and
    come out as the same data in the end.
    """

    def __init__(self, data: bytes) -> None:
        """Raises: ValueError if `data` is not a whole number of words."""
        if len(data) % 4:
            raise ValueError("the coded data is not a whole number of 32-bit words")
        words = np.frombuffer(data, "<u4").astype(np.uint32)
        self.decoder = constriction.stream.queue.RangeDecoder(words)
        self.data = data
        self.again = constriction.stream.queue.RangeEncoder()

    def decode(
        self, tables: Sequence[Table], counts: Sequence[int] | Int[np.ndarray, " i"]
    ) -> list[Int32[np.ndarray, " n_i"]]:
        """The next groups, int32 arrays (counts[i],), by their tables. Raises: ValueError.

        Nothing is decoded far beyond the end of the data, whatever the counts claim.
        """
        try:
            return [
                self._group(table, int(count)) for table, count in zip(tables, counts, strict=True)
            ]
        except (AssertionError, ValueError, OverflowError):
            raise ValueError("the coded data is damaged") from None

    def _group(self, table: Table, count: int) -> Int32[np.ndarray, " n"]:
        if count > AT_ONCE:
            pieces = range(0, count, AT_ONCE)
            group = np.concatenate([self._index(table, min(AT_ONCE, count - i)) for i in pieces])
        else:
            group = self._index(table, count)
        escaped = group.max(initial=0) == table.escape
        places = np.flatnonzero(group == table.escape) if escaped else ()
        group += table.first
        for place in places:
            integer = decode_outside(self.decoder, table.inside)
            encode_outside(self.again, integer, table.inside)
            group[place] = integer
        return group

    def _index(self, table: Table, count: int) -> Int32[np.ndarray, " n"]:
        """The next entries of a table, as they stand in it."""
        index = self.decoder.decode(table.model, count)
        self.again.encode(index, table.model)
        if self.again.num_bits() > 8 * len(self.data) + SLACK:
            raise ValueError("the data has ended")
        return index

    def finish(self) -> None:
        """Raises: ValueError unless `data` is what `encode` makes of the integers decoded."""
        if _words(self.again) != self.data:
            raise ValueError("the coded data is damaged")


def decode(data: bytes, tables: Sequence[Table], count: int) -> Int32[np.ndarray, "C n"]:
    """The bytes of `encode` back to integers (C, count), int32, every group of one length.

    Raises: ValueError if `data` is not what `encode` makes of any integers.
    """
    decoder = Decoder(data)
    symbols = decoder.decode(tables, [count] * len(tables))
    decoder.finish()
    return np.array(symbols, dtype=np.int32).reshape(len(tables), count)


def table_bits(
    symbols: Sequence[Int[np.ndarray, " n_i"]] | Int[np.ndarray, "C n"], tables: Sequence[Table]
) -> float:
    """What an ideal coder needs for integers by their tables, as `encode`, escapes counted."""
    groups = zip(symbols, tables, strict=True)
    return float(sum(bits_of_integers(group, table).sum() for group, table in groups))


def bits_of_integers(integers: Int[np.ndarray, " n"], table: Table) -> Float64[np.ndarray, " n"]:
    """The bits of each integer by one table, escapes counted."""
    index = table.index(integers)
    bits = table.bits[index]
    outside = index == table.escape
    bits[outside] += [bits_outside(int(integer), table.inside) for integer in integers[outside]]
    return bits


def _index(integers: Int[np.ndarray, " n"], first: Any, escape: Any) -> Int[np.ndarray, " n"]:
    index = integers - first
    unsigned = f"u{index.itemsize}"
    below_is_large = index.view(unsigned)
    return np.minimum(below_is_large, np.asarray(escape).astype(unsigned))


def _words(encoder: Any) -> bytes:
    return encoder.get_compressed().astype("<u4").tobytes()
