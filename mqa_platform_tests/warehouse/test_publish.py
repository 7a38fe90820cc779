"""What a publication changes, on both engines that keep tables."""

from dataclasses import replace

import ibis
import pyarrow as pa
import pytest

from mqa_platform.contracts import Column, ContractError
from mqa_platform.core.window import Window
from mqa_platform.warehouse import AuditFailed, Publication, UnknownTableError
from mqa_platform_tests.warehouse.sample import (
    COUNTS,
    FIRST,
    PEOPLE,
    SECOND,
    THIRD,
    VISITS,
    WINDOW,
    ids,
    publish,
    staged_tables,
    visit,
    visits,
)


def test_a_table_that_was_never_written_is_empty(session):
    assert session.rows(session.table("visits")) == []
    assert session.days("visits") == []


def test_a_table_that_nothing_describes_is_refused_with_the_nearest_name(session):
    with pytest.raises(UnknownTableError, match="'visit'; did you mean visits?"):
        session.table("visit")


def test_published_rows_can_be_read_and_their_days_are_recorded(session):
    published, counts = publish(session, visit("a"), visit("b", SECOND), visit("c", SECOND))

    assert ids(session) == ["a", "b", "c"]
    assert session.rows(session.table("visits").filter(ibis._.visit_id == "a")) == [visit("a")]
    assert published.rows_by_day == {FIRST: 1, SECOND: 2}
    assert (published.rows, published.deleted, published.changed) == (3, 0, True)
    assert counts.rows == 2
    assert session.days("visits") == [FIRST, SECOND]
    assert set(published.seconds) == {"stage", "audit", "swap"}
    assert staged_tables(session) == []


def test_publishing_the_same_rows_again_changes_nothing(session):
    publish(session, visit("a"), visit("b", SECOND), reopens=["scores"])
    again, _ = publish(session, visit("b", SECOND), visit("a"), reopens=["stages"])

    assert (again.rows, again.deleted, again.changed) == (2, 0, False)
    assert session.reopened("scores") == FIRST
    assert session.reopened("stages") is None


def test_one_value_that_differs_is_a_change(session):
    publish(session, visit("a"), visit("b"))
    again, counts = publish(session, visit("a"), visit("b", is_known=None))

    assert (again.changed, again.deleted) == (True, 2)
    assert not counts.changed


def test_a_window_replaces_only_its_own_days(session):
    publish(session, visit("a"), visit("b", SECOND))
    publish(session, visit("c", SECOND), window=Window.of(SECOND, SECOND))

    assert ids(session) == ["a", "c"]


def test_a_day_without_rows_is_published_as_empty(session):
    publish(session, visit("a"))
    emptied, _ = publish(session, visit("b", SECOND))

    assert ids(session) == ["b"]
    assert emptied.rows_by_day == {FIRST: 0, SECOND: 1}


def test_only_the_days_named_are_recorded(session):
    publish(session, visit("a"), visit("b", SECOND), days=[SECOND])

    assert session.days("visits") == [SECOND]
    with pytest.raises(ValueError, match="outside the window"):
        publish(session, days=[THIRD])


def test_a_table_without_days_is_replaced_as_a_whole(session):
    def people(*names):
        return session.constant(
            "people",
            pa.table({"person_id": list(names), "visits": pa.array([1] * len(names), pa.int64())}),
        )

    session.publish(Publication(PEOPLE, people("ann", "bob")), window=None, run_id="r")
    (again,) = session.publish(Publication(PEOPLE, people("cem")), window=WINDOW, run_id="r")

    assert session.rows(session.table("people_list")) == [{"person_id": "cem", "visits": 1}]
    assert (again.deleted, again.rows_by_day) == (2, {})


def test_a_daily_table_published_without_a_window_is_replaced_as_a_whole(session):
    publish(session, visit("a"), visit("b", SECOND))
    publish(session, visit("c", THIRD), window=None)

    assert ids(session) == ["c"]
    assert session.days("visits") == [THIRD]


