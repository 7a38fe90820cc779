"""Column expressions that mean the same on DuckDB, PostgreSQL and Spark.

Belongs here: the portable spelling of something more than one stage needs. Does not belong here:
anything that knows a stage's rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

BEGINNING = date(1900, 1, 1)


@ibis.udf.scalar.builtin(name="md5")
def md5(text: str) -> str:  # type: ignore[empty-body]
    """The MD5 of a text as lower-case hex; the one digest equal on all three engines."""


def identifier(*parts: ir.StringValue) -> ir.StringValue:
    """A stable id from several text columns; null parts count as empty."""
    return md5(joined("|", [p.fill_null("") for p in parts]))


def day_text(day: ir.DateValue) -> ir.StringValue:
    """A day as eight digits, for an id."""
    number = day.year() * 10_000 + day.month() * 100 + day.day()
    return number.cast("int64").cast("string")


def joined(separator: str, parts: Sequence[ir.StringValue]) -> ir.StringValue:
    """The parts in one text; null if any part is null."""
    text = parts[0]
    for part in parts[1:]:
        text = text + separator + part
    return text


def shard(account_id: ir.StringValue) -> ir.IntegerValue:
    """A bucket 0–63 of an account, so that a kernel can be run account range by account range."""
    digest = md5(account_id)
    return (digest.substr(0, 1).ascii_str() * 31 + digest.substr(1, 1).ascii_str()) % 64


def first_match(cases: Iterable[tuple[ir.BooleanValue, ir.Value]], default: ir.Value) -> ir.Value:
    """The value of the first condition that holds, else the default; no cases is the default."""
    listed = list(cases)
    return ibis.cases(*listed, else_=default) if listed else default


def one_of(value: ir.StringValue, words: Iterable[str]) -> ir.BooleanValue:
    """Whether a text is one of the words; false, not null, when there are no words."""
    listed = sorted(set(words))
    return value.isin(listed) if listed else value.isnull() & value.notnull()


def newest_first(table: ir.Table, key: Sequence[str], order: Sequence[ir.Value]) -> ir.Table:
    """One row a key: the first in the given total order."""
    ranked = table.mutate(_rank=ibis.row_number().over(ibis.window(group_by=key, order_by=order)))
    return ranked.filter(ranked["_rank"] == 0).drop("_rank")


def in_force(table: ir.Table, day: ir.DateValue) -> ir.BooleanValue:
    """Whether a row of a history (valid_from, valid_to) holds at the end of a day."""
    return (table["valid_from"] <= day) & (table["valid_to"].isnull() | (day < table["valid_to"]))


def none_of_type(dtype: str) -> ir.Value:
    """A null of the given type, for a column a branch of a union does not have."""
    return ibis.null(dtype)
