"""Identity: every rule of the chain, every reason against one, and what is known as of the day."""

from __future__ import annotations

from collections import defaultdict

import pyarrow as pa
import pytest

from mqa_platform.core import link_scanners as scanners
from mqa_platform.core.bots import BOT_DAY
from mqa_platform.core.domains import CONTACT
from mqa_platform.core.evidence import Behaviour, Evidence
from mqa_platform.core.exclusions import REASONS
from mqa_platform.core.hierarchy import MERGE
from mqa_platform.core.identity import resolve
from mqa_platform.core.ip_owners import ip_lookup
from mqa_platform.core.known import known, rival_contacts
from mqa_platform.core.matching import NAME_KEYS
from mqa_platform.sources.names import registrable_domain
from mqa_platform_tests.core.engine import crm_schema, day, landed_schema, policy_with
from mqa_platform_tests.core.identity_cases import (
    ACCOUNTS,
    BOT_DAYS,
    CASES,
    CONSENTS,
    CONTACTS,
    IDENTITIES,
    LISTED,
    MERGES,
    POLICY,
    RANGES,
    SCANNED,
    SHARED_IPS,
    SIGNALS,
    WIDE_RANGES,
)

SHARED_IP = pa.schema([("shared_ip", pa.string()), ("shared_day", pa.date32())])


def answers(
    engine, cases, identity=None, signals=None, crm=ACCOUNTS, linked=IDENTITIES, contacts=CONTACTS,
    uses=None,
):  # fmt: skip
    """name → rows of the resolver, for cases as in CASES, in the world of the cases or another.

    With ``uses``, earlier signals, the CRM may be stale.
    """
    policy = policy_with(
        identity={**POLICY, **(identity or {})},
        signals={"unknown_consent_counts_as_anonymous": True, **(signals or {})},
    )
    asked = engine.table(
        [{"signal_id": name, **fields} for name, (fields, _) in cases.items()],
        SIGNALS,
        signal_date=day(0),
        event="page_view",
        direction="inbound",
        consent="granted",
        is_bot_agent=False,
    )
    span = {"valid_from": day(-100), "is_deleted": False}
    accounts = engine.table(crm, crm_schema("landed_accounts"), **span)
    ranges = [
        {"kind": kind, "range_start": net * 2**24 + lo, "range_end": net * 2**24 + hi,
         "org": org, "org_key": org, "domain": domain, "asn": asn}
        for kind, net, lo, hi, org, domain, asn in RANGES
    ]  # fmt: skip
    ranges += [{"range_start": -1, "range_end": -1, **row} for row in WIDE_RANGES]
    ranges.append({"kind": "isp", "range_start": -1, "range_end": -1, "asn": 64502})
    located = engine.table(ranges, landed_schema("landed_ip_ranges")).to_pyarrow()
    ips = asked.filter(asked["ip"].notnull()).select("ip").distinct()
    names = accounts.select("name").union(asked.select(name="company_name")).distinct()
    identities = engine.table(linked, landed_schema("landed_identities"))
    contacts = engine.table(contacts, crm_schema("landed_contacts"), **span)
    merges = pa.Table.from_pylist(MERGES, schema=MERGE)
    held = engine.con.to_pyarrow(rival_contacts(contacts, accounts, policy.identity)).cast(CONTACT)
    listed = engine.keep_arrow(
        pa.table({"domain": [d for d, _ in LISTED], "kind": [k for _, k in LISTED]})
    )
    evidence = Evidence(
        identities=identities,
        contacts=contacts,
        accounts=accounts,
        listed_domains=listed,
        ip_answers=engine.apply(ip_lookup(located), ips, "ip"),
        name_keys=engine.apply(NAME_KEYS, names, "name"),
        consents=engine.table(CONSENTS, landed_schema("landed_consents"), source="cmp"),
        behaviour=Behaviour(
            bot_days=engine.table(BOT_DAYS, BOT_DAY),
            scanned=engine.table(SCANNED, scanners.SCANNED),
            shared_ips=engine.table(SHARED_IPS, SHARED_IP),
        ),
        known=known(accounts, identities, merges, held, policy.identity, engine.apply, listed),
        uses=None if uses is None else engine.table(uses, landed_schema("landed_signals")),
    )
    apply = None if uses is None else engine.apply
    found = defaultdict(list)
    for row in engine.rows(resolve(asked, evidence, policy, engine.keep, apply), "account_id"):
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
    found = answers(engine, some("tie", "student", "office of a tied domain"), identity=loose)
    for name in ("tie", "office of a tied domain"):
        assert [(r["account_id"], r["share"], r["reason"]) for r in found[name]] == [
            ("one", 0.5, None),
            ("two", 0.5, None),
        ]
    assert found["student"][0]["account_id"] == "domain:other.edu"


