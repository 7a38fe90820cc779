"""A text is found and taken out in whatever way it is written."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mqa_platform.contracts.rules import literal
from mqa_platform.warehouse import erasing
from mqa_platform.warehouse.spellings import any_of, ascii_part, may_hold, spelled

WRITTEN = (
    ("Jane Miller", "JANE MILLER - pilot"),
    ("Jane Miller", "talked to jane miller"),
    ("Jürgen O'Neill", "JÜRGEN O'NEILL"),
    ("Jürgen O'Neill", json.dumps("jürgen o'neill")),
    ("Jürgen O'Neill", json.dumps(json.dumps("JÜRGEN O'Neill"))),
    ("Иван Петров", "deal of ИВАН ПЕТРОВ"),
    ("Иван Петров", json.dumps({"name": "Иван Петров"})),
    ('Jane "JJ" Miller', json.dumps('jane "jj" miller')),
)


@pytest.mark.parametrize(("name", "stands"), WRITTEN)
def test_python_arrow_and_the_engine_find_a_name_alike(name: str, stands: str) -> None:
    others = ["Bob Stone", "Jane", "x"]
    pattern = f"(?i){spelled(name)}"
    assert re.search(pattern, stands)
    assert any_of([name]).sub("", stands) != stands
    column = pa.array([stands, *others])
    assert pc.match_substring_regex(column, pattern).to_pylist() == [True, False, False, False]
    with duckdb.connect() as con:
        con.register("t", pa.table({"c": column}))
        again = f"REGEXP_REPLACE(c, {literal(spelled(name))}, '[erased]', 'gi')"
        found = con.execute(f"SELECT {again} FROM t WHERE {may_hold(['c'], [name])}").fetchall()
    assert found == [(any_of([name]).sub("[erased]", stands),)]
    assert ascii_part(name) in stands.lower()


class Asked:
    """A session that counts what one query asks for."""

    def __init__(self) -> None:
        self.widest = 0

    def fetch(self, query: str) -> Sequence[Any]:
        n = query.count("SUM(")
        self.widest = max(self.widest, n)
        return [[1] * n]


def test_a_person_with_many_addresses_asks_for_no_more_columns_than_an_engine_takes() -> None:
    texts = [f"{at:016x}" for at in range(200)]
    session = Asked()
    found = erasing._hits(session, "t", [f"c{n}" for n in range(40)], texts)  # type: ignore[arg-type]
    assert list(found) == texts
    # PostgreSQL takes 1,664.
    assert session.widest <= 40
