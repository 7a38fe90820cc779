"""Company names reduced to what identifies the company.

Belongs here: the one cleaning rule that landing and matching share. Does not belong here: deciding
which account a name is (``identity``).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_LEGAL = frozenset(
    {
        "inc",
        "incorporated",
        "corp",
        "corporation",
        "co",
        "company",
        "companies",
        "llc",
        "llp",
        "ltd",
        "limited",
        "plc",
        "gmbh",
        "mbh",
        "ag",
        "kg",
        "sa",
        "sas",
        "sarl",
        "spa",
        "srl",
        "nv",
        "bv",
        "oy",
        "ab",
        "as",
        "aps",
        "pty",
        "pvt",
        "private",
        "group",
        "holding",
        "holdings",
        "intl",
        "international",
    }  # fmt: skip
)
_NOT_NAME = re.compile(r"[^\w]+", re.UNICODE)


@lru_cache(maxsize=200_000)
def clean_company_name(name: str) -> str:
    """The name without case, punctuation, legal suffix or article; empty if nothing is left.

    Only trailing suffixes go, so that "International Paper" keeps its first word.
    """
    text = unicodedata.normalize("NFKC", name).casefold().replace("&", " and ")
    words = [w for w in _NOT_NAME.sub(" ", text.replace("'", "")).split() if w]
    if words and words[0] == "the":
        words = words[1:]
    while len(words) > 1 and words[-1] in _LEGAL:
        words.pop()
    return " ".join(words)
