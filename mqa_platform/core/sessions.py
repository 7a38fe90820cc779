"""Stage 2, sessions and touchpoints: visits cut by inactivity, and every signal on its account.

Belongs here: the cut, the visit's summary, the touchpoint and the unresolved signal. Does not belong
here: who a signal belongs to (``identity``) or what it is worth (``scores``).

A visit belongs to one UTC day: what happens after midnight is a new visit.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import first_match, identifier, newest_first, one_of
from mqa_platform.policy.models import Policy


def visits(signals: ir.Table, policy: Policy) -> ir.Table:
    """(signal_id, session_id) for signals of a visitor; a gap above the policy's minutes cuts."""
    seen = signals.filter(signals["anonymous_id"].notnull() & (signals["direction"] == "inbound"))
    order = ibis.window(
        group_by=["anonymous_id", "signal_date"],
        order_by=[seen["occurred_at"], seen["signal_id"]],
    )
    seen = seen.mutate(previous=seen["occurred_at"].lag().over(order))
    gap = seen["occurred_at"].truncate("s").delta(seen["previous"].truncate("s"), unit="second")
    limit = policy.identity.session_gap_minutes * 60
    seen = seen.mutate(opens=ibis.ifelse(seen["previous"].isnull() | (gap > limit), 1, 0))
    running = ibis.window(
        group_by=["anonymous_id", "signal_date"],
        order_by=[seen["occurred_at"], seen["signal_id"]],
        preceding=None,
        following=0,
    )
    seen = seen.mutate(visit=seen["opens"].sum().over(running))
    opener = seen.filter(seen["opens"] == 1).select(
        "anonymous_id", "signal_date", "visit", opener="signal_id"
    )
    both = seen.join(opener, ["anonymous_id", "signal_date", "visit"])
    return both.select("signal_id", session_id=identifier(both["anonymous_id"], both["opener"]))


def sessions(signals: ir.Table, resolved: ir.Table, policy: Policy) -> ir.Table:
    """One row a visit; its account is the one of its most confident signal, null if none speaks."""
    high = [p for s in policy.signals.signals.values() if s.high_intent for p in s.page_types]
    hits = signals.join(visits(signals, policy), "signal_id")
    summary = hits.group_by("session_id").aggregate(
        session_date=hits["signal_date"].min(),
        anonymous_id=hits["anonymous_id"].min(),
        started_at=hits["occurred_at"].min(),
        ended_at=hits["occurred_at"].max(),
        page_views=ibis.ifelse(hits["event"] == "page_view", 1, 0).sum(),
        high_intent_views=ibis.ifelse(one_of(hits["page_type"], high).fill_null(False), 1, 0).sum(),
    )
    named = resolved.filter(resolved["account_id"].notnull())
    named = named.join(hits.select("signal_id", "session_id"), "signal_id")
    best = newest_first(
        named,
        ["session_id"],
        [
            (named["match_confidence"] * named["share"]).desc(),
            named["is_known_person"].desc(),
            named["signal_id"],
            named["account_id"],
        ],
    ).select("session_id", "account_id", "person_id", "resolution_rule", "match_confidence")
    return summary.left_join(best, "session_id").select(
        "session_id",
        "session_date",
        "account_id",
        "person_id",
        "anonymous_id",
        "started_at",
        "ended_at",
        "page_views",
        "high_intent_views",
        "resolution_rule",
        "match_confidence",
    )


def seniority(title: ir.StringValue, policy: Policy) -> ir.FloatingValue:
    """The factor of the first band a job title falls in; 1 when the title is unknown."""
    cases = [
        (title.re_search(band.title_pattern).fill_null(False), ibis.literal(float(band.factor)))
        for band in policy.signals.seniority
    ]
    return first_match(cases, ibis.literal(1.0))


def touchpoints(signals: ir.Table, resolved: ir.Table, policy: Policy) -> ir.Table:
    """One row a resolved signal and account; the shares of a signal sum to one."""
    shares = resolved.filter(resolved["account_id"].notnull() & resolved["reason"].isnull())
    t = signals.join(shares, "signal_id")
    t = t.left_join(visits(signals, policy), "signal_id")
    return t.select(
        "signal_id",
        "account_id",
        touchpoint_date=t["signal_date"],
        occurred_at=t["occurred_at"],
        received_at=t["received_at"],
        person_id=t["person_id"],
        anonymous_id=t["anonymous_id"],
        signal_type=t["signal_type"],
        direction=t["direction"],
        share=t["share"],
        match_confidence=t["match_confidence"],
        strength=t["strength"],
        resolution_rule=t["resolution_rule"],
        is_known_person=t["is_known_person"],
        seniority=seniority(t["title"], policy),
        page_type=t["page_type"],
        topic=t["topic"],
        channel=t["channel"],
        campaign=t["campaign"],
        intent_score=t["intent_score"],
        session_id=t["session_id"],
    )


def unresolved_signals(signals: ir.Table, resolved: ir.Table) -> ir.Table:
    """One row a signal that no rule gave to an account, with the reason."""
    nobody = resolved.filter(resolved["reason"].notnull() | resolved["account_id"].isnull())
    t = signals.join(nobody.select("signal_id", "reason"), "signal_id")
    return t.select("signal_id", "signal_date", "source", reason=t["reason"].fill_null("no_match"))
