from __future__ import annotations

from typing import Any

from mqa_platform.policy.mapping import Mappings
from mqa_platform_tests.sources.crm_cases import STAMP, Write, csv_of, landed, rows

OWN = Mappings.model_validate(
    {
        "crms": {
            "own": {
                "objects": {
                    "Deal": {
                        "lands_as": "opportunities",
                        "fields": {
                            "opportunity_id": "Id",
                            "state": "StageName",
                            "stage_name": "StageName",
                            "amount": "properties.Amount",
                            "loss_reason": "Why",
                        },
                        "values": {"state": {"Talk": "open", "Won": "won", "Lost": "lost"}},
                    },
                    "Firm": {
                        "lands_as": "accounts",
                        "fields": {"account_id": "Id", "website": "Site", "owner_id": "OwnerId"},
                    },
                    "DealHistory": {
                        "lands_as": "field_changes",
                        "constants": {"object": "opportunity"},
                        "fields": {
                            "record_id": "DealId",
                            "column_name": "Field",
                            "old_value": "OldValue",
                            "new_value": "NewValue",
                            "changed_at": "CreatedDate",
                        },
                    },
                    "FirmHistory": {
                        "lands_as": "field_changes",
                        "constants": {"object": "account"},
                        "fields": {
                            "record_id": "FirmId",
                            "column_name": "Field",
                            "old_value": "OldValue",
                            "changed_at": "CreatedDate",
                        },
                        "values": {"column_name": {"Owner": "owner_id"}},
                    },
                }
            }
        }
    }
)


def _change(**parts: Any) -> dict[str, Any]:
    return {"DealId": "1", "CreatedDate": STAMP, **parts}


def _told(write: Write, name: str, *changes: dict[str, Any]) -> Any:
    return landed(write("h.csv", csv_of(*changes)), "own", name, OWN)


def test_a_changed_stage_changes_its_name_and_what_it_stands_for(write: Write) -> None:
    found = _told(write, "DealHistory", _change(Field="StageName", OldValue="Talk", NewValue="won"))
    told = {(r["column_name"], r["old_value"], r["new_value"]) for r in rows(found)}
    assert told == {
        ("stage_name", "Talk", "won"),
        ("is_closed", "false", "true"),
        ("is_won", "false", "true"),
    }
    assert (found.rows, found.accepted) == (1, 1)


def test_values_are_written_as_the_landed_column_holds_them(write: Write) -> None:
    found = _told(
        write,
        "DealHistory",
        _change(Field="Amount", OldValue="$1,200", NewValue=""),
        _change(Field="Why", OldValue="No Budget", NewValue="Bad Fit"),
    )
    told = [(r["column_name"], r["old_value"], r["new_value"]) for r in rows(found)]
    assert told == [("amount", "1200", None), ("loss_reason", "no_budget", "bad_fit")]


def test_fields_without_a_column_are_left_out_and_stages_without_a_state_are_quarantined(
    write: Write,
) -> None:
    found = _told(
        write,
        "DealHistory",
        _change(Field="created"),
        _change(Field="NextStep", OldValue="a", NewValue="b"),
        _change(Field="StageName", OldValue="Limbo", NewValue="Won"),
        _change(Field="StageName", OldValue="Talk", NewValue="Limbo"),
        _change(Field="Amount", OldValue="much", NewValue="1"),
        _change(Field="Amount", OldValue="2", NewValue="1", DealId=""),
        _change(Field="Amount", OldValue="2", NewValue="1", CreatedDate=""),
    )
    assert found.filtered == {"unmapped_field": 2}
    assert found.reasons() == {
        "bad_value": 1,
        "missing_id": 1,
        "missing_timestamp": 1,
        "unmapped_value: state=Limbo": 2,
    }


def test_a_history_may_call_a_field_by_another_name(write: Write) -> None:
    found = _told(
        write,
        "FirmHistory",
        {"FirmId": "9", "CreatedDate": STAMP, "Field": "Owner", "OldValue": "u1"},
        {"FirmId": "9", "CreatedDate": STAMP, "Field": "Site", "OldValue": "http://www.a.com/"},
    )
    told = [(r["object"], r["column_name"], r["old_value"]) for r in rows(found)]
    assert told == [("account", "owner_id", "u1"), ("account", "domain", "a.com")]
