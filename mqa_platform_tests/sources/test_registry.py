from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqa_platform.policy.sources import Connector, Source
from mqa_platform.sources.landed import Landed, SourceError, conform, defects
from mqa_platform.sources.reference import reference_domains
from mqa_platform.sources.registry import CONNECTORS, read
from mqa_platform.sources.schemas import LANDED, delivered

Write = Callable[[str, str | bytes], Path]

# A header that satisfies every connector that needs one, and rows that no connector likes.
HEADERS = {
    "marketo_activities": "id,activity_date,activity_type_id,lead_id",
    "marketo_leads": "id,email,created_at",
    "salesforce_accounts": "Id,Name,SystemModstamp",
    "salesforce_contacts": "Id,AccountId,Email,SystemModstamp",
    "salesforce_opportunities": "Id,AccountId,IsClosed,IsWon,CreatedDate,SystemModstamp",
    "salesforce_activities": "Id,OwnerId,SystemModstamp",
    "salesforce_users": "Id,Name,IsActive,SystemModstamp",
    "git_commits": "repo,commit,author_ts,author_id,email_domain,is_merge",
    "fortune_accounts": "year,name,sector,website,employees,revenues_musd",
    "office_ip_ranges": "org,range_start_or_cidr,range_end",
    "nasa_tsv": "host\tlogname\ttime\tmethod\turl\tresponse\tbytes",
}


def _source(connector: Connector) -> Source:
    return Source.model_validate({"connector": connector, "path": "x", "week": "2025-07-07"})


def test_every_connector_that_policy_may_name_exists() -> None:
    assert set(CONNECTORS) == set(get_args(Connector))


@pytest.mark.parametrize("connector", sorted(CONNECTORS))
def test_an_empty_file_lands_nothing_in_tables_of_the_right_shape(
    connector: Connector, write: Write
) -> None:
    landed = read("feed", _source(connector), write("empty", b""))
    assert (landed.rows, landed.accepted) == (0, 0)
    assert landed.defects.schema == delivered("landed_defects")
    for name, table in landed.tables.items():
        assert table.schema == delivered(name)


@pytest.mark.parametrize("connector", sorted(CONNECTORS))
def test_a_truncated_file_lands_nothing_and_says_so(connector: Connector, write: Write) -> None:
    path = write("cut", gzip.compress(b"id,name\n" * 500)[:-9])
    with pytest.raises(SourceError, match="damaged gzip"):
        read("feed", _source(connector), path)


@pytest.mark.parametrize("connector", sorted(HEADERS))
def test_a_mere_header_is_no_row(connector: Connector, write: Write) -> None:
    assert read("feed", _source(connector), write("head", HEADERS[connector] + "\r\n")).rows == 0


_FIELDS = st.sampled_from(
    ["", "1", "-1", "x", "2025-07-01", "1302804640", "a@b.com", '"', '"q"', "1.2.3.4", "TRUE", "é"]
)
_LINE = st.one_of(
    st.lists(_FIELDS, min_size=1, max_size=10).map(",".join),
    st.lists(_FIELDS, min_size=1, max_size=10).map("\t".join),
    st.sampled_from(
        ['{"type":"page"}', '{"type":"page","messageId":"1","timestamp":"x"}', "{", "[]"]
    ),
    st.text(max_size=30),
)


@pytest.mark.parametrize("connector", sorted(CONNECTORS))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lines=st.lists(_LINE, max_size=12), end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_whatever_a_file_holds_every_row_is_accepted_or_a_defect(
    connector: Connector, lines: list[str], end: str, tmp_path: Path
) -> None:
    path = tmp_path / "any"
    head = [HEADERS[connector]] if connector in HEADERS else []
    path.write_bytes(end.join([*head, *lines]).encode("utf-8", "replace"))
    try:
        landed = read("feed", _source(connector), path)
    except SourceError as error:
        assert error.remedy  # noqa: PT017 (a refusal is one of the two right answers)
        return
    assert landed.rows == landed.accepted + len(landed.defects)
    assert sum(landed.reasons().values()) == len(landed.defects)


def test_rows_carry_the_name_that_the_policy_gives_their_source(write: Write) -> None:
    path = write("a.csv", HEADERS["git_commits"] + "\no/k,abc,1302804640,p,a.com,0\nbad\n")
    landed = read("code_hosting", _source("git_commits"), path)
    assert landed.tables["landed_signals"]["source"].to_pylist() == ["code_hosting"]
    assert landed.defects["source"].to_pylist() == ["code_hosting"]


def test_a_result_that_loses_rows_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="3 rows read, but 2 accepted"):
        Landed(3, 2, {}, delivered("landed_defects").empty_table())


def test_a_landed_table_takes_no_unknown_column_and_no_null_where_none_may_be() -> None:
    with pytest.raises(ValueError, match="no column colour"):
        conform("landed_users", 1, {"colour": "red"})
    with pytest.raises(ValueError, match="user_id is null"):
        conform("landed_users", 1, {"source": "crm", "user_id": pa.array([None], pa.string())})


def test_a_long_row_is_cut_for_the_reader_but_hashed_whole() -> None:
    table = defects("x", ["a" * 3000, "a" * 3001], ["bad_line", "bad_line"])
    assert {len(raw) for raw in table["raw"].to_pylist()} == {2000}
    assert len(set(table["raw_hash"].to_pylist())) == 2


def test_every_landed_table_ends_with_its_batch() -> None:
    for schema in LANDED.values():
        assert schema.names[-1] == "batch_id"
        assert schema.names[0] == "source"


def test_free_and_disposable_mail_is_known() -> None:
    table = reference_domains()
    kinds = dict(zip(table["domain"].to_pylist(), table["kind"].to_pylist(), strict=True))
    assert kinds["gmail.com"] == "free_mail"
    assert kinds["mailinator.com"] == "disposable"
    assert len(kinds) == len(table)
