from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mqa_platform.policy.crm_words import COLUMNS
from mqa_platform.policy.mapping import Mappings
from mqa_platform.sources.crm_cells import TABLES
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.registry import read
from mqa_platform.sources.schemas import delivered
from mqa_platform_tests.sources.crm_cases import (
    PACKAGED,
    STAMP,
    Write,
    csv_of,
    landed,
    mapped,
    rows,
)

DEALS = {
    "lands_as": "opportunities",
    "required": ["state"],
    "fields": {
        "opportunity_id": ["Key", "Deal Key"],
        "created_at": "Made",
        "modified_at": "Changed",
        "state": "Phase",
        "stage_name": "Phase",
        "closed_at": "End",
        "loss_reason": "Why",
        "amount": "Worth",
    },
    "values": {
        "state": {
            "Talking": "open",
            "Signed": "won",
            "Gone": "lost",
            "Idea": "filtered",
            "": "open",
        },
        "loss_reason": {"Too dear": "price", "Unknown": "none"},
    },
}


def _deal(**changes: Any) -> dict[str, Any]:
    return {"Key": "1", "Made": STAMP, "Phase": "Talking", **changes}


def _deals(write: Write, *deals: dict[str, Any]) -> Any:
    return landed(write("a.csv", csv_of(*deals)), "own", "Thing", mapped(**DEALS))


def test_a_stage_says_whether_a_deal_is_open_won_or_lost(write: Write) -> None:
    phases = ["Talking", " SIGNED ", "gone", ""]
    found = _deals(write, *(_deal(Key=str(n), Phase=p) for n, p in enumerate(phases)))
    assert [(r["is_closed"], r["is_won"]) for r in rows(found)] == [
        (False, False),
        (True, True),
        (True, False),
        (False, False),
    ]


def test_an_unmapped_value_is_quarantined_with_its_value_and_count(write: Write) -> None:
    found = _deals(
        write,
        _deal(),
        *(_deal(Key=str(n), Phase="Legal review") for n in range(3)),
        _deal(Key="9", Phase="x" * 200),
    )
    assert found.accepted == 1
    reasons = found.reasons()
    assert reasons["unmapped_value: state=Legal review"] == 3
    assert sum(reasons.values()) == 4
    assert max(map(len, reasons)) < 100
    assert "Legal review" in found.defects["raw"].to_pylist()[0]


def test_free_text_in_the_place_of_a_picklist_does_not_make_a_reason_a_row(write: Write) -> None:
    found = _deals(write, *(_deal(Key=str(n), Phase=f"phase {n}") for n in range(300)))
    assert found.accepted == 0
    assert len(found.reasons()) == 51
    assert found.reasons()["unmapped_value: state=(other values)"] == 250


def test_a_value_that_is_filtered_leaves_the_row_out_and_none_leaves_the_column_empty(
    write: Write,
) -> None:
    found = _deals(
        write,
        _deal(Phase="Idea"),
        _deal(Key="2", Phase="Gone", Why="Unknown"),
        _deal(Key="3", Phase="Gone", Why="too dear"),
        _deal(Key="4", Phase="Gone", Why=""),
    )
    assert found.filtered == {"filtered_value: state=Idea": 1}
    assert [r["loss_reason"] for r in rows(found)] == [None, "price", None]


def test_the_first_field_that_a_record_fills_is_read(write: Write) -> None:
    content = csv_of({**_deal(), "Deal Key": "b"}, {**_deal(Key=""), "Deal Key": "b"})
    found = landed(write("a.csv", content), "own", "Thing", mapped(**DEALS))
    assert [r["opportunity_id"] for r in rows(found)] == ["1", "b"]


def test_a_record_without_a_time_of_change_was_last_changed_when_it_was_made(write: Write) -> None:
    changed, made = rows(_deals(write, _deal(Changed="2025-08-01"), _deal(Key="2", Changed="")))
    assert changed["modified_at"] == datetime(2025, 8, 1, tzinfo=UTC)
    assert made["modified_at"] == datetime(2025, 7, 1, 10, tzinfo=UTC)


