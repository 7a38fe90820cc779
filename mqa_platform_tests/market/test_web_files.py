"""The tracker's files have the defects of real delivery, in small measure."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime

from mqa_platform_tests.market.conftest import World


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_under_one_line_in_a_hundred_is_malformed(world: World) -> None:
    untimed = sum("timestamp" not in m for m in world.messages)
    total = len(world.messages) + world.broken_lines
    assert total == world.summary.rows["segment"]
    assert untimed > 0
    assert world.broken_lines > 0
    assert (untimed + world.broken_lines) / total < 0.003


def test_about_one_message_in_two_hundred_is_delivered_twice(world: World) -> None:
    times = Counter(m["messageId"] for m in world.messages)
    twice = sum(n > 1 for n in times.values())
    assert 0.003 < twice / len(times) < 0.008


def test_about_one_message_in_a_hundred_is_days_late_and_in_the_file_of_its_arrival(
    world: World,
) -> None:
    late, crossed = 0, 0
    timed = [m for m in world.messages if "timestamp" in m]
    for message in timed:
        wait = _at(message["receivedAt"]) - _at(message["timestamp"])
        assert wait.total_seconds() >= 0
        late += wait.days >= 1
        assert message["receivedAt"][:7] == message["_file"][:7]
        crossed += message["timestamp"][:7] < message["_file"][:7]
    assert 0.005 < late / len(timed) < 0.015
    assert crossed > 0


def test_some_lines_are_out_of_order(world: World) -> None:
    by_file: dict[str, list[str]] = defaultdict(list)
    for message in world.messages:
        by_file[message["_file"]].append(message["receivedAt"])
    for arrivals in by_file.values():
        back = sum(b < a for a, b in zip(arrivals, arrivals[1:], strict=False))
        assert 0 < back / len(arrivals) < 0.1


def test_nothing_happens_outside_the_market(world: World) -> None:
    first = world.config.starts_on.isoformat()
    for message in world.messages:
        if "timestamp" in message:
            assert message["timestamp"] >= first
            assert _at(message["receivedAt"]).timestamp() * 1e6 < world.config.end


def test_only_the_four_known_forms_are_tracked(world: World) -> None:
    events = {m.get("event") for m in world.messages if m["type"] == "track"}
    assert events == {"Demo Requested", "Content Downloaded", "Webinar Attended", "Ad Clicked"}
    assert all(m["traits"]["email"] for m in world.messages if m["type"] == "identify")
