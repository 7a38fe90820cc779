"""Identity with a tree of accounts, with shared domains, and with people of several addresses."""

from __future__ import annotations

import pytest

from mqa_platform_tests.core.engine import day, default_policy, touch
from mqa_platform_tests.core.identity_cases import ACCOUNTS, IDENTITIES, MAIL
from mqa_platform_tests.core.scoring import receipt
from mqa_platform_tests.core.test_identity import answers, some

TREE = [
    *ACCOUNTS,
    {"account_id": "top", "name": "Top Group", "domain": "top.com"},
    {"account_id": "mid", "name": "Mid", "domain": "mid.com", "parent_account_id": "top"},
    {"account_id": "leaf", "name": "Leaf", "domain": "leaf.com", "parent_account_id": "mid"},
    {"account_id": "pair1", "name": "P1", "domain": "pair.com", "parent_account_id": "top"},
    {"account_id": "pair2", "name": "P2", "domain": "pair.com", "parent_account_id": "top"},
    {"account_id": "pair3", "name": "P3", "domain": "pair.com"},
]  # fmt: skip


def mail(domain, **more):
    return ({**MAIL, "email_domain": domain, **more}, None)


def held(rows):
    return {(r["account_id"], r["own_account_id"], round(r["share"], 9)) for r in rows}


@pytest.mark.parametrize(
    ("roll_up", "account"), [("own", "leaf"), ("parent", "mid"), ("ultimate_parent", "top")]
)
def test_the_points_of_a_subsidiary_go_where_the_policy_says(engine, roll_up, account):
    cases = {"mail": mail("leaf.com"), "name": ({"company_name": "Leaf"}, None)}
    found = answers(engine, cases, identity={"roll_up": roll_up}, crm=TREE)
    assert held(found["mail"]) == held(found["name"]) == {(account, "leaf", 1.0)}


def test_a_shared_domain_is_treated_as_the_policy_says_of_it(engine):
    cases = {"pair": mail("pair.com"), **some("tie")}
    found = answers(engine, cases, crm=TREE)
    assert [r["reason"] for r in found["pair"] + found["tie"]] == ["tie_refused"] * 2
    way = {"shared_domains": "split", "shared_domain_exceptions": {"twin.com": "pick"}}
    found = answers(engine, cases, identity=way, crm=TREE)
    assert {a for a, _, _ in held(found["pair"])} == {"pair1", "pair2", "pair3"}
    assert {(r["account_id"], r["share"]) for r in found["tie"]} == {("one", 1.0)}
    way |= {"roll_up": "parent"}
    found = answers(engine, cases, identity=way, crm=TREE)
    shares = {a: share for a, _, share in held(found["pair"])}
    assert shares == {"top": round(2 / 3, 9), "pair3": round(1 / 3, 9)}


def test_an_acquisition_moves_a_domain_from_its_day_on(engine):
    deal = {"domain": "shop.com", "by": "acme.com", "on": day(2)}
    cases = {f"{n}": mail("shop.com", signal_date=day(n)) for n in (1, 2)}
    found = answers(engine, cases, identity={"acquisitions": [deal]})
    assert [found[n][0]["account_id"] for n in ("1", "2")] == ["domain:shop.com", "acme"]


def test_a_domain_that_only_looks_like_an_accounts_becomes_an_account_of_its_own(engine):
    alike = ["acrne.com", "acme.net", "acme-inc.com", "acme.com.co"]
    found = answers(engine, {d: mail(d) for d in alike})
    assert {d: found[d][0]["account_id"] for d in alike} == {d: f"domain:{d}" for d in alike}


def test_whatever_the_tree_every_signal_is_shared_once_or_has_a_reason(engine):
    # The parents run in a circle, and three accounts of the circle share a domain with a fourth.
    above = {"top": "leaf", "pair1": "leaf", "pair2": "mid"}
    crm = [{**r, "parent_account_id": above.get(r["account_id"], r.get("parent_account_id"))}
           for r in TREE]  # fmt: skip
    domains = ["top.com", "mid.com", "leaf.com", "pair.com", "twin.com", "acme.com", "fresh.io"]
    way = {"roll_up": "ultimate_parent", "shared_domains": "split"}
    found = answers(engine, {d: mail(d) for d in domains}, identity=way, crm=crm)
    assert set(found) == set(domains)
    for rows in found.values():
        assert abs(sum(r["share"] for r in rows) - 1) < 1e-9
        assert len({r["account_id"] for r in rows}) == len(rows)
    assert {r["account_id"] for d in domains[:3] for r in found[d]} == {"leaf"}


LINKED = [
    *IDENTITIES,
    *[{"kind": "cookie", "ref": ref, "person_ref": f"email:{who}", "email_domain": "acme.com"}
      for ref, who in (("c1", "pia"), ("c1", "pia2"), ("c2", "pia2"),
                       ("kiosk", "pia"), ("kiosk", "ann"), ("kiosk", "new"))],
]  # fmt: skip
OF_PIA = {
    "mail": mail("acme.com", person_key="email:pia"),
    "other mail": mail("acme.com", person_key="email:pia2"),
    "browser": ({"anonymous_id": "c1"}, None),
    "other browser": ({"anonymous_id": "c2"}, None),
}


def test_two_browsers_and_two_addresses_of_one_person_count_once(engine):
    found = answers(engine, OF_PIA, linked=LINKED)
    assert {r["account_id"] for rows in found.values() for r in rows} == {"acme"}
    people = {name: rows[0]["person_id"] for name, rows in found.items()}
    assert set(people.values()) == {"email:pia"}
    rows = [touch(0, person_id=who, signal_id=name) for name, who in people.items()]
    assert "multi_contact" not in receipt(rows, default_policy(), day(0))
    two = [*rows, touch(0, person_id="email:x", signal_id="of another")]
    assert receipt(two, default_policy(), day(0))["multi_contact"]["people"] == 2


def test_a_browser_that_many_people_use_names_nobody(engine):
    found = answers(engine, {"kiosk": ({"anonymous_id": "kiosk"}, None)}, linked=LINKED)
    assert [(r["person_id"], r["reason"]) for r in found["kiosk"]] == [(None, "no_match")]