def test_a_list_without_dates_has_always_been_so(write: Write) -> None:
    mapping = mapped(lands_as="accounts", fields={"account_id": "Name", "name": "Name"})
    (row,) = rows(landed(write("a.csv", "Name\nAcme\n"), "own", "Thing", mapping))
    assert row["modified_at"].date() == date(1970, 1, 2)


@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "parquet"])
def test_an_export_lands_the_same_in_every_form(write: Write, form: str) -> None:
    deals = [_deal(Worth="12.5"), _deal(Key="2", Phase="Signed", End="2025-07-09")]
    full = [{name: deal.get(name, "") for name in ("Worth", "End", *_deal())} for deal in deals]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(full), buffer)
    content: dict[str, str | bytes] = {
        "csv": csv_of(*full),
        "json": json.dumps(full),
        "jsonl": "\n".join(map(json.dumps, full)),
        "parquet": buffer.getvalue(),
    }
    found = landed(write("export", content[form]), "own", "Thing", mapped(**DEALS))
    assert rows(found) == rows(_deals(write, *full))


def test_a_required_field_that_the_file_lacks_is_named_with_what_the_mapping_calls_it(
    write: Write,
) -> None:
    with pytest.raises(SourceError, match=r"lacks the column state .*state: Phase.*It has key"):
        landed(write("a.csv", "Key,Made\n1,2025-07-01\n"), "own", "Thing", mapped(**DEALS))


def test_a_source_that_names_no_part_of_the_mapping_is_told_what_there_is(write: Write) -> None:
    path = write("a.csv", "Id\n1\n")
    with pytest.raises(SourceError, match=r"no CRM dynamics\. It has hubspot, maven, salesforce"):
        landed(path, "dynamics", "Account")
    with pytest.raises(SourceError, match="no object Widget of maven. It has accounts"):
        landed(path, "maven", "Widget")


def test_a_stream_of_a_service_finds_its_object_and_carries_the_sources_name(write: Write) -> None:
    from mqa_platform.policy.sources import Source

    source = Source.model_validate(
        {"connector": "hubspot_api", "url": "https://api.example.com", "streams": ["owners"]}
    )
    page = write("p.jsonl", '{"id":"7","email":"a@b.com","firstName":"A","archived":false}\n')
    found = read("our_hubspot", source, page, PACKAGED, "owners")
    (row,) = rows(found)
    assert (row["source"], row["user_id"], row["is_active"]) == ("our_hubspot", "7", True)


def test_signals_enrichment_and_spend_come_through_a_mapping_too(write: Write) -> None:
    signals = mapped(
        lands_as="signals",
        constants={"channel": "events"},
        fields={"event_id": "id", "occurred_at": "at", "event": "what", "email": "who"},
        values={"event": {"came": "event_attendance", "missed": "filtered"}},
    )
    content = csv_of(
        {"id": "1", "at": STAMP, "what": "came", "who": "a@acme.com"},
        {"id": "2", "at": STAMP, "what": "missed", "who": "a@acme.com"},
        {"id": "3", "at": "", "what": "came", "who": "a@acme.com"},
    )
    found = landed(write("a.csv", content), "own", "Thing", signals)
    (row,) = rows(found)
    assert (row["event"], row["email_domain"]) == ("event_attendance", "acme.com")
    assert row["event_date"] == date(2025, 7, 1)
    assert found.reasons() == {"missing_timestamp": 1}
    enrichment = mapped(
        lands_as="enrichment",
        fields={"domain": "Site", "employees": "Heads", "modified_at": "Day"},
    )
    content = csv_of({"Site": "http://x.acme.com/", "Heads": "50", "Day": "2025-07-01"})
    (row,) = rows(landed(write("b.csv", content), "own", "Thing", enrichment))
    assert (row["record_id"], row["domain"], row["employees"]) == ("acme.com", "acme.com", 50)
    assert row["employees_max"] is None
    spend = mapped(
        lands_as="spend",
        constants={"currency": "EUR", "channel": "search"},
        fields={"spend_date": "Day", "amount": "Cost", "campaign": "Name"},
    )
    content = csv_of({"Day": "2025-07-01", "Cost": "1,250.50", "Name": "brand"})
    (row,) = rows(landed(write("c.csv", content), "own", "Thing", spend))
    assert (row["amount"], row["currency"]) == (1250.5, "EUR")
    assert row["spend_id"] == "2025-07-01:search:brand"


