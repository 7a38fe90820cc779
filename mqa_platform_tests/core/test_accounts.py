"""Accounts: the gate, the grade, the tier, suppression, and CRM history."""

from __future__ import annotations

import pytest

from mqa_platform.core.accounts import accounts, excluded_accounts
from mqa_platform.core.crm import history, latest
from mqa_platform_tests.core.engine import (
    TOUCHPOINTS,
    at,
    crm_schema,
    day,
    default_policy,
    landed_schema,
    policy_with,
    touch,
)

GOOD = {
    "account_id": "acme",
    "name": "Acme",
    "domain": "acme.com",
    "industry": "software",
    "employees": 500,
    "country": "GERMANY",
    "technologies": "aws;sap",
    "growth_pct": 20.0,
    "is_target": True,
    "is_deleted": False,
    "valid_from": day(-100),
}
ICP = {
    "criteria": {
        "size": {"field": "employees", "minimum": 100, "maximum": 1000, "required": True, "weight": 3},
        "tech": {"field": "technologies", "any_of": ["c++", "AWS"], "weight": 1},
    }
}  # fmt: skip


def made(engine, *rows, policy=None, touchpoints=()):
    crm = engine.table([{**GOOD, **r} for r in rows], crm_schema("landed_accounts"))
    t = engine.table(touchpoints, TOUCHPOINTS)
    return engine.rows(accounts(crm, t, policy or default_policy()), "account_id", "valid_from")


def several(engine, cases, policy=None):
    """The accounts of the cases, whose first item is what differs, in their order."""
    rows = [{"account_id": f"{i:03}", **changed} for i, (changed, *_) in enumerate(cases)]
    return made(engine, *rows, policy=policy)


def one(engine, policy=None, **changed):
    return made(engine, changed, policy=policy)[0]


GATES = [
    ({}, "pass", "", ""),
    ({"employees": 99}, "fail", "company_size", ""),
    ({"employees": None}, "unknown", "", "employees"),
    ({"employees": None, "country": "Chile"}, "fail", "geography", "employees"),
    ({"industry": ""}, "unknown", "", "industry"),
    ({"industry": "Mining", "country": "Chile"}, "fail", "industry;geography", ""),
    ({"technologies": None, "growth_pct": None}, "pass", "", "technologies;growth_pct"),
]


def test_the_gate_knows_pass_fail_and_unknown(engine):
    found = several(engine, GATES)
    figures = [(f["fit_gate"], f["failed_criteria"], f["missing_fields"]) for f in found]
    assert figures == [tuple(wanted) for _, *wanted in GATES]


@pytest.mark.parametrize(
    ("on_missing", "gate"), [("pass", "pass"), ("fail", "fail"), ("unknown", "unknown")]
)
def test_an_empty_field_means_what_policy_says(engine, on_missing, gate):
    size = {**ICP["criteria"]["size"], "on_missing": on_missing}
    policy = policy_with(icp={"criteria": {"size": size}})
    assert one(engine, policy, employees=None)["fit_gate"] == gate


def test_an_icp_without_criteria_passes_everyone(engine):
    found = one(engine, policy_with(icp={"criteria": {}}), employees=None, industry=None)
    assert (found["fit_gate"], found["fit_score"], found["fit_grade"]) == ("pass", 100, "A")


GRADES = [
    ({}, 100, 100, 100, "A"),
    ({"technologies": "sap"}, 75, 75, 75, "B"),
    ({"technologies": None}, 75, 100, 100, "A"),
    ({"employees": None}, 25, 100, 100, "A"),
    ({"employees": 5000}, 25, 25, 25, "D"),
    ({"employees": None, "technologies": None}, 0, None, 100, "D"),
    ({"technologies": "c++"}, 100, 100, 100, "A"),
    ({"technologies": "c"}, 75, 75, 75, "B"),
    ({"employees": 100}, 100, 100, 100, "A"),
    ({"employees": 1000}, 100, 100, 100, "A"),
    ({"employees": 1001}, 25, 25, 25, "D"),
]


def test_the_grade_is_the_met_share_of_what_is_known(engine):
    found = several(engine, GRADES, policy_with(icp=ICP))
    columns = ("fit_low", "fit_score", "fit_high", "fit_grade")
    assert [[f[c] for c in columns] for f in found] == [wanted for _, *wanted in GRADES]


