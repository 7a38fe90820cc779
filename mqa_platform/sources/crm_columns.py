"""Which landed columns each kind of CRM record has, and how they are filled.

Belongs here: the parts of a record that need more than one column of ours (a name out of two, a
state out of a stage). Does not belong here: one CRM's fields and values (mapping.yaml), or links
between records (``crm_links``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.sources.bands import amounts, headcounts, upper_amounts, upper_headcounts
from mqa_platform.sources.columns import coalesce, each_unique, joined, mask, present
from mqa_platform.sources.crm_cells import (
    TABLES,
    deleted,
    domain_of,
    full_name,
    lower_lists,
    modified_at,
    policy_names,
    single,
    trimmed_list,
    typed,
)
from mqa_platform.sources.crm_values import MappedRecords
from mqa_platform.sources.names import (
    domain_lists,
    person_refs,
    registrable_domains,
)
from mqa_platform.sources.schemas import delivered
from mqa_platform.sources.signals import page_paths

Columns = dict[str, Any]
Fill = Callable[[MappedRecords], Columns]

# Filled by what builds the table.
_BUILT: Final = frozenset({"source", "event_date", "payload_hash"})
# A date, also as the midnight that replicas make of one.
_BARE_DATE: Final = r"^\d{4}-\d\d-\d\d([T ]00:00(:00(\.0+)?)?\s*(Z|UTC|\+00:?00|\+0000)?)?$"


def columns_of(m: MappedRecords) -> Columns:
    """Every landed column of a file's records; what cannot be filled is remembered as a defect."""
    lands_as = m.mapped.lands_as
    table, key = TABLES[lands_as]
    columns = _FILLS[lands_as](m) if lands_as in _FILLS else {}
    if key not in columns:
        columns[key] = m.needed(key, "missing_id")
    for field in delivered(table):
        if field.name not in columns and field.name not in _BUILT:
            columns[field.name] = typed(m, field)
    return columns


def _accounts(m: MappedRecords) -> Columns:
    key = m.needed("account_id", "missing_id")
    domain = domain_of(m)
    name = coalesce(m.text("name"), domain)
    m.check("missing_name", ~present(name))
    return {
        "account_id": key,
        "name": name,
        "domain": domain,
        "aliases": domain_lists(m.text("aliases"), domain),
        "technologies": lower_lists(m.text("technologies")),
        **_sizes(m),
        "sales_status_reason": policy_names(m, "sales_status_reason"),
        "is_deleted": deleted(m),
    }


def _sizes(m: MappedRecords) -> Columns:
    """Headcount and revenue, which many CRMs keep as a band: in one field, or its ends in two."""
    people, wrong = headcounts(m.text("employees"))
    money, unread = amounts(m.text("revenue"))
    m.check("bad_number", wrong | unread)
    most, highest = m.integer("employees_max"), m.number("revenue_max")
    return {
        "employees": people,
        "employees_max": _upper(people, coalesce(most, upper_headcounts(m.text("employees")))),
        "revenue": money,
        "revenue_max": _upper(money, coalesce(highest, upper_amounts(m.text("revenue")))),
    }


def _upper(low: pa.Array, high: pa.Array) -> pa.Array:
    """The upper end of a band; a band that ends where it begins, or before, is a number."""
    above = pc.fill_null(pc.greater(high, low), False)
    return pc.if_else(above, high, pa.scalar(None, high.type))


def _contacts(m: MappedRecords) -> Columns:
    person, domain = person_refs(m.text("email"))
    return {
        "person_ref": person,
        "email_domain": domain,
        "name": full_name(m),
        "account_id": single(m, "account_id"),
        "is_deleted": deleted(m),
    }


def _leads(m: MappedRecords) -> Columns:
    person, domain = person_refs(m.text("email"))
    company = registrable_domains(m.text("company_domain"))
    return {
        "person_ref": person,
        "email_domain": domain,
        "name": full_name(m),
        "company_domain": coalesce(company, registrable_domains(m.text("website"))),
        "is_deleted": deleted(m),
    }


def _opportunities(m: MappedRecords) -> Columns:
    """``state`` says open, won or lost; where it is blank, the CRM's flags do."""
    key = m.needed("opportunity_id", "missing_id")
    state = m.text("state")
    said = state.is_valid()
    closed = pc.if_else(said, pc.not_equal(state, "open"), m.flag("is_closed"))
    won = pc.if_else(said, pc.equal(state, "won"), m.flag("is_won"))
    closed, won = pc.fill_null(closed, False), pc.fill_null(won, False)
    # Until an opportunity is closed, its close date is a forecast.
    close_date = m.time("closed_at")
    return {
        "opportunity_id": key,
        "account_id": single(m, "account_id"),
        "is_closed": closed,
        "is_won": won,
        "closed_at": pc.if_else(closed, close_date, pa.scalar(None, close_date.type)),
        "loss_reason": policy_names(m, "loss_reason"),
        "is_deleted": m.any_flag("is_deleted"),
    }


