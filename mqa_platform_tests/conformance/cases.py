"""A small landed world that is awkward on purpose, and the seven stages computed over it.

Belongs here: hand-made landed rows, and the order in which core's functions are called. Does not belong
here: an engine (``conftest``) or what must come out (the tests).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.assets.accounts import account_tables, outside
from mqa_platform.assets.crm_versions import LANDED_AS, versions
from mqa_platform.assets.feeds import RULES as FEED_RULES
from mqa_platform.assets.sessions import evidence
from mqa_platform.contracts.loader import load_contracts
from mqa_platform.contracts.model import Contract
from mqa_platform.core import accounts as account_rules
from mqa_platform.core import capacity as capacity_rules
from mqa_platform.core import conversions as conversion_rules
from mqa_platform.core import decisions as decision_rules
from mqa_platform.core import handoffs as handoff_rules
from mqa_platform.core import health as health_rules
from mqa_platform.core import known_entries as entry_rules
from mqa_platform.core import overrides as override_rules
from mqa_platform.core import scores as score_rules
from mqa_platform.core import sessions as session_rules
from mqa_platform.core import signals as signal_rules
from mqa_platform.core import source_report as report_rules
from mqa_platform.core import stages as stage_rules
from mqa_platform.core.activation import activation_lists
from mqa_platform.core.answers import answers
from mqa_platform.core.briefs import Known, briefs
from mqa_platform.core.calendar_problems import calendar_problems
from mqa_platform.core.calendars import calendars_kernel, landed_calendars
from mqa_platform.core.clocks import Clockwork, with_clocks
from mqa_platform.core.committees import committees
from mqa_platform.core.compliance import sla_compliance
from mqa_platform.core.desk import DeskTables
from mqa_platform.core.drift import arrivals, decision_drift
from mqa_platform.core.firmographics import unknown_words
from mqa_platform.core.follow_up import follow_up
from mqa_platform.core.history import Span
from mqa_platform.core.horizon import late_arrivals, late_signals
from mqa_platform.core.identity import resolve
from mqa_platform.core.metrics.facts import Ground
from mqa_platform.core.metrics.methods import Beside
from mqa_platform.core.metrics.reps import active_reps
from mqa_platform.core.metrics.tables import metric_tables
from mqa_platform.core.missed_deals import Seen
from mqa_platform.core.opportunity_teams import opportunity_team
from mqa_platform.core.people import people
from mqa_platform.core.plays import in_plays, placed, play_enrollments, plays_of
from mqa_platform.core.qualification import moments
from mqa_platform.core.reachable import refusals
from mqa_platform.core.releases import with_release
from mqa_platform.core.routing import Routed, route, routing_kernel, standing_problems
from mqa_platform.core.routing_facts import Sources, asks
from mqa_platform.core.sla_events import sla_events
from mqa_platform.core.subtrees import (
    Subtrees,
    relations,
    subtree_scores,
    subtree_touchpoints,
)
from mqa_platform.core.visits import visits
from mqa_platform.core.window import Window
from mqa_platform.core.worklist import ageing_handoffs, worklist
from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.models import Policy
from mqa_platform.sources.schemas import LANDED
from mqa_platform.warehouse.base import ComputeSession

FIRST, MIDDLE, LAST = date(2025, 12, 20), date(2026, 2, 12), date(2026, 3, 1)
WINDOW = Window.of(FIRST, LAST)
MOTION = "new_business"
Rows = list[dict[str, Any]]


def at(text: str) -> datetime:
    """A moment in UTC; seconds may have a fraction."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def policy() -> Policy:
    """The packaged policy with weights and confidences that no binary fraction hits, ties shared."""
    told = load_policy(None).model_dump()
    told["program"]["history_starts_on"] = FIRST
    told["identity"]["shared_domains"] = "split"
    told["icp"]["precedence"] |= {"employees": "newest", "growth_pct": "enrichment_first"}
    told["identity"]["confidence"]["email_domain"] = 0.83
    told["identity"]["domain_aliases"] = {"vogel-alt.com": "fvogel.com"}
    told["signals"]["signals"]["email_reply_or_click"]["weight"] = 3.7
    told["signals"]["signals"]["pricing_view"]["weight"] = 8.3
    told["signals"]["signals"]["pricing_view"]["per_person_day"] = 11.1
    told["signals"]["seniority"][0]["factor"] = 0.7
    # It draws for the one handoff, and gives it to sales.
    told["routing"]["experiment"] = {"name": "spring", "holdout_share": 0.1}
    return Policy.model_validate(told)


def signal(number: int, moment: str, event: str = "page_view", **more: Any) -> dict[str, Any]:
    """A landed signal of a browser that said yes."""
    occurred = at(moment)
    return {
        "source": "segment", "event_id": f"s{number}", "event_date": occurred.date(),
        "occurred_at": occurred, "received_at": occurred + timedelta(milliseconds=1250),
        "event": event, "direction": "inbound", "consent": "granted", "is_bot_agent": False,
        "payload_hash": f"p{number}", **more,
    }  # fmt: skip


