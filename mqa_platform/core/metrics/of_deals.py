"""Metrics counted in opportunities, whether an MQA was behind them or not.

Belongs here: their definitions. Does not belong here: where an opportunity is from (``origins``).
"""

from __future__ import annotations

from typing import Final

import ibis.expr.types as ir

from mqa_platform.core.metrics.definitions import Counted, Metric, no, yes
from mqa_platform.policy.models import Policy

_DIMENSIONS: Final = ("origin", "channel", "campaign", "tier", "segment", "rep_id", "team")
_COHORT: Final = "month in which the opportunity was created"


def _won(t: ir.Table, policy: Policy) -> Counted:
    return Counted(t["deal_won"], t["deal_closed"])


def _acv(t: ir.Table, policy: Policy) -> Counted:
    known = t["acv"].notnull()
    return Counted(known, known, t["acv"], t["deal_won"])


METRICS: Final = (
    Metric(
        "opportunities", "Opportunities created since the programme's history starts.", "opportunities",
        "count", "deal", _DIMENSIONS, lambda t, _: Counted(yes(t), yes(t)), _COHORT,
    ),
    Metric(
        "win_rate",
        "Opportunities won ÷ opportunities closed, of all in the CRM that were created since the programme's history "
        "starts; open ones are censored.",
        "share", "wilson_95", "deal", _DIMENSIONS, _won, _COHORT,
    ),
    Metric(
        "acv", "Mean of amount × 12 ÷ term months of opportunities won, in {currency}.", "currency",
        "mean_95", "deal", _DIMENSIONS, _acv, _COHORT,
    ),
    Metric(
        "won_amount", "Amount of opportunities won, whatever their origin, in {currency}.", "currency", "sum",
        "deal", _DIMENSIONS,
        lambda t, _: Counted(t["amount"].notnull(), no(t), t["amount"], t["deal_won"]), _COHORT,
    ),
)  # fmt: skip
