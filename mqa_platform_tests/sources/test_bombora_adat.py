from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqa_platform.policy.sources import Source
from mqa_platform.sources.bombora_adat import bombora_adat
from mqa_platform.sources.landed import Landed, SourceError

Write = Callable[[str, str | bytes], Path]
Read = Callable[..., Landed]

NAME = "adat-2025-07-07.csv"
HEADER = (
    "Company Name,Domain,Size,Industry,Category,Topic,Composite Score,Bucket Code,Metro Area,"
    "Metro Composite Score,Metro Bucket Code,Domain Origin Country\n"
)


def _row(
    metro: str = '"boston, ma"',
    score: str = "75",
    topic: str = "crm",
    domain: str = "acme.com",
    name: str = "Acme",
) -> str:
    return f"{name},{domain},L,Software,Business,{topic},{score},B,{metro},71,B,United States\n"


def test_a_surge_counts_once_whatever_metros_it_is_cut_into(write: Write, read: Read) -> None:
    content = _row() + _row("dallas") + _row("austin") + _row(topic="erp")
    landed = read("bombora_adat", write(NAME, content))
    assert (landed.rows, landed.accepted) == (4, 2)
    assert landed.filtered == {"metro_split": 2}
    signals = landed.tables["landed_signals"]
    assert signals["intent_score"].to_pylist() == [75.0, 75.0]
    assert set(signals["topic"].to_pylist()) == {"crm", "erp"}
    assert set(signals["event_date"].to_pylist()) == {date(2025, 7, 7)}


def test_rows_that_disagree_on_the_composite_are_all_refused(write: Write, read: Read) -> None:
    content = _row() + _row("dallas", "80") + _row("austin") + _row(topic="erp")
    landed = read("bombora_adat", write(NAME, content))
    assert landed.reasons() == {"conflicting_composite": 3}
    assert landed.tables["landed_signals"]["topic"].to_pylist() == ["erp"]


def test_a_row_written_twice_is_a_duplicate_and_no_split(write: Write, read: Read) -> None:
    landed = read("bombora_adat", write(NAME, _row() + _row() + _row("dallas")))
    assert (landed.accepted, landed.duplicates) == (1, 1)
    assert landed.filtered == {"metro_split": 1}


def test_a_header_a_mark_and_another_order_of_columns_change_nothing(
    write: Write, read: Read
) -> None:
    content = _row() + _row("dallas")
    plain = read("bombora_adat", write(NAME, content)).tables["landed_signals"]
    headed = read("bombora_adat", write("h-2025-07-07.csv", "\ufeff" + HEADER + content))
    assert headed.tables["landed_signals"].equals(plain)
    swapped = "Topic,Composite Score,Domain,Metro Area,Company Name,Added Later\n" + "".join(
        f"crm,75,acme.com,{metro},Acme,x\n" for metro in ("boston", "dallas")
    )
    other = read("bombora_adat", write("s-2025-07-07.csv", swapped))
    assert other.tables["landed_signals"].equals(plain)


def test_a_week_in_both_layouts_is_the_same_event(write: Write, read: Read) -> None:
    surge = 'Acme,acme.com,L,Software,Business,crm,75,"boston, ma[71]|[75]",United States\n'
    both = [
        read("bombora_surge", write("surge-2025-07-07.csv", surge)),
        read("bombora_adat", write(NAME, _row() + _row("dallas"))),
    ]
    first, second = (landed.tables["landed_signals"] for landed in both)
    for column in ("event_id", "payload_hash"):
        assert first[column].to_pylist() == second[column].to_pylist()


def test_bad_rows_say_why_and_spoil_no_sound_row_of_their_topic(write: Write, read: Read) -> None:
    content = (
        _row()
        + _row("dallas", "n/a")
        + _row("austin", "101")
        + _row(domain="")
        + _row(domain="triton")
        + "Acme,acme.com,L\n"
    )
    landed = read("bombora_adat", write(NAME, content))
    assert landed.accepted == 1
    assert landed.reasons() == {
        "bad_domain": 1,
        "bad_score": 2,
        "missing_domain": 1,
        "wrong_column_count": 1,
    }


def test_the_nine_column_layout_is_refused_with_its_connector_named(
    write: Write, read: Read
) -> None:
    surge = "Acme,acme.com,L,Software,Business,crm,75,boston[75],United States\n"
    with pytest.raises(SourceError, match="bombora_surge"):
        read("bombora_adat", write(NAME, surge))
    assert read("bombora_adat", write("e-2025-07-07.csv", "")).rows == 0


_ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a.com", "b.com", "", "x"]),
        st.sampled_from(["crm", "erp", ""]),
        st.sampled_from(["60", "75", "", "high"]),
        st.sampled_from(["boston", "dallas", "austin"]),
        st.sampled_from(["Acme", ""]),
    ),
    max_size=20,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=_ROWS, seed=st.integers(0, 9))
def test_the_order_of_rows_never_matters(
    rows: list[tuple[str, ...]], seed: int, tmp_path: Path
) -> None:
    lines = [_row(m, s, t, d, n) for d, t, s, m, n in rows]
    shuffled = random.Random(seed).sample(lines, len(lines))
    source = Source.model_validate({"connector": "bombora_adat", "path": "x", "week": "2025-07-07"})
    found = []
    for content in (lines, shuffled):
        path = tmp_path / "any.csv"
        path.write_text("".join(content))
        landed = bombora_adat(path, source)
        signals = landed.tables["landed_signals"]
        keys = signals["event_id"].to_pylist()
        assert len(keys) == len(set(keys))
        found.append(
            (
                sorted(json.dumps(row, default=str) for row in signals.to_pylist()),
                landed.duplicates,
                dict(landed.filtered),
                landed.reasons(),
            )
        )
    assert found[0] == found[1]
