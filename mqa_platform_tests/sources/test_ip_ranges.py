from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.sources.addresses import ipv4_numbers, ipv4_ranges, ipv6_ranges
from mqa_platform.sources.landed import Landed, SourceError

Write = Callable[[str, str | bytes], Path]
Read = Callable[..., Landed]

HEADER = "source_file,org,range_start_or_cidr,range_end"


def _number(address: str) -> int:
    return int(ipaddress.IPv4Address(address))


@given(st.integers(0, 2**32 - 1), st.integers(0, 32))
def test_a_block_is_what_the_standard_library_says(number: int, bits: int) -> None:
    address = str(ipaddress.IPv4Address(number))
    network = ipaddress.IPv4Network((number, bits), strict=False)
    assert ipv4_numbers(pa.array([address])).tolist() == [number]
    start, end = ipv4_ranges(pa.array([f"{address}/{bits}"]))
    assert start.tolist() == [int(network.network_address)]
    assert end.tolist() == [int(network.broadcast_address)]


@pytest.mark.parametrize(
    "text", ["1.2.3", "1.2.3.256", "1.2.3.4/33", "1.2.3.9-1.2.3.4", "::1", "acme", "1.2.3.4/", ""]
)
def test_what_is_no_range_is_none(text: str) -> None:
    start, end = ipv4_ranges(pa.array([text]))
    assert (start.tolist(), end.tolist()) == ([-1], [-1])


def test_an_office_is_a_block_an_address_or_a_span(write: Write, read: Read) -> None:
    rows = [
        "f,The Acme Co.,192.0.2.0/24,,mail.acme.com",
        'f,"Beta, Inc.",198.51.100.7 ,198.51.100.9,',
        "f,Gamma,203.0.113.5,,",
        "f,Gamma,203.0.113.16-203.0.113.31,,",
    ]
    landed = read("office_ip_ranges", write("a.csv", "\n".join([HEADER + ",domain", *rows])))
    table = landed.tables["landed_ip_ranges"].to_pylist()
    spans = [(row["range_start"], row["range_end"]) for row in table]
    assert spans == [
        (_number("192.0.2.0"), _number("192.0.2.255")),
        (_number("198.51.100.7"), _number("198.51.100.9")),
        (_number("203.0.113.5"), _number("203.0.113.5")),
        (_number("203.0.113.16"), _number("203.0.113.31")),
    ]
    assert [row["org_key"] for row in table] == ["acme", "beta", "gamma", "gamma"]
    assert table[0]["domain"] == "acme.com"
    assert {row["kind"] for row in table} == {"office"}


def test_bad_ranges_say_why(write: Write, read: Read) -> None:
    rows = [
        "f,Acme,192.0.2.9,192.0.2.1",
        "f,,192.0.2.0/24,",
        "f,Acme,2001:db8::9,2001:db8::1",
        "f,Acme,192.0.2.0/24,192.0.2.9",
        "f,Acme",
    ]
    landed = read("office_ip_ranges", write("a.csv", "\n".join([HEADER, *rows])))
    assert landed.accepted == 0
    assert landed.reasons() == {
        "bad_ip_range": 3,
        "missing_org": 1,
        "wrong_column_count": 1,
    }


def test_an_office_may_have_addresses_of_version_6(write: Write, read: Read) -> None:
    rows = [
        "f,Acme,2001:db8::/32,",
        "f,Acme,2001:DB8:1::5,2001:db8:1::ff",
        "f,Acme,2001:db8:2::1 - 2001:db8:2::2,",
        "f,Acme,2001:db8:3::1,",
    ]
    landed = read("office_ip_ranges", write("a.csv", "\n".join([HEADER, *rows])))
    table = landed.tables["landed_ip_ranges"].to_pylist()
    spans = [
        tuple(str(ipaddress.IPv6Address(int(row[c], 16))) for c in ("ipv6_start", "ipv6_end"))
        for row in table
    ]
    assert spans == [
        ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2001:db8:1::5", "2001:db8:1::ff"),
        ("2001:db8:2::1", "2001:db8:2::2"),
        ("2001:db8:3::1", "2001:db8:3::1"),
    ]
    assert {(row["range_start"], row["range_end"]) for row in table} == {(-1, -1)}


@given(st.integers(0, 2**128 - 1), st.integers(0, 128))
def test_a_block_of_version_6_is_what_the_standard_library_says(number: int, bits: int) -> None:
    network = ipaddress.IPv6Network((number, bits), strict=False)
    start, end = ipv6_ranges(pa.array([f"{ipaddress.IPv6Address(number)}/{bits}"]))
    assert int(start[0].as_py(), 16) == int(network.network_address)
    assert int(end[0].as_py(), 16) == int(network.broadcast_address)


def test_an_office_may_hold_for_a_time(write: Write, read: Read) -> None:
    rows = [
        "f,Acme,192.0.2.0/24,,2026-03-03,2026-06-21",
        "f,Acme,192.0.3.0/24,,,2026-06-21",
        "f,Acme,192.0.4.0/24,,soon,",
        "f,Acme,192.0.5.0/24,,2026-06-21,2026-06-21",
    ]
    header = HEADER + ",valid_from,valid_to"
    landed = read("office_ip_ranges", write("a.csv", "\n".join([header, *rows])))
    spans = [
        (row["valid_from"], row["valid_to"])
        for row in landed.tables["landed_ip_ranges"].to_pylist()
    ]
    assert spans == [(date(2026, 3, 3), date(2026, 6, 21)), (None, date(2026, 6, 21))]
    assert landed.reasons() == {"bad_validity": 2}


