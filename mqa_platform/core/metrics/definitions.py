"""What a metric is: its words, its unit, its method, and which rows of its facts count for what.

Belongs here: the shape of a definition. Does not belong here: the metrics themselves (``of_episodes``,
``of_deals``, ``of_programme``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import ibis
import ibis.expr.types as ir

from mqa_platform.policy.models import Policy

# What a figure can be cut by; a metric names those that it has.
DIMENSIONS: Final = (
    "motion", "tier", "segment", "score_type", "evidence_rule", "rep_id", "team", "signal", "origin",
    "channel", "campaign",
)  # fmt: skip
# How many MQAs a rep and quarter practitioners name; it is shown beside the figure, and aimed at by nothing.
BAND: Final = (30, 100)


@dataclass(frozen=True)
class Counted:
    """Which rows of the facts count for a metric, and for what.

    Attributes:
        numerator: counts above and below the line.
        denominator: counts below the line; what is neither is censored: it says nothing yet.
        amount: what is summed, ranked or watched of it: hours, days or money.
        applies: rows that the metric is about at all; None: every one.
    """

    numerator: ir.BooleanValue
    denominator: ir.BooleanValue
    amount: ir.Value | None = None
    applies: ir.BooleanValue | None = None


Count = Callable[[ir.Table, Policy], Counted]


@dataclass(frozen=True)
class Metric:
    """One metric, defined once.

    Attributes:
        name: as in ``conversion_metrics``.
        definition: one sentence; ``{meeting}``, ``{opportunity}`` and ``{won}`` are the windows in days.
        unit: share, accounts, days, hours, currency, ratio or per rep.
        method: how value and interval are computed; see ``summaries.METHODS``.
        facts: the rows it is counted in: episode, deal, engaged or coverage.
        dimensions: what it can be cut by.
        count: see ``Counted``.
        cohort: what the cohort is a period of.
        columns: another column of the facts in the place of a dimension's own, or of ``cohort``.
        rolls_up: whether the cohorts together are the cohort ``all``.
        horizon: the window that a Kaplan-Meier share is read at.
        of_spend: whether it is held against spend: what is of a month without any known is censored.
    """

    name: str
    definition: str
    unit: str
    method: str
    facts: str
    dimensions: tuple[str, ...]
    count: Count
    cohort: str = "month of mqa_on"
    columns: dict[str, str] = field(default_factory=dict)
    rolls_up: bool = True
    horizon: Callable[[Policy], int] | None = None
    of_spend: bool = False

    def words(self, policy: Policy) -> str:
        """The definition with the policy's windows."""
        w = policy.conversions
        return self.definition.format(
            meeting=w.meeting_window_days,
            opportunity=w.opportunity_window_days,
            won=w.won_window_days,
            currency=policy.program.currency,
            band=f"{BAND[0]} to {BAND[1]}",
        )


def yes(t: ir.Table) -> ir.BooleanValue:
    """True on every row."""
    return t["account_id"].isnull() | t["account_id"].notnull()


def no(t: ir.Table) -> ir.BooleanValue:
    """False on every row."""
    return t["account_id"].isnull() & t["account_id"].notnull()


def month_text(day: ir.DateValue) -> ir.StringValue:
    """A day's month as ``2026-01``."""
    number = (day.year() * 100 + day.month()).cast("int64").cast("string")
    return number.substr(0, 4) + "-" + number.substr(4, 2)


def quarter_text(day: ir.DateValue) -> ir.StringValue:
    """A day's quarter as ``2026-Q1``."""
    quarter = ibis.cases(
        (day.month() <= 3, "1"), (day.month() <= 6, "2"), (day.month() <= 9, "3"), else_="4"
    )
    return day.year().cast("int64").cast("string") + "-Q" + quarter


def age(day: ir.DateValue, as_of: date) -> ir.IntegerValue:
    """Days from a day to ``as_of``."""
    return ibis.literal(as_of).delta(day, unit="day")
