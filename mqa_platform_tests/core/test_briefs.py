"""The facts of a brief: what is said, of whom, and the touchpoints each sentence rests on."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core.brief_facts import SECTIONS
from mqa_platform.core.briefs import Known, briefs, evidence_url
from mqa_platform.core.reachable import refusals
from mqa_platform_tests.core.engine import (
    ACCOUNTS,
    TOUCHPOINTS,
    account,
    crm_schema,
    day,
    default_policy,
    landed_schema,
    policy_with,
    touch,
)

TABLES = {name: c.arrow_schema for name, c in load_contracts().items()}
EVENTS = TOUCHPOINTS.append(pa.field("event", pa.string()))
HANDOFF = {
    "handoff_id": "h1", "account_id": "acme", "motion": "new_business", "episode": 2,
    "tier": "scaled", "created_on": day(0), "released_on": day(0), "status": "open",
    "evidence_rule": "people", "score": 112, "momentum": 1.5, "play": "committee_sequence",
}  # fmt: skip
PART = {"account_id": "acme", "motion": "new_business", "score_date": day(0)}


def acted(number: int, person: str | None = None, **changed: Any) -> dict[str, Any]:
    row = touch(number, person_id=person, event="page_view", page_type="pricing")
    return {**row, "signal_id": f"s{number}{person or ''}", **changed}


JANE = {"contact_id": "jane", "account_id": "acme", "name": "Jane Doe", "title": "VP Data",
        "person_ref": "email:1", "valid_from": date(2020, 1, 1), "do_not_contact": False,
        "is_deleted": False}  # fmt: skip


def facts(engine, policy=None, **tables: Any) -> dict[str, Any]:
    """The facts of one handoff; what a test does not name is empty."""
    policy = policy or default_policy()
    handoffs = [{**HANDOFF, **h} for h in tables.get("handoffs", [{}])]
    contacts = engine.table(tables.get("contacts", []), crm_schema("landed_contacts"))
    touches = engine.table(tables.get("touches", []), EVENTS)
    consents = engine.table([], landed_schema("landed_consents"))
    known = Known(
        accounts=engine.table(tables.get("accounts", [account()]), ACCOUNTS),
        account_fit=engine.table(tables.get("fit", []), TABLES["account_fit"]),
        scores=engine.table(tables.get("scores", []), TABLES["scores"], **PART),
        score_receipts=engine.table(tables.get("parts", []), TABLES["score_receipts"], **PART),
        touchpoints=touches,
        below=engine.table(tables.get("below", []), EVENTS),
        signals=engine.table(tables.get("signals", []), TABLES["signals"]),
        contacts=contacts,
        contact_roles=engine.table([], TABLES["crm_contact_roles"]),
        opportunities=engine.table(tables.get("deals", []), TABLES["crm_opportunities"]),
        refused=engine.keep(refusals(contacts, consents, touches)),
    )
    made = engine.table(handoffs, TABLES["handoffs"])
    every = engine.table([*handoffs, *tables.get("earlier", [])], TABLES["handoffs"])
    (row,) = engine.rows(briefs(made, every, known, policy, engine.apply))
    assert row["handoff_id"] == "h1"
    return json.loads(row["facts"])


def told(found: dict[str, Any], section: str) -> list[str]:
    return [
        s["text"].format_map(s["words"])
        for part in found["sections"]
        if part["name"] == section
        for s in part["sentences"]
    ]


def cited(found: dict[str, Any], section: str, number: int = 0) -> list[str]:
    (part,) = [p for p in found["sections"] if p["name"] == section]
    return part["sentences"][number]["cites"]


def test_why_now_names_the_people_whose_touchpoints_it_cites(engine):
    touches = [acted(-1, "jane"), acted(-2, "bob"), acted(-40, "old"), acted(-3)]
    found = facts(engine, touches=touches)
    assert told(found, "why_now")[0] == (
        "Acme qualified on 1 January 2026: 2 people of the account were active within 28 days."
    )
    assert cited(found, "why_now") == ["s-1jane", "s-2bob"]


def test_the_score_is_the_receipts_to_the_digit_and_each_part_cites_its_touchpoints(engine):
    parts = [
        {"component": "pricing_view", "points": 48, "touchpoints": 2, "people": 1},
        {"component": "multi_contact", "points": 10, "touchpoints": 2, "people": 2},
    ]
    touches = [acted(-1, "jane"), acted(-2, "bob"),
               acted(-3, "bob", page_type="docs", signal_id="docs")]  # fmt: skip
    found = facts(engine, parts=parts, touches=touches, scores=[{"threshold": 90}])
    assert told(found, "score") == [
        "Score 112.0 against a threshold of 90 for tier scaled, momentum +1.5 against the four weeks before.",
        "Pricing view: 48.0 points from 2 touchpoints of 1 known person.",
        "Several people: 10.0 points from 2 touchpoints of 2 known people.",
    ]
    assert cited(found, "score", 1) == ["s-1jane", "s-2bob"]
    assert cited(found, "score", 2) == ["docs", "s-1jane", "s-2bob"]


def test_a_hand_raise_names_who_asked_and_for_what(engine):
    asked = acted(0, "jane", event="demo_request", page_type=None, signal_type="demo_request")
    found = facts(
        engine, handoffs=[{"evidence_rule": "hand_raise"}], touches=[asked], contacts=[JANE]
    )
    assert told(found, "why_now")[0] == (
        "Acme qualified on 1 January 2026: Jane Doe asked for us (demo request)."
    )
    assert cited(found, "why_now") == ["s0jane"]


def test_a_request_of_somebody_the_crm_does_not_have_is_told_all_the_same(engine):
    asked = acted(-2, "email:9", event="demo_request", page_type=None)
    found = facts(engine, handoffs=[{"evidence_rule": "hand_raise"}], touches=[asked])
    assert (
        "a person who is not in the CRM yet asked for us on 30 December 2025"
        in (told(found, "why_now")[0])
    )


def test_each_contact_is_told_with_role_and_activity_and_who_may_not_be_contacted(engine):
    barred = {
        **JANE,
        "contact_id": "bob",
        "name": "Bob Stone",
        "title": "CFO",
        "do_not_contact": True,
    }
    touches = [acted(-1, "jane"), acted(-2, "jane", signal_id="x"), acted(-5, "bob"),
               acted(-3, "email:7")]  # fmt: skip
    found = facts(engine, touches=touches, contacts=[JANE, barred])
    assert told(found, "people") == [
        "Jane Doe, VP Data (technical buyer): 2 acts in 90 days, mostly pricing page; last on "
        "31 December 2025.",
        "Bob Stone, CFO (economic buyer): 1 act in 90 days, mostly pricing page; last on "
        "27 December 2025. Bob Stone may not be contacted.",
        "1 person who is not in the CRM yet: 1 act, mostly pricing page.",
    ]
    assert cited(found, "people") == ["s-1jane", "x"]


def test_missing_roles_and_silent_contacts_of_the_committee_are_named(engine):
    silent = {**JANE, "contact_id": "carl", "name": "Carl Ray", "title": "Data Engineer"}
    found = facts(engine, touches=[acted(-1, "jane")], contacts=[JANE, silent])
    assert told(found, "committee") == [
        "Nobody is known as economic buyer, procurement or champion.",
        "Known as user and silent: Carl Ray, Data Engineer.",
    ]


def test_visits_without_a_name_are_told_with_the_rule_and_its_confidence(engine):
    touches = [
        acted(-1, session_id="v1", resolution_rule="office_ip", match_confidence=0.75),
        acted(
            -1, session_id="v1", signal_id="b", resolution_rule="office_ip", match_confidence=0.75
        ),
        acted(-2, session_id="v2", resolution_rule="asn_org", match_confidence=0.4),
        acted(-3, "jane", session_id="v3"),
    ]
    found = facts(engine, touches=touches)
    assert told(found, "anonymous") == [
        "1 visit without a name in 28 days, taken for this account by the owner of the network with a "
        "confidence of 0.40; 1 act, the last on 30 December 2025.",
        "1 visit without a name in 28 days, taken for this account by the address of an office with a "
        "confidence of 0.75; 2 acts, the last on 31 December 2025.",
    ]


def test_intent_news_pages_and_pain_points_are_told_from_their_touchpoints(engine):
    surge = acted(-4, event="intent", signal_type="intent_surge", page_type=None,
                  topic="Data Governance", intent_score=82.0)  # fmt: skip
    news = acted(-9, event="funding_round", signal_type="trigger_event", page_type=None)
    found = facts(
        engine,
        touches=[surge, news, acted(-1, "jane")],
        signals=[{"signal_id": "s-1jane", "page_path": "/pricing/teams"}],
    )
    assert told(found, "intent") == [
        "Intent on Data Governance, up to 82 of 100, last on 28 December 2025."
    ]
    assert told(found, "triggers") == ["News: funding round on 23 December 2025."]
    assert told(found, "pages") == ["Most read: /pricing/teams (1)."]
    assert told(found, "pain_points") == [
        "Likely, from data governance: Nobody can say which figure is right, or who may see it.",
        "Likely, from pricing: A budget is being drawn up, and the price has to be explained to somebody.",
    ]
    assert cited(found, "pain_points") == ["s-4"]


def test_the_history_is_what_was_known_on_the_day(engine):
    deal = {
        "opportunity_id": "o1", "account_id": "acme", "name": "Acme 2025", "stage_name": "Proposal",
        "is_closed": False, "is_won": False, "created_at": datetime(2025, 11, 3, tzinfo=UTC),
        "valid_from": date(2025, 11, 3), "valid_to": day(5), "is_deleted": False,
    }  # fmt: skip
    lost = {**deal, "is_closed": True, "valid_from": day(5), "valid_to": None, "loss_reason": "price",
            "closed_at": datetime(2026, 1, 6, tzinfo=UTC)}  # fmt: skip
    earlier = {**HANDOFF, "handoff_id": "h0", "episode": 1, "created_on": day(-90),
               "status": "rejected", "reject_reason": "timing"}  # fmt: skip
    found = facts(engine, deals=[deal, lost], earlier=[earlier])
    assert told(found, "history") == [
        "Opportunity Acme 2025 is open since 3 November 2025, at Proposal.",
        "Handed over before, on 3 October 2025: rejected because of timing.",
    ]
    later = facts(engine, handoffs=[{"created_on": day(6)}], deals=[deal, lost])
    assert told(later, "history") == [
        "Opportunity Acme 2025 was lost on 6 January 2026 because of price."
    ]


def test_the_play_is_the_policys_words(engine):
    found = facts(engine)
    play = default_policy().plays.plays["committee_sequence"]
    assert told(found, "next") == [
        f"Next: {play.next_action}",
        f"To say: {play.talk_track}",
        "Follow-up: at least 6 touches to 3 people in 10 days.",
    ]
    assert told(facts(engine, handoffs=[{"play": None}]), "next") == [
        "The policy has no play for this; review the account."
    ]


def test_what_scores_nothing_and_what_came_later_is_not_told(engine):
    touches = [
        acted(-1, "jane", event="email_open", signal_type="email_open", page_type=None),
        acted(-1, "bob", direction="outbound"),
        acted(1, "carl"),
    ]
    found = facts(engine, touches=touches, contacts=[JANE])
    assert "people" not in [s["name"] for s in found["sections"]]
    assert told(found, "why_now") == ["Acme qualified on 1 January 2026."]


def test_a_parent_is_told_with_what_the_accounts_below_it_did(engine):
    parts = [{"component": "pricing_view", "points": 2, "touchpoints": 2, "people": 2}]
    found = facts(
        engine, parts=parts, touches=[acted(-1, "jane")],
        below=[acted(-1, "jane"), acted(-2, "bob")],
    )  # fmt: skip
    assert "2 people of the account and those below it were active" in told(found, "why_now")[0]
    assert cited(found, "score", 1) == ["s-2bob"]
    assert "count what the accounts below it did" in told(found, "score")[1]
    assert sorted(cited(found, "score", 2)) == ["s-1jane", "s-2bob"]


def test_every_figure_about_behaviour_cites_touchpoints_that_there_are(engine):
    touches = [acted(-n, p) for n in range(1, 6) for p in ("jane", "email:2")]
    found = facts(engine, touches=touches, contacts=[JANE],
                  parts=[{"component": "pricing_view", "points": 5, "touchpoints": 10, "people": 2}])  # fmt: skip
    ids = {t["signal_id"] for t in touches}
    behaviour = (
        "why_now",
        "insight",
        "score",
        "people",
        "anonymous",
        "intent",
        "triggers",
        "pages",
        "pain_points",
    )
    for part in found["sections"]:
        assert part["name"] in SECTIONS
        for s in part["sentences"]:
            assert set(s["cites"]) <= ids
            assert s["cites"] or part["name"] not in behaviour, s["text"]


def test_nobody_and_nothing_known_still_gives_a_brief(engine):
    nothing = {"evidence_rule": None, "score": None, "momentum": None, "play": "gone"}
    found = facts(engine, handoffs=[nothing], accounts=[])
    assert found["name"] == "acme"
    assert told(found, "score") == ["No score was published for that day."]
    assert told(found, "history") == ["No opportunity and no handoff before this one."]


@pytest.mark.parametrize("rule", ["override", "anonymous_only", "hand_raise"])
def test_evidence_without_touchpoints_is_no_error(engine, rule):
    assert told(facts(engine, handoffs=[{"evidence_rule": rule}]), "why_now")


def test_the_order_of_the_rows_changes_nothing(engine):
    touches = [acted(-n, p, session_id=f"v{n}") for n in range(1, 8) for p in ("jane", None)]
    other = {**JANE, "contact_id": "carl", "name": "Carl Ray"}
    one = facts(engine, touches=touches, contacts=[JANE, other])
    assert facts(engine, touches=touches[::-1], contacts=[other, JANE]) == one


def test_many_people_are_told_by_their_number(engine):
    people = [{**JANE, "contact_id": f"p{i:02}", "name": f"Person {i}"} for i in range(12)]
    found = facts(engine, touches=[acted(-1, p["contact_id"]) for p in people], contacts=people)
    assert told(found, "people")[-1] == "4 more contacts acted as well."
    assert len(told(found, "people")) == 9


def test_a_long_unseen_or_turned_name_is_short_and_visible_in_the_facts(engine):
    name = "\u202eevil\u200b" + "x" * 10_000
    found = facts(engine, accounts=[account(name=name)])
    assert found["name"].startswith("evil xxx")
    assert len(found["name"]) == 120


def test_the_link_is_the_base_and_the_handoff(engine):
    t = engine.table([{"handoff_id": "h1"}], TABLES["handoffs"])
    base = policy_with(program={"evidence_base_url": "https://pages.example/mqa/"}).program
    made = t.select(
        url=evidence_url(t["handoff_id"], base.evidence_base_url),
        none=evidence_url(t["handoff_id"], ""),
    )
    assert engine.rows(made) == [{"url": "https://pages.example/mqa/h1.html", "none": None}]