def test_host_names_of_addresses_are_a_list(write: Write, read: Read) -> None:
    rows = [
        "192.0.2.7,GW.Acme.com.",
        "2001:db8::7,gw6.acme.com",
        "x,a.acme.com",
        "192.0.2.8,",
        "192.0.2.9,router",
    ]
    landed = read("reverse_dns", write("a.csv", "\n".join(["ip,host", *rows])))
    table = landed.tables["landed_ip_ranges"].to_pylist()
    assert [(row["kind"], row["org"], row["domain"]) for row in table] == [
        ("reverse_dns", "gw.acme.com", "acme.com"),
        ("reverse_dns", "gw6.acme.com", "acme.com"),
    ]
    assert landed.reasons() == {"bad_host": 1, "bad_ip_range": 1, "missing_host": 1}


def test_networks_are_read_without_a_header(write: Write, read: Read) -> None:
    content = (
        '1.0.0.0,1.0.0.255,13335,"Cloudflare, Inc."\n1.0.4.0,1.0.7.255,x,Gtelecom\n1.0.0.0,1\n'
    )
    landed = read("asn_ranges", write("a.csv", content))
    (row,) = landed.tables["landed_ip_ranges"].to_pylist()
    assert (row["kind"], row["asn"], row["org_key"]) == ("asn", 13335, "cloudflare")
    assert landed.reasons() == {"bad_asn": 1, "wrong_column_count": 1}


def test_a_list_of_blocks_belongs_to_its_file(write: Write, read: Read) -> None:
    content = "# crawlers\n192.0.2.0/28\r\n\n198.51.100.7 # one\n2001:db8::/32\nnonsense\n"
    landed = read("cidr_list", write("bing-ipv4.txt", content), kind="bot")
    rows = landed.tables["landed_ip_ranges"].to_pylist()
    assert landed.rows == 4
    assert {(row["kind"], row["org"]) for row in rows} == {("bot", "bing-ipv4")}
    assert [row["ipv6_start"] is None for row in rows] == [True, True, False]
    assert landed.reasons() == {"bad_ip_range": 1}
    assert read("cidr_list", write("x.txt", "192.0.2.1\n")).tables["landed_ip_ranges"][
        "kind"
    ].to_pylist() == ["hosting"]


def test_as_numbers_have_no_range_of_their_own(write: Write, read: Read) -> None:
    content = (
        'ASN,Entity\n1983,"INULOGIC SARL, FR"\n514, "RootLayer Ltd, NL"\n"20248","Take 2\nx,y\n'
    )
    landed = read("asn_list", write("a.csv", content))
    rows = landed.tables["landed_ip_ranges"].to_pylist()
    assert [(row["asn"], row["org"]) for row in rows] == [
        (1983, "INULOGIC SARL, FR"),
        (514, "RootLayer Ltd, NL"),
        (20248, "Take 2"),
    ]
    assert {(row["range_start"], row["range_end"]) for row in rows} == {(-1, -1)}
    assert landed.defects["raw"].to_pylist() == ["x,y"]


@pytest.mark.parametrize("connector", ["asn_ranges", "cidr_list", "asn_list"])
def test_empty_lists_have_no_rows_and_other_files_are_refused(
    write: Write, read: Read, connector: str
) -> None:
    assert read(connector, write("a.txt", "")).rows == 0
    with pytest.raises(SourceError):
        read(connector, write("b.txt", "hello world\nfoo bar\n"))


def test_a_header_alone_is_no_office(write: Write, read: Read) -> None:
    assert read("office_ip_ranges", write("a.csv", HEADER)).rows == 0


def test_real_offices_are_read_but_for_two_that_end_before_they_begin(
    shared_data: Path, read: Read
) -> None:
    landed = read("office_ip_ranges", shared_data / "ip" / "org_ip_ranges.csv")
    table = landed.tables["landed_ip_ranges"]
    assert (landed.rows, landed.reasons()) == (1_993, {"bad_ip_range": 2})
    assert len(set(table["org"].to_pylist())) == 672


def test_all_real_networks_are_read(shared_data: Path, read: Read) -> None:
    landed = read("asn_ranges", shared_data / "ip" / "asn-ipv4.csv.gz")
    table = landed.tables["landed_ip_ranges"]
    assert (landed.rows, landed.accepted) == (411_961, 411_961)
    assert (table["range_start"].to_numpy() <= table["range_end"].to_numpy()).all()


def test_all_real_lists_of_blocks_and_as_numbers_are_read(shared_data: Path, read: Read) -> None:
    for path in sorted((shared_data / "ip" / "ranges").glob("*.txt")):
        landed = read("cidr_list", path)
        assert landed.rows == landed.accepted > 0
    assert read("asn_list", shared_data / "ip" / "bad-asn-list.csv").accepted == 742
