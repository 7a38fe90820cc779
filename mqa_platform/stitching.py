"""The report of what stitching added after the fact.

Belongs here: reading it from the warehouse and adding it up. Does not belong here: what counts as added
(``core.stitching``).
"""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Any

import ibis.expr.types as ir

from mqa_platform.core.identity import decided, judged
from mqa_platform.core.stitching import STITCHED, named_later, stitched_shares
from mqa_platform.home import Home
from mqa_platform.policy.models import Policy
from mqa_platform.promotions import policy_now
from mqa_platform.storage import open_warehouse

if TYPE_CHECKING:
    from mqa_platform.assets.platform import Step


def stitching(home: Home, first: date | None = None, last: date | None = None) -> dict[str, Any]:
    """Shares of signals by day and account, without and with what was learnt of browsers afterwards.

    ``added`` sums the shares that accounts gained; with ``as_known_now`` and ``added_share`` it is of
    the days asked for.

    Raises:
        WarehouseBusyError: a run holds the warehouse.
    """
    from mqa_platform.assets.corrections import identities
    from mqa_platform.assets.platform import Step

    now = policy_now(home)
    with open_warehouse(home).session() as session:
        step = Step(session, home, now.policy, now.version, "stitching")
        t = session.table("touchpoints")
        if first is not None:
            t = t.filter(t["touchpoint_date"] >= first)
        if last is not None:
            t = t.filter(t["touchpoint_date"] <= last)
        later = session.keep(named_later(t, identities(step)))
        total = session.rows(t.aggregate(n=t["share"].sum()))[0]["n"] or 0.0
        days = []
        if session.rows(later.limit(1)):
            shares = stitched_shares(t, later, _otherwise(step, later))
            days = session.rows(shares.order_by("day", "account_id"))
    added = math.fsum(row["added"] for row in days if row["added"] > 0)
    return {
        "days": days,
        "added": round(added, 9),
        "as_known_now": round(total, 9),
        "added_share": added / total if total else 0.0,
    }


def _otherwise(step: Step, later: ir.Table) -> ir.Table:
    """What the policy's other rules say of these signals, each judged among its whole day."""
    from mqa_platform.assets.sessions import evidence

    session, signals = step.session, step.table("signals")
    mine = signals.semi_join(later, "signal_id")
    around = signals.semi_join(mine.select("signal_date").distinct(), "signal_date")
    known = evidence(step, around)
    seen = judged(mine, known, step.policy, session.keep, session.apply)
    answers = decided(seen, known, _unstitched(step.policy), session.keep)
    days = mine.select("signal_date", of="signal_id")
    return answers.join(days, [("signal_id", "of")]).select("signal_date", "account_id", "share")


def _unstitched(policy: Policy) -> Policy:
    rules = [rule for rule in policy.identity.rules if rule != STITCHED]
    identity = policy.identity.model_copy(update={"rules": rules})
    return policy.model_copy(update={"identity": identity})
