from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from mqa_platform.policy.sources import Source
from mqa_platform.sources import files
from mqa_platform.sources.files import open_bytes, open_text, text_lines
from mqa_platform.sources.globs import expand
from mqa_platform.sources.landed import SourceError


def _source(path: str, *, required: bool = False) -> Source:
    return Source(connector="cidr_list", path=path, required=required)


def test_a_glob_lists_files_sorted_under_home(tmp_path: Path) -> None:
    home = tmp_path / "home [1]"
    (home / "inbox").mkdir(parents=True)
    for name in ("b.csv", "a.csv", "c.txt", ".hidden.csv"):
        (home / "inbox" / name).touch()
    found = expand(_source("${MQA_HOME}/inbox/*.csv"), home, None)
    assert [path.name for path in found] == ["a.csv", "b.csv"]


def test_data_files_need_the_variable_that_says_where_they_are(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="MQA_DATA is not set"):
        expand(_source("${MQA_DATA}/x.csv"), tmp_path, None)
    (tmp_path / "x.csv").touch()
    assert expand(_source("${MQA_DATA}/x.csv"), tmp_path, tmp_path) == [tmp_path / "x.csv"]


def test_other_variables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="only"):
        expand(_source("${HOME}/x.csv"), tmp_path, tmp_path)


def test_only_a_required_source_must_have_a_file(tmp_path: Path) -> None:
    assert expand(_source("${MQA_HOME}/none/*"), tmp_path, None) == []
    with pytest.raises(SourceError, match="no file matches"):
        expand(_source("${MQA_HOME}/none/*", required=True), tmp_path, None)


def test_gzip_is_told_by_content_and_marks_are_dropped(tmp_path: Path) -> None:
    packed = tmp_path / "named.csv"
    packed.write_bytes(gzip.compress(b"\xef\xbb\xbfid\n"))
    assert open_bytes(packed) == b"id\n"
    wide = tmp_path / "wide.csv"
    wide.write_bytes("id,name\n".encode("utf-16"))
    assert open_bytes(wide) == b"id,name\n"


def test_a_truncated_gzip_is_refused_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(gzip.compress(b"id,name\n" * 1000)[:-20])
    with pytest.raises(SourceError, match="damaged gzip") as caught:
        open_bytes(path)
    assert caught.value.path == path
    assert "again" in caught.value.remedy


def test_a_gzip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b"\x20" * 8_000_000))
    assert len(open_bytes(path)) == 8_000_000
    monkeypatch.setattr(files, "MAX_UNPACKED", 1_000_000)
    with pytest.raises(SourceError, match="200 times"):
        open_bytes(path)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        open_bytes(tmp_path / "none.csv")


def test_latin_1_lines_do_not_spoil_their_utf_8_neighbours(tmp_path: Path) -> None:
    path = tmp_path / "mixed.txt"
    path.write_bytes("é\n".encode() + "é\n".encode("latin-1"))
    assert text_lines(path).to_pylist() == ["é", "é"]


def test_binary_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes(b"PK\x03\x04\x00\x00rest")
    with pytest.raises(SourceError, match="binary"):
        open_text(path)


def test_lines_end_with_lf_crlf_or_cr_but_not_inside_a_field(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes("a\r\nb\rc\n\n  \nd\u2028e\x0bf".encode())
    assert text_lines(path).to_pylist() == ["a", "b", "c", "d\u2028e\x0bf"]
    path.write_bytes(b"")
    assert text_lines(path).to_pylist() == []


def test_long_files_are_cut_into_blocks_at_line_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_BLOCK", 16)
    path = tmp_path / "long.txt"
    expected = [f"line {n}" * (1 + n % 4) for n in range(50)]
    path.write_text("\n".join(expected))
    assert text_lines(path).to_pylist() == expected
