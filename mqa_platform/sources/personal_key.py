"""The install key: what people and addresses are called once their clear text is gone.

Belongs here: the key, the digests made with it, and the record of which keys a home's data landed
under. Does not belong here: finding addresses in text (``redaction``) or dropping them after their
time (``retention``).

Two installs with different keys give one person different names, and so does one install whose key
was changed. That is why a home remembers, by fingerprint, every key it has landed data under.
"""

from __future__ import annotations

import hmac
import os
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from mqa_platform.core.ip_answers import DROPPED
from mqa_platform.home import Home

VARIABLE: Final = "MQA_PII_KEY"
DEVELOPMENT_KEY: Final = b"mqa-development-key"
# What stands in the place of the key of somebody who was erased; nobody's key is all zeros.
ERASED_KEY: Final = "0" * 32
_USED = "personal_keys.txt"
# Digests of the erased addresses that are not to be known again; see ``tombstones``.
_ERASED: ContextVar[frozenset[str]] = ContextVar("erased_addresses", default=frozenset())
# Where the keys of addresses with a plus are noted; see ``plus_addresses``.
_PLUS: ContextVar[dict[str, str] | None] = ContextVar("plus_addresses", default=None)
REMEDY: Final = (
    f"set {VARIABLE} to a secret of your own and keep it; then move landing and warehouse away and land "
    "the files again (docs/privacy.md)"
)


def install_key() -> bytes:
    """``MQA_PII_KEY``, or the documented development key, so that demos and tests agree."""
    return os.environ.get(VARIABLE, "").encode() or DEVELOPMENT_KEY


def normal_email(address: str) -> str:
    """The address in the form that is hashed: stripped, NFC, case folded."""
    return unicodedata.normalize("NFC", address.strip()).casefold()


def email_key(address: str) -> str:
    """The identity key of an address: HMAC-SHA256 under the install key, first 32 hex digits.

    A key of one's own makes published identities worthless to whoever does not hold it. Of an erased
    address it is ``ERASED_KEY``, inside ``forgetting``.
    """
    erased = _ERASED.get()
    if erased and address_digest(address) in erased:
        return ERASED_KEY
    normal = normal_email(address)
    key = _digest(normal)[:32]
    noted = _PLUS.get()
    if noted is not None and "+" in normal and (base := base_email(normal)) != normal:
        noted |= dict.fromkeys((key, _digest(base)[:32]), address_digest(base))
    return key


def base_email(address: str) -> str:
    """The normal address without what follows a plus: ``Jane+News@acme.com`` → ``jane@acme.com``."""
    local, _, domain = normal_email(address).rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


def address_digest(address: str) -> str:
    """What is kept of an erased address: another digest than its key, the same for its spellings."""
    return _digest(f"erased address {base_email(address)}")[:32]


def record_digest(kind: str, ref: str) -> str:
    """What is kept of the id of an erased browser or record."""
    return _digest(f"erased {kind} {ref}")[:32]


@contextmanager
def forgetting(digests: frozenset[str]) -> Iterator[None]:
    """In this block the addresses of these digests have no key of their own."""
    token = _ERASED.set(digests)
    try:
        yield
    finally:
        _ERASED.reset(token)


@contextmanager
def noting_plus() -> Iterator[dict[str, str]]:
    """Notes in this block the keys of addresses with a plus, and without: key → address digest."""
    noted: dict[str, str] = {}
    token = _PLUS.set(noted)
    try:
        yield noted
    finally:
        _PLUS.reset(token)


def ip_tokens(addresses: Iterable[str]) -> dict[str, str]:
    """What stands in place of each dropped IP address: ``ip:`` and 16 hex digits of its HMAC."""
    key = install_key()
    return {a: DROPPED + hmac.digest(key, a.encode(), "sha256").hex()[:16] for a in addresses}


def visitor_id(text: str) -> str:
    """The name of a visitor known by address and browser only, so that the address is not in it."""
    return f"visitor:{_digest(text)[:24]}"


def _digest(text: str) -> str:
    return hmac.digest(install_key(), text.encode(), "sha256").hex()


def fingerprint(key: bytes) -> str:
    """What tells keys apart without giving one away: 12 hex digits."""
    return hmac.digest(key, b"mqa install key", "sha256").hex()[:12]


def keys_used(home: Home) -> set[str]:
    """Fingerprints of the keys that personal data of this home has landed under."""
    try:
        return set((home.landing / _USED).read_text().split())
    except FileNotFoundError:
        return set()


def note_key(home: Home) -> None:
    """Remember that personal data has landed under the key in force."""
    used = keys_used(home) | {fingerprint(install_key())}
    if used != keys_used(home):
        home.landing.mkdir(parents=True, exist_ok=True)
        partial = home.landing / f".{_USED}.{os.getpid()}"
        partial.write_text("\n".join(sorted(used)) + "\n")
        partial.replace(home.landing / _USED)


def key_problem(home: Home) -> str:
    """What is wrong with the keys of this home's personal data; empty when nothing is."""
    used = keys_used(home)
    if fingerprint(DEVELOPMENT_KEY) in used and not is_demo(home):
        return "personal data has landed under the public development key"
    if used and used != {fingerprint(install_key())}:
        return f"personal data has landed under another key than the one {VARIABLE} holds now"
    return ""


def is_demo(home: Home) -> bool:
    """Whether the people of this home are made up or public: the demo, its shadows, the examples."""
    above = home.root.parent.parent if home.root.parent.name == home.shadows.name else home.root
    return Home(above).truth.exists() or home.root.parent.name == home.examples.name