def test_policy_may_give_a_shared_domain_to_one_account_and_its_office_with_it(engine):
    found = answers(
        engine, some("tie", "office of a tied domain"), identity={"shared_domains": "pick"}
    )
    assert {(r["account_id"], r["share"]) for (r,) in found.values()} == {("one", 1.0)}


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


@pytest.mark.parametrize(
    ("name", "evidence"),
    [
        ("contact", "contact k1"),
        ("mail", "address at acme.com"),
        ("stitched contact", "browser of contact k1"),
        ("stitched person", "browser of an address at acme.de"),
        ("company domain", "company domain acme.com"),
        ("company name", "company name acme"),
        ("host", "host of acme.com"),
        ("host by reverse dns", "reverse DNS acme.com"),
        ("office", "office range 10.0.0.0/24"),
        ("office under two domains of one account", "office range 47.0.0.0/24"),
        ("office of version 6", "office range 2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("office while it is rented", "office range 31.0.0.0/24"),
        ("network", "network of acme"),
        ("tie", None),
    ],
)
def test_a_match_says_what_it_went_by(found, name, evidence):
    assert found[name][0]["evidence"] == evidence


def test_every_match_has_evidence_and_every_other_signal_a_reason(found):
    for rows in found.values():
        for row in rows:
            assert (row["evidence"] is None) == (row["resolution_rule"] is None)
            assert (row["reason"] is None) == (row["account_id"] is not None)
            assert row["reason"] is None or row["reason"] in REASONS


def test_the_policy_orders_the_rules(engine):
    name = "contact before domain"
    rules = ["email_domain", "crm_contact"]
    turned = answers(engine, some(name, "contact", "office", "host", "office of two"), identity={
        "rules": rules, "shared_domains": "split"})  # fmt: skip
    assert {r["resolution_rule"] for r in turned[name]} == {"email_domain"}
    assert turned["contact"][0]["resolution_rule"] == "crm_contact"
    # What is not listed never speaks, and nobody waits for its answer.
    assert turned["office"][0]["reason"] == "no_match"
    assert turned["office of two"][0]["reason"] == "no_match"
    assert turned["host"][0]["reason"] == "no_match"


def test_domains_that_look_alike_are_different_companies(engine):
    domains = ("acme.com", "acrne.com", "acme.cm", "acmee.com", "acme-inc.com", "acme.org")
    cases = {d: ({"person_key": "email:x", "email_domain": d}, None) for d in domains}
    found = answers(engine, cases)
    assert {d: found[d][0]["account_id"] for d in domains} == {
        d: "acme" if d == "acme.com" else f"domain:{d}" for d in domains
    }


@pytest.mark.parametrize("suffix", ["github.io", "blogspot.com", "co.uk", "com.au"])
def test_two_tenants_of_one_suffix_are_two_companies(engine, suffix):
    """Of a private suffix as of a public one, and the owner of the suffix is a third."""
    hosts = [f"acme.{suffix}", f"other.{suffix}", f"www.acme.{suffix}"]
    cases = {
        h: ({"person_key": "email:x", "email_domain": registrable_domain(h)}, None) for h in hosts
    }
    cases["owner"] = ({"email_domain": registrable_domain(suffix)}, None)
    found = {name: rows[0]["account_id"] for name, rows in answers(engine, cases).items()}
    first, second, third = (found[h] for h in hosts)
    assert (first, second) == (f"domain:acme.{suffix}", f"domain:other.{suffix}")
    assert third == first
    assert found["owner"] not in (first, second)


# What excludes a visitor, whatever else the signal says of them.
EXCLUDING = {
    "bot": {"is_bot_agent": True},
    "crawler": {"ip": "38.0.0.1"},
    "behaviour": {"anonymous_id": "c-machine"},
    "own staff": {"email_domain": "us.com"},
    "own host": {"host": "gw.us.com", "host_domain": "us.com"},
    "own office": {"ip": "33.0.0.1"},
    "competitor": {"company_domain": "rival.com"},
    "student": {"email_domain": "other.edu"},
    "refused": {"consent": "denied"},
}
MATCHING = [fields for fields, wanted in CASES.values() if isinstance(wanted, tuple)]


def test_an_exclusion_wins_over_every_match(engine):
    cases = {
        f"{name} {i}": ({**fields, "signal_date": day(0), **against}, None)
        for i, fields in enumerate(MATCHING)
        for name, against in EXCLUDING.items()
    }
    found = answers(engine, cases)
    assert {name for name in cases if found[name][0]["account_id"] is not None} == set()


def test_the_order_of_signals_means_nothing(engine, found):
    backwards = answers(engine, dict(reversed(CASES.items())))
    assert dict(backwards) == dict(found)