def signals() -> Rows:
    """Events at month and year ends, in the same instant, twice, in conflict, with '' and null texts."""
    vera, finn = "email:vera", "email:finn"
    rows = [
        # The same instant twice in one visit, then exactly 30 minutes, then one second more.
        signal(1, "2025-12-31T23:10:00.500000", anonymous_id="v1", page_path="/pricing"),
        signal(2, "2025-12-31T23:10:00.500000", anonymous_id="v1", page_path="/vs/other"),
        signal(3, "2025-12-31T23:40:00.900000", anonymous_id="v1", page_path="/pricing?plan=f"),
        signal(4, "2026-01-01T00:00:00", anonymous_id="v1", page_path="/features"),
        signal(5, "2026-01-31T10:00:00.999999", anonymous_id="v1", page_path="/pricing"),
        signal(6, "2026-01-31T10:30:01", anonymous_id="v1", page_path=""),
        signal(7, "2026-01-31T23:59:59.999999", anonymous_id="v1", page_path=None),
        # Delivered twice, and once with another payload.
        signal(8, "2026-02-01T09:00:00", page_path="/customers/x", person_ref=vera,
               email_domain="fvogel.com"),
        signal(8, "2026-02-01T09:00:00", page_path="/customers/x", person_ref=vera,
               email_domain="fvogel.com", received_at=at("2026-02-03T09:00:00")),
        signal(8, "2026-02-01T09:00:00", page_path="/customers/y", person_ref=vera,
               email_domain="fvogel.com", payload_hash="other", received_at=at("2026-02-04T09:00:00")),
        # Three accounts share one domain.
        signal(9, "2026-02-02T09:00:00.123456", "email_click", source="marketo",
               person_ref="email:split", email_domain="split.com", campaign="féte", consent=None),
        signal(10, "2026-02-02T09:00:00.123456", "email_reply", source="marketo",
               person_ref="email:split", email_domain="split.com", consent=""),
        signal(11, "2026-02-03T08:00:00", "email_click", source="marketo", person_ref="lead:7",
               consent=None),
        signal(12, "2026-02-03T08:00:00", "email_click", person_ref=finn, email_domain="vogel-alt.com"),
        # Nobody's: a bot, a denial, free mail, an internal visit, an unknown network.
        signal(13, "2026-02-03T08:00:01", anonymous_id="b1", is_bot_agent=True, page_path="/pricing"),
        signal(14, "2026-02-03T08:00:02", person_ref=vera, email_domain="fvogel.com", consent="denied"),
        signal(15, "2026-02-03T08:00:03", "content_download", person_ref="email:free",
               email_domain="gmail.com"),
        signal(16, "2026-02-03T08:00:04", anonymous_id="x9", ip="203.0.113.9", consent="unknown",
               page_path="/blog/v"),
        signal(17, "2026-02-03T08:00:05", "outbound_email", source="marketo", direction="outbound",
               person_ref=vera, email_domain="fvogel.com"),
        # By company domain, by name with an umlaut, by office network, by host; and a new company.
        signal(18, "2026-02-09T06:00:00", "intent", source="bombora", company_domain="fvogel.com",
               intent_score=73.3, topic="vector databases", consent=None),
        signal(19, "2026-02-09T06:00:00", "intent", source="bombora", company_domain="split.com",
               intent_score=50.0, topic="", consent=None),
        signal(20, "2026-02-09T07:00:00", "funding_round", source="triggers", consent=None,
               company_name="The Vände & Söhne GmbH"),
        signal(21, "2026-02-09T08:00:00", anonymous_id="o1", ip="198.51.100.20", page_path="/pricing"),
        signal(22, "2026-02-09T08:00:00", host="gw_f.fvogel.com", host_domain="fvogel.com",
               page_path="/docs/v"),
        signal(23, "2026-02-10T08:00:00", "event_attendance", person_ref="email:new",
               email_domain="vanta-neu.com"),
        signal(24, "2026-02-10T08:00:00", "layoffs", source="triggers", company_domain="small.com",
               consent=None),
        signal(25, "2026-02-28T23:59:59.500000", "demo_request", person_ref=vera,
               email_domain="fvogel.com", page_path="/demo"),
        # An office of version 6, one that is left on the 5th, and a host by reverse DNS.
        signal(30, "2026-02-03T09:00:00.25", ip="2001:DB8::7", page_path="/docs/v"),
        signal(31, "2026-02-03T09:00:01", ip="192.0.2.9", page_path="/docs/v"),
        signal(32, "2026-02-09T09:00:01", ip="192.0.2.9", page_path="/docs/v"),
        signal(33, "2026-02-03T09:00:02", ip="192.0.2.200", page_path="/docs/v"),
        # An office that two accounts list.
        signal(36, "2026-02-03T09:00:03", ip="203.0.113.77", page_path="/docs/v"),
        # A mail filter three seconds after the mail, and a program that asks once a minute.
        signal(34, "2026-02-03T10:00:00.75", "outbound_email", source="marketo", person_ref="lead:9",
               direction="outbound", campaign="féte", consent=None),
        signal(35, "2026-02-03T10:00:03.5", "email_click", source="marketo", person_ref="lead:9",
               campaign="féte", consent=None),
        *(signal(40 + n, f"2026-02-09T12:{n:02d}:00.125", anonymous_id="m1", status=200,
                 page_path="/pricing") for n in range(20)),
    ]  # fmt: skip
    # A committee on buying pages, so that somebody qualifies by breadth.
    for person in range(4):
        for n in range(5):
            moment = f"2026-02-{11 + n:02d}T1{person}:00:00.25"
            rows.append(
                signal(100 + 10 * person + n, moment, person_ref=f"email:f{person}",
                       email_domain="fvogel.com", page_path=("/pricing", "/rfq")[n % 2])
            )  # fmt: skip
    return rows


