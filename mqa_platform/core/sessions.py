"""Stage 2, sessions and touchpoints: visits cut by inactivity, and every signal on its account.

Belongs here: the visit's summary, the touchpoint, the unresolved signal, and how they are counted. Does
not belong here: where a visit ends (``visits``), who a signal belongs to (``identity``) or what it is
worth (``scores``).

A visit belongs to the UTC day of its first signal, wherever it ends; a touchpoint to its own day.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import first_match, newest_first, one_of
from mqa_platform.policy.models import Policy

# Below this confidence a match is shown as soft: it is counted, and hardly qualifies anybody.
SURE = 0.75
OUTCOMES = ("matched", "soft", "none", "excluded", "bot")
# What an event of a visit that only looks for a job counts as.
CAREERS = "careers_visit"
# Reasons that say nothing against a signal: nobody was found, or more than one.
NOBODY = ("no_match", "tie_refused")


def sessions(signals: ir.Table, cut: ir.Table, resolved: ir.Table, policy: Policy) -> ir.Table:
    """One row a visit; its account is the one of its most confident signal, null if none speaks.

    Args:
        signals: whole days; a visit is told whole if they reach to its last signal.
        cut: their ``visits.visits``.
        resolved: their answers (``identity.resolve``).
        policy: says which pages are of high intent.
    """
    high = [p for s in policy.signals.signals.values() if s.high_intent for p in s.page_types]
    hits = signals.join(cut, "signal_id")
    summary = hits.group_by("session_id", "session_date").aggregate(
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


def career_visits(signals: ir.Table, cut: ir.Table, policy: Policy) -> ir.Table:
    """(session_id) of the visits of people who look for a job: nothing in them is buying.

    All page views of such a visit are of career pages, there is one at least, and nobody in it asks
    for us by name. ``signals`` must hold the visits whole.
    """
    asks = [e for s in policy.signals.signals.values() if s.hand_raise for e in s.events]
    hits = signals.join(cut.select("signal_id", "session_id"), "signal_id")
    viewed = hits["event"] == "page_view"
    career = viewed & one_of(hits["page_type"], policy.signals.career_page_types).fill_null(False)
    speaks = (viewed & ~career) | one_of(hits["event"], asks)
    each = hits.group_by("session_id").aggregate(
        careers=ibis.ifelse(career, 1, 0).sum(), others=ibis.ifelse(speaks, 1, 0).sum()
    )
    return each.filter((each["careers"] > 0) & (each["others"] == 0)).select("session_id")


def touchpoints(
    signals: ir.Table,
    cut: ir.Table,
    resolved: ir.Table,
    policy: Policy,
    whole: ir.Table | None = None,
) -> ir.Table:
    """One row a resolved signal and account; the shares of a signal sum to one.

    What happens in a visit of ``career_visits`` has the event and signal type ``careers_visit``,
    which no signal of a policy is made of. ``whole`` are the signals of the visits that go beyond
    ``signals``; None where none does.
    """
    shares = resolved.filter(resolved["account_id"].notnull() & resolved["reason"].isnull())
    job_seekers = career_visits(signals if whole is None else whole, cut, policy)
    visits = cut.select("signal_id", "session_id").left_join(
        job_seekers.select(career_visit="session_id"), [("session_id", "career_visit")]
    )
    t = signals.join(shares, "signal_id")
    t = t.left_join(visits, "signal_id")
    idle = t["career_visit"].notnull() & (t["direction"] == "inbound")
    return t.select(
        "signal_id",
        "account_id",
        touchpoint_date=t["signal_date"],
        occurred_at=t["occurred_at"],
        received_at=t["received_at"],
        person_id=t["person_id"],
        anonymous_id=t["anonymous_id"],
        event=ibis.ifelse(idle, CAREERS, t["event"]),
        signal_type=ibis.ifelse(idle, CAREERS, t["signal_type"]),
        direction=t["direction"],
        share=t["share"],
        match_confidence=t["match_confidence"],
        strength=t["strength"],
        resolution_rule=t["resolution_rule"],
        evidence=t["evidence"],
        own_account_id=t["own_account_id"],
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


def match_counts(touchpoints: ir.Table, unresolved: ir.Table) -> ir.Table:
    """(day, outcome, reason, signals): how the signals of each day were matched.

    outcome: ``matched`` (confidence ≥ 0.75), ``soft`` (below), ``none`` (nobody found, or a tie),
    ``bot``, ``excluded`` (any other reason). A signal counts once; reason is null where it has an
    account.
    """
    each = touchpoints.group_by("signal_id", day="touchpoint_date").aggregate(
        confidence=touchpoints["match_confidence"].max()
    )
    found = each.select(
        "day",
        outcome=ibis.ifelse(each["confidence"] >= SURE, "matched", "soft"),
        reason=ibis.null("string"),
    )
    against = first_match(
        [
            (one_of(unresolved["reason"], NOBODY), ibis.literal("none")),
            (unresolved["reason"] == "bot", ibis.literal("bot")),
        ],
        ibis.literal("excluded"),
    )
    lost = unresolved.select(day="signal_date", outcome=against, reason="reason")
    both = found.union(lost)
    return both.group_by("day", "outcome", "reason").aggregate(signals=both.count())
