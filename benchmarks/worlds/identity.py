"""A world of a given number of signals: accounts, contacts, browsers and networks that grow with them.

Belongs here: tables of the forms that identity reads, made in numpy. Does not belong here: what is timed.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cached_property
from itertools import islice, product

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.sources.schemas import LANDED

DAYS = 30
FIRST = date(2025, 7, 1)
_DAY = 86_400_000_000
_START = int(datetime(2025, 7, 1, tzinfo=UTC).timestamp()) * 1_000_000
_MOMENT = pa.timestamp("us", tz="UTC")
_OPEN = """
    Al Bel Cor Dun Fer Gal Hol Kas Lor Mon Nor Pel Quin Ros Sul Tor Ul Ver
"""
_MIDDLE = """
    ba ce di fo gu la me ni po ra se ti vo wa xi za bri cla dro fle
"""
_CLOSE = """
    con dale field gen hart lin mark nex port quest ris son tec vale ware zon
"""
_KINDS = """
    Systems Foods Steel Energy Logistics Analytics Partners Works
"""
_FORMS = ("", " Inc", ", Inc.", " Ltd", " GmbH", " LLC")


class World:
    """Signals, accounts, contacts, browsers and networks of one size."""

    def __init__(self, signals: int) -> None:
        rng = np.random.default_rng(signals)
        self.n, self.accounts = signals, max(signals // 400, 100)
        stems = product(*(p.split() for p in (_OPEN, _MIDDLE, _MIDDLE, _CLOSE)))
        self.stems = ["".join(stem) for stem in islice(stems, self.accounts)]
        kinds = _KINDS.split()
        self.names = [f"{s} {kinds[i % len(kinds)]}" for i, s in enumerate(self.stems)]
        self.domains = pa.array([f"{s.lower()}.com" for s in self.stems])
        cookie = rng.integers(0, signals // 8 + 1, signals)
        # A visit is a burst of minutes: each browser comes on a few days.
        day = (cookie * 7 + rng.integers(0, 4, signals) * 11) % DAYS
        self.cookie = cookie
        self.moment = _START + day * _DAY + ((cookie * 977) % 64_800) * 1_000_000
        self.moment = self.moment + rng.integers(0, 7_200_000_000, signals)
        self.address = (1 << 24) + (cookie * 2 // 3) % (13 << 24)
        self.is_known = rng.random(signals) < 0.1
        self.is_named = rng.random(signals) < 0.03
        self.company = rng.integers(0, self.accounts, signals)
        self.form = rng.integers(0, len(_FORMS), signals)

    @cached_property
    def signals(self) -> pa.Table:
        """As the published table has them."""
        number = pc.cast(pa.array(np.arange(self.n)), pa.string())
        day = ((self.moment - _START) // _DAY).astype(np.int32) + (FIRST - date(1970, 1, 1)).days
        person = pa.array(self.cookie // 4)
        known = pa.array(~self.is_known)
        mail = pc.binary_join_element_wise("email:p", pc.cast(person, pa.string()), "")
        domain = self.domains.take(pa.array(self.cookie // 4 % self.accounts))
        written = pa.array([n + f for f in _FORMS for n in self.names])
        named = written.take(pa.array(self.form * self.accounts + self.company))
        blank = pa.nulls(self.n, pa.string())
        moment = pa.array(self.moment).cast(_MOMENT)
        texts = {"signal_type": "product_or_blog_view", "event": "page_view", "direction": "inbound",
                 "source": "segment", "channel": "web", "page_type": "product",
                 "page_path": "/product", "consent": "granted", "batch_id": "b"}  # fmt: skip
        return pa.table(
            {
                "signal_id": pc.binary_join_element_wise("s", number, ""),
                "signal_date": pa.array(day).cast(pa.date32()),
                "occurred_at": moment,
                "received_at": moment,
                **{k: _repeated(v, self.n) for k, v in texts.items()},
                **dict.fromkeys(
                    ("campaign", "host", "host_domain", "company_domain", "topic"), blank
                ),
                "person_key": pc.if_else(known, None, mail),
                "email_domain": pc.if_else(known, None, domain),
                "anonymous_id": self.cookies,
                "ip": self.ips,
                "company_name": pc.if_else(pa.array(self.is_named), named, None),
                "status": pa.nulls(self.n, pa.int64()),
                "intent_score": pa.nulls(self.n, pa.float64()),
                "strength": pa.array(np.ones(self.n)),
                "is_bot_agent": pa.array(np.zeros(self.n, dtype=bool)),
            }
        )

    @cached_property
    def cookies(self) -> pa.Array:
        """The browser of every signal."""
        return pc.binary_join_element_wise("c", pc.cast(pa.array(self.cookie), pa.string()), "")

    @cached_property
    def ips(self) -> pa.Array:
        """The address of every signal, as text."""
        parts = [(self.address >> shift) & 255 for shift in (24, 16, 8, 0)]
        return pc.binary_join_element_wise(*(pc.cast(pa.array(p), pa.string()) for p in parts), ".")

    @cached_property
    def ranges(self) -> pa.Table:
        """Networks that tile the addresses, and an office in one of them for every account."""
        size = max((13 << 24) // 400_000, 1)
        nets = (1 << 24) + np.arange(400_000, dtype=np.int64) * size
        office = (1 << 24) + np.arange(self.accounts, dtype=np.int64) * 96
        blank = pa.nulls(len(nets) + len(office), pa.string())
        keys = [f"network {i}" for i in range(len(nets))] + [n.lower() for n in self.names]
        columns = {
            **dict.fromkeys(LANDED["landed_ip_ranges"].names, blank),
            "batch_id": _repeated("b", len(keys)),
            "source": _repeated("list", len(keys)),
            "kind": pa.array(["asn"] * len(nets) + ["office"] * len(office)),
            "range_start": pa.array(np.concatenate([nets, office])),
            "range_end": pa.array(np.concatenate([nets + size - 1, office + 63])),
            "org": pa.array(keys),
            "org_key": pa.array(keys),
            "asn": pa.array(np.arange(len(keys))),
        }
        schema = pa.schema([f.with_nullable(True) for f in LANDED["landed_ip_ranges"]])
        return pa.table([columns[n] for n in schema.names], names=schema.names).cast(schema)

    def people(self) -> dict[str, pa.Table]:
        """The CRM, two years old, and what is known of browsers; by table name."""
        begun, n = date(2023, 7, 1), self.accounts
        ids = pa.array([f"a{i}" for i in range(n)])
        accounts = _with({"account_id": ids, "name": pa.array(self.names), "domain": self.domains},
                         ("source", "aliases", "parent_account_id", "industry", "owner_id"))  # fmt: skip
        rows = np.arange(n * 3)
        contacts = _with(
            {"contact_id": pa.array([f"k{i}" for i in rows]), "account_id": ids.take(pa.array(rows % n)),
             "person_ref": pa.array([f"email:p{i}" for i in rows])},
            ("source", "email_domain", "title"),
        )  # fmt: skip
        cookie = np.arange(0, self.n // 8, 12)
        names = LANDED["landed_identities"].names
        seen = pa.array(np.full(len(cookie), _START)).cast(_MOMENT)
        known = {
            "batch_id": _repeated("b", len(cookie)),
            "source": _repeated("segment", len(cookie)),
            "kind": _repeated("cookie", len(cookie)),
            "ref": pa.array([f"c{i}" for i in cookie]),
            "person_ref": pa.array([f"email:p{i // 4}" for i in cookie]),
            "email_domain": self.domains.take(pa.array(cookie // 4 % n)),
            "seen_at": seen,
        }
        return {
            "crm_accounts": _dated(accounts, begun),
            "crm_contacts": _dated(contacts, begun),
            "landed_identities": pa.table([known[c] for c in names], names=names),
        }


def _repeated(text: str, times: int) -> pa.Array:
    return pa.array(np.full(times, text)) if times else pa.array([], pa.string())


def _with(columns: dict[str, pa.Array], blank: tuple[str, ...]) -> pa.Table:
    n = len(next(iter(columns.values())))
    return pa.table({**columns, **dict.fromkeys(blank, pa.nulls(n, pa.string()))})


def _dated(table: pa.Table, begun: date) -> pa.Table:
    n = len(table)
    return (
        table.append_column("is_deleted", pa.array(np.zeros(n, dtype=bool)))
        .append_column("valid_from", pa.array([begun] * n, pa.date32()))
        .append_column("valid_to", pa.nulls(n, pa.date32()))
    )
