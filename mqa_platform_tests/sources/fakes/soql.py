"""The little of SOQL that the Salesforce client asks, answered strictly: anything else is malformed.

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
    r"^SELECT (?P<fields>COUNT\(\)|[\w.]+(?:, [\w.]+)*) FROM (?P<object>\w+)"
    r"(?: WHERE (?P<where>.+?))?(?: ORDER BY (?P<order>\w+(?:, \w+)*))?$"
)
_TEST = re.compile(r"^(\w+) (>=|<=|>|<|=) ('(?:[^'\\]|\\.)*'|\d{4}-\d\d-\d\dT[\d:.]+Z)$")


class MalformedError(Exception):
    """The service would answer 400; the argument is (errorCode, message)."""


@dataclass(frozen=True)
class Query:
    object: str
    fields: tuple[str, ...]
    where: str
    order: tuple[str, ...]

    @property
    def is_count(self) -> bool:
        return self.fields == ("COUNT()",)


def parse(text: str) -> Query:
    found = _QUERY.match(text)
    if found is None:
        raise MalformedError("MALFORMED_QUERY", f"unexpected token: {text[:80]}")
    order = tuple(found["order"].split(", ")) if found["order"] else ()
    fields = tuple(found["fields"].split(", "))
    return Query(found["object"], fields, found["where"] or "", order)


def run(query: Query, rows: list[Row]) -> list[Row]:
    kept = [row for row in rows if _holds(query.where, row)]
    return sorted(kept, key=lambda row: tuple(_comparable(row[f]) for f in query.order))


def _holds(where: str, row: Row) -> bool:
    if not where:
        return True
    parts = re.split(r" AND (?![^(]*\))", where)
    return all(_part_holds(part, row) for part in parts)


def _part_holds(part: str, row: Row) -> bool:
    if part.startswith("(") and part.endswith(")"):
        return any(_test(one, row) for one in part[1:-1].split(" OR "))
    return _test(part, row)


def _test(text: str, row: Row) -> bool:
    found = _TEST.match(text)
    if found is None:
        raise MalformedError("MALFORMED_QUERY", f"unexpected token: {text[:80]}")
    name, operator, literal = found.groups()
    if name not in row:
        raise MalformedError("INVALID_FIELD", f"No such column '{name}'")
    left = _comparable(row[name])
    right = literal[1:-1] if literal.startswith("'") else _moment(literal)
    outcomes: dict[str, bool] = {
        ">=": left >= right,
        "<=": left <= right,
        ">": left > right,
        "<": left < right,
        "=": left == right,
    }
    return outcomes[operator]


def _comparable(value: Any) -> Any:
    is_time = isinstance(value, str) and re.match(r"^\d{4}-\d\d-\d\dT", value)
    return _moment(value) if is_time else value


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("+0000", "+00:00").replace("Z", "+00:00"))
