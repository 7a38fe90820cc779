"""A person goes out of a file, in whatever form it is written, and everybody else stays."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mqa_platform.home import Home
from mqa_platform.sources.erasing_files import remains
from mqa_platform.sources.erasing_texts import opened, read_text, without
from mqa_platform.sources.needles import Needles

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
    table = opened(sink.getvalue())
    assert table is not None
    assert JANE.hit(read_text(table))
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


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("mark", ["\ufeff", ""])
def test_a_file_in_utf_16_is_looked_into_and_stays_in_it(encoding: str, mark: str) -> None:
    text = f"{mark}who,what\r\nbob@acme.com,1\r\njane@acme.com,2\r\n".encode(encoding)
    table = opened(text)
    assert table is not None
    assert JANE.hit(read_text(table))
    found = without(Path("export.csv"), text, JANE)
    assert found is not None
    assert found.content == f"{mark}who,what\r\nbob@acme.com,1\r\n".encode(encoding)


def test_a_name_with_other_letters_than_ascii_is_found_in_any_case_and_in_json() -> None:
    jurgen = Needles(frozenset({"j\u00fcrgen@acme.com"}), frozenset({"J\u00fcrgen Miller"}))
    for text in (
        "ask J\u00dcRGEN MILLER",
        json.dumps("ask J\u00fcrgen Miller, j\u00fcrgen@acme.com"),
    ):
        assert jurgen.hit(text)
        assert not jurgen.hit(jurgen.without(text))
        found = without(Path("a.jsonl"), f'{{"note": "x"}}\n{text}\n'.encode(), jurgen)
        assert found is not None
        assert "[erased]" in found.content.decode()


def test_of_what_cannot_be_looked_into_the_bytes_are_searched() -> None:
    assert opened(b"\0\1jane@acme.com") is None
    assert JANE.in_octets(b"\0\1Jane@Acme.com")
    assert JANE.in_octets(b"\0\1" + "Jane Miller".encode("utf-16-le"))
    assert not JANE.in_octets(b"\0\1bob@acme.com")
    assert opened(b"PAR1 broken") is None


def test_a_file_that_nobody_can_look_into_is_named_and_not_counted_as_clean(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    home.inbox.mkdir()
    for name, content in {
        "zipped.xlsx": b"PK\3\4\0\0packed", "dump.bin": b"\0\1jane@acme.com",
        "wide.csv": "who\r\njane@acme.com\r\n".encode("utf-16"), "nets.mmdb": b"\0\1\2",
    }.items():  # fmt: skip
        (home.inbox / name).write_bytes(content)
    assert remains(home, JANE) == ({"inbox": 2}, ["inbox/dump.bin", "inbox/zipped.xlsx"])


def test_what_is_no_text_or_has_nothing_of_the_person_is_left_as_it_is() -> None:
    assert without(Path("a.bin"), b"\0\1jane@acme.com", JANE) is None
    assert without(Path("a.csv.gz"), b"\x1f\x8bbroken", JANE) is None
    assert left("a.csv", "who\nbob@acme.com\n") is None
    assert left("a.csv", "who\n\xff\n") is None
