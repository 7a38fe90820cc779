"""Sentences of a brief taken apart: the platform's text, the words of others, and the numbers of the sources.

Belongs here: what all forms of a brief share. Does not belong here: any one form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

TITLES: Final = {
    "why_now": "Why now",
    "insight": "What changed",
    "score": "Score and its parts",
    "people": "Who acted",
    "committee": "The buying committee",
    "anonymous": "Visits without a name",
    "intent": "Intent",
    "triggers": "News",
    "pages": "Pages and topics",
    "pain_points": "Likely pain points",
    "history": "History with us",
    "next": "What to do",
}
_SLOT: Final = re.compile(r"\{([a-z0-9_]+)\}")


@dataclass
class Sources:
    """The numbers under which sets of touchpoints are cited, in the order of their first use."""

    numbers: dict[tuple[str, ...], int] = field(default_factory=dict)

    def number(self, sentence: dict[str, Any]) -> int | None:
        """The number of a sentence's source; None for one that cites no touchpoint."""
        cites = tuple(sentence["cites"])
        return self.numbers.setdefault(cites, len(self.numbers) + 1) if cites else None

    def listed(self) -> Iterator[tuple[int, tuple[str, ...]]]:
        """(number, signal ids) in order."""
        yield from ((number, cites) for cites, number in self.numbers.items())


def facts_of(text: str) -> dict[str, Any]:
    """The facts as they are published."""
    facts: dict[str, Any] = json.loads(text)
    return facts


def said(sentence: dict[str, Any], escape: Callable[[str], str]) -> str:
    """The sentence in one form: its own text as it is, every word of others escaped."""
    words = sentence["words"]
    return _SLOT.sub(lambda m: escape(words[m[1]]) if m[1] in words else m[0], sentence["text"])
