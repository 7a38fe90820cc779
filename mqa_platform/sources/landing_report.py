"""What a landing has to say: rows by source, batches held back, sources that did not answer.

Belongs here: the report and how its texts are made fit to print. Does not belong here: landing
(``landing``) or showing it (``assets``, ``cli``).
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from mqa_platform.sources.redaction import without_emails

_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LONGEST: Final = 1_000


@dataclass(frozen=True)
class HeldBatch:
    """A file or page of which no row is used, and why."""

    source: str
    file: str
    reason: str


@dataclass(frozen=True)
class Problem:
    """A source that gave no answer, or one of its files that may not be read.

    ``status`` is unreachable, lost_permission, refused or unreadable.
    """

    source: str
    status: str
    message: str


@dataclass
class LandingReport:
    """What a run landed: rows by source, and what it has to say about the rest."""

    files: int = 0
    known: int = 0
    rows: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    quarantined: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    reasons: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    messages: list[str] = field(default_factory=list)
    held: list[HeldBatch] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def degraded(self) -> bool:
        """Whether something that should have been read was not."""
        return bool(self.held or self.problems)

    def told(self) -> list[str]:
        """Every message, the worst first."""
        problems = [f"{p.source}: {p.status}: {p.message}" for p in self.problems]
        held = [f"{h.source}: {h.file} is held: {h.reason}" for h in self.held]
        return [*problems, *held, *self.messages]


def plain_text(text: str) -> str:
    """A name or message from outside as one printable line that every engine stores.

    A message may show a row, such as one that stands where a header should: nobody's address is in it.
    """
    return _UNPRINTABLE.sub("\ufffd", without_emails(text))[:_LONGEST]
