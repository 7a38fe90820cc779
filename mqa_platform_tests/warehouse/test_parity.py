"""DuckDB and PostgreSQL keep and return the same values."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import ibis
import pyarrow as pa
import pytest

from mqa_platform.warehouse import Publication
from mqa_platform_tests.warehouse.sample import VISITS, WINDOW, publish, visit

pytestmark = pytest.mark.pg

ROWS = [
    visit("f-first", channel="friend", person_key="from form feed \f\v"),
    visit("v-view", channel="vendor", person_key="very 'quoted' \"text\" {braces} %s :name"),
    visit("empty", channel="", person_key=""),
    visit(
        "nothing",
        channel=None,
        person_key=None,
        amount=None,
        score=None,
        occurred_at=None,
        is_known=None,
    ),
    visit("fraction", occurred_at=datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
    visit("round", amount=Decimal("99999999999999.9999"), score=100.0, is_known=False),
    visit("small", amount=Decimal("-0.0001"), score=5e-324, page_views=2**62),
    visit("accents", person_key="Zoë Ünal 東京 🙂"),
    visit("last-day", date(2026, 1, 2), score=0.1 + 0.2),
]


@pytest.fixture
def both(duckdb_warehouse, postgres_warehouse):
    with duckdb_warehouse.session() as one, postgres_warehouse.session() as other:
        yield one, other


def test_published_values_come_back_as_they_were_given(both):
    for session in both:
        publish(session, *ROWS)
        found = session.arrow(session.table("visits").order_by("visit_id"))
        assert found.schema == VISITS.arrow_schema
        assert found.to_pylist() == sorted(ROWS, key=lambda row: row["visit_id"])


def test_frames_have_the_same_types_and_values(both):
    frames = []
    for session in both:
        publish(session, *ROWS)
        frames.append(session.frame(session.table("visits").order_by("visit_id")))

    assert list(frames[0].dtypes) == list(frames[1].dtypes)
    assert frames[0].equals(frames[1])


def test_results_have_the_types_ibis_says(both):
    answers = []
    for session in both:
        publish(session, *ROWS)
        # PostgreSQL refuses a result too small for a double, so the smallest one stays out.
        table = session.table("visits").filter(ibis._.visit_id != "small")
        expr = table.group_by(known=table.is_known.cast("string").fill_null("?")).agg(
            n=table.count(),
            pages=table.page_views.nullif(2**62).sum(),
            mean=table.is_known.cast("int32").mean(),
            money=table.amount.max(),
            fine=(table.score * 0.5).max(),
        )
        answers.append(session.arrow(expr.order_by("n")))

    assert answers[0].schema == answers[1].schema
    assert answers[0].to_pylist() == answers[1].to_pylist()


def test_an_in_memory_table_can_be_joined_and_read(both):
    for session in both:
        publish(session, *ROWS)
        pairs = ibis.memtable(pa.table({"visit_id": ["f-first", "empty"], "label": ["one", "two"]}))
        joined = session.table("visits").join(pairs, "visit_id").select("visit_id", "label")
        assert session.rows(joined.order_by("visit_id")) == [
            {"visit_id": "empty", "label": "two"},
            {"visit_id": "f-first", "label": "one"},
        ]
        published = joined.select("visit_id").join(session.table("visits"), "visit_id")
        assert session.arrow(published).num_rows == 2


def test_a_table_may_be_published_from_itself(both):
    for session in both:
        publish(session, *ROWS)
        table = session.table("visits")
        kept = Publication(replace(VISITS, rules=()), table.filter(table.visit_id != "empty"))
        session.publish(kept, window=WINDOW, run_id="again")
        assert session.arrow(session.table("visits")).num_rows == len(ROWS) - 1


def test_arrow_can_be_asked_for_in_another_schema(both):
    wanted = pa.schema([("visit_id", pa.large_string()), ("page_views", pa.int32())])
    for session in both:
        publish(session, visit("a"))
        assert (
            session.arrow(session.table("visits").select("visit_id", "page_views"), wanted).schema
            == wanted
        )


def test_a_chain_of_semi_and_anti_joins_means_the_same_on_both(both):
    rows = [visit(name, channel=channel) for name, channel in zip("abcd", "xxyz", strict=True)]
    for session in both:
        publish(session, *rows)
        t = session.table("visits")
        kept = t.semi_join(t.filter(t["channel"] != "z").select("channel"), "channel")
        kept = kept.semi_join(t.filter(t["visit_id"] != "a").select("visit_id"), "visit_id")
        kept = kept.anti_join(t.filter(t["channel"] == "y").select("channel"), "channel")
        kept = kept.anti_join(t.filter(t["visit_id"] == "d").select("visit_id"), "visit_id")
        assert session.arrow(kept.select("visit_id")).to_pylist() == [{"visit_id": "b"}]
