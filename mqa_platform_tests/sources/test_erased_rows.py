"""A name goes out of landed rows in any case, and everything else in the row stays."""

from __future__ import annotations

import json

import pyarrow as pa

from mqa_platform import decision_files
from mqa_platform.sources.erased_rows import cleaned
from mqa_platform.sources.landed import defects
from mqa_platform.sources.tombstones import Tombstones

NAME = "Jane Miller"


def test_a_deal_that_is_called_after_the_person_in_capitals_loses_the_name() -> None:
    deals = pa.table({"name": ["JANE MILLER \u2013 pilot", "Bob Stone"]})
    found = cleaned("landed_opportunities", deals, Tombstones(), [NAME])
    assert found.table["name"].to_pylist() == ["[erased] \u2013 pilot", "Bob Stone"]
    assert (found.dropped, found.changed) == (0, 1)


def test_a_row_that_could_not_be_read_loses_its_text_whatever_its_escapes() -> None:
    raw = [json.dumps({"name": "J\u00dcRGEN MILLER"}), json.dumps({"name": "Bob Stone"})]
    found = cleaned(
        "landed_defects", defects("s", raw, ["x", "x"]), Tombstones(), ["J\u00fcrgen Miller"]
    )
    assert found.table["raw"].to_pylist() == ["[erased]", raw[1]]


def test_a_decision_keeps_its_reason_without_the_name_in_any_case() -> None:
    known = json.dumps({"evidence": ["s1", "s2"]})
    rows = {
        "known": [known],
        "reason": ["talked to jane miller"],
        "actor": ["eve"],
        "subject_id": ["1"],
    }
    (found,) = decision_files.pseudonymous(pa.table(rows), {"s1"}, [NAME]).to_pylist()
    assert found["reason"] == "talked to [erased]"
    assert json.loads(found["known"])["evidence"] == ["erased", "s2"]
    assert decision_files.pseudonymous(pa.table(rows), set(), []).equals(pa.table(rows))
