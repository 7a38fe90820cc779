"""CRM records as history: each version of a record with the days it held.

Belongs here: turning landed versions into valid_from/valid_to, and the small CRM tables that need no
more. Does not belong here: fit (``accounts``) or outcomes (``conversions``).
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import BEGINNING, newest_first


def history(landed: ir.Table, key: str) -> ir.Table:
    """Landed versions with valid_from (inclusive) and valid_to (exclusive, null = still holds).

    The last version of a day is that day's. The first known version also speaks for the days since
    the record was created, and for all days before when the source does not say when that was: an
    account list without dates would otherwise leave every past day without accounts. ``said_on`` is
    the day on which a version was really told, whatever days it speaks for.
    """
    t = landed.mutate(_day=landed["modified_at"].date())
    # A column named twice in an order would keep only its last direction.
    rest = [t[c] for c in sorted(landed.columns) if c not in ("modified_at", "batch_id")]
    t = newest_first(t, [key, "_day"], [t["modified_at"].desc(), t["batch_id"], *rest])
    order = ibis.window(group_by=key, order_by="_day")
    t = t.mutate(_number=ibis.row_number().over(order), valid_to=t["_day"].lead().over(order))
    if "created_at" in landed.columns:
        born = ibis.coalesce(t["created_at"].date(), ibis.literal(BEGINNING))
    else:
        born = ibis.literal(BEGINNING)
    first = ibis.least(born, t["_day"])
    t = t.mutate(
        valid_from=ibis.ifelse(t["_number"] == 0, first, t["_day"]),
        said_on=t["_day"],
    )
    return t.drop("_day", "_number", "batch_id", "modified_at")


def latest(table: ir.Table) -> ir.Table:
    """Today's version of every record of a history that is not deleted."""
    open_rows = table.filter(table["valid_to"].isnull())
    return (
        open_rows.filter(~open_rows["is_deleted"]) if "is_deleted" in table.columns else open_rows
    )
