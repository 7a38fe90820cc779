"""Domains: whose they are on which day, and what becomes of those that several claim."""

from __future__ import annotations

from collections import defaultdict

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.core.company_keys import account_domains
from mqa_platform.core.domains import CONTACT, domain_owners
from mqa_platform.core.hierarchy import MERGE
from mqa_platform.policy.identity import Identity
from mqa_platform_tests.core.engine import day
from mqa_platform_tests.core.test_hierarchy import SCHEMA, version


def owners(rows, merges=(), contacts=(), **identity):
    merged = pa.Table.from_pylist(
        [dict(zip(MERGE.names, m, strict=True)) for m in merges], schema=MERGE
    )
    people = pa.Table.from_pylist(
        [dict(zip(CONTACT.names, c, strict=True)) for c in contacts], schema=CONTACT
    )
    kernel = domain_owners(Identity.model_validate(identity), merged, people)
    return kernel.fn(pa.Table.from_pylist(rows, schema=SCHEMA)).to_pylist()


def holds(row, when):
    return row["valid_from"] <= day(when) and (
        row["valid_to"] is None or day(when) < row["valid_to"]
    )


def whose(found, domain, when):
    """account → share on a day; a refused one has no share."""
    rows = [r for r in found if r["domain"] == domain and holds(r, when)]
    return {r["account_id"]: None if r["is_refused"] else r["share"] for r in rows}


ACME = version("acme", domain="acme.com", aliases="acme.de;acme.fr")
TWINS = [version("one", domain="twin.com"), version("two", domain="twin.com")]


@pytest.mark.parametrize("domain", ["acme.com", "acme.de", "acme.fr", "acme.co"])
def test_an_account_has_its_domain_its_aliases_and_those_of_the_policy(domain):
    found = owners([ACME], domain_aliases={"acme.co": "acme.com"})
    assert whose(found, domain, 0) == {"acme": 1.0}


CHAIN = {"a.com": "b.com", "b.com": "acme.com", "z.com": "y.com", "y.com": "acme.com"}
CIRCLE = {"x.com": "y.com", "y.com": "x.com"}


@pytest.mark.parametrize("domain", ["a.com", "b.com", "y.com", "z.com"])
def test_an_alias_of_an_alias_is_the_accounts_however_it_is_spelled(engine, domain):
    assert whose(owners([ACME], domain_aliases=CHAIN), domain, 0) == {"acme": 1.0}
    assert keys(engine, [ACME], CHAIN)[domain] == {"acme"}


def test_aliases_that_stand_for_each_other_are_one_company_and_never_end_in_a_circle(engine):
    rows = [version("a", domain="x.com")]
    found = owners(rows, domain_aliases=CIRCLE)
    assert [whose(found, d, 0) for d in ("x.com", "y.com")] == [{"a": 1.0}] * 2
    assert keys(engine, rows, CIRCLE) == {"x.com": {"a"}, "y.com": {"a"}}


def keys(engine, rows, aliases):
    """domain → the accounts whose records others find by it."""
    identity = Identity(domain_aliases=aliases)
    found = defaultdict(set)
    accounts = engine.keep_arrow(pa.Table.from_pylist(rows, schema=SCHEMA))
    for row in engine.rows(account_domains(accounts, identity), "domain"):
        found[row["domain"]].add(row["account_id"])
    return dict(found)


@pytest.mark.parametrize("domain", ["acrne.com", "acme.co", "acme-inc.com", "xn--acm-dma.com"])
def test_a_domain_that_only_looks_like_an_accounts_is_nobodys(domain):
    assert whose(owners([ACME]), domain, 0) == {}


def test_a_domain_that_an_account_gave_up_is_free_from_then_on():
    found = owners([version("a", domain="old.com", end=5), version("a", domain="new.com", first=5)])
    assert [whose(found, "old.com", d) for d in (4, 5)] == [{"a": 1.0}, {}]


def test_a_shared_domain_is_refused_by_default():
    assert whose(owners(TWINS), "twin.com", 0) == {"one": None, "two": None}


def test_policy_may_split_a_shared_domain_and_treat_one_otherwise():
    rows = [*TWINS, version("x", domain="pair.com"), version("y", domain="pair.com")]
    found = owners(rows, shared_domains="split", shared_domain_exceptions={"pair.com": "refuse"})
    assert whose(found, "twin.com", 0) == {"one": 0.5, "two": 0.5}
    assert whose(found, "pair.com", 0) == {"x": None, "y": None}


