"""A person goes out of a file, in whatever form it is written, and everybody else stays."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mqa_platform.sources.erasing_texts import Needles, read_text, without

JANE = Needles(
    frozenset({"jane@acme.com"}),
    frozenset({"Jane Miller", "0123456789abcdef"}),
    frozenset({"fox-1"}),
)
SPELLINGS = (
    "jane@acme.com", "JANE@Acme.COM", "jane+news@acme.com", "/welcome?email=jane%40acme.com",
    "jane%2Bnews%40acme.com", "jane\\u0040acme.com", "<jane@acme.com>", "mailto:jane@acme.com",
    "jane miller", "email:0123456789abcdef99", "fox-1",
)  # fmt: skip
OTHERS = ("jane@acme.org", "mary.jane@acme.com", "jane@acme.com.au", "fox-10", "Jane Millers-to-be")


def left(name: str, text: str) -> str | None:
    found = without(Path(name), text.encode(), JANE)
    return None if found is None else found.content.decode()


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_a_person_is_found(spelling: str) -> None:
    assert JANE.hit(f"x {spelling} y")
    gone = JANE.without(f"x {spelling} y")
    assert "[erased]" in gone
    assert not JANE.hit(gone)
    in_a_text = left("a.csv", f"who,what\nx {spelling} y,1\nbob,2\n")
    assert in_a_text == f"who,what\n{gone},1\nbob,2\n"


@pytest.mark.parametrize(
    "value",
    ["Jane@acme.com", "jane+a@acme.com", "fox-1", "email:0123456789ABCDEF", " jane@acme.com "],
)
def test_a_record_with_a_value_that_is_the_person_goes(value: str) -> None:
    assert left("a.csv", f"who,what\n{value},1\nbob,2\n") == "who,what\nbob,2\n"
    line = json.dumps({"traits": {"x": [value]}})
    assert left("a.jsonl", f"{line}\n{{}}\n") == "{}\n"
    assert left("a.tsv", f"1\t{value}\t2\n1\tx\t2\n") == "1\tx\t2\n"


@pytest.mark.parametrize("other", OTHERS[:-1])
def test_nobody_else_is_taken_for_the_person(other: str) -> None:
    assert not JANE.hit(other)
    assert left("a.csv", f"who\n{other}\n") is None


def test_a_record_of_a_csv_may_have_lines_in_it() -> None:
    text = 'who,note\r\nbob,"two\r\nlines"\r\njane@acme.com,"also\r\ntwo ""lines"""\r\nann,x\r\n'
    assert left("a.csv", text) == 'who,note\r\nbob,"two\r\nlines"\r\nann,x\r\n'


def test_of_lines_those_of_the_person_go() -> None:
    lines = [json.dumps({"email": e}) for e in ("bob@acme.com", "jane@acme.com", "ann@acme.com")]
    assert left("a.jsonl", "\n".join(lines) + "\n") == f"{lines[0]}\n{lines[2]}\n"


def test_of_a_document_the_item_that_names_the_person_goes_and_the_page_stays() -> None:
    page = {
        "results": [
            {"id": 1, "properties": {"email": "Jane@acme.com", "name": "J"}},
            {"id": 2, "properties": {"email": "bob@acme.com"}},
            {"id": 3, "notes": [{"to": "jane@acme.com"}, {"text": "call Jane Miller"}]},
        ],
        "paging": {"after": "jane+x@acme.com"},
    }
    found = json.loads(left("a.json", json.dumps(page)) or "")
    assert found == {
        "results": [
            {"id": 2, "properties": {"email": "bob@acme.com"}},
            {"id": 3, "notes": [{"text": "call [erased]"}]},
        ],
        "paging": {"after": "[erased]"},
    }


def test_a_report_keeps_its_text_without_the_name() -> None:
    assert left("brief.md", "Call Jane Miller (jane@acme.com) now") == (
        "Call [erased] ([erased]) now"
    )


def test_gzip_and_parquet_are_looked_into() -> None:
    packed = gzip.compress(b"who\nbob@acme.com\njane@acme.com\n")
    found = without(Path("a.csv.gz"), packed, JANE)
    assert found is not None
    assert gzip.decompress(found.content) == b"who\nbob@acme.com\n"
    sink = io.BytesIO()
    rows = {"email": ["bob@acme.com", None, "jane@acme.com"], "n": [1, 2, 3]}
    pq.write_table(pa.table(rows), sink)
    assert JANE.hit(read_text(sink.getvalue()) or "")
    found = without(Path("a.parquet"), sink.getvalue(), JANE)
    assert found is not None
    assert pq.read_table(pa.BufferReader(found.content))["n"].to_pylist() == [1, 2]
    assert found.removed == 1
    sink = io.BytesIO()
    pq.write_table(pa.table({"note": ["ask Jane Miller", "ask Bob"]}), sink)
    found = without(Path("a.parquet"), sink.getvalue(), JANE)
    assert found is not None
    assert pq.read_table(pa.BufferReader(found.content))["note"].to_pylist() == [
        "ask [erased]",
        "ask Bob",
    ]


def test_what_is_no_text_or_has_nothing_of_the_person_is_left_as_it_is() -> None:
    assert without(Path("a.bin"), b"\0\1jane@acme.com", JANE) is None
    assert without(Path("a.csv.gz"), b"\x1f\x8bbroken", JANE) is None
    assert left("a.csv", "who\nbob@acme.com\n") is None
    assert left("a.csv", "who\n\xff\n") is None
