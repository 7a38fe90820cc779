"""Writes small MMDB files, so that a test can say which networks are in one.

Belongs here: the few parts of MaxMind's layout that our databases use. Does not belong here: tests.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

MARK = b"\xab\xcd\xefMaxMind.com"


def mmdb_file(networks: Mapping[str, Any], version: int = 6, kind: str = "Test") -> bytes:
    """The content of a database with these networks, none inside another; IPv4 lies at ::/96."""
    data, places = b"", {}
    for network, record in networks.items():
        places[network] = len(data)
        data += encoded(record)
    nodes: list[list[int | None]] = [[None, None]]
    leaves: list[tuple[int, int, int]] = []
    for network, place in places.items():
        bits = _bits(network, version)
        at = 0
        for bit in bits[:-1]:
            if nodes[at][bit] is None:
                nodes.append([None, None])
                nodes[at][bit] = len(nodes) - 1
            at = nodes[at][bit] or 0
        leaves.append((at, bits[-1], place))
    count = len(nodes)
    tree = [[count if child is None else child for child in node] for node in nodes]
    for at, bit, place in leaves:
        tree[at][bit] = count + 16 + place
    told = {"node_count": count, "record_size": 32, "ip_version": version, "database_type": kind}
    written = b"".join(child.to_bytes(4, "big") for node in tree for child in node)
    return written + bytes(16) + data + MARK + encoded(told)


def _bits(network: str, version: int) -> list[int]:
    block = ipaddress.ip_network(network)
    shift = 96 if version == 6 and block.version == 4 else 0
    whole = 128 if version == 6 else 32
    number, length = int(block.network_address), block.prefixlen + shift
    return [(number >> (whole - 1 - i)) & 1 for i in range(length)]


def encoded(value: Any) -> bytes:
    """A value as the data section holds it; texts below 285 bytes, maps below 29 keys."""
    if isinstance(value, bool):
        return bytes([int(value), 7])
    if isinstance(value, Mapping):
        parts = b"".join(encoded(k) + encoded(v) for k, v in value.items())
        return bytes([7 << 5 | len(value)]) + parts
    if isinstance(value, int):
        number = value.to_bytes(4, "big").lstrip(b"\0")
        return bytes([6 << 5 | len(number)]) + number
    text = str(value).encode()
    size = bytes([2 << 5 | len(text)]) if len(text) < 29 else bytes([2 << 5 | 29, len(text) - 29])
    return size + text