def account(account_id: str, domain: str | None, name: str, **more: Any) -> dict[str, Any]:
    """A landed account that fits."""
    return {
        "source": "crm", "account_id": account_id, "modified_at": at("2025-01-05T00:00:00.5"),
        "created_at": at("2024-12-31T23:59:59.9"), "name": name, "domain": domain,
        "industry": "Software", "employees": 700, "country": "Germany", "is_target": True,
        "technologies": "aws;vault", "growth_pct": 12.5, "owner_id": "r1",
        "account_type": "prospect", "do_not_contact": False, "is_deleted": False, **more,
    }  # fmt: skip


def crm() -> dict[str, Rows]:
    """CRM records with versions, deletions, empty texts and missing fields."""
    fv = ("a1", "fvogel.com", "Fabrik Vogel")
    return {
        "landed_accounts": [
            account(*fv),
            account(*fv, modified_at=at("2026-02-14T08:00:00"), employees=7000),
            account(*fv, modified_at=at("2026-02-14T08:00:00.000001"), employees=7001),
            account(*fv, modified_at=at("2026-02-20T23:59:59.999"), employees=7001,
                    sales_status="accepted"),
            account("a2", "split.com", "Split f", tier="scaled", owner_id=""),
            account("a3", "split.com", "Split v", tier="", country=None, created_at=None),
            account("a4", None, "Split third", aliases="split.com;third.com", industry=""),
            account("a5", "vaende.com", "Vände and Söhne Holding", technologies="", growth_pct=None),
            account("a6", "small.com", "Small Fish", employees=10),
            account("a7", "rivalstack.com", "Rival", account_type="competitor"),
            account("a8", "gone.com", "Gone", is_deleted=True),
            account("a9", "won.com", "Very Won", account_type="customer"),
            account("a10", "fifty.com", "Fünfzig", employees=51, employees_max=200,
                    country="ÖSTERREICH", industry="Vögel"),
        ],
        "landed_contacts": [
            contact("c1", "a1", "email:vera", "VP Finance"),
            contact("c1", "a1", "email:vera", "Chief Financial Officer",
                    modified_at=at("2026-02-28T00:00:00")),
            contact("c2", "a1", "email:f0", "Assistant to the CEO"),
            contact("c3", "a1", "email:f1", ""),
            contact("c4", "a1", "email:f2", None, do_not_contact=True),
            contact("c5", "a3", "email:seven", "Head of Vaults"),
            contact("c6", "a3", "email:merged", "Head of Vaults"),
        ],
        "landed_opportunities": [
            opportunity("o1", "a1", at("2026-02-25T10:00:00.75")),
            opportunity("o1", "a1", at("2026-02-25T10:00:00.75"), modified_at=at("2026-02-27T00:00:00"),
                        is_closed=True, is_won=False, closed_at=at("2026-02-27T00:00:00"),
                        loss_reason="price"),
            opportunity("o2", "a5", at("2026-01-31T00:00:00"), amount=None, term_months=0),
        ],
        "landed_activities": [
            activity("t1", "a1", "call", at("2026-02-18T09:00:00.1")),
            activity("t2", "a1", "meeting", at("2026-02-22T09:00:00")),
            activity("t3", "a1", "bulk_email", at("2026-02-13T09:00:00")),
            activity("t4", None, "call", at("2026-02-13T09:00:00")),
            activity("t5", None, "automatic", at("2026-02-13T09:00:00")),
        ],
        "landed_leads": [
            lead("l1", status="open"),
            lead("l2", converted_account_id="a6", converted_at=at("2026-02-02T00:00:00.5")),
            lead("l3", converted_account_id="a6", converted_contact_id="c2"),
        ],
        "landed_contact_roles": [
            {"source": "crm", "role_id": "p1", "modified_at": at("2026-01-31T00:00:00"),
             "opportunity_id": "o2", "contact_id": "c5", "role": "Évaluateur", "is_primary": True,
             "is_deleted": False},
        ],
        "landed_associations": [
            association("activity", "t5", "account", "a6"),
            association("account", "a9", "activity", "t5"),
            association("contact", "c6", "survivor", "c5"),
            association("opportunity", "o2", "user", "r3"),
        ],
        "landed_field_changes": [
            change("o2", "stage_name", "Né", "Proposal", "2026-01-30T00:00:00.5"),
            change("o2", "stage_name", "Proposal", "", "2026-01-31T00:00:00"),
            change("o2", "amount", "5000.1", None, "2026-01-31T00:00:00"),
            change("o2", "is_closed", "false", "false", "2026-01-30T00:00:00.5"),
        ],
        "landed_users": [
            user("r1", "Finn", "Germany;France"),
            user("r2", "Vera", "", is_active=False),
            user("r3", "Zoë", None, employees_min=1, employees_max=6999),
        ],
        "landed_rep_capacity": [
            {"source": "reps", "rep_id": "r1", "modified_at": None, "capacity_per_week": 1,
             "weight": 0.5, "regions": "DE; FR", "team": " East"},
            {"source": "reps", "rep_id": "r1", "modified_at": at("2026-02-10T00:00:00.5"),
             "valid_from": date(2026, 2, 10), "capacity_per_week": 0, "weight": 0.5},
            {"source": "reps", "rep_id": "r9", "modified_at": None, "regions": "Österreich"},
        ],
        "landed_absences": [
            {"source": "reps", "absence_id": "v1", "rep_id": "r1", "starts_on": date(2026, 2, 2),
             "ends_on": date(2026, 2, 9), "kind": "holiday", "cover_id": "r3"},
            {"source": "reps", "absence_id": "v2", "rep_id": "r3", "starts_on": date(2026, 2, 20),
             "ends_on": None, "kind": "holiday", "cover_id": None},
        ],
        "landed_reassignments": [
            {"source": "orders", "reassignment_id": "m1", "from_rep": "r1", "to_rep": "r3",
             "starts_on": date(2026, 2, 12), "reason": "Ümzug", "by": "Zoë",
             "at": at("2026-02-12T08:00:00.25")},
            {"source": "orders", "reassignment_id": "m2", "from_rep": "r3", "to_rep": None,
             "starts_on": date(2026, 2, 14), "ends_on": date(2026, 2, 20), "reason": "away",
             "by": "Zoë", "at": at("2026-02-13T08:00:00")},
        ],
    }  # fmt: skip


