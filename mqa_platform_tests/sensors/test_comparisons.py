"""What each sensor takes for news: events, committees, answers, clocks, tries and failures."""

from __future__ import annotations

import dataclasses
import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mqa_platform.destinations.channel import Message
from mqa_platform.destinations.entries import Entry
from mqa_platform.policy.loader import load_policy
from mqa_platform.sensors.asking import interval, switched
from mqa_platform.sensors.crm_answers import unknown
from mqa_platform.sensors.cursors import Seen, news, run_key
from mqa_platform.sensors.outbox import pressing, stuck, tries
from mqa_platform.sensors.received import lying
from mqa_platform.sensors.run_failures import alerts
from mqa_platform.sensors.sla_clocks import clock_items, come
from mqa_platform.sensors.trigger_events import RECENT, committee_items, event_items, telling
from mqa_platform.sources.crm_answers import Answer

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = date(2026, 3, 10)


def handoff(**told: Any) -> dict[str, Any]:
    """A delivered handoff that nobody has answered."""
    quiet = {
        "remind_at": NOW - timedelta(hours=1),
        "escalate_at": NOW + timedelta(hours=3),
        "due_at": NOW + timedelta(hours=1),
        "accept_due_at": None,
        "accepted_at": None,
        "rejected_at": None,
        "first_touch_at": None,
    }
    return {"handoff_id": "h1", **quiet, **told}


def test_hand_raises_and_good_news_are_acted_on_and_bad_news_is_not() -> None:
    assert telling(load_policy(None)) == ["demo_request", "trigger_event"]


def test_an_event_that_a_vendor_dates_ahead_does_not_hide_those_of_today() -> None:
    row = {"signal_id": "s", "account_id": "a", "signal_type": "demo_request", "received_at": NOW}
    ahead = {**row, "signal_id": "ahead", "received_at": NOW + timedelta(days=3_000)}
    first, seen = news(event_items([ahead], NOW), Seen(), RECENT)
    assert len(first) == 1
    assert len(news(event_items([row, ahead], NOW), seen, RECENT)[0]) == 1


def test_the_same_event_is_one_item_whoever_reports_it_again() -> None:
    row = {"signal_id": "s", "account_id": "a", "signal_type": "demo_request", "received_at": NOW}
    naive = {**row, "received_at": NOW.replace(tzinfo=None)}
    assert event_items([row], NOW) == event_items([naive], NOW)


def test_a_committee_is_news_on_its_first_day_only() -> None:
    def days(*numbers: int) -> list[dict[str, Any]]:
        return [
            {"account_id": "a", "motion": "new_business", "score_date": date(2026, 3, n)}
            for n in numbers
        ]

    rows = days(8, 9, 10)
    random.Random(1).shuffle(rows)
    assert [i.key for i in committee_items(rows, date(2026, 3, 7))] == [
        "committee:a:new_business:2026-03-08"
    ]
    # It was there before the first day that is looked at: nobody knows since when.
    assert committee_items(days(7, 8), date(2026, 3, 7)) == []
    again = committee_items(days(8, 10), date(2026, 3, 7))
    assert len(again) == 2


def test_our_own_write_back_is_no_answer_of_sales() -> None:
    answer = Answer("a1", "accepted", None, NOW)
    known = {"a1": {"sales_status": "accepted", "sales_status_reason": None, "valid_from": DAY}}
    assert unknown("crm", [answer], known) == []
    changed = unknown("crm", [Answer("a1", "rejected", "bad_fit", NOW)], known)
    assert len(changed) == 1
    assert len(unknown("crm", [answer], {})) == 1


def test_the_same_answer_after_another_one_is_a_new_answer() -> None:
    def item(status: str, since: date) -> str:
        known = {"a1": {"sales_status": status, "sales_status_reason": None, "valid_from": since}}
        return unknown("crm", [Answer("a1", "accepted", None, NOW)], known)[0].key

    assert item("rejected", date(2026, 3, 1)) != item("rejected", date(2026, 3, 5))


def test_a_clock_is_news_when_it_runs_out_and_not_before() -> None:
    items, following = come(clock_items([handoff()]), NOW)
    assert [item.key.split(":")[1] for item in items] == ["remind_at"]
    assert following == NOW + timedelta(hours=1)
    items, following = come(clock_items([handoff()]), NOW + timedelta(hours=4))
    assert len(items) == 3
    assert following is None


def test_a_touched_handoff_waits_for_nothing_but_its_answer() -> None:
    touched = handoff(first_touch_at=NOW, accept_due_at=NOW)
    assert [item.key.split(":")[1] for item in clock_items([touched])] == ["accept_due_at"]
    assert clock_items([handoff(first_touch_at=NOW, accept_due_at=NOW, accepted_at=NOW)]) == []


def test_a_moment_that_moved_with_its_handoff_is_another_one() -> None:
    one, other = clock_items([handoff()]), clock_items([handoff(due_at=NOW + timedelta(hours=2))])
    assert len({item.key for item in [*one, *other]}) == 4


def test_a_message_that_failed_again_is_tried_again_and_not_before_its_time() -> None:
    assert tries([("k", 1), ("k", 1)]) == ["k:1"]
    assert tries([("k", 2)]) != tries([("k", 1)])
    assert tries([]) == []