def test_the_shares_of_accounts_that_roll_up_to_one_node_are_added():
    rows = [*TWINS, version("top"), version("three", "top", domain="twin.com")]
    rows.append(version("four", "top", domain="twin.com"))
    found = owners(rows, shared_domains="split", roll_up="parent")
    shares = {r["node_id"]: r["share"] for r in found if r["domain"] == "twin.com"}
    assert shares == {"one": 0.25, "two": 0.25, "top": 0.5}


def test_a_tie_ends_when_one_of_the_two_is_gone():
    rows = [TWINS[0], version("two", domain="twin.com", end=5)]
    found = owners(rows)
    assert [whose(found, "twin.com", d) for d in (4, 5)] == [
        {"one": None, "two": None},
        {"one": 1.0},
    ]


def test_a_domain_that_many_claim_costs_a_row_for_each_and_not_one_for_each_day():
    rows = [version(f"a{i:03}", domain="x.com", first=-i) for i in range(200)]
    found = owners(rows)
    # The oldest account is the preferred one on every day.
    assert len(found) <= 2 * len(rows)
    assert whose(found, "x.com", -197) == {"a199": None, "a198": None, "a197": None}
    assert len(whose(found, "x.com", 0)) == len(rows)
    preferred = {d: [r["account_id"] for r in found if r["is_preferred"] and holds(r, d)]
                 for d in (-199, -5, 0)}  # fmt: skip
    assert preferred == dict.fromkeys((-199, -5, 0), ["a199"])


def test_two_subsidiaries_of_one_company_are_no_tie_where_the_points_go_to_it():
    rows = [
        version("top"),
        version("a", "top", domain="s.com"),
        version("b", "top", domain="s.com"),
    ]
    (row,) = owners(rows, roll_up="parent")
    assert (row["node_id"], row["share"], row["source"]) == ("top", 1.0, "group")
    assert whose(owners(rows), "s.com", 0) == {"a": None, "b": None}


def pick(*rows, **known):
    return whose(owners(list(rows), shared_domains="pick", **known), "twin.com", 0)


def test_pick_takes_the_account_with_an_owner_then_most_contacts_then_the_oldest():
    one, two = TWINS
    owned = {**two, "owner_id": "rep"}
    many = [("two", day(-9), None)] * 2 + [("one", day(-9), None), ("one", day(-9), day(-1))]
    younger = {**one, "valid_from": day(-50)}
    assert pick(one, owned) == {"two": 1.0}
    assert pick(one, two, contacts=many) == {"two": 1.0}
    assert pick(younger, two) == {"two": 1.0}
    assert pick(one, two) == {"one": 1.0}


def test_a_contact_of_tomorrow_decides_nothing_today():
    found = owners(TWINS, shared_domains="pick", contacts=[("two", day(5), None)])
    assert [whose(found, "twin.com", d) for d in (4, 5)] == [{"one": 1.0}, {"two": 1.0}]


DEAL = {"domain": "shop.com", "by": "buyer.com", "on": "2026-01-06"}
BUYER = version("buyer", domain="buyer.com")


def test_an_unknown_company_is_the_buyers_from_the_day_it_was_bought():
    found = owners([BUYER], acquisitions=[DEAL])
    assert [whose(found, "shop.com", d) for d in (4, 5)] == [{}, {"buyer": 1.0}]


def test_an_alias_of_the_buyer_says_nothing_of_the_days_before_the_acquisition():
    rows = [{**BUYER, "aliases": "shop.com"}, version("shop", domain="shop.com", end=5)]
    found = owners(rows, acquisitions=[DEAL])
    assert [whose(found, "shop.com", d) for d in (4, 5)] == [{"shop": 1.0}, {"buyer": 1.0}]


def test_a_bought_company_that_lives_on_in_the_crm_keeps_its_domain():
    rows = [{**BUYER, "aliases": "shop.com"}, version("shop", domain="shop.com")]
    found = owners(rows, acquisitions=[DEAL])
    assert [whose(found, "shop.com", d) for d in (4, 5)] == [{"shop": 1.0}, {"shop": 1.0}]