def contact(
    contact_id: str, account_id: str, ref: str, title: str | None, **more: Any
) -> dict[str, Any]:
    return {
        "source": "crm", "contact_id": contact_id, "modified_at": at("2025-06-30T23:59:59.999"),
        "created_at": at("2025-06-30T23:59:59.999"), "account_id": account_id, "person_ref": ref,
        "email_domain": "fvogel.com", "name": None, "title": title, "do_not_contact": False,
        "is_deleted": False, **more,
    }  # fmt: skip


def lead(key: str, **more: Any) -> dict[str, Any]:
    return {
        "source": "crm", "lead_id": key, "modified_at": at("2026-02-02T00:00:00.25"),
        "created_at": at("2026-01-02T00:00:00"), "person_ref": f"email:{key}",
        "email_domain": "leads.com", "name": "Léa", "do_not_contact": False, "is_deleted": False,
        **more,
    }  # fmt: skip


def association(from_object: str, from_id: str, to_object: str, to_id: str) -> dict[str, Any]:
    return {
        "source": "crm", "from_object": from_object, "from_id": from_id, "to_object": to_object,
        "to_id": to_id, "modified_at": at("2026-02-03T00:00:00.5"), "is_deleted": False,
    }  # fmt: skip


def change(
    record: str, column: str, old: str | None, new: str | None, moment: str
) -> dict[str, Any]:
    return {
        "source": "crm", "object": "opportunity", "record_id": record, "column_name": column,
        "old_value": old, "new_value": new, "changed_at": at(moment),
    }  # fmt: skip


def opportunity(key: str, account_id: str, created: datetime, **more: Any) -> dict[str, Any]:
    return {
        "source": "crm", "opportunity_id": key, "modified_at": created, "created_at": created,
        "account_id": account_id, "name": "Deal", "stage_name": "", "is_closed": False, "is_won": False,
        "amount": 10000.1, "term_months": 7, "is_deleted": False, **more,
    }  # fmt: skip


def activity(key: str, account_id: str | None, kind: str, moment: datetime) -> dict[str, Any]:
    return {
        "source": "crm", "activity_id": key, "modified_at": moment, "account_id": account_id,
        "kind": kind, "occurred_at": moment, "is_held": True, "user_id": "r1", "is_deleted": False,
    }  # fmt: skip


def user(key: str, name: str, territory: str | None, **more: Any) -> dict[str, Any]:
    return {
        "source": "crm", "user_id": key, "modified_at": at("2025-01-01T00:00:00"), "name": name,
        "is_active": True, "team": "", "territory": territory, **more,
    }  # fmt: skip


