"""Randomness and identifiers: one independent stream a part, and ids that tell nothing.

Belongs here: seeding, the bijective mixer, and the array-to-text conversions every file needs.
Does not belong here: what is drawn.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.market.config import MarketConfig

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]

_HEX = np.frombuffer("".join(f"{i:02x}" for i in range(256)).encode(), dtype="S2")
_OCTETS = pa.array([str(i) for i in range(256)])


def stream(config: MarketConfig, part: str, index: int = 0) -> np.random.Generator:
    """The generator of one part (and month, ``index``): no part's draws shift another's."""
    entropy = [config.seed, zlib.crc32(part.encode()), index]
    return np.random.default_rng(np.random.SeedSequence(entropy))


def mixed(values: npt.ArrayLike, key: int) -> Words:
    """Splitmix64 of integers under a key: distinct values stay distinct and look unrelated."""
    z = np.asarray(values).astype(np.uint64)
    with np.errstate(over="ignore"):
        z = z + np.uint64((key * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % 2**64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed_words: Words = z ^ (z >> np.uint64(31))
    return mixed_words


def fraction(values: npt.ArrayLike, key: int) -> Floats:
    """A fixed number in [0, 1) for every integer: traits that must not change between months."""
    return (mixed(values, key) >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def hex16(values: Words) -> pa.StringArray:
    """Sixteen lower-case hexadecimal digits for every word."""
    raw = np.ascontiguousarray(_HEX[values.astype(">u8").view(np.uint8)])
    offsets = np.arange(0, 16 * len(values) + 1, 16, dtype=np.int32)
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets), pa.py_buffer(raw))


def addresses(ips: Ints) -> pa.Array:
    """Dotted quads of IPv4 addresses given as integers."""
    parts = [_OCTETS.take(pa.array((ips >> shift) & 255)) for shift in (24, 16, 8, 0)]
    return joined(*parts, separator=".")


def instants(at: Ints) -> pa.Array:
    """ISO-8601 with milliseconds and Z, of microseconds since 1970."""
    known = pa.array(at // 1000).cast(pa.timestamp("ms"))
    return joined(pc.utf8_replace_slice(known.cast(pa.string()), 10, 11, "T"), "Z")


def joined(*parts: pa.Array | str, separator: str = "") -> pa.Array:
    """Element-wise concatenation of text arrays and constants; null where a part is null."""
    return pc.binary_join_element_wise(*parts, separator)


def ranks_within(counts: npt.ArrayLike) -> Ints:
    """0, 1, 2 … inside each group, for groups of the given sizes laid end to end."""
    sizes = np.asarray(counts, dtype=np.int64)
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total, dtype=np.int64) - np.repeat(ends - sizes, sizes)
