"""What the CRM should say of every account: one record an account and motion, as of one published day.

Belongs here: which accounts have a record, and what stands in it. Does not belong here: what was written
before (``crm_changes``), or the names of the CRM's fields (``destinations.crm_fields``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import ibis
import ibis.expr.types as ir

from mqa_platform.core.experiments import HELD_OUT
from mqa_platform.core.expressions import first_match, in_force, newest_first, none_of_type
from mqa_platform.policy.write_back import WriteBack

# Columns of a record, with their types.
RECORD: Final = {
    "account_id": "string", "motion": "string", "stage": "string", "since": "date",
    "score": "float64", "threshold": "float64", "top_reasons": "string", "evidence_url": "string",
    "policy_version": "string", "validity": "string", "as_of": "date",
    "evidence_at": "timestamp('UTC', 6)", "touchpoints": "int64", "left_out": "string",
    "old_answer": "string",
}  # fmt: skip
_REASONS: Final = 3
_KEY: Final = ("account_id", "motion")


@dataclass(frozen=True)
class Known:
    """The published tables that records are made of."""

    stages: ir.Table
    scores: ir.Table
    score_receipts: ir.Table
    touchpoints: ir.Table
    accounts: ir.Table
    crm_duplicates: ir.Table
    handoffs: ir.Table


def crm_records(known: Known, policy: WriteBack, as_of: date) -> ir.Table:
    """One row (``RECORD``) an account with a stage on the day, in every motion that may be written.

    ``left_out`` says why a record is not written: ``discovered`` (the CRM has no such account), ``duplicate``
    (its survivor is written), ``not_in_crm`` (deleted there), ``held_out`` (an experiment keeps it from sales,
    who would read its stage there); null: it is. ``evidence_at`` and
    ``touchpoints`` are those of the buyer up to the day, by which newer evidence is known. ``old_answer`` is what
    sales had said before the stage was entered.

    Args:
        known: as published.
        policy: ``fields`` names the motions.
        as_of: the last published day.
    """
    stages, scores, receipts = known.stages, known.scores, known.score_receipts
    motions: list[str] = sorted(policy.fields)
    t = stages.filter((stages["stage_date"] == as_of) & stages["motion"].isin(motions or [""]))
    t = t.select(*_KEY, "stage", "policy_version", since="entered_on")
    of_day = scores.filter(scores["score_date"] == as_of)
    told = of_day.select(
        *_KEY,
        score=of_day["engagement_score"].cast("float64"),
        threshold=of_day["threshold"].cast("float64"),
        its_validity="validity",
    )
    t = _with(t, told, _KEY)
    t = _with(t, _top_reasons(receipts.filter(receipts["score_date"] == as_of)), _KEY)
    t = _with(t, _evidence(known.touchpoints, as_of), ("account_id",))
    t = _with(t, _pages(known.handoffs, as_of), _KEY)
    t = _with(t, _left_out(known.accounts, known.crm_duplicates, as_of), ("account_id",))
    t = _with(t, _held_out(known.handoffs, as_of), _KEY)
    t = _with(t, _old_answers(t, known.accounts), _KEY)
    # Of an account without a score the day itself says whether its sources had come.
    t = t.cross_join(of_day.aggregate(validity_of_day=of_day["validity"].min()))
    whole = t.mutate(
        score=t["score"].fill_null(0.0),
        threshold=t["threshold"].fill_null(0.0),
        top_reasons=t["top_reasons"].fill_null(""),
        validity=ibis.coalesce(t["its_validity"], t["validity_of_day"], ibis.literal("valid")),
        as_of=ibis.literal(as_of),
        touchpoints=t["touchpoints"].fill_null(0),
        left_out=ibis.coalesce(
            ibis.ifelse(t["is_known"].isnull(), ibis.literal("not_in_crm"), t["left_out"]),
            t["held_out"],
        ),
    )
    return whole.select(*RECORD).cast(RECORD)


def _with(t: ir.Table, other: ir.Table, key: tuple[str, ...]) -> ir.Table:
    """Left join by columns of the same name, which stand once in the answer."""
    renamed = other.rename({f"_{c}": c for c in key})
    joined = t.left_join(renamed, [t[c] == renamed[f"_{c}"] for c in key])
    return joined.drop(*(f"_{c}" for c in key))


def _top_reasons(receipts: ir.Table) -> ir.Table:
    """The largest parts of the score by name: ``pricing_view, multi_contact``."""
    t = receipts.filter(receipts["points"] > 0)
    order = [t["points"].desc(), t["component"]]
    t = t.mutate(place=ibis.row_number().over(ibis.window(group_by=_KEY, order_by=order)))
    found = t.group_by(*_KEY).aggregate(
        **{f"r{i}": ibis.ifelse(t["place"] == i, t["component"], none_of_type("string")).max()
           for i in range(_REASONS)}
    )  # fmt: skip
    text = found["r0"].fill_null("")
    for i in range(1, _REASONS):
        more = ibis.literal(", ") + found[f"r{i}"]
        text = text + more.fill_null("")
    return found.select(*_KEY, top_reasons=text)


def _evidence(touchpoints: ir.Table, as_of: date) -> ir.Table:
    t = touchpoints.filter(
        (touchpoints["touchpoint_date"] <= as_of) & (touchpoints["direction"] == "inbound")
    )
    return t.group_by("account_id").aggregate(
        evidence_at=t["occurred_at"].max(), touchpoints=t.count().cast("int64")
    )


def _pages(handoffs: ir.Table, as_of: date) -> ir.Table:
    """The page of the newest handoff, where accounts have pages."""
    t = handoffs.filter((handoffs["created_on"] <= as_of) & handoffs["evidence_url"].notnull())
    newest = newest_first(t, _KEY, [t["created_on"].desc(), t["handoff_id"]])
    return newest.select(*_KEY, "evidence_url")


def _old_answers(t: ir.Table, accounts: ir.Table) -> ir.Table:
    """The sales status on the day before each ``since``."""
    held = accounts.select("valid_from", "valid_to", "sales_status", its_account="account_id")
    joined = t.select(*_KEY, "since").join(held, [t["account_id"] == held["its_account"]])
    stood = joined.filter(
        (joined["valid_from"] < joined["since"])
        & (joined["valid_to"].isnull() | (joined["valid_to"] >= joined["since"]))
    )
    return stood.group_by(*_KEY).aggregate(old_answer=stood["sales_status"].max())


def _held_out(handoffs: ir.Table, as_of: date) -> ir.Table:
    held = handoffs.filter((handoffs["status"] == HELD_OUT) & (handoffs["created_on"] <= as_of))
    return held.select(*_KEY, held_out=ibis.literal(HELD_OUT)).distinct()


def _left_out(accounts: ir.Table, duplicates: ir.Table, as_of: date) -> ir.Table:
    held = accounts.filter(in_force(accounts, ibis.literal(as_of)))
    held = held.select("account_id", "is_discovered", is_known=ibis.literal(True))
    twice = duplicates.select(duplicate="account_id")
    t = held.left_join(twice, [held["account_id"] == twice["duplicate"]])
    cases = [
        (t["is_discovered"], ibis.literal("discovered")),
        (t["duplicate"].notnull(), ibis.literal("duplicate")),
    ]
    left_out = first_match(cases, none_of_type("string"))
    return t.select("account_id", "is_known", left_out=left_out)
