"""What a synthetic market is asked for, and what it answers: size, length, seed, summary.

Belongs here: the parameters, their limits, the calendar they span and the error they raise. Does
not belong here: any draw (``streams`` and the modules named after what they draw).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, get_args

FORMAT_VERSION = 1
DAY = 86_400_000_000
"""Microseconds of a day; every time inside the market is int64 microseconds since 1970, UTC."""
HOUR = DAY // 24
MINUTE = HOUR // 60
SECOND = 1_000_000

OWN_NAME = "Northwind Cloud"
OWN_DOMAIN = "northwind-cloud.com"
World = Literal["committee", "single_buyer", "no_signal", "wrong_icp", "noisy_intent"]
"""What buying is like; see ``worlds``."""
WORLDS: tuple[World, ...] = get_args(World)
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
    to recognise (see ``hard_cases``); ``world`` what buying is like (see ``worlds``). Intent changes by
    the share ``intent_drift``, −0.9 to 2, over ``drift_weeks`` weeks (0: at once) from the day
    ``drift_from`` on, counted from the first: −0.5 halves it.
    """

    accounts: int = 2000
    days: int = 180
    seed: int = 7
    starts_on: date = date(2025, 7, 1)
    hard_cases: float = 0.0
    world: World = "committee"
    intent_drift: float = 0.0
    drift_weeks: int = 26
    drift_from: int = 0

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
        if self.world not in WORLDS:
            raise MarketError(f"there is no world {self.world!r}; choose {', '.join(WORLDS)}")
        if not -0.9 <= self.intent_drift <= 2:
            raise MarketError(f"intent_drift is {self.intent_drift}; choose -0.9 to 2")
        if self.drift_weeks < 0 or self.drift_from < 0:
            raise MarketError("drift_weeks and drift_from are counted from 0; choose 0 or more")

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
        # A market without one of these is the same market that it was before there was such a thing.
        if not self.hard_cases:
            del stored["hard_cases"]
        if self.world == "committee":
            del stored["world"]
        if not self.intent_drift:
            for name in ("intent_drift", "drift_weeks", "drift_from"):
                del stored[name]
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
