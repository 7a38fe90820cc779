"""What people decided by hand about an account, and what else stands beside its rung.

Belongs here: from when to when an override holds, who is suppressed on which days and why. Does not belong
here: landing overrides (``sources``), or what the ladder makes of them (``rules``).

An override is never changed: a later one, or its withdrawal, ends it. It ends by itself on its last day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import newest_first, none_of_type

STAGE, EXCLUDE, SNOOZE, WITHDRAW = "stage", "exclude", "snooze", "withdraw"
ACTIONS: Final = (STAGE, EXCLUDE, SNOOZE, WITHDRAW)
MANUAL: Final = "manual"
COLUMNS: Final = (
    "override_id", "account_id", "motion", "action", "stage", "starts_on", "ends_on", "reason", "by",
    "at",
)  # fmt: skip


@dataclass(frozen=True)
class Beside:
    """What stands beside the rungs: ``suppressions`` and the overrides ``in_effect``."""

    suppressions: ir.Table
    overrides: ir.Table


def overrides(landed: ir.Table) -> ir.Table:
    """One row an override or withdrawal, as it was entered."""
    t = landed
    order = [t["at"], t["batch_id"]]
    return newest_first(t, ["override_id"], order).select(*COLUMNS)


def in_effect(told: ir.Table) -> ir.Table:
    """Overrides with the days on which they hold: from starts_on up to ends_on (excluded; null: no end).

    A withdrawal ends what was decided before it, from its own first day on, in its motion or in all.
    """
    w = told.filter(told["action"] == WITHDRAW)
    w = w.select(
        w_account="account_id", w_motion="motion", withdrawn_on="starts_on", withdrawn_at="at"
    )
    t = told.filter(told["action"] != WITHDRAW)
    met = t.select("override_id", "account_id", "motion", "at")
    met = met.join(w, met["account_id"] == w["w_account"])
    same = met["w_motion"].isnull() | (met["w_motion"] == met["motion"]).fill_null(False)
    met = met.filter(same & (met["withdrawn_at"] >= met["at"]))
    ended = met.group_by(ended="override_id").aggregate(withdrawn_on=met["withdrawn_on"].min())
    t = t.left_join(ended, [("override_id", "ended")])
    far = ibis.literal(date(9999, 1, 1))
    end = ibis.least(ibis.coalesce(t["ends_on"], far), ibis.coalesce(t["withdrawn_on"], far))
    t = t.mutate(ends_on=end.nullif(far)).select(*COLUMNS)
    return t.filter(t["ends_on"].isnull() | (t["ends_on"] > t["starts_on"]))


def suppressions(accounts: ir.Table, effective: ir.Table) -> ir.Table:
    """(account_id, motion, starts_on, ends_on, suppression_reason, suppressed_until, suppressed_by, place).

    What the CRM, the policy and the lists say comes before what somebody decided by hand, and holds in every
    motion; so does what was decided without one.
    """
    a = accounts.filter(accounts["suppression_reason"].notnull())
    by = a["suppressed_by"] if "suppressed_by" in a.columns else none_of_type("string")
    told = a.select(
        "account_id", "suppression_reason", "suppressed_until",
        starts_on=a["valid_from"],
        ends_on=ibis.least(
            ibis.coalesce(a["valid_to"], ibis.literal(date(9999, 1, 1))),
            ibis.coalesce(a["suppressed_until"], ibis.literal(date(9999, 1, 1))),
        ),
        suppressed_by=by,
        motion=none_of_type("string"),
        place=ibis.literal(0),
    )  # fmt: skip
    e = effective.filter(effective["action"].isin([EXCLUDE, SNOOZE]))
    manual = e.select(
        "account_id", "motion", "starts_on",
        suppression_reason=ibis.literal(MANUAL),
        suppressed_until=e["ends_on"],
        ends_on=ibis.coalesce(e["ends_on"], ibis.literal(date(9999, 1, 1))),
        suppressed_by=e["by"],
        place=ibis.literal(1),
    )  # fmt: skip
    kinds = {
        "account_id": "string", "motion": "string", "suppression_reason": "string",
        "suppressed_until": "date", "starts_on": "date", "ends_on": "date", "suppressed_by": "string", "place": "int64",
    }  # fmt: skip
    return told.select(*kinds).cast(kinds).union(manual.select(*kinds).cast(kinds))


def suppressed_days(days: ir.Table, suppressions: ir.Table, motion: str) -> ir.Table:
    """The (account_id, day) of ``days`` that are suppressed in a motion, with why, until when and by whom.

    Of several suppressions the CRM's comes first, and then the one that lasts longest.
    """
    s = suppressions.filter(suppressions["motion"].isnull() | (suppressions["motion"] == motion))
    s = s.drop("motion").rename(of_account="account_id")
    t = days.join(s, days["account_id"] == s["of_account"])
    t = t.filter((t["starts_on"] <= t["day"]) & (t["day"] < t["ends_on"]))
    order = [t["place"], t["ends_on"].desc(), t["suppression_reason"], t["suppressed_by"]]
    return newest_first(t, ["account_id", "day"], order).select(
        "account_id", "day", "suppression_reason", "suppressed_until", "suppressed_by"
    )


def forced_days(days: ir.Table, effective: ir.Table, motion: str) -> ir.Table:
    """The (account_id, day) of ``days`` on which somebody has put the account on a rung; the last word holds."""
    e = effective.filter(effective["action"] == STAGE)
    e = e.filter(e["motion"].isnull() | (e["motion"] == motion))
    e = e.select(
        "starts_on", "ends_on", "at", "override_id", of_account="account_id", forced_stage="stage",
        forced_reason="reason",
    )  # fmt: skip
    t = days.join(e, days["account_id"] == e["of_account"])
    t = t.filter((t["starts_on"] <= t["day"]) & (t["ends_on"].isnull() | (t["day"] < t["ends_on"])))
    order = [t["at"].desc(), t["override_id"]]
    return newest_first(t, ["account_id", "day"], order).select(
        "account_id", "day", "forced_stage", "forced_reason"
    )
