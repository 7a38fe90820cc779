"""The outbox, what may be told: young handoffs that are open, and what is new on those that were told of.

Belongs here: which handoffs become messages. Does not belong here: how many a rep is told of on a day
(``turns``), what clocks set off (``sla_messages``), or sending (``destinations``).

Only what was decided and is young is ever told, or what came late to a platform that was running; so a rerun of
history, a backfill or a lost warehouse tells nobody anything.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import ibis
import ibis.expr.types as ir

from mqa_platform.core.decisions import HANDOFF, within_episode
from mqa_platform.core.drift import arrivals
from mqa_platform.core.due import HAND_RAISE
from mqa_platform.core.expressions import identifier, newest_first
from mqa_platform.core.scores import typed
from mqa_platform.policy.models import Policy

_MOMENT = "timestamp('UTC')"
# In the marketing queue nobody is known, so nobody is to be called.
_NOBODYS = "no_clock"


def oldest_news(policy: Policy, now: datetime) -> datetime:
    """What happened before it is told to nobody, however late it was known."""
    told = policy.delivery
    return now - timedelta(days=max(told.delivery_window_days, told.late_news_days))


def open_handoffs(handoffs: ir.Table, stages: ir.Table, as_of: date) -> ir.Table:
    """Handoffs that wait for sales or are worked: those on a worklist, and not in the marketing queue.

    Args:
        handoffs: as published.
        stages: says who is suppressed.
        as_of: the last published day.
    """
    day = ibis.literal(as_of)
    h = handoffs
    turn = (h["status"] == "backlog") & (h["released_on"] <= day).fill_null(False)
    h = h.filter((h["status"].isin(["open", "accepted"]) | turn) & (h["sla_state"] != _NOBODYS))
    silent = stages.filter((stages["stage_date"] == day) & stages["suppression_reason"].notnull())
    return h.anti_join(silent.select("account_id", "motion"), ["account_id", "motion"])


def of_todays_handoffs(told: ir.Table, handoffs: ir.Table) -> ir.Table:
    """Rows about handoffs of then, with ``handoff_now``: the one of today in whose episode their day lies.

    Late data, a correction or an erasure moves the entry of an episode, and the id of its handoff with it.

    Args:
        told: key, account_id, motion and created_on (of the handoff of then), and more.
        handoffs: handoff_id, account_id, motion, created_on and ended_on of today's.
    """
    h = handoffs.select(
        "created_on", "ended_on", handoff_now="handoff_id", h_account="account_id", h_motion="motion"
    )  # fmt: skip
    t = told.rename(told_on="created_on")
    t = t.join(h, [t["account_id"] == h["h_account"], t["motion"] == h["h_motion"]])
    t = t.filter(within_episode(t["told_on"], t))
    t = newest_first(t, ["key"], [t["created_on"].desc(), t["handoff_now"]])
    rest = [c for c in told.columns if c != "created_on"]
    return t.select(*rest, "handoff_now", created_on="told_on")


def told_of(deliveries: ir.Table, handoffs: ir.Table) -> ir.Table:
    """(handoff_id, state, sent_at) of the deliveries that told of a handoff, by the ids of today.

    Args:
        deliveries: as published.
        handoffs: of today, with ended_on.
    """
    d = deliveries.filter(deliveries["kind"] == HANDOFF)
    d = d.select(
        "account_id", "motion", "created_on", "state", "sent_at", key="delivery_id"
    )  # fmt: skip
    t = of_todays_handoffs(d, handoffs)
    return t.select("state", "sent_at", handoff_id="handoff_now")


def handoff_intents(
    handoffs: ir.Table, decided: ir.Table, policy: Policy, now: datetime
) -> ir.Table:
    """Open handoffs that somebody is to be told of, if he was not: decided, and young.

    A handoff is young when its moment lies in the last ``delivery_window_days``: of news when the account
    qualified, of backlog when its day came, and of what came from the marketing queue when the rep got it.

    Args:
        handoffs: of ``open_handoffs``; what was accepted already needs no telling.
        decided: decisions.
        policy: says how long the window is.
        now: the moment; nothing after it has happened.

    Returns:
        handoff_id, account_id, motion, rep_id, created_on, hand_raise, at.
    """
    h = _waiting(handoffs, decided)
    oldest = now - timedelta(days=policy.delivery.delivery_window_days)
    young = (h["at"] >= ibis.literal(oldest, _MOMENT)) & (h["at"] <= ibis.literal(now, _MOMENT))
    return h.filter(young).drop("decided_at")


def known_late(handoffs: ir.Table, decided: ir.Table, policy: Policy, now: datetime) -> ir.Table:
    """Open handoffs too old for the window that were first decided within it: late news, or history.

    Args:
        handoffs: of ``open_handoffs``.
        decided: decisions.
        policy: says how long the window is, and how old late news may be.
        now: the moment.

    Returns:
        As ``handoff_intents``; none is older than ``late_news_days``.
    """
    h = _waiting(handoffs, decided)
    window = ibis.literal(now - timedelta(days=policy.delivery.delivery_window_days), _MOMENT)
    oldest = ibis.literal(now - timedelta(days=policy.delivery.late_news_days), _MOMENT)
    lately = (h["decided_at"] >= window) & (h["decided_at"] <= ibis.literal(now, _MOMENT))
    return h.filter((h["at"] >= oldest) & (h["at"] < window) & lately).drop("decided_at")


def late_news(late: ir.Table, arrived: ir.Table, policy: Policy, now: datetime) -> ir.Table:
    """Those of ``known_late`` that are news: what made them arrived within the window, at a running platform.

    What a first load or an outside copy of history brings arrived before any day was published.

    Args:
        late: of ``known_late``.
        arrived: of ``arrivals_of``.
        policy: says how long the window is.
        now: the moment.
    """
    window = ibis.literal(now - timedelta(days=policy.delivery.delivery_window_days), _MOMENT)
    a = arrived.filter((arrived["direction"] == "inbound") & arrived["published_to"].notnull())
    a = a.filter((a["landed_at"] >= window) & (a["landed_at"] <= ibis.literal(now, _MOMENT)))
    a = a.select("touchpoint_date", of_account="account_id")
    made = late.select("handoff_id", "account_id", "created_on")
    made = made.join(a, [made["account_id"] == a["of_account"]])
    made = made.filter(made["touchpoint_date"] <= made["created_on"])
    return late.semi_join(made.select("handoff_id"), "handoff_id")


def _waiting(handoffs: ir.Table, decided: ir.Table) -> ir.Table:
    """Decided handoffs that nobody has accepted, with ``at``, their moment, and ``decided_at``."""
    d = decided.filter(decided["kind"] == HANDOFF)
    d = d.select(
        "account_id", "motion", "decided_at", key="decision_id", created_on="known_on"
    )  # fmt: skip
    d = of_todays_handoffs(d, handoffs)
    d = d.group_by("handoff_now").aggregate(decided_at=d["decided_at"].min())
    h = handoffs.filter(handoffs["status"] != "accepted")
    h = h.join(d, [h["handoff_id"] == d["handoff_now"]])
    listed = (h["delivered_via"] == "worklist").fill_null(False)
    moment = ibis.ifelse(
        listed,
        h["delivered_at"],
        ibis.ifelse(h["status"] == "backlog", h["released_on"].cast(_MOMENT), h["qualified_at"]),
    )
    raised = (h["evidence_rule"] == HAND_RAISE).fill_null(False)
    return h.select(
        "handoff_id", "account_id", "motion", "rep_id", "created_on", "decided_at",
        at=moment, hand_raise=raised,
    )  # fmt: skip


def arrivals_of(
    touchpoints: ir.Table, signals: ir.Table, batches: ir.Table, told: ir.Table, since: date
) -> ir.Table:
    """Touchpoints with ``landed_at`` of the accounts of ``told``, from a day on."""
    t = touchpoints.semi_join(told, "account_id")
    return arrivals(t.filter(t["touchpoint_date"] >= ibis.literal(since)), signals, batches)


def update_intents(told: ir.Table, arrived: ir.Table, policy: Policy, now: datetime) -> ir.Table:
    """Open handoffs on which something happened that a rep would call for, since he was told last.

    That is a hand-raise, what the policy calls high intent, or a trigger event, which arrived since then and
    is no older than ``oldest_news``. Decay, and what was only counted again, is none.

    Args:
        told: handoff_id, account_id, motion, rep_id, created_on and told_at; of handoffs of a motion.
        arrived: touchpoints with ``landed_at``.
        policy: of the motion.
        now: the moment; what arrived after it is not known yet.

    Returns:
        ``told`` with content: another one when there is more.
    """
    rules = policy.signals.signals
    loud = [n for n, s in rules.items() if s.hand_raise or s.high_intent or s.kind == "trigger"]
    t = typed(arrived, policy)
    t = t.filter(t["signal_type"].isin(loud) & (t["direction"] == "inbound"))
    t = t.select("signal_id", "landed_at", "occurred_at", of_account="account_id")
    t = told.join(t, [told["account_id"] == t["of_account"]])
    oldest = ibis.literal(oldest_news(policy, now), _MOMENT)
    since = (t["landed_at"] > t["told_at"]) & (t["landed_at"] <= ibis.literal(now, _MOMENT))
    t = t.filter(since & (t["occurred_at"] >= oldest))
    news = t.group_by(n_handoff="handoff_id").aggregate(
        n=t["signal_id"].nunique(), last=t["signal_id"].max()
    )
    t = told.join(news, [("handoff_id", "n_handoff")])
    content = identifier(t["handoff_id"], t["last"], t["n"].cast("string"))
    return t.select(*told.columns, content=content)
