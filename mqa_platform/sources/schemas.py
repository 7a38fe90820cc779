"""The landed schemas: what every connector hands over, column by column, as Arrow.

Belongs here: names, types, nullability and the closed vocabularies of landed columns. Does not
belong here: reading files, or the published tables (``data_contracts``).

All timestamps are microseconds in UTC. ``batch_id`` is always the last column and is added when a
batch lands, so connectors deliver ``delivered(table)``, the schema without it.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

TIMESTAMP: Final = pa.timestamp("us", tz="UTC")

EVENTS: Final = frozenset(
    {
        "page_view",
        "demo_request",
        "content_download",
        "event_attendance",
        "email_click",
        "email_reply",
        "email_open",
        "ad_click",
        "intent",
        "funding_round",
        "executive_hire",
        "expansion",
        "layoffs",
        "commit",
        "outbound_email",
        "outbound_call",
        "outbound_social",
        "ad_impression",
        "event_registration",
        "email_forward",
        "lawsuit",
        "unsubscribe",
    }
)
CONSENTS: Final = frozenset({"granted", "denied", "unknown", "not_required"})
LIST_KINDS: Final = frozenset({"target", "exclusion"})
RANGE_KINDS: Final = frozenset(
    {"office", "asn", "hosting", "bot", "vpn", "isp", "mobile", "reverse_dns"}
)

_ARROW: Final = {
    "string": pa.string(),
    "bool": pa.bool_(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "date": pa.date32(),
    "ts": TIMESTAMP,
}


def _schema(columns: str) -> pa.Schema:
    """Read ``name[:type][!]`` words; the default type is string and ``!`` means never null."""
    fields = []
    for word in f"{columns} batch_id!".split():
        name, _, kind = word.removesuffix("!").partition(":")
        fields.append(pa.field(name, _ARROW[kind or "string"], nullable=not word.endswith("!")))
    return pa.schema(fields)


LANDED: Final[dict[str, pa.Schema]] = {
    "landed_signals": _schema(
        "source! event_id! event_date:date! occurred_at:ts! received_at:ts! event! direction! "
        "channel campaign page_path status:int64 topic intent_score:double consent person_ref "
        "email_domain anonymous_id ip host host_domain company_name company_domain user_agent "
        "is_bot_agent:bool! payload_hash!"
    ),
    "landed_identities": _schema("source! kind! ref! person_ref! email_domain seen_at:ts!"),
    "landed_accounts": _schema(
        "source! account_id! modified_at:ts! created_at:ts name! domain aliases parent_account_id "
        "industry employees:int64 employees_max:int64 revenue:double revenue_max:double country region "
        "postal_code technologies growth_pct:double tier is_target:bool owner_id account_type "
        "do_not_contact:bool sales_status sales_status_reason is_deleted:bool!"
    ),
    "landed_contacts": _schema(
        "source! contact_id! modified_at:ts! created_at:ts account_id person_ref email_domain "
        "name title do_not_contact:bool! is_deleted:bool!"
    ),
    "landed_opportunities": _schema(
        "source! opportunity_id! modified_at:ts! created_at:ts! account_id name stage_name "
        "is_closed:bool! is_won:bool! closed_at:ts amount:double term_months:int64 loss_reason "
        "owner_id is_deleted:bool!"
    ),
    "landed_activities": _schema(
        "source! activity_id! modified_at:ts! account_id contact_id kind! occurred_at:ts! "
        "is_held:bool! user_id is_deleted:bool!"
    ),
    "landed_users": _schema(
        "source! user_id! modified_at:ts! name! email is_active:bool! team territory "
        "employees_min:int64 employees_max:int64 capacity_per_week:int64 time_zone"
    ),
    "landed_leads": _schema(
        "source! lead_id! modified_at:ts! created_at:ts person_ref email_domain name title "
        "company_name company_domain country status converted_account_id converted_contact_id "
        "converted_at:ts owner_id do_not_contact:bool! is_deleted:bool!"
    ),
    # Which record belongs to which, where a vendor exports that beside the records.
    "landed_associations": _schema(
        "source! from_object! from_id! to_object! to_id! modified_at:ts! is_deleted:bool!"
    ),
    # One changed field of one record; values as the landed column writes them.
    "landed_field_changes": _schema(
        "source! object! record_id! column_name! old_value new_value changed_at:ts!"
    ),
    "landed_contact_roles": _schema(
        "source! role_id! modified_at:ts! opportunity_id! contact_id! role is_primary:bool! "
        "is_deleted:bool!"
    ),
    # Bought facts about a company, by domain, name or CRM id, as of the day the vendor said so.
    "landed_enrichment": _schema(
        "source! record_id! modified_at:ts! account_id domain company_name industry "
        "employees:int64 employees_max:int64 revenue:double revenue_max:double country "
        "technologies growth_pct:double parent_domain"
    ),
    "landed_lists": _schema(
        "source! list! entry_id! modified_at:ts! account_id domain company_name reason owner "
        "valid_from:date! valid_to:date"
    ),
    "landed_spend": _schema(
        "source! spend_id! spend_date:date! modified_at:ts! channel! campaign impressions:int64 "
        "clicks:int64 amount:double! currency!"
    ),
    # What a person (``person_ref``) or a browser (cookie) has last said about being followed.
    "landed_consents": _schema("source! kind! ref! status! changed_at:ts!"),
    # A merge that somebody took back (split) or made; ``onto`` null means with anybody.
    "landed_corrections": _schema("source! kind! ref! onto action! at:ts! reason actor"),
    # What somebody decided about an account by hand; motion null means in all.
    "landed_overrides": _schema(
        "source! override_id! account_id! motion action! stage starts_on:date! ends_on:date reason! "
        "by! at:ts!"
    ),
    # What RevOps says of each rep; territory and calendar stay as written.
    "landed_rep_capacity": _schema(
        "source! rep_id! valid_from:date modified_at:ts capacity_per_week:int64 weight:double team "
        "industries regions postal_prefixes employees_min:int64 employees_max:int64 country time_zone "
        "workday_starts workday_ends workdays"
    ),
    # ends_on is the first day back; null: nobody knows yet.
    "landed_absences": _schema(
        "source! absence_id! rep_id! starts_on:date! ends_on:date kind! cover_id modified_at:ts"
    ),
    # Handoffs that somebody moved; to_rep null means by the rules, handoff_id null all that are open.
    "landed_reassignments": _schema(
        "source! reassignment_id! from_rep! to_rep handoff_id starts_on:date! ends_on:date reason! "
        "by! at:ts!"
    ),
    # What the resolver said of an address before the address itself was dropped.
    "landed_ip_answers": _schema(
        "source! ip! blocked office_domain office_key office_range dated_offices asn_key asn_org "
        "named_host named_domain version!"
    ),
    # IPv4 as integers; an IPv6 range has -1 there and 32 hexadecimal digits in ipv6_start and ipv6_end.
    # A listed autonomous system has neither. For kind reverse_dns, org is the host name.
    "landed_ip_ranges": _schema(
        "source! kind! range_start:int64! range_end:int64! ipv6_start ipv6_end org org_key domain "
        "asn:int64 valid_from:date valid_to:date"
    ),
    "landed_defects": _schema("source! raw_hash! reason! raw!"),
}


def delivered(table: str) -> pa.Schema:
    """The schema a connector fills: the landed schema without ``batch_id``."""
    schema = LANDED[table]
    return schema.remove(schema.get_field_index("batch_id"))