def feeds() -> dict[str, Rows]:
    """What vendors, lists and ad platforms say, by domain, by name with an umlaut and by CRM id."""
    bought = {
        "source": "bought",
        "modified_at": at("2026-01-31T23:59:59.999999"),
        "technologies": "go",
    }
    put = {
        "source": "lists",
        "modified_at": at("2026-01-01T00:00:00"),
        "valid_from": date(2026, 1, 31),
    }
    said = {
        "source": "overrides",
        "reason": "çalls féte",
        "by": "Zoë",
        "at": at("2026-01-10T06:00:00"),
    }
    paid = {
        "source": "ads",
        "spend_id": "s1",
        "spend_date": date(2026, 2, 28),
        "channel": "google",
        "modified_at": at("2026-03-01T00:00:00"),
        "campaign": "féte",
        "currency": "EUR",
    }
    return {
        "landed_enrichment": [
            {**bought, "record_id": "1", "domain": "won.com", "revenue": 1.1e9, "employees": 900},
            {**bought, "record_id": "1", "domain": "won.com", "revenue": 1.1e9, "employees": 900,
             "modified_at": at("2026-02-28T00:00:00")},
            {**bought, "record_id": "2", "domain": "vanta-neu.com", "growth_pct": 0.1},
            {**bought, "record_id": "3", "company_name": "VÄNDE & SÖHNE", "revenue": 0.3, "country": ""},
            {**bought, "record_id": "4", "account_id": "a1", "employees": 701, "industry": "Vending"},
            {**bought, "source": "aged", "record_id": "4", "domain": "fvogel.com", "growth_pct": 9.9},
        ],
        "landed_lists": [
            {**put, "list": "target", "entry_id": "1", "account_id": "a3", "reason": "féte"},
            {**put, "list": "exclusion", "entry_id": "2", "domain": "won.com", "reason": "legal",
             "valid_to": date(2026, 2, 28), "owner": "Zoë"},
            {**put, "list": "exclusion", "entry_id": "3", "company_name": "Very Won Ltd", "owner": "",
             "valid_to": date(2026, 3, 1)},
            {**put, "list": "exclusion", "entry_id": "4", "domain": "nobody.com"},
        ],
        "landed_overrides": [
            {**said, "override_id": "o1", "account_id": "a2", "action": "stage", "stage": "engaged",
             "starts_on": date(2026, 1, 10), "ends_on": date(2026, 1, 31), "motion": "new_business"},
            {**said, "override_id": "o2", "account_id": "a3", "action": "snooze",
             "starts_on": date(2026, 2, 1), "ends_on": date(2026, 3, 1)},
            {**said, "override_id": "o2", "account_id": "a3", "action": "snooze",
             "starts_on": date(2026, 2, 1), "ends_on": date(2026, 3, 1)},
            {**said, "override_id": "o3", "account_id": "a3", "action": "withdraw",
             "starts_on": date(2026, 2, 20), "at": at("2026-02-20T06:00:00.5")},
            {**said, "override_id": "o4", "account_id": "a4", "action": "exclude",
             "starts_on": date(2026, 1, 31)},
        ],
        "landed_spend": [
            {**paid, "amount": 10.1, "clicks": 3},
            {**paid, "amount": 10.3, "clicks": 2},
            {**paid, "spend_id": "s2", "amount": -0.1, "campaign": ""},
        ],
    }  # fmt: skip


def landed() -> dict[str, pa.Table]:
    """Every landed table; what a row does not name is null."""
    rows: dict[str, Rows] = {
        "landed_signals": signals(),
        "landed_identities": [
            {"source": "segment", "kind": "cookie", "ref": "v1", "person_ref": "email:vera",
             "email_domain": "fvogel.com", "seen_at": at("2026-01-01T00:00:00.5")},
            {"source": "segment", "kind": "cookie", "ref": "v1", "person_ref": "email:old",
             "email_domain": "gmail.com", "seen_at": at("2026-01-01T00:00:00.499")},
            {"source": "marketo", "kind": "lead", "ref": "7", "person_ref": "email:seven",
             "email_domain": "split.com", "seen_at": at("2026-01-01T00:00:00")},
            # A browser of three people, and one of too many addresses.
            *({"source": "segment", "kind": "cookie", "ref": "kiosk", "person_ref": f"email:{who}",
               "seen_at": at("2026-01-01T00:00:00")} for who in ("vera", "finn", "élan")),
            *({"source": "marketo", "kind": "lead", "ref": "99", "person_ref": f"email:box{n}",
               "seen_at": at("2026-01-01T00:00:00")} for n in range(7)),
        ],
        "landed_ip_ranges": [
            {"source": "office_ips", "kind": "office", "range_start": 3325256704,
             "range_end": 3325256959, "org": "Vände", "org_key": "vände and söhne", "domain": ""},
            {"source": "office_ips", "kind": "office", "range_start": -1, "range_end": -1,
             "ipv6_start": "20010db8" + "0" * 24, "ipv6_end": "20010db8" + "f" * 24,
             "org": "Vände", "org_key": "vände and söhne", "domain": "vaende.com"},
            {"source": "office_ips", "kind": "office", "range_start": 3221225984,
             "range_end": 3221225999, "org": "Vände", "org_key": "vände and söhne",
             "valid_from": date(2026, 2, 1), "valid_to": date(2026, 2, 5)},
            *({"source": "office_ips", "kind": "office", "range_start": 3405803776 + 64,
               "range_end": 3405803776 + 127, "org_key": name, "domain": domain}
              for name, domain in (("fabrik vogel", None), ("small", "small.com"))),
            {"source": "dns", "kind": "reverse_dns", "range_start": 3221226184,
             "range_end": 3221226184, "org": "gw.vaende.com", "domain": "vaende.com"},
        ],
        **crm(),
        **feeds(),
    }  # fmt: skip
    out = {}
    for name, schema in LANDED.items():
        listed = [
            {**dict.fromkeys(schema.names), "batch_id": f"b{i % 3}", **row}
            for i, row in enumerate(rows.get(name, []))
        ]
        out[name] = pa.Table.from_pylist(listed, schema=schema)
    return out


