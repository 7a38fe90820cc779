"""Whose contact somebody is: accounts that are gone, contacts of two companies, old records, our own side."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mqa_platform.core.contact_reviews import contact_reviews
from mqa_platform.core.crm import history
from mqa_platform.core.domains import CONTACT
from mqa_platform.core.hierarchy import MERGE
from mqa_platform.core.known import known
from mqa_platform_tests.core.engine import (
    at,
    crm_schema,
    day,
    default_policy,
    landed_schema,
)
from mqa_platform_tests.core.identity_cases import ACCOUNTS, CONTACTS
from mqa_platform_tests.core.test_identity import answers

CRM = [
    *ACCOUNTS,
    {"account_id": "zeta", "name": "Zeta Works", "domain": "zeta.com"},
    {"account_id": "zeta2", "name": "Zeta Works", "domain": "zeta.com", "valid_to": day(-50)},
    {"account_id": "zeta2", "name": "Zeta Works", "valid_from": day(-50), "is_deleted": True},
    {"account_id": "rv", "name": "Rival Stack", "domain": "rival.com", "aliases": "rivals.io"},
    {"account_id": "us", "name": "Our Own Firm", "domain": "us.com"},
    {"account_id": "ally", "name": "Ally Friends", "domain": "friend.com", "valid_from": day(0)},
    {"account_id": "ally", "name": "Ally Friends", "domain": "allied.com", "valid_to": day(0)},
]  # fmt: skip
STAFF = [
    *CONTACTS,
    {"contact_id": "kx", "account_id": "left", "person_ref": "email:kx"},
    {"contact_id": "ky", "account_id": "never-delivered", "person_ref": "email:ky"},
    {"contact_id": "kz1", "account_id": "acme", "person_ref": "email:kz"},
    {"contact_id": "kz2", "account_id": "same1", "person_ref": "email:kz"},
    {"contact_id": "kw1", "account_id": "acme", "person_ref": "email:kw"},
    {"contact_id": "kw2", "account_id": "acme", "person_ref": "email:kw"},
    {"contact_id": "kv1", "account_id": "left", "person_ref": "email:kv"},
    {"contact_id": "kv2", "account_id": "same1", "person_ref": "email:kv"},
    {"contact_id": "kr", "account_id": "rv", "person_ref": "email:kr"},
    {"contact_id": "ku", "account_id": "us", "person_ref": "email:ku"},
    {"contact_id": "ka", "account_id": "ally", "person_ref": "email:ka"},
]
GMAIL = {"email_domain": "gmail.com"}
CASES = {
    "contact of a deleted account": ({"person_key": "email:kx"}, "no_match"),
    "contact of a deleted account, before it was": (
        {"person_key": "email:kx", "signal_date": day(-60)}, ("left", "crm_contact")),
    "contact of a deleted account, with its mail": (
        {"person_key": "email:kx", "email_domain": "left.com"},
        ("domain:left.com", "email_domain")),
    "contact of an account that was never delivered": ({"person_key": "email:ky"}, "no_match"),
    "one address, contact of two companies, one of which has the domain": (
        {"person_key": "email:kz", "email_domain": "same1.com"}, ("same1", "crm_contact")),
    "one address, contact of two companies": ({"person_key": "email:kz", **GMAIL}, "tie_refused"),
    "one address, contact of two companies, at an office": (
        {"person_key": "email:kz", "ip": "10.0.0.5"}, ("acme", "office_ip")),
    "one address, contact of two companies, with a third one's mail": (
        {"person_key": "email:kz", "email_domain": "lone.com"}, ("lone", "email_domain")),
    "one address, twice a contact of one company": (
        {"person_key": "email:kw"}, ("acme", "crm_contact")),
    "one address, contact of a company and of one that is gone": (
        {"person_key": "email:kv"}, ("same1", "crm_contact")),
    "a competitor's contact with private mail": ({"person_key": "email:kr", **GMAIL}, "competitor"),
    "our own contact with private mail": ({"person_key": "email:ku", **GMAIL}, "internal"),
    "a competitor by name": ({"company_name": "Rival Stack"}, "competitor"),
    "a competitor by another domain": ({"company_domain": "rivals.io"}, "competitor"),
    "a competitor's contact at an office": (
        {"person_key": "email:kr", "ip": "10.0.0.5"}, "competitor"),
    "a partner's contact": ({"person_key": "email:ka"}, "partner"),
    "a partner's contact, before it took the domain": (
        {"person_key": "email:ka", "signal_date": day(-1)}, ("ally", "crm_contact")),
    "the name of a deleted account": ({"company_name": "Left Behind Foods"}, "no_match"),
    "a name that a deleted twin had as well": (
        {"company_name": "Zeta Works"}, ("zeta", "company_name")),
    "somebody known behind a bot's address": (
        {"person_key": "email:ann", "ip": "10.0.0.17"}, ("acme", "crm_contact")),
    "somebody known behind a bot's address, by mail": (
        {"person_key": "email:x", "email_domain": "same1.com", "ip": "10.0.0.17"},
        ("same1", "email_domain")),
    "somebody unknown behind a bot's address": (
        {"person_key": "email:x", **GMAIL, "ip": "10.0.0.17"}, "free_mail"),
}  # fmt: skip


@pytest.fixture(scope="module")
def found(engine):
    return answers(engine, CASES, crm=CRM, contacts=STAFF)


@pytest.mark.parametrize("name", CASES)
def test_a_contact_is_the_accounts_that_is_there_on_the_day(found, name):
    wanted = CASES[name][1]
    (row,) = found[name]
    if isinstance(wanted, str):
        assert (row["account_id"], row["resolution_rule"], row["reason"]) == (None, None, wanted)
        assert row["match_confidence"] is None
        assert row["evidence"] is None
    else:
        assert (row["account_id"], row["resolution_rule"], row["reason"]) == (*wanted, None)


WAITING = pa.schema(
    [(c, pa.date32() if c == "signal_date" else pa.string()) for c in
     ("signal_id", "signal_date", "person_key", "email_domain")]
)  # fmt: skip


def test_a_contact_of_two_companies_is_listed_with_both_while_signals_wait(engine):
    span = {"valid_from": day(-100), "is_deleted": False}
    accounts = engine.table(CRM, crm_schema("landed_accounts"), **span)
    contacts = engine.table(STAFF, crm_schema("landed_contacts"), **span)
    identities = engine.table([], landed_schema("landed_identities"))
    facts = known(accounts, identities, MERGE.empty_table(), CONTACT.empty_table(),
                  default_policy().identity, engine.apply)  # fmt: skip
    waiting = engine.table(
        [
            {"signal_id": "1", "person_key": "email:kz"},
            {"signal_id": "2", "person_key": "email:kz", "signal_date": day(3)},
            {"signal_id": "3", "person_key": "email:kz", "email_domain": "same1.com"},
            {"signal_id": "4", "person_key": "email:kv"},
            {"signal_id": "5", "person_key": "email:stranger"},
            {"signal_id": "6"},
        ],
        WAITING,
        signal_date=day(0),
    )
    free = engine.table([], pa.schema([("domain", pa.string())]))
    rows = engine.rows(contact_reviews(waiting, contacts, facts, free), "candidate")
    assert [(r["kind"], r["ref"], r["candidate"], r["signals"], r["last_seen"]) for r in rows] == [
        ("tie", "email:kz", "acme", 2, day(3)),
        ("tie", "email:kz", "same1", 2, day(3)),
    ]


def use(number, person, domain, on):
    """An earlier signal of a person."""
    return {"source": "x", "event_id": f"u{number}", "event_date": day(on), "occurred_at": at(on),
            "received_at": at(on), "event": "page_view", "direction": "inbound",
            "person_ref": person, "email_domain": domain, "is_bot_agent": False}  # fmt: skip


def staff(account, domain, number=3):
    """So many contacts with an address at the domain: enough to make it a company's."""
    return [
        {"contact_id": f"{account}{n}", "account_id": account, "person_ref": f"email:{account}{n}",
         "email_domain": domain}
        for n in range(number)
    ]  # fmt: skip


