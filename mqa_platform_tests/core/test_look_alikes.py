"""Domains that look alike are two companies, and somebody is told."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.core.domains import CONTACT
from mqa_platform.core.hierarchy import MERGE
from mqa_platform.core.known import known
from mqa_platform.core.look_alikes import LIKENESSES, likeness, look_alike_reviews, seen_domains
from mqa_platform.policy.identity import Identity
from mqa_platform_tests.core.engine import crm_schema, day, landed_schema

TOUCHES = pa.schema(
    [("signal_id", pa.string()), ("own_account_id", pa.string()), ("touchpoint_date", pa.date32())]
)


@pytest.mark.parametrize(
    "other",
    [
        "acme-inc.com", "acme--inc.com", "acrneinc.com", "acmelnc.com", "acme1nc.com",
        # The same in Cyrillic letters, and with an accent.
        "xn--cmeinc-2nf.com", "xn--acminc-dva.com",
    ],
)  # fmt: skip
def test_hyphens_and_letters_that_are_drawn_alike_are_likeness(other: str) -> None:
    assert likeness(other) == likeness("acmeinc.com")


@pytest.mark.parametrize(
    "other",
    ["acme.com", "acmeinc.de", "acmeincs.com", "inc-acme.com", "xn--broken-.com", "xn--.com"],
)
def test_another_word_or_another_ending_is_another_company(other: str) -> None:
    assert likeness(other) != likeness("acmeinc.com")


@given(st.text(alphabet="abrnmvw01-.ixXNö", max_size=20))
def test_capitals_make_no_difference_and_no_text_is_too_odd(domain: str) -> None:
    assert likeness(domain.upper()) == likeness(domain)


def reviews(engine, accounts, visited=(), **identity):
    """(domain, candidate) → signals that wait."""
    crm = engine.table(
        [{"name": a["account_id"], **a} for a in accounts], crm_schema("landed_accounts"),
        valid_from=day(-9), is_deleted=False,
    )  # fmt: skip
    owners = known(
        crm, engine.table([], landed_schema("landed_identities")), MERGE.empty_table(),
        CONTACT.empty_table(), Identity.model_validate(identity), engine.apply,
    ).owners  # fmt: skip
    touches = [
        {"signal_id": str(i), "own_account_id": account, "touchpoint_date": day(i)}
        for i, account in enumerate(visited)
    ]
    seen = seen_domains(engine.table(touches, TOUCHES))
    domains = engine.keep(owners.select("domain").union(seen.select("domain")).distinct())
    told = engine.apply(LIKENESSES, domains, "domain")
    found = engine.rows(look_alike_reviews(owners, seen, told))
    assert {r["kind"] for r in found} <= {"look_alike"}
    return {(r["ref"], r["candidate"]): r["signals"] for r in found}


ACME = {"account_id": "acme", "domain": "acmeinc.com"}


def test_a_visitor_whose_domain_looks_like_an_accounts_goes_to_review(engine):
    visited = ["domain:acme-inc.com", "domain:acme-inc.com", "domain:other.com", "acme"]
    assert reviews(engine, [ACME], visited) == {("acme-inc.com", "acme"): 2}


def test_two_accounts_with_domains_that_look_alike_stay_two_and_go_to_review(engine):
    rows = [ACME, {"account_id": "rival", "domain": "acme-inc.com"}]
    assert reviews(engine, rows) == {
        ("acme-inc.com", "acme"): 0,
        ("acmeinc.com", "rival"): 0,
    }


def test_an_accounts_own_aliases_and_its_parents_domain_are_no_doubt(engine):
    assert reviews(engine, [{**ACME, "aliases": "acme-inc.com;acrneinc.com"}]) == {}
    branch = {"account_id": "branch", "domain": "acme-inc.com", "parent_account_id": "acme"}
    assert reviews(engine, [ACME, branch], roll_up="parent") == {}
