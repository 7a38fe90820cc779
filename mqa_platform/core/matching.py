"""The kernels of matching: what SQL does badly, as Arrow in and Arrow out.

Belongs here: reverse IP by binary search, company-name cleaning by distinct value. Does not belong
here: the order of the rules and their confidences (``identity``).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.company_names import clean_company_name
from mqa_platform.core.kernel import Kernel

_BLOCKING = ("hosting", "vpn", "bot", "isp")
IP_ANSWER = pa.schema(
    [
        ("ip", pa.string()),
        ("blocked", pa.string()),
        ("office_domain", pa.string()),
        ("office_key", pa.string()),
        ("asn_key", pa.string()),
        ("asn_org", pa.string()),
    ]
)
NAME_KEY = pa.schema([("name", pa.string()), ("name_key", pa.string())])


def ipv4_numbers(addresses: pa.Array) -> np.ndarray:
    """IPv4 addresses as integers; −1 where the text is not one."""
    parts = pc.extract_regex(
        pc.fill_null(addresses, ""),
        r"^(?P<a>\d{1,3})\.(?P<b>\d{1,3})\.(?P<c>\d{1,3})\.(?P<d>\d{1,3})$",
    )
    octets = [
        pc.fill_null(pc.cast(pc.struct_field(parts, name), pa.int64()), -1).to_numpy(
            zero_copy_only=False
        )
        for name in "abcd"
    ]
    valid = np.logical_and.reduce([(o >= 0) & (o <= 255) for o in octets])
    number = ((octets[0] * 256 + octets[1]) * 256 + octets[2]) * 256 + octets[3]
    return np.where(valid, number, -1)


class _Ranges:
    """Ranges of one kind, searched by their start; nested ranges answer with the narrowest."""

    def __init__(self, ranges: pa.Table) -> None:
        start = ranges["range_start"].to_numpy()
        end = ranges["range_end"].to_numpy()
        order = np.lexsort((-end, start))
        self.start, self.end, self.rows = start[order], end[order], order
        parent = np.full(len(order), -1)
        stack: list[int] = []
        for i in range(len(order)):
            while stack and self.end[stack[-1]] < self.start[i]:
                stack.pop()
            parent[i] = stack[-1] if stack else -1
            stack.append(i)
        self.parent = parent

    def find(self, numbers: np.ndarray) -> np.ndarray:
        """Row of the narrowest range that holds each number, −1 for none."""
        if not len(self.start):
            return np.full(len(numbers), -1)
        at = np.searchsorted(self.start, numbers, side="right") - 1
        while True:
            outside = (at >= 0) & (self.end[at] < numbers)
            if not outside.any():
                break
            at = np.where(outside, self.parent[at], at)
        return np.where((at >= 0) & (numbers >= 0), self.rows[at], -1)


def _column(ranges: pa.Table, name: str, rows: np.ndarray) -> pa.Array:
    return ranges[name].combine_chunks().take(pa.array(rows, mask=rows < 0))


def ip_lookup(ranges: pa.Table) -> Kernel:
    """Kernel: distinct ``ip`` → who owns the address. ``ranges`` is the landed_ip_ranges table.

    Listed autonomous systems (range_start −1) block every range of that number. A block wins over an
    owner: a rented address says nothing about who sits behind it.
    """
    listed = pc.less(ranges["range_start"], 0)
    addressed = ranges.filter(pc.invert(listed))
    by_kind = {
        k: addressed.filter(pc.equal(addressed["kind"], k)) for k in ("office", "asn", *_BLOCKING)
    }
    blocked_asn = ranges.filter(listed)
    asn_kind = dict(
        zip(blocked_asn["asn"].to_pylist(), blocked_asn["kind"].to_pylist(), strict=True)
    )
    searches = {k: _Ranges(t) for k, t in by_kind.items()}

    def lookup(table: pa.Table) -> pa.Table:
        numbers = ipv4_numbers(table["ip"].combine_chunks())
        found = {k: s.find(numbers) for k, s in searches.items()}
        blocked = np.full(len(numbers), None, dtype=object)
        asn = _column(by_kind["asn"], "asn", found["asn"]).to_pylist()
        for i, number in enumerate(asn):
            blocked[i] = asn_kind.get(number)
        for k in reversed(_BLOCKING):
            blocked[found[k] >= 0] = k
        office, asn_rows = found["office"], found["asn"]
        return pa.table(
            {
                "ip": table["ip"],
                "blocked": pa.array(blocked, pa.string()),
                "office_domain": _column(by_kind["office"], "domain", office),
                "office_key": _column(by_kind["office"], "org_key", office),
                "asn_key": _column(by_kind["asn"], "org_key", asn_rows),
                "asn_org": _column(by_kind["asn"], "org", asn_rows),
            },
            schema=IP_ANSWER,
        )

    lineage: dict[str, tuple[str, ...]] = dict.fromkeys(IP_ANSWER.names, ("ip",))
    return Kernel("ip_lookup", lookup, IP_ANSWER, lineage)


def _name_keys(table: pa.Table) -> pa.Table:
    names = table["name"].to_pylist()
    keys = [clean_company_name(n) or None if n else None for n in names]
    return pa.table({"name": names, "name_key": keys}, schema=NAME_KEY)


NAME_KEYS = Kernel("name_keys", _name_keys, NAME_KEY, {"name": ("name",), "name_key": ("name",)})
