"""IPv4 addresses and ranges as integers, a whole column at a time.

Belongs here: text ↔ number, the three forms of a range. Does not belong here: whose range it is.
"""

from __future__ import annotations

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


def _fields(parts: pa.Array) -> list[str]:
    return [parts.type.field(i).name for i in range(parts.type.num_fields)]
