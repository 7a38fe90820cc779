"""The cells of a CRM record that are filled the same way for every kind of record.

Belongs here: a column by its type, and the parts that several kinds of record share. Does not belong
here: which kind of record has which columns (``crm_columns``).
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.sources.columns import coalesce, each_unique, joined, present, tidy
from mqa_platform.sources.crm_values import MappedRecords
from mqa_platform.sources.names import registrable_domains, snake_case
from mqa_platform.sources.schemas import TIMESTAMP
from mqa_platform.sources.timestamps import EARLIEST

# What a mapping lands as → its table and its own id.
TABLES: Final[dict[str, tuple[str, str]]] = {
    "accounts": ("landed_accounts", "account_id"),
    "contacts": ("landed_contacts", "contact_id"),
    "leads": ("landed_leads", "lead_id"),
    "opportunities": ("landed_opportunities", "opportunity_id"),
    "activities": ("landed_activities", "activity_id"),
    "users": ("landed_users", "user_id"),
    "contact_roles": ("landed_contact_roles", "role_id"),
    "campaign_members": ("landed_signals", "event_id"),
    "associations": ("landed_associations", "from_id"),
    "field_changes": ("landed_field_changes", "record_id"),
    "signals": ("landed_signals", "event_id"),
    "enrichment": ("landed_enrichment", "record_id"),
    "spend": ("landed_spend", "spend_id"),
}
# True where nothing says otherwise; every other flag is false.
_TRUE_UNLESS_SAID: Final = frozenset({"is_active", "is_held"})


def typed(m: MappedRecords, field: pa.Field) -> pa.Array:
    """One column by its type, needed where the table allows no null."""
    name, kind = field.name, field.type
    if name == "modified_at":
        return modified_at(m)
    if pa.types.is_boolean(kind):
        if name == "is_deleted":
            return m.any_flag(name)
        values = m.boolean(name)
        default = name in _TRUE_UNLESS_SAID and not m.has(name)
        return values if field.nullable else pc.fill_null(values, default)
    values = _converted(m, name, kind)
    if not field.nullable:
        reason = "missing_timestamp" if pa.types.is_temporal(kind) else f"missing_{name}"
        m.check(reason, ~present(values))
    return values


def _converted(m: MappedRecords, name: str, kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind):
        return m.time(name)
    if pa.types.is_date(kind):
        return m.time(name).cast(pa.date32())
    if pa.types.is_integer(kind):
        return m.integer(name)
    return m.number(name) if pa.types.is_floating(kind) else m.text(name)


def modified_at(m: MappedRecords, otherwise: pa.Array | None = None) -> pa.Array:
    """Since when a version holds: its own time, else when the record was created.

    An export without either says what was always so; a record that leaves it blank is a defect.
    """
    if not m.has("modified_at") and not m.has("created_at") and otherwise is None:
        return pa.repeat(pa.scalar(EARLIEST, TIMESTAMP), len(m.records))
    moments = coalesce(m.time("modified_at"), m.time("created_at"))
    if otherwise is not None:
        moments = coalesce(moments, otherwise)
    m.check("missing_timestamp", ~present(moments))
    return moments


def first_of(values: pa.Array) -> pa.Array:
    """The first id of each list."""
    first = pc.replace_substring_regex(values, r"^[\s;,]*([^;,]*).*$", r"\1")
    return tidy(first)


def single(m: MappedRecords, name: str) -> pa.Array:
    """``account_id``, or the first of ``account_ids``."""
    return coalesce(m.text(name), first_of(m.text(f"{name}s")))


def deleted(m: MappedRecords) -> pa.Array:
    """Deleted, and not by a merge: from when on a merge deletes, its link says.

    A merge may have come before the first version that we have, and somebody may take it back.
    """
    survivor, own = m.text("survivor_id"), m.text(TABLES[m.mapped.lands_as][1])
    merged = pc.fill_null(pc.not_equal(survivor, own), False)
    return pc.and_(m.any_flag("is_deleted"), pc.invert(merged))


def full_name(m: MappedRecords) -> pa.Array:
    """The name, else first and last name."""
    both = joined([m.text("first_name"), m.text("last_name")], " ")
    return coalesce(m.text("name"), tidy(both))


def domain_of(m: MappedRecords) -> pa.Array:
    """The registrable domain, else that of the website."""
    return coalesce(registrable_domains(m.text("domain")), registrable_domains(m.text("website")))


def lower_lists(values: pa.Array) -> pa.Array:
    """``;``-joined lists in lower case, each word once."""
    return each_unique(values, lambda text: trimmed_list(text.casefold()))


def trimmed_list(text: str) -> str | None:
    """A ``;``-joined list without blanks, each entry once; None when nothing is left."""
    parts = (part.strip() for part in text.split(";"))
    return ";".join(dict.fromkeys(part for part in parts if part)) or None


def policy_names(m: MappedRecords, name: str) -> pa.Array:
    """Reasons as policy writes them, unless the mapping has said what they are."""
    values = m.text(name)
    return values if m.mapped.values.get(name) else each_unique(values, snake_case)
