"""Inputs for parsers: seeds, changed at random in the ways that have broken parsers."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LONGEST = 1 << 16

_NUMBERS = [
    *(b"0", b"-0", b"-1", b"1e999", b"-1e300", b"1e-400", b"nan", b"NaN", b"inf", b"-Infinity"),
    *(b"2147483647", b"2147483648", b"4294967295", b"9223372036854775808", b"18446744073709551616"),
    *(b"0x10", b"1_000", b"1,5", b"1.5.5", b"+7", b"9" * 400, "٣".encode(), "½".encode(), b"1e5"),
]  # fmt: skip
_TOKENS = [
    *(b"\0", b"\n", b"\r", b"\r\n", b"\n\n", b"\x0b", b"\x0c", b"\x1a", b"\x85"),
    *(b",", b";", b"\t", b"|", b"::", b'"', b'""', b"'", b"\\", b"/", b"../", b"#", b"%", b"{"),
    *(b"[" * 3000, b'{"a":' * 3000, b"null", b"true", b"[]", b"{}", b"<a>", b"&amp;", b"None"),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"),
    *(b"\x1b[31m", b"\x9b2J", *map(str.encode, ("\u202e", "\u0130", "e\u0301", "\u2028"))),
    *(b"=1+1", b"@a", b"PK\x03\x04", b"0000-00-00", b"0001-01-01T00:00:00+14:00"),
    *(b"x" * 5000, b" " * 500, b"\n" * 2000, b"," * 2000, b"\xff" * 8, b"\x00" * 8),
    *(b"9999-12-31T23:59:59-12:00", *_NUMBERS),
]  # fmt: skip


def _place(data: bytearray, dice: random.Random) -> tuple[int, int]:
    """A short range of `data`, as often as not at a boundary of words."""
    begin = dice.randrange(len(data) + 1)
    return begin, min(len(data), begin + int(dice.expovariate(1 / 8)))


def _flip_a_bit(data: bytearray, dice: random.Random, other: bytes) -> None:
    if data:
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def _set_a_byte(data: bytearray, dice: random.Random, other: bytes) -> None:
    if data:
        data[dice.randrange(len(data))] = dice.randrange(256)


def _put_a_token(data: bytearray, dice: random.Random, other: bytes) -> None:
    begin, end = _place(data, dice)
    data[begin : dice.choice((begin, end))] = dice.choice(_TOKENS)


def _replace_a_number(data: bytearray, dice: random.Random, other: bytes) -> None:
    if numbers := list(re.finditer(rb"-?\d+(\.\d+)?", data)):
        data[slice(*dice.choice(numbers).span())] = dice.choice(_NUMBERS)


def _put_an_integer(data: bytearray, dice: random.Random, other: bytes) -> None:
    """Little-endian, of one to eight bytes, as binary formats have them."""
    size = dice.choice((1, 2, 4, 8))
    begin = dice.randrange(len(data) + 1)
    value = (dice.choice((0, 1, 2**15, 2**31, 2**62)) + dice.randrange(-2, 3)) % 256**size
    data[begin : begin + size] = value.to_bytes(size, "little")


def _remove(data: bytearray, dice: random.Random, other: bytes) -> None:
    begin, end = _place(data, dice)
    del data[begin:end]


def _cut_off(data: bytearray, dice: random.Random, other: bytes) -> None:
    del data[dice.randrange(len(data) + 1) :]


def _repeat(data: bytearray, dice: random.Random, other: bytes) -> None:
    begin, end = _place(data, dice)
    data[end:end] = data[begin:end] * dice.choice((1, 1, 2, 50))


def _repeat_a_line(data: bytearray, dice: random.Random, other: bytes) -> None:
    lines = data.splitlines(keepends=True)
    if lines:
        line = dice.choice(lines)
        lines.insert(dice.randrange(len(lines) + 1), line * dice.choice((1, 1, 1, 100)))
        data[:] = b"".join(lines)


def _drop_a_line(data: bytearray, dice: random.Random, other: bytes) -> None:
    lines = data.splitlines(keepends=True)
    if lines:
        del lines[dice.randrange(len(lines))]
        data[:] = b"".join(lines)


def _cross_over(data: bytearray, dice: random.Random, other: bytes) -> None:
    """Go on with the rest of another seed."""
    data[dice.randrange(len(data) + 1) :] = other[dice.randrange(len(other) + 1) :]


_CHANGES: list[Callable[[bytearray, random.Random, bytes], None]] = [
    _flip_a_bit, _flip_a_bit, _set_a_byte, _put_a_token, _put_a_token, _put_a_token,
    _replace_a_number, _replace_a_number, _put_an_integer, _remove, _cut_off, _repeat,
    _repeat_a_line, _drop_a_line, _cross_over,
]  # fmt: skip


def mutated(seeds: Sequence[bytes], number: int) -> bytes:
    """The seeds themselves, and then mutations without end: the same for the same `number`."""
    if number < len(seeds):
        return seeds[number]
    dice = random.Random(number)  # noqa: S311
    data = bytearray(dice.choice(seeds))
    for _ in range(dice.choice((1, 1, 1, 2, 2, 3, 5, 8))):
        dice.choice(_CHANGES)(data, dice, dice.choice(seeds))
        del data[LONGEST:]
    return bytes(data)
