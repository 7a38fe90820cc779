"""How long ago anybody decided on the thresholds in force.

Belongs here: the age of each threshold, and the sentence that flags one. Does not belong here: where reviews are
kept (``threshold_reviews``), whether the numbers still agree with a threshold (``drift``), or solving (``solver``).

A threshold is decided on when it changes, and when somebody looks at it and says that it stays. A promotion of
something else is no decision about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from mqa_platform.core.calibration.entries import thresholds
from mqa_platform.core.history import PolicyHistory


@dataclass(frozen=True)
class Age:
    """One threshold in force: since when nobody has decided on it, in days, and after how many that is flagged."""

    motion: str
    tier: str
    threshold: float
    since: date
    days: int
    limit: int

    @property
    def is_stale(self) -> bool:
        """Whether a review is due."""
        return self.days > self.limit

    @property
    def says(self) -> str:
        """The age as a sentence."""
        words = (
            f"The threshold {self.threshold:g} of tier {self.tier} was last decided on "
            f"{self.days} days ago, on {self.since.isoformat()}"
        )
        if self.is_stale:
            return f"{words}: a review was due after {self.limit} days."
        return f"{words}; a review is due after {self.limit} days."


def stale_thresholds(
    history: PolicyHistory, reviewed: Iterable[date], as_of: date, motion: str | None = None
) -> list[Age]:
    """The age of every threshold in force on a day, oldest decision first.

    Args:
        history: which policies were in force when. What was in force from the beginning counts from
            ``program.history_starts_on``.
        reviewed: days on which somebody looked at the thresholds and left them; later ones than ``as_of`` were
            not known then.
        as_of: the day.
        motion: of one motion; None: of all.
    """
    known = [day for day in reviewed if day <= as_of]
    now = history.effective_on(as_of).policy
    found = []
    for policy in now.motions():
        name = policy.program.motion
        if motion is not None and name != motion:
            continue
        for tier, bar in thresholds(policy).items():
            since = max([_since(history, name, tier, as_of, now.program.history_starts_on), *known])
            days = max(0, (as_of - since).days)
            found.append(Age(name, tier, bar, since, days, policy.calibration.review_days))
    return sorted(found, key=lambda a: (-a.days, a.motion, a.tier))


def stale_line(ages: Sequence[Age]) -> str | None:
    """One line on all thresholds that are stale; None where none is."""
    old = [a for a in ages if a.is_stale]
    if not old:
        return None
    oldest = max(old, key=lambda a: a.days)
    which = "The thresholds" if len(old) == len(ages) else f"{len(old)} of {len(ages)} thresholds"
    verb = "was" if len(old) == 1 and len(ages) > 1 else "were"
    return (
        f"{which} {verb} last decided on {oldest.days} days ago ({oldest.since.isoformat()}): "
        f"a review was due after {oldest.limit} days."
    )


def _since(history: PolicyHistory, motion: str, tier: str, as_of: date, first: date) -> date:
    """The first day of the stretch of days up to ``as_of`` on which the tier had the threshold it has."""
    since, held = first, None
    for number, entry in enumerate(e for e in history.entries if e.effective_from <= as_of):
        bar = next(
            (thresholds(p).get(tier) for p in entry.policy.motions() if p.program.motion == motion),
            None,
        )
        if number and bar != held:
            since = entry.effective_from
        held = bar
    return since
