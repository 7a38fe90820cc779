"""Decisions on disk: what was known is kept beside landing, so that a lost warehouse has it back.

Belongs here: writing new decisions as Parquet, reading them all, taking a person out of
them. Does not belong here: which decisions are
new and what they knew (``core.decisions``), or publishing them (``assets.decisions``).

A file is written before the transaction that publishes its decisions. A kill in between leaves decisions
whose handoffs are published by the next run, with the moment at which they were first made.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Set
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mqa_platform.core.decision_texts import canonical
from mqa_platform.core.decisions import ERASED
from mqa_platform.home import Home
from mqa_platform.warehouse.spellings import any_of


def folder(home: Home) -> Path:
    """Where the decisions of a home lie."""
    return home.landing / "_decisions"


def files(home: Home, log: str) -> list[Path]:
    """The files of one log (``decisions``, ``known_entries``), oldest first."""
    return sorted(folder(home).glob(f"{log}-*.parquet"))


def stored(home: Home, log: str, key: str, schema: pa.Schema) -> pa.Table:
    """Every row of a log on disk, the first of those with one key, in the columns of the contract."""
    parts = []
    for path in files(home, log):
        table = pq.read_table(path)
        columns = [
            table[f.name].cast(f.type)
            if f.name in table.column_names
            else pa.nulls(len(table), f.type)
            for f in schema
        ]
        parts.append(pa.table(columns, schema=schema))
    whole = pa.concat_tables([schema.empty_table(), *parts])
    first: dict[str, int] = {}
    for at, one in enumerate(whole[key].to_pylist()):
        first.setdefault(one, at)
    return whole.take(pa.array(sorted(first.values()), pa.int64()))


def write(home: Home, log: str, rows: pa.Table, moment: str) -> None:
    """Add rows as one file, in one step; ``moment`` orders the files."""
    place = folder(home)
    place.mkdir(parents=True, exist_ok=True)
    target = place / f"{log}-{moment}.parquet"
    partial = target.with_suffix(f".{os.getpid()}.partial")
    pq.write_table(rows, partial, compression="zstd")
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(target)


def pseudonymous(decisions: pa.Table, signals: Set[str], texts: Collection[str]) -> pa.Table:
    """Decisions without a person: what was decided stays, who it rested on is named ``erased``.

    Args:
        decisions: rows of the contract.
        signals: the ids of the person's signals.
        texts: what must not stand in any text, in any case of letters.
    """
    known = []
    for text in decisions["known"].to_pylist():
        told = json.loads(text)
        if not signals & set(told["evidence"]):
            known.append(text)
            continue
        told["evidence"] = [ERASED if s in signals else s for s in told["evidence"]]
        known.append(canonical(told))
    at = decisions.schema.get_field_index("known")
    table = decisions.set_column(at, decisions.schema.field(at), pa.array(known, pa.string()))
    pattern = f"(?i){any_of(texts).pattern}"
    for at, field in enumerate(table.schema):
        if texts and pa.types.is_string(field.type):
            again = pc.replace_substring_regex(table[field.name], pattern, f"[{ERASED}]")
            table = table.set_column(at, field, again)
    return table
