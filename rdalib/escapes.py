"""Integers outside their table: after the escape that announces one, its bits by themselves.

Such an integer is a distance from the table, above or below it: 0 (one above), 1 (one below),
2 (two above) ... This natural number n travels as the length of n + 1 in bits, then the bits of
n + 1 after the leading one: an Elias gamma code with its length in 5 bits.
"""

from __future__ import annotations

from typing import Any

import constriction

LARGEST = 2**20  # magnitudes from here on cannot be coded
LENGTH_BITS = 5
UNIFORM = constriction.stream.model.Uniform


def bits_outside(integer: int, table: range) -> int:
    """The bits of an integer outside a table, beyond those of the escape.

    table: here and below, the integers in it.
    """
    return LENGTH_BITS + (_natural(integer, table) + 1).bit_length() - 1


def encode_outside(encoder: Any, integer: int, table: range) -> None:
    """Add an integer outside a table to constriction's encoder. Raises: ValueError."""
    if abs(integer) >= LARGEST:
        raise ValueError(f"integers of {LARGEST} and more cannot be coded")
    number = _natural(integer, table) + 1
    length = number.bit_length() - 1
    encoder.encode(length, UNIFORM(2**LENGTH_BITS))
    if length:
        encoder.encode(number - (1 << length), UNIFORM(1 << length))


def decode_outside(decoder: Any, table: range) -> int:
    """The next integer outside a table from constriction's decoder. Raises: ValueError."""
    length = int(decoder.decode(UNIFORM(2**LENGTH_BITS)))
    if length > 21:  # 2^20 above or below a table needs no more
        raise ValueError("an integer out of range")
    rest = int(decoder.decode(UNIFORM(1 << length)) if length else 0)
    half, below = divmod((1 << length) + rest - 1, 2)
    return table.start - 1 - half if below else table.stop + half


def _natural(integer: int, table: range) -> int:
    above = integer - table.stop
    return 2 * above if above >= 0 else 2 * (table.start - 1 - integer) + 1
