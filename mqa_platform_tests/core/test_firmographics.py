"""What vendors' bands and words mean for the gate: met, not met, or unknown; never guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.core.accounts import account_fit, accounts, in_motion, judged_versions, led
from mqa_platform.core.countries import UNDERSTOOD, code, folded
from mqa_platform.core.firmographics import unknown_words
from mqa_platform_tests.core.engine import TOUCHPOINTS, crm_schema, day, default_policy, policy_with

ACME = {
    "account_id": "acme", "name": "Acme", "domain": "acme.com", "industry": "Software",
    "employees": 500, "country": "Germany", "technologies": "aws", "growth_pct": 20.0,
    "is_deleted": False, "valid_from": day(-100),
}  # fmt: skip
OPEN = 2**53


def several(engine, cases, policy=None, made=accounts):
    rows = [{**ACME, "account_id": f"{i:03}", **changed} for i, (changed, *_) in enumerate(cases)]
    crm = engine.table(rows, crm_schema("landed_accounts"))
    t = engine.table([], TOUCHPOINTS)
    return engine.rows(made(crm, t, policy or default_policy()), "account_id", "valid_from")


def sized(**limits):
    criterion = {"field": "employees", "required": True, **limits}
    return policy_with(icp={"criteria": {"size": criterion}})


BANDS = [
    ({"employees": 51, "employees_max": 200}, "unknown"),
    ({"employees": 51, "employees_max": 99}, "fail"),
    ({"employees": 51, "employees_max": 100}, "unknown"),
    ({"employees": 100, "employees_max": 200}, "pass"),
    ({"employees": 201, "employees_max": 1000}, "pass"),
    ({"employees": 501, "employees_max": 1001}, "unknown"),
    ({"employees": 1001, "employees_max": 5000}, "fail"),
    ({"employees": 500, "employees_max": OPEN}, "unknown"),
    ({"employees": 1001, "employees_max": OPEN}, "fail"),
    ({"employees": 0, "employees_max": 10}, "fail"),
    ({"employees": 99}, "fail"),
    ({"employees": None}, "unknown"),
]


def test_a_band_on_both_sides_of_a_limit_is_unknown(engine):
    found = several(engine, BANDS, sized(minimum=100, maximum=1000))
    assert [f["fit_gate"] for f in found] == [gate for _, gate in BANDS]
    unsure = [f for f, (_, gate) in zip(found, BANDS, strict=True) if gate == "unknown"]
    assert {f["missing_fields"] for f in unsure} == {"employees"}


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
def test_a_band_says_what_every_number_in_it_would_say(low, width, limit):
    # The three cases of the rule, beside every headcount that the band may mean.
    said = {n >= limit for n in range(low, low + width + 1)}
    surely, never = low >= limit, low + width < limit
    assert (said == {True}) == surely
    assert (said == {False}) == never


def test_bands_of_revenue_are_judged_alike(engine):
    money = {"field": "revenue", "minimum": 10e6, "required": True}
    cases = [
        ({"revenue": 1e6, "revenue_max": 50e6}, "unknown"),
        ({"revenue": 10e6, "revenue_max": 50e6}, "pass"),
        ({"revenue": 1e6, "revenue_max": 9e6}, "fail"),
    ]
    found = several(engine, cases, policy_with(icp={"criteria": {"money": money}}))
    assert [f["fit_gate"] for f in found] == [gate for _, gate in cases]


COUNTRIES = [
    ("Germany", "pass"), ("DE", "pass"), ("deu", "pass"), (" Deutschland ", "pass"),
    ("U.S.A.", "pass"), ("us", "pass"), ("United States of America", "pass"), ("UK", "pass"),
    ("England", "pass"), ("Holland", "pass"), ("Éire", "pass"), ("Chile", "fail"), ("CL", "fail"),
    ("Philipines", "fail"), ("Österreich", "fail"), ("Atlantis", "unknown"), ("EMEA", "unknown"),
    ("", "unknown"), (None, "unknown"),
]  # fmt: skip


def test_a_country_is_known_by_its_codes_names_and_common_slips(engine):
    cases = [({"country": word}, gate) for word, gate in COUNTRIES]
    found = several(engine, cases)
    assert [f["fit_gate"] for f in found] == [gate for _, gate in cases]


@pytest.mark.parametrize("word", ["Deutschland", "ALLEMAGNE", "germany", "D.E.", "DEU"])
def test_every_spelling_of_a_country_has_its_code(word):
    assert code(word) == "DE"


def test_no_spelling_stands_for_two_countries_and_regions_are_none():
    from mqa_platform.core import countries

    listed = [w for words in countries._SPELLINGS.values() for w in words]
    assert len(listed) == len(set(listed)) == len(UNDERSTOOD)
    assert len(countries._SPELLINGS) == 250
    assert all(code(w) is None for w in ("EMEA", "Europe", "California", ""))
    assert all(folded(w) == w for w in UNDERSTOOD)


INDUSTRIES = [
    ("Software", "pass"), ("computer software", "pass"), ("SaaS", "pass"), ("technolgy", "pass"),
    ("Hospital & Health Care", "pass"), ("Mining", "fail"), ("Oil & Energy", "fail"),
    ("Nebulous Things", "unknown"), ("Softwaer", "unknown"), (None, "unknown"),
]  # fmt: skip


def test_an_industry_is_what_the_policy_says_the_word_means(engine):
    cases = [({"industry": word}, gate) for word, gate in INDUSTRIES]
    assert [f["fit_gate"] for f in several(engine, cases)] == [gate for _, gate in cases]


def test_without_a_table_of_industries_every_word_is_taken_as_it_is(engine):
    cases = [({"industry": w}, g) for w, g in (("Software", "pass"), ("Nebulous Things", "fail"))]
    found = several(engine, cases, policy_with(icp={"industries": {}}))
    assert [f["fit_gate"] for f in found] == [gate for _, gate in cases]


def test_a_word_cannot_stand_for_two_industries():
    with pytest.raises(ValueError, match="stands for"):
        policy_with(icp={"industries": {"Software": ["IT"], "Services": ["it "]}})


def test_words_that_nobody_understands_are_counted(engine):
    cases = [({"industry": "Nebulous Things"},)] * 2 + [({"country": "Atlantis"},), ({},)]
    cases += [({"industry": "Gone", "valid_to": day(1)},)]

    def words(crm, t, policy):
        return unknown_words(accounts(crm, t, policy), policy.icp)

    rows = [{**ACME, "account_id": f"{i:03}", **changed} for i, (changed,) in enumerate(cases)]
    crm = engine.table(rows, crm_schema("landed_accounts"))
    found = words(crm, engine.table([], TOUCHPOINTS), default_policy())
    assert engine.rows(found, "field") == [
        {"field": "country", "word": "Atlantis", "accounts": 1},
        {"field": "industry", "word": "Nebulous Things", "accounts": 2},
    ]


def test_each_motion_judges_every_version_and_the_leading_one_is_the_accounts_own(engine):
    policy = default_policy()
    rows = [
        {**ACME, "employees": 150, "valid_to": day(5)},
        {**ACME, "employees": 300, "industry": "Mining", "valid_from": day(5)},
    ]
    crm = engine.table(rows, crm_schema("landed_accounts"))
    judged = engine.keep(judged_versions(crm, engine.table([], TOUCHPOINTS), policy))
    a, fit = engine.keep(led(judged, policy)), engine.keep(account_fit(judged, policy))
    gates = [
        (r["motion"], r["valid_from"], r["fit_gate"])
        for r in engine.rows(fit, "motion", "valid_from")
    ]
    # Expansion asks for two hundred people and no industry.
    assert gates == [
        ("expansion", day(-100), "fail"),
        ("expansion", day(5), "pass"),
        ("new_business", day(-100), "pass"),
        ("new_business", day(5), "fail"),
    ]
    assert [r["fit_gate"] for r in engine.rows(a, "valid_from")] == ["pass", "fail"]
    seen = in_motion(a, fit, "expansion")
    assert seen.columns == a.columns
    assert [r["fit_gate"] for r in engine.rows(seen, "valid_from")] == ["fail", "pass"]


def test_a_discovered_account_is_programmatic_whatever_its_size(engine):
    found = {"account_id": "domain:big.com", "touchpoint_date": day(0)}
    t = engine.table([found], TOUCHPOINTS)
    crm = engine.table([], crm_schema("landed_accounts"))
    policy = policy_with(icp={"tiers": [{"tier": "strategic"}]})
    (row,) = engine.rows(accounts(crm, t, policy))
    assert (row["is_discovered"], row["tier"]) == (True, "programmatic")


def test_whoever_meets_the_target_query_is_on_the_target_list(engine):
    query = {
        "size": {"field": "employees", "minimum": 400},
        "place": {"field": "country", "any_of": ["DE"]},
    }
    cases = [
        ({}, True),
        ({"country": "France"}, False),
        ({"country": "France", "is_target": True}, True),
        ({"employees": 201, "employees_max": 500}, False),
    ]
    found = several(engine, cases, policy_with(icp={"target_query": query}))
    assert [f["is_target"] for f in found] == [on for _, on in cases]
