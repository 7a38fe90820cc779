"""What kept an account from being an MQA when an opportunity was created: the rule and the signal that were absent.

Belongs here: looking at the 90 days before an opportunity. Does not belong here: where it is from (``origins``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import first_match, in_force, newest_first
from mqa_platform.policy.models import Policy

LOOK_BACK_DAYS: Final = 90
# Rule that was absent → what it says.
MISSING_RULES: Final = {
    "no_account": "the opportunity names no account",
    "before_history": "it was created before the programme's history starts",
    "unknown_account": "no version of the account was known on that day",
    "already_customer": "the account stood on customer: another motion's business",
    "open_opportunity": "the account stood on opportunity already",
    "suppressed": "the account was suppressed",
    "fit_failed": "the ICP refused the account",
    "no_match": "nothing that the buyer did was matched to the account in the 90 days before",
    "fit_unknown": "a required fact about the account was not known",
    "below_threshold": "the score stayed below the threshold",
    "one_person": "the score sufficed, but one known person was all the evidence",
    "moderate_fit": "fit was moderate, and the committee rule did not hold",
    "cool_down": "the account had left mqa and was cooling down",
    "not_in_time": "every rule that is looked at held, but not before the opportunity was created",
}


@dataclass(frozen=True)
class Seen:
    """What is looked at of an account before its opportunity.

    Attributes:
        entered: entries to mqa: account_id, motion, episode, qualified_at, created_on.
        scores: of all days.
        receipts: score_receipts.
        stages: every day.
        fit: account_fit.
        touchpoints: with share and direction.
    """

    entered: ir.Table
    scores: ir.Table
    receipts: ir.Table
    stages: ir.Table
    fit: ir.Table
    touchpoints: ir.Table


def with_scores(t: ir.Table, seen: Seen, policy: Policy) -> ir.Table:
    """The best score of the days before, and whether the evidence held on a day that might have qualified."""
    mine = seen.scores.filter(seen.scores["motion"] == policy.program.motion)
    s = mine.select(
        "score_date", "engagement_score", "threshold", "eligible_people", "people_on_high_intent",
        "anonymous_evidence", "hand_raised", "score_type", s_account="account_id",
    )  # fmt: skip
    both = t.select("opportunity_id", "account_id", "created_on").join(
        s, [("account_id", "s_account")]
    )
    over_on = both["score_date"] + ibis.interval(days=LOOK_BACK_DAYS)
    near = (over_on > both["created_on"]) & (both["score_date"] <= both["created_on"])
    both = both.filter(near)
    # Who asks to be called needs no score, no second person and no certain fit.
    raised = both["hand_raised"].fill_null(False)
    above = (both["engagement_score"] >= both["threshold"]).fill_null(False) | raised
    people = both["eligible_people"] >= policy.stages.evidence_people
    evidence = people | both["anonymous_evidence"].fill_null(False)
    evidence = evidence.fill_null(False) | raised
    committee = both["people_on_high_intent"] >= policy.signals.committee_on_high_intent.people
    fits = (both["score_type"].fill_null("") != "intent_heavy") | committee
    if not policy.stages.intent_heavy_needs_committee:
        fits = committee.isnull() | committee.notnull()

    def ever(condition: ir.BooleanValue) -> ir.IntegerValue:
        return ibis.ifelse(condition.fill_null(False), 1, 0).max()

    found = both.group_by(o_opportunity="opportunity_id").aggregate(
        max_score=both["engagement_score"].max(),
        max_above=(both["engagement_score"] - both["threshold"]).max(),
        was_above=ever(above),
        had_evidence=ever(above & evidence),
        had_fit=ever(above & evidence & (fits.fill_null(False) | raised)),
        was_raised=ever(raised),
    )
    return t.left_join(found, t["opportunity_id"] == found["o_opportunity"])


def with_standing(t: ir.Table, seen: Seen, policy: Policy) -> ir.Table:
    """The rung of the day before, the fit gate of the day, and whether anything was matched before."""
    motion = policy.program.motion
    # The day before: the opportunity itself puts the account on a rung.
    stages = seen.stages.filter(seen.stages["motion"] == motion)
    g = stages.select(
        stage_before="stage", held_before="suppression_reason", g_account="account_id",
        g_day=(stages["stage_date"] + ibis.interval(days=1)).cast("date"),
    )  # fmt: skip
    t = t.left_join(g, [t["account_id"] == g["g_account"], t["created_on"] == g["g_day"]])
    f = seen.fit.filter(seen.fit["motion"] == motion).select(
        "valid_from", "valid_to", gate="fit_gate", f_account="account_id"
    )
    f = t.select("opportunity_id", "account_id", "created_on").join(
        f, [("account_id", "f_account")]
    )
    f = f.filter(in_force(f, f["created_on"])).select("gate", f_opportunity="opportunity_id")
    t = t.left_join(f, t["opportunity_id"] == f["f_opportunity"])
    m = _touched(t, seen).group_by(m_opportunity="opportunity_id").aggregate(matched=ibis._.count())
    return t.left_join(m, t["opportunity_id"] == m["m_opportunity"])


def _touched(t: ir.Table, seen: Seen) -> ir.Table:
    """(opportunity_id, signal_type): inbound touchpoints of the account in the days before."""
    p = seen.touchpoints.filter(seen.touchpoints["direction"] == "inbound")
    p = p.select("signal_type", "occurred_at", p_account="account_id")
    both = t.select("opportunity_id", "account_id", "created_at").join(
        p, [("account_id", "p_account")]
    )
    over_at = both["occurred_at"] + ibis.interval(days=LOOK_BACK_DAYS)
    near = (over_at > both["created_at"]) & (both["occurred_at"] < both["created_at"])
    both = both.filter(near)
    return both.select("opportunity_id", "signal_type")


def absent_signals(t: ir.Table, seen: Seen, policy: Policy) -> ir.Table:
    """(b_opportunity, absent): of the signals most MQAs had, the first that the account did not have."""
    scored = sorted(n for n, s in policy.signals.signals.items() if s.weight > 0)
    r = seen.receipts.filter(seen.receipts["component"].isin(scored))
    e = seen.entered.select("motion", e_account="account_id", e_day="created_on")
    had = r.join(
        e,
        [
            r["account_id"] == e["e_account"],
            r["motion"] == e["motion"],
            r["score_date"] == e["e_day"],
        ],
    )
    usual = had.group_by("component").aggregate(mqas=had.count())
    every = t.select(b_opportunity="opportunity_id").cross_join(usual)
    touched = _touched(t, seen).distinct()
    lacking = every.anti_join(
        touched,
        [
            every["b_opportunity"] == touched["opportunity_id"],
            every["component"] == touched["signal_type"],
        ],
    )
    order = [lacking["mqas"].desc(), lacking["component"]]
    return newest_first(lacking, ["b_opportunity"], order).select(
        "b_opportunity", absent="component"
    )


def missing_rule(t: ir.Table, policy: Policy) -> ir.StringValue:
    """The first rule that did not hold, in the order in which accounts are stopped."""
    stage, gate = t["stage_before"].fill_null(""), t["gate"].fill_null("")
    start = ibis.literal(policy.program.history_starts_on)
    cases = {
        "no_account": t["account_id"].isnull(),
        "before_history": t["created_on"].isnull() | (t["created_on"] < start),
        "unknown_account": gate == "",
        "already_customer": stage == "customer",
        "open_opportunity": stage == "opportunity",
        "suppressed": t["held_before"].notnull(),
        "fit_failed": gate == "fail",
        "no_match": t["matched"].isnull(),
        "fit_unknown": (gate == "unknown") & (t["was_raised"].fill_null(0) == 0),
        "below_threshold": t["was_above"].fill_null(0) == 0,
        "one_person": t["had_evidence"] == 0,
        "moderate_fit": t["had_fit"] == 0,
        "cool_down": stage.isin(["recycled", "disqualified"]),
    }
    listed = [(holds.fill_null(False), ibis.literal(name)) for name, holds in cases.items()]
    return first_match(listed, ibis.literal("not_in_time"))
