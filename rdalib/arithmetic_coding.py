"""An arithmetic coder in plain Python: the one that lesson 06 builds, to be read.

A message is an interval inside [0, 1). Each symbol narrows it in proportion to its probability,
and any number inside the last interval names the message. An interval of width w needs about
-log2 w bits: the sum of -log2 P over the symbols.

This coder keeps the interval in two integers and sends the number a byte at a time:

    the bytes in `data`, then low : the lower end           low    16 hexadecimal digits
    range                         : the width               range  as many, in the same place

Two surprises. (1) A byte that has been written can still change: when low runs over, one is
added to the bytes before it. They lie in memory, so the carry is done as on paper, and there is
no second rule for "underflow". (2) The decoder never needs `low`, only how far above it the
number lies; so it knows nothing of carries.

Why 64 bits: a range of 2^56 or more, cut into 2^16 parts, loses less than one part in 2^40 to
rounding. With 32 bits it would be one part in 2^8. `rdalib.entropy_coding` does the same work
with constriction, much faster.

Source: Pasco 1976 and Rissanen 1976 (the idea with integers); Martin 1979 (range coder, bytes);
Witten, Neal and Cleary 1987 (the form in which it became known).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import index

TOTAL = 2**16  # the frequencies of a table add up to this
TOP = 2**64  # low has 64 bits
BOTTOM = 2**56  # while range is below, a byte of low is settled but for a carry


def boundaries(frequencies: Iterable[int]) -> list[int]:
    """Where each symbol's part of 0..65536 begins, and at the end 65536.

    frequencies: n integers, none negative, sum 65536; symbol i has probability f[i] / 65536.
    Returns a list of n + 1 ints, [0, f[0], f[0] + f[1], ..., 65536]: a table for the coder.
    Raises: ValueError; TypeError for numbers that are no integers.
    """
    table = list(accumulate(map(index, frequencies), initial=0))
    if table[-1] != TOTAL or table != sorted(table):
        raise ValueError(f"frequencies are not negative and add up to {TOTAL}, not {table[-1]}")
    return table


class Encoder:
    """Symbols to bytes, one symbol at a time; each may have a table of its own.

    Before and after every symbol, with k = len(data):
        0 <= low < TOP        BOTTOM <= range <= TOP
        data * TOP + low + range <= 256^k * TOP    (data read as one number: a carry has room)
    """

    def __init__(self) -> None:
        self.low, self.range, self.data = 0, TOP, bytearray()

    def encode(self, symbol: int, table: Sequence[int]) -> None:
        """Narrow the interval to a symbol's part. symbol: int 0..n-1; table: from `boundaries`.

        Raises: ValueError for a symbol that the table does not hold.
        """
        if not 0 <= symbol < len(table) - 1 or table[symbol] == table[symbol + 1]:
            raise ValueError(f"symbol {symbol} is outside the table or has frequency 0")
        part = self.range // TOTAL  # 2^40 <= part <= 2^48
        self.low += part * table[symbol]  # below 2 TOP
        self.range = part * (table[symbol + 1] - table[symbol])  # 2^40 <= range <= TOP
        self.carry()
        while self.range < BOTTOM:
            self.data.append(self.low // BOTTOM)
            self.low = self.low % BOTTOM * 256
            self.range *= 256

    def finish(self) -> bytes:
        """The bytes, ended by one that leads into the interval. Call it once, last.

        Rounded up to a multiple of BOTTOM, low is still below low + range: one byte is enough.
        """
        self.low += BOTTOM - 1
        self.carry()
        self.data.append(self.low // BOTTOM)
        return bytes(self.data)

    def carry(self) -> None:
        """If low has run over, add one to the number before it."""
        if self.low >= TOP:
            self.low -= TOP
            add_one(self.data)


def add_one(data: bytearray) -> None:
    """Add 1 to the number that a bytearray spells, as on paper: 255 becomes 0 and carries on."""
    last = len(data) - 1
    while data[last] == 255:
        data[last] = 0
        last -= 1
    data[last] += 1


class Decoder:
    """Bytes of an Encoder to symbols, with the same tables in the same order.

    Before and after every symbol: 0 <= offset < range, BOTTOM <= range <= TOP, where offset is
    the number minus the encoder's low. Behind the last byte stand zeros.
    """

    def __init__(self, data: bytes) -> None:
        self.data, self.position, self.range = bytes(data), 8, TOP
        self.offset = int.from_bytes(self.data[:8].ljust(8, b"\0"), "big")

    def decode(self, table: Sequence[int]) -> int:
        """The next symbol, an int. table: from `boundaries`. Raises: ValueError."""
        part = self.range // TOTAL
        target = self.offset // part
        if target >= TOTAL:  # in the rest that the division leaves: no encoder goes there
            raise ValueError("the data is damaged, or was made with other tables")
        symbol = bisect_right(table, target) - 1  # table[symbol] <= target < table[symbol + 1]
        self.offset -= part * table[symbol]
        self.range = part * (table[symbol + 1] - table[symbol])
        while self.range < BOTTOM:
            byte = self.data[self.position] if self.position < len(self.data) else 0
            self.position += 1
            self.offset = self.offset * 256 + byte
            self.range *= 256
        return symbol

    def finish(self) -> None:
        """Accept the bytes only if they are the ones that an Encoder makes of these symbols.

        It writes as many bytes as it shifted out and one more, and takes the first multiple of
        BOTTOM in its interval. Raises: ValueError. Damage that leads to other symbols of the
        same length in bytes passes: a file needs a checksum.
        """
        if self.position != len(self.data) + 7 or self.offset >= BOTTOM:
            raise ValueError("the data is damaged or cut short, or was made with other tables")


def encode(symbols: Iterable[int], frequencies: Iterable[int]) -> bytes:
    """Symbols, a sequence of ints 0..n-1, to bytes, all with one table of n frequencies.

    The ideal length is the sum of -log2(frequency / 65536) over the symbols, in bits; the bytes
    hold from 0 to 8 bits more (and 2^-39 a symbol, for rounding). Raises: ValueError.
    """
    encoder, table = Encoder(), boundaries(frequencies)
    for symbol in symbols:
        encoder.encode(symbol, table)
    return encoder.finish()


def decode(data: bytes, frequencies: Iterable[int], count: int) -> list[int]:
    """The bytes of `encode` to the list of the `count` symbols. Raises: ValueError."""
    decoder, table = Decoder(data), boundaries(frequencies)
    symbols = [decoder.decode(table) for _ in range(count)]
    decoder.finish()
    return symbols
