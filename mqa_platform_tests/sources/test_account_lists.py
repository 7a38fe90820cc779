"""Target and exclusion lists as people keep them: a column of domains, or much more."""

from __future__ import annotations

from datetime import date

import pytest

from mqa_platform.policy.sources import Source
from mqa_platform.sources.account_lists import account_list
from mqa_platform.sources.landed import SourceError


def landed(write, content, name="list.csv", kind="exclusion"):
    source = Source.model_validate({"connector": "account_list", "path": "x", "kind": kind})
    found = account_list(write(name, content), source)
    told = found.accepted + found.duplicates + sum(found.filtered.values()) + len(found.defects)
    assert told == found.rows
    return found, found.tables["landed_lists"].to_pylist()


def test_an_entry_says_who_why_and_from_when_until_when(write):
    content = (
        "Domain,Company Name,Reason,Owner,From,Until\n"
        "www.acme.com,Acme,Do not contact,Ann,2026-01-05,2026-03-01\n"
    )
    _, (row,) = landed(write, content)
    assert (row["list"], row["domain"], row["reason"], row["owner"]) == (
        "exclusion", "acme.com", "do_not_contact", "Ann",
    )  # fmt: skip
    assert (row["valid_from"], row["valid_to"]) == (date(2026, 1, 5), date(2026, 3, 1))


def test_a_mere_column_of_domains_has_always_held(write):
    found, rows = landed(write, "domain\nacme.com\nhttps://beta.io/x\nacme.com\n", kind="target")
    assert [(r["list"], r["domain"], r["valid_from"].year) for r in rows] == [
        ("target", "acme.com", 1970),
        ("target", "beta.io", 1970),
    ]
    assert found.duplicates == 1


def test_a_list_without_dates_holds_since_the_day_in_its_name(write):
    _, (row,) = landed(write, "domain\nacme.com\n", "targets-2026-01-05.csv")
    assert (row["valid_from"], row["modified_at"].date()) == (date(2026, 1, 5),) * 2


def test_a_company_may_be_listed_for_two_stretches_of_time(write):
    content = "domain,from,until\nacme.com,2026-01-01,2026-02-01\nacme.com,2026-06-01,\n"
    _, rows = landed(write, content)
    assert len({r["entry_id"] for r in rows}) == 2


REASONS = [
    ("Competition", "competitor"), ("reseller", "partner"), ("Opted-out", "do_not_contact"),
    ("lawsuit", "legal"), ("ask the boss", "ask_the_boss"), ("", None),
]  # fmt: skip


@pytest.mark.parametrize(("word", "reason"), REASONS)
def test_no_exclusion_is_lost_over_its_reason(write, word, reason):
    _, (row,) = landed(write, f"domain,reason\nacme.com,{word}\n")
    assert row["reason"] == reason


DIRT = [
    ("acme,,", "bad_domain"),
    (",2026-01-01,", "missing_company"),
    ("acme.com,2026-02-30,", "bad_timestamp"),
    ("acme.com,2026-02-01,2026-02-01", "ends_before_it_starts"),
]


@pytest.mark.parametrize(("row", "reason"), DIRT)
def test_an_entry_that_cannot_be_read_is_set_aside(write, row, reason):
    found, rows = landed(write, f"domain,from,until\n{row}\nok.com,,\n")
    assert (found.reasons(), [r["domain"] for r in rows]) == ({reason: 1}, ["ok.com"])


def test_a_list_must_say_of_which_kind_it_is(write):
    with pytest.raises(SourceError, match="kind: target or kind: exclusion"):
        landed(write, "domain\nacme.com\n", kind=None)
