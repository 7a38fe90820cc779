"""Corrections of identity as files: what two sides may be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mqa_platform.policy.sources import Source
from mqa_platform.sources.globs import place_of_new
from mqa_platform.sources.landed import Landed, SourceError
from mqa_platform.sources.personal_key import email_key

Write = Callable[[str, str | bytes], Path]
Read = Callable[..., Landed]
ANN = f"email:{email_key('ann@acme.com')}"


@pytest.mark.parametrize(
    ("kind", "ref", "onto", "fits"),
    [
        ("cookie", "fox", "email:x", True),
        ("cookie", "fox", "lead:7", True),
        ("cookie", "fox", "owl", False),
        ("lead", "7", "lead:8", True),
        ("lead", "7", "8", False),
        ("lead", "7", "lead:7", False),
        ("person", "email:x", "email:y", True),
        ("person", "email:x", "email:x", False),
        ("person", "fox", "email:y", False),
        ("person", "email:x", "001a", False),
        ("account", "001a", "001b", True),
        ("account", "001a", "email:x", False),
        ("account", "001a", None, True),
        # Nobody named: every split of the browser is taken back.
        ("cookie", "fox", None, True),
    ],
)
def test_a_correction_of_two_that_are_no_pair_is_set_aside(
    kind: str, ref: str, onto: str | None, fits: bool, write: Write, read: Read
) -> None:
    row = {"kind": kind, "ref": ref, "action": "merge", "at": "2025-07-02T10:00:00Z"}
    row |= {"onto": onto} if onto else {}
    landed = read("corrections", write("c.jsonl", json.dumps(row) + "\n"))
    assert landed.reasons() == ({} if fits else {"sides_do_not_fit": 1})


def test_an_address_written_out_is_the_person(write: Write, read: Read) -> None:
    row = {"kind": "cookie", "ref": "fox", "action": "split", "at": "2025-07-02T10:00:00Z"}
    landed = read("corrections", write("c.jsonl", json.dumps({**row, "onto": "Ann@Acme.com"})))
    (told,) = landed.tables["landed_corrections"].to_pylist()
    assert (told["ref"], told["onto"]) == ("fox", ANN)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("${MQA_HOME}/inbox/corrections/*.jsonl", "inbox/corrections/new.jsonl"),
        ("${MQA_HOME}/said/**/c-*.json", "said/c-new.json"),
        ("${MQA_HOME}/one.jsonl", None),
        ("${MQA_HOME}/*/c.jsonl", None),
        ("${MQA_HOME}/*/*.jsonl", None),
        ("s3://bucket/corrections/*.jsonl", None),
        ("${MQA_HOME}/c-[0-9].jsonl", None),
    ],
)
def test_a_new_file_lies_where_its_source_finds_it(
    path: str, found: str | None, tmp_path: Path
) -> None:
    source = Source(connector="corrections", path=path)
    if found is None:
        with pytest.raises(SourceError, match="Name a folder"):
            place_of_new(source, tmp_path, None, "new")
    else:
        assert place_of_new(source, tmp_path, None, "new") == tmp_path / found
