"""Words of a brief: outside text made short and visible, days, numbers and lists as one says them.

Belongs here: what makes a text safe to put into any sentence, and small wording. Does not belong here: the
escaping of one form (``reports``), or which sentences there are (``brief_facts``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from typing import Final

LIMIT: Final = 120
_BLANK: Final = re.compile(r"\s+")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
# Controls, formats (direction, zero width), surrogates, private and unassigned code points.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# They are letters by their class and show nothing.
_FILLERS: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5")
# More marks on one letter than any script needs run over the lines above and below.
_MARKS: Final = re.compile(r"([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{3})"
                           r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+")  # fmt: skip


def shown(text: str | None, otherwise: str = "without a name", limit: int = LIMIT) -> str:
    """Outside text on one line: nothing unseen, no direction, at most ``limit`` characters, never empty."""
    # The first characters decide; a text of a million is not worth looking through.
    near = (text or "")[: limit * 20]
    seen = "".join(" " if _is_unseen(c) else c for c in near)
    one = _MARKS.sub(r"\1", _BLANK.sub(" ", seen).strip())
    if len(one) > limit:
        one = one[: limit - 1].rstrip() + "…"
    return one or otherwise


def _is_unseen(char: str) -> bool:
    return unicodedata.category(char) in _UNSEEN or char in _FILLERS or _is_variation(char)


def _is_variation(char: str) -> bool:
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0000" <= char <= "\U000e0fff"


def spoken_day(day: date) -> str:
    """A day as one says it: 3 December 2025."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """A count with its noun: 1 visit, 2 visits, 2,000 people."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(parts: Sequence[str]) -> str:
    """A, B and C."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def words(name: str) -> str:
    """A name of the policy in words."""
    return name.replace("_", " ")
