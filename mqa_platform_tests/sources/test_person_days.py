"""Which published days count people otherwise once a batch of identities has landed."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

import ibis.expr.types as ir
import pyarrow as pa
import pytest

from mqa_platform.policy.identity import People
from mqa_platform.sources.person_days import united
from mqa_platform.warehouse import Session
from mqa_platform_tests.core.engine import Engine

LINK = pa.schema([("kind", pa.string()), ("ref", pa.string()), ("person_ref", pa.string())])
SIGNAL = pa.schema(
    [("person_key", pa.string()), ("anonymous_id", pa.string()), ("signal_date", pa.date32())]
)
SIGNALS = [
    ("email:ann", None, date(2025, 7, 1)),
    ("email:ann2", None, date(2025, 7, 2)),
    (None, "c-ann", date(2025, 7, 3)),
    ("email:bob", None, date(2025, 6, 1)),
    ("lead:7", None, date(2025, 5, 1)),
]
KNOWN = [("cookie", "c-ann", "email:ann"), ("cookie", "c-bob", "email:bob")]


class Tables(Engine):
    """The part of a session that is asked for."""

    def __init__(self, known: list[tuple[str, str, str]], is_published: bool) -> None:
        super().__init__()
        self._tables = {"landed_identities": told(known)}
        rows = [dict(zip(SIGNAL.names, row, strict=True)) for row in SIGNALS]
        self._tables["signals"] = pa.Table.from_pylist(rows, schema=SIGNAL)
        self._is_published = is_published

    def days(self, table: str) -> list[date]:
        return [row[2] for row in SIGNALS] if self._is_published and table == "signals" else []

    def constant(self, name: str, rows: pa.Table) -> ir.Table:
        return self.keep_arrow(rows)

    def named(self, name: str) -> ir.Table:
        return self.keep_arrow(self._tables[name])


def told(links: list[tuple[str, str, str]]) -> pa.Table:
    rows = [dict(zip(LINK.names, link, strict=True)) for link in links]
    return pa.Table.from_pylist(rows, schema=LINK)


def first_day(
    news: list[tuple[str, str, str]],
    known: list[tuple[str, str, str]] | None = None,
    is_published: bool = True,
) -> date | None:
    session: Any = Tables(known or KNOWN, is_published)
    session.table = session.named
    return united(cast("Session", session), told(news), People())


@pytest.mark.parametrize(
    ("news", "first"),
    [
        # Both addresses are one person now, on the days of either and of the browser.
        ([("cookie", "c-ann", "email:ann2")], date(2025, 7, 1)),
        # A browser more changes no person.
        ([("cookie", "c-new", "email:bob")], None),
        ([("cookie", "c-ann", "email:ann")], None),
        ([("lead", "7", "email:bob")], date(2025, 5, 1)),
        ([("lead", "new", "email:bob")], None),
        ([("lead", "8", "email:bob"), ("lead", "8", "email:ann")], date(2025, 6, 1)),
        # Three people used the browser: it links none of them, and did not before.
        ([("cookie", "c-ann", "email:ann2"), ("cookie", "c-ann", "email:bob")], None),
    ],
)
def test_news_of_who_is_one_person_opens_the_days_of_all_that_are(
    news: list[tuple[str, str, str]], first: date | None
) -> None:
    assert first_day(news) == first


def test_people_who_are_no_longer_one_open_their_days_too() -> None:
    known = [*KNOWN, ("cookie", "c-ann", "email:ann2")]
    assert first_day([("cookie", "c-ann", "email:bob")], known) == date(2025, 7, 1)


def test_before_anything_is_published_no_day_is_opened() -> None:
    assert first_day([("cookie", "c-ann", "email:ann2")], is_published=False) is None
