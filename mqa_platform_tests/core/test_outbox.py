"""What may be told: young, decided, open; and what is new on what was told of already."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core.outbox import (
    arrivals_of,
    handoff_intents,
    known_late,
    late_news,
    of_todays_handoffs,
    open_handoffs,
    told_of,
    update_intents,
)
from mqa_platform_tests.core.engine import Engine, default_policy
from mqa_platform_tests.core.portability import problems

TODAY = date(2026, 3, 10)
NOW = datetime(2026, 3, 10, 15, tzinfo=UTC)
MOMENT = pa.timestamp("us", "UTC")
HANDOFF = pa.schema(
    [
        ("handoff_id", pa.string()), ("account_id", pa.string()), ("motion", pa.string()),
        ("rep_id", pa.string()), ("status", pa.string()), ("sla_state", pa.string()),
        ("created_on", pa.date32()), ("ended_on", pa.date32()), ("released_on", pa.date32()),
        ("qualified_at", MOMENT), ("delivered_at", MOMENT), ("delivered_via", pa.string()),
        ("evidence_rule", pa.string()),
    ]
)  # fmt: skip
STAGE = pa.schema(
    [("account_id", pa.string()), ("motion", pa.string()), ("stage_date", pa.date32()),
     ("suppression_reason", pa.string())]
)  # fmt: skip
DECISION = pa.schema(
    [("decision_id", pa.string()), ("kind", pa.string()), ("account_id", pa.string()),
     ("motion", pa.string()), ("known_on", pa.date32()), ("decided_at", MOMENT)]
)  # fmt: skip
TOLD = pa.schema(
    [("key", pa.string()), ("account_id", pa.string()), ("motion", pa.string()),
     ("created_on", pa.date32())]
)  # fmt: skip
USUAL: dict[str, Any] = {
    "motion": "new_business", "rep_id": "r", "status": "open", "sla_state": "running",
    "created_on": TODAY, "qualified_at": NOW - timedelta(hours=2), "evidence_rule": "people",
}  # fmt: skip


def handoff(n: int = 1, **facts: Any) -> dict[str, Any]:
    return {**USUAL, "handoff_id": f"h{n}", "account_id": f"a{n}", **facts}


def intents(
    engine: Engine,
    *handoffs: dict[str, Any],
    decided: list[dict[str, Any]] | None = None,
    suppressed: tuple[str, ...] = (),
) -> list[str]:
    """Ids of the handoffs that are to be told of; all are decided on their day unless told otherwise."""
    made = engine.table(handoffs, HANDOFF)
    if decided is None:
        decided = [{"account_id": h["account_id"], "known_on": h["created_on"]} for h in handoffs]
    listed = [
        {"decision_id": f"d{i}", "kind": "handoff", "motion": "new_business", **d}
        for i, d in enumerate(decided)
    ]
    decisions = engine.table(listed, DECISION)
    silent = [
        {"account_id": a, "motion": "new_business", "stage_date": TODAY, "suppression_reason": "legal"}
        for a in suppressed
    ]  # fmt: skip
    open_now = open_handoffs(made, engine.table(silent, STAGE), TODAY)
    found = handoff_intents(open_now, decisions, default_policy(), NOW)
    return [r["handoff_id"] for r in engine.rows(found, "handoff_id")]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({}, True),
        ({"qualified_at": NOW - timedelta(days=3)}, True),
        ({"qualified_at": NOW - timedelta(days=3, seconds=1)}, False),
        # A clock that is ahead tells nothing of tomorrow.
        ({"qualified_at": NOW + timedelta(seconds=1)}, False),
        ({"status": "accepted"}, False),
        ({"status": "rejected"}, False),
        ({"status": "recycled"}, False),
        ({"sla_state": "no_clock"}, False),
        ({"status": "backlog", "released_on": TODAY, "qualified_at": NOW - timedelta(days=90)}, True),
        ({"status": "backlog", "released_on": TODAY + timedelta(days=1)}, False),
        ({"status": "backlog", "released_on": TODAY - timedelta(days=9)}, False),
        ({"status": "backlog"}, False),
        # What came to its rep from the marketing queue is news on the day on which he got it.
        ({"qualified_at": NOW - timedelta(days=40), "delivered_via": "worklist",
          "delivered_at": NOW - timedelta(hours=1)}, True),
    ],
)  # fmt: skip
def test_what_is_told_is_open_and_young(engine: Engine, facts: dict[str, Any], told: bool) -> None:
    assert intents(engine, handoff(**facts)) == (["h1"] if told else [])


def test_who_is_suppressed_is_not_told_of(engine: Engine) -> None:
    assert intents(engine, handoff(1), handoff(2), suppressed=("a1",)) == ["h2"]


def test_what_was_never_decided_is_not_told(engine: Engine) -> None:
    assert intents(engine, handoff(1), handoff(2), decided=[
        {"account_id": "a2", "known_on": TODAY}, {"account_id": "a1", "known_on": date(2025, 1, 1)}
    ]) == ["h2"]  # fmt: skip


def test_a_decision_of_the_episode_counts_whatever_day_its_entry_has_now(engine: Engine) -> None:
    moved = handoff(created_on=TODAY - timedelta(days=2))
    assert intents(engine, moved, decided=[{"account_id": "a1", "known_on": TODAY}]) == ["h1"]


def test_a_message_belongs_to_the_episode_in_which_its_day_lies(engine: Engine) -> None:
    day = timedelta(days=1)
    handoffs = [
        handoff(1, account_id="a", created_on=TODAY - 30 * day, ended_on=TODAY - 10 * day),
        handoff(2, account_id="a", created_on=TODAY - 5 * day),
        handoff(3, account_id="a", motion="expansion", created_on=TODAY - 30 * day),
    ]
    days = {"first": 20, "its_end": 10, "between": 7, "second": 5, "later": 1}
    told = [
        {"key": name, "account_id": "a", "motion": "new_business", "created_on": TODAY - n * day}
        for name, n in days.items()
    ]
    found = of_todays_handoffs(engine.table(told, TOLD), engine.table(handoffs, HANDOFF))
    now = {r["key"]: r["handoff_now"] for r in engine.rows(found, "key")}
    assert now == {"first": "h1", "second": "h2", "later": "h2"}


# Touchpoints as far as news is asked of them.
TOUCH = pa.schema(
    [("signal_id", pa.string()), ("account_id", pa.string()), ("touchpoint_date", pa.date32()),
     ("occurred_at", MOMENT), ("event", pa.string()), ("page_type", pa.string()),
     ("signal_type", pa.string()), ("direction", pa.string()), ("landed_at", MOMENT),
     ("published_to", pa.date32())]
)  # fmt: skip
WEEK_AGO = {"created_on": TODAY - timedelta(days=8), "qualified_at": NOW - timedelta(days=8)}


@pytest.mark.parametrize(
    ("handed_over", "decision", "touch", "told"),
    [
        ({}, {}, {}, True),
        # A platform that was away for days knows of them when it is back.
        ({}, {}, {"published_to": TODAY - timedelta(days=12)}, True),
        # The first load: nothing was published when the file arrived.
        ({}, {}, {"published_to": None}, False),
        # The file arrived in time, and only a rerun makes a handoff of it now.
        ({}, {}, {"landed_at": NOW - timedelta(days=7)}, False),
        ({}, {}, {"touchpoint_date": TODAY}, False),
        ({}, {}, {"direction": "outbound"}, False),
        ({}, {}, {"account_id": "a2"}, False),
        # It was known then; late data of today is no news of the handoff.
        ({}, {"decided_at": NOW - timedelta(days=4)}, {}, False),
        # Last year's file in the inbox of today makes no news.
        ({"created_on": TODAY - timedelta(days=15), "qualified_at": NOW - timedelta(days=15)},
         {"known_on": TODAY - timedelta(days=15)},
         {"touchpoint_date": TODAY - timedelta(days=15)}, False),
        # What lies in the window is told anyway, and once.
        ({"qualified_at": NOW - timedelta(days=2)}, {}, {}, False),
        ({"status": "accepted"}, {}, {}, False),
    ],
)  # fmt: skip
def test_what_a_late_file_made_a_handoff_is_told_and_history_is_not(
    engine: Engine,
    handed_over: dict[str, Any],
    decision: dict[str, Any],
    touch: dict[str, Any],
    told: bool,
) -> None:
    made = engine.table([handoff(**WEEK_AGO | handed_over)], HANDOFF)
    decided = {"decision_id": "d", "kind": "handoff", "account_id": "a1", "motion": "new_business",
               "known_on": WEEK_AGO["created_on"], "decided_at": NOW - timedelta(hours=1),
               **decision}  # fmt: skip
    arrived = {"signal_id": "s", "account_id": "a1", "direction": "inbound",
               "touchpoint_date": WEEK_AGO["created_on"], "landed_at": NOW - timedelta(hours=2),
               "published_to": TODAY - timedelta(days=1), **touch}  # fmt: skip
    open_now = open_handoffs(made, engine.table([], STAGE), TODAY)
    decisions, policy = engine.table([decided], DECISION), default_policy()
    late = known_late(open_now, decisions, policy, NOW)
    found = late_news(late, engine.table([arrived], TOUCH), policy, NOW)
    assert [r["handoff_id"] for r in engine.rows(found)] == (["h1"] if told else [])
    assert found.columns == handoff_intents(open_now, decisions, policy, NOW).columns


KNOWN = pa.schema(
    [("handoff_id", pa.string()), ("account_id", pa.string()), ("motion", pa.string()),
     ("rep_id", pa.string()), ("created_on", pa.date32()), ("told_at", MOMENT)]
)  # fmt: skip


def news(engine: Engine, *touches: dict[str, Any]) -> list[str]:
    """What is new on one handoff that was told of an hour ago, as the contents of its updates."""
    known = {"handoff_id": "h1", "account_id": "a1", "motion": "new_business", "rep_id": "r",
             "created_on": TODAY, "told_at": NOW - timedelta(hours=1)}  # fmt: skip
    usual = {"account_id": "a1", "event": "demo_request", "direction": "inbound",
             "occurred_at": NOW - timedelta(minutes=20), "touchpoint_date": TODAY,
             "landed_at": NOW - timedelta(minutes=10)}  # fmt: skip
    listed = [{**usual, "signal_id": f"s{i}", **t} for i, t in enumerate(touches)]
    told, arrived = engine.table([known], KNOWN), engine.table(listed, TOUCH)
    found = update_intents(told, arrived, default_policy(), NOW)
    return [r["content"] for r in engine.rows(found, "content")]


@pytest.mark.parametrize(
    ("facts", "is_news"),
    [
        ({}, True),
        ({"landed_at": NOW - timedelta(hours=2)}, False),
        ({"landed_at": NOW + timedelta(hours=2)}, False),
        ({"direction": "outbound"}, False),
        ({"event": "email_open"}, False),
        ({"account_id": "a2"}, False),
        # A file of the week that lands when the week is over is news; what is older than it is not.
        ({"occurred_at": NOW - timedelta(days=8)}, True),
        ({"occurred_at": NOW - timedelta(days=15)}, False),
        # A file of last year that lands today is history and no news.
        ({"occurred_at": NOW - timedelta(days=200)}, False),
    ],
)
def test_an_update_is_a_loud_signal_that_arrived_since_its_rep_was_told(
    engine: Engine, facts: dict[str, Any], is_news: bool
) -> None:
    assert bool(news(engine, facts)) == is_news


def test_the_same_news_is_the_same_update_and_more_news_another(engine: Engine) -> None:
    assert len(news(engine, {}, {})) == 1
    assert news(engine, {}, {}) == news(engine, {}, {})
    assert news(engine, {}, {}) != news(engine, {})


def published(name: str) -> ir.Table:
    return ibis.table(load_contracts()[name].schema, name=name)


def test_the_outbox_asks_no_engine_for_what_the_three_answer_differently() -> None:
    policy = default_policy()
    open_now = open_handoffs(published("handoffs"), published("stages"), TODAY)
    known = ibis.table(ibis.Schema.from_pyarrow(KNOWN), name="known")
    batches = published("landed_batches")
    arrived = arrivals_of(published("touchpoints"), published("signals"), batches, known, TODAY)
    for expr in (
        handoff_intents(open_now, published("decisions"), policy, NOW),
        late_news(known_late(open_now, published("decisions"), policy, NOW), arrived, policy, NOW),
        told_of(published("deliveries"), published("handoffs")),
        update_intents(known, arrived, policy, NOW),
    ):
        assert problems(expr) == set()
