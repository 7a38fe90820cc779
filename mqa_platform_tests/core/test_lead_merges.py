from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_platform.core.lead_merges import surviving, with_merged


def _leads(onto: dict[str, str]) -> list[tuple[str, str, str | None]]:
    """(lead, person, domain); a lead that nobody merged has an address."""
    merged = [(f"lead:{old}", f"lead:{new}", None) for old, new in onto.items()]
    left = set(onto.values()) - set(onto)
    return [*merged, *((f"lead:{lead}", f"email:{lead}", f"{lead}.com") for lead in sorted(left))]


def _table(names: list[str], rows: Sequence[tuple[str | None, ...]]) -> ir.Table:
    columns = [pa.array([row[at] for row in rows], pa.string()) for at in range(len(names))]
    return ibis.memtable(pa.table(columns, names=names))


def _resolved(onto: dict[str, str]) -> dict[str, tuple[str, str | None]]:
    found = surviving(_table(["lead_ref", "lead_person", "lead_domain"], _leads(onto)))
    rows = found.to_pyarrow().to_pylist()
    return {row["lead_ref"]: (row["lead_person"], row["lead_domain"]) for row in rows}


def test_a_merged_lead_is_the_person_that_survived() -> None:
    assert _resolved({"old": "new"})["lead:old"] == ("email:new", "new.com")


def test_a_chain_of_merges_is_followed_to_its_end() -> None:
    chain = {f"l{n}": f"l{n + 1}" for n in range(16)}
    found = _resolved(chain)
    assert {found[f"lead:{lead}"] for lead in chain} == {("email:l16", "l16.com")}


def test_a_lead_merged_into_one_without_an_address_is_that_lead() -> None:
    leads = _table(["lead_ref", "lead_person", "lead_domain"], [("lead:1", "lead:2", None)])
    assert surviving(leads).to_pyarrow()["lead_person"].to_pylist() == ["lead:2"]


_LEADS = st.integers(0, 5).map(str)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(_LEADS, _LEADS, max_size=6))
def test_each_lead_stays_one_row_and_follows_the_same_path_as_by_hand(onto: dict[str, str]) -> None:
    onto = {old: new for old, new in onto.items() if old != new}
    found = _resolved(onto)
    assert len(found) == len(_leads(onto))
    for lead in onto:
        end, seen = lead, {lead}
        while end in onto and onto[end] not in seen:
            end = onto[end]
            seen.add(end)
        if end not in onto:
            assert found[f"lead:{lead}"][0] == f"email:{end}"


def test_news_of_a_lead_is_news_of_all_that_were_merged_into_it() -> None:
    merges = [("lead", "1", "lead:2"), ("lead", "2", "lead:3"), ("lead", "9", "email:x")]
    identities = _table(["kind", "ref", "person_ref"], merges)
    refs = _table(["of"], [("lead:3",), ("lead:9",)])
    found = with_merged(refs, identities).to_pyarrow()["of"].to_pylist()
    assert sorted(found) == ["lead:1", "lead:2", "lead:3", "lead:9"]