def one(contact, **more):
    """A contact of acme whom the CRM has not confirmed for 300 days."""
    return {"contact_id": contact, "account_id": "acme", "person_ref": f"email:{contact}",
            "valid_from": day(-300), **more}  # fmt: skip


def delivered(engine, contact, modified, created):
    """The version of a contact of acme that was delivered once."""
    row = {"source": "crm", "contact_id": contact, "account_id": "acme", "batch_id": "b",
           "modified_at": at(modified), "created_at": None if created is None else at(created),
           "is_deleted": False, "do_not_contact": False}  # fmt: skip
    landed = engine.table([row], landed_schema("landed_contacts"))
    return engine.rows(history(landed, "contact_id"))[0]


NOBODYS = {"gmail": "gmail.com", "ours": "us.com", "cable": "cablenet.com"}
STALE_CRM = [
    *ACCOUNTS,
    {"account_id": "beta", "name": "Beta Industries", "domain": "beta.com"},
    {"account_id": "sold", "name": "Sold Goods", "domain": "sold.com", "valid_to": day(50)},
    {"account_id": "sold", "name": "Sold Goods", "domain": "kept.com", "valid_from": day(50)},
    {"account_id": "taker", "name": "Taker", "domain": "sold.com", "valid_from": day(50)},
    {"account_id": "shut", "name": "Shut Down", "domain": "shut.com", "valid_to": day(-1)},
    {"account_id": "shut", "name": "Shut Down", "valid_from": day(-1), "is_deleted": True},
    *({"account_id": a, "name": f"Shop {a}", "domain": d} for a, d in NOBODYS.items()),
]
LEARNT = {"account_id": "beta", "email_domain": "beta.com", "valid_from": day(100)}
STALE = [
    *staff("beta", "beta.com"),
    *staff("sold", "sold.com"),
    *staff("shut", "shut.com"),
    *staff("acme", "acme.biz"),
    *(person for a, d in NOBODYS.items() for person in staff(a, d)),
    *(one(f"at {a}") for a in NOBODYS),
    one("moved"),
    one("to sold"),
    one("to shut"),
    one("twin's", account_id="dupe", email_domain="acme.biz"),
    one("told later", said_on=day(9)),
    one("now", email_domain="acme.com"),
    one("silent now", email_domain="acme.com"),
    one("learnt", email_domain="acme.com", valid_to=day(100)),
    one("learnt", **LEARNT),
    one("silent learnt", email_domain="acme.com", valid_to=day(100)),
    one("silent learnt", **LEARNT),
]
USES = [
    *(use(f"at {a}", f"email:at {a}", d, -1) for a, d in NOBODYS.items()),
    use("shut", "email:to shut", "shut.com", -9),
    *(use(f"{who} ours", f"email:{who}", "acme.com", -90) for who in ("silent now", "silent learnt")),
    *(use(f"{who} {n}", f"email:{who}", None, -60 + n)
      for who in ("silent now", "silent learnt") for n in range(8)),
]  # fmt: skip
# A contact of acme, the domain of the mail, and account, rule, confidence and evidence.
OLD = {
    "moved": ("beta.com", ("beta", "email_domain", 0.75, "new domain")),
    # Only later is it the domain of another company.
    "to sold": ("sold.com", ("sold", "email_domain", 0.75, "new domain")),
    "to shut": (None, (None, None, None, None)),
    **{f"at {a}": (None, ("acme", "crm_contact", 0.86, "no address")) for a in NOBODYS},
    "twin's": ("acme.biz", ("acme", "crm_contact", 1.0, None)),
    "told later": (None, ("acme", "crm_contact", 0.86, "no address")),
    # What the CRM learns later says nothing now.
    "now": (None, ("acme", "crm_contact", 0.84, "own address")),
    "learnt": (None, ("acme", "crm_contact", 0.84, "own address")),
    "silent now": (None, ("acme", "crm_contact", 0.45, "address stopped")),
    "silent learnt": (None, ("acme", "crm_contact", 0.45, "address stopped")),
    "delivered lately": (None, ("acme", "crm_contact", 1.0, None)),
    "made long ago": (None, ("acme", "crm_contact", 1.0, None)),
    "delivered long ago": (None, ("acme", "crm_contact", 0.86, "no address")),
}
DELIVERED = {
    "delivered lately": (-10, None),
    "made long ago": (-10, -900),
    "delivered long ago": (-250, None),
}


