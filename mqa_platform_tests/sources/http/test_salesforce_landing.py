"""What the service gives lands through the packaged mapping, by whichever API it came."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from mqa_platform.home import Home
from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.mapping import Mappings
from mqa_platform.policy.sources import Source
from mqa_platform.sources.registry import read
from mqa_platform.sources.salesforce_api import STREAMS, SalesforceConnection
from mqa_platform_tests.sources.fakes.salesforce import FakeSalesforce, serving
from mqa_platform_tests.sources.fakes.salesforce_records import ROWS, fill

ENVIRONMENT = {
    "MQA_SALESFORCE_ACCESS_TOKEN": "session-0-secret",
    "MQA_HTTP_REQUESTS_PER_SECOND": "10000",
    "MQA_HTTP_FIRST_WAIT_SECONDS": "0.005",
}


@pytest.fixture(scope="module")
def mappings() -> Mappings:
    return load_policy().mapping


@pytest.fixture
def org() -> Iterator[FakeSalesforce]:
    with serving(FakeSalesforce()) as org:
        fill(org)
        yield org


def landed(
    org: FakeSalesforce, home: Path, mappings: Mappings, bulk_from: int
) -> tuple[dict[str, int], dict[str, pa.Table]]:
    """(rows accepted or filtered by stream, landed tables) of a full read."""
    source = Source.model_validate({"connector": "salesforce_api", "url": org.url})
    connection = SalesforceConnection("sfdc", source, Home(home), ENVIRONMENT)
    connection.bulk_from = bulk_from
    rows: dict[str, int] = defaultdict(int)
    tables: dict[str, list[pa.Table]] = defaultdict(list)
    for page in connection.pages({}):
        got = read("sfdc", source, page.path, mappings, page.stream)
        assert got.defects.num_rows == 0, got.defects.to_pylist()
        rows[page.stream] += got.accepted + sum(got.filtered.values())
        for name, table in got.tables.items():
            tables[name].append(table)
    return dict(rows), {name: pa.concat_tables(parts) for name, parts in tables.items()}


def test_every_object_lands_through_the_packaged_mapping(
    org: FakeSalesforce, tmp_path: Path, mappings: Mappings
) -> None:
    rows, tables = landed(org, tmp_path, mappings, bulk_from=100)
    assert rows == dict.fromkeys(STREAMS, ROWS)
    assert tables["landed_accounts"]["is_deleted"].to_pylist().count(True) == 1
    assert tables["landed_field_changes"]["new_value"].to_pylist() == ["Prospecting"] * ROWS
    assert set(tables["landed_signals"]["campaign"].to_pylist()) == {"Spring webinar"}


def test_a_bulk_job_lands_the_same_rows_as_the_rest_api(
    org: FakeSalesforce, tmp_path: Path, mappings: Mappings
) -> None:
    small_rows, small = landed(org, tmp_path / "rest", mappings, bulk_from=100)
    large_rows, large = landed(org, tmp_path / "bulk", mappings, bulk_from=1)
    assert large_rows == small_rows
    assert org.asked("/jobs/query", "POST")
    assert small.keys() == large.keys()
    for name in small:
        # The payload's hash tells two forms of one record apart; all that they say is the same.
        said = [c for c in small[name].column_names if not c.endswith(("hash", "raw"))]
        assert small[name].select(said).equals(large[name].select(said)), name
