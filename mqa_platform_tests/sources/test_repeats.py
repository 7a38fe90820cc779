from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.sources.landed import Landed, empty
from mqa_platform.sources.repeats import without_repeats
from mqa_platform.sources.schemas import TIMESTAMP
from mqa_platform.sources.signals import signals_table

START = datetime(2025, 7, 1, tzinfo=UTC)


def _landed(rows: list[tuple[str, str, int]]) -> Landed:
    columns = {
        "source": "x",
        "event_id": pa.array([event for event, _, _ in rows], pa.string()),
        "occurred_at": pa.repeat(pa.scalar(START, TIMESTAMP), len(rows)),
        "received_at": pa.array([START + timedelta(hours=h) for _, _, h in rows], TIMESTAMP),
        "event": "intent",
        "topic": pa.array([topic for _, topic, _ in rows], pa.string()),
    }
    tables = {"landed_signals": signals_table(len(rows), columns)}
    return Landed(len(rows), len(rows), tables, empty("landed_defects"))


_ROWS = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(["x", "y"]), st.integers(0, 3)), max_size=12
)


@given(_ROWS)
def test_each_event_and_payload_is_kept_once_as_first_received(
    rows: list[tuple[str, str, int]],
) -> None:
    landed = without_repeats(_landed(rows))
    kept = landed.tables["landed_signals"].to_pylist()
    first: dict[tuple[str, str], int] = {}
    for event, topic, hour in rows:
        first[event, topic] = min(hour, first.get((event, topic), 9))
    found = {(r["event_id"], r["topic"]): (r["received_at"] - START).seconds // 3600 for r in kept}
    assert found == first
    assert (len(kept), landed.duplicates) == (len(first), len(rows) - len(first))
    assert landed.rows == landed.accepted + landed.duplicates


def test_what_is_kept_stays_in_the_order_of_the_file() -> None:
    landed = without_repeats(_landed([("b", "x", 1), ("a", "x", 0), ("b", "x", 2)]))
    assert landed.tables["landed_signals"]["event_id"].to_pylist() == ["b", "a"]
