"""Metrics of the programme as a whole: the funnel, and how much of the target list it reaches.

Belongs here: their definitions. Does not belong here: rates of episodes (``of_episodes``).
"""

from __future__ import annotations

from typing import Final

from mqa_platform.core.metrics.definitions import Count, Counted, Metric, no, yes

_FUNNEL: Final = ("motion", "tier", "segment")
_ENGAGED: Final = "month in which the account entered engaged"


def _reached(column: str) -> Count:
    return lambda t, _: Counted(t[column], yes(t))


METRICS: Final = (
    Metric(
        "funnel_engaged", "Times that an account entered engaged.", "accounts", "count", "engaged", _FUNNEL,
        lambda t, _: Counted(yes(t), yes(t)), _ENGAGED,
    ),
    Metric(
        "funnel_mqa", "Of these, followed by mqa before the account entered engaged again.", "accounts", "count",
        "engaged", _FUNNEL, _reached("reached_mqa"), _ENGAGED,
    ),
    Metric(
        "funnel_opportunity", "Of these, with an opportunity within {opportunity} days of qualified_at.", "accounts",
        "count", "engaged", _FUNNEL, _reached("reached_opportunity"), _ENGAGED,
    ),
    Metric(
        "funnel_won", "Of these, won by now.", "accounts", "count", "engaged", _FUNNEL, _reached("reached_won"),
        _ENGAGED,
    ),
    Metric(
        "funnel_revenue", "Amount of these, in {currency}; those without an amount are censored.", "currency", "sum",
        "engaged", _FUNNEL,
        lambda t, _: Counted(t["amount"].notnull(), no(t), t["amount"], t["reached_won"]), _ENGAGED,
    ),
    Metric(
        "coverage_engaged",
        "Target accounts that stood on engaged or a rung above on a day of the period ÷ accounts on the target list at "
        "its end. A month that is not over is counted up to now.",
        "share", "wilson_95", "coverage", _FUNNEL, _reached("is_engaged"), "month, or all days", rolls_up=False,
    ),
    Metric(
        "coverage_mqa", "The same for mqa or a rung above.", "share", "wilson_95", "coverage", _FUNNEL,
        _reached("is_mqa"), "month, or all days", rolls_up=False,
    ),
)  # fmt: skip
