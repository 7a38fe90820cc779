"""Metrics counted in episodes: what became of each account that qualified.

Belongs here: their definitions. Does not belong here: the facts of an episode (``facts``).
"""

from __future__ import annotations

from typing import Final

import ibis
import ibis.expr.types as ir

from mqa_platform.core.metrics.definitions import Count, Counted, Metric, no, yes
from mqa_platform.policy.models import Policy

_DIMENSIONS: Final = (
    "motion", "tier", "segment", "score_type", "evidence_rule", "rep_id", "team", "signal",
)  # fmt: skip


def _window(name: str, policy: Policy) -> int:
    return int(getattr(policy.conversions, f"{name}_window_days"))


def _within(window: str, on: str) -> Count:
    """Outcome ÷ episodes whose window has passed; younger ones are censored, whatever they did already."""

    def count(t: ir.Table, policy: Policy) -> Counted:
        mature = t["age_days"] >= _window(window, policy)
        return Counted(mature & t[on].notnull(), mature)

    return count


def _watched(window: str, on: str) -> Count:
    """Days watched up to the outcome, the end of the window or today, whichever came first."""

    def count(t: ir.Table, policy: Policy) -> Counted:
        days = _window(window, policy)
        had = t[on].notnull()
        to_event = t[on].delta(t["mqa_on"], unit="day")
        watched = ibis.ifelse(had, to_event, ibis.least(t["age_days"], ibis.literal(days)))
        return Counted(had, t["age_days"] >= days, watched)

    return count


def _share(name: str, window: str, on: str, words: str) -> tuple[Metric, Metric]:
    """A rate over mature episodes and its Kaplan-Meier twin over all."""
    return (
        Metric(
            f"mqa_to_{name}_rate",
            f"Episodes with {words} ÷ episodes whose {{{window}}} days have passed; younger ones are censored.",
            "share", "wilson_95", "episode", _DIMENSIONS, _within(window, on),
        ),
        Metric(
            f"mqa_to_{name}_rate_km",
            f"Share of episodes with {words}, by Kaplan-Meier over all episodes, young ones up to their age.",
            "share", "kaplan_meier_95", "episode", _DIMENSIONS, _watched(window, on),
            horizon=lambda policy: _window(window, policy),
        ),
    )  # fmt: skip


def _hours(column: str) -> Count:
    def count(t: ir.Table, policy: Policy) -> Counted:
        known = t[column].notnull()
        return Counted(known, known, t[column], t["delivered_at"].notnull())

    return count


def _meeting_hours(column: str) -> Count:
    def count(t: ir.Table, policy: Policy) -> Counted:
        known = t[column].notnull()
        return Counted(known, known, t[column])

    return count


def _velocity(t: ir.Table, policy: Policy) -> Counted:
    known = t["opportunity_on"].notnull()
    return Counted(known, known, t["opportunity_on"].delta(t["mqa_on"], unit="day"))


def _accepted(t: ir.Table, policy: Policy) -> Counted:
    taken = t["is_accepted"]
    answered = taken | t["rejected_at"].notnull() | (t["status"] == "recycled")
    return Counted(taken, answered, applies=t["is_asked_of_sales"])


def _rejected(t: ir.Table, policy: Policy) -> Counted:
    asked = _accepted(t, policy)
    return Counted(
        t["rejected_at"].notnull() & ~t["is_accepted"], asked.denominator, applies=asked.applies
    )


def _kept(t: ir.Table, policy: Policy) -> Counted:
    met, decided = t["sla_state"] == "met", t["sla_state"].isin(["met", "breached"])
    timed = t["sla_state"].isin(["met", "breached", "running", "stopped"])
    return Counted(met, decided, applies=timed)


def _won_of_closed(t: ir.Table, policy: Policy) -> Counted:
    return Counted(t["deal_won"], t["deal_closed"], applies=t["opportunity_id"].notnull())


def _amounts(t: ir.Table, policy: Policy) -> Counted:
    known = t["amount"].notnull()
    return Counted(known, known, t["amount"], t["opportunity_id"].notnull())


def _spent_per(opportunities: bool) -> Count:
    def count(t: ir.Table, policy: Policy) -> Counted:
        if not opportunities:
            return Counted(yes(t), yes(t))
        # A month is compared with its spend when the windows of all its episodes have passed.
        mature = t["cohort_age_days"] >= policy.conversions.opportunity_window_days
        return Counted(mature & t["opportunity_on"].notnull(), mature, t["amount"])

    return count


