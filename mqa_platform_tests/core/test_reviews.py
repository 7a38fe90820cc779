"""What identity would not decide, CRM accounts that are one company, and companies nobody entered."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mqa_platform.core.accounts import discovered_accounts
from mqa_platform.core.domains import CONTACT
from mqa_platform.core.duplicates import crm_duplicates
from mqa_platform.core.hierarchy import MERGE
from mqa_platform.core.known import known
from mqa_platform.core.reviews import identity_reviews
from mqa_platform.policy.identity import Identity
from mqa_platform_tests.core.engine import ACCOUNTS as FITTED
from mqa_platform_tests.core.engine import (
    TOUCHPOINTS,
    at,
    crm_schema,
    day,
    default_policy,
    landed_schema,
    touch,
)

ACCOUNTS = [
    {"account_id": "one", "domain": "twin.com"},
    {"account_id": "two", "domain": "twin.com", "owner_id": "rep"},
    {"account_id": "was", "domain": "past.com", "valid_to": day(2)},
    {"account_id": "is", "domain": "past.com"},
    {"account_id": "top", "domain": "group.com", "parent_account_id": "loop"},
    {"account_id": "loop", "parent_account_id": "top"},
    {"account_id": "sub", "domain": "group.com", "parent_account_id": "top"},
]
IDENTITIES = [
    *[{"kind": "cookie", "ref": "kiosk", "person_ref": f"email:{p}"} for p in "abc"],
    *[{"kind": "lead", "ref": "box", "person_ref": f"email:box{n}"} for n in range(7)],
]
SIGNAL = pa.schema(
    [("signal_id", pa.string()), ("signal_date", pa.date32()), ("person_key", pa.string()),
     ("anonymous_id", pa.string()), ("email_domain", pa.string()), ("company_domain", pa.string()),
     ("host_domain", pa.string())]
)  # fmt: skip
SIGNALS = [
    {"signal_id": "1", "signal_date": day(1), "email_domain": "twin.com"},
    {"signal_id": "2", "signal_date": day(3), "host_domain": "twin.com"},
    {"signal_id": "3", "signal_date": day(1), "email_domain": "past.com"},
    {"signal_id": "4", "signal_date": day(4), "anonymous_id": "kiosk"},
    {"signal_id": "5", "signal_date": day(5), "person_key": "email:box3"},
    {"signal_id": "6", "signal_date": day(5), "company_domain": "twin.com"},
]
LOST = pa.schema([("signal_id", pa.string()), ("reason", pa.string())])


@pytest.fixture(scope="module")
def world(engine):
    crm = engine.table(
        [{**a, "name": a["account_id"]} for a in ACCOUNTS], crm_schema("landed_accounts"),
        valid_from=day(-9), is_deleted=False,
    )  # fmt: skip
    identities = engine.table(IDENTITIES, landed_schema("landed_identities"))
    facts = known(
        crm, identities, MERGE.empty_table(), CONTACT.empty_table(), Identity(), engine.apply
    )
    return crm, identities, facts


@pytest.fixture(scope="module")
def reviews(engine, world):
    _, identities, facts = world
    # The sixth signal found another rule, so nothing waits for it.
    lost = [{"signal_id": s, "reason": "tie_refused"} for s in "123"]
    found = identity_reviews(
        facts, identities, engine.table(SIGNALS, SIGNAL), engine.table(lost, LOST)
    )
    return engine.rows(found, "kind", "ref", "candidate")


def of(reviews, kind, ref):
    return [r for r in reviews if (r["kind"], r["ref"]) == (kind, ref)]


def test_a_refused_tie_is_listed_with_its_candidates_and_what_waits_for_it(reviews):
    rows = of(reviews, "tie", "twin.com")
    assert [(r["candidate"], r["is_suggested"]) for r in rows] == [("one", False), ("two", True)]
    assert {(r["signals"], r["first_seen"], r["last_seen"]) for r in rows} == {(2, day(1), day(3))}


def test_a_tie_that_is_over_is_listed_while_signals_wait_for_it(reviews):
    assert {(r["candidate"], r["signals"]) for r in of(reviews, "tie", "past.com")} == {
        ("was", 1),
        ("is", 1),
    }


def test_shared_browsers_mailboxes_of_many_and_circles_are_listed(reviews):
    kiosk = of(reviews, "shared_browser", "kiosk")
    assert [r["candidate"] for r in kiosk] == ["email:a", "email:b", "email:c"]
    assert {r["signals"] for r in kiosk} == {1}
    box = of(reviews, "person", "email:box0")
    assert len(box) == 8
    assert {(r["signals"], r["last_seen"]) for r in box} == {(1, day(5))}
    assert [r["candidate"] for r in of(reviews, "cycle", "loop")] == ["loop", "sub", "top"]


def test_every_doubt_and_candidate_is_listed_once(reviews):
    keys = [(r["kind"], r["ref"], r["candidate"]) for r in reviews]
    assert len(set(keys)) == len(keys)


def test_of_two_accounts_with_one_domain_the_one_that_sales_works_on_survives(engine, world):
    crm, _, facts = world
    merges = engine.keep_arrow(
        pa.Table.from_pylist(
            [{"account_id": "gone", "survivor_id": "one", "merged_on": day(0)}], schema=MERGE
        )
    )

    def duplicates(deals=(), users=(), calls=()):
        span = {"valid_from": day(-9), "is_deleted": False}
        made = crm_duplicates(
            merges, crm, facts.nodes,
            engine.table(deals, crm_schema("landed_opportunities"), is_closed=False, **span),
            engine.table(calls, crm_schema("landed_activities"), **span),
            engine.table(users, crm_schema("landed_users"), valid_from=day(-9)),
        )  # fmt: skip
        return {(r["account_id"], r["survivor_id"], r["reason"]) for r in engine.rows(made)}

    merged = ("gone", "one", "merged")
    one_stays, two_stays = ("two", "one", "same_domain"), ("one", "two", "same_domain")
    # The subsidiary with its parent's domain is no duplicate.
    assert duplicates() == {merged, one_stays}
    called = [{"activity_id": "1", "account_id": "two", "occurred_at": at(0)}]
    assert duplicates(calls=called) == {merged, two_stays}
    rep = [{"user_id": "rep", "is_active": True}]
    assert duplicates(users=rep) == {merged, two_stays}
    deal = [{"opportunity_id": "1", "account_id": "one"}]
    assert duplicates(deals=deal, users=rep, calls=called) == {merged, one_stays}


def test_a_company_that_no_crm_account_has_is_listed_with_what_it_did(engine):
    rows = [
        touch(0, "pricing_view", account_id="domain:new.io", person_id="p", page_type="pricing"),
        touch(3, account_id="domain:new.io", signal_id="b", page_type="blog"),
        touch(4, account_id="domain:new.io", signal_id="o", direction="outbound"),
        touch(4, account_id="acme", signal_id="x"),
    ]
    fitted = [
        {"account_id": "domain:new.io", "domain": "new.io", "is_discovered": True},
        {"account_id": "acme", "domain": "acme.com", "is_discovered": False},
    ]
    accounts = engine.table(fitted, FITTED, valid_from=day(0), fit_gate="unknown", employees=70)
    touched = engine.table(rows, TOUCHPOINTS)
    (row,) = engine.rows(discovered_accounts(accounts, touched, default_policy()))
    assert row == {
        "domain": "new.io", "account_id": "domain:new.io", "first_touchpoint_on": day(0),
        "last_touchpoint_on": day(4), "people": 1, "signals": 2, "high_intent_views": 1,
        "industry": None, "employees": 70, "country": None, "fit_gate": "unknown",
    }  # fmt: skip
