"""Stretches of days: a history cut where something else changes, and joined again where nothing did.

Belongs here: half-open stretches (first day, first day no longer) and what two of them share. Does not
belong here: what changes an account (``outside``), or the days of a run (``window``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

# The end of what has no end, where ends must be compared; never published.
END = date(9999, 1, 1)


def closed(end: ir.DateValue) -> ir.DateValue:
    """An end that can be compared: null becomes ``END``."""
    return ibis.coalesce(end, ibis.literal(END))


def opened(end: ir.DateValue) -> ir.DateValue:
    """The reverse of ``closed``."""
    return end.nullif(ibis.literal(END))


def within(t: ir.Table, first: date | None, end: date | None) -> ir.Table:
    """The versions as far as they hold from a day on and before an end; None is no limit."""
    if first is not None:
        t = t.filter(closed(t["valid_to"]) > first)
        t = t.mutate(valid_from=ibis.greatest(t["valid_from"], ibis.literal(first)))
    if end is not None:
        t = t.filter(t["valid_from"] < end)
        t = t.mutate(valid_to=ibis.least(closed(t["valid_to"]), ibis.literal(end)))
    return t


def shared(
    t: ir.Table, one: tuple[str, str], other: tuple[str, str]
) -> tuple[ir.DateValue, ir.DateValue]:
    """First day and end of what two stretches of a row have in common; columns hold closed ends."""
    return (
        ibis.greatest(t[one[0]], t[other[0]]),
        ibis.least(t[one[1]], t[other[1]]),
    )


def cut(versions: ir.Table, days: ir.Table) -> ir.Table:
    """Versions of accounts, cut into slices that begin at the given days.

    Args:
        versions: account_id, valid_from, valid_to and whatever else.
        days: account_id, version_from (which version), day; days outside their version cut nothing.

    Returns:
        The rows of ``versions`` with the slice as valid_from and valid_to, and with version_from and
        version_to.
    """
    spans = versions.select(
        "account_id", version_from="valid_from", version_to=closed(versions["valid_to"])
    )
    inside = days.join(spans, ["account_id", "version_from"])
    inside = inside.filter(
        (inside["day"] > inside["version_from"]) & (inside["day"] < inside["version_to"])
    )
    columns = ["account_id", "version_from", "day"]
    starts = spans.mutate(day=spans["version_from"]).select(*columns)
    starts = starts.union(inside.select(*columns)).distinct()
    order = ibis.window(group_by=["account_id", "version_from"], order_by="day")
    starts = starts.mutate(next_day=starts["day"].lead().over(order))
    starts = starts.rename(slice_account="account_id")
    t = versions.join(
        starts,
        [
            versions["account_id"] == starts["slice_account"],
            versions["valid_from"] == starts["version_from"],
        ],
    )
    return t.mutate(
        version_to=t["valid_to"],
        valid_to=ibis.coalesce(t["next_day"], t["valid_to"]),
        valid_from=t["day"],
    ).drop("slice_account", "day", "next_day")


def said_within(slices: ir.Table, said: ir.Table) -> ir.Table:
    """What is said of each slice on its first day; nothing said changes within a slice.

    Args:
        slices: of ``cut``: account_id, version_from, valid_from.
        said: account_id, version_from, match_from, match_to (closed) and whatever is said.

    Returns:
        account_id, version_from, valid_from (the slice's) and the columns of ``said`` but its keys.
    """
    days = slices.select("account_id", "version_from", "valid_from")
    of = said.rename(said_account="account_id", said_version="version_from")
    t = days.join(
        of,
        [
            days["account_id"] == of["said_account"],
            days["version_from"] == of["said_version"],
            of["match_from"] <= days["valid_from"],
            days["valid_from"] < of["match_to"],
        ],
    )
    return t.drop("said_account", "said_version", "match_from", "match_to")


def merged(slices: ir.Table, columns: Sequence[str]) -> ir.Table:
    """Slices of one version that say the same in all ``columns``, as one; without the version's days.

    Only neighbours within a version are joined: the versions themselves are the CRM's.
    """
    order = ibis.window(group_by=["account_id", "version_from"], order_by="valid_from")
    same = ibis.literal(True)
    for column in columns:
        same = same & slices[column].identical_to(slices[column].lag().over(order))
    t = slices.mutate(is_first=ibis.row_number().over(order) == 0, is_same=same)
    t = t.filter(t["is_first"] | ~t["is_same"])
    t = t.mutate(valid_to=ibis.coalesce(t["valid_from"].lead().over(order), t["version_to"]))
    return t.drop("is_first", "is_same", "version_from", "version_to")
