"""A synthetic market scored day by day through the production functions.

Belongs here: account scores, person scores and fit of a market in memory. Does not belong here: which accounts
a model would name (``models``), or the truth (``market_truth``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.calibration.entries import candidates
from mqa_platform.core.fit import with_fit
from mqa_platform.core.people import person_kernel
from mqa_platform.core.scores import score_lines, scores
from mqa_platform.core.signals import page_type, signal_type
from mqa_platform.core.window import ONE_DAY, Window
from mqa_platform.evaluation.seen_market import account_rows, opportunity_rows, touchpoints
from mqa_platform.market.watched import Watched
from mqa_platform.policy.models import Policy
from mqa_platform.warehouse import Session

_PERSON = ("person_id", "account_id", "signal_type", "direction", "touchpoint_date", "seniority", "share")  # fmt: skip


@dataclass(frozen=True)
class Scored:
    """The tables of a market: typed touchpoints, accounts with fit, scores of some days, opportunities."""

    session: Session
    policy: Policy
    touchpoints: ir.Table
    accounts: ir.Table
    scores: ir.Table
    opportunities: ir.Table

    def candidates(self, window: Window) -> ir.Table:
        """See ``core.calibration.entries.candidates``."""
        return self.session.keep(candidates(self.scores, self.accounts, self.policy, window))


def scored(
    session: Session, w: Watched, policy: Policy, days: list[date], rows: pa.Table | None = None
) -> Scored:
    """Score a market on the listed days; accounts that the ICP refuses have no scores.

    ``rows`` are the touchpoints, all of the market's where none are given.
    """
    accounts = session.keep(with_fit(session.constant("accounts", account_rows(w)), policy))
    seen = session.constant("touchpoints", touchpoints(w, policy) if rows is None else rows)
    named = seen.mutate(page_type=page_type(seen["page_path"].fill_null(""), policy))
    is_page = named["event"] == "page_view"
    named = named.mutate(page_type=is_page.ifelse(named["page_type"], None))
    typed = named.mutate(signal_type=signal_type(named["event"], named["page_type"], policy))
    typed = session.keep(typed.drop("event", "page_path"))
    possible = accounts.filter(accounts["fit_gate"] != "fail")
    lines = score_lines(typed.semi_join(possible, "account_id"), policy, days, session.apply)
    found = session.keep(scores(lines, accounts, policy, "evaluation"))
    deals = session.constant("opportunities", opportunity_rows(w))
    return Scored(session, policy, typed, accounts, found, deals)


def person_scores(s: Scored, days: list[date]) -> pa.Table:
    """(account_id, day, score): the highest person score of each account on each day, where above 0."""
    t = s.touchpoints.filter(s.touchpoints["person_id"].notnull()).select(*_PERSON)
    rows = s.session.arrow(t)
    owner = dict(zip(rows["person_id"].to_pylist(), rows["account_id"].to_pylist(), strict=True))
    parts = []
    for day in days:
        told = person_kernel(s.policy, day).fn(rows)
        value = told["person_score"].cast(pa.float64()).to_numpy()
        keep = np.flatnonzero(value > 0)
        who = told["person_id"].take(pa.array(keep)).to_pylist()
        part = pa.table({"account_id": [owner[p] for p in who], "score": value[keep]})
        part = part.group_by("account_id").aggregate([("score", "max")])
        dates = pa.array([day] * part.num_rows, pa.date32())
        parts.append(part.rename_columns(["account_id", "score"]).append_column("day", dates))
    return pa.concat_tables(parts)


def candidates_of(session: Session, w: Watched, policy: Policy, days: list[date]) -> pa.Table:
    """Rows of ``core.calibration.entries.candidates`` of a market on the listed days.

    Accounts that cannot come near the lowest threshold of the grid are left out before they are scored: see
    ``within_reach``.
    """
    rows = touchpoints(w, policy)
    rows = rows.filter(pc.is_in(rows["account_id"], within_reach(rows, policy)))
    window = Window(days[0], days[-1] + ONE_DAY)
    s = scored(session, w, policy, days, rows)
    return session.arrow(candidates(s.scores, s.accounts, policy, window))


def within_reach(rows: pa.Table, policy: Policy) -> pa.Array:
    """The accounts with two people seen in some 60 days, or somebody who asks to be called.

    Fewer than ``evidence_people`` people within ``evidence_window_days`` never qualify whatever the score, so
    nobody is lost: any such window lies within two neighbouring months of 30 days.
    """
    asks = {e for s in policy.signals.signals.values() if s.hand_raise for e in s.events}
    told = rows.filter(pc.is_valid(rows["person_id"]))
    month = pc.divide(told["touchpoint_date"].cast(pa.int32()).cast(pa.int64()), 30)
    who = told.select(["account_id", "person_id"]).append_column("month", month)
    after = who.set_column(2, "month", pc.add(month, 1))
    both = (
        pa.concat_tables([who, after]).group_by(["account_id", "person_id", "month"]).aggregate([])
    )
    people = both.group_by(["account_id", "month"]).aggregate([("person_id", "count")])
    enough = people.filter(
        pc.greater_equal(people["person_id_count"], policy.stages.evidence_people)
    )
    raised = told.filter(pc.is_in(told["event"], pa.array(sorted(asks), pa.string())))
    ids = [enough["account_id"], raised["account_id"]]
    return pc.unique(pa.chunked_array([c for column in ids for c in column.chunks], pa.string()))
