"""What a rule finds, and what a broken rule does, on both engines that keep tables."""

from dataclasses import replace

import ibis
import pytest

from mqa_platform.contracts import Rule
from mqa_platform.warehouse import AuditFailed, Publication
from mqa_platform_tests.warehouse.sample import (
    COUNTS,
    FIRST,
    SECOND,
    THIRD,
    VISITS,
    WINDOW,
    counted,
    ids,
    publish_audited,
    staged_tables,
    visit,
    visits,
)

MORE_RULES = (
    Rule("channel_short", "length", ("channel",), maximum=5),
    Rule("visit_date_recent", "in_range", ("visit_date",), minimum="2025-06-01"),
    Rule("occurred_at_recent", "in_range", ("occurred_at",), minimum="2025-06-01T00:00:00Z"),
    Rule(
        "braces_and_colons", "sql", query="SELECT * FROM {batch} AS b WHERE visit_id ~ 'k:v{2,3}'"
    ),
)


def failed_rules(failure: AuditFailed) -> dict[str, int]:
    return {check.rule: check.violations for check in failure.checks if not check.passed}


def test_every_kind_of_rule_finds_the_row_that_breaks_it(session):
    contract = replace(VISITS, rules=(*VISITS.rules, *MORE_RULES))
    expr = visits(
        session,
        visit("good"),
        visit("twice"),
        visit("twice"),
        visit("UPPER"),
        visit(None),
        visit("late", THIRD),
        visit("no-day", None),
        visit("early", FIRST.replace(year=2024)),
        visit("old", occurred_at=visit("x")["occurred_at"].replace(year=2024)),
        visit("nan", score=float("nan")),
        visit("huge", score=float("inf")),
        visit("high", score=100.5),
        visit("negative", page_views=-1),
        visit("long", page_views=51),
        visit("odd", channel="pigeon"),
        visit("k:vv"),
    )
    uncounted = counted(expr.filter(False))

    with pytest.raises(AuditFailed) as failure:
        session.publish(
            Publication(contract, expr), Publication(COUNTS, uncounted), window=WINDOW, run_id="r"
        )

    assert failed_rules(failure.value) == {
        "inside_window": 3,
        "key_unique": 1,
        "numbers_finite": 2,
        "required_given": 2,
        "visit_id_matches": 1,
        "channel_in_set": 1,
        "page_views_in_range": 1,
        "score_in_range": 3,
        "long_visits": 1,
        "every_visit_counted": 1,
        "channel_short": 1,
        "visit_date_recent": 1,
        "occurred_at_recent": 1,
        "braces_and_colons": 1,
    }
    assert session.rows(session.table("visits")) == []
    assert session.arrow(session.table("visits__rejected")).num_rows == 16


def test_no_rows_break_no_rule(session):
    published, counts = publish_audited(session)

    assert [(c.rule, c.passed, c.violations) for c in published.checks] == [
        (rule.name, True, 0) for rule in VISITS.rules
    ]
    assert all(check.passed for check in counts.checks)
    assert published.rows_by_day == {FIRST: 0, SECOND: 0}


def test_rows_that_break_a_blocking_rule_are_refused_and_kept_aside(session):
    publish_audited(session, visit("a"))

    with pytest.raises(
        AuditFailed, match="visits: rule page_views_in_range is broken by 1 of 2 rows"
    ) as failure:
        publish_audited(session, visit("b"), visit("c", page_views=-1))

    (broken,) = [check for check in failure.value.checks if not check.passed]
    assert broken.sample == [
        {
            **visit("c", page_views=-1),
            "visit_date": "2026-01-01",
            "occurred_at": "2026-01-01 12:30:15.123456+00:00",
            "amount": "12.3456",
            "person_key": "[withheld]",
        }
    ]
    assert len(failure.value.checks) == len(VISITS.rules)
    assert ids(session) == ["a"]
    assert session.days("visits") == [FIRST, SECOND]
    assert sorted(session.frame(session.table("visits__rejected")).visit_id) == ["b", "c"]
    assert staged_tables(session) == []


