"""Address databases in MaxMind's layout (.mmdb): networks, carriers, hosting, VPNs, host domains.

Belongs here: what a record of the known databases says about the owner of an address. Does not belong
here: the file's layout (``mmdb_tree``), or which range wins (``core.ip_owners``).

The kind of a range goes by the record's content and not by the database's name, because vendors name them
as they like. Rows: every network is one row; what says nothing of an owner (a city) is filtered.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from mqa_platform.policy.sources import Source
from mqa_platform.sources.addresses import UNKNOWN
from mqa_platform.sources.files import open_raw
from mqa_platform.sources.landed import Landed, SourceError, conform, defects, empty
from mqa_platform.sources.mmdb_tree import Networks, read_networks
from mqa_platform.sources.names import clean_company_names, registrable_domains

NOT_AN_OWNER: Final = "no_owner_told"
BAD_RECORD: Final = "bad_record"
_HIDDEN: Final = (
    "is_anonymous_vpn",
    "is_public_proxy",
    "is_tor_exit_node",
    "is_residential_proxy",
    "is_anonymous_proxy",
)
_CONNECTIONS: Final = {
    "cellular": "mobile",
    "cable/dsl": "isp",
    "dialup": "isp",
    "satellite": "isp",
}
_USERS: Final = {
    "cellular": "mobile",
    "residential": "isp",
    "dialup": "isp",
    "cafe": "isp",
    "library": "isp",
    "traveler": "isp",
    "hosting": "hosting",
    "content_delivery_network": "hosting",
    "search_engine_spider": "bot",
    "consumer_privacy_network": "vpn",
}


class Fact(NamedTuple):
    """What one record says: one landed range is made of each."""

    kind: str
    org: str | None = None
    domain: str | None = None
    asn: int | None = None


def mmdb(path: Path, source: Source) -> Landed:
    """Read an ASN, ISP, connection-type, anonymous-IP, domain or enterprise database.

    Raises:
        SourceError: the file is no MMDB file, is damaged, or says nothing about owners of addresses.
    """
    content = open_raw(path)
    if not content.strip():
        return Landed(0, 0, {"landed_ip_ranges": empty("landed_ip_ranges")}, defects("", [], []))
    networks = read_networks(path, content)
    said = [_said(record) for record in networks.records]
    bad = np.array([facts is None for facts in said], dtype=np.bool_)
    told = np.array([bool(facts) for facts in said], dtype=np.bool_)
    of = networks.record
    rows = len(of)
    if rows and not told[of].any():
        raise SourceError(
            path,
            f"is a database ({networks.kind}) whose networks name no owner",
            "Use an ASN, ISP, connection-type, anonymous-IP, domain or enterprise database.",
        )
    at, fact = _spread(of, [facts or [] for facts in said])
    wrong = np.flatnonzero(bad[of])
    raw = [f"{networks.records[of[i]]!r}" for i in wrong.tolist()]
    quiet = int((~told[of] & ~bad[of]).sum())
    return Landed(
        rows=rows,
        accepted=int(told[of].sum()),
        tables={"landed_ip_ranges": _table(source, networks, at, fact)},
        defects=defects(source.connector, raw, [BAD_RECORD] * len(raw)),
        filtered={NOT_AN_OWNER: quiet} if quiet else {},
    )


def _said(record: Any) -> list[Fact] | None:
    """What a record says of the owner; nothing is an empty list, no sound record is None."""
    if not isinstance(record, Mapping):
        return None
    traits = record.get("traits")
    told = {**record, **traits} if isinstance(traits, Mapping) else dict(record)
    number = told.get("autonomous_system_number")
    names = [told.get(n) for n in ("organization", "autonomous_system_organization", "isp")]
    domain = told.get("domain")
    if not all(value is None or isinstance(value, str) for value in (*names, domain)):
        return None
    if not (number is None or (isinstance(number, int) and 0 <= number < 2**32)):
        return None
    facts = [Fact(kind) for kind in sorted(_against(told))]
    org = next((name for name in names if name), None)
    if org or number is not None:
        facts.append(Fact("asn", org, None, number))
    if domain:
        facts.append(Fact("reverse_dns", domain, domain))
    return facts


def _against(told: Mapping[str, Any]) -> set[str]:
    """The kinds of range that speak against one company behind the address."""
    kinds = set()
    if any(told.get(flag) is True for flag in _HIDDEN):
        kinds.add("vpn")
    if told.get("is_hosting_provider") is True:
        kinds.add("hosting")
    if told.get("is_anonymous") is True and not kinds:
        kinds.add("vpn")
    user = str(told.get("user_type", "")).casefold()
    if user in _USERS:
        kinds.add(_USERS[user])
    connection = str(told.get("connection_type", "")).casefold()
    # Firms rent such lines as well, and the database says so where it knows.
    if connection in _CONNECTIONS and user != "business":
        kinds.add(_CONNECTIONS[connection])
    if told.get("mobile_country_code"):
        kinds.add("mobile")
    if told.get("is_satellite_provider") is True:
        kinds.add("isp")
    return kinds


def _spread(
    of: np.ndarray, facts: list[list[Fact]]
) -> tuple[np.ndarray, dict[str, tuple[pa.DataType, list[Any]]]]:
    """Networks repeated for each fact of their record, and the facts' columns beside them."""
    count = np.array([len(f) for f in facts], dtype=np.int64)
    first = np.cumsum(count) - count
    repeats = count[of]
    at = np.repeat(np.arange(len(of)), repeats)
    within = np.arange(len(at)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    flat = [fact for of_record in facts for fact in of_record]
    rows = pa.array(first[of[at]] + within, pa.int64())
    types = {"kind": pa.string(), "org": pa.string(), "domain": pa.string(), "asn": pa.int64()}
    columns = {
        name: pa.array([getattr(f, name) for f in flat], kind).take(rows)
        for name, kind in types.items()
    }
    return at, columns


def _table(source: Source, networks: Networks, at: np.ndarray, fact: Mapping[str, Any]) -> pa.Table:
    is_v4, bits = networks.is_v4[at], networks.bits[at]
    upper, lower = networks.upper[at], networks.lower[at]
    small = np.minimum(bits, 32)
    start = np.where(is_v4, lower, 0).astype(np.int64)
    end = start + (np.int64(1) << small) - 1
    # A shift by 64 is no shift, so the free bits of each half are counted apart.
    last = [_filled(upper, bits - 64), _filled(lower, bits)]
    six = np.flatnonzero(~is_v4)
    columns = {
        "source": source.connector,
        "kind": fact["kind"],
        "range_start": pa.array(np.where(is_v4, start, UNKNOWN)),
        "range_end": pa.array(np.where(is_v4, end, UNKNOWN)),
        "ipv6_start": _hex(upper, lower, six),
        "ipv6_end": _hex(last[0], last[1], six),
        "org": fact["org"],
        "org_key": clean_company_names(fact["org"]),
        "domain": registrable_domains(fact["domain"]),
        "asn": fact["asn"],
    }
    return conform("landed_ip_ranges", len(at), columns)


def _filled(half: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """The half of an address with its lowest ``bits`` (0 to 64, else held there) set."""
    free = np.clip(bits, 0, 64)
    ones = np.array([(1 << n) - 1 for n in range(65)], dtype=np.uint64)
    return half | ones[free]


def _hex(upper: np.ndarray, lower: np.ndarray, rows: np.ndarray) -> pa.Array:
    out: list[str | None] = [None] * len(upper)
    for at in rows.tolist():
        out[at] = f"{int(upper[at]):016x}{int(lower[at]):016x}"
    return pa.array(out, pa.string())
