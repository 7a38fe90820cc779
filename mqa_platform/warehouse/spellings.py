"""The ways in which a text may be written where it is stored: in any case, and inside JSON.

Belongs here: one pattern that Python, Arrow, DuckDB and PostgreSQL read alike, and the SQL condition of the
values that may hold a text. Does not belong here: whose texts they are (``sources``), or taking them out
(``erasing``).

An engine whose locale knows ASCII alone leaves other letters as they are, so these stand in a pattern in
both cases.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence

from mqa_platform.contracts.rules import literal, quoted

# JSON inside JSON has more backslashes.
_BACKSLASH = re.escape("\\")


def spelled(text: str) -> str:
    """A pattern of a text in any case of letters, as it is or with escapes of JSON."""
    return "".join(map(_letter, text))


def any_of(texts: Collection[str]) -> re.Pattern[str]:
    """Whichever of the texts stands there, the longest first."""
    listed = sorted(texts, key=lambda text: (-len(text), text))
    return re.compile("|".join(map(spelled, listed)) or r"(?!)", re.IGNORECASE)


def _letter(sign: str) -> str:
    if sign.isascii() and sign not in '"\\/':
        return re.escape(sign)
    forms = dict.fromkeys(
        form for one in (sign, sign.lower(), sign.upper()) for form in (one, json.dumps(one)[1:-1])
    )
    # A slash may be escaped, though json.dumps does not.
    forms |= {"\\/": None} if sign == "/" else {}
    written = (re.escape(form).replace(_BACKSLASH, f"{_BACKSLASH}+") for form in forms)
    return f"(?:{'|'.join(written)})"


def ascii_part(text: str) -> str:
    """The longest stretch of a text that stands the same wherever it is written, in lower case."""
    return max(re.split(r"[^ !#-.0-\[\]-~]+", text), key=len).lower()


def may_hold(columns: Sequence[str], texts: Collection[str]) -> str:
    """The SQL condition of the rows in which one of the texts stands in one of the columns."""
    return " OR ".join(
        f"POSITION({literal(form)} IN {column}) > 0"
        for name in columns
        for text in texts
        for form, column in _forms(text, quoted(name))
    )


def _forms(text: str, column: str) -> list[tuple[str, str]]:
    """What to look for in a column, and in which form of it."""
    small = f"LOWER({column})"
    found = [(text.lower(), small)]
    if json.dumps(text)[1:-1] != text:
        cases = dict.fromkeys((text, text.lower(), text.upper(), text.title()))
        found += [(one, column) for one in cases]
        escaped = dict.fromkeys(json.dumps(one)[1:-1].lower() for one in cases)
        found += [(one, small) for one in escaped]
        # Of JSON inside JSON.
        found += [(json.dumps(one)[1:-1], small) for one in escaped]
    return found
