"""Enrichment: which side of a field is believed, as of the day and never ahead of it."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_platform.core.company_names import clean_company_name
from mqa_platform.core.enrichment import enrichment
from mqa_platform_tests.core.engine import at, day, landed_schema, policy_with, touch
from mqa_platform_tests.core.outside_cases import ACCOUNT, DAYS, made, on, origins, record

Rows = list[dict[str, Any]]
World = tuple[Rows, Rows]
CRM_500 = {"employees": 500}


def believing(rule: str):
    return policy_with(icp={"precedence": {"employees": rule, "industry": rule}})


def test_a_field_that_the_crm_lacks_is_taken_from_the_vendor_since_it_said_so():
    found = made({"industry": "Software"}, records=[record(3, employees=400, industry="Retail")])
    assert [(r["valid_from"], r["valid_to"], r["employees"]) for r in found] == [
        (day(0), day(3), None),
        (day(3), None, 400),
    ]
    assert origins(found[0]) == {"industry": "crm"}
    assert origins(found[1]) == {"industry": "crm", "employees": "clearbit"}


def test_a_band_comes_and_goes_with_the_side_that_gave_it():
    records = [record(3, employees=51, employees_max=200), record(6, employees=120)]
    found = made({"valid_to": day(9)}, {"valid_from": day(9), "employees": 99}, records=records)
    ends = [
        (on(found, day(n))["employees"], on(found, day(n))["employees_max"]) for n in (2, 4, 7, 9)
    ]
    # A number after a band, and the CRM's own number after both, have no upper end.
    assert ends == [(None, None), (51, 200), (120, None), (99, None)]
    assert [on(found, day(n))["failed_criteria"] for n in (4, 7, 9)] == ["", "", "company_size"]


RULES = [("crm_first", 500), ("enrichment_first", 400), ("newest", 400)]


@pytest.mark.parametrize(("rule", "employees"), RULES)
def test_policy_says_whom_to_believe(rule, employees):
    found = made(CRM_500, records=[record(3, employees=400)], policy=believing(rule))
    assert on(found, day(2))["employees"] == 500
    assert on(found, day(3))["employees"] == employees


def test_the_newest_side_is_the_one_whose_value_changed_last():
    versions = (
        {**CRM_500, "valid_to": day(4), "owner_id": "ann"},
        # Another owner is no news about the headcount; day 8 is.
        {**CRM_500, "valid_from": day(4), "valid_to": day(8), "owner_id": "bob"},
        {"employees": 600, "valid_from": day(8)},
    )
    records = [record(n, employees=400) for n in (2, 9)]
    found = made(*versions, records=records, policy=believing("newest"))
    seen = [on(found, day(n))["employees"] for n in (1, 2, 4, 8, 10)]
    # The vendor repeats itself on day 9: that is no news either.
    assert seen == [500, 400, 400, 600, 600]


def test_an_empty_field_of_a_vendor_takes_nothing_back():
    found = made({}, records=[record(1, employees=400), record(5, employees=None, country="Chile")])
    assert (on(found, day(6))["employees"], on(found, day(6))["country"]) == (400, "Chile")


def test_of_several_vendors_the_newest_record_counts_and_on_one_day_the_first_by_name():
    records = [
        record(1, source="zoom", employees=1),
        record(3, source="apollo", employees=2),
        record(5, source="zoom", employees=3),
        record(5, source="apollo", employees=4),
    ]
    found = made({}, records=records)
    seen = [(on(found, day(n))["employees"], origins(on(found, day(n)))) for n in (2, 4, 6)]
    assert seen == [
        (1, {"employees": "zoom"}),
        (2, {"employees": "apollo"}),
        (4, {"employees": "apollo"}),
    ]


def test_bought_facts_open_and_close_the_gate_from_their_day_on():
    good = {"industry": "Software", "country": "Germany"}
    records = [record(3, employees=400), record(6, employees=5)]
    found = made(good, records=records)
    assert [on(found, day(n))["fit_gate"] for n in (2, 3, 6)] == ["unknown", "pass", "fail"]
    assert "employees" in on(found, day(2))["missing_fields"]


def test_a_discovered_account_gets_a_known_fit():
    facts = {"employees": 400, "industry": "Software", "country": "Germany"}
    seen = [touch(1, account_id="domain:fresh.io")]
    records = [record(4, domain="fresh.io", **facts)]
    found = made({}, records=records, touchpoints=seen)
    fresh = [on(found, day(n), "domain:fresh.io")["fit_gate"] for n in (1, 4)]
    assert fresh == ["unknown", "pass"]


MATCHES = [
    ("a CRM id is about that account alone", {"account_id": "acme", "domain": "other.com"}, True),
    ("whatever its domain says", {"account_id": "other", "domain": "acme.com"}, False),
    (
        "a name, where nobody gives a domain",
        {"domain": None, "company_name": "The ACME Inc."},
        True,
    ),
    ("never a name against a domain", {"domain": "acme.io", "company_name": "Acme"}, False),
    ("another name", {"domain": None, "company_name": "Acne"}, False),
    ("nobody", {"domain": None, "company_name": None}, False),
]


@pytest.mark.parametrize(("why", "named", "is_found"), MATCHES, ids=[m[0] for m in MATCHES])
def test_a_record_is_about_the_account_that_it_names(why, named, is_found):
    found = made({}, records=[record(1, employees=400, **named)])
    assert on(found, day(2))["employees"] == (400 if is_found else None)


def test_a_name_that_two_accounts_carry_is_neithers_while_both_do():
    twin = {"account_id": "twin", "domain": None, "valid_from": day(4), "valid_to": day(8)}
    records = [record(1, domain=None, company_name="Acme", employees=400)]
    found = made({}, twin, records=records)
    assert [on(found, day(n))["employees"] for n in (2, 5, 9)] == [400, None, 400]


def test_a_version_in_which_nothing_changes_is_not_cut():
    records = [record(n, employees=n) for n in range(1, 6)]
    found = made(CRM_500, records=records)
    assert [(r["valid_from"], r["valid_to"]) for r in found] == [(day(0), None)]


def test_a_file_that_repeats_the_last_one_opens_no_version(engine):
    landed = [record(n, employees=400) for n in (1, 4, 9)] + [record(6, employees=410)]
    t = enrichment(engine.table(landed, landed_schema("landed_enrichment")))
    found = [(r["valid_from"], r["valid_to"], r["employees"]) for r in engine.rows(t, "valid_from")]
    assert found == [(day(1), day(6), 400), (day(6), day(9), 410), (day(9), None, 400)]


NAMES = ("Acme", "Acme GmbH", "Beta", None)
DOMAINS = ("acme.com", "beta.com", None)


NAMING = ("account_id", "domain", "name", "company_name", "record_id")
HISTORY = (
    [[(0, None)]] * 2
    + [[(0, c), (c, None)] for c in (3, 7)]
    + [[(0, 4), (4, 9), (9, None)], [(2, 8)]]
)
RECORD = st.builds(
    record,
    st.integers(0, DAYS),
    source=st.sampled_from(["clearbit", "zoom"]),
    record_id=st.sampled_from(["r1", "r2"]),
    account_id=st.sampled_from([None, None, "acme", "gone"]),
    domain=st.sampled_from(DOMAINS),
    company_name=st.sampled_from(NAMES),
    employees=st.sampled_from([None, 100, 300, 400]),
    industry=st.sampled_from([None, "Software", "Retail"]),
)


@st.composite
def one_world(draw) -> World:
    """Versions of up to three accounts, and records of two vendors about them."""
    versions = []
    for account_id in ("acme", "beta", "twin")[: draw(st.integers(1, 3))]:
        for start, end in draw(st.sampled_from(HISTORY)):
            versions.append(
                {
                    **ACCOUNT,
                    "account_id": account_id,
                    "name": draw(st.sampled_from(NAMES[:3])),
                    "domain": draw(st.sampled_from(DOMAINS)),
                    "employees": draw(st.sampled_from([None, 100, 200])),
                    "industry": draw(st.sampled_from([None, "", "Retail"])),
                    "valid_from": day(start),
                    "valid_to": None if end is None else day(end),
                }
            )
    records = draw(st.lists(RECORD, max_size=7))
    # Two records of one vendor's id at one moment would be told apart by their content alone.
    unique = {(r["source"], r["record_id"], r["modified_at"]): r for r in records}
    return versions, list(unique.values())


def apart(number: int, rows: Rows) -> Rows:
    """The rows under names of their own, so that many worlds fit into one question."""
    return [
        {c: f"w{number}{v}" if v and c in NAMING else v for c, v in row.items()} for row in rows
    ]


@st.composite
def worlds(draw) -> list[World]:
    """A dozen worlds, each with names of its own: to ask costs the same for one as for many."""
    drawn = draw(st.lists(one_world(), min_size=12, max_size=12))
    return [(apart(n, versions), apart(n, records)) for n, (versions, records) in enumerate(drawn)]


def told(many: list[World]) -> World:
    """All versions and all records."""
    return [v for versions, _ in many for v in versions], [
        r for _, records in many for r in records
    ]


def vendor_says(field: str, account: dict, when, versions, records) -> tuple[Any, str, Any] | None:
    """(value, source, since) by replaying the records one by one: the rule, spelled out naively."""
    alive = [
        v
        for v in versions
        if v["valid_from"] <= when and (v["valid_to"] or when + timedelta(1)) > when
    ]
    key = clean_company_name(account["name"])
    alone = sum(clean_company_name(v["name"]) == key for v in alive) == 1

    def about(r: dict) -> str | None:
        if r["account_id"]:
            return "id" if r["account_id"] == account["account_id"] else None
        if r["domain"] and account["domain"]:
            return "domain" if r["domain"] == account["domain"] else None
        named = r["company_name"] and clean_company_name(r["company_name"]) == key
        return f"name of {r['domain']}" if named and alone else None

    told: dict[str, tuple[Any, str, Any]] = {}
    for r in sorted(records, key=lambda r: (r["modified_at"].date(), r["source"], r["record_id"])):
        group = about(r)
        if group is None or r[field] is None or r["modified_at"].date() > when:
            continue
        before = told.get(group)
        if before and before[3] == r["modified_at"].date():
            continue
        value = before[:3] if before and before[0] == r[field] else None
        since = value or (r[field], r["source"], r["modified_at"].date())
        told[group] = (*since, r["modified_at"].date())
    best = sorted(told.items(), key=lambda item: (-item[1][2].toordinal(), item[1][1], item[0]))
    return best[0][1][:3] if best else None


def judge(rule: str, v: dict, row: dict, said: tuple[Any, str, Any] | None) -> None:
    """One account on one day against what the vendors said of it up to that day."""
    mine, sides = v["employees"], origins(row)
    assert row["employees"] in (mine, said[0] if said else None)
    if said and (mine is None or rule == "enrichment_first"):
        assert (row["employees"], sides["employees"]) == said[:2]
    elif not said or rule == "crm_first":
        assert row["employees"] == mine
    assert ("employees" in sides) == (row["employees"] is not None)
    assert ("industry" in sides) == (row["industry"] is not None)


@settings(max_examples=4, deadline=None)
@given(many=worlds(), rule=st.sampled_from([r for r, _ in RULES]))
def test_every_day_says_what_a_replay_of_the_records_up_to_it_says(many, rule):
    versions, records = told(many)
    found = made(*versions, records=records, policy=believing(rule))
    for mine, about in many:
        for v, number in product(mine, range(DAYS + 2)):
            when = day(number)
            if v["valid_from"] <= when and (v["valid_to"] is None or when < v["valid_to"]):
                said = vendor_says("employees", v, when, mine, about)
                judge(rule, v, on(found, when, v["account_id"]), said)


@settings(max_examples=4, deadline=None)
@given(many=worlds(), rule=st.sampled_from([r for r, _ in RULES]), until=st.integers(0, DAYS))
def test_no_day_knows_what_is_said_after_it(many, rule, until):
    versions, records = told(many)
    whole = made(*versions, records=records, policy=believing(rule))
    end = day(until)
    known = [
        {**v, "valid_to": None if v["valid_to"] and v["valid_to"] > end else v["valid_to"]}
        for v in versions
        if v["valid_from"] <= end
    ]
    early = [r for r in records if r["modified_at"] < at(until + 1, 0)]
    part = made(*known, records=early, policy=believing(rule))
    for account_id, number in product({v["account_id"] for v in versions}, range(until + 1)):
        both = [on(found, day(number), account_id) for found in (whole, part)]
        says = [r and {c: x for c, x in r.items() if not c.startswith("valid_")} for r in both]
        assert says[0] == says[1]


@settings(max_examples=3, deadline=None)
@given(many=worlds(), data=st.data())
def test_batches_and_their_order_make_no_difference(many, data):
    versions, records = told(many)
    again = [
        {**r, "batch_id": data.draw(st.sampled_from("abc"))}
        for r in data.draw(st.permutations(records)) + records[:2]
    ]
    assert made(*versions, records=records) == made(*versions, records=again)
