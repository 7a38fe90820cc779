"""The portability rules refuse what they are for and let the portable spelling pass."""

from __future__ import annotations

from collections.abc import Callable

import ibis
import ibis.expr.types as ir
import pytest

from mqa_platform_tests.core.portability import problems

T = ibis.table(
    {"s": "string", "n": "int64", "f": "float64", "b": "boolean", "d": "date", "m": "decimal(18,4)",
     "at": "timestamp('UTC')", "then": "timestamp('UTC')"},
    name="t",
)  # fmt: skip
ALL = ibis.window(group_by="s", order_by="n")
BAD: dict[str, Callable[[], ir.Expr]] = {
    "strip": lambda: T.s.strip(),
    "split": lambda: T.s.split(";")[0],
    "epoch": lambda: T["at"].epoch_seconds(),
    "hours": lambda: T["at"].truncate("s").delta(T.then.truncate("s"), unit="hour"),
    "fractions": lambda: T["at"].delta(T.then, unit="second"),
    "interval": lambda: T["at"] - T.then,
    "days": lambda: T.d - T.d.cast("date"),
    "date minus": lambda: T.d - ibis.interval(days=1),
    "bool": lambda: T.b.cast("int64"),
    "float to int": lambda: T.f.cast("int64"),
    "float to text": lambda: T.f.cast("string"),
    "time to text": lambda: T["at"].cast("string"),
    "integer division": lambda: T.n / 45.0,
    "decimal division": lambda: T.m / 45.0,
    "by nothing": lambda: T.f / T.n,
    "round": lambda: T.f.round(2),
    "extract": lambda: T.s.re_extract("a(b)", 1),
    "look-ahead": lambda: T.s.re_search("a(?=b)"),
    "word": lambda: T.s.re_search(r"\bceo\b"),
    "nunique": lambda: T.n.nunique().over(ibis.window(group_by="s")),
    "unordered": lambda: T.mutate(x=ibis.row_number().over(ibis.window(group_by="s"))),
    "first": lambda: T.group_by("s").aggregate(x=T.n.first(order_by=T.f)),
    "argmax": lambda: T.group_by("s").aggregate(x=T.n.argmax(T.f)),
    "distinct on": lambda: T.distinct(on="s", keep="first"),
    "concat": lambda: T.group_by("s").aggregate(x=T.s.group_concat()),
    "collect": lambda: T.group_by("s").aggregate(x=T.n.collect()),
    "strftime": lambda: T["at"].strftime("%Y"),
    "try": lambda: T.s.try_cast("int64"),
    "hash": lambda: T.s.hash(),
    "digest": lambda: T.s.hexdigest(),
    "distance": lambda: T.s.levenshtein("x"),
    "struct": lambda: ibis.struct({"a": T.n}),
    "log": lambda: T.f.ln(),
    "power": lambda: T.f.pow(2),
    "sample": lambda: T.sample(0.1),
    "now": lambda: ibis.now(),
    "asof": lambda: T.asof_join(T.view(), "at", "s"),
}  # fmt: skip
GOOD: dict[str, Callable[[], ir.Expr]] = {
    "epoch": lambda: T["at"].truncate("s").epoch_seconds(),
    "delta": lambda: T["at"].truncate("s").delta(T.then.truncate("s"), unit="second"),
    "days": lambda: T.d.delta(T.d, unit="day"),
    "division": lambda: T.m.cast("float64") / T.n.nullif(0),
    "extract": lambda: T.s.re_extract("a(b)", 1).nullif(""),
    "number": lambda: T.mutate(x=ibis.row_number().over(ALL)),
    "flag": lambda: ibis.ifelse(T.b, 1, 0).sum(),
    "later": lambda: T.d + ibis.interval(days=1),
}


@pytest.mark.parametrize("name", BAD)
def test_the_rule_catches_what_it_is_for(name):
    assert problems(BAD[name]())


@pytest.mark.parametrize("name", GOOD)
def test_the_rule_lets_the_portable_spelling_pass(name):
    assert problems(GOOD[name]()) == set()