def ledger(landed: Mapping[str, pa.Table]) -> pa.Table:
    """The batches of the landed signals and accounts, and one that is held."""
    counted: Counter[tuple[str, str]] = Counter()
    for name in ("landed_signals", "landed_accounts"):
        table = landed[name].select(["source", "batch_id"])
        counted.update((r["source"], r["batch_id"]) for r in table.to_pylist())
    blank = {
        "path": "", "file_name": "", "sha256": "", "stream": "", "read_as": "", "declared": "",
        "reasons": "{}", "landed_at": at("2026-02-20T06:00:00.25"), "landed_on": date(2026, 2, 20),
        "duplicate_rows": 1, "filtered_rows": 2, "quarantined_rows": 0, "accepted_rows": 0,
        "published_from": FIRST, "published_to": date(2026, 2, 13),
    }  # fmt: skip
    rows: Rows = [
        {**blank, "source": source, "batch_id": batch, "status": "landed", "accepted_rows": n,
         "landed_rows": n + 3}
        for (source, batch), n in sorted(counted.items())
    ]  # fmt: skip
    rows.append(
        {**blank, "source": "marketo", "batch_id": "b9", "status": "held", "held_reason": "véry bad",
         "first_event_on": date(2026, 2, 17), "last_event_on": date(2026, 2, 18), "landed_rows": 10,
         "quarantined_rows": 7}
    )  # fmt: skip
    schema = load_contracts()["landed_batches"].arrow_schema
    listed = [{**dict.fromkeys(schema.names), **row} for row in rows]
    return pa.Table.from_pylist(listed, schema=schema)


@dataclass(frozen=True)
class Bench:
    """What ``evidence`` and ``versions`` ask of a step, over tables that were never published."""

    session: ComputeSession
    tables: Mapping[str, ir.Table]

    @property
    def policy(self) -> Policy:
        return policy()

    @property
    def contracts(self) -> dict[str, Contract]:
        return load_contracts()

    def table(self, name: str) -> ir.Table:
        return self.tables[name]


