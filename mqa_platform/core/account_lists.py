"""Target and exclusion lists: the entries that hold, and what they do to an account on a day.

Belongs here: the published ``account_lists`` table, and targets and suppressions out of it. Does not
belong here: reading lists (``sources``), or suppression by the CRM and the policy (``accounts``).
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.company_keys import named_by
from mqa_platform.core.expressions import newest_first, one_of
from mqa_platform.core.spans import closed, said_within

REASONS = ("competitor", "partner", "do_not_contact", "legal", "own_company", "manual")
_ENTRY = ("source", "list", "entry_id")


def account_lists(landed: ir.Table) -> ir.Table:
    """One row an entry: what its newest version says.

    An entry that is delivered again and again without a start of its own (its valid_from is the day
    of each version) holds since the first of them. Of versions of one moment the one that ends first
    counts: that an entry ends is what the later one had to add. An entry that no later file repeats
    stays.
    """
    implied = landed["valid_from"] == landed["modified_at"].date()
    t = landed.mutate(
        first_from=landed["valid_from"].min().over(ibis.window(group_by=list(_ENTRY))),
        is_implied=implied,
        ends=closed(landed["valid_to"]),
    )
    told = ("account_id", "domain", "company_name", "reason", "owner", "valid_from")
    t = newest_first(t, list(_ENTRY), [t["modified_at"].desc(), t["ends"], *(t[c] for c in told)])
    start = ibis.ifelse(t["is_implied"], t["first_from"], t["valid_from"])
    t = t.mutate(valid_from=start)
    is_exclusion = t["list"] == "exclusion"
    known = one_of(t["reason"], REASONS).fill_null(False)
    reason = ibis.ifelse(known, t["reason"], ibis.literal("manual"))
    return t.select(
        *_ENTRY,
        "account_id",
        "domain",
        "company_name",
        "owner",
        "valid_from",
        "valid_to",
        reason=ibis.ifelse(is_exclusion, reason, t["reason"]),
    )


def entries(lists: ir.Table, name_keys: ir.Table) -> ir.Table:
    """Entries under their keys, with their days as said_from and said_to (closed)."""
    t = lists.mutate(
        said_from=lists["valid_from"],
        said_to=closed(lists["valid_to"]),
        said_by=ibis.coalesce(lists["owner"].nullif(""), lists["source"]),
    )
    carried = [*_ENTRY, "reason", "said_by", "said_from", "said_to"]
    carried.append("ends")
    return named_by(t.mutate(ends=t["said_to"]), name_keys, carried, strictly=False)


def listed(slices: ir.Table, matches: ir.Table) -> ir.Table:
    """Slices with what the lists make of them: on_target_list, excluded_for, _until and _by.

    Of several exclusions the one that ends last is named.
    """
    columns = [*_ENTRY, "reason", "said_by", "ends"]
    said = matches.select("account_id", "version_from", "match_from", "match_to", *columns)
    t = said_within(slices, said)
    wanted = t.filter(t["list"] == "target").select(
        target_account="account_id", target_day="valid_from"
    )
    refused = t.filter(t["list"] == "exclusion")
    last = [refused["ends"].desc(), refused["source"], refused["entry_id"]]
    refused = newest_first(refused, ["account_id", "valid_from"], last)
    refused = refused.select(
        excluded_account="account_id",
        excluded_day="valid_from",
        excluded_for="reason",
        excluded_until="ends",
        excluded_by="said_by",
    )
    t = slices.left_join(
        wanted.distinct(),
        [("account_id", "target_account"), ("valid_from", "target_day")],
    ).drop("target_day")
    t = t.left_join(
        refused, [("account_id", "excluded_account"), ("valid_from", "excluded_day")]
    ).drop("excluded_account", "excluded_day")
    return t.mutate(on_target_list=t["target_account"].notnull()).drop("target_account")