METRICS: Final = (
    Metric(
        "mqa_volume", "Episodes that began: accounts that entered mqa.", "accounts", "count", "episode",
        _DIMENSIONS, lambda t, _: Counted(yes(t), yes(t)),
    ),
    *_share("meeting", "meeting", "meeting_on", "a meeting held within {meeting} days of qualified_at"),
    *_share(
        "opportunity", "opportunity", "opportunity_on",
        "an opportunity created within {opportunity} days of qualified_at",
    ),
    *_share("won", "won", "won_on", "their opportunity won within {won} days of qualified_at"),
    Metric(
        "opportunity_to_won_rate",
        "Opportunities of episodes that were won ÷ those that were closed, by the month in which they were "
        "created; open ones are censored.",
        "share", "wilson_95", "episode", _DIMENSIONS, _won_of_closed, "month of opportunity_on",
        columns={"cohort": "opportunity_cohort"},
    ),
    Metric(
        "opportunity_velocity", "Median days from mqa_on to the opportunity, of episodes that have one.",
        "days", "median_95", "episode", _DIMENSIONS, _velocity,
    ),
    Metric(
        "time_to_first_touch", "Median hours from delivered_at to first_touch_at, of handoffs that were touched.",
        "hours", "median_95", "episode", _DIMENSIONS, _hours("touch_hours"),
    ),
    Metric(
        "time_to_first_touch_business", "The same in working hours of the rep.",
        "hours", "median_95", "episode", _DIMENSIONS, _hours("touch_business_hours"),
    ),
    Metric(
        "time_to_first_meeting",
        "Median hours from qualified_at to the first meeting held within {meeting} days, of episodes that have one.",
        "hours", "median_95", "episode", _DIMENSIONS, _meeting_hours("meeting_hours"),
    ),
    Metric(
        "time_to_first_meeting_business", "The same in working hours of the rep.",
        "hours", "median_95", "episode", _DIMENSIONS, _meeting_hours("meeting_business_hours"),
    ),
    Metric(
        "sla_compliance_rate",
        "Handoffs touched up to due_at ÷ handoffs touched by then or breached; what runs or was stopped is "
        "censored. The rep is the one who had it when it was touched or due.",
        "share", "wilson_95", "episode", _DIMENSIONS, _kept,
        columns={"rep_id": "sla_rep_id", "team": "sla_team"},
    ),
    Metric(
        "sales_acceptance_rate",
        "Handoffs that sales accepted or made a deal of ÷ those accepted, rejected, or ended without an answer; "
        "what is still open is censored. Only what sales was given counts: no marketing queue, no waiting backlog, "
        "nothing that an experiment holds out.",
        "share", "wilson_95", "episode", _DIMENSIONS, _accepted,
    ),
    Metric(
        "sales_rejection_rate",
        "Handoffs that sales rejected ÷ the same; the reasons are in rejection_reasons.",
        "share", "wilson_95", "episode", _DIMENSIONS,
        _rejected,
    ),
    Metric(
        "mqa_per_rep",
        "Handoffs delivered to reps in a quarter ÷ active reps of the quarter; practitioners name {band}, which is "
        "a band to look at and no target. A quarter that is not over is censored.",
        "per rep", "per_rep_poisson_95", "episode", ("rep_id", "team"),
        lambda t, _: Counted(yes(t), yes(t), applies=t["is_with_rep"] & t["delivered_at"].notnull()),
        "quarter of delivered_at", columns={"cohort": "delivered_quarter"}, rolls_up=False,
    ),
    Metric(
        "cost_per_mqa",
        "Spend of the cohort month ÷ its MQAs, in {currency}; MQAs of months whose spend is not known are censored.",
        "currency", "spend_per_poisson_95", "episode", (), _spent_per(opportunities=False), of_spend=True,
    ),
    Metric(
        "cost_per_opportunity",
        "Spend of the cohort month ÷ opportunities of its MQAs, once the {opportunity} days of all have passed, in "
        "{currency}; months whose spend is not known are censored.",
        "currency", "spend_per_poisson_95", "episode", (), _spent_per(opportunities=True), of_spend=True,
    ),
    Metric(
        "pipeline_roi",
        "(Amount of the opportunities of the cohort month's MQAs − its spend) ÷ its spend, once the {opportunity} "
        "days of all have passed; months whose spend is not known are censored.",
        "ratio", "roi_compound_poisson_95", "episode", (), _spent_per(opportunities=True), of_spend=True,
    ),
    Metric(
        "pipeline", "Amount of the opportunities of episodes, in {currency}; those without an amount are censored.",
        "currency", "sum", "episode", _DIMENSIONS, _amounts,
    ),
    Metric(
        "revenue",
        "Amount of the opportunities of episodes that were won, in {currency}; those without an amount are censored.",
        "currency", "sum", "episode", _DIMENSIONS,
        lambda t, _: Counted(t["amount"].notnull(), no(t), t["amount"], t["deal_won"]),
    ),
)  # fmt: skip
