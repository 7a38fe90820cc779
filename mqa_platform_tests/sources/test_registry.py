from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqa_platform.policy.sources import FileConnector, HttpConnector, Source
from mqa_platform.sources.landed import Landed, SourceError, conform, defects
from mqa_platform.sources.reference import reference_domains
from mqa_platform.sources.registry import CONNECTIONS, CONNECTORS, read
from mqa_platform.sources.schemas import LANDED, delivered

Write = Callable[[str, str | bytes], Path]

# A header that satisfies every connector that needs one, and rows that no connector likes.
HEADERS = {
    "marketo_activities": "id,activity_date,activity_type_id,lead_id",
    "marketo_leads": "id,email,created_at",
    "git_commits": "repo,commit,author_ts,author_id,email_domain,is_merge",
    "fortune_accounts": "year,name,sector,website,employees,revenues_musd",
    "office_ip_ranges": "org,range_start_or_cidr,range_end",
    "bombora_surge": "Company Name,Domain,Topic,Composite Score",
    "bombora_adat": "Company Name,Domain,Topic,Composite Score,Metro Area",
    "pardot_activities": "id,created_at,type,prospect_id,visitor_id",
    "pardot_prospects": "id,email,created_at",
    "hubspot_email_events": "id,type,recipient,created",
    "hubspot_form_submissions": "timestamp,form_id,contact_id,title",
    "sixsense_companies": "domain,employee_range,revenue_range,naics,is_blacklisted",
    "sixsense_scores": "domain,product,buying_stage,intent_score,is_6_qa",
    "demandbase_intent": "companyId,domain,keyword,intentStrength,isTrending,startDate,endDate",
    "zoominfo_intent": "companyId,companyName,website,topic,signalScore,signalDate",
    "intent_feed": "domain,topic,date,score",
    "trigger_feed": "id,type,company,domain,announced_at,published_at",
    "crunchbase_rounds": "company_permalink,company_name,funding_round_type,funded_at",
    "crunchbase_companies": "permalink,name,category_code,country_code",
    "cncf_companies": "crunchbase,name,homepage,country,num_employees_min,parents,acquisitions",
    "snowplow_enriched": "event_id\tcollector_tstamp\tevent\tuser_id\tunstruct_event",
    "enrichment": "domain,employees,as_of",
    "ad_clicks": "date,company_name,campaign,clicks,cost,currency",
    "ad_spend": "date,campaign,cost,currency",
    "event_attendees": "email,attended,joined_at",
    "sales_engagement": "email,type,status,occurred_at",
    "account_list": "domain,reason,from,until",
    "rep_capacity": "rep_id,capacity_per_week,weight,employees_min,employees_max,valid_from",
    "absences": "rep_id,starts_on,last_day,cover_id",
    "reassignments": "reassignment_id,from_rep,to_rep,starts_on,ends_on,reason,by,at",
    "reverse_dns": "ip,host",
    "nasa_tsv": "host\tlogname\ttime\tmethod\turl\tresponse\tbytes",
}


def _source(connector: FileConnector) -> Source:
    return Source.model_validate({"connector": connector, "path": "x", "week": "2025-07-07"})


def test_every_connector_that_policy_may_name_exists() -> None:
    # ``crm_export`` takes the mapping as well, so it is not one of those that take a file alone.
    assert set(CONNECTORS) == set(get_args(FileConnector)) - {"crm_export"}
    assert set(CONNECTIONS) == set(get_args(HttpConnector))


@pytest.mark.parametrize("connector", sorted(CONNECTORS))
def test_an_empty_file_lands_nothing_in_tables_of_the_right_shape(
    connector: FileConnector, write: Write
) -> None:
    landed = read("feed", _source(connector), write("empty", b""))
    assert (landed.rows, landed.accepted) == (0, 0)
    assert landed.defects.schema == delivered("landed_defects")
    for name, table in landed.tables.items():
        assert table.schema == delivered(name)


@pytest.mark.parametrize("connector", sorted(CONNECTORS))
def test_a_truncated_file_lands_nothing_and_says_so(connector: FileConnector, write: Write) -> None:
    path = write("cut", gzip.compress(b"id,name\n" * 500)[:-9])
    with pytest.raises(SourceError, match="damaged gzip"):
        read("feed", _source(connector), path)


@pytest.mark.parametrize("connector", sorted(HEADERS))
def test_a_mere_header_is_no_row(connector: FileConnector, write: Write) -> None:
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
    connector: FileConnector, lines: list[str], end: str, tmp_path: Path
) -> None:
    path = tmp_path / "any"
    head = [HEADERS[connector]] if connector in HEADERS else []
    path.write_bytes(end.join([*head, *lines]).encode("utf-8", "replace"))
    try:
        landed = read("feed", _source(connector), path)
    except SourceError as error:
        assert error.remedy  # noqa: PT017 (a refusal is one of the two right answers)
        return
    told = landed.accepted + landed.duplicates + sum(landed.filtered.values())
    assert landed.rows == told + len(landed.defects)
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
