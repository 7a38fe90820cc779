"""Two tables of two engines side by side.

Belongs here: what counts as equal. Does not belong here: tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

TOLERANCE = 0.0001


def differences(one: pa.Table, other: pa.Table, key: Sequence[str]) -> list[str]:
    """What differs: numbers by more than 0.0001, anything else at all."""
    if one.schema != other.schema:
        return [f"schema {one.schema} and {other.schema}"]
    mine, theirs = _by_key(one, key), _by_key(other, key)
    lost = sorted(set(theirs) - set(mine), key=str)
    more = sorted(set(mine) - set(theirs), key=str)
    problems = [f"missing {k}" for k in lost] + [f"unexpected {k}" for k in more]
    for k in sorted(set(mine) & set(theirs), key=str):
        problems += [f"{k}: {told}" for told in _cells(mine[k], theirs[k])]
    return problems


def _by_key(table: pa.Table, key: Sequence[str]) -> dict[tuple[Any, ...], dict[str, Any]]:
    rows = {tuple(r[c] for c in key): r for r in table.to_pylist()}
    assert len(rows) == table.num_rows, f"{key} is not unique"
    return rows


def _cells(one: dict[str, Any], other: dict[str, Any]) -> Iterator[str]:
    for name, value in one.items():
        if not _equal(value, other[name]):
            yield f"{name} is {value!r}, not {other[name]!r}"


def _equal(one: Any, other: Any) -> bool:
    numeric = (float, Decimal)
    if isinstance(one, numeric) and isinstance(other, numeric):
        return abs(float(one) - float(other)) <= TOLERANCE + 1e-12
    return type(one) is type(other) and bool(one == other)
