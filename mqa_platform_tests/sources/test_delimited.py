from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mqa_platform.sources.delimited import read_with_header, read_without_header
from mqa_platform.sources.landed import SourceError

Write = Callable[[str, str | bytes], Path]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_all_three_line_endings_are_read(write: Write, end: str) -> None:
    path = write("a.csv", end.join(["Id,Name", "1,Ann", '2,"Li, Bo"', ""]))
    records = read_with_header(path, ["Id"])
    assert records.text("id").to_pylist() == ["1", "2"]
    assert records.text("name").to_pylist() == ["Ann", "Li, Bo"]


def test_quotes_may_hold_line_breaks_and_doubled_quotes(write: Write) -> None:
    records = read_with_header(write("a.csv", 'Id,Name\n1,"a\n""b"""\n'), ["Id"])
    assert records.text("name").to_pylist() == ['a\n"b"']


def test_a_byte_order_mark_is_not_part_of_the_first_name(write: Write) -> None:
    assert read_with_header(write("a.csv", b"\xef\xbb\xbfId\n1\n"), ["Id"]).has("id")


def test_records_with_a_wrong_number_of_fields_are_set_apart(write: Write) -> None:
    records = read_with_header(write("a.csv", "Id,Name\n1,a\n2\n3,b,c\n4,d\n"), ["Id"])
    assert records.text("id").to_pylist() == ["1", "4"]
    assert sorted(records.misfits) == ["2", "3,b,c"]


def test_a_stray_quote_costs_its_own_line_and_not_the_rest_of_the_file(write: Write) -> None:
    lines = ["Id,Name", "1,a", '2,"b', *(f"{n},x" for n in range(3, 2000))]
    records = read_with_header(write("a.csv", "\n".join(lines)), ["Id"])
    assert len(records) == 1998
    assert records.misfits == ['2,"b']


def test_a_missing_column_is_named(write: Write) -> None:
    with pytest.raises(SourceError, match="lacks the column Name, Website"):
        read_with_header(write("a.csv", "Id\n1\n"), ["Id", "Name", "Website"])


def test_custom_columns_that_differ_in_punctuation_do_not_hold_a_wide_export(write: Write) -> None:
    content = "Id,Net_Suite_Id__c,NetSuite_Id__c,Name\n1,a,b,Acme\n"
    records = read_with_header(write("f.csv", content), ("Id", "Name"))
    assert records.text("netsuiteidc").to_pylist() == ["a"]
    assert records.text("name").to_pylist() == ["Acme"]


def test_a_needed_column_under_two_spellings_is_refused(write: Write) -> None:
    with pytest.raises(SourceError, match="twice"):
        read_with_header(write("f.csv", "Account_Id,AccountId\n1,2\n"), ("AccountId",))


def test_a_column_named_twice_is_refused(write: Write) -> None:
    with pytest.raises(SourceError, match="column Id, id twice"):
        read_with_header(write("a.csv", "Id,id,Name\n1,2,3\n"), ["Id"])


def test_spreadsheets_trailing_unnamed_columns_are_harmless(write: Write) -> None:
    assert read_with_header(write("a.csv", "Id,,\n1,,\n"), ["Id"]).text("id").to_pylist() == ["1"]


def test_a_header_without_names_is_refused(write: Write) -> None:
    with pytest.raises(SourceError, match="names no column"):
        read_with_header(write("a.csv", ",,\n1,2,3\n"), ["Id"])


@pytest.mark.parametrize("content", ["", "\n\n", "Id,Name", "Id,Name\n"])
def test_an_empty_file_or_a_mere_header_gives_no_records(write: Write, content: str) -> None:
    records = read_with_header(write("a.csv", content), ["Id", "Name"])
    assert len(records) == 0
    assert records.misfits == []


def test_vendors_and_replicas_spell_one_column_differently(write: Write) -> None:
    records = read_with_header(write("a.csv", "ID,term_months_c\n1,12\n"), ["Id", "Term_Months__c"])
    assert records.text("termmonthsc").to_pylist() == ["12"]


def test_a_file_of_another_layout_is_refused_with_the_remedy(write: Write) -> None:
    with pytest.raises(SourceError, match="none of its rows has 3 columns. Ask for three"):
        read_without_header(write("a.csv", "1,2\n3,4\n"), ["a", "b", "c"], "Ask for three.")
