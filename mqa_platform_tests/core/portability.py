"""What no stage may ask of an engine, and what to write instead.

Belongs here: collecting expressions, the walk through an expression's graph and its rules; what is refused
here was tried and gave another answer, or an error, on DuckDB, PostgreSQL or Spark. Does not belong here: tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir

from mqa_platform.core.kernel import Kernel

# Operation → what to write instead.
REFUSED = {
    "Strip": "re_replace of the white space at both ends",
    "LStrip": "re_replace",
    "RStrip": "re_replace",
    "TimestampDiff": "delta of truncated timestamps",
    "TimestampSub": "a comparison with timestamp + interval",
    "DateDiff": "delta in days",
    "DateSub": "a comparison with date + interval",
    "Levenshtein": "a kernel",
    "First": "row_number and a filter",
    "Last": "row_number and a filter",
    "ArgMax": "row_number and a filter",
    "ArgMin": "row_number and a filter",
    "GroupConcat": "a kernel",
    "ArrayCollect": "a kernel",
    "Strftime": "a format at the edge",
    "TryCast": "a regular expression before the cast",
    "Hash": "md5",
    "HashBytes": "md5",
    "HexDigest": "md5",
    "Sample": "a filter on md5",
    "RandomScalar": "nothing random",
    "RandomUUID": "md5",
    "TimestampNow": "the day as an argument",
    "DateNow": "the day as an argument",
    "BitXor": "a sum",
    "StructColumn": "columns",
    "StructField": "columns",
    "ApproxCountDistinct": "a count of distinct rows",
    "Ln": "a kernel",
    "Log": "a kernel",
    "Exp": "a kernel",
    "Power": "a kernel",
    "Sqrt": "a kernel",
}
_NOT_RE2 = re.compile(r"\(\?[=!<]|\\[1-9bB]")


def _text(node: ops.Node) -> str:
    return str(node)[:60].replace("\n", " ")


def _division(node: ops.Divide) -> Iterator[str]:
    if not node.left.dtype.is_floating():
        yield "cast the dividend to float64 before it meets the divisor"
    right = node.right
    sure = isinstance(right, ops.Literal) and right.value != 0
    if not sure and not right.find((ops.NullIf, ops.Coalesce)):
        yield "divide by nullif(0)"


def _cast(node: ops.Cast) -> Iterator[str]:
    given, to = node.arg.dtype, node.to
    if given.is_boolean() and to.is_integer() and not to.is_int32():
        yield "ifelse(b, 1, 0) instead of a cast of a boolean"
    if given.is_floating() and to.is_integer() and not isinstance(node.arg, ops.Literal):
        yield "floor instead of a cast to integer"
    if to.is_string() and (given.is_floating() or given.is_temporal()):
        yield "no text of a float or a time"


def _window(node: ops.WindowFunction) -> Iterator[str]:
    if isinstance(node.func, ops.CountDistinct):
        yield "distinct rows and a join instead of nunique over a window"
    if isinstance(node.func, (ops.RowNumber, ops.Lag, ops.Lead)) and not node.order_by:
        yield "an order for a numbering"


def _text_rules(node: ops.Node, parents: list[ops.Node]) -> Iterator[str]:
    if isinstance(node, ops.ArrayIndex) and isinstance(node.arg, ops.StringSplit):
        yield "re_extract instead of split and index"
    if isinstance(node, ops.RegexExtract) and not (
        parents and all(isinstance(p, ops.NullIf) for p in parents)
    ):
        yield 're_extract(...).nullif("")'
    if isinstance(node, (ops.RegexExtract, ops.RegexSearch, ops.RegexReplace)):
        pattern = node.pattern.value if isinstance(node.pattern, ops.Literal) else ""
        if _NOT_RE2.search(pattern):
            yield f"RE2 cannot read {pattern}"


def _time_rules(node: ops.Node) -> Iterator[str]:
    if isinstance(node, ops.ExtractEpochSeconds) and not isinstance(
        node.arg, ops.TimestampTruncate
    ):
        yield "truncate to seconds before epoch_seconds"
    if isinstance(node, ops.TimestampDelta):
        if not all(isinstance(a, ops.TimestampTruncate) for a in (node.left, node.right)):
            yield "truncate both sides of a delta"
        if str(node.part.value) != "second":
            yield "a delta of timestamps in seconds"


def _complaints(node: ops.Node, parents: list[ops.Node]) -> Iterator[str]:
    name = type(node).__name__
    if name in REFUSED:
        yield f"{name}: use {REFUSED[name]}"
    if isinstance(node, ops.Divide):
        yield from _division(node)
    if isinstance(node, ops.Cast):
        yield from _cast(node)
    if isinstance(node, ops.WindowFunction):
        yield from _window(node)
    if isinstance(node, ops.Round) and node.arg.dtype.is_floating():
        yield "round decimals, not floats"
    if isinstance(node, ops.JoinChain) and any(link.how == "asof" for link in node.rest):
        yield "a left join with row_number instead of an asof join"
    yield from _time_rules(node)
    yield from _text_rules(node, parents)


def problems(expr: ir.Expr) -> set[str]:
    """Every refused operation of an expression, with what to write instead."""
    nodes = expr.op().find(ops.Node)
    parents: dict[ops.Node, list[ops.Node]] = {}
    for node in nodes:
        for argument in node.__children__:
            parents.setdefault(argument, []).append(node)
    return {
        f"{complaint}: {_text(node)}"
        for node in nodes
        for complaint in _complaints(node, parents.get(node, []))
    }


class Cuts:
    """Collects the expressions of the stages; each is read on as a plain table."""

    def __init__(self) -> None:
        self.seen: dict[str, ir.Table] = {}

    def __call__(self, expr: ir.Table, name: str = "kept") -> ir.Table:
        key = f"{name}_{len(self.seen)}"
        self.seen[key] = expr
        return ibis.table(expr.schema(), name=key)

    def apply(self, kernel: Kernel, expr: ir.Table, shard_by: str) -> ir.Table:
        assert shard_by in expr.columns
        self(expr, f"input_of_{kernel.name}")
        return ibis.table(
            ibis.schema(dict(ibis.Schema.from_pyarrow(kernel.schema))), name=kernel.name
        )