def _activities(m: MappedRecords) -> Columns:
    key = m.needed("activity_id", "missing_id")
    held = pc.fill_null(m.boolean("is_held"), not m.has("is_held"))
    return {
        "activity_id": key,
        "kind": _kind(m),
        "occurred_at": _occurred_at(m),
        "is_held": pc.and_(held, pc.invert(m.flag("no_show"))),
        "account_id": single(m, "account_id"),
        "contact_id": single(m, "contact_id"),
    }


def _kind(m: MappedRecords) -> pa.Array:
    kind, kind_out = m.translated("kind")
    # A type that the mapping does not know is not made known by a subtype.
    known = m.reasons() == None  # noqa: E711 (element by element)
    second, second_out = m.translated("subkind")
    # A machine's own mark says more than the type that somebody gave the template.
    machine = mask(pc.is_in(second, pa.array(["bulk_email", "automatic"])))
    chosen = pc.if_else(pa.array(machine), second, coalesce(kind, second))
    m.leave_out("kind", kind_out & known & ~present(chosen))
    m.leave_out("subkind", second_out & known & ~present(chosen))
    m.check("missing_kind", ~present(chosen))
    return chosen


def _occurred_at(m: MappedRecords) -> pa.Array:
    """When it was done: its day, at the time it was logged when that is the same day.

    A bare date is midnight, which would put a touch before what it answers.
    """
    day, logged = m.time("occurred_at"), m.time("logged_at")
    bare = mask(pc.match_substring_regex(m.text("occurred_at"), _BARE_DATE))
    same_day = mask(pc.equal(day.cast(pa.date32()), logged.cast(pa.date32())))
    moment = pc.if_else(pa.array(bare & same_day), logged, coalesce(day, logged))
    m.check("missing_timestamp", ~present(moment))
    return moment


def _users(m: MappedRecords) -> Columns:
    key = m.needed("user_id", "missing_id")
    name = coalesce(full_name(m), m.text("email"))
    m.check("missing_name", ~present(name))
    active = pc.fill_null(m.boolean("is_active"), not m.has("is_active"))
    return {
        "user_id": key,
        "name": name,
        "is_active": pc.and_(active, pc.invert(m.flag("is_archived"))),
        "territory": each_unique(m.text("territory"), trimmed_list),
    }


def _contact_roles(m: MappedRecords) -> Columns:
    """A role without an id is known by its two ends."""
    both = joined([m.text("opportunity_id"), m.text("contact_id")], ":")
    return {"role_id": coalesce(m.text("role_id"), both)}


def _signals(m: MappedRecords) -> Columns:
    person, domain = person_refs(m.text("email"))
    for kind in ("contact", "lead"):
        by_id = pc.binary_join_element_wise(kind, m.text(f"{kind}_id"), ":")
        person = coalesce(person, by_id)
    return {
        "person_ref": person,
        "email_domain": domain,
        "direction": pc.fill_null(m.text("direction"), "inbound"),
        "received_at": m.time("received_at"),
        "page_path": page_paths(m.text("page_path")),
        "company_domain": registrable_domains(m.text("company_domain")),
        "is_bot_agent": False,
        "status": None,
        "host_domain": registrable_domains(m.text("host")),
    }


def _campaign_members(m: MappedRecords) -> Columns:
    """One membership may be several events in turn: registered, then attended."""
    key = m.needed("event_id", "missing_id")
    columns = _signals(m)
    event = m.text("event")
    return {**columns, "event_id": joined([key, event], ":"), "event": _needed(m, event, "event")}


def _needed(m: MappedRecords, values: pa.Array, name: str) -> pa.Array:
    m.check(f"missing_{name}", ~present(values))
    return values


def _enrichment(m: MappedRecords) -> Columns:
    domain = domain_of(m)
    whose = coalesce(m.text("account_id"), domain, m.text("company_name"))
    m.check("missing_company", ~present(whose))
    return {
        "record_id": coalesce(m.text("record_id"), whose),
        "domain": domain,
        "technologies": lower_lists(m.text("technologies")),
        **_sizes(m),
        "parent_domain": registrable_domains(m.text("parent_domain")),
    }


def _spend(m: MappedRecords) -> Columns:
    day = m.time("spend_date")
    m.check("missing_timestamp", ~present(day))
    parts = [m.text("spend_date"), m.text("channel"), m.text("campaign")]
    return {
        "spend_id": coalesce(m.text("spend_id"), joined(parts, ":")),
        "spend_date": day.cast(pa.date32()),
        "modified_at": modified_at(m, day),
    }


_FILLS: Final[dict[str, Fill]] = {
    "accounts": _accounts,
    "contacts": _contacts,
    "leads": _leads,
    "opportunities": _opportunities,
    "activities": _activities,
    "users": _users,
    "contact_roles": _contact_roles,
    "campaign_members": _campaign_members,
    "signals": _signals,
    "enrichment": _enrichment,
    "spend": _spend,
}
