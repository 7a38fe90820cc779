"""Target and exclusion lists: who is a target, who is left alone, from when and until when."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mqa_platform.core.account_lists import account_lists
from mqa_platform.core.matching import NAME_KEYS
from mqa_platform.core.outside import Outside, unmatched_entries
from mqa_platform.core.spend import campaign_spend
from mqa_platform_tests.core.engine import at, day, landed_schema, policy_with, touch
from mqa_platform_tests.core.outside_cases import ACCOUNT, entry, made, on


def published(engine, *entries):
    t = account_lists(engine.table(entries, landed_schema("landed_lists")))
    return engine.rows(t, "list", "entry_id", "valid_from")


def test_an_account_is_a_target_while_the_list_says_so():
    found = made({"is_target": False}, entries=[entry(2, valid_to=day(6))])
    seen = [(r["valid_from"], r["valid_to"], r["is_target"]) for r in found]
    assert seen == [(day(0), day(2), False), (day(2), day(6), True), (day(6), None, False)]


def test_a_list_adds_targets_and_takes_none_from_the_crm():
    found = made({"is_target": True}, entries=[entry(2, valid_to=day(6))])
    assert [(r["valid_from"], r["is_target"]) for r in found] == [(day(0), True)]


def test_an_excluded_account_says_why_until_when_and_by_whom():
    ends = {"valid_to": day(6), "reason": "legal", "owner": "Ann"}
    found = made(entries=[entry(2, "exclusion", **ends)])
    columns = ("suppression_reason", "suppressed_until", "suppressed_by")
    seen = [[on(found, day(n))[c] for c in columns] for n in (1, 2, 6)]
    assert seen == [[None] * 3, ["legal", day(6), "Ann"], [None] * 3]


def test_an_exclusion_without_owner_is_signed_by_its_list():
    (row,) = made(entries=[entry(-1, "exclusion", reason="partner")])
    assert (row["suppression_reason"], row["suppressed_by"]) == ("partner", "lists")


def test_what_the_crm_says_for_good_no_list_ends():
    lists = [entry(2, "exclusion", reason="legal", valid_to=day(6))]
    (row,) = made({"do_not_contact": True}, entries=lists)
    told = (row["suppression_reason"], row["suppressed_until"], row["suppressed_by"])
    assert told == ("do_not_contact", None, "crm")
    (own,) = made({"domain": "rivalstack.com"}, entries=lists)
    assert (own["suppression_reason"], own["suppressed_by"]) == ("competitor", "policy")


def test_of_two_exclusions_the_one_that_ends_last_is_named():
    lists = [
        entry(2, "exclusion", entry_id="a", reason="legal", valid_to=day(6)),
        entry(3, "exclusion", entry_id="b", reason="partner"),
    ]
    found = made(entries=lists)
    seen = [on(found, day(n))["suppression_reason"] for n in (2, 3, 7)]
    assert seen == ["legal", "partner", "partner"]


WAYS = [
    ({"domain": None, "account_id": "acme"}, True),
    ({"domain": None, "company_name": "ACME, Inc."}, True),
    ({"domain": "acme.de"}, True),
    ({"domain": "acme-old.com"}, True),
    ({"domain": "acme.io", "company_name": "Acme"}, False),
    ({"domain": None, "company_name": "Acne"}, False),
]


@pytest.mark.parametrize(("named", "is_found"), WAYS)
def test_an_entry_finds_its_account_by_id_domain_alias_or_name(named, is_found):
    policy = policy_with(identity={"domain_aliases": {"acme-old.com": "acme.com"}})
    found = made({"aliases": "acme.de"}, entries=[entry(1, **named)], policy=policy)
    assert on(found, day(2))["is_target"] is is_found


def test_a_discovered_account_can_be_excluded():
    seen = [touch(1, account_id="domain:fresh.io")]
    found = made(entries=[entry(3, "exclusion", domain="fresh.io")], touchpoints=seen)
    reasons = [on(found, day(n), "domain:fresh.io")["suppression_reason"] for n in (1, 3)]
    assert reasons == [None, "manual"]


def test_an_entry_of_nobody_is_listed_and_never_lost(engine):
    strange = [entry(1), entry(2, domain="nobody.com", entry_id="nobody.com")]
    lists = account_lists(engine.table(strange, landed_schema("landed_lists")))
    records = engine.table([], landed_schema("landed_enrichment"))
    keys = engine.table([], NAME_KEYS.schema)
    rows = [{**{c: ACCOUNT.get(c) for c in ("account_id", "name", "domain", "valid_from")}}]
    versions = engine.keep_arrow(_versions(rows))
    found = unmatched_entries(versions, Outside(records, lists, keys), policy_with())
    assert [r["entry_id"] for r in engine.rows(found)] == ["nobody.com"]


def _versions(rows):
    texts = [(c, pa.string()) for c in ("account_id", "name", "domain", "aliases")]
    days = [("valid_from", pa.date32()), ("valid_to", pa.date32())]
    schema = pa.schema([*texts, *days, ("is_deleted", pa.bool_())])
    return pa.Table.from_pylist([{**r, "is_deleted": False} for r in rows], schema=schema)


def test_the_newest_version_of_an_entry_counts(engine):
    rows = [
        entry(1, valid_from=day(0), valid_to=day(9)),
        entry(5, valid_from=day(0), valid_to=day(7), owner="Ann"),
        entry(3, valid_from=day(0)),
    ]
    (row,) = published(engine, *rows)
    assert (row["valid_from"], row["valid_to"], row["owner"]) == (day(0), day(7), "Ann")


def test_a_list_delivered_every_week_without_dates_holds_since_the_first(engine):
    (row,) = published(engine, entry(1), entry(8), entry(15))
    assert (row["valid_from"], row["valid_to"]) == (day(1), None)


def test_a_later_list_that_lacks_an_entry_does_not_remove_it(engine):
    rows = [entry(1), entry(1, entry_id="beta", domain="beta.com"), entry(8)]
    assert [r["entry_id"] for r in published(engine, *rows)] == ["acme.com", "beta"]


def test_an_unknown_reason_excludes_all_the_same(engine):
    (row,) = published(engine, entry(1, "exclusion", reason="ask_the_boss"))
    assert row["reason"] == "manual"


def spent(engine, *rows):
    base = {
        "source": "google", "spend_id": "s", "spend_date": day(1), "modified_at": at(1),
        "channel": "google", "campaign": "c", "amount": 10.0, "currency": "USD", "batch_id": "b",
    }  # fmt: skip
    t = engine.table([{**base, **r} for r in rows], landed_schema("landed_spend"))
    return engine.rows(campaign_spend(t), "spend_id")


def test_a_sum_that_is_reported_again_counts_once_as_reported_last(engine):
    rows = [
        {"modified_at": at(3), "amount": 9.0},
        {"amount": 10.0},
        {"amount": 10.0, "batch_id": "c"},
    ]
    assert [r["amount"] for r in spent(engine, *rows)] == [9.0]


def test_of_reports_that_do_not_say_which_is_newer_the_larger_sum_counts(engine):
    assert [r["amount"] for r in spent(engine, {"amount": 10.0}, {"amount": 12.0})] == [12.0]
