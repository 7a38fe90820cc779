"""Which published days count people otherwise once a batch of identities has landed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, cast

import ibis.expr.types as ir
import pyarrow as pa
import pytest

from mqa_platform.policy.identity import People
from mqa_platform.sources.person_days import united
from mqa_platform.sources.schemas import LANDED
from mqa_platform.warehouse import Session
from mqa_platform_tests.core.engine import Engine

LINK = ("kind", "ref", "person_ref")
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


Corrections = tuple[tuple[str, str, str, str | None], ...]


class Tables(Engine):
    """The part of a session that is asked for."""

    def __init__(
        self, known: list[tuple[str, str, str]], is_published: bool, corrections: Corrections
    ) -> None:
        super().__init__()
        self._tables = {"landed_identities": told(known), "landed_corrections": _told(corrections)}
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
    seen = {"source": "s", "seen_at": datetime(2025, 7, 1, tzinfo=UTC), "batch_id": "b"}
    rows = [{**dict(zip(LINK, link, strict=True)), **seen} for link in links]
    return pa.Table.from_pylist(rows, schema=LANDED["landed_identities"])


def _told(corrections: Corrections) -> pa.Table:
    said = {"source": "c", "at": datetime(2025, 7, 2, tzinfo=UTC), "batch_id": "c"}
    names = ("action", "kind", "ref", "onto")
    rows = [{**dict(zip(names, each, strict=True)), **said} for each in corrections]
    return pa.Table.from_pylist(rows, schema=LANDED["landed_corrections"])


def first_day(
    news: list[tuple[str, str, str]],
    known: list[tuple[str, str, str]] | None = None,
    is_published: bool = True,
    corrections: Corrections = (),
) -> date | None:
    session: Any = Tables(known or KNOWN, is_published, corrections)
    session.table = session.named
    given = told(news).drop_columns("batch_id")
    return united(cast("Session", session), given, People())


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


def test_who_was_split_from_a_browser_is_not_counted_among_those_who_used_it() -> None:
    known = [("cookie", "c-ann", who) for who in ("email:ann", "email:ann2", "email:bob")]
    split = (("split", "cookie", "c-ann", "email:bob"),)
    # Two are left, who are one person until a third one uses the browser.
    news = [("cookie", "c-ann", "email:cat")]
    assert first_day(news, known, corrections=split) == date(2025, 7, 1)
    assert first_day(news, known) is None


def test_a_browser_given_to_somebody_by_hand_makes_them_one_with_the_next_who_uses_it() -> None:
    by_hand = (("merge", "cookie", "c-new", "email:ann"),)
    news = [("cookie", "c-new", "email:ann2")]
    assert first_day(news, corrections=by_hand) == date(2025, 7, 1)
    assert first_day(news) is None


def test_before_anything_is_published_no_day_is_opened() -> None:
    assert first_day([("cookie", "c-ann", "email:ann2")], is_published=False) is None
