"""Addresses and ranges as the landed columns hold them: IPv4 as integers, IPv6 as hexadecimal digits.

Belongs here: text ↔ number, the three forms of a range. Does not belong here: whose range it is.
IPv4 comes by the hundred thousand and is read a whole column at a time; IPv6 a value at a time.
"""

from __future__ import annotations

import ipaddress

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.sources.columns import mask, present

Integers = npt.NDArray[np.int64]
_ADDRESS = r"^(?P<a>\d{1,3})\.(?P<b>\d{1,3})\.(?P<c>\d{1,3})\.(?P<d>\d{1,3})$"
_RANGE = r"^(?P<first>[0-9.]+)\s*(?:/(?P<bits>\d{1,2})|-\s*(?P<last>[0-9.]+))?$"
UNKNOWN = -1


def ipv4_numbers(text: pa.Array) -> Integers:
    """Each address as an integer below 2**32; -1 where it is no IPv4 address."""
    octets = pc.extract_regex(text, _ADDRESS)
    found = present(octets)
    number = np.zeros(len(text), dtype=np.int64)
    right = found.copy()
    for name in "abcd":
        digits = pc.fill_null(pc.struct_field(octets, name), "0")
        octet = digits.cast(pa.int64()).to_numpy(zero_copy_only=False)
        right &= octet <= 255
        number = number * 256 + octet
    return np.where(right, number, UNKNOWN)


def is_ipv4(text: pa.Array) -> npt.NDArray[np.bool_]:
    """Where the text is one IPv4 address."""
    found: npt.NDArray[np.bool_] = ipv4_numbers(text) != UNKNOWN
    return found


def ipv4_ranges(text: pa.Array, last: pa.Array | None = None) -> tuple[Integers, Integers]:
    """First and last address, inclusive, of each range; -1 and -1 where it is none.

    Args:
        text: an address, a CIDR block (host bits are dropped) or ``first-last``.
        last: the last address where it has a column of its own, else null.
    """
    parts = pc.extract_regex(text, _RANGE)
    field = {name: pc.fill_null(pc.struct_field(parts, name), "") for name in _fields(parts)}
    start = ipv4_numbers(field["first"])
    bits = pc.if_else(pc.equal(field["bits"], ""), "32", field["bits"])
    prefix = bits.cast(pa.int64()).to_numpy(zero_copy_only=False)
    size = np.left_shift(np.int64(1), 32 - np.minimum(prefix, 32))
    block = mask(pc.not_equal(field["bits"], ""))
    start = np.where(block & (start >= 0), start - start % size, start)
    dashed = mask(pc.not_equal(field["last"], ""))
    end = np.where(dashed, ipv4_numbers(field["last"]), start + size - 1)
    wrong = (prefix > 32) | ((block | dashed) & (present(last) if last is not None else False))
    if last is not None:
        end = np.where(present(last), ipv4_numbers(last), end)
    wrong |= (start < 0) | (end < start)
    return np.where(wrong, UNKNOWN, start), np.where(wrong, UNKNOWN, end)


def ipv6_ranges(text: pa.Array, last: pa.Array | None = None) -> tuple[pa.Array, pa.Array]:
    """First and last address, inclusive, of each range, as 32 hexadecimal digits; null where it is none.

    The arguments are those of ``ipv4_ranges``.
    """
    colons = np.flatnonzero(mask(pc.match_substring(text, ":")))
    first: list[str | None] = [None] * len(text)
    final: list[str | None] = [None] * len(text)
    for at in colons.tolist():
        ends = _ipv6_range(text[at].as_py(), last[at].as_py() if last is not None else None)
        if ends is not None:
            first[at], final[at] = (f"{number:032x}" for number in ends)
    return pa.array(first, pa.string()), pa.array(final, pa.string())


def _ipv6_range(text: str, last: str | None) -> tuple[int, int] | None:
    start, dash, end = (part.strip() for part in text.partition("-"))
    try:
        if "/" in start:
            block = ipaddress.IPv6Network(start, strict=False)
            whole = int(block.network_address), int(block.broadcast_address)
            return None if dash or last else whole
        if dash and last:
            return None
        begin = int(ipaddress.IPv6Address(start))
        finish = int(ipaddress.IPv6Address(end if dash else last or start))
    except ValueError:
        return None
    return (begin, finish) if begin <= finish else None


def _fields(parts: pa.Array) -> list[str]:
    return [parts.type.field(i).name for i in range(parts.type.num_fields)]
