"""Breadth of the buying committee: how many eligible people, and what anonymous research shows.

Belongs here: counting people and visits over the windows of the qualification rules. Does not belong
here: points of single signals (``points``) or the rules that use the counts (``ladder``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mqa_platform.core.timeline import Grid, Ints, both, unions
from mqa_platform.core.touches import Touches
from mqa_platform.policy.models import Policy


@dataclass(frozen=True)
class Breadth:
    """Counts by account and listed day."""

    people: Ints
    people_touchpoints: Ints
    committee: Ints
    committee_touchpoints: Ints
    evidence_people: Ints
    anonymous_evidence: np.ndarray
    hand_raised: np.ndarray
    last_eligible: Ints


def breadth(t: Touches, grid: Grid, policy: Policy) -> Breadth:
    """Eligible people of the multi-contact, committee and evidence windows, and evidence rule (b).

    Two cookies or e-mails of one person are one person: people are counted by person_id. No window
    reaches back further than the look-back, which is all that a run of one day reads.
    """
    multi = policy.signals.multi_contact
    committee = policy.signals.committee_on_high_intent
    lookback = policy.signals.lookback_days
    window = min(committee.window_days, lookback)
    e = t.eligible
    near = grid.live(t.day, window)
    seen, viewed = e & near, t.high_intent & (t.person >= 0) & near
    eh = e & t.high_intent
    on_pages = both(
        unions(t.account[seen], t.person[seen], t.day[seen], window),
        unions(t.account[viewed], t.person[viewed], t.day[viewed], window),
    )

    def people(days: int) -> Ints:
        return grid.distinct(t.account[e], t.person[e], t.day[e], min(days, lookback))

    def rows(mask: np.ndarray, days: int) -> Ints:
        return grid.spread(t.account[mask], t.day[mask], t.day[mask] + days)

    raised = t.hand_raise
    return Breadth(
        people=people(multi.window_days),
        people_touchpoints=rows(e, min(multi.window_days, lookback)),
        committee=grid.spread(on_pages[2], on_pages[0], on_pages[1]),
        committee_touchpoints=rows(eh, window),
        evidence_people=people(policy.stages.evidence_window_days),
        anonymous_evidence=_anonymous_research(t, grid, policy),
        hand_raised=rows(raised, 1) > 0,
        last_eligible=grid.latest(t.account[t.first_party], t.day[t.first_party], lookback),
    )


def _anonymous_research(t: Touches, grid: Grid, policy: Policy) -> np.ndarray:
    """Evidence rule (b): enough nameless visits on enough days, one on a buying page, and a surge."""
    rule = policy.stages.anonymous_research
    mask = t.anonymous & (t.session >= 0)
    account, day, session = t.account[mask], t.day[mask], t.session[mask]
    lookback = policy.signals.lookback_days
    window, surge_window = (min(d, lookback) for d in (rule.window_days, rule.intent_window_days))
    visits = grid.distinct(account, session, day, window)
    pairs = np.unique(np.stack([account, day]), axis=1)
    days = grid.spread(pairs[0], pairs[1], pairs[1] + window)
    buying = mask & t.high_intent
    views = grid.spread(t.account[buying], t.day[buying], t.day[buying] + window)
    surge = t.surging
    surges = grid.spread(t.account[surge], t.day[surge], t.day[surge] + surge_window)
    return (visits >= rule.sessions) & (days >= rule.days) & (views > 0) & (surges > 0)