def asked(name):
    mail = {"email_domain": OLD[name][0]} if OLD[name][0] else {}
    return ({"person_key": f"contact:{name}", "occurred_at": at(0), **mail}, None)


@pytest.fixture(scope="module")
def old(engine):
    contacts = [*STALE, *(delivered(engine, name, *days) for name, days in DELIVERED.items())]
    cases = {name: asked(name) for name in OLD}
    return answers(engine, cases, crm=STALE_CRM, contacts=contacts, uses=USES)


@pytest.mark.parametrize("name", OLD)
def test_a_stale_contact_is_weighed_by_what_was_known_of_companies(old, name):
    account, rule, confidence, why = OLD[name][1]
    (row,) = old[name]
    told = (row["account_id"], row["resolution_rule"], row["match_confidence"])
    assert told == (account, rule, confidence)
    if rule:
        assert row["evidence"] == f"contact {name}" + (f", {why}" if why else "")


def test_a_version_keeps_the_day_on_which_it_was_told(engine):
    version = delivered(engine, "k", -10, -900)
    assert (version["valid_from"], version["said_on"]) == (day(-900), day(-10))


def test_without_the_domains_rule_nobody_moves(engine):
    cases = {"moved": asked("moved")}
    way = {"rules": ["crm_contact"]}
    (row,) = answers(engine, cases, way, crm=STALE_CRM, contacts=STALE, uses=USES)["moved"]
    assert (row["account_id"], row["resolution_rule"]) == ("acme", "crm_contact")