def test_the_rejected_rows_are_those_of_the_last_refusal(session):
    for refused in ("first", "second"):
        with pytest.raises(AuditFailed):
            publish_audited(session, visit(refused, page_views=-1))

    assert [row["visit_id"] for row in session.rows(session.table("visits__rejected"))] == [
        "second"
    ]


def test_a_broken_warning_is_told_and_published(session):
    published, _ = publish_audited(session, visit("a", page_views=51))

    (warning,) = [check for check in published.checks if not check.passed]
    assert (warning.rule, warning.blocking, warning.violations, warning.rows) == (
        "long_visits",
        False,
        1,
        1,
    )
    assert ids(session) == ["a"]


def test_a_row_outside_the_window_is_refused(session):
    with pytest.raises(AuditFailed) as failure:
        publish_audited(session, visit("a"), visit("b", THIRD))

    assert failed_rules(failure.value) == {"inside_window": 1}


def test_a_rule_reads_the_rows_its_sister_is_about_to_publish(session):
    publish_audited(session, visit("a"))

    published, _ = publish_audited(session, visit("a"), visit("b"), visit("c", SECOND))

    assert all(check.passed for check in published.checks)


def test_a_rule_reads_the_published_sister_when_it_is_published_alone(session):
    publish_audited(session, visit("a"))

    with pytest.raises(AuditFailed) as failure:
        session.publish(
            Publication(VISITS, visits(session, visit("a"), visit("b"))), window=WINDOW, run_id="r"
        )

    assert failed_rules(failure.value) == {"every_visit_counted": 1}


@pytest.mark.parametrize("blocking", [True, False])
def test_a_rule_that_cannot_be_evaluated_has_failed(session, blocking):
    broken = Rule("nonsense", "sql", blocking=blocking, query="SELECT no_such_column FROM {batch}")
    contract = replace(VISITS, rules=(VISITS.rules[1], broken))
    publication = Publication(contract, visits(session, visit("a")))

    if blocking:
        with pytest.raises(AuditFailed, match="no_such_column") as failure:
            session.publish(publication, window=WINDOW, run_id="r")
        checks = failure.value.checks
    else:
        checks = session.publish(publication, window=WINDOW, run_id="r")[0].checks

    assert {check.rule: (check.passed, check.violations) for check in checks} == {
        "key_unique": (True, 0),
        "nonsense": (False, -1),
    }


def test_a_day_is_judged_in_utc(session):
    rule = Rule(
        "same_day",
        "sql",
        query="SELECT * FROM {batch} WHERE CAST(occurred_at AS DATE) <> visit_date",
    )
    expr = visits(
        session, visit("a", occurred_at=visit("a")["occurred_at"].replace(hour=23, minute=59))
    )

    (published,) = session.publish(
        Publication(replace(VISITS, rules=(rule,)), expr), window=WINDOW, run_id="r"
    )

    assert published.checks[0].passed
    assert session.rows(expr.select(day=ibis._.occurred_at.date())) == [{"day": FIRST}]


def test_rules_of_rows_hold_where_there_are_none_and_a_query_is_still_asked(session):
    nobody_came = "SELECT 1 AS a WHERE NOT EXISTS (SELECT * FROM {batch})"
    asks = Rule("somebody_came", "sql", query=nobody_came)
    contract = replace(VISITS, rules=(*VISITS.rules, asks))
    nobody = visits(session, visit("x")).filter(False)

    with pytest.raises(AuditFailed) as failure:
        session.publish(
            Publication(contract, nobody),
            Publication(COUNTS, counted(nobody)),
            window=WINDOW,
            run_id="r",
        )

    judged = {check.rule for check in failure.value.checks}
    assert judged >= {rule.name for rule in contract.rules}
    assert failed_rules(failure.value) == {"somebody_came": 1}
