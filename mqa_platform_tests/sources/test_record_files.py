from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqa_platform.sources import parquet_records
from mqa_platform.sources.delimited import Records, read_with_header
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.record_files import read_records

Write = Callable[[str, str | bytes], Path]
ROWS = [{"Id": "1", "Term_Months__c": "12"}, {"Id": "2", "Term_Months__c": ""}]


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def _said(records: Records) -> list[dict[str, str]]:
    return list(records.table.to_pylist())


FORMS: dict[str, bytes] = {
    "csv": b"Id,Term_Months__c\n1,12\n2,\n",
    "json array": json.dumps(ROWS).encode(),
    "json lines": "\n".join(map(json.dumps, ROWS)).encode(),
    "hubspot page": json.dumps({"results": ROWS, "paging": {"next": {"after": "2"}}}).encode(),
    "salesforce page": json.dumps({"totalSize": 2, "done": True, "records": ROWS}).encode(),
    "parquet": _parquet(pa.Table.from_pylist(ROWS)),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["Account.csv", "Account.csv.gz"])
def test_the_same_records_read_the_same_in_every_form_whatever_the_file_is_called(
    write: Write, form: str, name: str
) -> None:
    records = read_records(write(name, FORMS[form]), ["Id"])
    assert _said(records) == [{"id": "1", "termmonthsc": "12"}, {"id": "2", "termmonthsc": ""}]
    assert records.misfits == []


def test_connectors_that_ask_for_a_header_take_the_other_forms_too(write: Write) -> None:
    assert len(read_with_header(write("a.jsonl", FORMS["json lines"]), ["Id"])) == 2


def test_nested_values_are_named_by_their_path(write: Write) -> None:
    record = {
        "id": 7,
        "attributes": {"type": "Account", "url": "/x"},
        "properties": {"name": "Acme", "tags": ["a", None, "b"], "big": 12345678901234567890.50},
        "archived": False,
        "Owner": None,
        "associations": {"companies": {"results": [{"id": "3"}, {"id": "4"}, {"id": "3"}]}},
    }
    (found,) = _said(read_records(write("a.json", json.dumps(record))))
    assert found["id"] == "7"
    assert found["propertiesname"] == "Acme"
    assert found["propertiestags"] == "a;b"
    assert found["archived"] == "false"
    assert found["owner"] == ""
    assert found["associationscompaniesresultsid"] == "3;4"
    assert not any(name.startswith("attributes") for name in found)


def test_numbers_keep_the_digits_they_were_written_with(write: Write) -> None:
    (found,) = _said(read_records(write("a.json", '{"id": 10000000000000000001, "n": 1.10}')))
    assert found == {"id": "10000000000000000001", "n": "1.10"}


def test_a_line_that_is_no_object_does_not_spoil_the_others(write: Write) -> None:
    records = read_records(write("a.jsonl", '{"id":1}\n{"id":\n[1]\n7\n{"id":NaN}\n{"id":2}\n'))
    assert records.text("id").to_pylist() == ["1", "2"]
    assert len(records.misfits) == 4
    assert records.misfit_reason == "bad_json"


@pytest.mark.parametrize("content", ['[{"id":1},{"id', '{"id":', "{" * 100_000])
def test_a_transfer_that_broke_off_is_refused(write: Write, content: str) -> None:
    with pytest.raises(SourceError, match=r"JSON.*(Deliver|Export) it"):
        read_records(write("a.json", content))


def test_two_fields_that_compare_equal_are_refused(write: Write) -> None:
    with pytest.raises(SourceError, match="column Id, id twice"):
        read_records(write("a.json", '{"Id": 1, "id": 2}'))


def test_a_missing_column_is_named_in_every_form(write: Write) -> None:
    for content in FORMS.values():
        with pytest.raises(SourceError, match="lacks the column Name"):
            read_records(write("a", content), ["Id", "Name"])


@pytest.mark.parametrize("content", [b"", b" \n\n", b"[]", b'{"results": []}'])
def test_a_file_without_records_has_none(write: Write, content: bytes) -> None:
    assert len(read_records(write("a", content), ["Id"])) == 0


def test_parquet_types_become_the_text_that_a_csv_would_hold(write: Write) -> None:
    moment = datetime(2025, 7, 1, 10, 0, 0, 250000, tzinfo=UTC)
    table = pa.table(
        {
            "at": pa.array([moment, None], pa.timestamp("us", tz="America/New_York")),
            "naive": pa.array([moment.replace(tzinfo=None), None], pa.timestamp("ns")),
            "day": pa.array([date(2025, 7, 1), None]),
            "money": pa.array([Decimal("12.50"), None]),
            "id": pa.array([1234567.0, None]),
            "flag": pa.array([True, None]),
            "kind": pa.array(["a", None]).dictionary_encode(),
            "raw": pa.array([b"caf\xe9\x00", None], pa.binary()),
            "who": pa.array([{"id": 5, "name": "x"}, None]),
            "tags": pa.array([["a", "b"], None]),
        }
    )
    first, second = _said(read_records(write("a.parquet", _parquet(table))))
    assert first["at"] == "2025-07-01 10:00:00.250000Z"
    assert first["naive"].startswith("2025-07-01 10:00:00.25")
    assert (first["day"], first["money"], first["id"]) == ("2025-07-01", "12.50", "1234567")
    assert (first["flag"], first["kind"], first["raw"]) == ("true", "a", "café")
    assert (first["whoid"], first["whoname"], first["tags"]) == ("5", "x", "a;b")
    assert set(second.values()) == {""}


@pytest.mark.parametrize("cut", [5, 40, -1, -8])
def test_a_truncated_parquet_file_is_refused(write: Write, cut: int) -> None:
    with pytest.raises(SourceError, match="damaged or truncated Parquet"):
        read_records(write("a.parquet", FORMS["parquet"][:cut]))


def test_a_parquet_file_with_bytes_turned_never_raises_anything_else(write: Write) -> None:
    good = FORMS["parquet"]
    for at in range(4, len(good), 7):
        turned = good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1 :]
        with suppress(SourceError):
            read_records(write("a.parquet", turned))


def test_a_parquet_bomb_is_refused_before_it_unpacks(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A run of one value packs to nothing; the limit is lowered so that the test need not wait.
    monkeypatch.setattr(parquet_records, "_MAX_CELLS", 1_000_000)
    run = pa.repeat(pa.scalar(0, pa.int8()), 2_000_000)
    content = _parquet(pa.table({"a": run, "b": run}))
    assert len(content) < 20_000
    with pytest.raises(SourceError, match="200 times its size"):
        read_records(write("a.parquet", content))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lines=st.lists(_JSON | st.just("{broken"), min_size=1, max_size=8))
def test_every_json_line_is_a_record_or_a_misfit(lines: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    texts = ["{broken" if line == "{broken" else json.dumps(line) for line in lines]
    # Some object comes first, so that the file is JSON lines and no other form.
    path.write_text("\n".join(['{"a": 1}', *texts]))
    records = read_records(path)
    assert len(records) + len(records.misfits) == len(lines) + 1
    assert all(column.null_count == 0 for column in records.table.columns)
