"""Who owns an address: every kind of range, ties, carriers, and offices that hold for a time."""

from __future__ import annotations

import ipaddress
from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_platform.core.ip_answers import offices_in_time, tied_offices
from mqa_platform.core.ip_owners import ip_lookup
from mqa_platform_tests.core.engine import landed_schema

RANGES = landed_schema("landed_ip_ranges")


def known(*rows: tuple[str, str, dict]) -> pa.Table:
    """(kind, network, more columns) as landed rows; "" is a listed autonomous system."""
    made = []
    for kind, text, more in rows:
        row = {**dict.fromkeys(RANGES.names), "kind": kind, "range_start": -1, "range_end": -1}
        if text:
            network = ipaddress.ip_network(text)
            ends = int(network.network_address), int(network.broadcast_address)
            if network.version == 4:
                row |= {"range_start": ends[0], "range_end": ends[1]}
            else:
                row |= {"ipv6_start": f"{ends[0]:032x}", "ipv6_end": f"{ends[1]:032x}"}
        made.append({**row, **more})
    return pa.Table.from_pylist(made, schema=RANGES)


def owner(table: pa.Table, ip: str) -> dict:
    (row,) = ip_lookup(table).fn(pa.table({"ip": [ip]})).to_pylist()
    return row


ACME, BETA = {"domain": "acme.com", "org_key": "acme"}, {"domain": "beta.com", "org_key": "beta"}


@pytest.mark.parametrize("net", ["10.0.0.0/8", "2001:db8::/32"])
def test_the_narrowest_office_of_an_address_is_whose_it_is(net):
    network = ipaddress.ip_network(net)
    narrow = next(network.subnets(prefixlen_diff=12))
    table = known(("office", net, ACME), ("office", str(narrow), BETA))
    assert owner(table, str(narrow[5]))["office_domain"] == "beta.com"
    assert owner(table, str(network[-5]))["office_domain"] == "acme.com"
    assert owner(table, "11.0.0.1")["office_domain"] is None


def test_an_address_written_as_version_6_is_the_address_of_version_4():
    table = known(("office", "10.0.0.0/24", ACME))
    assert owner(table, "::ffff:10.0.0.7")["office_domain"] == "acme.com"


def test_an_office_that_two_companies_list_is_nobodys():
    table = known(
        ("office", "10.0.0.0/8", ACME), ("office", "10.0.0.0/24", ACME),
        ("office", "10.0.0.0/24", BETA),
    )  # fmt: skip
    answer = owner(table, "10.0.0.1")
    assert (answer["office_domain"], answer["office_key"], answer["office_range"]) == (None,) * 3
    assert owner(table, "10.0.1.1")["office_domain"] == "acme.com"


@pytest.mark.parametrize("net", ["10.0.0.0/24", "2001:db8::/48"])
def test_who_lists_an_office_that_several_list_is_told(engine, net):
    table = known(
        ("office", net, ACME), ("office", net, {"org_key": "acme"}), ("office", net, BETA)
    )
    ip = str(ipaddress.ip_network(net)[7])
    rows = tied(engine, table, ip)
    assert [(r["span_domain"], r["span_key"]) for r in rows] == [
        ("acme.com", "acme"),
        ("beta.com", "beta"),
    ]
    assert {(r["span_ip"], r["span_from"], r["span_to"]) for r in rows} == {
        (ip, date(1900, 1, 1), date(9999, 12, 31))
    }
    assert spans(engine, table, ip) == []


def test_one_company_may_list_its_office_twice_and_once_without_its_domain():
    table = known(("office", "10.0.0.0/24", ACME), ("office", "10.0.0.0/24", {"org_key": "acme"}))
    assert owner(table, "10.0.0.1")["office_key"] == "acme"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("hosting", "hosting"), ("vpn", "vpn"), ("bot", "bot"), ("isp", "isp"),
     ("mobile", "mobile_carrier")],
)  # fmt: skip
def test_every_kind_of_network_that_is_no_companys_has_its_reason(kind, reason):
    assert owner(known((kind, "10.0.0.0/24", {})), "10.0.0.1")["blocked"] == reason
    assert owner(known((kind, "2001:db8::/32", {})), "2001:db8::1")["blocked"] == reason
    system = known(("asn", "10.0.0.0/24", {"asn": 64500}), (kind, "", {"asn": 64500}))
    assert owner(system, "10.0.0.1")["blocked"] == reason


