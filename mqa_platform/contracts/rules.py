"""The SQL of a rule: which rows break it.

Belongs here: one SQL text a rule, the same for every engine that audits. Does not belong here:
deriving rules from a contract file (``loader``), running them (``warehouse``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from mqa_platform.contracts.errors import ContractError
from mqa_platform.contracts.model import Contract, Rule

NAME = r"[a-z_][a-z0-9_]*"
_PLACEHOLDER = re.compile(r"\{(?P<word>[A-Za-z_]\w*)(?::(?P<table>[^}]*))?\}")
_KNOWN = ("batch", "window_start", "window_end", "table")
# The largest finite double: NaN compares above it on DuckDB, PostgreSQL and Spark alike.
_LARGEST = "1.7976931348623157e308"
FIRST_DAY, LAST_DAY = date(1, 1, 1), date(9999, 12, 31)


def check_query(rule: str, query: str) -> None:
    """Refuse a query with an unknown placeholder, or one that does not read the staged rows."""
    words = []
    for found in _PLACEHOLDER.finditer(query):
        word, table = found["word"], found["table"]
        words.append(word)
        if word not in _KNOWN or (word == "table") != (table is not None):
            raise ContractError(
                f"rule {rule}: unknown placeholder {found.group()}; known are {{batch}}, "
                "{window_start}, {window_end}, {table:NAME}"
            )
        if table is not None and not re.fullmatch(NAME, table):
            raise ContractError(f"rule {rule}: {table!r} is not a table name")
    if "batch" not in words:
        raise ContractError(f"rule {rule}: the query does not read {{batch}}, the staged rows")


def offending_rows(
    rule: Rule,
    contract: Contract,
    *,
    batch: str,
    window: tuple[date, date] | None,
    table: Callable[[str], str],
) -> str:
    """A SELECT of the rows that break ``rule``.

    Args:
        rule: any rule of ``contract``.
        contract: tells column types and the day column.
        batch: the quoted name of the staged rows.
        window: half-open days that are being published; None where the whole table is.
        table: gives the quoted name of a sister table (staged in the same call, or published).
    """
    if rule.kind == "sql":
        return _render(rule.query or "", batch, window or (FIRST_DAY, LAST_DAY), table)
    if rule.kind == "unique":
        keys = ", ".join(map(quoted, rule.columns))
        return (
            f"SELECT {keys}, COUNT(*) AS copies FROM {batch} "  # noqa: S608 - names are allow-listed
            f"GROUP BY {keys} HAVING COUNT(*) > 1"
        )
    return f"SELECT * FROM {batch} WHERE {_predicate(rule, contract, window)}"  # noqa: S608


def quoted(name: str) -> str:
    """The name as an SQL identifier; it is allow-listed, the quotes only allow reserved words."""
    if not re.fullmatch(NAME, name):
        raise ContractError(
            f"{name!r} is not an allowed name: lower case letters, digits, underscore"
        )
    return f'"{name}"'


def literal(value: object) -> str:
    """An SQL literal for a bound or an allowed value."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, date):
        return (
            f"DATE '{value:%Y-%m-%d}'"
            if value.year >= 1000
            else f"DATE '{value.year:04d}-{value:%m-%d}'"
        )
    if isinstance(value, (int, float)):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"


def _predicate(rule: Rule, contract: Contract, window: tuple[date, date] | None) -> str:
    match rule.kind:
        case "inside_window":
            lo, hi = window or (FIRST_DAY, LAST_DAY)
            day = quoted(rule.columns[0])
            return f"{day} IS NULL OR {day} < {literal(lo)} OR {day} >= {literal(hi)}"
        case "not_null":
            return " OR ".join(f"{quoted(c)} IS NULL" for c in rule.columns)
        case "in_range":
            return _outside(quoted(rule.columns[0]), rule, _typed(contract, rule.columns[0]))
        case "length":
            return _outside(f"LENGTH({quoted(rule.columns[0])})", rule, literal)
        case "in_set":
            return f"{quoted(rule.columns[0])} NOT IN ({', '.join(map(literal, rule.values))})"
        case "matches":
            # DuckDB's ~ matches the whole text and PostgreSQL's any part of it; anchored, they
            # agree.
            return f"NOT ({quoted(rule.columns[0])} ~ {literal(f'^({rule.pattern})$')})"
        case "finite":
            return " OR ".join(
                f"{quoted(c)} > {_LARGEST} OR {quoted(c)} < -{_LARGEST}" for c in rule.columns
            )
    raise ContractError(f"rule {rule.name}: kind {rule.kind} has no predicate")


def _outside(what: str, rule: Rule, text: Callable[[object], str]) -> str:
    sides = []
    if rule.minimum is not None:
        sides.append(f"{what} < {text(rule.minimum)}")
    if rule.maximum is not None:
        sides.append(f"{what} > {text(rule.maximum)}")
    return " OR ".join(sides)


def _typed(contract: Contract, column: str) -> Callable[[object], str]:
    prefix = {"date": "DATE ", "timestamp": "TIMESTAMPTZ "}.get(
        contract.column(column).logical_type, ""
    )
    return lambda value: prefix + literal(value)


def _render(query: str, batch: str, window: tuple[date, date], table: Callable[[str], str]) -> str:
    def fill(found: re.Match[str]) -> str:
        match found["word"]:
            case "batch":
                return batch
            case "window_start":
                return literal(window[0])
            case "window_end":
                return literal(window[1])
        return table(found["table"])

    return _PLACEHOLDER.sub(fill, query)