def waiting(hours: float, **told: Any) -> Entry:
    """A message that was let go so many hours ago and has not been taken."""
    message = Message("k", "slack", told.pop("kind", "handoff"))
    rest: dict[str, Any] = {
        "attempts": 3,
        "failures": 3,
        "unanswered": False,
        "place": 0,
        "next_attempt_at": None,
    }
    rest |= {"sent_at": None, "external_id": None, "last_error": "503", "state": "failed"}
    released = NOW - timedelta(hours=hours)
    return Entry(message, entered_at=released, released_at=released, **{**rest, **told})


def test_messages_that_wait_for_hours_are_told_of_once_a_day() -> None:
    (told,) = stuck([waiting(5), waiting(4.1), waiting(1)], NOW, ["email"])
    assert told.payload["title"].startswith("2 messages")
    assert told.payload["lines"] == ["slack: 2, last: 503"]
    assert stuck([waiting(9)], NOW + timedelta(hours=1), ["email"])[0].key == told.key
    assert stuck([waiting(1)], NOW, ["email"]) == []
    # What waits for its turn is not stuck, and an alert that is stuck sets off no alert.
    assert stuck([waiting(9, kind="alert")], NOW, ["email"]) == []
    queued = dataclasses.replace(waiting(9), released_at=None)
    assert stuck([queued], NOW, ["email"]) == []


def test_the_same_failure_is_told_once_a_day_to_each_channel() -> None:
    told = ("daily_refresh", "scores", "rule x is broken\n\n  by 3 rows", "run-1", NOW)
    first = alerts(*told, ["slack", "email"])
    assert [m.channel for m in first] == ["slack", "email"]
    assert first[0].payload["title"] == "daily_refresh failed in scores"
    assert first[0].payload["lines"] == ["rule x is broken", "by 3 rows"]
    again = alerts("daily_refresh", "scores", "rule x", "run-2", NOW, ["slack", "email"])
    assert [m.key for m in again] == [m.key for m in first]
    tomorrow = alerts(*told[:4], NOW + timedelta(days=1), ["slack"])
    assert tomorrow[0].key != first[0].key
    assert alerts("deliver", None, "", "run-3", NOW, []) == []


def test_a_long_error_is_cut() -> None:
    (message,) = alerts("deliver", None, "x" * 5_000, "run", NOW, ["slack"])
    assert message.payload["title"] == "deliver failed before its first step"
    assert len(message.payload["lines"][0]) == 300


def test_only_folders_of_days_that_were_not_over_are_listed_again(tmp_path: Path) -> None:
    for day, name in (("2026-03-08", "a"), ("2026-03-09", "b"), ("2026-03-10", "c")):
        folder = tmp_path / "hooks" / day
        folder.mkdir(parents=True)
        (folder / f"{name}.json").write_text("{}")
    (folder / ".c.json.tmp").write_text("half")
    (tmp_path / "hooks" / "not a day").mkdir()
    found = {item.key for item in lying([tmp_path / "hooks"], None)}
    assert found == {f"hooks/2026-03-{n}.json" for n in ("08/a", "09/b", "10/c")}
    since = datetime(2026, 3, 9, tzinfo=UTC)
    assert len(lying([tmp_path / "hooks"], since)) == 2
    assert lying([tmp_path / "nobody"], None) == []


def test_the_interval_is_set_by_the_environment_and_nonsense_is_refused() -> None:
    assert interval({}) == 30
    assert interval({"MQA_SENSOR_SECONDS": "10"}) == 10
    for wrong in ("4", "soon", "-10", "10.5"):
        with pytest.raises(ValueError, match="MQA_SENSOR_SECONDS"):
            interval({"MQA_SENSOR_SECONDS": wrong})


def test_sensors_are_off_until_somebody_switches_them_on() -> None:
    assert switched({}).value == "STOPPED"
    assert switched({"MQA_SENSORS": "on"}).value == "RUNNING"
    with pytest.raises(ValueError, match="MQA_SENSORS"):
        switched({"MQA_SENSORS": "yes"})


def test_the_same_tries_are_asked_for_again_after_an_hour_and_others_after_a_pause() -> None:
    due = tries([("h1:slack", 0), ("h2:slack", 0)])
    keys, asked = pressing(due, {}, NOW)
    assert keys == due
    # The run was killed, or left the channel alone: the same tries are still to be made.
    assert pressing(due, asked, NOW + timedelta(minutes=59))[0] == []
    again, later = pressing(due, asked, NOW + timedelta(hours=1))
    assert run_key("on_outbox", again) != run_key("on_outbox", keys)
    third, _ = pressing(due, later, NOW + timedelta(hours=2))
    assert len({run_key("on_outbox", k) for k in (keys, again, third)}) == 3
    # A service that is down lets each run make one try more: no run after the other.
    one_more = tries([("h1:slack", 1), ("h2:slack", 0)])
    assert pressing(one_more, asked, NOW + timedelta(minutes=4))[0] == []
    assert pressing(one_more, asked, NOW + timedelta(minutes=5))[0] == one_more
    assert pressing([], asked, NOW + timedelta(days=1))[0] == []
