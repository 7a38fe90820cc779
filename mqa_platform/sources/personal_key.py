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
from collections.abc import Iterable
from typing import Final

from mqa_platform.core.ip_answers import DROPPED
from mqa_platform.home import Home

VARIABLE: Final = "MQA_PII_KEY"
DEVELOPMENT_KEY: Final = b"mqa-development-key"
_USED = "personal_keys.txt"
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

    A key of one's own makes published identities worthless to whoever does not hold it.
    """
    return _digest(normal_email(address))[:32]


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
