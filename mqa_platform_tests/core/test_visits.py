"""Visits: where they end, and that no order and no range of days makes other ones."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_platform.core.expressions import identifier
from mqa_platform.core.visits import VISIT, around, cut, disturbed, extents, reach, visits
from mqa_platform.core.window import ONE_DAY, Window
from mqa_platform.policy.identity import Identity
from mqa_platform_tests.core.engine import TIMESTAMP, Engine, at, day

HIT = pa.schema(
    [
        ("signal_id", pa.string()),
        ("signal_date", pa.date32()),
        ("anonymous_id", pa.string()),
        ("occurred_at", TIMESTAMP),
        ("direction", pa.string()),
    ]
)
SESSION = pa.schema(
    [
        ("session_id", pa.string()),
        ("session_date", pa.date32()),
        ("started_at", TIMESTAMP),
        ("ended_at", TIMESTAMP),
    ]
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DEFAULT = Identity()
LIMITS = st.sampled_from([(30, 24), (30, 1), (720, 24), (1, 24), (45, 7)])


def hit(number: int, when: datetime, who: str = "c") -> dict[str, object]:
    return {
        "signal_id": f"s{number:03}",
        "signal_date": when.date(),
        "anonymous_id": who,
        "occurred_at": when,
        "direction": "inbound",
    }


def table(rows) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=HIT)


def of(rows, gap: int = 30, longest: int = 24) -> dict[str, tuple[str, date]]:
    """signal → (session, its date)."""
    made = cut(table(rows), gap, longest)
    assert made.schema == VISIT
    assert made["signal_id"].to_pylist() == [r["signal_id"] for r in rows]
    return {r["signal_id"]: (r["session_id"], r["session_date"]) for r in made.to_pylist()}


def lengths(*moments: datetime, longest: int = 24) -> list[int]:
    """How many signals each visit of one visitor has, in the order of time."""
    found = of([hit(n, m) for n, m in enumerate(sorted(moments))], longest=longest)
    counted: dict[str, int] = {}
    for session, _ in found.values():
        counted[session] = counted.get(session, 0) + 1
    return list(counted.values())


@st.composite
def worlds(draw) -> list[dict[str, object]]:
    """Hits of few visitors over six days: bursts, near midnights, and endless ones."""
    rows = []
    for who in range(draw(st.integers(1, 3))):
        for _ in range(draw(st.integers(1, 4))):
            start = draw(st.integers(0, 6 * 96)) * 15
            step = draw(st.sampled_from([0, 1, 15, 30, 31]))
            rows += [
                hit(0, at(0, 0) + timedelta(minutes=start + i * step), f"v{who}")
                for i in range(draw(st.sampled_from([1, 2, 3, 49, 50, 97, 98, 130])))
            ]
    draw(st.randoms(use_true_random=False)).shuffle(rows)
    return [{**r, "signal_id": f"s{n:04}"} for n, r in enumerate(rows)]


def plainly(rows, gap: int, longest: int) -> dict[str, tuple[str, date]]:
    """The same rule as ``cut``, one row after the other."""
    found: dict[str, tuple[str, date]] = {}
    for who in {r["anonymous_id"] for r in rows}:
        mine = sorted(
            (r for r in rows if r["anonymous_id"] == who),
            key=lambda r: (r["occurred_at"], r["signal_id"]),
        )
        activities: list[list[dict[str, object]]] = []
        for r in mine:
            last = activities[-1][-1]["occurred_at"] if activities else None
            if last and (r["occurred_at"] - last).total_seconds() <= gap * 60:
                activities[-1].append(r)
            else:
                activities.append([r])
        for activity in activities:
            lasts = activity[-1]["occurred_at"] - activity[0]["occurred_at"]
            endless = lasts > timedelta(hours=longest)
            openers: dict[int, dict[str, object]] = {}
            for r in activity:
                turn = (r["occurred_at"] - EPOCH) // timedelta(hours=longest) if endless else 0
                opener = openers.setdefault(turn, r)
                found[r["signal_id"]] = (opener["signal_id"], opener["occurred_at"].date())
    return found


@settings(max_examples=80, deadline=None)
@given(worlds(), LIMITS)
def test_visits_are_those_that_one_would_cut_by_hand(rows, limits) -> None:
    made, expected = of(rows, *limits), plainly(rows, *limits)
    assert {k: d for k, (_, d) in made.items()} == {k: d for k, (_, d) in expected.items()}
    together = {(made[k][0], expected[k][0]) for k in made}
    assert len(together) == len({a for a, _ in together}) == len({b for _, b in together})


@settings(max_examples=60, deadline=None)
@given(worlds(), LIMITS, st.integers(0, 5), st.integers(1, 3))
def test_a_window_and_its_reach_give_the_visits_of_all_history(rows, limits, first, width) -> None:
    identity = Identity(session_gap_minutes=limits[0], max_session_hours=limits[1])
    window = Window(day(first), day(first + width))
    near = around(window, identity)
    every = of(rows, *limits)
    part = of([r for r in rows if near.contains(r["signal_date"])], *limits)
    mine = [r["signal_id"] for r in rows if window.contains(r["signal_date"])]
    assert {s: part[s] for s in mine} == {s: every[s] for s in mine}


def test_a_visit_that_crosses_midnight_is_one() -> None:
    assert lengths(at(0, 23, 50), at(1, 0, 10), at(1, 0, 40), at(1, 1, 11)) == [3, 1]


def test_activity_of_a_whole_day_is_one_visit_and_of_longer_is_cut_at_midnight() -> None:
    half_hours = [at(0, 12) + timedelta(minutes=30 * n) for n in range(49)]
    assert lengths(*half_hours) == [49]
    assert lengths(*half_hours, half_hours[-1] + timedelta(seconds=1)) == [24, 26]


def test_a_crawler_that_never_pauses_makes_a_visit_a_day() -> None:
    assert lengths(*[at(0, 6) + timedelta(minutes=20 * n) for n in range(72 * 3)]) == [
        54,
        72,
        72,
        18,
    ]
    assert lengths(*[at(0, 6) + timedelta(minutes=20 * n) for n in range(20)], longest=2) == [
        6,
        6,
        6,
        2,
    ]


def test_the_first_of_several_at_one_moment_is_the_one_with_the_lowest_id() -> None:
    rows = [hit(n, at(0)) for n in (5, 3, 9)] + [hit(1, at(0, 12, 1))]
    (same,) = set(of(rows).values())
    assert of([hit(3, at(0))])["s003"] == same


def test_the_id_of_a_visit_is_that_of_its_visitor_and_first_signal(engine) -> None:
    given_ = engine.table([hit(1, at(0))], HIT)
    sql = given_.select(i=identifier(given_["anonymous_id"], given_["signal_id"]))
    assert engine.rows(sql)[0]["i"] == of([hit(1, at(0))])["s001"][0]


def test_many_visitors_over_many_years_are_ordered_as_well() -> None:
    moments = [at(0) - timedelta(days=365 * 250), at(0), at(0) + timedelta(days=365 * 250)]
    rows = [hit(i * 3 + n, m, f"v{i}") for i in range(400) for n, m in enumerate(moments)]
    random.Random(1).shuffle(rows)
    assert len({session for session, _ in of(rows).values()}) == 1200


def test_nobody_visits_where_there_is_no_signal() -> None:
    assert cut(HIT.empty_table(), 30, 24).num_rows == 0


@pytest.mark.parametrize(("gap", "hours", "days"), [(30, 24, 2), (30, 23, 1), (720, 24, 2)])
def test_the_reach_is_the_longest_visit_and_one_silence(gap, hours, days) -> None:
    identity = Identity(session_gap_minutes=gap, max_session_hours=hours)
    assert reach(identity) == timedelta(days=days)


class Days:
    """Days published one after the other, each with those beside it that change with it."""

    def __init__(self, engine, identity: Identity) -> None:
        self.engine, self.identity = engine, identity
        self.signals: list[dict[str, object]] = []
        self.sessions: dict[date, list[dict[str, object]]] = {}
        self.visit_of: dict[date, dict[str, str]] = {}

    def arrive(self, rows, days: set[date]) -> set[date]:
        """The days run with these signals instead of those they had; which days were published."""
        self.signals = [s for s in self.signals if s["signal_date"] not in days] + list(rows)
        span = Window(min(days), max(days) + ONE_DAY)
        signals = self.engine.table(
            [s for s in self.signals if around(span, self.identity, 2).contains(s["signal_date"])],
            HIT,
        )
        found = visits(signals, self.identity, self.engine.apply)
        ends = self.engine.keep(extents(signals, found))
        near = around(span, self.identity)
        ends = ends.filter((ends["session_date"] >= near.lo) & (ends["session_date"] < near.hi))
        stood = [r for d, rows in self.sessions.items() if near.contains(d) for r in rows]
        changed = self.engine.rows(disturbed(ends, self.engine.table(stood, SESSION), days))
        beside = {r[c] for r in changed for c in ("session_date", "ended_on")}
        days = days | (beside & set(self.sessions))
        whole = self.engine.rows(ends.drop("ended_on"), "session_id")
        of_signal = {r["signal_id"]: r["session_id"] for r in self.engine.rows(found)}
        for d in days:
            self.sessions[d] = [r for r in whole if r["session_date"] == d]
            self.visit_of[d] = {
                s["signal_id"]: of_signal[s["signal_id"]]
                for s in self.signals
                if s["signal_date"] == d
            }
        return days


@settings(max_examples=6, deadline=None)
@given(worlds(), st.randoms(use_true_random=False), LIMITS)
def test_days_in_any_order_and_late_signals_end_in_the_visits_of_one_pass(
    rows, chance, limits
) -> None:
    identity = Identity(session_gap_minutes=limits[0], max_session_hours=limits[1])
    everything = sorted({r["signal_date"] for r in rows})
    once = Days(Engine(), identity)
    once.arrive(rows, set(everything))
    bit_by_bit = Days(Engine(), identity)
    # Of some signals it turns out later that they are there, of others that they are on another day.
    late = {r["signal_id"] for r in rows if chance.random() < 0.2}
    moved = [
        {**hit(5000 + n, r["occurred_at"] + timedelta(minutes=10), r["anonymous_id"])}
        for n, r in enumerate(rows)
        if chance.random() < 0.1
    ]
    early = [r for r in rows if r["signal_id"] not in late] + moved
    for version in (early, rows):
        chance.shuffle(everything)
        for d in everything:
            bit_by_bit.arrive([r for r in version if r["signal_date"] == d], {d})
    assert bit_by_bit.sessions == once.sessions
    assert bit_by_bit.visit_of == once.visit_of


def test_a_late_signal_before_midnight_joins_the_visits_of_two_days(engine) -> None:
    days = Days(engine, DEFAULT)
    days.arrive(
        [hit(1, at(0, 23, 25)), hit(2, at(1, 0, 15)), hit(3, at(1, 0, 20))], {day(0), day(1)}
    )
    assert [len(days.sessions[d]) for d in (day(0), day(1))] == [1, 1]
    later = [hit(1, at(0, 23, 25)), hit(4, at(0, 23, 50))]
    assert days.arrive(later, {day(0)}) == {day(0), day(1)}
    assert [len(days.sessions[d]) for d in (day(0), day(1))] == [1, 0]
    assert len({s for d in days.visit_of.values() for s in d.values()}) == 1


def test_a_signal_that_moves_away_shortens_the_visit_of_the_day_before(engine) -> None:
    days = Days(engine, DEFAULT)
    before = [hit(1, at(0, 23, 50))]
    days.arrive([*before, hit(2, at(1, 0, 10)), hit(3, at(1, 12))], {day(0), day(1)})
    assert days.arrive([hit(3, at(1, 12))], {day(1)}) == {day(0), day(1)}
    (visit,) = days.sessions[day(0)]
    assert visit["ended_at"] == at(0, 23, 50)


def half_hours_from(number: int, hour: int, minute: int, count: int) -> list[dict[str, object]]:
    start = at(number, hour, minute)
    return [hit(n, start + timedelta(minutes=30 * n)) for n in range(count)]


def test_a_signal_that_makes_activity_too_long_cuts_visits_two_days_before(engine) -> None:
    days = Days(engine, DEFAULT)
    days.arrive(half_hours_from(0, 23, 50, 49), {day(0), day(1), day(2)})
    assert [len(days.sessions[day(n)]) for n in range(3)] == [1, 0, 0]
    assert days.arrive([hit(99, at(2, 0, 20))], {day(2)}) == {day(0), day(1), day(2)}
    assert [len(days.sessions[day(n)]) for n in range(3)] == [1, 1, 1]


def test_the_last_day_of_long_activity_knows_that_it_is_long() -> None:
    rows = half_hours_from(0, 23, 50, 50)
    near = around(Window.of(day(2), day(2)), DEFAULT)
    seen = of([r for r in rows if near.contains(r["signal_date"])])
    assert seen["s049"] == of(rows)["s049"] == of(rows[49:])["s049"]


def test_a_day_that_shares_no_visit_with_its_neighbours_is_published_alone(engine) -> None:
    days = Days(engine, DEFAULT)
    days.arrive([hit(n, at(n)) for n in range(3)], {day(0), day(1), day(2)})
    assert days.arrive([hit(1, at(1)), hit(9, at(1, 12, 5))], {day(1)}) == {day(1)}
