"""Salesforce exports: accounts, contacts, opportunities, activities and users.

Belongs here: Salesforce's API names (and the snake_case names of replicas of it) and picklists.
Does not belong here: history and survivorship (``core``). Rows: every record is a row or a defect;
several versions of one id, told apart by SystemModstamp, all land.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.columns import coalesce, each_unique, mask, present
from mqa_platform.sources.delimited import read_with_header
from mqa_platform.sources.landed import Landed
from mqa_platform.sources.names import (
    domain_lists,
    person_refs,
    registrable_domains,
    snake_case,
)
from mqa_platform.sources.typed_records import TypedRecords

# Replicas without SystemModstamp still say when the record was last known to be so.
_MODIFIED: Final = {"lastmodifieddate": "systemmodstamp", "fivetransynced": "systemmodstamp"}
_TIERS: Final = frozenset({"strategic", "scaled", "programmatic"})
_SALES_STATUSES: Final = frozenset({"accepted", "rejected", "qualified", "nurture"})
# In this order: an InMail is not an e-mail.
_KINDS: Final = {
    "social": "social",
    "linkedin": "social",
    "inmail": "social",
    "call": "call",
    "meeting": "meeting",
    "mail": "email",
}


def _open(path: Path, source: Source, *required: str) -> TypedRecords:
    records = read_with_header(path, ("Id", *required, "SystemModstamp"), _MODIFIED)
    return TypedRecords(source, records)


def salesforce_accounts(path: Path, source: Source) -> Landed:
    """Read an Account export.

    Raises:
        SourceError: the file cannot be read, or lacks Id, Name or SystemModstamp.
    """
    t = _open(path, source, "Name")
    domain = registrable_domains(t.text("Website"))
    columns = {
        "account_id": t.needed("Id", "missing_id"),
        "modified_at": t.needed_time("SystemModstamp"),
        "created_at": t.time("CreatedDate"),
        "name": t.needed("Name", "missing_name"),
        "domain": domain,
        "aliases": domain_lists(t.text("Aliases__c"), domain),
        "parent_account_id": t.text("ParentId"),
        "industry": t.text("Industry"),
        "employees": t.integer("NumberOfEmployees"),
        "revenue": t.number("AnnualRevenue"),
        "country": t.text("BillingCountry"),
        "technologies": each_unique(t.text("Technologies__c"), _lower_list),
        "growth_pct": t.number("Growth_Pct__c"),
        "tier": _one_of(t.text("Tier__c"), _TIERS),
        "is_target": t.boolean("Is_Target__c"),
        "owner_id": t.text("OwnerId"),
        "account_type": each_unique(t.text("Type"), _account_type),
        "do_not_contact": t.boolean("Do_Not_Contact__c"),
        "sales_status": _one_of(t.text("Sales_Status__c"), _SALES_STATUSES),
        "sales_status_reason": each_unique(t.text("Sales_Status_Reason__c"), snake_case),
        "is_deleted": t.flag("IsDeleted"),
    }
    return t.landed("landed_accounts", columns)


def salesforce_contacts(path: Path, source: Source) -> Landed:
    """Read a Contact export; a contact without a usable e-mail lands without a person.

    Raises:
        SourceError: the file cannot be read, or lacks Id or SystemModstamp.
    """
    t = _open(path, source, "AccountId", "Email")
    person, domain = person_refs(t.text("Email"))
    columns = {
        "contact_id": t.needed("Id", "missing_id"),
        "modified_at": t.needed_time("SystemModstamp"),
        "created_at": t.time("CreatedDate"),
        "account_id": t.text("AccountId"),
        "person_ref": person,
        "email_domain": domain,
        "name": t.text("Name"),
        "title": t.text("Title"),
        "do_not_contact": t.flag("HasOptedOutOfEmail"),
        "is_deleted": t.flag("IsDeleted"),
    }
    return t.landed("landed_contacts", columns)


def salesforce_opportunities(path: Path, source: Source) -> Landed:
    """Read an Opportunity export; CloseDate is a forecast until the opportunity is closed.

    Raises:
        SourceError: the file cannot be read, or lacks a required column.
    """
    t = _open(path, source, "AccountId", "IsClosed", "IsWon", "CreatedDate")
    closed = t.flag("IsClosed")
    close_date = t.time("CloseDate")
    columns = {
        "opportunity_id": t.needed("Id", "missing_id"),
        "modified_at": t.needed_time("SystemModstamp"),
        "created_at": t.needed_time("CreatedDate"),
        "account_id": t.text("AccountId"),
        "name": t.text("Name"),
        "stage_name": t.text("StageName"),
        "is_closed": closed,
        "is_won": t.flag("IsWon"),
        "closed_at": pc.if_else(closed, close_date, pa.scalar(None, close_date.type)),
        "amount": t.number("Amount"),
        "term_months": t.integer("Term_Months__c"),
        "loss_reason": each_unique(t.text("Loss_Reason__c"), snake_case),
        "is_deleted": t.flag("IsDeleted"),
    }
    return t.landed("landed_opportunities", columns)


def salesforce_activities(path: Path, source: Source) -> Landed:
    """Read a Task or an Event export; the column StartDateTime tells which one it is.

    Raises:
        SourceError: the file cannot be read, or lacks a required column.
    """
    t = _open(path, source, "OwnerId")
    is_events = t.has("StartDateTime")
    specific = _events(t) if is_events else _tasks(t)
    columns = {
        "activity_id": t.needed("Id", "missing_id"),
        "modified_at": t.needed_time("SystemModstamp"),
        "account_id": t.text("AccountId"),
        "contact_id": t.text("WhoId"),
        "user_id": t.text("OwnerId"),
        "is_deleted": t.flag("IsDeleted"),
        **specific,
    }
    return t.landed("landed_activities", columns)


def _events(t: TypedRecords) -> dict[str, Any]:
    no_show = t.flag("No_Show__c")
    return {
        "kind": "meeting",
        "occurred_at": t.needed_time("StartDateTime"),
        "is_held": pc.invert(no_show),
    }


def _tasks(t: TypedRecords) -> dict[str, Any]:
    subtype = pc.utf8_lower(t.text("TaskSubtype"))
    by_type = each_unique(t.text("Type"), _activity_kind)
    by_subtype = each_unique(subtype, _activity_kind)
    bulk = pc.fill_null(pc.is_in(subtype, pa.array(["list email", "listemail"])), False)
    kind = pc.if_else(bulk, "bulk_email", coalesce(by_type, by_subtype))
    t.check("unknown_activity", ~present(kind))
    status = pc.utf8_lower(t.text("Status"))
    return {
        "kind": kind,
        "occurred_at": _task_time(t),
        "is_held": pc.fill_null(pc.equal(status, "completed"), not t.has("Status")),
    }


def _activity_kind(text: str) -> str | None:
    """Our kind out of a picklist value (``Call - Outbound``, ``LinkedIn InMail``)."""
    words = text.casefold()
    return next((kind for word, kind in _KINDS.items() if word in words), None)


def _task_time(t: TypedRecords) -> pa.Array:
    """When a task was done: its day, at the time it was logged when that is the same day.

    ActivityDate alone is a date, and midnight would put the touch before what it answers.
    """
    day, created = t.time("ActivityDate"), t.time("CreatedDate")
    bare = mask(pc.match_substring_regex(t.text("ActivityDate"), r"^\d{4}-\d\d-\d\d$"))
    same_day = mask(pc.equal(day.cast(pa.date32()), created.cast(pa.date32())))
    moment = pc.if_else(pa.array(bare & same_day), created, coalesce(day, created))
    t.check("missing_timestamp", ~present(moment))
    return moment


def salesforce_users(path: Path, source: Source) -> Landed:
    """Read a User export: the reps, their territory, band of headcount and weekly capacity.

    Raises:
        SourceError: the file cannot be read, or lacks a required column.
    """
    t = _open(path, source, "Name", "IsActive")
    columns = {
        "user_id": t.needed("Id", "missing_id"),
        "modified_at": t.needed_time("SystemModstamp"),
        "name": t.needed("Name", "missing_name"),
        "email": t.text("Email"),
        "is_active": t.flag("IsActive"),
        "team": t.text("Team__c"),
        "territory": each_unique(t.text("Territory__c"), _trimmed_list),
        "employees_min": t.integer("Employees_Min__c"),
        "employees_max": t.integer("Employees_Max__c"),
        "capacity_per_week": t.integer("Capacity_Per_Week__c"),
        "time_zone": t.text("TimeZoneSidKey"),
    }
    return t.landed("landed_users", columns)


def _trimmed_list(text: str) -> str | None:
    parts = (part.strip() for part in text.split(";"))
    return ";".join(dict.fromkeys(part for part in parts if part)) or None


def _lower_list(text: str) -> str | None:
    return _trimmed_list(text.casefold())


def _one_of(values: pa.Array, known: frozenset[str]) -> pa.Array:
    return each_unique(values, lambda text: text.casefold() if text.casefold() in known else None)


def _account_type(text: str) -> str | None:
    """Our five types out of Salesforce's many (``Customer - Direct``, ``Channel Partner …``)."""
    words = text.casefold()
    if "customer" in words:
        return "former_customer" if re.search(r"former|ex-|churned|past", words) else "customer"
    if "partner" in words or "reseller" in words:
        return "partner"
    return next((kind for kind in ("competitor", "prospect") if kind in words), None)
