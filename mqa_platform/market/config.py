"""What a synthetic market is asked for, and what it answers: size, length, seed, summary.

Belongs here: the parameters, their limits, the calendar they span and the error they raise. Does
not belong here: any draw (``streams`` and the modules named after what they draw).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

FORMAT_VERSION = 1
DAY = 86_400_000_000
"""Microseconds of a day; every time inside the market is int64 microseconds since 1970, UTC."""
HOUR = DAY // 24
MINUTE = HOUR // 60
SECOND = 1_000_000

OWN_NAME = "Northwind Cloud"
OWN_DOMAIN = "northwind-cloud.com"
COMPETITORS = (("Rivalstack Inc", "rivalstack.com"), ("Othervendor Ltd", "othervendor.io"))


class MarketError(Exception):
    """The market cannot be generated; the text names the remedy."""


@dataclass(frozen=True)
class Month:
    """One file's worth of days: ``index`` from 0, half-open microseconds ``[lo, hi)``."""

    index: int
    first_day: date
    lo: int
    hi: int

    @property
    def days(self) -> int:
        """Days of the month that belong to the market."""
        return (self.hi - self.lo) // DAY


@dataclass(frozen=True)
class MarketConfig:
    """One market. The same configuration gives the same bytes.

    ``accounts`` 200 to 100,000; ``days`` 14 to 1,095; ``seed`` any integer from 0;
    ``starts_on`` is the first day, UTC; ``hard_cases`` the share of accounts, 0 to 0.5, that are hard
    to recognise (see ``hard_cases``).
    """

    accounts: int = 2000
    days: int = 180
    seed: int = 7
    starts_on: date = date(2025, 7, 1)
    hard_cases: float = 0.0

    def __post_init__(self) -> None:
        """Refuse sizes the market was never tried at."""
        if not 200 <= self.accounts <= 100_000:
            raise MarketError(f"accounts is {self.accounts}; choose 200 to 100,000")
        if not 14 <= self.days <= 1095:
            raise MarketError(f"days is {self.days}; choose 14 to 1,095")
        if self.seed < 0:
            raise MarketError(f"seed is {self.seed}; choose 0 or more")
        if not 0 <= self.hard_cases <= 0.5:
            raise MarketError(f"hard_cases is {self.hard_cases}; choose 0 to 0.5")

    @property
    def start(self) -> int:
        """First instant of the market, microseconds."""
        begin = datetime(self.starts_on.year, self.starts_on.month, self.starts_on.day, tzinfo=UTC)
        return int(begin.timestamp()) * SECOND

    @property
    def end(self) -> int:
        """First instant after the market, microseconds."""
        return self.start + self.days * DAY

    def months(self) -> list[Month]:
        """The calendar months the market touches, cut to its first and last day."""
        out: list[Month] = []
        first, after = self.starts_on, self.starts_on + timedelta(days=self.days)
        while first < after:
            following = min((first.replace(day=1) + timedelta(days=32)).replace(day=1), after)
            lo = self.start + (first - self.starts_on).days * DAY
            hi = self.start + (following - self.starts_on).days * DAY
            out.append(Month(len(out), first, lo, hi))
            first = following
        return out

    def weeks(self) -> list[date]:
        """The Mondays inside the market: one intent file each."""
        monday = self.starts_on + timedelta(days=-self.starts_on.weekday() % 7)
        after = self.starts_on + timedelta(days=self.days)
        return [
            monday + timedelta(weeks=k) for k in range(160) if monday + timedelta(weeks=k) < after
        ]

    def as_json(self) -> dict[str, Any]:
        """The configuration as it is stored beside the files."""
        stored = asdict(self) | {"starts_on": self.starts_on.isoformat()}
        if not self.hard_cases:
            # A market without them is the same market that it was before there were any.
            del stored["hard_cases"]
        return stored


@dataclass(frozen=True)
class MarketSummary:
    """What was written: counts of the world, and rows by feed (malformed and repeated included)."""

    config: MarketConfig
    accounts: int
    crm_accounts: int
    people: int
    reps: int
    episodes: int
    opportunities: int
    opportunities_won: int
    rows: dict[str, int]

    @property
    def signal_rows(self) -> int:
        """Rows of the feeds that carry signals; the CRM's and the lead lists are not signals."""
        return sum(self.rows[feed] for feed in ("segment", "marketo", "bombora", "triggers"))

    def as_json(self) -> dict[str, Any]:
        """The summary as it is stored beside the files."""
        return asdict(self) | {"config": self.config.as_json(), "format_version": FORMAT_VERSION}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> MarketSummary:
        """Read what :meth:`as_json` wrote; raises KeyError or TypeError on anything else."""
        given = dict(stored)
        del given["format_version"]
        config = dict(given.pop("config"))
        starts_on = date.fromisoformat(config.pop("starts_on"))
        return cls(config=MarketConfig(starts_on=starts_on, **config), **given)
