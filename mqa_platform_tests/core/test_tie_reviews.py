"""Names and offices that several accounts claim stand in the reviews, with what waits for an answer."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mqa_platform.core.domains import CONTACT
from mqa_platform.core.hierarchy import MERGE
from mqa_platform.core.ip_owners import IP_ANSWER
from mqa_platform.core.known import known
from mqa_platform.core.matching import NAME_KEY
from mqa_platform.core.reviews import identity_reviews
from mqa_platform.core.tie_reviews import office_domains, tie_reviews
from mqa_platform.core.ties import carriers, settled_names
from mqa_platform.policy.identity import Identity
from mqa_platform_tests.core.engine import crm_schema, day, landed_schema

WAITING = pa.schema(
    [("signal_id", pa.string()), ("signal_date", pa.date32()), ("company_name", pa.string()),
     ("ip", pa.string())]
)  # fmt: skip
SIGNAL = pa.schema(
    [*WAITING, *((c, pa.string()) for c in
     ("person_key", "anonymous_id", "email_domain", "company_domain", "host_domain"))]
)  # fmt: skip
LOST = pa.schema([("signal_id", pa.string()), ("reason", pa.string())])
ACCOUNTS = [
    {"account_id": "one", "name": "Twin Inc", "domain": "twin.com"},
    {"account_id": "two", "name": "Twin GmbH", "domain": "twin.com"},
    {"account_id": "acme", "name": "Acme", "domain": "acme.com"},
]
KEYS = [
    {"name": name, "name_key": key}
    for name, key in (
        ("Twin Inc", "twin"), ("Twin GmbH", "twin"), ("Acme", "acme"), ("TWIN, Ltd.", "twin"))
]  # fmt: skip
# What every list says of each address, from the day on that the signals of day 3 are of.
BOTH = (
    "2026-01-03|9999-12-31|acme.com|acme|192.0.2.0/24\n2026-01-03|9999-12-31|twin.com||192.0.2.0/24"
)
ANSWERS = [
    {"ip": "two companies", "dated_offices": BOTH},
    {"ip": "tied domain", "office_domain": "twin.com", "office_range": "198.51.100.0/24"},
    {"ip": "tied name", "office_key": "twin", "office_range": "203.0.113.0/24"},
    {"ip": "network", "asn_key": "twin"},
    {"ip": "acme", "office_key": "acme"},
]
SIGNALS = [
    {"signal_id": "given", "company_name": "TWIN, Ltd."},
    {"signal_id": "both", "company_name": "Twin Inc", "ip": "network", "signal_date": day(4)},
    {"signal_id": "by name", "ip": "tied name", "signal_date": day(5)},
    {"signal_id": "listed", "ip": "two companies"},
    {"signal_id": "before", "ip": "two companies", "signal_date": day(1)},
    {"signal_id": "by domain", "ip": "tied domain", "email_domain": "twin.com"},
    {"signal_id": "other", "company_name": "Acme", "ip": "acme"},
]


@pytest.fixture(scope="module")
def world(engine):
    crm = engine.table(
        ACCOUNTS, crm_schema("landed_accounts"), valid_from=day(-9), is_deleted=False
    )
    identities = engine.table([], landed_schema("landed_identities"))
    facts = known(
        crm, identities, MERGE.empty_table(), CONTACT.empty_table(), Identity(), engine.apply
    )
    keys = engine.table(KEYS, NAME_KEY)
    return facts, identities, keys, carriers(crm, keys, facts.nodes)


@pytest.fixture(scope="module")
def reviews(engine, world):
    facts, _, keys, carried = world
    waiting = engine.table(
        SIGNALS, WAITING.append(SIGNAL.field("email_domain")), signal_date=day(3)
    )
    answers = engine.table(ANSWERS, IP_ANSWER)
    found = tie_reviews(waiting, keys, answers, facts.owners, carried)
    return {(r["ref"], r["candidate"]): r for r in engine.rows(found)}


def test_a_name_that_two_accounts_carry_is_listed_with_both(reviews):
    rows = [reviews["twin", account] for account in ("one", "two")]
    # A signal that has the name twice waits once.
    assert {(r["signals"], r["first_seen"], r["last_seen"]) for r in rows} == {(3, day(3), day(5))}
    assert {(r["kind"], r["is_suggested"]) for r in rows} == {("tie", False)}


def test_an_office_that_two_accounts_list_is_listed_with_every_account_it_may_be(reviews):
    rows = {a: r for (ref, a), r in reviews.items() if ref == "192.0.2.0/24"}
    # The second company's domain is itself in doubt between two accounts.
    assert set(rows) == {"acme", "one", "two"}
    assert {(r["signals"], r["first_seen"]) for r in rows.values()} == {(1, day(3))}


def test_nothing_else_is_in_doubt(reviews):
    assert {ref for ref, _ in reviews} == {"twin", "192.0.2.0/24"}


def test_a_signal_from_the_office_of_a_tied_domain_waits_for_that_domain_once(engine, world):
    facts, identities, _, _ = world
    signals = engine.table(SIGNALS, SIGNAL, signal_date=day(3))
    lost = engine.table([{"signal_id": "by domain", "reason": "tie_refused"}], LOST)
    offices = office_domains(signals, engine.table(ANSWERS, IP_ANSWER))
    found = engine.rows(identity_reviews(facts, identities, signals, lost, offices), "candidate")
    assert [(r["ref"], r["candidate"], r["signals"]) for r in found] == [
        ("twin.com", "one", 1),
        ("twin.com", "two", 1),
    ]


def named(engine, accounts, merges=(), **identity):
    """name → its account today, None where it is tied; names nobody carries are not there."""
    rows = [{"valid_from": day(-9), "is_deleted": False, **a} for a in accounts]
    crm = engine.table(rows, crm_schema("landed_accounts"))
    facts = known(
        crm, engine.table([], landed_schema("landed_identities")),
        pa.Table.from_pylist(merges, schema=MERGE), CONTACT.empty_table(),
        Identity.model_validate(identity), engine.apply,
    )  # fmt: skip
    keys = engine.table([{"name": n, "name_key": n} for n in {a["name"] for a in rows}], NAME_KEY)
    found = engine.rows(settled_names(carriers(crm, keys, facts.nodes)))
    assert all((r["name_account"] is None) == r["name_tied"] for r in found)
    return {r["name_key"]: r["name_account"] for r in found if r["name_to"] is None}


def test_a_name_of_one_word_that_begins_anothers_is_a_question(engine):
    """Delta may mean Delta Airlines; nobody who writes Delta Airlines means Delta."""
    delta = {"account_id": "a", "name": "delta"}
    airlines = {"account_id": "b", "name": "delta airlines"}
    assert named(engine, [delta, airlines]) == {"delta": None, "delta airlines": "b"}
    assert named(engine, [airlines]) == {"delta airlines": "b"}
    assert named(engine, [delta, {"account_id": "b", "name": "deltacom air"}]) == {
        "delta": "a",
        "deltacom air": "b",
    }


def test_a_name_is_whose_it_was_on_the_day(engine):
    """Else a day that is run again would answer otherwise than it did."""
    rows = [
        {"account_id": "a", "name": "acme", "valid_from": day(0), "valid_to": day(5)},
        {"account_id": "a", "name": "zeta", "valid_from": day(5), "valid_to": None},
        {"account_id": "b", "name": "acme", "valid_from": day(3), "valid_to": None},
        {"account_id": "c", "name": "beta", "valid_from": day(1), "valid_to": day(2)},
        {"account_id": "c", "name": "beta", "valid_from": day(2), "valid_to": day(4)},
        {"account_id": "c", "name": "beta", "valid_from": day(4), "is_deleted": True},
    ]
    crm = engine.table([{"is_deleted": False, **r} for r in rows], crm_schema("landed_accounts"))
    facts = known(
        crm, engine.table([], landed_schema("landed_identities")), MERGE.empty_table(),
        CONTACT.empty_table(), Identity(), engine.apply,
    )  # fmt: skip
    keys = engine.table([{"name": n, "name_key": n} for n in ("acme", "zeta", "beta")], NAME_KEY)
    found = engine.rows(settled_names(carriers(crm, keys, facts.nodes)), "name_key")
    told = {(r["name_key"], r["name_from"], r["name_to"]): r["name_account"] for r in found}
    assert told == {
        ("acme", day(0), day(3)): "a",
        ("acme", day(3), day(5)): None,
        ("acme", day(5), None): "b",
        ("zeta", day(5), None): "a",
        ("beta", day(1), day(4)): "c",
    }


def test_a_name_that_hundreds_carry_costs_no_square_and_is_nobodys(engine):
    rows = [{"account_id": f"a{i}", "name": "test", "valid_from": day(i)} for i in range(300)]
    assert named(engine, rows) == {"test": None}


TWINS = [{"account_id": "a", "name": "twin"}, {"account_id": "b", "name": "twin"}]


def test_a_name_of_two_accounts_is_nobodys(engine):
    assert named(engine, TWINS) == {"twin": None}


def test_a_name_is_free_once_the_other_account_is_deleted_or_renamed(engine):
    gone = {"account_id": "b", "name": "twin", "valid_from": day(0)}
    ended = {**TWINS[1], "valid_to": day(0)}
    assert named(engine, [TWINS[0], ended, {**gone, "is_deleted": True}]) == {"twin": "a"}
    assert named(engine, [TWINS[0], ended, {**gone, "name": "other"}]) == {
        "twin": "a",
        "other": "b",
    }


def test_accounts_that_were_merged_are_one_and_answer_to_both_names(engine):
    merge = [{"account_id": "a", "survivor_id": "b", "merged_on": day(0)}]
    ended = {**TWINS[0], "valid_to": day(0)}
    assert named(engine, [ended, TWINS[1]], merge) == {"twin": "b"}
    # Through its own record: the tree leads from there to the survivor.
    assert named(engine, [{**ended, "name": "former"}, TWINS[1]], merge)["former"] == "a"


def test_a_parent_and_its_branch_of_one_name_are_one_where_the_points_go_to_the_parent(engine):
    rows = [TWINS[0], {**TWINS[1], "parent_account_id": "a"}]
    assert named(engine, rows, roll_up="ultimate_parent") == {"twin": "a"}
    assert named(engine, rows, roll_up="own") == {"twin": None}
