"""The search tree of an MMDB file: every network it has, and the record of each.

Belongs here: the binary layout (MaxMind DB format 2.0). Does not belong here: what a record says
(``mmdb``). The tree is walked a level at a time, so that a million networks take no loop over them, and a
record that many networks share is decoded once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mqa_platform.sources.landed import SourceError

_MARK: Final = b"\xab\xcd\xefMaxMind.com"
_SEPARATOR: Final = 16
_REMEDY: Final = "Fetch the database again from its vendor."
Numbers = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Networks:
    """Every network of a file, each with the place of its record.

    upper, lower: the first address as two halves of 128 bits (IPv4: ``lower`` alone) · bits: how many
    bits of the address are free · is_v4 · record: a number below ``len(records)``.
    """

    upper: Numbers
    lower: Numbers
    bits: npt.NDArray[np.int64]
    is_v4: npt.NDArray[np.bool_]
    record: npt.NDArray[np.int64]
    records: list[Any]
    kind: str


def read_networks(path: Path, content: bytes) -> Networks:
    """All networks of an MMDB file's content.

    Raises:
        SourceError: it is no MMDB file, or its tree or one of its records is damaged.
    """
    from maxminddb import InvalidDatabaseError

    if _MARK not in content:
        raise SourceError(path, "is no MMDB database", "The connector mmdb reads .mmdb files.")
    try:
        return _read(content)
    except (
        InvalidDatabaseError,
        IndexError,
        KeyError,
        OverflowError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise SourceError(path, f"is a damaged database ({error})", _REMEDY) from error


def _read(content: bytes) -> Networks:
    from maxminddb.decoder import Decoder

    start = content.rindex(_MARK) + len(_MARK)
    told: Any = Decoder(content, start).decode(start)[0]
    nodes, width = int(told["node_count"]), int(told["record_size"])
    size = nodes * width // 4
    left_right = _records_of_nodes(content[:size], width)
    tree = _Tree(left_right, nodes, int(told["ip_version"]))
    tree.walk()
    upper, lower, bits, is_v4, place = tree.leaves()
    places, record = np.unique(place, return_inverse=True)
    decoder = Decoder(content, size + _SEPARATOR)
    records = [decoder.decode(int(at) - nodes + size)[0] for at in places]
    kind = str(told.get("database_type", ""))
    return Networks(upper, lower, bits, is_v4, record.astype(np.int64), records, kind)


def _records_of_nodes(tree: bytes, width: int) -> npt.NDArray[np.int64]:
    """(nodes, 2): what the zero and the one bit of each node lead to."""
    if width not in (24, 28, 32):
        raise ValueError(f"records of {width} bits")
    octets = np.frombuffer(tree, dtype=np.uint8).reshape(-1, width // 4).astype(np.int64)
    half = octets.shape[1] // 2
    left = _big_endian(octets[:, :half])
    right = _big_endian(octets[:, -half:])
    if width == 28:
        # The middle octet holds the highest four bits of both.
        left += (octets[:, 3] >> 4) << 24
        right += (octets[:, 3] & 0x0F) << 24
    return np.column_stack((left, right))


def _big_endian(octets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    number = np.zeros(len(octets), dtype=np.int64)
    for column in octets.T:
        number = number * 256 + column
    return number


class _Tree:
    """The walk from the root, one bit of the address at a time."""

    def __init__(self, nodes: npt.NDArray[np.int64], count: int, version: int) -> None:
        if version not in (4, 6):
            raise ValueError(f"addresses of version {version}")
        self.nodes, self.count = nodes, count
        self.depth = 128 if version == 6 else 32
        self.v4 = self._start_of_v4() if version == 6 else -1
        self.found: list[tuple[Numbers, Numbers, npt.NDArray[np.int64], int]] = []

    def _start_of_v4(self) -> int:
        """The node of ::/96; others lead to it as well, for 6to4 and the like."""
        at = 0
        for _ in range(96):
            if at >= self.count:
                return -1
            at = int(self.nodes[at, 0])
        return at if at < self.count else -1

    def walk(self) -> None:
        node = np.zeros(1 if self.count else 0, dtype=np.int64)
        upper = lower = np.zeros(len(node), dtype=np.uint64)
        seen = np.zeros(self.count, dtype=np.bool_)
        for depth in range(self.depth):
            alias = (node == self.v4) & ((depth != 96) | (upper != 0) | (lower != 0))
            node, upper, lower = node[~alias], upper[~alias], lower[~alias]
            if not len(node):
                return
            if seen[node].any() or len(np.unique(node)) < len(node):
                raise ValueError("its tree runs in a circle")
            seen[node] = True
            node, upper, lower = self._children(node, upper, lower, self.depth - 1 - depth)
        if len(node):
            raise ValueError("its tree is deeper than an address")

    def _children(
        self, node: npt.NDArray[np.int64], upper: Numbers, lower: Numbers, bit: int
    ) -> tuple[npt.NDArray[np.int64], Numbers, Numbers]:
        """The nodes below; what has a record is put among those found."""
        below = np.concatenate((self.nodes[node, 0], self.nodes[node, 1]))
        one = np.uint64(1 << (bit % 64))
        uppers = np.concatenate((upper, upper | one if bit >= 64 else upper))
        lowers = np.concatenate((lower, lower if bit >= 64 else lower | one))
        has = below > self.count
        self.found.append((uppers[has], lowers[has], below[has], bit))
        on = below < self.count
        return below[on], uppers[on], lowers[on]

    def leaves(self) -> tuple[Numbers, Numbers, Any, Any, Any]:
        """First address as halves, free bits, whether IPv4, and what the tree says of the record."""
        none, zero = np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64)
        upper = np.concatenate([none, *(f[0] for f in self.found)])
        lower = np.concatenate([none, *(f[1] for f in self.found)])
        place = np.concatenate([zero, *(f[2] for f in self.found)])
        bits = np.concatenate([zero, *(np.full(len(f[0]), f[3], np.int64) for f in self.found)])
        small = (upper == 0) & (lower < np.uint64(2**32)) & (bits <= 32)
        return upper, lower, bits, small, place
