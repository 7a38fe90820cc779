"""The words a mapping may use: our columns of each kind of record, and the closed lists of values.

Belongs here: names that mapping.yaml is checked against. Does not belong here: the shape of the file
(``mapping``), or how a column is filled (``sources.crm_columns``).

Beside the landed columns there are columns that only help to fill them:

- ``email`` → ``person_ref`` (keyed) and ``email_domain``; ``website`` → the domain, where ``domain``
  is blank; ``first_name``, ``last_name`` → ``name``, where it is blank;
- ``state`` of an opportunity, open, won or lost → ``is_closed`` and ``is_won``;
- ``subkind`` of an activity: a second picklist, read where ``kind`` is blank; ``bulk_email`` and
  ``automatic`` in it beat ``kind``. ``logged_at``: when the activity was entered, its time of day if
  ``occurred_at`` is a bare date. ``no_show``: nobody came;
- ``is_deleted`` is true when any of the fields named for it says so, not only the first;
- ``is_archived`` of a user; ``contact_id`` and ``lead_id`` of a signal: who it came from;
- ``account_ids``, ``contact_ids``, ``opportunity_ids``: lists (``;`` or ``,``) of what the record
  belongs to. The first stands where the single id is blank, all of them land as associations;
- ``survivor_id``: the record this one was merged into, and is deleted by that; ``merged_ids``: the
  records merged into this one. Both land as associations to the object ``survivor``.
"""

from __future__ import annotations

from typing import Final

CLOSED: Final[dict[str, frozenset[str]]] = {
    "tier": frozenset({"strategic", "scaled", "programmatic"}),
    "account_type": frozenset({"prospect", "customer", "former_customer", "partner", "competitor"}),
    "sales_status": frozenset({"accepted", "rejected", "qualified", "nurture"}),
    "state": frozenset({"open", "won", "lost"}),
    "kind": frozenset({"call", "email", "meeting", "social", "bulk_email", "automatic"}),
    "subkind": frozenset({"call", "email", "meeting", "social", "bulk_email", "automatic"}),
    "direction": frozenset({"inbound", "outbound"}),
    "status": frozenset({"open", "working", "nurture", "qualified", "unqualified", "converted"}),
}

_PERSON: Final = "email name first_name last_name title do_not_contact account_ids"
_RECORD: Final = "modified_at created_at is_deleted survivor_id merged_ids"
_SIGNAL: Final = (
    "event_id occurred_at received_at event direction channel campaign page_path topic intent_score "
    "consent email contact_id lead_id anonymous_id ip host company_name company_domain user_agent"
)
_COLUMNS: Final = {
    "accounts": f"account_id {_RECORD} name domain website aliases parent_account_id industry "
    "employees employees_max revenue revenue_max country region postal_code technologies growth_pct "
    "tier is_target owner_id account_type do_not_contact sales_status sales_status_reason",
    "contacts": f"contact_id {_RECORD} account_id {_PERSON}",
    "leads": f"lead_id {_RECORD} {_PERSON} company_name company_domain website country status "
    "converted_account_id converted_contact_id converted_at owner_id",
    "opportunities": f"opportunity_id {_RECORD} account_id account_ids contact_ids name stage_name "
    "state is_closed is_won closed_at amount term_months loss_reason owner_id",
    "activities": f"activity_id {_RECORD} account_id contact_id account_ids contact_ids "
    "opportunity_ids kind subkind occurred_at logged_at is_held no_show user_id",
    "users": "user_id modified_at created_at name first_name last_name email is_active is_archived "
    "team territory employees_min employees_max capacity_per_week time_zone",
    "contact_roles": "role_id modified_at created_at opportunity_id contact_id role is_primary "
    "is_deleted",
    "campaign_members": _SIGNAL,
    "associations": "from_object from_id to_object to_id modified_at created_at is_deleted",
    "field_changes": "object record_id column_name old_value new_value changed_at",
    "signals": _SIGNAL,
    "enrichment": "record_id modified_at created_at account_id domain website company_name industry "
    "employees employees_max revenue revenue_max country technologies growth_pct parent_domain",
    "spend": "spend_id spend_date modified_at created_at channel campaign impressions clicks amount "
    "currency",
}
COLUMNS: Final[dict[str, frozenset[str]]] = {
    lands_as: frozenset(words.split()) for lands_as, words in _COLUMNS.items()
}
