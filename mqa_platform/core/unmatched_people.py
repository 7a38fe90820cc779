"""People whose company nobody knows: they ask from a private mailbox, or no rule found their account.

Belongs here: their acts and their scores, for the queue of leads. Does not belong here: people of accounts
(``people``), or what is done with either (``precedence``).
"""

from __future__ import annotations

from datetime import date
from typing import Final

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import none_of_type, shard
from mqa_platform.core.people import person_kernel
from mqa_platform.core.scores import Apply, points_literal, typed
from mqa_platform.policy.models import Policy

# Reasons that say only that the company is unknown; the others say that nobody should be called.
UNKNOWN_COMPANY: Final = (
    "free_mail", "isp", "hosting", "vpn", "mobile_carrier", "shared_ip", "no_match", "tie_refused",
)  # fmt: skip
_MAY_BE_NAMED: Final = ("granted", "not_required")
# The columns of an act, as of a touchpoint.
ACT: Final = (
    "person_id", "account_id", "signal_type", "event", "page_type", "direction", "touchpoint_date",
)  # fmt: skip


def unmatched_acts(signals: ir.Table, unresolved: ir.Table, touchpoints: ir.Table) -> ir.Table:
    """Columns ``ACT``, of signals with a known person and no account; who has any account is left out.

    Args:
        signals: the published signals.
        unresolved: those of them that no rule gave to an account, with the reason.
        touchpoints: those of all accounts.
    """
    waiting = unresolved.filter(unresolved["reason"].isin(list(UNKNOWN_COMPANY)))
    named = signals.filter(signals["person_key"].notnull())
    s = named.filter(named["consent"].isin(list(_MAY_BE_NAMED)))
    s = s.semi_join(waiting, "signal_id")
    found = touchpoints.filter(touchpoints["person_id"].notnull()).select("signal_id")
    placed = named.semi_join(found, "signal_id").select(placed="person_key").distinct()
    s = s.anti_join(placed, [("person_key", "placed")])
    return s.select(
        "signal_type", "event", "page_type", "direction",
        person_id=s["person_key"],
        account_id=none_of_type("string"),
        touchpoint_date=s["signal_date"],
    )  # fmt: skip


def unmatched_people(acts: ir.Table, policy: Policy, as_of: date, apply: Apply) -> ir.Table:
    """(person_id, account_id, person_score, is_mql) of who acted up to ``as_of``; the account is null.

    Of a title nobody knows anything either, so it neither raises nor lowers the score.
    """
    t = typed(acts, policy)
    t = t.filter(t["touchpoint_date"] <= as_of)
    given = t.select(
        "person_id", "signal_type", "direction", "touchpoint_date",
        seniority=ibis.literal(1.0),
        share=ibis.literal(1.0),
    )  # fmt: skip
    scored = apply(
        person_kernel(policy, as_of), given.mutate(shard=shard(given["person_id"])), "shard"
    )
    return scored.select(
        "person_id",
        "person_score",
        account_id=none_of_type("string"),
        is_mql=scored["person_score"] >= points_literal(policy.stages.mql_threshold),
    )
