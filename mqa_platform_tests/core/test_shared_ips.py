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
RULES = {"visitors": 10, "companies": 3, "share": 0.5}


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
        (visitors("x", 50), False),
        (visitors("x", 11, companies=3, direction="outbound"), False),
        (visitors("x", 1) * 500, False),
    ],
)
def test_an_address_is_shared_by_its_visitors_and_their_companies(engine, rows, is_shared):
    assert shared(engine, rows + OTHERS) == ({("x", day(0))} if is_shared else set())


def test_all_traffic_behind_one_address_is_nobodys(engine):
    assert shared(engine, visitors("proxy", 40)) == {("proxy", day(0))}


def test_a_listed_office_may_have_any_number_of_visitors(engine):
    rows = visitors("office", 90, companies=5) + OTHERS
    assert shared(engine, rows, offices=["office"]) == set()


def test_every_day_is_judged_alone(engine):
    rows = visitors("x", 11, companies=3) + visitors("x", 5, companies=3, on=1) + OTHERS
    assert shared(engine, rows) == {("x", day(0))}


def test_people_without_a_cookie_are_visitors(engine):
    rows = [
        {"ip": "x", "person_key": f"email:{i}", "email_domain": f"c{i}.com", "signal_date": day(0)}
        for i in range(11)
    ]
    assert shared(engine, rows + OTHERS) == {("x", day(0))}
