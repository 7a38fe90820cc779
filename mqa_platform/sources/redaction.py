"""Redaction: clear e-mail addresses and IP addresses out of text that is kept.

Belongs here: finding addresses in text, and what is written in their place. Does not belong here: the
key they are hashed under (``personal_key``), or columns that hold one address by right, such as
``landed_users.email``.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

import pyarrow as pa

from mqa_platform.sources.columns import each_unique, flat
from mqa_platform.sources.personal_key import ERASED_KEY, email_key

# What stands in the place of an address of somebody who was erased.
ERASED: Final = "[erased]"
# An at sign as written, and as URLs, JSON and HTML write it.
_AT = r"(?:@|%(?:25)?40|\\u0040|&#(?:64|x40);)"
_SIGNS: Final = (b"@", b"%40", b"%2540", b"\\u0040", b"&#64;", b"&#x40;")
# Bounded, so that a long text without blanks costs no more than its length.
_ADDRESS: Final = re.compile(
    r"(?P<local>[^@\s<>\",;]{1,256}?)"
    + _AT
    + r"(?P<domain>(?:[^\W_]|[-_])+(?:\.(?:[^\W_]|[-_])+)*\.[^\W\d_](?:[^\W_]|-)*)"
)
# Where the text before an address ends, as in ``/welcome/`` or ``?email=``.
_BEFORE: Final = re.compile(r"[/?&=:|()\[\]{}\\#]")
_HALF: Final = re.compile(r"[^@\s<>\",;]{0,256}" + _AT + r"[^@\s<>\",;]*$")
_IPV4: Final = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\d)")
_IPV6: Final = re.compile(
    r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{0,4})(?![\w:])"
)


def redacted(values: pa.Array) -> pa.Array:
    """A text column without clear e-mail addresses; rows without one stay as they are.

    ``/welcome/jane@acme.com`` becomes ``/welcome/<16 hex digits>@acme.com``. The digits are the
    first of ``personal_key.email_key``, so that whoever holds the key can find a person again.
    """
    if not _may_hold_any(values):
        return values
    return each_unique(values, without_emails)


def _may_hold_any(values: pa.Array) -> bool:
    """Whether an at sign is anywhere in the column's bytes: one pass over memory, not over rows."""
    text = flat(values)
    content = text.buffers()[2]
    if content is None or not len(text):
        return False
    octets = content.to_pybytes()
    # One byte is found many times faster than several, and most columns have none of them.
    return any(sign[:1] in octets and sign in octets for sign in _SIGNS)


def without_emails(text: str) -> str:
    """The text with every e-mail address as ``<16 hex digits>@domain``."""
    if not any(sign.decode() in text for sign in _SIGNS):
        return text
    return _ADDRESS.sub(_hashed, text)


def addresses_in(text: str) -> Iterator[str]:
    """Every e-mail address in a text, as a person writes it."""
    if any(sign.decode() in text for sign in _SIGNS):
        for found in _ADDRESS.finditer(text):
            _, name, domain = _parts(found)
            yield f"{name}@{domain}"


def _parts(found: re.Match[str]) -> tuple[str, str, str]:
    """What stands before an address, its name and its domain."""
    local, domain = found["local"], found["domain"].rstrip(".")
    starts = [m.end() for m in _BEFORE.finditer(local)]
    # An address may hold such a sign itself, even as its last one: then all of it is hashed.
    start = starts[-1] if starts and starts[-1] < len(local) else 0
    return local[:start], unquote(local[start:]).lstrip("'`*"), domain


def _hashed(found: re.Match[str]) -> str:
    prefix, name, domain = _parts(found)
    key = email_key(f"{name}@{domain}")
    return prefix + (ERASED if key == ERASED_KEY else f"{key[:16]}@{domain}")


def shortened(text: str, limit: int) -> str:
    """The first ``limit`` characters, without an e-mail address that the cut would leave half there."""
    return text if len(text) <= limit else _HALF.sub("", text[:limit])


def without_ips(text: str) -> str:
    """The text with IP addresses cut: ``192.0.x.x``, ``2001:0db8:x``.

    For raw rows that are kept for whoever mends them: which network a row is from may help, whose
    line it is may not be seen.
    """
    return _IPV4.sub(_cut_ipv4, _IPV6.sub(_cut_ipv6, text))


def _cut_ipv4(found: re.Match[str]) -> str:
    octets = found[0].split(".")
    if any(int(octet) > 255 for octet in octets):
        return found[0]
    return f"{octets[0]}.{octets[1]}.x.x"


def _cut_ipv6(found: re.Match[str]) -> str:
    try:
        address = ipaddress.IPv6Address(found[0])
    except ValueError:
        return found[0]
    # Nobody has the unspecified address, and a pair of colons means many things.
    return found[0] if not int(address) else f"{address.exploded[:9]}:x"
