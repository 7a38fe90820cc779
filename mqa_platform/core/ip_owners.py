"""Who owns an address: the kernel that asks the ranges of every kind, as Arrow in and Arrow out.

Belongs here: what each kind of range says, which of them wins, offices that hold for a time. Does not
belong here: the search itself (``ranges``), the order of the rules and their confidences (``identity``).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.addresses import (
    NO_V4,
    NO_V6,
    ipv4_numbers,
    ipv6_keys,
    keys_of_hex,
    plain,
    shown,
)
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.ranges import TIE, Ranges, Rows

# Anybody may rent these, so they say nothing of who sits behind them, whatever office is listed.
_RENTED = ("hosting", "vpn", "bot")
# A carrier's network holds its customers' offices: a narrower office range wins.
_CARRIED = ("mobile", "isp")
_REASON = {"mobile": "mobile_carrier"}
IP_ANSWER = pa.schema(
    [
        ("ip", pa.string()),
        ("blocked", pa.string()),
        ("office_domain", pa.string()),
        ("office_key", pa.string()),
        ("office_range", pa.string()),
        # Offices that hold for a time, or that several companies list: lines of
        # from|to|domain|key|range; see ``offices_in_time`` and ``tied_offices``.
        ("dated_offices", pa.string()),
        ("asn_key", pa.string()),
        ("asn_org", pa.string()),
        ("named_host", pa.string()),
        ("named_domain", pa.string()),
    ]
)
Office = tuple[str | None, str | None, str | None]


class _Asked:
    """The addresses of one call, as numbers of both versions."""

    def __init__(self, ips: pa.Array) -> None:
        bare = plain(ips)
        self.v4, self.v6 = ipv4_numbers(bare), ipv6_keys(bare)
        self.is_v4, self.is_v6 = self.v4 != NO_V4, self.v6 != NO_V6


class _Kind:
    """The ranges of one kind, of both address versions."""

    def __init__(self, table: pa.Table, owners: Callable[[pa.Table], Rows]) -> None:
        # Lists are delivered again and again; a copy says nothing and makes every search longer.
        said = [c for c in table.column_names if c not in ("source", "batch_id")]
        table = table.select(said).group_by(said).aggregate([])
        # Rows come in any order; what decides between equal ones must not.
        columns = [(c, "ascending") for c in ("org_key", "org", "domain", "asn")]
        self.table = table.sort_by(columns).combine_chunks() if len(table) else table
        is_v6 = self.table["ipv6_start"].is_valid().to_numpy()
        owner = owners(self.table)
        self.rows = [np.flatnonzero(~is_v6), np.flatnonzero(is_v6)]
        start, end = (self.table[c].to_numpy() for c in ("range_start", "range_end"))
        keys = [
            keys_of_hex(self.table[c].take(pa.array(self.rows[1])).combine_chunks())
            for c in ("ipv6_start", "ipv6_end")
        ]
        self.searches = [
            Ranges(start[self.rows[0]], end[self.rows[0]], owner[self.rows[0]]),
            Ranges(keys[0], keys[1], owner[self.rows[1]]),
        ]
        self.size = np.zeros(len(self.table))
        for rows, search in zip(self.rows, self.searches, strict=True):
            self.size[rows[search.order]] = search.size

    def find(self, asked: _Asked) -> Rows:
        """Rows of ``table``; −1 none, −2 several owners."""
        out = self._of(0, self.searches[0].find(asked.v4, asked.is_v4))
        if asked.is_v6.any():
            six = self._of(1, self.searches[1].find(asked.v6, asked.is_v6))
            out = np.where(asked.is_v6, six, out)
        return out

    def _of(self, version: int, found: Rows) -> Rows:
        rows = np.append(self.rows[version], 0)
        return np.where(found >= 0, rows[np.maximum(found, -1)], found)

    def holding(self, asked: _Asked, at: int) -> list[int]:
        """Every row that holds one address."""
        version = int(asked.is_v6[at])
        number = asked.v6[at] if version else asked.v4[at]
        return [int(self.rows[version][r]) for r in self.searches[version].all_that_hold(number)]

    def sizes(self, rows: Rows) -> npt.NDArray[np.float64]:
        """The size of each found range; infinite where none was found."""
        known = np.append(self.size, np.inf)
        return known[np.where(rows >= 0, rows, len(self.size))]

    def column(self, name: str, rows: Rows) -> pa.Array:
        """A column of the found ranges; null where none was found, or where the list says nothing."""
        found = self.table[name].combine_chunks().take(pa.array(rows, mask=rows < 0))
        if not pa.types.is_string(found.type):
            return found
        return pc.if_else(pc.equal(found, ""), pa.scalar(None, pa.string()), found)

    def ranges(self, rows: Rows) -> list[str | None]:
        """The found ranges as text."""
        different, at = np.unique(rows, return_inverse=True)
        texts = [self._shown(row) if row >= 0 else None for row in different.tolist()]
        return [texts[i] for i in at.tolist()]

    def _shown(self, row: int) -> str:
        six = self.table["ipv6_start"][row].as_py()
        if six is not None:
            return shown(bytes.fromhex(six), bytes.fromhex(self.table["ipv6_end"][row].as_py()))
        return shown(self.table["range_start"][row].as_py(), self.table["range_end"][row].as_py())


def _one_owner(table: pa.Table) -> Rows:
    return np.zeros(len(table), dtype=np.int64)


def _codes(texts: list[Any]) -> Rows:
    known: dict[Any, int] = {}
    return np.array([known.setdefault(text, len(known)) for text in texts], dtype=np.int64)


def _companies(table: pa.Table) -> Rows:
    """A number a company: its domain, which a list may give on one of its lines only, else its name."""
    keys, domains = table["org_key"].to_pylist(), table["domain"].to_pylist()
    of_key = {k: d for k, d in zip(keys, domains, strict=True) if k and d}
    return _codes([d or of_key.get(k, k) for k, d in zip(keys, domains, strict=True)])


def _networks(table: pa.Table) -> Rows:
    return pc.fill_null(table["asn"], -1).to_numpy()


def _dated(table: pa.Table) -> pa.Table:
    return table.filter(pc.or_(table["valid_from"].is_valid(), table["valid_to"].is_valid()))


class _Spans:
    """Offices that hold for a time or are listed by several, for the few addresses in one of them."""

    def __init__(self, offices: _Kind) -> None:
        self.all = offices
        self.dated = _Kind(_dated(offices.table), _one_owner)
        self.owner = _companies(offices.table)
        self.lines = {c: offices.table[c].to_pylist() for c in _SPAN}

    def of(self, asked: _Asked, office: Rows) -> list[str | None]:
        """What ``dated_offices`` says of each address; null where one office holds it for good."""
        told = (self.dated.find(asked) >= 0) | (office == TIE)
        return [
            self._told(self.all.holding(asked, i)) if is_told else None
            for i, is_told in enumerate(told.tolist())
        ]

    def _told(self, rows: list[int]) -> str:
        """Disjoint spans in order, each with the most specific office; of a tie one line a company."""
        bounds = {self.lines[c][r] or limit for r in rows for c, limit in _LIMITS.items()}
        days = sorted(bounds | set(_LIMITS.values()))
        told: list[tuple[date, date, list[Office]]] = []
        for first, after in zip(days, days[1:], strict=False):
            offices = self._best([r for r in rows if self._holds(r, first)])
            if told and told[-1][2] == offices:
                told[-1] = (told[-1][0], after, offices)
            else:
                told.append((first, after, offices))
        return "\n".join(
            "|".join([first.isoformat(), after.isoformat(), *(v or "" for v in office)])
            for first, after, offices in told
            for office in offices
        )

    def _holds(self, row: int, day: date) -> bool:
        first, after = self.lines["valid_from"][row], self.lines["valid_to"][row]
        return (first is None or first <= day) and (after is None or day < after)

    def _best(self, rows: list[int]) -> list[Office]:
        if not rows:
            return []
        least = min(self.all.size[r] for r in rows)
        # The first line of each company, as the lines are sorted.
        best = sorted((r for r in rows if self.all.size[r] == least), reverse=True)
        first = sorted({int(self.owner[r]): r for r in best}.values())
        texts = self.all.ranges(np.array(first))
        return [
            (self.lines["domain"][r], self.lines["org_key"][r], text)
            for r, text in zip(first, texts, strict=True)
        ]


_LIMITS = {"valid_from": date(1900, 1, 1), "valid_to": date(9999, 12, 31)}
_SPAN = ("valid_from", "valid_to", "domain", "org_key")


def ip_lookup(ranges: pa.Table) -> Kernel:
    """Kernel: distinct ``ip`` → who owns the address. ``ranges`` is the landed_ip_ranges table.

    The most specific range of a kind answers; equally specific ones of two owners answer nobody, and of
    offices it is told whose they are. Listed autonomous systems (no range of their own) block every
    range of that number. What anybody may rent blocks always, a carrier's network unless a narrower
    office lies in it.
    """
    listed = pc.and_(pc.less(ranges["range_start"], 0), pc.is_null(ranges["ipv6_start"]))
    addressed, systems = ranges.filter(pc.invert(listed)), ranges.filter(listed)
    owners = {"office": _companies, "asn": _networks, "reverse_dns": _companies}
    kinds = {
        k: _Kind(addressed.filter(pc.equal(addressed["kind"], k)), owners.get(k, _one_owner))
        for k in (*owners, *_RENTED, *_CARRIED)
    }
    spans = _Spans(kinds["office"])
    told = zip(systems["asn"].to_pylist(), systems["kind"].to_pylist(), strict=True)
    system_kinds: dict[int, set[str]] = {}
    for number, kind in told:
        system_kinds.setdefault(number, set()).add(kind)

    def lookup(table: pa.Table) -> pa.Table:
        ips = table["ip"].combine_chunks()
        asked = _Asked(ips)
        found = {k: kind.find(asked) for k, kind in kinds.items()}
        dated = spans.of(asked, found["office"])
        office = np.where([d is not None for d in dated], -1, found["office"])
        asn, host = found["asn"], found["reverse_dns"]
        columns = {
            "ip": ips,
            "blocked": _blocked(kinds, found, system_kinds),
            "office_domain": kinds["office"].column("domain", office),
            "office_key": kinds["office"].column("org_key", office),
            "office_range": kinds["office"].ranges(office),
            "dated_offices": dated,
            "asn_key": kinds["asn"].column("org_key", asn),
            "asn_org": kinds["asn"].column("org", asn),
            "named_host": kinds["reverse_dns"].column("org", host),
            "named_domain": kinds["reverse_dns"].column("domain", host),
        }
        return pa.table(columns, schema=IP_ANSWER)

    lineage: dict[str, tuple[str, ...]] = dict.fromkeys(IP_ANSWER.names, ("ip",))
    return Kernel("ip_lookup", lookup, IP_ANSWER, lineage)


def _blocked(
    kinds: dict[str, _Kind], found: dict[str, Rows], systems: dict[int, set[str]]
) -> pa.Array:
    """The reason against an address as a company's, or null."""
    asn = pc.fill_null(kinds["asn"].column("asn", found["asn"]), -1).to_numpy(zero_copy_only=False)
    office = kinds["office"].sizes(found["office"])
    blocked = np.full(len(asn), None, dtype=object)
    for kind in reversed((*_RENTED, *_CARRIED)):
        numbers = [n for n, named in systems.items() if kind in named and n is not None]
        by_system = np.isin(asn, numbers)
        rows = found[kind]
        holds = (rows >= 0) | by_system
        if kind in _CARRIED:
            size = np.where(by_system, kinds["asn"].sizes(found["asn"]), np.inf)
            holds &= ~(office < np.minimum(size, kinds[kind].sizes(rows)))
        blocked[holds] = _REASON.get(kind, kind)
    return pa.array(blocked, pa.string())
