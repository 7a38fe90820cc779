"""A browser of people of two companies is that of the last log-in; one of one person stays one person's."""

from __future__ import annotations

import pytest

from mqa_platform_tests.core.engine import at, day
from mqa_platform_tests.core.identity_cases import IDENTITIES
from mqa_platform_tests.core.test_identity import answers


def login(browser, person, domain, on):
    """Somebody told a browser's site their address at noon of a day."""
    return {"kind": "cookie", "ref": browser, "person_ref": f"email:{person}",
            "email_domain": domain, "seen_at": at(on)}  # fmt: skip


LOGINS = [
    *IDENTITIES,
    login("both", "a", "acme.com", -5), login("both", "b", "same1.com", 20),
    login("private", "c", "acme.com", -5), login("private", "c2", "gmail.com", 20),
    login("one firm", "d", "acme.com", 5), login("one firm", "d2", "acme.de", 20),
    login("with a student", "e", "acme.com", -5), login("with a student", "e2", "mit.edu", 20),
    login("at a provider's", "f", "cablenet.com", 5), login("at a provider's", "f2", "acme.com", 9),
]  # fmt: skip


def seen(browser, on, hour=13):
    return ({"anonymous_id": browser, "signal_date": day(on), "occurred_at": at(on, hour)}, None)


def named(person, domain):
    return ({"person_key": f"email:{person}", "email_domain": domain}, None)


CASES = {
    "before the first log-in": seen("both", -6),
    "in the hour before the first log-in": seen("both", -5, 11),
    "after the first log-in": seen("both", -5),
    "before the second log-in": seen("both", 19),
    "after the second log-in": seen("both", 21),
    "private mail told later": seen("private", 0),
    "one firm, before": seen("one firm", 0),
    "with a student, before": seen("with a student", 0),
    "a provider's mail told before": seen("at a provider's", 0),
    "a": named("a", "acme.com"),
    "b": named("b", "same1.com"),
    "c": named("c", "acme.com"),
    "c2": named("c2", "gmail.com"),
    "d": named("d", "acme.com"),
    "d2": named("d2", "acme.de"),
}


@pytest.fixture(scope="module")
def found(engine):
    return {name: row for name, (row,) in answers(engine, CASES, linked=LOGINS).items()}


@pytest.mark.parametrize(
    ("name", "account", "person", "reason"),
    [
        ("before the first log-in", None, None, "no_match"),
        ("in the hour before the first log-in", None, None, "no_match"),
        ("after the first log-in", "acme", "email:a", None),
        ("before the second log-in", "acme", "email:a", None),
        ("after the second log-in", "same1", "email:b", None),
        ("with a student, before", "acme", "email:e", None),
        # What is known by now says whose it was before, where there is one company only.
        ("private mail told later", None, "email:c", "free_mail"),
        ("one firm, before", "acme", "email:d", None),
        ("a provider's mail told before", "acme", "email:f", None),
    ],
)
def test_a_browser_of_two_companies_is_the_last_log_ins(found, name, account, person, reason):
    row = found[name]
    assert (row["account_id"], row["person_id"], row["reason"]) == (account, person, reason)


@pytest.mark.parametrize(
    ("one", "other", "is_one"), [("a", "b", False), ("c", "c2", True), ("d", "d2", True)]
)
def test_a_browser_alone_makes_nobody_of_two_companies_one_person(found, one, other, is_one):
    assert (found[one]["person_id"] == found[other]["person_id"]) is is_one


def test_the_order_of_the_log_ins_means_nothing(engine, found):
    backwards = answers(engine, CASES, linked=LOGINS[::-1])
    assert {name: row for name, (row,) in backwards.items()} == found
