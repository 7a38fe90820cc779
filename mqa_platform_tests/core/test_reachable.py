"""The contacts of an account on a day: their role, and who may not be contacted and why."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core.committees import committees
from mqa_platform.core.reachable import contacts_of, refusals
from mqa_platform_tests.core.engine import (
    TOUCHPOINTS,
    at,
    crm_schema,
    day,
    default_policy,
    landed_schema,
    touch,
)

ROLES = load_contracts()["crm_contact_roles"].arrow_schema
SUBJECT_SCHEMA = pa.schema(
    [("subject_id", pa.string()), ("account_id", pa.string()), ("on_day", pa.date32())]
)
SEEN_SCHEMA = pa.schema([("subject_id", pa.string()), ("contact_id", pa.string())])
SUBJECT = {"subject_id": "h1", "account_id": "acme", "on_day": day(0)}


def contact(contact_id, **changed):
    return {
        "contact_id": contact_id, "account_id": "acme", "person_ref": f"email:{contact_id}",
        "name": contact_id.title(), "do_not_contact": False, "is_deleted": False,
        "valid_from": date(2020, 1, 1), **changed,
    }  # fmt: skip


def refused(engine, contacts, consents=(), touches=()):
    return engine.keep(
        refusals(
            engine.table(contacts, crm_schema("landed_contacts")),
            engine.table(consents, landed_schema("landed_consents"), kind="person", batch_id="b"),
            engine.table(touches, TOUCHPOINTS),
        )
    )


def found(engine, contacts, roles=(), consents=(), touches=(), seen=None, subject=SUBJECT):
    schema = engine.table([subject], SUBJECT_SCHEMA)
    said = None if seen is None else engine.table(seen, SEEN_SCHEMA)
    t = contacts_of(
        schema,
        engine.table(contacts, crm_schema("landed_contacts")),
        engine.table(roles, ROLES, is_deleted=False, valid_from=date(2020, 1, 1)),
        refused(engine, contacts, consents, touches),
        default_policy(),
        said,
    )
    return {r["contact_id"]: r for r in engine.rows(t)}


@pytest.mark.parametrize(
    ("changed", "consents", "touches", "why"),
    [
        ({}, [], [], None),
        ({"do_not_contact": True}, [], [], "do_not_contact"),
        ({"person_ref": None}, [], [], "no_address"),
        ({}, [{"ref": "email:jane", "status": "denied", "changed_at": at(-3)}], [], "consent_denied"),
        ({}, [{"ref": "email:jane", "status": "denied", "changed_at": at(-3)},
              {"ref": "email:jane", "status": "granted", "changed_at": at(-2)}], [], None),
        ({}, [], [touch(-4, "unsubscribe", person_id="jane")], "unsubscribed"),
        ({}, [{"ref": "email:jane", "status": "granted", "changed_at": at(-2)}],
         [touch(-4, "unsubscribe", person_id="jane")], None),
        ({}, [{"ref": "email:jane", "status": "granted", "changed_at": at(-5)}],
         [touch(-4, "unsubscribe", person_id="jane")], "unsubscribed"),
        ({}, [], [touch(-4, "email_reply_or_click", person_id="jane")], None),
    ],
)  # fmt: skip
def test_who_may_not_be_contacted_is_said_with_the_reason(engine, changed, consents, touches, why):
    row = found(engine, [contact("jane", **changed)], (), consents, touches)["jane"]
    assert (row["reachable"], row["why_not"]) == (why is None, why)


@pytest.mark.parametrize(
    ("title", "said", "role"),
    [
        ("CFO", None, "economic_buyer"),
        ("VP Data", None, "technical_buyer"),
        ("Vice President of Engineering", None, "technical_buyer"),
        ("Senior Vice President Sales", None, "other"),
        ("President and CEO", None, "economic_buyer"),
        ("Founder, President", None, "economic_buyer"),
        ("Procurement Manager", None, "procurement"),
        ("Data Engineer", None, "user"),
        ("Data Engineer", "Economic Buyer", "economic_buyer"),
        ("Poet", "something of ours", "other"),
        ("Astronaut", None, "other"),
        (None, None, "other"),
    ],
)
def test_the_role_is_the_crms_word_else_the_titles(engine, title, said, role):
    roles = [{"role_id": "r", "contact_id": "jane", "role": said}] if said else []
    assert found(engine, [contact("jane", title=title)], roles)["jane"]["role"] == role


def test_of_several_roles_the_primary_counts_and_a_deleted_one_never(engine):
    roles = [
        {"role_id": "a", "contact_id": "jane", "role": "User", "is_primary": False},
        {"role_id": "b", "contact_id": "jane", "role": "Champion", "is_primary": True},
        {"role_id": "c", "contact_id": "jane", "role": "Procurement", "is_primary": True,
         "is_deleted": True},
    ]  # fmt: skip
    assert found(engine, [contact("jane")], roles)["jane"]["role"] == "champion"


def test_title_and_account_are_those_of_the_day(engine):
    versions = [
        contact("jane", title="Data Engineer", valid_to=day(5)),
        contact("jane", title="CFO", account_id="other", valid_from=day(5)),
    ]
    assert found(engine, versions)["jane"]["role"] == "user"
    later = {**SUBJECT, "on_day": day(6)}
    assert found(engine, versions, subject=later) == {}


def test_who_acted_for_the_account_is_told_although_filed_elsewhere(engine):
    seen = [{"subject_id": "h1", "contact_id": "jane"}]
    away = [contact("jane", account_id="other"), contact("bob")]
    assert set(found(engine, away, seen=seen)) == {"jane", "bob"}


def test_a_deleted_contact_is_none(engine):
    assert found(engine, [contact("jane", is_deleted=True)]) == {}


def test_the_published_committee_has_a_row_a_contact_with_the_columns_of_its_contract(engine):
    contacts = [contact("jane", title="CTO"), contact("lost", account_id=None),
                contact("bob", do_not_contact=True)]  # fmt: skip
    t = committees(
        engine.table(contacts, crm_schema("landed_contacts")),
        engine.table([], ROLES),
        refused(engine, contacts),
        default_policy(),
        day(0),
    )
    assert list(t.columns) == [c.name for c in load_contracts()["committees"].columns]
    told = [(r["contact_id"], r["role"], r["why_not"]) for r in engine.rows(t, "contact_id")]
    assert told == [("bob", "other", "do_not_contact"), ("jane", "technical_buyer", None)]
