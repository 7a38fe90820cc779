"""People: the MQL model beside the account model."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from mqa_platform.core.people import people
from mqa_platform_tests.core.engine import (
    TOUCHPOINTS,
    at,
    crm_schema,
    day,
    default_policy,
    touch,
)

CONTACT = {
    "contact_id": "p",
    "title": "VP of Data",
    "do_not_contact": False,
    "is_deleted": False,
    "valid_from": day(-100),
}


def found(engine, rows, contacts=(), as_of=0):
    t = engine.table(rows, TOUCHPOINTS)
    c = engine.table(contacts, crm_schema("landed_contacts"))
    return engine.rows(people(t, c, default_policy(), day(as_of), engine.apply), "person_id")


def score(engine, rows, as_of=0):
    return found(engine, rows, as_of=as_of)[0]["person_score"]


def test_a_person_earns_weight_times_seniority_without_confidence_or_caps(engine):
    rows = [
        touch(0, "pricing_view", person_id="p", seniority=1.5, match_confidence=0.75, signal_id=s)
        for s in "abc"
    ]
    assert score(engine, rows) == 36


def test_breadth_intent_triggers_and_our_own_mails_never_count_for_a_person(engine):
    rows = [
        touch(0, "trigger_event", person_id="p"),
        touch(0, "intent_surge", person_id="p", signal_id="i"),
        touch(0, "pricing_view", person_id="p", signal_id="o", direction="outbound"),
    ]
    assert score(engine, rows) == 0


def test_a_signal_that_two_accounts_share_counts_once_for_its_person(engine):
    rows = [touch(0, person_id="p", account_id=a, share=0.5) for a in ("acme", "other")]
    assert score(engine, rows) == 8


def test_a_persons_points_fade_like_the_accounts(engine):
    rows = [touch(0, person_id="p")]
    assert [score(engine, rows, n) for n in (0, 30, 364)] == [8, 4, Decimal("0.0018")]
    assert score(engine, rows, 365) == 0
    assert found(engine, rows, as_of=-1) == []


def test_unsubscribing_takes_back_the_mail_points_of_the_person(engine):
    rows = [touch(0, "email_reply_or_click", person_id="p"), touch(1, person_id="p")]
    left = touch(1, "unsubscribe", person_id="p", signal_id="u")
    assert score(engine, [*rows, left], 1) == 8


@pytest.mark.parametrize(("demos", "is_mql"), [(1, False), (2, True)])
def test_a_person_is_an_mql_from_the_threshold_on(engine, demos, is_mql):
    rows = [touch(0, "demo_request", person_id="p", signal_id=f"d{i}") for i in range(demos)]
    assert found(engine, rows)[0]["is_mql"] is is_mql


def test_only_a_contact_who_may_be_contacted_is_reachable(engine):
    rows = [touch(0, person_id="p")]
    (known,) = found(engine, rows, [CONTACT])
    assert (known["reachable"], known["buying_role"]) == (True, "vp")
    (blocked,) = found(engine, rows, [{**CONTACT, "do_not_contact": True}])
    (stranger,) = found(engine, rows)
    assert (blocked["reachable"], stranger["reachable"]) == (False, False)
    assert stranger["buying_role"] == "unknown"


def test_a_person_belongs_to_the_account_of_the_last_touchpoint(engine):
    rows = [
        touch(0, person_id="p", account_id="old", occurred_at=at(0, 8)),
        touch(0, person_id="p", account_id="new", signal_id="z", occurred_at=at(0, 9)),
    ]
    assert found(engine, rows)[0]["account_id"] == "new"


def test_a_person_who_changes_jobs_is_at_the_new_account_and_comes_from_the_old(engine):
    rows = [
        touch(0, person_id="p", account_id="acme"),
        touch(1, person_id="p", account_id="beta"),
        touch(2, person_id="p", account_id="beta"),
        touch(2, person_id="q", account_id="acme", signal_id="q"),
    ]
    told = [(r["account_id"], r["changed_from"]) for r in found(engine, rows, as_of=2)]
    assert told == [("beta", "acme"), ("acme", None)]
    (row,) = found(engine, rows[:1])
    assert (row["account_id"], row["changed_from"]) == ("acme", None)


def test_a_signal_that_two_accounts_share_is_no_change_of_jobs(engine):
    rows = [touch(0, person_id="p", account_id=a, share=0.5) for a in ("acme", "beta")]
    (row,) = found(engine, rows)
    assert row["changed_from"] is None


def test_a_persons_points_go_by_the_policy_that_asks_and_not_by_the_one_that_ran(engine):
    schema = TOUCHPOINTS.append(pa.field("event", pa.string()))
    # Published as a page that is worth one point; today's policy says that it is about prices.
    row = touch(0, "product_or_blog_view", person_id="p", page_type="pricing")
    rows = [{**row, "event": "page_view"}]
    contacts = engine.table([], crm_schema("landed_contacts"))
    asked = people(engine.table(rows, schema), contacts, default_policy(), day(0), engine.apply)
    (found,) = engine.rows(asked, "person_id")
    assert found["person_score"] == 8
