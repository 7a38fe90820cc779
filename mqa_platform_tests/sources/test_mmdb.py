"""Address databases in MaxMind's layout: every network is a row, and a broken file says so."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqa_platform.sources.landed import Landed, SourceError
from mqa_platform_tests.sources.mmdb_writing import MARK, mmdb_file

Write = Callable[[str, str | bytes], Path]
Read = Callable[..., Landed]
V4 = "192.0.2.0/24"
V6 = "2001:db8:a::/48"


def _range(row: dict[str, Any]) -> tuple[str, str]:
    """A landed range as the addresses it runs from and to."""
    if row["ipv6_start"] is None:
        return tuple(str(ipaddress.IPv4Address(row[c])) for c in ("range_start", "range_end"))
    return tuple(str(ipaddress.IPv6Address(int(row[c], 16))) for c in ("ipv6_start", "ipv6_end"))


def _rows(landed: Landed) -> list[dict[str, Any]]:
    return landed.tables["landed_ip_ranges"].to_pylist()


@pytest.mark.parametrize(
    ("record", "facts"),
    [
        (
            {"autonomous_system_number": 64500, "autonomous_system_organization": "Acme Inc."},
            {("asn", "Acme Inc.", 64500)},
        ),
        (
            {"isp": "Big Telco", "organization": "Acme Inc."},
            {("asn", "Acme Inc.", None)},
        ),
        ({"connection_type": "Cellular"}, {("mobile", None, None)}),
        ({"connection_type": "Cable/DSL"}, {("isp", None, None)}),
        ({"is_anonymous": True, "is_anonymous_vpn": True}, {("vpn", None, None)}),
        ({"is_anonymous": True, "is_hosting_provider": True}, {("hosting", None, None)}),
        ({"is_anonymous": True}, {("vpn", None, None)}),
        ({"is_tor_exit_node": True}, {("vpn", None, None)}),
        ({"domain": "acme.com"}, {("reverse_dns", "acme.com", None)}),
        ({"mobile_country_code": "310", "isp": "T"}, {("mobile", None, None), ("asn", "T", None)}),
        (
            {"traits": {"user_type": "business", "connection_type": "Cable/DSL", "isp": "T"}},
            {("asn", "T", None)},
        ),
        ({"traits": {"user_type": "residential", "isp": "T"}},
         {("isp", None, None), ("asn", "T", None)}),
    ],
)  # fmt: skip
def test_the_kind_of_a_range_goes_by_what_the_record_says(
    write: Write, read: Read, record: dict[str, Any], facts: set[tuple[str, str | None, int | None]]
) -> None:
    landed = read("mmdb", write("a.mmdb", mmdb_file({V4: record})))
    rows = _rows(landed)
    assert {(row["kind"], row["org"], row["asn"]) for row in rows} == facts
    assert {_range(row) for row in rows} == {("192.0.2.0", "192.0.2.255")}
    assert (landed.rows, landed.accepted) == (1, 1)


def test_networks_of_both_versions_come_from_one_file(write: Write, read: Read) -> None:
    content = mmdb_file({V4: {"domain": "acme.com"}, V6: {"domain": "acme.com"}})
    rows = _rows(read("mmdb", write("a.mmdb", content)))
    assert {_range(row) for row in rows} == {
        ("192.0.2.0", "192.0.2.255"),
        ("2001:db8:a::", "2001:db8:a:ffff:ffff:ffff:ffff:ffff"),
    }


def test_what_names_no_owner_is_filtered_and_what_is_no_record_is_a_defect(
    write: Write, read: Read
) -> None:
    content = mmdb_file(
        {
            "192.0.2.0/26": {"isp": "T"},
            "192.0.2.64/26": {"city": "Boxford"},
            "192.0.2.128/26": "text",
            "192.0.2.192/26": {"isp": 7},
        }
    )
    landed = read("mmdb", write("a.mmdb", content))
    assert (landed.rows, landed.accepted) == (4, 1)
    assert landed.filtered == {"no_owner_told": 1}
    assert landed.reasons() == {"bad_record": 2}


@pytest.mark.parametrize(
    "content",
    [
        b"hello",
        MARK,
        MARK + b"\xff\xff",
        mmdb_file({V4: {"isp": "T"}})[40:],
        mmdb_file({V4: {"city": "Boxford"}}),
        mmdb_file({V4: {"isp": "T"}}, version=6).replace(b"node_count", b"node_kount"),
    ],
)
def test_a_file_that_cannot_be_used_says_so(write: Write, read: Read, content: bytes) -> None:
    with pytest.raises(SourceError) as refused:
        read("mmdb", write("a.mmdb", content))
    assert refused.value.remedy


def test_a_tree_that_runs_in_a_circle_is_refused(write: Write, read: Read) -> None:
    content = bytearray(mmdb_file({V4: {"isp": "T"}}))
    # The last node but one leads back to the root.
    content[8 * 100 : 8 * 101] = bytes(8)
    with pytest.raises(SourceError, match="damaged"):
        read("mmdb", write("a.mmdb", bytes(content)))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just(4), st.integers(1, 2**32 - 1), st.integers(8, 32)),
            st.tuples(st.just(6), st.integers(2**125, 2**126), st.integers(20, 128)),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_every_network_of_a_tree_is_found_with_its_record(
    write: Write, read: Read, drawn: list[tuple[int, int, int]]
) -> None:
    chosen: list[Any] = []
    for version, number, bits in drawn:
        kind = ipaddress.IPv4Network if version == 4 else ipaddress.IPv6Network
        network = kind((number, bits), strict=False)
        if not any(n.version == network.version and n.overlaps(network) for n in chosen):
            chosen.append(network)
    records = {str(n): {"autonomous_system_number": i + 1} for i, n in enumerate(chosen)}
    rows = _rows(read("mmdb", write("a.mmdb", mmdb_file(records))))
    found = {row["asn"]: _range(row) for row in rows}
    assert found == {
        i + 1: (str(n.network_address), str(n.broadcast_address)) for i, n in enumerate(chosen)
    }


@pytest.mark.parametrize(
    ("name", "rows", "kinds"),
    [
        ("GeoLite2-ASN-Test", 412, {"asn": 412}),
        ("GeoIP2-ISP-Test", 2_129, {"asn": 2_129, "mobile": 1}),
        ("GeoIP2-Connection-Type-Test", 25, {"isp": 17, "mobile": 6}),
        ("GeoIP2-Anonymous-IP-Test", 599, {"vpn": 10, "hosting": 3}),
        ("GeoIP2-Domain-Test", 91, {"reverse_dns": 91}),
    ],
)
def test_the_vendors_own_test_databases_are_read_whole(
    shared_data: Path, read: Read, name: str, rows: int, kinds: dict[str, int]
) -> None:
    landed = read("mmdb", shared_data / "ip" / "maxmind-test" / f"{name}.mmdb")
    assert landed.rows == rows
    assert Counter(row["kind"] for row in _rows(landed)) == kinds
    assert landed.rows == landed.accepted + sum(landed.filtered.values())


@pytest.mark.parametrize(
    "name", ["GeoIP2-City-Test-Broken-Double-Format", "MaxMind-DB-test-broken-pointers-24"]
)
def test_the_vendors_broken_databases_are_refused_as_damaged(
    shared_data: Path, read: Read, name: str
) -> None:
    with pytest.raises(SourceError, match="damaged database"):
        read("mmdb", shared_data / "ip" / "maxmind-test" / f"{name}.mmdb")


@pytest.mark.parametrize("name", ["GeoLite2-ASN-Test", "GeoIP2-ISP-Test"])
def test_every_network_reads_as_the_vendors_reader_reads_it(
    shared_data: Path, read: Read, name: str
) -> None:
    import maxminddb

    path = shared_data / "ip" / "maxmind-test" / f"{name}.mmdb"
    rows = [row for row in _rows(read("mmdb", path)) if row["kind"] == "asn"]
    with maxminddb.open_database(path) as reader:
        for row in rows:
            for address in _range(row):
                record = reader.get(address)
                assert record.get("autonomous_system_number") == row["asn"]
