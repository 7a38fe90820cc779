"""What vendors write for yes and no to being followed, as granted and denied.

Belongs here: the words, and the consent objects of banners. Does not belong here: whose word it is
(``consents``, ``segment``), or what it takes away (``core.consents``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from mqa_platform.sources.columns import each_unique

GRANTED, DENIED = "granted", "denied"
_YES: Final = frozenset(
    [
        "granted",
        "grant",
        "given",
        "yes",
        "true",
        "1",
        "y",
        "opt_in",
        "opted_in",
        "optin",
        "allow",
        "allowed",
        "accept",
        "accepted",
        "agreed",
        "consented",
        "confirmed",
    ]
)
_NO: Final = frozenset(
    [
        "denied",
        "deny",
        "no",
        "false",
        "0",
        "n",
        "opt_out",
        "opted_out",
        "optout",
        "disallow",
        "disallowed",
        "reject",
        "rejected",
        "refused",
        "declined",
        "withdrawn",
        "withdraw",
        "revoked",
        "revoke",
        "objected",
        "expired",
    ]
)


def consent_word(text: str) -> str | None:
    """granted, denied, or None where the word is neither; case, blanks and dashes do not matter."""
    word = "_".join(text.strip().casefold().replace("-", " ").replace("_", " ").split())
    if word in _YES:
        return GRANTED
    return DENIED if word in _NO else None


def consent_words(values: pa.Array, categories: Sequence[str] = ()) -> pa.Array:
    """A column of words, or of consent objects as JSON text; null where neither yes nor no is said.

    Args:
        values: such as ``withdrawn`` or ``{"categoryPreferences": {"Analytics": true}}``.
        categories: which categories of an object must all be allowed; none means all that it names.
            One that the object lacks was not allowed.
    """

    def read(text: str) -> str | None:
        return _of_object(text, categories) if text.lstrip()[:1] == "{" else consent_word(text)

    return each_unique(values, read)


def _of_object(text: str, categories: Sequence[str]) -> str | None:
    try:
        preferences = json.loads(text).get("categoryPreferences")
    except ValueError:
        return None
    if not isinstance(preferences, dict) or not preferences:
        return None
    wanted = categories or list(preferences)
    allowed = all(preferences.get(category) is True for category in wanted)
    return GRANTED if allowed else DENIED
