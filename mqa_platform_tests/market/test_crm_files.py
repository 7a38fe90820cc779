"""The CRM export is consistent with itself, has history, and leaves gaps like a real one."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from mqa_platform.market import MarketConfig
from mqa_platform.market.reps import build_sales_team, territory_of
from mqa_platform.market.world import build_accounts
from mqa_platform_tests.market.conftest import World


def _by_id(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        grouped[row["Id"]].append(row)
    return grouped


def test_ids_point_to_records_that_exist(world: World) -> None:
    accounts, users = _by_id(world.crm("Account")), _by_id(world.crm("User"))
    contacts = _by_id(world.crm("Contact"))
    for name in ("Contact", "Opportunity", "Task", "Event"):
        assert {r["AccountId"] for r in world.crm(name)} <= set(accounts)
    for name in ("Task", "Event"):
        rows = world.crm(name)
        assert {r["WhoId"] for r in rows if r["WhoId"]} <= set(contacts)
        assert {r["OwnerId"] for r in rows} <= set(users)
    versions = [v for a in accounts.values() for v in a]
    assert {v["ParentId"] for v in versions if v["ParentId"]} <= set(accounts)
    assert {v["OwnerId"] for v in versions if v["OwnerId"]} <= set(users)


def test_nothing_is_logged_on_an_account_before_its_record(world: World) -> None:
    created = {r["Id"]: r["CreatedDate"] for r in world.crm("Account")}
    for name, column in (("Opportunity", "CreatedDate"), ("Task", "CreatedDate")):
        assert all(r[column] >= created[r["AccountId"]] for r in world.crm(name))
    assert all(r["StartDateTime"] >= created[r["AccountId"]] for r in world.crm("Event"))


def test_some_accounts_have_versions_each_at_another_time(world: World) -> None:
    versions = _by_id(world.crm("Account"))
    assert 0.1 < sum(len(v) > 1 for v in versions.values()) / len(versions) < 0.6
    for rows in versions.values():
        assert len({r["SystemModstamp"] for r in rows}) == len(rows)
        assert rows[0]["SystemModstamp"] == rows[0]["CreatedDate"]


def test_a_won_deal_makes_the_account_a_customer(world: World) -> None:
    final = {account: rows[-1]["Type"] for account, rows in _by_id(world.crm("Account")).items()}
    won = {r["AccountId"] for r in world.crm("Opportunity") if r["IsWon"]}
    assert won
    assert {final[a] for a in won} == {"Customer"}


def test_rejections_say_why(world: World) -> None:
    rejected = [r for r in world.crm("Account") if r["Sales_Status__c"] == "rejected"]
    assert rejected
    reasons = {r["Sales_Status_Reason__c"] for r in rejected}
    assert reasons <= {"bad_fit", "no_response", "timing", "competitor"}
    assert len(reasons) >= 2


def test_a_tenth_of_the_accounts_lack_a_firmographic_field(world: World) -> None:
    first = [rows[0] for rows in _by_id(world.crm("Account")).values()]
    fields = ("Industry", "NumberOfEmployees", "AnnualRevenue", "BillingCountry", "Technologies__c")
    gaps = sum(any(row[f] in ("", None) for f in fields) for row in first)
    assert 0.06 < gaps / len(first) < 0.15
    assert 0.3 < sum(row["Is_Target__c"] for row in first) / len(first) < 0.5


def test_nine_accounts_in_ten_are_in_the_crm(world: World) -> None:
    known = [a["crm_account_id"] is not None for a in world.truth("accounts").to_pylist()]
    assert 0.85 < sum(known) / len(known) < 0.96


def test_three_contacts_in_four_of_crm_accounts_are_in_the_crm(world: World) -> None:
    accounts = world.truth("accounts").to_pylist()
    people = [p for p in world.truth("people").to_pylist() if p["account_index"] is not None]
    held = [
        p["crm_contact_id"] is not None
        for p in people
        if accounts[p["account_index"]]["crm_account_id"] is not None
    ]
    assert 0.7 < sum(held) / len(held) < 0.8


def test_every_account_lies_in_exactly_one_territory() -> None:
    for size in (200, 3000):
        config = MarketConfig(accounts=size)
        accounts = build_accounts(config)
        reps = build_sales_team(config, accounts).reps
        assert len(reps) == max(6, size // 150) + 1
        assert [r.is_active for r in reps].count(False) == 1
        assert (territory_of(accounts, reps) >= 0).all()
        alone = [territory_of(accounts, [rep]) >= 0 for rep in reps]
        assert (sum(a.astype(int) for a in alone) == 1).all()


def test_some_targets_belong_to_the_rep_who_left(world: World) -> None:
    left = {r["Id"] for r in world.crm("User") if not r["IsActive"]}
    assert len(left) == 1
    owned = [r for r in world.crm("Account") if r["Is_Target__c"] and r["OwnerId"] in left]
    assert owned


def test_offices_do_not_overlap() -> None:
    accounts = build_accounts(MarketConfig(accounts=3000))
    spans = sorted(
        (int(start), int(start + size))
        for start, size in zip(accounts.office_start, accounts.office_size, strict=True)
        if start >= 0
    )
    assert 0.55 < len(spans) / len(accounts) < 0.65
    assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:], strict=False))
