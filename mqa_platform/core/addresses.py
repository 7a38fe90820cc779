"""Addresses as numbers that sort and search fast: IPv4 as int64, IPv6 as 16 bytes.

Belongs here: text → number, and how large a range is. Does not belong here: finding the range of an
address (``ranges``), or reading a vendor's spelling of a range (``sources.addresses``).
"""

from __future__ import annotations

import ipaddress
import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Integers = npt.NDArray[np.int64]
Keys = npt.NDArray[np.bytes_]
# What stands where the text is no address of the version asked for. No range may start there: ``::`` is
# the unspecified address, and nobody visits from it.
NO_V4 = -1
NO_V6 = b""
HEX_DIGITS = 32
# What the 96 bits before an IPv4 address are where it is written as IPv6: mapped, and translated.
_MAPPED = (bytes(10) + b"\xff\xff", bytes(8) + b"\xff\xff\0\0")


def ipv4_numbers(addresses: pa.Array) -> Integers:
    """IPv4 addresses as integers below 2**32; −1 where the text is not one."""
    parts = pc.extract_regex(
        pc.fill_null(addresses, ""),
        r"^(?P<a>\d{1,3})\.(?P<b>\d{1,3})\.(?P<c>\d{1,3})\.(?P<d>\d{1,3})$",
    )
    octets = [
        pc.fill_null(pc.cast(pc.struct_field(parts, name), pa.int64()), -1).to_numpy(
            zero_copy_only=False
        )
        for name in "abcd"
    ]
    valid = np.logical_and.reduce([(o >= 0) & (o <= 255) for o in octets])
    number = ((octets[0] * 256 + octets[1]) * 256 + octets[2]) * 256 + octets[3]
    return np.where(valid, number, NO_V4)


def ipv6_keys(addresses: pa.Array) -> Keys:
    """IPv6 addresses as 16 bytes in network order; empty where the text is not one.

    An IPv4 address written as IPv6 (``::ffff:192.0.2.1``) is an IPv4 address: see ``plain``.
    """
    colons = pc.fill_null(pc.match_substring(addresses, ":"), False)
    keys = np.zeros(len(addresses), dtype="S16")
    at = np.flatnonzero(colons.to_numpy(zero_copy_only=False))
    if len(at):
        # Distinct addresses come here, so a loop over those of version 6 is a loop over values.
        keys[at] = [_packed(text) for text in addresses.take(pa.array(at)).to_pylist()]
    return keys


def _packed(text: str) -> bytes:
    try:
        return ipaddress.IPv6Address(text.partition("%")[0]).packed
    except ValueError:
        return NO_V6


def plain(addresses: pa.Array) -> pa.Array:
    """Addresses as logs and proxies write them, as bare addresses; other text stays what it is.

    Of a forwarded list the first counts, which is the visitor. Brackets and ports go, and an IPv4
    address that is written as IPv6, in any of its spellings, is an IPv4 address.
    """
    text = pc.utf8_trim_whitespace(pc.fill_null(addresses, ""))
    text = pc.utf8_trim_whitespace(pc.replace_substring_regex(text, r",.*$", ""))
    text = pc.replace_substring_regex(text, r"^\[([^\]]*)\](?::\d{1,5})?$", r"\1")
    text = pc.replace_substring_regex(text, r"^(\d+\.\d+\.\d+\.\d+):\d{1,5}$", r"\1")
    text = pc.replace_substring_regex(text, r"(?i)^::ffff:(?:0:)?(\d+\.\d+\.\d+\.\d+)$", r"\1")
    # Other spellings of the same are rare, and told by what they end in.
    odd = pc.match_substring_regex(text, r"(?i)^[0:]*:ffff:(?:0:)?[0-9a-f.:]+$").to_numpy(
        zero_copy_only=False
    )
    if not odd.any():
        return text
    values = text.to_pylist()
    for at in np.flatnonzero(odd).tolist():
        packed = _packed(values[at])
        if packed[:12] in _MAPPED:
            values[at] = str(ipaddress.IPv4Address(packed[12:]))
    return pa.array(values, pa.string())


def masked_host(host: str, domain: str) -> str:
    """A host name without the address that a provider may have spelled into it.

    Digits become 0, and a to f beside digits become a, so that the shape stays, which is what a
    pattern for dialled-in hosts looks at: ``pool-71-255-10-7.prov.net`` is ``pool-00-000-00-0.prov.net``.
    """
    front = host.removesuffix(domain)
    words = re.split(r"([^0-9A-Za-z]+)", front)
    masked = [_masked(w) if any(c.isdigit() for c in w) else w for w in words]
    return "".join(masked) + host[len(front) :]


def _masked(word: str) -> str:
    return re.sub(r"[a-fA-F]", "a", re.sub(r"[0-9]", "0", word))


def keys_of_hex(digits: pa.Array) -> Keys:
    """16 bytes of 32 hexadecimal digits each, as ``landed_ip_ranges`` holds IPv6 addresses."""
    text = "".join(digits.to_pylist())
    return np.frombuffer(bytes.fromhex(text), dtype="S16")


def halves(keys: Keys) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """The upper and the lower 64 bits of 16-byte keys."""
    pairs = np.frombuffer(np.ascontiguousarray(keys).tobytes(), dtype=">u8").reshape(-1, 2)
    return pairs[:, 0].astype(np.uint64), pairs[:, 1].astype(np.uint64)


def sizes(start: np.ndarray, end: np.ndarray) -> npt.NDArray[np.float64]:
    """How many addresses each range has beyond its first: exact to 2**53, ordered above that."""
    if start.dtype.kind != "S":
        return (end - start).astype(np.float64)
    (start_hi, start_lo), (end_hi, end_lo) = halves(start), halves(end)
    borrow = (end_lo < start_lo).astype(np.uint64)
    upper = (end_hi - start_hi - borrow).astype(np.float64)
    return upper * 2.0**64 + (end_lo - start_lo).astype(np.float64)


def shown(start: object, end: object) -> str:
    """A range as text that names nobody: a network narrower than an office's is shown as that.

    An address that retention has dropped must not come back as the evidence of a match, so nothing
    below an IPv4 /24 or an IPv6 /48 is told.
    """
    first: ipaddress.IPv4Address | ipaddress.IPv6Address
    last: ipaddress.IPv4Address | ipaddress.IPv6Address
    if isinstance(start, bytes) and isinstance(end, bytes):
        first, last = (ipaddress.IPv6Address(key.ljust(16, b"\0")) for key in (start, end))
        shortest = 48
    else:
        first, last = (ipaddress.IPv4Address(int(str(n))) for n in (start, end))
        shortest = 24
    network = ipaddress.ip_network(f"{first}/{shortest}", strict=False)
    if last in network:
        return str(network)
    return f"{network.network_address}-{last}"
