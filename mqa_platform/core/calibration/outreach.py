"""What the buyer did of his own accord, and what he did only because we had acted first.

Belongs here: the ban on columns that our own outreach causes. Does not belong here: what a signal is worth in the
score (the policy), or when sales holds an account (``futures``).

A model that is asked which signals come before a deal finds our own work first: we write to those whom we already
believe in, and only who was written to can answer. So nothing of it may rank signals.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.scores import typed
from mqa_platform.policy.models import Policy, Signal

CAUSED_EVENTS = frozenset({"email_click", "email_reply", "email_open", "email_forward", "unsubscribe",
                           "ad_click", "ad_impression", "outbound_email", "outbound_call",
                           "outbound_social"})  # fmt: skip
"""Events that cannot happen unless we sent, called or paid."""
CAUSED_CHANNELS = frozenset({"ads", "call", "cpc", "display", "email", "outbound", "paid", "ppc",
                             "paid_search", "paid_social", "sales", "social"})  # fmt: skip
"""Ways that lead to us only where we sent, called or paid: a page seen by a link in our mail is no visit."""


def is_caused_by_us(signal: Signal) -> bool:
    """Whether any event of a signal happens only after we acted; then none of it may rank."""
    return bool(CAUSED_EVENTS & set(signal.events))


def of_own_accord(touchpoints: ir.Table, policy: Policy) -> ir.Table:
    """Inbound touchpoints that none of our outreach caused, with the signal types of a policy.

    Args:
        touchpoints: published ones.
        policy: of the motion.
    """
    t = typed(touchpoints, policy)
    banned = sorted(n for n, s in policy.signals.signals.items() if is_caused_by_us(s))
    way = ibis.coalesce(t["channel"], "").lower()
    mine = (t["direction"] == "inbound") & ~way.isin(sorted(CAUSED_CHANNELS))
    if "event" in t.columns:
        mine = mine & ~t["event"].fill_null("").isin(sorted(CAUSED_EVENTS))
    return t.filter(mine & ~t["signal_type"].fill_null("").isin([*banned, "unsubscribe"]))
