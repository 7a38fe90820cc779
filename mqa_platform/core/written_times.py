"""Zones, weekdays and times of day as people write them.

Belongs here: reading one word or list of them. Does not belong here: what stands in for what cannot be read
(``calendars``).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from zoneinfo import available_timezones

from mqa_platform.policy.sla import NO_ZONES, WEEKDAYS

_CLOCK: Final = re.compile(
    r"^(\d{1,2})(?:[:.](\d{2}))?(?::\d{2}(?:\.\d+)?)?\s*(?:([ap])\.?(?:m\.?)?)?$"
)
_BETWEEN: Final = re.compile(r"\s*(?:-|–|—|\bto\b)\s*")
_LISTED: Final = re.compile(r"\s*[;,|/]\s*|\s+(?:and\s+)?")


def seconds_of_day(text: str) -> int | None:
    """A time of day in seconds; None for what is none."""
    found = _CLOCK.match(text.strip().lower())
    if not found:
        return None
    hour, minute, half = int(found[1]), int(found[2] or 0), found[3]
    if half and not 1 <= hour <= 12:
        return None
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    total = hour * 3600 + minute * 60
    return total if minute < 60 and total <= 86_400 else None


def _weekday(word: str) -> int | None:
    short = word.strip(" .").lower()
    known = [i for i, day in enumerate(WEEKDAYS) if short.startswith(day)]
    return known[0] if known else None


def weekdays_of(text: str) -> frozenset[int] | None:
    """Weekdays of a list such as ``mon;tue`` or ``Sun-Thu``; None when a word of it is no day."""
    found: set[int] = set()
    for part in _LISTED.split(_BETWEEN.sub("-", text.strip())):
        ends = [_weekday(word) for word in part.split("-")] if part else []
        if None in ends or len(ends) > 2:
            return None
        days = [day for day in ends if day is not None]
        between = (days[-1] - days[0]) % 7 + 1 if days else 0
        found |= {(days[0] + n) % 7 for n in range(between)}
    return frozenset(found) or None


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    return {name.lower(): name for name in sorted(available_timezones() - NO_ZONES)}


def zone_name(text: str) -> str | None:
    """The name of a zone however its letters are cased; ``us_slash_eastern`` is how one CRM says it."""
    wanted = text.strip().lower().replace("_slash_", "/").replace(" ", "_")
    return _zones().get(wanted)