@pytest.mark.parametrize("kind", ["isp", "mobile"])
def test_a_carriers_customer_keeps_its_office_and_a_carriers_own_range_does_not(kind):
    inside = known((kind, "10.0.0.0/16", {}), ("office", "10.0.0.0/24", ACME))
    assert owner(inside, "10.0.0.1")["blocked"] is None
    same = known((kind, "10.0.0.0/24", {}), ("office", "10.0.0.0/24", ACME))
    assert owner(same, "10.0.0.1")["blocked"] is not None
    around = known((kind, "10.0.0.0/24", {}), ("office", "10.0.0.0/16", ACME))
    assert owner(around, "10.0.0.1")["blocked"] is not None
    system = known(
        ("asn", "10.0.0.0/16", {"asn": 64500}), (kind, "", {"asn": 64500}),
        ("office", "10.0.0.0/24", ACME),
    )  # fmt: skip
    assert owner(system, "10.0.0.1")["blocked"] is None


@pytest.mark.parametrize("kind", ["hosting", "vpn", "bot"])
def test_what_anybody_may_rent_is_nobodys_office(kind):
    table = known((kind, "10.0.0.0/16", {}), ("office", "10.0.0.0/24", ACME))
    assert owner(table, "10.0.0.1")["blocked"] == kind


def test_the_host_name_of_an_address_is_told():
    named = {"org": "gw.acme.com", "domain": "acme.com"}
    answer = owner(known(("reverse_dns", "10.0.0.1/32", named)), "10.0.0.1")
    assert (answer["named_host"], answer["named_domain"]) == ("gw.acme.com", "acme.com")


def tied(engine, table: pa.Table, ip: str = "10.0.0.1") -> list[dict]:
    answers = engine.keep_arrow(ip_lookup(table).fn(pa.table({"ip": [ip]})))
    return engine.rows(tied_offices(answers), "span_key")


def spans(engine, table: pa.Table, ip: str) -> list[tuple]:
    answers = engine.keep_arrow(ip_lookup(table).fn(pa.table({"ip": [ip]})))
    rows = engine.rows(offices_in_time(answers), "span_from")
    return [(r["span_from"], r["span_to"], r["span_domain"]) for r in rows]


def test_an_office_holds_from_its_first_day_to_the_day_it_is_left(engine):
    march, june = date(2026, 3, 3), date(2026, 6, 21)
    table = known(("office", "10.0.0.0/24", {**ACME, "valid_from": march, "valid_to": june}))
    assert spans(engine, table, "10.0.0.1") == [(march, june, "acme.com")]
    assert owner(table, "10.0.0.1")["office_domain"] is None


def test_an_address_passes_from_one_company_to_the_next(engine):
    march, june = date(2026, 3, 3), date(2026, 6, 21)
    ever, never = date(1900, 1, 1), date(9999, 12, 31)
    table = known(
        ("office", "10.0.0.0/24", {**ACME, "valid_to": june}),
        ("office", "10.0.0.0/24", {**BETA, "valid_from": march}),
        ("office", "10.0.0.0/16", {"domain": "landlord.com"}),
    )
    # Both claim it in between: then it is nobody's, and not the landlord's.
    assert spans(engine, table, "10.0.0.1") == [
        (ever, march, "acme.com"),
        (june, never, "beta.com"),
    ]
    assert {(c["span_from"], c["span_to"], c["span_domain"]) for c in tied(engine, table)} == {
        (march, june, "acme.com"),
        (march, june, "beta.com"),
    }
    assert owner(table, "10.0.1.1")["office_domain"] == "landlord.com"


@settings(deadline=None, max_examples=40)
@given(st.permutations(range(6)), st.integers(0, 2**16 - 1))
def test_the_order_of_the_lists_means_nothing(order, number):
    rows = [
        ("office", "10.0.0.0/17", ACME), ("office", "10.0.0.0/17", {"org_key": "acme"}),
        ("office", "10.0.64.0/18", BETA), ("asn", "10.0.0.0/16", {"asn": 1, "org": "A", "org_key": "a"}),
        ("asn", "10.0.0.0/16", {"asn": 1, "org": "B", "org_key": "b"}), ("isp", "10.0.32.0/19", {}),
    ]  # fmt: skip
    ip = str(ipaddress.IPv4Address(int(ipaddress.IPv4Address("10.0.0.0")) + number))
    assert owner(known(*[rows[i] for i in order]), ip) == owner(known(*rows), ip)
