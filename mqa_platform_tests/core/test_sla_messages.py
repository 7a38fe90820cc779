"""Who is told that a clock has run out, once each, and nobody who has answered by then."""

from __future__ import annotations

from datetime import timedelta
from functools import reduce

import pyarrow as pa

from mqa_platform.core.crm_history import stacked
from mqa_platform.core.digest import digest_intents, digest_lines
from mqa_platform.core.sla_events import sla_events
from mqa_platform.core.sla_messages import sla_intents
from mqa_platform.core.worklist import worklist
from mqa_platform_tests.core.clock_cases import activity, clocked, handoff, utc
from mqa_platform_tests.core.engine import ACCOUNTS, account, default_policy

MONDAY = "2026-01-05T10:00"
STAGES = pa.schema(
    [("account_id", pa.string()), ("motion", pa.string()), ("stage_date", pa.date32()),
     ("suppression_reason", pa.string())]
)  # fmt: skip
HELD = pa.schema([("handoff_id", pa.string()), ("kind", pa.string()), ("reason", pa.string())])


def item(name, when=MONDAY, **changed):
    return handoff(when, handoff_id=name, account_id=changed.pop("account_id", name), **changed)


def told(engine, *handoffs, read_at, now=None, days=3, **given):
    """(subject, rep_id) of what is told at a moment, out of tables that were made at another."""
    policy = default_policy()
    made = engine.keep(clocked(engine, *handoffs, as_of=utc(read_at), **given))
    parts = [
        sla_events(made.filter(made["motion"] == m.program.motion), m) for m in policy.motions()
    ]
    at = utc(now or read_at)
    found = sla_intents(reduce(stacked, parts), made, policy, at - timedelta(days=days), at)
    rows = engine.rows(found, "subject")
    assert len({r["subject"] for r in rows}) == len(rows)
    return [(r["subject"], r["kind"], r["rep_id"]) for r in rows]


def test_a_rep_is_reminded_and_his_manager_told_when_the_time_is_up(engine):
    """Each has eight working hours in Berlin, of which three quarters, all, and none are over."""
    some = [item("waits"), item("over", "2026-01-02T10:00"), item("new", "2026-01-06T08:30")]
    assert told(engine, *some, read_at="2026-01-06T09:00", days=5) == [
        ("over:escalation", "escalation", "sales_managers"),
        ("over:reminder", "reminder", "ann"),
        ("waits:reminder", "reminder", "ann"),
    ]


def test_a_clock_that_runs_out_between_two_landings_is_told_on_time(engine):
    assert told(engine, item("a"), read_at="2026-01-05T12:00", now="2026-01-06T12:00") == [
        ("a:escalation", "escalation", "sales_managers"),
        ("a:reminder", "reminder", "ann"),
    ]


def test_nobody_is_reminded_of_what_has_been_touched(engine):
    called = [activity("2026-01-06T11:00", account_id="a")]
    assert told(engine, item("a"), read_at="2026-01-06T12:00", activities=called) == []


def test_nobody_is_reminded_of_what_has_been_answered_or_is_over(engine):
    over = [item(s, status=s) for s in ("accepted", "rejected", "converted", "recycled")]
    assert told(engine, *over, read_at="2026-01-06T12:00") == []


def test_what_ran_out_long_ago_is_no_news(engine):
    """A backfill, or a week without a run, reminds nobody of the past."""
    assert told(engine, item("a"), read_at="2026-01-20T12:00", days=1) == []


def lists(engine, *handoffs, now, held=(), **given):
    policy = default_policy()
    made = engine.keep(clocked(engine, *handoffs, as_of=utc(now), **given))
    parts = [
        sla_events(made.filter(made["motion"] == m.program.motion), m) for m in policy.motions()
    ]
    accounts = engine.table([account(h["account_id"], name=h["account_id"].title()) for h in handoffs],
                            ACCOUNTS)  # fmt: skip
    work = worklist(made, accounts, engine.table([], STAGES))
    return digest_lines(
        work, reduce(stacked, parts), made, accounts, engine.table(list(held), HELD), utc(now)
    )


def test_the_digest_of_a_rep_has_what_is_due_within_a_day_in_the_order_of_the_worklist(engine):
    found = lists(
        engine,
        item("later", "2026-01-05T15:00"),
        item("sooner"),
        item("named", tier="strategic"),
        item("far", "2026-01-06T08:00", sla_hours=200),
        now="2026-01-06T08:30",
    )
    rows = [r for r in engine.rows(found, "rank") if r["section"] == "due"]
    assert [r["handoff_id"] for r in rows] == ["named", "sooner", "later"]
    assert {r["name"] for r in rows} == {"Named", "Sooner", "Later"}


def test_a_manager_has_one_digest_of_his_own_with_what_was_not_kept(engine):
    found = lists(engine, item("a"), item("b", rep_id="ben"), now="2026-01-06T12:00")
    rows = engine.rows(found, "rep_id", "handoff_id")
    mine = [r for r in rows if r["rep_id"] == "sales_managers"]
    assert [(r["section"], r["handoff_id"], r["reason"]) for r in mine] == [
        ("told", "a", "escalation"), ("told", "b", "escalation"),
    ]  # fmt: skip
    intents = engine.rows(digest_intents(found, utc("2026-01-06T12:00")), "rep_id")
    assert [r["subject"] for r in intents] == [
        "digest:ann:2026-01-06", "digest:ben:2026-01-06", "digest:sales_managers:2026-01-06",
    ]  # fmt: skip


def test_what_was_held_back_is_told_in_the_digest_and_not_lost(engine):
    held = [
        {"handoff_id": "a", "kind": "handoff", "reason": "over_capacity"},
        {"handoff_id": "b", "kind": "update", "reason": "alert_budget"},
    ]
    found = lists(engine, item("a"), item("b"), now=MONDAY, held=held)
    told_ = {(r["section"], r["handoff_id"]) for r in engine.rows(found, "handoff_id")}
    assert {("held", "a"), ("news", "b")} <= told_


def test_who_has_nothing_to_be_told_has_no_digest(engine):
    called = [activity("2026-01-05T11:00", account_id="a")]
    found = lists(engine, item("a"), now="2026-01-06T12:00", activities=called)
    assert engine.rows(digest_intents(found, utc("2026-01-06T12:00")), "rep_id") == []
