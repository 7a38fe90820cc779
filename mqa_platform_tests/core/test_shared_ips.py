"""An address with everybody behind it is nobody's; a busy office still is its company's."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mqa_platform.core.ip_owners import IP_ANSWER
from mqa_platform.core.shared_ips import shared_ips
from mqa_platform_tests.core.engine import day, policy_with

SIGNALS = pa.schema(
    [
        ("ip", pa.string()),
        ("anonymous_id", pa.string()),
        ("person_key", pa.string()),
        ("email_domain", pa.string()),
        ("signal_date", pa.date32()),
        ("direction", pa.string()),
    ]
)
RULES = {"visitors": 10, "signals": 500, "companies": 3, "share": 0.5, "office_share": 0.9}


def visitors(ip, number, companies=0, on=0, **more):
    """So many visitors of one address, the first ones with mail of different companies."""
    return [
        {"ip": ip, "anonymous_id": f"{ip}-{i}", "signal_date": day(on),
         "email_domain": f"c{i}.com" if i < companies else None, **more}
        for i in range(number)
    ]  # fmt: skip


def shared(engine, rows, offices=()):
    signals = engine.table(rows, SIGNALS, direction="inbound")
    answers = engine.table([{"ip": ip, "office_domain": "acme.com"} for ip in offices], IP_ANSWER)
    identity = policy_with(identity={"nat_ips": RULES}).identity
    found = engine.rows(shared_ips(signals, answers, identity), "shared_ip")
    return {(r["shared_ip"], r["shared_day"]) for r in found}


OTHERS = [row for i in range(30) for row in visitors(f"192.0.2.{i}", 2)]


@pytest.mark.parametrize(
    ("rows", "is_shared"),
    [
        (visitors("x", 11, companies=3), True),
        (visitors("x", 10, companies=3), False),
        (visitors("x", 11, companies=2), False),
        (visitors("x", 70), True),
        (visitors("x", 60), True),
        (visitors("x", 59), False),
        (visitors("x", 11, companies=3, direction="outbound"), False),
        (visitors("x", 1) * 499, False),
    ],
)
def test_an_address_is_shared_by_its_visitors_and_their_companies(engine, rows, is_shared):
    assert shared(engine, rows + OTHERS) == ({("x", day(0))} if is_shared else set())


def test_all_traffic_behind_one_address_is_nobodys(engine):
    assert shared(engine, visitors("proxy", 40)) == {("proxy", day(0))}


def test_a_listed_office_may_have_any_number_of_visitors(engine):
    rows = visitors("office", 90, companies=5) + OTHERS
    assert shared(engine, rows, offices=["office"]) == set()


@pytest.mark.parametrize(("number", "is_shared"), [(540, True), (539, False)])
def test_an_office_that_everybody_seems_to_come_from_is_our_own_proxy(engine, number, is_shared):
    rows = visitors("office", number) + OTHERS
    # Too few pages of each visitor for the limit of signals to speak.
    assert shared(engine, rows, offices=["office"]) == (
        {("office", day(0))} if is_shared else set()
    )


def test_a_small_sites_only_visitors_may_all_be_of_one_office(engine):
    assert shared(engine, visitors("office", 10), offices=["office"]) == set()


def test_every_day_is_judged_alone(engine):
    rows = visitors("x", 11, companies=3) + visitors("x", 5, companies=3, on=1) + OTHERS
    assert shared(engine, rows) == {("x", day(0))}


def test_people_without_a_cookie_are_visitors(engine):
    rows = [
        {"ip": "x", "person_key": f"email:{i}", "email_domain": f"c{i}.com", "signal_date": day(0)}
        for i in range(11)
    ]
    assert shared(engine, rows + OTHERS) == {("x", day(0))}


@pytest.mark.parametrize("cookie", [None, "the-proxy"])
def test_a_log_that_sees_one_visitor_only_sees_nobody(engine, cookie):
    """A log behind a proxy has no cookies, and one address."""
    rows = [{"ip": "proxy", "anonymous_id": cookie, "signal_date": day(0)}] * 500
    assert shared(engine, rows + OTHERS) == {("proxy", day(0))}
    assert shared(engine, rows[1:] + OTHERS) == set()


def test_a_busy_visitor_among_as_many_others_is_no_gateway(engine):
    rows = [{"ip": "x", "anonymous_id": "x", "signal_date": day(0)}] * 500
    assert shared(engine, rows + OTHERS * 10) == set()
