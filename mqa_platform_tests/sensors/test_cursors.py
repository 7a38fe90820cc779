"""What a sensor has seen starts nothing again, what it has not seen is never passed over."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_platform.sensors.cursors import Item, Seen, mark, news, reached, run_key

START = datetime(2026, 3, 1, tzinfo=UTC)
OVERLAP = timedelta(minutes=60)
# When it happened, and how many minutes later it turns up: never later than the overlap.
Happening = tuple[int, int]
happenings = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 59)), max_size=30, unique=True)


def items(happened: list[Happening], until: int) -> list[Item]:
    """What has turned up by a minute."""
    return [
        Item(f"event {minute} {late}", START + timedelta(minutes=minute))
        for minute, late in happened
        if minute + late <= until
    ]


def through_json(seen: Seen) -> Seen:
    return Seen.of(json.loads(json.dumps(seen.kept())))


def everything(happened: list[Happening], ticks: list[int]) -> list[str]:
    """Keys in the order in which ticks find them, with the cursor as a restart finds it."""
    seen, found = Seen(), []
    for minute in [*sorted(ticks), 400]:
        new, seen = news(items(happened, minute), through_json(seen), OVERLAP)
        found += [item.key for item in new]
    return found


@given(happenings, st.lists(st.integers(0, 400), max_size=12))
def test_whatever_turns_up_within_the_overlap_is_found_once(
    happened: list[Happening], ticks: list[int]
) -> None:
    found = everything(happened, ticks)
    assert sorted(found) == sorted(item.key for item in items(happened, 400))


@given(happenings, st.randoms(use_true_random=False), st.integers(0, 400))
def test_neither_order_nor_repetition_makes_another_run(
    happened: list[Happening], shuffled: object, minute: int
) -> None:
    there = items(happened, minute)
    twice = [*there, *there]
    shuffled.shuffle(twice)  # type: ignore[attr-defined]
    one, seen = news(there, Seen(), OVERLAP)
    other, as_well = news(twice, Seen(), OVERLAP)
    assert one == other
    assert seen == as_well
    assert run_key("s", [i.key for i in one]) == run_key("s", [i.key for i in reversed(other)])


@given(happenings, st.lists(st.integers(0, 400), min_size=1, max_size=8), st.data())
@settings(max_examples=60)
def test_a_tick_that_was_killed_before_its_cursor_was_kept_asks_for_the_same_run(
    happened: list[Happening], ticks: list[int], data: st.DataObject
) -> None:
    seen, asked = Seen(), set[str]()
    killed = data.draw(st.sets(st.sampled_from(ticks)))
    for minute in sorted(ticks):
        new, after = news(items(happened, minute), seen, OVERLAP)
        keys = [item.key for item in new]
        if keys:
            asked.add(run_key("s", keys))
        if minute in killed:
            # Dagster keeps a cursor after the runs of the tick have been started.
            repeated, after = news(items(happened, minute), through_json(seen), OVERLAP)
            assert [item.key for item in repeated] == keys
        seen = after
    undisturbed, again = Seen(), set[str]()
    for minute in sorted(ticks):
        new, undisturbed = news(items(happened, minute), undisturbed, OVERLAP)
        if new:
            again.add(run_key("s", [item.key for item in new]))
    assert asked == again


def test_what_is_older_than_the_overlap_is_left_alone_and_does_not_fill_the_cursor() -> None:
    _, seen = news([Item("new", START)], Seen(), OVERLAP)
    late = Item("late", START - timedelta(minutes=61))
    found, after = news([late, Item("new", START)], seen, OVERLAP)
    assert found == []
    assert set(after.marks or {}) == {mark("new")}


def test_an_empty_look_leaves_the_cursor_as_it_was() -> None:
    _, seen = news([Item("a", START)], Seen(), OVERLAP)
    assert news([], seen, OVERLAP) == ([], seen)
    assert news([], Seen(), OVERLAP) == ([], Seen())


def test_a_look_past_known_things_moves_the_cursor_and_never_back() -> None:
    _, seen = news([Item("a", START)], Seen(), OVERLAP)
    later = START + timedelta(hours=5)
    after = reached(seen, later, OVERLAP)
    assert after.until == later
    assert after.marks == {}
    assert reached(after, START, OVERLAP) == after
    assert reached(after, None, OVERLAP) == after


def test_two_sensors_that_see_the_same_ask_for_two_runs() -> None:
    assert run_key("on_outbox", ["x"]) != run_key("on_new_files", ["x"])
