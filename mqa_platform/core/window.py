"""The half-open range of days that one run computes and replaces.

Belongs here: day arithmetic of a window. Does not belong here: which days a run should take
(``partitions``) or what "today" is (the caller says it).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Window:
    """UTC days from ``lo`` (included) to ``hi`` (excluded).

    Raises:
        TypeError: a bound is not a plain date (a datetime is refused: its day depends on a time
            zone).
        ValueError: ``lo`` is not before ``hi``.
    """

    lo: date
    hi: date

    def __post_init__(self) -> None:
        """Refuse an empty or reversed window: deleting it would do nothing and hide the mistake."""
        for bound in (self.lo, self.hi):
            if not isinstance(bound, date) or isinstance(bound, datetime):
                raise TypeError(f"a window is made of dates, got {bound!r}")
        if not self.lo < self.hi:
            raise ValueError(f"a window needs lo < hi, got {self.lo} and {self.hi}")

    @classmethod
    def of(cls, first: date, last: date) -> Window:
        """The window from ``first`` to ``last``, both included."""
        return cls(first, last + ONE_DAY)

    def days(self) -> list[date]:
        """Every day of the window, oldest first."""
        return [self.lo + timedelta(days=n) for n in range((self.hi - self.lo).days)]

    def contains(self, day: date) -> bool:
        """Whether ``day`` lies inside the window."""
        return self.lo <= day < self.hi

    def __str__(self) -> str:
        """ISO-8601 interval of the included days, as written in logs and messages."""
        last = self.hi - ONE_DAY
        return self.lo.isoformat() if last == self.lo else f"{self.lo}/{last}"
