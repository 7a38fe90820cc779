"""Range search: the answer is the one that the standard library gives, for both versions."""

from __future__ import annotations

import ipaddress

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mqa_platform.core.addresses import (
    ipv4_numbers,
    ipv6_keys,
    keys_of_hex,
    masked_host,
    plain,
    shown,
    sizes,
)
from mqa_platform.core.ranges import NONE, TIE, Ranges

# Few enough bits that ranges nest, touch, repeat and overlap.
SMALL = st.integers(0, 40)
RANGES = st.lists(st.tuples(SMALL, SMALL, st.integers(0, 2)), max_size=12)
BASE = 2**126 + 2**64 - 20


def expected(ranges: list[tuple[int, int, int]], number: int) -> int | str | None:
    """The owner of the smallest range that holds the number; "tie" where several are as small."""
    holding = [(end - start, owner) for start, end, owner in ranges if start <= number <= end]
    least = min((size for size, _ in holding), default=None)
    owners = {owner for size, owner in holding if size == least}
    return None if not owners else "tie" if len(owners) > 1 else owners.pop()


def said(rows: np.ndarray, ranges: list[tuple[int, int, int]]) -> list[int | str | None]:
    names = {NONE: None, TIE: "tie"}
    return [names[r] if r < 0 else ranges[r][2] for r in rows.tolist()]


def ordered(drawn: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    return [(min(a, b), max(a, b), owner) for a, b, owner in drawn]


@settings(deadline=None)
@given(RANGES)
def test_the_most_specific_range_wins_and_equal_ones_of_two_owners_are_nobodys(drawn):
    ranges = ordered(drawn)
    columns = np.array(ranges, dtype=np.int64).reshape(-1, 3)
    search = Ranges(columns[:, 0], columns[:, 1], columns[:, 2])
    asked = np.arange(45)
    found = search.find(asked, np.ones(45, dtype=np.bool_))
    assert said(found, ranges) == [expected(ranges, n) for n in asked.tolist()]


@settings(deadline=None)
@given(RANGES)
def test_addresses_of_version_6_are_searched_alike(drawn):
    ranges = ordered(drawn)
    start, end = (
        keys_of_hex(pa.array([f"{BASE + r[i]:032x}" for r in ranges], pa.string())) for i in (0, 1)
    )
    search = Ranges(start, end, np.array([r[2] for r in ranges], dtype=np.int64))
    asked = ipv6_keys(pa.array([str(ipaddress.IPv6Address(BASE + n)) for n in range(45)]))
    found = search.find(asked, np.ones(45, dtype=np.bool_))
    assert said(found, ranges) == [expected(ranges, n) for n in range(45)]
    assert sizes(start, end).tolist() == [float(r[1] - r[0]) for r in ranges]


@settings(deadline=None)
@given(RANGES, SMALL)
def test_all_ranges_that_hold_an_address_are_told(drawn, number):
    ranges = ordered(drawn)
    columns = np.array(ranges, dtype=np.int64).reshape(-1, 3)
    search = Ranges(columns[:, 0], columns[:, 1], columns[:, 2])
    holding = {i for i, (start, end, _) in enumerate(ranges) if start <= number <= end}
    assert set(search.all_that_hold(number)) == holding


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 128)), min_size=1, max_size=8))
def test_networks_of_any_length_hold_what_the_standard_library_says(drawn):
    networks = [ipaddress.IPv6Network(d, strict=False) for d in drawn]
    ends = [(int(n.network_address), int(n.broadcast_address)) for n in networks]
    start, end = (keys_of_hex(pa.array([f"{e[i]:032x}" for e in ends])) for i in (0, 1))
    search = Ranges(start, end, np.arange(len(networks)))
    asked = [*(a for e in ends for a in e if a), 1]
    found = search.find(
        ipv6_keys(pa.array([str(ipaddress.IPv6Address(a)) for a in asked])),
        np.ones(len(asked), dtype=np.bool_),
    )
    for address, row in zip(asked, found.tolist(), strict=True):
        holding = [n for n in networks if ipaddress.IPv6Address(address) in n]
        longest = max((n.prefixlen for n in holding), default=None)
        equal = [n for n in holding if n.prefixlen == longest]
        wanted = None if not holding else "tie" if len(equal) > 1 else equal[0]
        assert (None if row == NONE else "tie" if row == TIE else networks[row]) == wanted


@settings(deadline=None)
@given(st.ip_addresses(v=4), st.ip_addresses(v=6))
def test_an_address_is_the_number_that_the_standard_library_gives(four, six):
    assume(six.packed[:8] != bytes(8))
    texts = pa.array([str(four), f"::ffff:{four}", str(six), six.exploded, f"[{six}]", "x", None])
    bare = plain(texts)
    assert ipv4_numbers(bare).tolist() == [int(four)] * 2 + [-1] * 5
    keys = ipv6_keys(bare).tolist()
    assert [k.ljust(16, b"\0") for k in keys[2:5]] == [six.packed] * 3
    assert keys[5:] == [b"", b""]


def test_a_range_is_shown_without_naming_a_visitor():
    one = int(ipaddress.IPv4Address("192.0.2.77"))
    assert shown(one, one) == "192.0.2.0/24"
    assert shown(one, one + 1024) == "192.0.2.0-192.0.6.77"
    six = ipaddress.IPv6Address("2001:db8:1:2::3").packed
    assert shown(six, six) == "2001:db8:1::/48"


@pytest.mark.parametrize(
    "written",
    [
        " 10.0.0.5",
        "10.0.0.5:443",
        "10.0.0.5, 70.1.1.1",
        "::ffff:10.0.0.5",
        "::FFFF:0a00:0005",
        "[::ffff:10.0.0.5]",
        "[::ffff:10.0.0.5]:8080",
        "0:0:0:0:0:ffff:10.0.0.5",
        "0000:0000:0000:0000:0000:ffff:0a00:0005",
    ],
)
def test_an_address_is_known_however_a_log_writes_it(written):
    assert plain(pa.array([written])).to_pylist() == ["10.0.0.5"]


@pytest.mark.parametrize("written", ["[2001:db8::1]:443", "2001:db8::1%eth0", "2001:DB8:0:0::1 "])
def test_a_long_address_is_known_however_a_log_writes_it(written):
    (key,) = ipv6_keys(plain(pa.array([written])))
    assert key == ipaddress.IPv6Address("2001:db8::1").packed


@pytest.mark.parametrize(
    ("host", "domain", "masked"),
    [
        ("pool-71-255-10-7.nycmny.prov.net", "prov.net", "pool-00-000-00-0.nycmny.prov.net"),
        ("p4fca1b2c.dip0.t-ipconnect.de", "t-ipconnect.de", "p0aaa0a0a.aip0.t-ipconnect.de"),
        ("gw.acme.com", "acme.com", "gw.acme.com"),
        ("a1.b2.com", "b2.com", "a0.b2.com"),
    ],
)
def test_a_kept_host_name_does_not_spell_the_address(host, domain, masked):
    assert masked_host(host, domain) == masked
