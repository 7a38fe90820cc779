"""Who can take accounts, how many, of which kind, and when each is away: ``capacity`` and ``absences``.

Belongs here: reps.csv and the CRM's users in one history, absences, and the orders to reassign. Does not
belong here: reading the files (``sources``), or who gets an account (``routing``).

Where both say something of a rep, reps.csv counts: it is RevOps' word, and newer than the CRM's custom fields.
"""

from __future__ import annotations

from typing import Final

import ibis
import ibis.expr.types as ir

from mqa_platform.core.crm_history import stacked
from mqa_platform.core.expressions import BEGINNING, newest_first

COLUMNS: Final = (
    "user_id", "valid_from", "valid_to", "name", "is_active", "is_listed", "capacity_per_week", "weight",
    "team", "industries", "regions", "postal_prefixes", "employees_min", "employees_max", "country",
    "time_zone", "workday_starts", "workday_ends", "workdays",
)  # fmt: skip
ABSENCES: Final = ("absence_id", "rep_id", "starts_on", "ends_on", "kind", "cover_id")
REASSIGNMENTS: Final = (
    "reassignment_id", "from_rep", "to_rep", "handoff_id", "starts_on", "ends_on", "reason", "by", "at",
)  # fmt: skip


def capacity(landed: ir.Table, batches: ir.Table, users: ir.Table) -> ir.Table:
    """One row a rep and stretch of days on which neither reps.csv nor the CRM says anything else.

    A rep that the CRM does not have has no ``is_active``; one that reps.csv does not have is not
    ``is_listed``.

    Args:
        landed: landed_rep_capacity.
        batches: landed_batches, for what was told last.
        users: crm_users.
    """
    told = _versions(landed, batches)
    crm = users.select("user_id", "valid_from", "valid_to")
    own = told.select("user_id", "valid_from", "valid_to")
    both = stacked(crm, own)
    ends = both.filter(both["valid_to"].notnull())
    cuts = both.select("user_id", day=both["valid_from"]).union(
        ends.select("user_id", day=ends["valid_to"])
    )
    cuts = cuts.distinct()
    order = ibis.window(group_by="user_id", order_by="day")
    spans = cuts.mutate(until=cuts["day"].lead().over(order))
    t = _with_version(spans, users, "crm")
    t = _with_version(t, told, "own")
    t = t.filter(t["crm_user_id"].notnull() | t["own_user_id"].notnull())
    return t.select(
        "user_id",
        valid_from=t["day"],
        valid_to=t["until"],
        name=t["crm_name"],
        is_active=t["crm_is_active"],
        is_listed=t["own_user_id"].notnull(),
        capacity_per_week=ibis.coalesce(t["own_capacity_per_week"], t["crm_capacity_per_week"]),
        weight=t["own_weight"],
        team=ibis.coalesce(t["own_team"], t["crm_team"]),
        industries=t["own_industries"],
        regions=ibis.coalesce(t["own_regions"], t["crm_territory"]),
        postal_prefixes=t["own_postal_prefixes"],
        employees_min=ibis.coalesce(t["own_employees_min"], t["crm_employees_min"]),
        employees_max=ibis.coalesce(t["own_employees_max"], t["crm_employees_max"]),
        country=t["own_country"],
        time_zone=ibis.coalesce(t["own_time_zone"], t["crm_time_zone"]),
        workday_starts=t["own_workday_starts"],
        workday_ends=t["own_workday_ends"],
        workdays=t["own_workdays"],
    ).select(*COLUMNS)


def _versions(landed: ir.Table, batches: ir.Table) -> ir.Table:
    """reps.csv as history: of a rep and first day what was told last."""
    told = landed.mutate(valid_from=ibis.coalesce(landed["valid_from"], ibis.literal(BEGINNING)))
    last = _told_last(told, batches, ["rep_id", "valid_from"])
    order = ibis.window(group_by="rep_id", order_by="valid_from")
    last = last.mutate(valid_to=last["valid_from"].lead().over(order))
    return last.rename(user_id="rep_id").drop("source", "batch_id", "modified_at")


def _with_version(spans: ir.Table, history: ir.Table, prefix: str) -> ir.Table:
    """The spans beside the version that holds on the first day of each; its columns are prefixed."""
    h = history.rename({f"{prefix}_{c}": c for c in history.columns if not c.startswith("valid_")})
    t = spans.left_join(
        h,
        [
            spans["user_id"] == h[f"{prefix}_user_id"],
            spans["day"] >= h["valid_from"],
            h["valid_to"].isnull() | (spans["day"] < h["valid_to"]),
        ],
    )
    return t.drop("valid_from", "valid_to")


def _told_last(landed: ir.Table, batches: ir.Table, key: list[str]) -> ir.Table:
    """One row a key: what was changed last, and of that what landed last."""
    b = batches.select(of_batch="batch_id", _landed_at=batches["landed_at"])
    t = landed.left_join(b, [("batch_id", "of_batch")])
    t = t.mutate(_told_at=ibis.coalesce(t["modified_at"], t["_landed_at"]))
    rest = [t[c] for c in sorted(landed.columns) if c not in {*key, "modified_at", "batch_id"}]
    order = [
        t["_told_at"].desc(nulls_first=False),
        t["_landed_at"].desc(nulls_first=False),
        t["batch_id"],
        *rest,
    ]
    return newest_first(t, key, order).select(*landed.columns)


def absences(landed: ir.Table, batches: ir.Table) -> ir.Table:
    """One row an absence: what was told of it last; ends_on is the first day back, null while unknown."""
    return _told_last(landed, batches, ["absence_id"]).select(*ABSENCES)


def reassignments(landed: ir.Table) -> ir.Table:
    """One row an order to give handoffs to another rep, as it was entered."""
    order = [landed["at"], landed["batch_id"]]
    return newest_first(landed, ["reassignment_id"], order).select(*REASSIGNMENTS)