def test_a_brand_that_was_sold_is_the_buyers():
    rows = [BUYER, version("seller", domain="seller.com", aliases="shop.com")]
    found = owners(rows, acquisitions=[DEAL])
    assert [whose(found, "shop.com", d) for d in (4, 5)] == [{"seller": 1.0}, {"buyer": 1.0}]
    assert whose(found, "seller.com", 5) == {"seller": 1.0}


def test_an_acquisition_of_an_account_takes_all_its_domains_once_it_is_gone():
    rows = [BUYER, version("shop", domain="shop.com", aliases="shop.de", end=9)]
    found = owners(rows, acquisitions=[{"account": "shop", "by": "buyer", "on": "2026-01-06"}])
    for domain in ("shop.com", "shop.de"):
        assert [whose(found, domain, d) for d in (8, 9)] == [{"shop": 1.0}, {"buyer": 1.0}]


def test_an_acquisition_by_nobody_we_know_changes_nothing():
    rows = [version("shop", domain="shop.com")]
    assert owners(rows, acquisitions=[DEAL]) == owners(rows)


def test_the_survivor_of_a_merge_gets_the_domains_of_the_other():
    rows = [
        version("old", domain="old.com", aliases="old.de", end=5),
        version("old", domain="old.com", first=5, is_deleted=True),
        version("kept", domain="kept.com"),
    ]
    found = owners(rows, merges=[("old", "kept", day(5))])
    for domain in ("old.com", "old.de"):
        assert [whose(found, domain, d) for d in (4, 5)] == [{"old": 1.0}, {"kept": 1.0}]


DOMAINS = ["x.com", "y.com", "z.com"]


@st.composite
def worlds(draw):
    rows = []
    for name in draw(st.lists(st.sampled_from("abcde"), unique=True, min_size=1)):
        cuts = sorted(draw(st.sets(st.integers(0, 9), min_size=1, max_size=3)))
        for first, end in zip(cuts, [*cuts[1:], None], strict=True):
            aliases = ";".join(draw(st.lists(st.sampled_from(DOMAINS), unique=True))) or None
            rows.append(
                version(
                    name, draw(st.sampled_from([None, *"abcde"])), first, end,
                    domain=draw(st.sampled_from([None, *DOMAINS])), aliases=aliases,
                    owner_id=draw(st.sampled_from([None, "rep"])), is_deleted=draw(st.booleans()),
                )
            )  # fmt: skip
    deals = st.fixed_dictionaries(
        {"domain": st.sampled_from(DOMAINS), "by": st.sampled_from([*"abcde", *DOMAINS]),
         "on": st.sampled_from(["2026-01-03", "2026-01-07"])}
    )  # fmt: skip
    return rows, {
        "shared_domains": draw(st.sampled_from(["refuse", "split", "pick"])),
        "roll_up": draw(st.sampled_from(["own", "parent", "ultimate_parent"])),
        "domain_aliases": draw(st.sampled_from([{}, {"z.com": "x.com"}])),
        "acquisitions": draw(st.lists(deals, max_size=2)),
    }


@given(worlds())
def test_the_shares_of_a_domain_sum_to_one_on_every_day_or_all_are_refused(world):
    rows, identity = world
    found = owners(rows, **identity)
    for when in range(12):
        by_domain = defaultdict(list)
        for row in found:
            if holds(row, when):
                by_domain[row["domain"]].append(row)
        for each in by_domain.values():
            accounts = [r["account_id"] for r in each]
            # One stretch an account and day: ownership never overlaps itself.
            assert len(set(accounts)) == len(accounts)
            if any(r["is_refused"] for r in each):
                assert len(each) > 1
                assert all(r["is_refused"] and r["share"] == 0 for r in each)
            else:
                assert abs(sum(r["share"] for r in each) - 1) < 1e-9
                assert len({r["node_id"] for r in each}) == len(each)
            if identity["shared_domains"] != "split" and not each[0]["is_refused"]:
                assert len(each) == 1


CONTACTS = [(a, day(first), None if end is None else day(end))
            for a, first, end in (("a", -9, None), ("b", 0, 4), ("b", 2, None), ("c", 1, 9))]  # fmt: skip


@given(
    worlds().flatmap(
        lambda w: st.tuples(st.just(w), st.permutations(w[0]), st.permutations(CONTACTS))
    )
)
def test_ownership_does_not_depend_on_the_order_of_the_records(given_):
    (rows, identity), shuffled, contacts = given_
    told = owners(rows, contacts=CONTACTS, **identity)
    assert told == owners(shuffled, contacts=contacts, **identity)