def test_a_size_may_be_a_band_in_one_field_or_in_two(write: Write) -> None:
    accounts = mapped(
        lands_as="accounts",
        fields={"account_id": "Id", "name": "Id", "employees": "Size", "employees_max": "Most",
                "revenue": "Sales", "modified_at": "Day"},
    )  # fmt: skip
    told = {"Day": "2025-07-01", "Most": "", "Sales": ""}
    content = csv_of(
        {**told, "Id": "1", "Size": "51 - 200", "Sales": "$10M-$50M"},
        {**told, "Id": "2", "Size": "51", "Most": "200"},
        {**told, "Id": "3", "Size": "10,001+"},
        {**told, "Id": "4", "Size": "500", "Most": "500"},
        {**told, "Id": "5", "Size": "many"},
    )
    found = landed(write("a.csv", content), "own", "Thing", accounts)
    sizes = [(r["employees"], r["employees_max"]) for r in rows(found)]
    assert sizes == [(51, 200), (51, 200), (10_001, 2**53), (500, None)]
    assert (rows(found)[0]["revenue"], rows(found)[0]["revenue_max"]) == (10e6, 50e6)
    assert found.reasons() == {"bad_number": 1}


def test_every_column_a_mapping_may_fill_is_landed_or_helps_to_fill_one() -> None:
    helping = {
        "email", "website", "first_name", "last_name", "state", "subkind", "logged_at", "no_show",
        "is_archived", "account_ids", "contact_ids", "opportunity_ids", "survivor_id", "merged_ids",
        "contact_id", "lead_id", "created_at",
    }  # fmt: skip
    built = {
        "source", "person_ref", "email_domain", "event_date", "payload_hash", "is_bot_agent",
        "host_domain", "status",
    }  # fmt: skip
    assert set(COLUMNS) == set(TABLES)
    for lands_as, (table, _) in TABLES.items():
        names = set(delivered(table).names)
        assert COLUMNS[lands_as] - helping <= names, lands_as
        assert names - built - {"email"} <= COLUMNS[lands_as], lands_as


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"lands_as": "contacts", "fields": {"emial": "Email"}}, "contacts have no column emial"),
        (
            {"lands_as": "accounts", "fields": {"tier": "T"}, "values": {"tier": {"A": "gold"}}},
            "tier cannot be gold; it is one of programmatic, scaled, strategic",
        ),
        ({"lands_as": "activities", "constants": {"kind": "fax"}}, "kind cannot be fax"),
        ({"lands_as": "accounts", "required": ["name"]}, "required columns without a field: name"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused_when_the_policy_is_read(
    parts: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        mapped(**parts)


_CELL = st.sampled_from(
    ["", "1", "-1", "x", "Signed", "Talking", "Idea", "TRUE", "2025-07-01", "1302804640", "a@b.co",
     "acme.com", '"', "1;2", "é", "1e400", "2025-13-45", "9" * 25]
)  # fmt: skip
_OBJECTS = sorted((c, o) for c, crm in PACKAGED.crms.items() for o in crm.objects)


@pytest.mark.parametrize(("crm", "name"), _OBJECTS)
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_an_export_holds_every_row_is_accounted_for(
    crm: str, name: str, data: st.DataObject, tmp_path: Path
) -> None:
    header = _header(PACKAGED, crm, name)
    records = data.draw(st.lists(st.lists(_CELL, min_size=1, max_size=len(header) + 1), max_size=6))
    path = tmp_path / "any.csv"
    quoted = [",".join('"' + c.replace('"', '""') + '"' for c in record) for record in records]
    path.write_text("\n".join([",".join(header), *quoted]) + "\n")
    found = landed(path, crm, name)
    assert found.rows == len(records)
    for table, content in found.tables.items():
        assert content.schema == delivered(table)


def _header(mappings: Mappings, crm: str, name: str) -> list[str]:
    each = mappings.crms[crm].objects[name]
    return list(dict.fromkeys(each.fields_of(column)[0] for column in each.fields))
