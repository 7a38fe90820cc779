"""What ``mqa init`` finds in an export, what it concludes, and above all what it does not."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.policy.documents import read_document
from mqa_platform.policy.mapping import CrmMapping, Mappings
from mqa_platform.policy.yaml_lines import Line, part_of, quoted, with_part, written
from mqa_platform.sources.crm_folder import read_folder
from mqa_platform.sources.crm_meanings import merged
from mqa_platform.sources.crm_proposal import Proposal, propose
from mqa_platform.sources.crm_recognition import words_of
from mqa_platform.sources.crm_schema import Schema, with_states
from mqa_platform.sources.crm_stages import judged
from mqa_platform.sources.landed import SourceError
from mqa_platform_tests.sources.crm_cases import PACKAGED, STAMP, csv_of, landed

Files = dict[str, str | bytes]
Export = Callable[[Files], Path]


@pytest.fixture
def export(tmp_path: Path) -> Export:
    def _export(files: Files) -> Path:
        folder = tmp_path / "export"
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return folder

    return _export


def found(folder: Path, crm: str = "salesforce", own: CrmMapping | None = None) -> Schema:
    return read_folder(folder, crm, with_states(merged(own, PACKAGED.crms[crm])))


def proposed(folder: Path, crm: str = "salesforce", own: CrmMapping | None = None) -> Proposal:
    return propose(crm, found(folder, crm, own), own, PACKAGED.crms[crm])


def _opportunity(n: int, stage: str, closed: Any, won: Any) -> dict[str, Any]:
    return {
        "Id": f"006{n}",
        "AccountId": "001",
        "StageName": stage,
        "IsClosed": closed,
        "IsWon": won,
        "CreatedDate": STAMP,
        "SystemModstamp": STAMP,
    }


def _accounts(*types: str) -> str:
    return csv_of(
        *(
            {"Id": f"00{n}", "Name": f"Acme {n}", "Type": kind, "SystemModstamp": STAMP}
            for n, kind in enumerate(types)
        )
    )


def _states(proposal: Proposal) -> dict[str, str]:
    return proposal.mapping.objects["Opportunity"].values.get("state", {})


def _text(proposal: Proposal) -> str:
    return "\n".join(written([proposal.part], "  "))


def test_the_records_own_flags_say_what_a_stage_is_whatever_it_is_called(export: Export) -> None:
    rows = [
        _opportunity(1, "Signature", True, True),
        _opportunity(2, "Signature", True, True),
        _opportunity(3, "Closed Won?", True, False),
        _opportunity(4, "Talking", False, False),
    ]
    proposal = proposed(export({"Opportunity.csv": csv_of(*rows)}))
    assert _states(proposal) == {"Signature": "won", "Closed Won?": "lost", "Talking": "open"}
    assert "Signature: won  # 2 rows; is_closed true and is_won true in all 2" in _text(proposal)
    assert proposal.decisions == ()


def test_a_stage_whose_records_disagree_stays_unmapped_and_waits(export: Export) -> None:
    rows = [
        _opportunity(1, "Handshake", True, True),
        _opportunity(2, "Handshake", False, False),
        _opportunity(3, "Odd", False, True),
    ]
    proposal = proposed(export({"Opportunity.csv": csv_of(*rows)}))
    assert _states(proposal) == {}
    told = {d.value: (d.rows, d.why) for d in proposal.decisions}
    assert told["Handshake"] == (2, "the records disagree: won in 1, open in 1")
    assert told["Odd"][0] == 1
    assert '# Handshake: "?"  # 2 rows; the records disagree' in _text(proposal)


def test_a_name_that_sounds_won_says_nothing(export: Export) -> None:
    rows = [_opportunity(1, "Closed Won", "", ""), _opportunity(2, "Lost it", "", "")]
    proposal = proposed(export({"Opportunity.csv": csv_of(*rows)}))
    assert _states(proposal) == {}
    assert {d.value for d in proposal.decisions} == {"Closed Won", "Lost it"}


def test_the_list_of_stages_decides_where_records_have_no_flags(export: Export) -> None:
    def stage(key: str, won: bool, closed: bool, chance: float) -> dict[str, Any]:
        return {
            "stage_id": key, "label": f"L{key}", "closed_won": won, "is_closed": closed,
            "probability": chance,
        }  # fmt: skip

    stages = csv_of(
        stage("11", True, True, 1.0),
        stage("12", False, True, 0.0),
        stage("13", False, False, 0.4),
        stage("14", False, False, 0.0),
    )
    deals = csv_of(
        *(
            {"deal_id": n, "property_dealstage": n, "property_createdate": STAMP}
            for n in (11, 12, 13, 14, 15)
        )
    )
    files: Files = {"deal_pipeline_stage_data.csv": stages, "deal_data.csv": deals}
    proposal = proposed(export(files), "hubspot")
    states = proposal.mapping.objects["deals"].values["state"]
    assert {k: v for k, v in states.items() if k.isdecimal()} == {
        "11": "won",
        "12": "lost",
        "13": "open",
    }
    # One stage is open by its flag and lost by its probability, the other is in no list.
    assert {d.value: d.rows for d in proposal.decisions} == {"14": 1, "15": 1}


def test_flags_and_the_list_of_stages_must_agree(export: Export) -> None:
    stages = csv_of({"ApiName": "Done", "MasterLabel": "Done", "IsClosed": True, "IsWon": True})
    rows = csv_of(_opportunity(1, "Done", True, False))
    proposal = proposed(export({"OpportunityStage.csv": stages, "Opportunity.csv": rows}))
    assert _states(proposal) == {}
    (decision,) = proposal.decisions
    assert "is_won false in all 1 but is_closed true, is_won true" in decision.why


@pytest.mark.parametrize(
    ("closed", "won", "chance", "state"),
    [
        (True, True, 1.0, "won"),
        (True, False, 0.0, "lost"),
        (False, False, 0.5, "open"),
        (True, None, 1.0, "won"),
        (None, None, 0.0, "lost"),
        (False, True, None, None),
        (False, None, 1.0, None),
        (True, False, 1.0, None),
        (None, None, None, None),
    ],
)
def test_a_stage_is_what_all_of_its_flags_say(
    closed: bool | None, won: bool | None, chance: float | None, state: str | None
) -> None:
    assert judged(closed, won, chance).state == state


def test_a_value_is_known_by_its_words_not_by_its_punctuation(export: Export) -> None:
    folder = export({"Account.csv": _accounts("customer_direct", "CUSTOMER", "Ally", "Ally", "!")})
    proposal = proposed(folder)
    values = proposal.mapping.objects["Account"].values["account_type"]
    assert (values["customer_direct"], values["Customer"]) == ("customer", "customer")
    assert {d.value: d.rows for d in proposal.decisions} == {"Ally": 2, "!": 1}
    assert "customer_direct: customer  # 1 row; the standard value Customer - Direct" in _text(
        proposal
    )


def test_what_the_proposal_leaves_open_is_quarantined_with_the_same_counts(
    export: Export, tmp_path: Path
) -> None:
    folder = export({"Account.csv": _accounts("Customer", "Ally", "Ally", "Chum")})
    proposal = proposed(folder)
    found_rows = landed(
        folder / "Account.csv",
        "salesforce",
        "Account",
        Mappings(crms={"salesforce": proposal.mapping}),
    )
    waiting = {f"unmapped_value: {d.column}={d.value}": d.rows for d in proposal.decisions}
    assert (
        found_rows.reasons()
        == waiting
        == {
            "unmapped_value: account_type=Ally": 2,
            "unmapped_value: account_type=Chum": 1,
        }
    )


def test_the_users_word_stands_and_is_shown_with_what_the_export_says(export: Export) -> None:
    own = CrmMapping.model_validate(
        {
            "objects": {
                "Opportunity": {
                    **PACKAGED.crms["salesforce"].objects["Opportunity"].model_dump(),
                    "fields": {
                        **PACKAGED.crms["salesforce"].objects["Opportunity"].fields,
                        "state": "StageName",
                    },
                    "values": {"state": {"Pilot": "open"}},
                }
            }
        }
    )
    rows = csv_of(_opportunity(1, "Pilot", True, True))
    proposal = proposed(export({"Opportunity.csv": rows}), own=own)
    assert _states(proposal) == {"Pilot": "open"}
    assert "would make it won" in _text(proposal)


def test_an_object_only_the_user_has_mapped_is_kept(export: Export) -> None:
    own = CrmMapping.model_validate(
        {"objects": {"Deal__c": {"lands_as": "opportunities", "fields": {"opportunity_id": "Id"}}}}
    )
    proposal = proposed(export({"Account.csv": _accounts("Other")}), own=own)
    assert set(proposal.mapping.objects) == {"Account", "Deal__c"}
    assert "yours; not in this export" in _text(proposal)


def test_two_files_of_one_object_are_one_object_and_a_copy_is_left_out(export: Export) -> None:
    first, second = _accounts("Customer", "Ally"), _accounts("Ally", "Ally", "Partner")
    schema = found(
        export({"Account.csv": first, "account_history.csv": second, "accounts_copy.csv": first})
    )
    assert schema.files == {"Account.csv": "Account", "account_history.csv": "Account"}
    assert schema.objects["Account"].rows == 5
    assert schema.objects["Account"].values["account_type"].rows_of("ally") == 3
    assert schema.left_out == {"accounts_copy.csv": "repeats records of Account.csv, and adds none"}


def test_files_that_cannot_be_read_or_hold_something_else_are_listed_with_the_reason(
    export: Export,
) -> None:
    order = {"Id": "801", "AccountId": "001", "Status": "New", "SystemModstamp": STAMP}
    schema = found(
        export(
            {
                "Account.csv": _accounts("Other"),
                "Contact.csv.gz": gzip.compress(b"Id,Email\n" * 1000)[:20],
                "Lead.parquet": b"PAR1 and then nothing",
                "Order.csv": csv_of(order),
                "OpportunityLineItem.csv": csv_of({"Id": "1", "OpportunityId": "2"}),
                "Task.csv": "",
                "notes.docx": b"\x00\x01",
                ".hidden.csv": "a,b\n1,2\n",
            }
        )
    )
    assert list(schema.objects) == ["Account"]
    assert set(schema.left_out) == {
        "Contact.csv.gz", "Lead.parquet", "Order.csv", "OpportunityLineItem.csv", "Task.csv",
    }  # fmt: skip
    assert schema.left_out["Contact.csv.gz"].startswith("cannot be read: ")
    assert schema.left_out["OpportunityLineItem.csv"].startswith(
        "no Opportunity: it has no account_id"
    )
    assert schema.left_out["Task.csv"] == "has no records"


def test_a_name_alone_and_columns_alone_are_not_enough(export: Export) -> None:
    """owner_team is named like owners; users has their columns. Neither is one of them."""
    schema = found(
        export(
            {
                "owner_data.csv": csv_of({"owner_id": "1", "email": "a@b.co", "first_name": "A"}),
                "owner_team_data.csv": csv_of({"owner_id": "1", "team_id": "9"}),
                "users_data.csv": csv_of(
                    {"id": "1", "email": "a@b.co", "first_name": "A", "last_name": "B",
                     "primary_team_id": "1"}
                ),
            }
        ),
        "hubspot",
    )  # fmt: skip
    assert schema.files == {"owner_data.csv": "owners"}
    assert "first_name" in schema.left_out["owner_team_data.csv"]
    assert "name it owners if it is one" in schema.left_out["users_data.csv"]


def test_exports_of_a_screen_an_api_and_a_replica_are_recognised(export: Export) -> None:
    page = json.dumps({"id": "1", "properties": {"name": "Acme", "type": "PROSPECT"}})
    screen = {"Record ID": "2", "Deal Stage": "Closed Won", "Create Date": STAMP, "Deal Name": "X"}
    schema = found(
        export(
            {
                "companies.jsonl": page,
                "2025/hubspot-crm-exports-all-deals-2025-07-01.csv": csv_of(screen),
                "contact_data.csv": csv_of({"id": "3", "property_email": "a@b.co"}),
            }
        ),
        "hubspot",
    )
    assert set(schema.objects) == {"companies", "deals", "contacts"}
    assert schema.objects["companies"].values["account_type"].rows_of("prospect") == 1


def test_one_long_line_of_json_is_no_header(export: Export) -> None:
    companies = [
        {"id": str(n), "properties": {"name": "A" * 200, "note": '"x'}} for n in range(2_000)
    ]
    schema = found(export({"companies.json": json.dumps({"results": companies})}), "hubspot")
    assert schema.objects["companies"].rows == 2_000


def test_a_folder_without_any_object_says_what_was_expected(export: Export) -> None:
    with pytest.raises(SourceError, match="no file in it holds an object of salesforce"):
        found(export({"invoices.csv": csv_of({"No": "1"})}))
    with pytest.raises(SourceError, match="is no folder"):
        found(Path("/nowhere"))


def test_a_link_out_of_the_folder_is_not_followed(export: Export, tmp_path: Path) -> None:
    folder = export({"Account.csv": _accounts("Other")})
    secret = tmp_path / "elsewhere.csv"
    secret.write_text(_accounts("Secret"))
    (folder / "Account_link.csv").symlink_to(secret)
    assert list(found(folder).files) == ["Account.csv"]


def test_a_hundred_thousand_different_values_are_no_picklist(export: Export) -> None:
    many = _accounts(*(f"free text {n}" for n in range(100_000)))
    proposal = proposed(export({"Account.csv": many}))
    account = proposal.mapping.objects["Account"]
    assert "account_type" not in account.fields
    assert "account_type" not in account.values
    (decision,) = proposal.decisions
    assert (decision.value, decision.rows) == (None, 100_000)
    assert "100,000 different values in 100,000 rows: no picklist" in decision.why
    assert "# account_type: Type" in _text(proposal)


def test_a_stage_field_of_free_text_stays_and_everything_waits(export: Export) -> None:
    rows = csv_of(*(_opportunity(n, f"stage {n}", False, False) for n in range(1_000)))
    proposal = proposed(export({"Opportunity.csv": rows}))
    assert "state" in proposal.mapping.objects["Opportunity"].fields
    assert _states(proposal) == {}
    assert [(d.value, d.rows) for d in proposal.decisions] == [(None, 1_000)]


def test_masked_values_are_called_so(export: Export) -> None:
    masked = "iFbCAfBS66w7LWV2PbAhCg=="
    proposal = proposed(export({"Account.csv": _accounts(masked, masked)}))
    (decision,) = proposal.decisions
    assert (decision.value, decision.rows, decision.why) == (masked, 2, "masked")


def test_a_field_history_brings_its_values_to_the_object_that_changed(export: Export) -> None:
    history = [
        {"Id": n, "OpportunityId": "0061", "Field": "StageName", "OldValue": old, "NewValue": new,
         "CreatedDate": STAMP}
        for n, (old, new) in enumerate([("Pilot", "Talking"), ("Talking", "Gone")])
    ]  # fmt: skip
    files: Files = {
        "Opportunity.csv": csv_of(_opportunity(1, "Talking", False, False)),
        "OpportunityFieldHistory.csv": csv_of(*history),
    }
    proposal = proposed(export(files))
    assert _states(proposal) == {"Talking": "open"}
    assert {d.value: (d.rows, d.changes) for d in proposal.decisions} == {
        "Pilot": (0, 1),
        "Gone": (0, 1),
    }


def test_a_field_that_sounds_right_is_only_offered(export: Export) -> None:
    row = {"Id": "1", "Name": "Acme", "SystemModstamp": STAMP, "ABM_Tier__c": "Gold"}
    proposal = proposed(export({"Account.csv": csv_of(row)}))
    assert "tier" not in proposal.mapping.objects["Account"].fields
    assert "# tier: ABM_Tier__c  # may be tier: filled in 1 row" in _text(proposal)
    assert [(d.column, d.field) for d in proposal.decisions] == [("tier", "ABM_Tier__c")]


def test_the_crms_own_lists_of_properties_and_options_are_read(export: Export) -> None:
    properties = csv_of(
        {"_fivetran_id": "p1", "hubspot_object": "company", "name": "type", "label": "Type",
         "field_type": "select"},
        {"_fivetran_id": "p2", "hubspot_object": "company", "name": "domain", "label": "Domain",
         "field_type": "text"},
    )  # fmt: skip
    options = csv_of(
        {"property_id": "p1", "label": "Friend", "value": "FRIEND", "hidden": "false"},
        {"property_id": "p1", "label": "Old", "value": "OLD", "hidden": "true"},
    )
    company = {"id": "1", "property_name": "Acme", "property_type": "PARTNER"}
    proposal = proposed(
        export(
            {
                "company_data.csv": csv_of(company),
                "property_data.csv": properties,
                "property_option_data.csv": options,
            }
        ),
        "hubspot",
    )
    text = _text(proposal)
    assert '# FRIEND: "?"  # 0 rows' in text
    assert "OLD" not in text
    assert "the CRM has it (Domain), the files do not" in text
    # No record waits for a word on a value that no record has.
    assert proposal.decisions == ()


def test_the_words_of_a_files_name() -> None:
    assert words_of("sf_OpportunityFieldHistory_2025-01") == [
        "sf", "opportunity", "field", "history",
    ]  # fmt: skip
    assert words_of("all-companies") == ["all", "company"]
    assert words_of("status_address") == ["status", "address"]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(st.dictionaries(TEXT, st.tuples(TEXT, TEXT), max_size=6))
def test_whatever_stands_in_a_picklist_reads_back_from_the_file(
    tmp_path_factory: pytest.TempPathFactory, words: dict[str, tuple[str, str]]
) -> None:
    lines = [Line(key, value, comment=why) for key, (value, why) in words.items()]
    path = tmp_path_factory.mktemp("yaml") / "mapping.yaml"
    text = "\n".join(["crms:", *written([Line("own", parts=tuple(lines))], "  ")]) + "\n"
    path.write_text(text, encoding="utf-8")
    told = {key: value for key, (value, _) in words.items()}
    assert read_document(path, path.name).data == {"crms": {"own": told or None}}


@given(TEXT)
def test_a_line_that_is_off_is_a_comment_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, word: str
) -> None:
    path = tmp_path_factory.mktemp("yaml") / "mapping.yaml"
    lines = written([Line(word or "x", "?", comment=word, off=True), Line("a", "b")], "")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert read_document(path, path.name).data == {"a": "b"}
    assert quoted("?") == '"?"'


def test_a_part_is_replaced_and_the_rest_of_the_file_stays_as_it_was(tmp_path: Path) -> None:
    text = (
        "# mine\ncrms:\n    # first\n    one:\n        a: b   # kept\n\n    # second\n"
        "    two:\n        c: d\n"
    )
    path = tmp_path / "mapping.yaml"
    path.write_text(text)
    document = read_document(path, path.name)
    made = with_part(text, document, "crms", Line("one", parts=(Line("x", "z"),)))
    assert made == text.replace("        a: b   # kept\n", "      x: z\n")
    added = with_part(text, document, "crms", Line("three", parts=(Line("x", "z"),)))
    assert added == text + "\n    three:\n      x: z\n"
    assert part_of(text, document, "crms", "two") == ["    # second", "    two:", "        c: d"]