class Stages:
    """The seven stages on one engine; ``found`` has every result under its table's name."""

    def __init__(self, session: ComputeSession) -> None:
        self.session, self.policy = session, policy()
        self.found: dict[str, pa.Table] = {}
        self.tables: dict[str, ir.Table] = {
            name: session.constant(name, table) for name, table in landed().items()
        }
        self.tables["landed_batches"] = session.constant("landed_batches", ledger(landed()))
        self._signals()
        self._sources()
        self._scores()
        self._stages()
        self._handoffs()
        # The same days once more, folded from the state of a day in the middle.
        self.found_tail = self._tail(MIDDLE)

    def keep(self, name: str, expr: ir.Table) -> ir.Table:
        """The rows with the contract's types, as ``publish`` would store them, and as a result."""
        contract = load_contracts()[name]
        cast = expr.select(**{c.name: expr[c.name].cast(c.dtype) for c in contract.columns})
        self.found[name] = self.session.arrow(cast, contract.arrow_schema)
        self.tables[name] = self.session.constant(name, self.found[name])
        return self.tables[name]

    def scratch(self, expr: ir.Table) -> ir.Table:
        return self.session.constant("scratch", self.session.arrow(expr))

    def _signals(self) -> None:
        t, p = self.tables, self.policy
        for name in LANDED_AS:
            self.keep(name, versions(Bench(self.session, t), name))
        s = self.keep("signals", signal_rules.signals(t["landed_signals"], p, WINDOW))
        self.keep("dropped_signals", signal_rules.dropped_signals(t["landed_signals"], WINDOW))
        known, apply = evidence(Bench(self.session, t), s), self.session.apply
        resolved = self.scratch(resolve(s, known, p, self.scratch, apply))
        cut = visits(s, p.identity, self.session.apply)
        self.keep("sessions", session_rules.sessions(s, cut, resolved, p))
        self.keep("touchpoints", session_rules.touchpoints(s, cut, resolved, p))
        self.keep("unresolved_signals", session_rules.unresolved_signals(s, resolved))

    def _sources(self) -> None:
        t, rhythm = self.tables, health_rules.expectations(self.policy)
        self.keep("source_report", report_rules.source_report(t["landed_batches"], t))
        expected = pa.table({"source": list(rhythm), "expect_every_days": list(rhythm.values())})
        days = pa.table({"day": pa.array(WINDOW.days(), pa.date32())})
        self.keep(
            "source_health",
            health_rules.source_health(
                t["landed_batches"],
                self.scratch(health_rules.arrivals(t, t["landed_batches"], rhythm)),
                self.session.constant("rhythm", expected),
                self.session.constant("judged_days", days),
            ),
        )

    def _scores(self) -> None:
        t, p = self.tables, self.policy
        for name, (source, rule) in FEED_RULES.items():
            self.keep(name, rule(t[source]))
        others = outside(Bench(self.session, t))
        judged = self.scratch(
            account_rules.judged_versions(
                t["crm_accounts"], t["touchpoints"], p, others, self.scratch
            )
        )
        a = self.keep("accounts", account_rules.led(judged, p))
        self.keep("account_fit", account_rules.account_fit(judged, p))
        self.keep("unknown_words", unknown_words(a, p.icp))
        self.keep("excluded_accounts", account_rules.excluded_accounts(a, t["touchpoints"]))
        met = account_rules.discovered_accounts(a, t["touchpoints"], p)
        self.keep("discovered_accounts", met)
        for name, expr in account_tables(Bench(self.session, t)).items():
            self.keep(name, expr)
        lines = score_rules.score_lines(t["touchpoints"], p, WINDOW.days(), self.session.apply)
        self.keep("scores", score_rules.scores(lines, a, p, "v1", t["source_health"]))
        self.keep("score_receipts", score_rules.score_receipts(lines, a, p))
        self.keep(
            "activation_lists",
            activation_lists(t["touchpoints"], a, t["scores"], p, LAST, self.session.apply),
        )
        self.keep(
            "people", people(t["touchpoints"], t["crm_contacts"], p, LAST, self.session.apply)
        )

    def _stages(self) -> None:
        t, p = self.tables, self.policy
        self.crm = stage_rules.Crm(t["crm_accounts"], t["crm_opportunities"], t["crm_activities"])
        told = self.keep("overrides", override_rules.overrides(t["landed_overrides"]))
        effective = self.scratch(override_rules.in_effect(told))
        held = self.scratch(override_rules.suppressions(t["accounts"], effective))
        self.beside = override_rules.Beside(held, effective)
        self.policies = [Span(WINDOW, p, "v1")]
        tree = relations(t["account_hierarchy"], self.session.apply)
        self.above = self.scratch(tree)
        below = self.scratch(subtree_touchpoints(t["touchpoints"], self.above))
        judged = subtree_scores(
            t["scores"],
            Subtrees(self.above, below),
            t["accounts"],
            self.policies,
            WINDOW.days(),
            self.session.apply,
        )
        self.judged = self.scratch(judged)
        lines = self.fold(WINDOW, None)
        self.keep("stages", stage_rules.stages(lines, held, MOTION, self.policies))
        moves = self.scratch(lines.filter(lines["kind"] == "move"))
        when = moments(moves, t["scores"], t["touchpoints"], p, self.session.apply)
        moved = stage_rules.stage_transitions(lines, when, MOTION, self.policies)
        self.keep("stage_transitions", moved)

    def fold(self, window: Window, start_from: date | None) -> ir.Table:
        """The fold's lines of some days, from nothing or from a published day."""
        t = self.tables
        days = pa.table({"day": pa.array(window.days(), pa.date32())})
        calendar = self.session.constant("calendar", days)
        seen = t["touchpoints"]
        told = answers(t["crm_activities"], t["crm_users"], t["accounts"], seen, ["demo_request"])
        given = (t["accounts"], self.judged, self.crm, calendar, MOTION, self.beside, self.above)
        facts = stage_rules.facts(*given, self.scratch(told))
        start = stage_rules.before(t["stages"], start_from, MOTION) if start_from else None
        return stage_rules.stage_lines(
            facts, start, self.policies, {FIRST}, self.session.apply, self.above
        )

    def _tail(self, first: date) -> pa.Table:
        """The stages from a day on, folded from the state of the day before."""
        lines = self.fold(Window.of(first, LAST), first - timedelta(days=1))
        contract = load_contracts()["stages"]
        found = stage_rules.stages(lines, self.beside.suppressions, MOTION, self.policies)
        cast = found.select(**{c.name: found[c.name].cast(c.dtype) for c in contract.columns})
        return self.session.arrow(cast, contract.arrow_schema)

    def _decisions(self) -> None:
        t, p, apply = self.tables, self.policy, self.session.apply
        names = ("account_fit", "scores", "score_receipts", "stages", "touchpoints")
        known = decision_rules.Tables(*(t[n] for n in names))
        # Half of the batches landed after it was decided.
        versions = decision_rules.Versions("0.1.0", "d1", at("2026-02-20T06:00:00.25"))
        empty = load_contracts()["decisions"].arrow_schema.empty_table()
        none = self.session.constant("no_decisions", empty)
        made = decision_rules.not_acted_on(t["handoffs"], none)
        subjects = self.scratch(decision_rules.of_handoffs(made, versions))
        told = decision_rules.decisions(subjects, known, p, versions, apply)
        self.keep("decisions", told)
        arrived = arrivals(t["touchpoints"], t["signals"], t["landed_batches"])
        drift = decision_drift(t["decisions"], t["handoffs"], known, arrived, p, "0.2.0", apply)
        self.keep("decision_drift", drift)
        empty = self.session.constant(
            "none", load_contracts()["known_entries"].arrow_schema.empty_table()
        )
        new = self.scratch(entry_rules.unknown_entries(t["stage_transitions"], empty))
        was = at("2026-02-20T06:00:00")
        when = at("2026-03-02T07:00:00.5")
        self.keep("known_entries", entry_rules.known_entries(new, arrived, was, LAST, when, 365))
        late = late_signals(t["landed_signals"], t["landed_batches"], 14)
        self.keep("late_arrivals", late_arrivals(late))

    def _routing(self, entered: ir.Table) -> Routed:
        t = self.tables
        desk = {
            "capacity": capacity_rules.capacity(
                t["landed_rep_capacity"], t["landed_batches"], t["crm_users"]
            ),
            "absences": capacity_rules.absences(t["landed_absences"], t["landed_batches"]),
            "reassignments": capacity_rules.reassignments(t["landed_reassignments"]),
            "crm_opportunity_team": opportunity_team(t["landed_associations"]),
        }
        for name, expr in desk.items():
            self.keep(name, expr)
        rows = [self.found[n].to_pylist() for n in ("capacity", "absences", "reassignments")]
        rules, known = {"r": self.policy.routing}, DeskTables(*rows)
        sources = Sources(
            t["stage_transitions"], t["accounts"], t["crm_accounts"], t["crm_opportunities"],
            t["crm_opportunity_team"], asks(t["touchpoints"], self.policy),
        )  # fmt: skip
        kernel = routing_kernel(rules, known, LAST)
        found = route([(entered, "r")], sources, kernel, self.session.apply)
        found = Routed(self.scratch(found.folded))
        problems = self.session.constant("problems", standing_problems(rules, known, LAST))
        self.keep("route_steps", found.steps())
        self.keep("handoff_owners", found.owners())
        self.keep("experiment_arms", found.arms())
        self.keep("routing_exceptions", found.exceptions(problems))
        return found

    def _briefs(self) -> None:
        t, p, apply = self.tables, self.policy, self.session.apply
        contacts, roles = t["crm_contacts"], t["crm_contact_roles"]
        no = self.scratch(refusals(contacts, t["landed_consents"], t["touchpoints"]))
        tree = self.scratch(relations(t["account_hierarchy"], apply))
        known = Known(
            accounts=t["accounts"], account_fit=t["account_fit"], scores=t["scores"],
            score_receipts=t["score_receipts"], touchpoints=t["touchpoints"],
            below=self.scratch(subtree_touchpoints(t["touchpoints"], tree)), signals=t["signals"],
            contacts=contacts, contact_roles=roles, opportunities=t["crm_opportunities"], refused=no,
        )  # fmt: skip
        self.keep("briefs", briefs(t["handoffs"], t["handoffs"], known, p, apply))
        self.keep("committees", committees(contacts, roles, no, p, LAST))
        s = t["stages"]
        under = placed(s, t["scores"], t["account_fit"], t["handoffs"], p)
        enrolled = self.scratch(in_plays(under, p))
        days = s.select("motion", day="stage_date")
        self.keep("play_enrollments", play_enrollments(enrolled, days))

    def _clocks(self, calendars: ir.Table) -> None:
        """What is read off the clocks of the handoffs."""
        t, p, apply = self.tables, self.policy, self.session.apply
        made, accounts = t["handoffs"], t["accounts"]
        self.keep("worklist", worklist(made, accounts, t["stages"], LAST))
        self.keep("ageing_handoffs", ageing_handoffs(made, accounts, t["stages"], LAST))
        self.keep("sla_events", sla_events(made, p))
        self.keep("sla_compliance", sla_compliance(made, apply))
        asked = plays_of(made, p)
        now = at("2026-03-01T00:00:00")
        self.keep("follow_up", follow_up(made, asked, t["crm_activities"], now))
        problems = calendar_problems(calendars, made, p, LAST, apply)
        self.keep("calendar_problems", problems)

    def _handoffs(self) -> None:
        t, p = self.tables, self.policy
        entered = self.scratch(handoff_rules.entries(t["stage_transitions"], t["accounts"]))
        routing = self._routing(entered)
        routes = self.scratch(routing.routes())
        moves, apply = t["stage_transitions"], self.session.apply
        made = handoff_rules.handoffs(entered, routes, moves, t["scores"], p)
        made = self.scratch(with_release(self.scratch(made), t["capacity"], p, moves, apply))
        told = landed_calendars(t["capacity"], t["absences"], p)
        calendars = self.scratch(apply(calendars_kernel(p.sla), told, "shard"))
        work = Clockwork(
            calendars, t["handoff_owners"], t["crm_activities"], moves, stages=t["stages"]
        )
        made = self.scratch(with_clocks(made, work, p, at("2026-03-01T00:00:00"), apply))
        self.keep("handoffs", handoff_rules.rerouted(made, routes))
        self._clocks(calendars)
        self._briefs()
        self._decisions()
        outcomes = conversion_rules.conversions(entered, routes, t["scores"], self.crm, p)
        self.keep("conversions", outcomes)
        self._metrics(entered, calendars)

    def _metrics(self, entered: ir.Table, calendars: ir.Table) -> None:
        t = self.tables
        ground = Ground(
            t["conversions"], t["handoffs"], t["score_receipts"], t["stage_transitions"], t["stages"],
            t["account_fit"], t["accounts"], t["capacity"], calendars,
        )  # fmt: skip
        seen = Seen(
            entered,
            t["scores"],
            t["score_receipts"],
            t["stages"],
            t["account_fit"],
            t["touchpoints"],
        )
        reps = active_reps(self.found["capacity"].to_pylist(), FIRST, LAST)
        beside = Beside(FIRST, LAST, {"2026-02": 1000.0}, reps)
        made = metric_tables(
            ground,
            seen,
            t["crm_opportunities"],
            self.policy,
            beside,
            self.scratch,
            self.session.apply,
        )
        for name, table in made.items():
            self.keep(name, table)
