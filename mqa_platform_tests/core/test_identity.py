"""Identity: every rule of the chain, every reason against one, and what is known as of the day."""

from __future__ import annotations

from collections import defaultdict

import pyarrow as pa
import pytest

from mqa_platform.core.evidence import Evidence
from mqa_platform.core.identity import resolve
from mqa_platform.core.matching import NAME_KEYS, ip_lookup
from mqa_platform_tests.core.engine import crm_schema, day, landed_schema, policy_with
from mqa_platform_tests.core.identity_cases import (
    ACCOUNTS,
    CASES,
    CONSENTS,
    CONTACTS,
    IDENTITIES,
    LISTED,
    POLICY,
    RANGES,
    SIGNALS,
)


def answers(engine, cases, identity=None, signals=None):
    """name → rows of the resolver, for cases as in CASES."""
    policy = policy_with(
        identity={**POLICY, **(identity or {})},
        signals={"unknown_consent_counts_as_anonymous": True, **(signals or {})},
    )
    asked = engine.table(
        [{"signal_id": name, **fields} for name, (fields, _) in cases.items()],
        SIGNALS,
        signal_date=day(0),
        consent="granted",
        is_bot_agent=False,
    )
    span = {"valid_from": day(-100), "is_deleted": False}
    accounts = engine.table(ACCOUNTS, crm_schema("landed_accounts"), **span)
    ranges = [
        {"kind": kind, "range_start": net * 2**24 + lo, "range_end": net * 2**24 + hi,
         "org": org, "org_key": org, "domain": domain, "asn": asn}
        for kind, net, lo, hi, org, domain, asn in RANGES
    ]  # fmt: skip
    ranges.append({"kind": "isp", "range_start": -1, "range_end": -1, "asn": 64502})
    known = engine.table(ranges, landed_schema("landed_ip_ranges")).to_pyarrow()
    ips = asked.filter(asked["ip"].notnull()).select("ip").distinct()
    names = accounts.select("name").union(asked.select(name="company_name")).distinct()
    evidence = Evidence(
        identities=engine.table(IDENTITIES, landed_schema("landed_identities")),
        contacts=engine.table(CONTACTS, crm_schema("landed_contacts"), **span),
        accounts=accounts,
        listed_domains=engine.keep_arrow(
            pa.table({"domain": [d for d, _ in LISTED], "kind": [k for _, k in LISTED]})
        ),
        ip_answers=engine.apply(ip_lookup(known), ips, "ip"),
        name_keys=engine.apply(NAME_KEYS, names, "name"),
        consents=engine.table(CONSENTS, landed_schema("landed_consents"), source="cmp"),
    )
    found = defaultdict(list)
    for row in engine.rows(resolve(asked, evidence, policy, engine.keep), "account_id"):
        found[row["signal_id"]].append(row)
    return found


@pytest.fixture(scope="module")
def found(engine):
    return answers(engine, CASES)


@pytest.mark.parametrize("name", CASES)
def test_a_signal_finds_its_account_or_the_reason_why_not(found, name):
    wanted = CASES[name][1]
    (row,) = found[name]
    if isinstance(wanted, str):
        assert (row["account_id"], row["resolution_rule"], row["reason"]) == (None, None, wanted)
    else:
        assert (row["account_id"], row["resolution_rule"], row["reason"]) == (*wanted, None)
        assert row["share"] == 1


@pytest.mark.parametrize(
    ("name", "person"),
    [
        ("contact", "k1"),
        ("lead", "k1"),
        ("stitched contact", "k1"),
        ("stitched person", "email:new"),
        ("mail", "email:x"),
        ("free mail behind an office", "email:free"),
        ("office", None),
        ("unknown consent at the office", None),
        ("denied", None),
        ("refused by mail", None),
        ("refused in a browser", None),
    ],
)
def test_a_person_is_the_contact_else_the_address_and_nobody_without_consent(found, name, person):
    assert found[name][0]["person_id"] == person
    assert found[name][0]["is_known_person"] is (person is not None)


def test_the_confidence_is_that_of_the_rule(found):
    from mqa_platform_tests.core.engine import default_policy

    confidence = default_policy().identity.confidence
    for rows in found.values():
        for row in rows:
            rule = row["resolution_rule"]
            assert row["match_confidence"] == (getattr(confidence, rule) if rule else None)


def some(*names):
    return {n: CASES[n] for n in names}


def test_policy_may_split_shared_domains_and_count_universities(engine):
    loose = {"shared_domains": "split", "exclude_education": False}
    found = answers(engine, some("tie", "student"), identity=loose)
    assert [(r["account_id"], r["share"], r["reason"]) for r in found["tie"]] == [
        ("one", 0.5, None),
        ("two", 0.5, None),
    ]
    assert found["student"][0]["account_id"] == "domain:other.edu"


def test_policy_may_refuse_unknown_domains_and_unknown_consent(engine):
    name = "unknown consent at the office"
    found = answers(
        engine,
        some("unknown domain", name),
        identity={"discovery": False},
        signals={"unknown_consent_counts_as_anonymous": False},
    )
    assert found["unknown domain"][0]["reason"] == "no_match"
    assert found[name][0]["reason"] == "no_consent"


def test_no_signal_depends_on_the_others(engine, found):
    names = ("mail", "office", "tie")
    alone = answers(engine, some(*names))
    assert {n: alone[n] for n in names} == {n: found[n] for n in names}
