"""A backlog reaches each rep at the rep's capacity, the best account first."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.core.releases import _releases, with_release
from mqa_platform_tests.core.clock_cases import CAPACITY, HANDOFFS, TRANSITIONS, entry, handoff
from mqa_platform_tests.core.engine import default_policy

# A Monday.
FIRST = date(2025, 7, 7)
SCHEMA = pa.schema(
    [
        ("handoff_id", pa.string()),
        ("rep_id", pa.string()),
        ("created_on", pa.date32()),
        ("left_on", pa.date32()),
        ("capacity_per_week", pa.int64()),
        ("score", pa.float64()),
    ]
)


def waiting(
    number: int,
    score: float,
    day: int = 0,
    rep: str = "ann",
    weekly: int | None = None,
    left: int | None = None,
) -> Any:
    gone = None if left is None else FIRST + timedelta(days=left)
    return {
        "handoff_id": f"h{number}", "rep_id": rep, "created_on": FIRST + timedelta(days=day),
        "left_on": gone, "capacity_per_week": weekly, "score": score,
    }  # fmt: skip


def released(rows: list[Any], otherwise: int = 2) -> dict[str, int]:
    """Handoff → days after the first."""
    found = _releases(otherwise).fn(pa.Table.from_pylist(rows, schema=SCHEMA)).to_pylist()
    return {r["handoff_id"]: (r["released_on"] - FIRST).days for r in found}


def test_the_highest_scores_come_first_so_many_a_day() -> None:
    found = released([waiting(n, 100 + n) for n in range(5)])
    assert found == {"h4": 0, "h3": 0, "h2": 1, "h1": 1, "h0": 2}


def test_the_capacity_of_the_crm_counts_where_it_is_known() -> None:
    assert released([waiting(n, 100 - n, weekly=5) for n in range(3)]) == {
        "h0": 0,
        "h1": 1,
        "h2": 2,
    }
    assert set(released([waiting(n, 100, weekly=15) for n in range(3)]).values()) == {0}


def test_a_second_backlog_joins_the_queue_of_the_first() -> None:
    first = [waiting(n, 100 + n) for n in range(5)]
    found = released([*first, waiting(9, 500, day=2)])
    # On day 2 one of the first is left; the new one is better and both have room.
    assert (found["h9"], found["h0"]) == (2, 2)
    assert released([*first, waiting(8, 501, day=2), waiting(9, 500, day=2)])["h0"] == 3


def test_reps_do_not_wait_for_each_other() -> None:
    rows = [waiting(n, 100, rep="ann") for n in range(4)] + [waiting(9, 90, rep="ben")]
    assert released(rows)["h9"] == 0
    assert released([]) == {}


def test_an_account_that_left_before_its_turn_takes_nobodys_place() -> None:
    rows = [waiting(0, 100, left=0), waiting(1, 90, left=5), waiting(2, 80, left=0), waiting(3, 70)]
    assert released(rows, 1) == {"h0": 0, "h1": 1, "h3": 2}
    # The day of its turn is the day on which a rep may begin, and then it may leave.
    assert released([waiting(0, 100), waiting(1, 90, left=1)], 1) == {"h0": 0, "h1": 1}


def test_a_rep_who_works_what_is_shown_is_given_one_a_day_and_no_turn_moves() -> None:
    left: dict[int, int] = {}
    known: dict[str, int] = {}
    for today in range(8):
        found = released([waiting(n, 100 - n, left=left.get(n)) for n in range(8)], otherwise=1)
        shown = {h: d for h, d in found.items() if d <= today}
        assert len(shown) == min(today + 1, 5) + max(today - 6, 0)
        assert known.items() <= shown.items()
        known = shown
        left |= {int(h[1:]): today for h in shown if int(h[1:]) not in left}


def test_what_left_before_its_turn_gives_it_to_the_next() -> None:
    rows = [waiting(n, 100 - n, left=1 if n == 2 else None) for n in range(5)]
    assert released(rows, otherwise=1) == {"h0": 0, "h1": 1, "h3": 2, "h4": 3}


def test_nobody_is_given_a_backlog_at_the_weekend() -> None:
    assert released([waiting(n, 100 - n, day=4) for n in range(5)]) == {
        "h0": 4, "h1": 4, "h2": 7, "h3": 7, "h4": 8,
    }  # fmt: skip
    assert released([waiting(0, 100, day=5)]) == {"h0": 7}


@given(st.integers(1, 30), st.integers(0, 13), st.integers(1, 120))
def test_a_week_gives_a_rep_the_capacity_of_a_week(weekly: int, day: int, number: int) -> None:
    found = released([waiting(n, 1, day, weekly=weekly) for n in range(number)])
    weeks = Counter(d // 7 for d in found.values())
    assert max(weeks.values()) <= weekly
    between = [n for week, n in weeks.items() if min(weeks) < week < max(weeks)]
    assert between == [weekly] * len(between)


@given(
    st.lists(
        st.tuples(st.floats(0, 500), st.integers(0, 20), st.sampled_from(["ann", "ben"])),
        max_size=40,
    ),
    st.integers(1, 4),
)
def test_nobody_is_released_early_twice_or_above_capacity(
    items: list[tuple[float, int, str]], a_day: int
) -> None:
    rows = [waiting(n, s, d, rep) for n, (s, d, rep) in enumerate(items)]
    found = released(rows, a_day)
    assert set(found) == {r["handoff_id"] for r in rows}
    assert all(found[f"h{n}"] >= d for n, (_, d, _) in enumerate(items))
    reps = {f"h{n}": rep for n, (_, _, rep) in enumerate(items)}
    assert all(n <= a_day for n in Counter((reps[h], d) for h, d in found.items()).values())
    assert released(rows[::-1], a_day) == found


def test_who_has_no_capacity_is_given_nothing_until_it_grows() -> None:
    assert released([waiting(n, 100, weekly=0) for n in range(3)]) == {}
    rows = [waiting(0, 100, weekly=0), waiting(1, 90, day=2, weekly=5)]
    assert released(rows) == {"h0": 2, "h1": 3}


def test_a_capacity_holds_from_the_entry_it_was_told_before() -> None:
    first = [waiting(n, 100 - n, weekly=5) for n in range(4)]
    later = [waiting(9, 200, day=2, weekly=10)]
    assert released([*first, *later]) == {"h0": 0, "h1": 1, "h9": 2, "h2": 2, "h3": 3}


HELD = HANDOFFS.append(pa.field("first_rep_id", pa.string()))
REPS = CAPACITY.append(pa.field("capacity_per_week", pa.int64()))


def backlog(number: int, first_rep: str, rep: str, score: int) -> Any:
    noon = datetime.combine(FIRST, time(12), UTC).isoformat()[:16]
    name = f"{first_rep}{number}"
    return handoff(
        noon, handoff_id=name, account_id=name, first_rep_id=first_rep, rep_id=rep, score=score
    )


def turns(engine: Any, rows: list[Any], reps: list[Any]) -> dict[str, int]:
    moves = engine.table([entry(row, "backlog") for row in rows], TRANSITIONS)
    made, users = engine.table(rows, HELD), engine.table(reps, REPS)
    found = engine.rows(with_release(made, users, default_policy(), moves, engine.apply))
    return {r["handoff_id"]: (r["released_on"] - FIRST).days for r in found}


def version(rep: str, weekly: int, since: int, until: int | None = None) -> Any:
    ends = None if until is None else FIRST + timedelta(days=until)
    return {
        "user_id": rep, "capacity_per_week": weekly, "valid_from": FIRST + timedelta(days=since),
        "valid_to": ends,
    }  # fmt: skip


def test_neither_a_reassignment_nor_a_new_capacity_moves_a_turn_of_the_past(engine: Any) -> None:
    own = [backlog(n, "ben", "ben", 50 - n) for n in range(4)]
    anns = [backlog(n, "ann", "ann", 90 - n) for n in range(2)]
    reps = [version("ben", 5, -100)]
    before = turns(engine, own + anns, reps)
    assert before == {"ben0": 0, "ben1": 1, "ben2": 2, "ben3": 3, "ann0": 0, "ann1": 0}
    moved = [row | {"rep_id": "ben"} for row in anns]
    changed = [version("ben", 5, -100, until=3), version("ben", 50, 3)]
    assert turns(engine, own + moved, changed) == before
