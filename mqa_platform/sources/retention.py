"""IP retention: after so many days the address of a visit is dropped, and what it told us is kept.

Belongs here: finding what is due, what takes its place, and the order of the steps. Does not belong
here: how a file is rewritten (``batch_rewriting``), or how rows are (``warehouse.rewriting``).

Each address becomes ``ip:`` with a keyed digest, in the batch's Parquet file, in ``landed_signals`` and
in the published signals. The resolver's answer for it is stored under that name, so that the days are
found the same when they are run again, and after a rebuild. The files come first and the warehouse
last: what a killed run has begun, the next one finds still due in the warehouse, and ends.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.addresses import masked_host
from mqa_platform.core.ip_answers import is_address
from mqa_platform.core.ip_owners import IP_ANSWER, ip_lookup
from mqa_platform.home import Home
from mqa_platform.policy.models import Policy
from mqa_platform.sources.batch_rewriting import ANSWERS, BatchFile
from mqa_platform.sources.columns import flat
from mqa_platform.sources.personal_key import ip_tokens
from mqa_platform.sources.pulled_addresses import drop_pages
from mqa_platform.sources.schemas import LANDED
from mqa_platform.warehouse import Session
from mqa_platform.warehouse.rewriting import Column, replace_values

REWRITES: Final = "privacy_rewrites"
_COLUMNS: Final = (
    Column("landed_signals", "ip", "event_date"),
    Column("signals", "ip", "signal_date"),
)
_SAID: Final = tuple(name for name in IP_ANSWER.names if name != "ip")
_PAIRS: Final = pa.schema([("batch_id", pa.string()), ("old", pa.string()), ("new", pa.string())])
# What the resolver says of an address: the columns of ``IP_ANSWER`` after the address itself.
Said = tuple[str | None, ...]


@dataclass(frozen=True)
class Retained:
    """What was dropped: addresses, in so many rows of so many batches, and raw pages of feeds."""

    addresses: int = 0
    rows: int = 0
    batches: int = 0
    pages: int = 0


@dataclass
class _Due:
    """The batches with addresses that are due, and what is said of each address now."""

    files: dict[str, BatchFile] = field(default_factory=dict)
    addresses: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    rows: int = 0

    def by_source(self) -> dict[str, set[str]]:
        """The addresses by the source whose batches have them."""
        found: dict[str, set[str]] = defaultdict(set)
        for batch, ips in self.addresses.items():
            found[self.files[batch].source] |= ips
        return found


def retain(
    session: Session, home: Home, policy: Policy, as_of: date, at: datetime | None = None
) -> Retained:
    """Drop the addresses of signals that are older than the policy's ``ip_retention_days``.

    Args:
        session: of the warehouse that keeps the landed tables.
        home: where landing lies. A batch that lies elsewhere (a shadow reads the live landing) is
            rewritten in the warehouse alone.
        policy: says after how many days.
        as_of: the day it is.
        at: the moment for the record; default now.
    """
    before = as_of - timedelta(days=policy.program.ip_retention_days)
    due = _due(session, home, before)
    pages = drop_pages(session, home, policy, due.by_source(), before)
    if not due.addresses:
        _remember(session, home)
        return Retained(pages=pages)
    moment = at or datetime.now(UTC)
    addresses = {ip for ips in due.addresses.values() for ip in ips}
    said, version = _answers(session, addresses)
    naming = _Naming(session, due, ip_tokens(addresses))
    answers, pairs = [LANDED[ANSWERS].empty_table()], [_PAIRS.empty_table()]
    for batch, ips in sorted(due.addresses.items()):
        file = due.files[batch]
        named = {ip: naming.name(batch, ip, said[ip]) for ip in sorted(ips)}
        stored = naming.table(file, named, version)
        file.drop(named, stored.drop_columns("batch_id"), before, moment)
        answers.append(naming.not_stored(batch, stored))
        columns = [[batch] * len(named), list(named), list(named.values())]
        pairs.append(pa.table(columns, schema=_PAIRS))
    added = {
        ANSWERS: pa.concat_tables(answers),
        REWRITES: _unknown(session, due.files),
    }
    replace_values(session, _COLUMNS, pa.concat_tables(pairs), before, added)
    return Retained(len(addresses), due.rows, len(due.addresses), pages)


def _due(session: Session, home: Home, before: date) -> _Due:
    signals = session.table("landed_signals")
    old = signals.filter((signals["event_date"] < before) & is_address(signals["ip"]))
    found = old.group_by("batch_id", "source", "ip").aggregate(n=old.count())
    due = _Due()
    rows = session.arrow(found).to_pydict()
    for batch, source, ip, n in zip(*(rows[c] for c in found.columns), strict=True):
        due.addresses[batch].add(ip)
        due.files.setdefault(batch, BatchFile(batch, source, home.root))
        due.rows += n
    due.files = _placed(session, home, due.files)
    return due


def _placed(session: Session, home: Home, files: Mapping[str, BatchFile]) -> dict[str, BatchFile]:
    """The same with the places that the ledger knows."""
    if not files:
        return {}
    ledger = session.table("landed_batches").select("batch_id", "path")
    paths = {row["batch_id"]: row["path"] for row in session.rows(ledger)}
    return {b: BatchFile(b, f.source, home.root / paths.get(b, b)) for b, f in files.items()}


def _answers(session: Session, addresses: set[str]) -> tuple[dict[str, Said], str]:
    """What the resolver says of each address today, and the version of what it knows."""
    ranges = session.arrow(session.table("landed_ip_ranges"))
    asked = pa.table({"ip": pa.array(sorted(addresses), pa.string())})
    found = ip_lookup(ranges).fn(asked)
    hosts = zip(found["named_host"].to_pylist(), found["named_domain"].to_pylist(), strict=True)
    # A provider's name for an address is the address.
    kept = {"named_host": [h and masked_host(h, d or "") for h, d in hosts]}
    said = zip(*(kept.get(name) or found[name].to_pylist() for name in _SAID), strict=True)
    return dict(zip(found["ip"].to_pylist(), said, strict=True)), _version(ranges)


def _version(ranges: pa.Table) -> str:
    """12 hex digits that change with the ranges, and not with their order or batches."""
    known = ranges.drop_columns(["source", "batch_id"])
    ordered = known.sort_by([(name, "ascending") for name in known.column_names])
    digest = hashlib.sha256()
    for column in ordered.columns:
        text = pc.fill_null(flat(column).cast(pa.string()), "\x00")
        digest.update(
            pc.binary_join(pa.ListArray.from_arrays([0, len(text)], text), "\n")[0].as_buffer()
        )
    return digest.hexdigest()[:12]


class _Naming:
    """Which token stands for an address: one token has one answer, in whatever batch it is."""

    def __init__(self, session: Session, due: _Due, tokens: Mapping[str, str]) -> None:
        self._tokens = tokens
        asked = session.constant("asked_tokens", pa.table({"token": sorted(tokens.values())}))
        stored = session.table(ANSWERS)
        # A further answer for one address has a number behind its token.
        stored = stored.mutate(token=stored["ip"].substr(0, len(next(iter(tokens.values())))))
        rows = session.rows(stored.semi_join(asked, "token"))
        self.said: dict[str, Said] = {r["ip"]: tuple(r[c] for c in _SAID) for r in rows}
        self._stored = {(r["batch_id"], r["ip"]) for r in rows}
        self._begun: dict[tuple[str, str], str] = {}
        for batch, file in due.files.items():
            self._begin(batch, file)

    def _begin(self, batch: str, file: BatchFile) -> None:
        """Tokens that a killed run has written to the batch's files, and not to the warehouse."""
        answers = file.stored_answers()
        for row in answers.to_pylist() if answers is not None else []:
            token = row["ip"]
            if (batch, token) not in self._stored:
                self._begun[batch, token.partition("-")[0]] = token
                self.said.setdefault(token, tuple(row[c] for c in _SAID))

    def name(self, batch: str, address: str, said: Said) -> str:
        """The token of an address in a batch, with the answer it has from now on."""
        base = token = self._tokens[address]
        if (batch, base) in self._begun:
            return self._begun[batch, base]
        number = 1
        while self.said.setdefault(token, said) != said:
            number += 1
            token = f"{base}-{number}"
        return token

    def table(self, file: BatchFile, named: Mapping[str, str], version: str) -> pa.Table:
        """What is said of a batch's tokens, as rows of landed_ip_answers."""
        tokens = sorted(set(named.values()))
        said = zip(*(self.said[token] for token in tokens), strict=True)
        columns = {"source": [file.source] * len(tokens), "ip": tokens}
        columns |= dict(zip(_SAID, map(list, said), strict=True))
        columns |= {"version": [version] * len(tokens), "batch_id": [file.batch_id] * len(tokens)}
        return pa.table(columns, schema=LANDED[ANSWERS])

    def not_stored(self, batch: str, answers: pa.Table) -> pa.Table:
        """Those that the warehouse does not have for this batch yet."""
        tokens = answers["ip"].to_pylist()
        return answers.filter(
            pa.array([(batch, t) not in self._stored for t in tokens], pa.bool_())
        )


def _unknown(session: Session, files: Mapping[str, BatchFile]) -> pa.Table:
    """The rewrites that these batches' files tell of and ``privacy_rewrites`` does not."""
    rewrites = session.table(REWRITES)
    known = {row["rewrite_id"] for row in session.rows(rewrites.select("rewrite_id"))}
    told = [row for batch in sorted(files) for row in files[batch].rewrites()]
    schema = session.catalogue.arrow_schema(REWRITES)
    return pa.Table.from_pylist([r for r in told if r["rewrite_id"] not in known], schema=schema)


def _remember(session: Session, home: Home) -> None:
    """After a rebuild: take the record of rewrites back from the batches' own notes."""
    answers = session.table(ANSWERS).select("batch_id", "source").distinct()
    forgotten = answers.anti_join(session.table(REWRITES), "batch_id")
    found = {r["batch_id"]: BatchFile(**r, stem=home.root) for r in session.rows(forgotten)}
    rows = _unknown(session, _placed(session, home, found)) if found else None
    if rows:
        replace_values(session, (), _PAIRS.empty_table(), date.min, {REWRITES: rows})
