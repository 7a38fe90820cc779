"""The SOQL that clients ask of the local Salesforce, answered strictly: anything else is malformed.

Belongs here: parsing and running one query over rows in memory. Does not belong here: HTTP
(``salesforce``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Row = dict[str, Any]

_QUERY = re.compile(
    r"^SELECT (?P<fields>COUNT\(\)|[\w.]+(?:, ?[\w.]+)*) FROM (?P<object>\w+)"
    r"(?: WHERE (?P<where>.+?))?(?: ORDER BY (?P<order>\w+(?: DESC)?(?:, \w+(?: DESC)?)*))?"
    r"(?: LIMIT (?P<limit>\d{1,6}))?$",
    re.DOTALL,
)
_TEXT = r"'(?:[^'\\]|\\.)*'"
_TEST = re.compile(
    rf"^([\w.]+) (>=|<=|!=|>|<|=) "
    rf"({_TEXT}|\d{{4}}-\d\d-\d\dT[\d:.]+Z|\d{{4}}-\d\d-\d\d|-?\d+(?:\.\d+)?|true|false|null)$",
    re.IGNORECASE,
)
_IN = re.compile(rf"^([\w.]+) IN \(({_TEXT}(?:, ?{_TEXT})*)\)$")
_PIECES = re.compile(rf"{_TEXT}|[()]| AND | OR |[^'() AO]+|.", re.DOTALL)


class MalformedError(Exception):
    """The service would answer 400; the arguments are errorCode and message."""


@dataclass(frozen=True)
class Query:
    """One parsed query; a name in ``order`` that ends in DESC falls."""

    object: str
    fields: tuple[str, ...]
    where: str
    order: tuple[str, ...]
    limit: int | None = None

    @property
    def is_count(self) -> bool:
        """Whether only the number of rows is asked for."""
        return self.fields == ("COUNT()",)


def parse(text: str) -> Query:
    """The query that a text is; raises MalformedError when it is none that is understood."""
    found = _QUERY.match(text)
    if found is None:
        raise MalformedError("MALFORMED_QUERY", f"unexpected token: {text[:80]}")
    order = tuple(found["order"].split(", ")) if found["order"] else ()
    fields = tuple(name.strip() for name in found["fields"].split(","))
    limit = int(found["limit"]) if found["limit"] else None
    return Query(found["object"], fields, found["where"] or "", order, limit)


def run(query: Query, rows: list[Row]) -> list[Row]:
    """The rows that a query finds, in its order; raises MalformedError for unknown names."""
    found = [row for row in rows if _holds(query.where, row)]
    for name in reversed(query.order):
        field, _, falls = name.partition(" ")
        found.sort(
            key=lambda row: (row[field] is not None, _comparable(row[field])), reverse=bool(falls)
        )
    return found if query.limit is None else found[: query.limit]


def _holds(where: str, row: Row) -> bool:
    if not where:
        return True
    either = _split(where, " OR ")
    if len(either) > 1:
        return any(_holds(part, row) for part in either)
    both = _split(where, " AND ")
    if len(both) > 1:
        return all(_holds(part, row) for part in both)
    if where.startswith("(") and where.endswith(")"):
        return _holds(where[1:-1], row)
    return _test(where, row)


def _split(where: str, word: str) -> list[str]:
    """The parts between a word that stands outside of brackets and texts."""
    parts, depth = [""], 0
    for piece in _PIECES.findall(where):
        depth += {"(": 1, ")": -1}.get(piece, 0)
        if piece == word and not depth:
            parts.append("")
        else:
            parts[-1] += piece
    return parts


def _test(text: str, row: Row) -> bool:
    among = _IN.match(text)
    if among is not None:
        return str(_value(among[1], row)) in [_unquoted(t) for t in re.findall(_TEXT, among[2])]
    found = _TEST.match(text)
    if found is None:
        raise MalformedError("MALFORMED_QUERY", f"unexpected token: {text[:80]}")
    name, operator, literal = found.groups()
    left, right = _comparable(_value(name, row)), _literal(literal)
    if operator == "=":
        return bool(left == right)
    if operator == "!=":
        return bool(left != right)
    if left is None or right is None:
        return False
    outcomes = {">=": left >= right, "<=": left <= right, ">": left > right, "<": left < right}
    return bool(outcomes[operator])


def _value(name: str, row: Row) -> Any:
    if name not in row:
        raise MalformedError("INVALID_FIELD", f"No such column '{name}'")
    return row[name]


def _literal(text: str) -> Any:
    if text.startswith("'"):
        return _unquoted(text)
    if "T" in text and text.endswith("Z"):
        return _moment(text)
    words = {"true": True, "false": False, "null": None}
    if text.lower() in words:
        return words[text.lower()]
    return text if re.match(r"\d{4}-", text) else float(text)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _comparable(value: Any) -> Any:
    is_time = isinstance(value, str) and re.match(r"^\d{4}-\d\d-\d\dT", value)
    return _moment(value) if is_time else value


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("+0000", "+00:00").replace("Z", "+00:00"))
