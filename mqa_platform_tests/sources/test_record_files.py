from __future__ import annotations

import io
import json
import time
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

from mqa_platform.sources import json_records, parquet_records
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


def _same_text(value: pa.Array, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), rows), value)


@pytest.mark.parametrize("store_schema", [True, False])
@pytest.mark.parametrize("form", ["text", "bytes", "lists", "objects", "fixed", "delta"])
def test_one_long_value_in_many_rows_of_parquet_is_refused_before_it_is_spelled_out(
    write: Write, form: str, store_schema: bool
) -> None:
    long, rows = "x" * 900_000, 60_000
    options: dict[str, Any] = {"store_schema": store_schema, "compression": "zstd"}
    column = _same_text(pa.array([long]), rows)
    if form == "bytes":
        column = _same_text(pa.array([long.encode()]), rows)
    if form == "lists":
        column = pa.ListArray.from_arrays(pa.array(range(rows + 1), pa.int32()), column)
    if form == "objects":
        column = pa.StructArray.from_arrays([column], ["name"])
    if form == "fixed":
        kind = pa.binary(900_000)
        column = pa.array([long.encode()] * 400, kind)
    if form == "delta":
        column = pa.array([long] * 400)
        options |= {"use_dictionary": False, "column_encoding": "DELTA_BYTE_ARRAY"}
    buffer = io.BytesIO()
    pq.write_table(pa.table({"id": column}), buffer, **options)
    assert len(buffer.getvalue()) < 1_000_000
    path = write("a.parquet", buffer.getvalue())
    began = time.process_time()
    with pytest.raises(SourceError, match="200 times its size"):
        read_records(path, ["id"])
    assert time.process_time() - began < 3


def test_parquet_of_more_text_than_a_text_file_may_hold_is_refused(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_records, "MAX_CONTENT", 1_000_000)
    path = write("a.parquet", _parquet(pa.table({"id": [f"name {n}" for n in range(200_000)]})))
    with pytest.raises(SourceError, match="Deliver it in smaller files"):
        read_records(path)


def test_a_large_parquet_file_lands_whole_and_in_its_order(write: Write) -> None:
    rows = 300_000
    ids = [f"row {n}" for n in range(rows)]
    stages = pa.array([None if n % 7 == 0 else f"stage {n % 5}" for n in range(rows)])
    # A field of an object that only late rows have, and text whose dictionary outgrows its page.
    owner = pa.array([{"id": n, "team": None} if n > 250_000 else None for n in range(rows)])
    table = pa.table({"id": ids, "stage": stages.dictionary_encode(), "owner": owner})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=70_000)
    records = read_records(write("a.parquet", buffer.getvalue()), ["Id"])
    assert records.text("id").to_pylist() == ids
    assert records.text("stage").to_pylist() == stages.to_pylist()
    assert records.table.column_names == ["id", "stage", "ownerid", "ownerteam"]
    assert [records.table["ownerid"][n].as_py() for n in (0, 250_000, 299_999)] == [
        "",
        "",
        "299999",
    ]
    assert all(column.null_count == 0 for column in records.table.columns)


@pytest.mark.parametrize("encoding", ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY", "PLAIN"])
def test_parquet_text_reads_the_same_however_it_is_encoded(write: Write, encoding: str) -> None:
    ids = [f"row {n}" for n in range(3_000)]
    buffer = io.BytesIO()
    options: dict[str, Any] = {"use_dictionary": False, "column_encoding": encoding}
    pq.write_table(pa.table({"id": ids}), buffer, **options)
    assert read_records(write("a", buffer.getvalue())).text("id").to_pylist() == ids


def test_parquet_without_rows_keeps_its_columns(write: Write) -> None:
    records = read_records(
        write("a", _parquet(pa.table({"Id": pa.array([], pa.string())}))), ["Id"]
    )
    assert (len(records), records.table.column_names) == (0, ["id"])


@pytest.mark.parametrize("form", ["json array", "hubspot page", "indented"])
def test_a_json_document_over_the_limit_is_refused_and_told_to_come_as_lines(
    write: Write, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    content = (
        json.dumps({"results": ROWS}, indent=1).encode() if form == "indented" else FORMS[form]
    )
    assert len(read_records(write("a.json", content))) == 2
    monkeypatch.setattr(json_records, "_MAX_DOCUMENT", 50)
    monkeypatch.setattr(json_records, "_HEAD", 40)
    with pytest.raises(SourceError, match="Deliver it as JSON lines"):
        read_records(write("a.json", content))


def test_json_lines_may_be_larger_than_a_document(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_records, "_MAX_DOCUMENT", 50)
    lines = b'{"Id": "0", \r\n' + b"".join(b'{"Id": "%d"}\r\n' % n for n in range(1, 500))
    records = read_records(write("a.jsonl", lines))
    assert (len(records), len(records.misfits)) == (499, 1)


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