TIERS = [
    ({"tier": "strategic"}, "strategic"),
    ({"tier": "platinum"}, "programmatic"),
    ({"employees": 5000}, "strategic"),
    ({"employees": 5000, "is_target": False}, "scaled"),
    ({"employees": 5000, "is_target": None}, "scaled"),
    ({"employees": 1000}, "scaled"),
    ({"employees": None}, "programmatic"),
]


def test_the_tier_is_the_crms_else_the_first_rule_that_holds(engine):
    assert [f["tier"] for f in several(engine, TIERS)] == [tier for _, tier in TIERS]


SUPPRESSED = [
    ({}, None),
    ({"domain": "northwind-cloud.com"}, "own_company"),
    ({"account_type": "competitor"}, "competitor"),
    ({"domain": "rivalstack.com"}, "competitor"),
    ({"account_type": "partner"}, "partner"),
    ({"do_not_contact": True}, "do_not_contact"),
    ({"account_type": "competitor", "do_not_contact": True}, "competitor"),
    ({"domain": None}, None),
]


def test_some_accounts_are_never_handed_over(engine):
    found = [f["suppression_reason"] for f in several(engine, SUPPRESSED)]
    assert found == [reason for _, reason in SUPPRESSED]


def test_an_engaged_domain_without_a_record_is_a_discovered_account_of_unknown_fit(engine):
    rows = [touch(n, account_id="domain:fresh.io", signal_id=f"s{n}") for n in (3, 1)]
    found = made(engine, {}, touchpoints=rows)
    assert [a["account_id"] for a in found] == ["acme", "domain:fresh.io"]
    fresh = found[1]
    assert (fresh["valid_from"], fresh["name"], fresh["domain"]) == (day(1), "fresh.io", "fresh.io")
    assert (fresh["is_discovered"], fresh["is_target"]) == (True, False)
    assert (fresh["tier"], fresh["fit_gate"]) == ("programmatic", "unknown")


def test_a_deleted_version_is_no_account(engine):
    assert made(engine, {"is_deleted": True}) == []


def test_a_refused_account_is_listed_with_what_it_did_while_refused(engine):
    crm = engine.table(
        [{**GOOD, "employees": 5, "valid_to": day(5)}, {**GOOD, "valid_from": day(5)}],
        crm_schema("landed_accounts"),
    )
    t = engine.table(
        [
            touch(1, person_id="p"),
            touch(2, person_id="p"),
            touch(3, person_id="q", direction="outbound"),
            touch(6, person_id="q"),
        ],
        TOUCHPOINTS,
    )
    (row,) = engine.rows(excluded_accounts(accounts(crm, t, default_policy()), t))
    assert (row["failed_criteria"], row["touchpoints"], row["people"]) == ("company_size", 2, 1)
    assert row["last_touchpoint_on"] == day(2)


def versions(engine, *rows, **defaults):
    base = {"contact_id": "k", "batch_id": "b", "is_deleted": False, **defaults}
    t = engine.table([{**base, **r} for r in rows], landed_schema("landed_contacts"))
    return history(t, "contact_id")


def test_each_version_holds_until_the_next(engine):
    rows = [{"modified_at": at(n), "title": str(n), "created_at": at(-9)} for n in (0, 3, 7)]
    found = engine.rows(versions(engine, *rows), "title")
    assert [(r["title"], r["valid_from"], r["valid_to"]) for r in found] == [
        ("0", day(-9), day(3)),
        ("3", day(3), day(7)),
        ("7", day(7), None),
    ]


def test_the_last_version_of_a_day_is_that_days(engine):
    rows = [{"modified_at": at(0, h), "title": str(h)} for h in (10, 18, 14)]
    (row,) = engine.rows(versions(engine, *rows))
    assert (row["title"], row["valid_to"]) == ("18", None)


def test_the_first_version_speaks_for_the_days_before_it_when_nobody_says_when_it_began(engine):
    (row,) = engine.rows(versions(engine, {"modified_at": at(0)}))
    assert row["valid_from"] < day(-10_000)
    (born,) = engine.rows(versions(engine, {"modified_at": at(0), "created_at": at(4)}))
    assert born["valid_from"] == day(0)


def test_a_deletion_is_the_last_word(engine):
    rows = [{"modified_at": at(0)}, {"modified_at": at(3), "is_deleted": True}]
    assert engine.rows(latest(versions(engine, *rows))) == []