def test_unknown_and_missing_columns_are_refused_before_any_write(session):
    expr = visits(session, visit("a"))
    wrong = expr.drop("channel").mutate(surprise=ibis.literal(1))

    with pytest.raises(ContractError, match="missing channel; unknown surprise"):
        session.publish(Publication(VISITS, wrong), window=WINDOW, run_id="r")
    assert not session.exists("visits")


def test_every_column_is_cast_to_its_contract(session):
    expr = visits(session, visit("a")).mutate(
        page_views=ibis.literal("7"), amount=ibis.literal(1.5)
    )
    counts = expr.group_by("visit_date").agg(visits=expr.count().cast("float64"))

    session.publish(
        Publication(VISITS, expr), Publication(COUNTS, counts), window=WINDOW, run_id="r"
    )

    row = session.rows(session.table("visits"))[0]
    assert (row["page_views"], str(row["amount"])) == (7, "1.5000")


def test_a_consumer_is_asked_once_and_its_answer_settles_it(session):
    publish(session, visit("a"), visit("b", SECOND), reopens=["scores"])
    publish(
        session, visit("a", page_views=4), visit("b", SECOND), reopens=["scores"], from_day=SECOND
    )
    assert session.reopened("scores") == FIRST

    publish(session, visit("b", SECOND), settles="scores", window=Window.of(SECOND, SECOND))
    assert session.reopened("scores") == FIRST, "a later day does not answer for an earlier one"

    publish(session, visit("a"), settles="scores")
    assert session.reopened("scores") is None


def test_a_publication_that_answers_for_all_days_settles_the_earlier_ones_too(session):
    session.reopen("identity", FIRST)
    publish(session, visit("b", SECOND), answers=["identity"], window=Window.of(SECOND, SECOND))
    assert session.reopened("identity") is None


def test_who_is_told_the_days_of_a_window_is_told_only_when_something_changed(session):
    publish(session, visit("a"), visit("b", SECOND), tells=["touched"])
    assert session.asked("touched") == {FIRST, SECOND}
    session.settle("touched")
    publish(session, visit("a"), visit("b", SECOND), tells=["touched"])
    assert session.asked("touched") == set()


def test_without_a_window_a_reopening_needs_a_day(session):
    with pytest.raises(ValueError, match="needs from_day"):
        publish(session, visit("a"), window=None, reopens=["scores"])


def test_a_new_optional_column_is_added_to_the_stored_table(warehouse):
    with warehouse.session() as session:
        publish(session, visit("a"))
    warehouse.catalogue.contracts["visits"] = replace(
        VISITS, columns=(*VISITS.columns, Column("city", "string", "string"))
    )
    with warehouse.session() as session:
        assert session.rows(session.table("visits"))[0]["city"] is None


def test_a_column_of_another_type_asks_for_a_rebuild(warehouse):
    with warehouse.session() as session:
        publish(session, visit("a"))
    retyped = [replace(c, ibis_type="string") if c.name == "score" else c for c in VISITS.columns]
    warehouse.catalogue.contracts["visits"] = replace(VISITS, columns=tuple(retyped))
    with (
        warehouse.session() as session,
        pytest.raises(ContractError, match="score is stored as float64, declared as string"),
    ):
        session.table("visits")


def test_a_step_that_fails_while_staging_leaves_nothing_behind(session):
    expr = visits(session, visit("a", channel="not a number"))

    with pytest.raises(Exception, match="not a number"):
        session.publish(
            Publication(VISITS, expr.mutate(page_views=expr.channel.cast("int64"))),
            window=WINDOW,
            run_id="r",
        )
    assert staged_tables(session) == []
    publish(session, visit("a"))
    assert ids(session) == ["a"]


def test_a_failed_audit_of_one_table_publishes_none(session):
    publish(session, visit("a"))
    expr = visits(session, visit("b"), visit("c"))
    wrong = expr.group_by("visit_date").agg(visits=-expr.count())

    with pytest.raises(AuditFailed) as failed:
        session.publish(
            Publication(replace(VISITS, rules=()), expr),
            Publication(COUNTS, wrong),
            window=WINDOW,
            run_id="r",
        )

    assert failed.value.table == "visit_counts"
    assert ids(session) == ["a"]
    assert [row["visits"] for row in session.rows(session.table("visit_counts"))] == [1]
