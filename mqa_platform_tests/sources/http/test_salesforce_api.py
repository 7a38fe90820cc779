"""What the Salesforce connection reads, how it goes on after a break, and what it says of refusals."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mqa_platform.home import Home
from mqa_platform.local_services.faults import Fault
from mqa_platform.policy.sources import Source
from mqa_platform.sources.connection import (
    BadCursorError,
    PermissionLostError,
    UnreachableError,
)
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.salesforce_api import SalesforceConnection
from mqa_platform_tests.sources.fakes.salesforce import FakeSalesforce, serving

TOKEN = "session-0-secret"
QUICK = {
    "MQA_HTTP_ATTEMPTS": "3",
    "MQA_HTTP_FIRST_WAIT_SECONDS": "0.005",
    "MQA_HTTP_MOST_WAIT_SECONDS": "0.1",
    "MQA_HTTP_REQUESTS_PER_SECOND": "10000",
}
BY_TOKEN = {**QUICK, "MQA_SALESFORCE_ACCESS_TOKEN": TOKEN}
BY_CLIENT = {
    **QUICK,
    "MQA_SALESFORCE_CLIENT_ID": "client-id",
    "MQA_SALESFORCE_CLIENT_SECRET": "client-secret",
}
BY_PASSWORD = {
    **QUICK,
    "MQA_SALESFORCE_USERNAME": "ops@example.com",
    "MQA_SALESFORCE_PASSWORD": "pass-secret",
    "MQA_SALESFORCE_SECURITY_TOKEN": "word-secret",
}


@dataclass
class Got:
    stream: str
    records: list[dict[str, Any]]
    cursor: str
    path: Path


Connect = Callable[..., SalesforceConnection]


@pytest.fixture
def org() -> Iterator[FakeSalesforce]:
    with serving(FakeSalesforce()) as org:
        org.add("Account", [account(n) for n in range(7)], BillingAddress="address", Logo="base64")
        yield org


def account(n: int, **values: Any) -> dict[str, Any]:
    # Three records share each second: more than a page holds.
    stamp = f"2026-03-01T00:00:{n // 3:02d}.000+0000"
    return {
        "Id": f"001{n:012d}AAA",
        "Name": f'Firm {n}, "Ltd"\nsecond line',
        "Website": None,
        "NumberOfEmployees": 10 * n,
        "IsDeleted": False,
        "SystemModstamp": stamp,
        **values,
    }


@pytest.fixture
def connect(org: FakeSalesforce, tmp_path: Path) -> Connect:
    def _connect(
        *streams: str,
        environment: dict[str, str] | None = None,
        bulk_from: int = 100,
        **options: Any,
    ) -> SalesforceConnection:
        declared = {"connector": "salesforce_api", "url": org.url, **options}
        source = Source.model_validate({**declared, "streams": list(streams or ["Account"])})
        made = SalesforceConnection("sfdc", source, Home(tmp_path), environment or BY_TOKEN)
        made.bulk_from = bulk_from
        return made

    return _connect


def read(connection: SalesforceConnection, cursors: dict[str, str] | None = None) -> list[Got]:
    return list(reading(connection, cursors))


def reading(
    connection: SalesforceConnection, cursors: dict[str, str] | None = None
) -> Iterator[Got]:
    for page in connection.pages(cursors or {}):
        lines = page.path.read_text(encoding="utf-8").split("\n")
        assert lines.pop() == ""
        assert page.cursor is not None
        yield Got(page.stream, [json.loads(line) for line in lines], page.cursor, page.path)


def ids(pages: list[Got]) -> list[str]:
    return [record["Id"] for page in pages for record in page.records]


ALL = [f"001{n:012d}AAA" for n in range(7)]


def test_every_record_comes_once_and_in_pages(org: FakeSalesforce, connect: Connect) -> None:
    pages = read(connect())
    assert [len(page.records) for page in pages] == [2, 2, 2, 1]
    assert ids(pages) == ALL
    assert pages[0].records[1] == account(1)
    assert [page.path.name[:9] for page in pages] == [f"{n:08d}-" for n in range(4)]


def test_only_readable_fields_that_are_not_compound_are_asked_for(
    org: FakeSalesforce, connect: Connect
) -> None:
    read(connect())
    assert all("BillingAddress" not in q and "Logo" not in q for q in org.queries)
    assert org.queries[-1].startswith("SELECT Id, Name, Website,")


def test_deleted_records_come_with_their_mark(org: FakeSalesforce, connect: Connect) -> None:
    org.rows["Account"][2]["IsDeleted"] = True
    for bulk_from in (100, 1):
        found = [r for page in read(connect(bulk_from=bulk_from)) for r in page.records]
        marks = {r["Id"]: str(r["IsDeleted"]).lower() for r in found}
        assert marks[ALL[2]] == "true"
        assert marks[ALL[3]] == "false"


def test_field_history_is_read_by_its_creation(org: FakeSalesforce, connect: Connect) -> None:
    change = {
        "Id": "017000000000001AAA",
        "OpportunityId": "006000000000001AAA",
        "Field": "StageName",
        "OldValue": "Prospecting",
        "NewValue": "Closed Won",
        "CreatedDate": "2026-02-01T10:00:00.000+0000",
    }
    org.add("OpportunityFieldHistory", [change], NewValue="anyType")
    pages = read(connect("OpportunityFieldHistory"))
    assert [page.records for page in pages] == [[change]]
    assert "CreatedDate >= 1970-01-01T00:00:00.000Z" in org.queries[-1]


def test_a_second_read_gives_only_what_changed(org: FakeSalesforce, connect: Connect) -> None:
    cursor = read(connect())[-1].cursor
    assert read(connect(), {"Account": cursor}) == []
    changed = account(3, Name="Renamed", SystemModstamp="2026-06-01T12:30:00.000+0000")
    org.rows["Account"][3] = changed
    org.clock += 3_600
    pages = read(connect(), {"Account": cursor})
    assert [page.records for page in pages] == [[changed]]


def test_nothing_before_since_is_asked_for(org: FakeSalesforce, connect: Connect) -> None:
    org.rows["Account"][0]["SystemModstamp"] = "2025-12-31T23:59:59.000+0000"
    assert ids(read(connect(since="2026-01-01"))) == ALL[1:]


@pytest.mark.parametrize("environment", [BY_TOKEN, BY_CLIENT, BY_PASSWORD])
def test_each_kind_of_credentials_opens_the_org(
    environment: dict[str, str], connect: Connect
) -> None:
    assert ids(read(connect(environment=environment))) == ALL


@pytest.mark.parametrize("bulk_from", [100, 1])
def test_a_read_that_was_killed_goes_on_as_if_it_had_not(
    org: FakeSalesforce, connect: Connect, bulk_from: int
) -> None:
    org.shuffles_bulk = True
    whole = read(connect(bulk_from=bulk_from))
    for cut in range(1, len(whole)):
        stream = reading(connect(bulk_from=bulk_from))
        first = [next(stream) for _ in range(cut)]
        stream.close()
        rest = read(connect(bulk_from=bulk_from), {"Account": first[-1].cursor})
        assert [p.records for p in first + rest] == [p.records for p in whole]
        assert [p.path for p in first + rest] == [p.path for p in whole]


def test_a_killed_read_goes_on_with_what_changed_meanwhile(
    org: FakeSalesforce, connect: Connect
) -> None:
    first = next(reading(connect()))
    # It has the very time at which the first window ends, so it is of the second one.
    late = account(9, SystemModstamp="2026-06-01T12:00:00.000+0000")
    org.rows["Account"].append(late)
    rest = read(connect(), {"Account": first.cursor})
    assert ids([first, *rest]) == ALL
    assert read(connect(), {"Account": rest[-1].cursor}) == []
    org.clock += 1
    for cursor in (first.cursor, rest[-1].cursor):
        assert read(connect(), {"Account": cursor})[-1].records == [late]


def test_a_change_that_became_visible_late_is_not_lost(
    org: FakeSalesforce, connect: Connect
) -> None:
    cursor = read(connect())[-1].cursor
    slow = account(8, SystemModstamp="2026-06-01T11:51:00.000+0000")
    org.rows["Account"].append(slow)
    assert ids(read(connect(), {"Account": cursor})) == [slow["Id"]]


def test_many_records_come_by_a_bulk_job_in_the_same_form(
    org: FakeSalesforce, connect: Connect
) -> None:
    org.polls_until_done = 3
    by_rest = {r["Id"]: r for page in read(connect()) for r in page.records}
    pages = read(connect(bulk_from=6))
    assert ids(pages) == ALL
    assert len(pages) == 4
    for record in (r for page in pages for r in page.records):
        # A job writes every value as text.
        twin = by_rest[record["Id"]]
        assert record.keys() == twin.keys()
        assert record["Name"] == twin["Name"]
        assert record["Website"] is None
        assert record["SystemModstamp"] == twin["SystemModstamp"].replace("+0000", "Z")
    assert org.jobs == {}, "a job that was read is deleted"


def test_a_query_too_long_for_an_address_goes_by_a_job(
    org: FakeSalesforce, connect: Connect
) -> None:
    wide = {f"Custom_Field_Number_{n:03d}_{'x' * 20}__c": None for n in range(300)}
    org.add("Lead", [{**account(n), **wide} for n in range(3)])
    assert len(ids(read(connect("Lead")))) == 3
    assert org.asked("/jobs/query", "POST")
    assert max(len(asked.target) for asked in org.log) < 12_000


@pytest.mark.parametrize("fate", ["expired", "aborted"])
def test_a_job_that_is_gone_is_ordered_anew(
    org: FakeSalesforce, connect: Connect, fate: str
) -> None:
    first = next(reading(connect(bulk_from=1)))
    for job in org.jobs.values():
        job["state"] = "Aborted"
    if fate == "expired":
        org.jobs.clear()
    assert ids(read(connect(bulk_from=1), {"Account": first.cursor})) == ALL


def test_a_job_of_another_object_is_not_read_for_this_one(
    org: FakeSalesforce, connect: Connect
) -> None:
    org.add("Contact", [account(n) for n in range(5)])
    first = next(reading(connect("Contact", bulk_from=1)))
    stolen = first.cursor.replace('"Contact"', '"Account"')
    # Its own object is read anew instead.
    pages = read(connect(), {"Account": stolen})
    assert (ids(pages), {page.stream for page in pages}) == (ALL, {"Account"})


def test_an_object_that_has_no_bulk_is_read_by_rest(org: FakeSalesforce, connect: Connect) -> None:
    said = '[{"errorCode": "INVALIDENTITY", "message": "not supported by the Bulk API"}]'
    org.faults = [Fault("/jobs/query$", status=400, body=said)]
    assert ids(read(connect(bulk_from=1))) == ALL


def test_a_failed_job_says_why(org: FakeSalesforce, connect: Connect) -> None:
    said = "INSUFFICIENT_ACCESS: no rights on it"
    body = json.dumps({"id": "7500", "object": "Account", "state": "Failed", "errorMessage": said})
    org.faults = [Fault("/jobs/query/750", "status", 200, body)]
    with pytest.raises(PermissionLostError, match="Account.*INSUFFICIENT_ACCESS"):
        read(connect(bulk_from=1))


# Only where the server is to be too late: a busy machine is late everywhere.
IMPATIENT = {**BY_TOKEN, "MQA_HTTP_READ_SECONDS": "0.2"}
FAULTS = [
    Fault("", status=429, headers={"Retry-After": "0"}),
    Fault("", status=500, body="oops"),
    Fault("", status=503, body='[{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}]'),
    Fault("", "slow"),
    Fault("", "dropped"),
    Fault("", "truncated"),
    Fault("", "cut_json"),
    Fault("", "html"),
]
PLACES = [r"/queryAll/\?", r"/query/01g", r"/results\?maxRecords=\d+&locator", "/describe", "/job"]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f"{f.kind}{f.status}")
@pytest.mark.parametrize("place", PLACES)
def test_a_passing_fault_costs_an_attempt_and_no_record(
    org: FakeSalesforce, connect: Connect, fault: Fault, place: str
) -> None:
    times = 1 if fault.kind == "slow" else 2
    org.faults = [Fault(place, fault.kind, fault.status, fault.body, fault.headers, times)]
    bulk_from = 1 if "results" in place or "job" in place else 100
    environment = IMPATIENT if fault.kind == "slow" else BY_TOKEN
    assert ids(read(connect(bulk_from=bulk_from, environment=environment))) == ALL
    assert org.faults[0].times == 0


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f"{f.kind}{f.status}")
def test_a_lasting_fault_ends_the_read_and_keeps_what_came(
    org: FakeSalesforce, connect: Connect, fault: Fault
) -> None:
    lasting = Fault("/query/01g", fault.kind, fault.status, fault.body, fault.headers, 1000)
    org.faults = [lasting]
    stream = reading(connect(environment=IMPATIENT if fault.kind == "slow" else BY_TOKEN))
    first = next(stream)
    with pytest.raises(UnreachableError, match="3 attempts"):
        next(stream)
    org.faults = []
    assert ids([first, *read(connect(), {"Account": first.cursor})]) == ALL


@pytest.mark.parametrize("bulk_from", [100, 1])
def test_a_cursor_that_repeats_for_ever_is_named_and_left(
    org: FakeSalesforce, connect: Connect, bulk_from: int
) -> None:
    org.locator_repeats = True
    got: list[Got] = []
    with pytest.raises(BadCursorError, match="given before"):
        got.extend(reading(connect(bulk_from=bulk_from)))
    assert len(org.log) < 20
    got = until_trouble(connect(bulk_from=bulk_from))
    org.locator_repeats = False
    rest = read(connect(bulk_from=bulk_from), {"Account": got[-1].cursor})
    assert set(ids(got + rest)) == set(ALL)


def until_trouble(connection: SalesforceConnection) -> list[Got]:
    got = []
    try:
        for page in reading(connection):
            got.append(page)
    except SourceError:
        return got
    raise AssertionError("there was no trouble")


@pytest.mark.parametrize("onward", ["@evil.example/steal", "https://evil.example/", "/other"])
def test_a_link_to_another_place_is_not_followed(
    org: FakeSalesforce, connect: Connect, onward: str
) -> None:
    page = {"done": False, "records": [account(0)], "totalSize": 9, "nextRecordsUrl": onward}
    org.faults = [Fault("/queryAll/.*Name", "status", 200, json.dumps(page))]
    with pytest.raises(BadCursorError):
        read(connect())


def test_a_locator_that_has_expired_costs_nothing(org: FakeSalesforce, connect: Connect) -> None:
    gone = '[{"errorCode": "INVALID_QUERY_LOCATOR", "message": "invalid query locator"}]'
    late = '[{"errorCode": "QUERY_TIMEOUT", "message": "running for too long"}]'
    org.faults = [
        Fault("/query/01g", status=400, body=gone),
        Fault("/query/01g", status=400, body=late, skip=1),
    ]
    pages = read(connect())
    assert ids(pages) == ALL
    assert [len(page.records) for page in pages] == [2, 2, 2, 1]


def test_a_query_that_always_takes_too_long_goes_by_a_job(
    org: FakeSalesforce, connect: Connect
) -> None:
    late = '[{"errorCode": "QUERY_TIMEOUT", "message": "running for too long"}]'
    org.faults = [Fault("/(query/01g|queryAll/.*Id)", status=400, body=late, times=99, skip=1)]
    assert set(ids(read(connect()))) == set(ALL)
    assert org.asked("/jobs/query", "POST")


@pytest.mark.parametrize("environment", [BY_CLIENT, BY_PASSWORD])
@pytest.mark.parametrize(
    ("place", "bulk_from"), [("/query/01g", 100), ("/results.*locator", 1), ("/describe", 100)]
)
def test_a_token_that_expires_between_pages_is_renewed_once(
    org: FakeSalesforce,
    connect: Connect,
    environment: dict[str, str],
    place: str,
    bulk_from: int,
) -> None:
    org.faults = [Fault(place, "expired")]
    assert ids(read(connect(environment=environment, bulk_from=bulk_from))) == ALL
    assert org.logins == 2
    assert [asked.status for asked in org.log].count(401) == 1


def test_an_expired_token_that_cannot_be_renewed_is_asked_with_once(
    org: FakeSalesforce, connect: Connect
) -> None:
    org.add("Contact", [account(1)])
    org.expire()
    with pytest.raises(PermissionLostError, match="MQA_SALESFORCE_ACCESS_TOKEN"):
        read(connect("Account", "Contact"))
    assert [asked.status for asked in org.log] == [401]


def test_a_given_token_that_expires_is_replaced_by_a_login(
    org: FakeSalesforce, connect: Connect
) -> None:
    org.faults = [Fault("/query/01g", "expired")]
    assert ids(read(connect(environment={**BY_CLIENT, **BY_TOKEN}))) == ALL
    assert org.logins == 1


def test_a_session_refused_after_a_login_is_not_tried_a_third_time(
    org: FakeSalesforce, connect: Connect
) -> None:
    org.faults = [Fault("/describe", "expired", times=99)]
    with pytest.raises(PermissionLostError, match="MQA_SALESFORCE_CLIENT_ID"):
        read(connect("Account", "User", environment=BY_CLIENT))
    assert org.logins == 2
    assert len(org.asked("/describe")) == 2


@pytest.mark.parametrize(
    "environment",
    [
        {**BY_CLIENT, "MQA_SALESFORCE_CLIENT_SECRET": "wrong-secret"},
        {**BY_PASSWORD, "MQA_SALESFORCE_PASSWORD": "wrong-secret"},
    ],
)
def test_a_wrong_password_is_tried_exactly_once(
    org: FakeSalesforce, connect: Connect, environment: dict[str, str]
) -> None:
    org.add("Contact", [account(1)])
    with pytest.raises(PermissionLostError, match=r"MQA_SALESFORCE_(CLIENT_ID|USERNAME)"):
        read(connect("Account", "Contact", environment=environment))
    assert len(org.log) == 1


def test_a_forbidden_question_is_asked_exactly_once(org: FakeSalesforce, connect: Connect) -> None:
    said = '[{"errorCode": "API_DISABLED_FOR_ORG", "message": "API is not enabled"}]'
    org.faults = [Fault("/describe", status=403, body=said, times=99)]
    with pytest.raises(PermissionLostError, match="API is not enabled"):
        read(connect())
    assert len(org.log) == 1


def test_the_daily_limit_is_no_lost_permission(org: FakeSalesforce, connect: Connect) -> None:
    said = '[{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]'
    org.faults = [Fault("/describe", status=403, body=said, times=99)]
    with pytest.raises(UnreachableError, match="API limit"):
        read(connect())
    assert len(org.log) == 1


def test_one_object_without_permission_does_not_stop_the_others(
    org: FakeSalesforce, connect: Connect
) -> None:
    org.add("User", [account(1)])
    org.denied = {"Lead", "Task"}
    connection = connect("Lead", "Account", "Task", "User")
    with pytest.raises(PermissionLostError, match=r"object Lead.*object Task"):
        read(connection)
    assert {page.stream for page in until_trouble(connection)} == {"Account", "User"}


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "garbage",
        "null",
        "[1]",
        '{"stream": "Account"}',
        '{"stream": "Account", "since": 5}',
        '{"stream": "Contact", "since": "2026-01-01T00:00:00.000Z"}',
        '{"stream": "Account", "since": "2026-01-01T00:00:00.000Z", "after": ["x", "y"]}',
        '{"stream": "Account", "since": "2026-01-01T00:00:00.000Z", "job": "../../x"}',
        '{"stream": "Account", "since": "2026-01-01T00:00:00.000Z", '
        '"until": "2026-02-01T00:00:00.000Z", "after": ["2026-01-02T00:00:00.000Z", "\' OR 1"]}',
    ],
)
def test_a_cursor_that_is_none_reads_its_object_anew_and_no_other(
    org: FakeSalesforce, connect: Connect, cursor: str
) -> None:
    org.add("Contact", [account(n) for n in range(3)])
    sound = read(connect("Contact"))[-1].cursor
    new = account(8, SystemModstamp="2026-06-01T12:30:00.000+0000")
    org.rows["Contact"].append(new)
    org.clock += 3_600
    pages = read(connect("Account", "Contact"), {"Account": cursor, "Contact": sound})
    assert ids([page for page in pages if page.stream == "Account"]) == ALL
    assert [page.records for page in pages if page.stream == "Contact"] == [[new]]
    assert not any("OR 1" in query for query in org.queries)


STRANGE = [
    ("/describe", {"fields": [7]}, "AttributeError"),
    ("/describe", {"fields": 7}, "TypeError"),
    ("COUNT", {"totalSize": "secret-content", "done": True, "records": []}, "ValueError"),
]


@pytest.mark.parametrize(("place", "body", "kind"), STRANGE)
def test_a_strange_answer_is_told_and_the_other_objects_are_read(
    org: FakeSalesforce, connect: Connect, place: str, body: dict[str, Any], kind: str
) -> None:
    org.add("Contact", [account(n) for n in range(3)])
    org.faults = [Fault(place, "status", 200, json.dumps(body))]
    with pytest.raises(SourceError, match=rf"object Account.*unknown form \({kind}\)") as caught:
        read(connect("Account", "Contact"))
    assert "secret-content" not in str(caught.value)
    org.faults = [Fault(place, "status", 200, json.dumps(body))]
    assert {page.stream for page in until_trouble(connect("Account", "Contact"))} == {"Contact"}


def test_a_check_of_an_object_described_strangely_is_an_answer(
    org: FakeSalesforce, connect: Connect
) -> None:
    org.faults = [Fault("/describe", "status", 200, '{"fields": [7]}')]
    reach = connect().check()
    assert (reach.status, "unknown form" in reach.detail) == ("misconfigured", True)


def test_an_answer_of_any_size_is_not_read(org: FakeSalesforce, connect: Connect) -> None:
    with pytest.raises(SourceError, match="more than 600 bytes"):
        read(connect(environment={**BY_TOKEN, "MQA_HTTP_MOST_BYTES": "600"}))


def test_missing_credentials_are_named(connect: Connect) -> None:
    for environment, name in (
        (QUICK, "MQA_SALESFORCE_CLIENT_ID"),
        ({**QUICK, "MQA_SALESFORCE_CLIENT_ID": "x"}, "MQA_SALESFORCE_CLIENT_SECRET is not set"),
        ({**QUICK, "MQA_SALESFORCE_PASSWORD": "x"}, "MQA_SALESFORCE_USERNAME is not set"),
    ):
        connection = connect(environment=environment)
        reach = connection.check()
        assert reach.status == "misconfigured"
        assert name in reach.detail + reach.remedy
        with pytest.raises(SourceError, match=name.split()[0]):
            read(connection)


def test_a_check_tells_what_is_wrong(org: FakeSalesforce, connect: Connect) -> None:
    reach = connect().check()
    assert (reach.status, reach.detail) == (
        "ok",
        "1 objects can be read; 14998 of 15000 requests left today",
    )
    assert not org.queries, "a check reads no record"
    org.denied = {"Lead"}
    reach = connect("Account", "Lead").check()
    assert reach.status == "lost_permission"
    assert "Lead" in reach.detail + reach.remedy
    org.faults = [Fault("/limits", status=200, body='{"DailyApiRequests": {"Remaining": 0}}')]
    assert connect().check().status == "unreachable"
    org.faults = [Fault("", status=503, times=99)]
    assert connect().check().status == "unreachable"
    org.faults = []
    org.expire()
    assert connect().check().status == "lost_permission"


def test_an_object_that_never_says_when_it_changed_is_refused(
    org: FakeSalesforce, connect: Connect
) -> None:
    org.add("TaskStatus", [{"Id": "01J000000000001AAA", "MasterLabel": "Open"}])
    with pytest.raises(SourceError, match="no time of change"):
        read(connect("TaskStatus"))
    assert connect("TaskStatus").check().status == "misconfigured"


@pytest.mark.parametrize(
    "url", ["http://crm.example.com", "https://ops:word@crm.example.com", "https://"]
)
def test_an_address_that_would_show_a_secret_is_refused_before_anything_is_sent(
    connect: Connect, url: str
) -> None:
    environment = {**BY_TOKEN, "MQA_SALESFORCE_INSTANCE_URL": url}
    reach = connect(environment=environment).check()
    assert (reach.status, "MQA_SALESFORCE_INSTANCE_URL" in reach.remedy) == ("misconfigured", True)


@pytest.mark.parametrize(
    "place", ["https://evil.example", "https://login.salesforce.com.evil.example"]
)
def test_a_login_that_points_to_a_foreign_host_is_not_followed(
    org: FakeSalesforce, connect: Connect, place: str
) -> None:
    org.instance = place
    with pytest.raises(SourceError, match="gets no secret of ours"):
        read(connect(environment=BY_CLIENT))
    assert len(org.log) == 1


@pytest.mark.parametrize("place", ["/describe", "COUNT", "/queryAll/.*Name", "/job", "/oauth2"])
@pytest.mark.parametrize("body", ["5", "[]", '{"records": 7, "done": true}', "null"])
def test_an_answer_of_another_form_is_trouble_that_is_told(
    org: FakeSalesforce, connect: Connect, place: str, body: str
) -> None:
    org.faults = [Fault(place, "status", 200, body, times=99)]
    with pytest.raises(SourceError) as caught:
        read(connect(bulk_from=1 if place == "/job" else 100, environment=BY_CLIENT))
    assert caught.value.remedy


def test_no_secret_is_in_a_page_a_message_or_a_log(
    org: FakeSalesforce,
    connect: Connect,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    org.faults = [
        Fault("/query/01g", status=503),
        Fault("/query/01g", "expired"),
        Fault("/query/01g", status=403, body=f'[{{"errorCode": "X", "message": "{TOKEN}"}}]'),
    ]
    messages: list[str] = []
    for environment, secret in (
        (BY_TOKEN, TOKEN),
        (BY_CLIENT, "client-secret"),
        (BY_PASSWORD, "pass-secret"),
    ):
        connection = connect(environment=environment)
        messages += [str(connection.spec()), str(connection.check())]
        try:
            read(connection)
        except SourceError as error:
            messages.append(str(error))
        org.faults.append(Fault("/describe", status=403, body=f"{secret}?"))
        with pytest.raises(SourceError) as caught:
            read(connection)
        messages.append(str(caught.value))
        org.faults = []
    out, err = capfd.readouterr()
    pages = [p.read_text() for p in tmp_path.rglob("*.jsonl")]
    for text in (*messages, *pages, caplog.text, out, err):
        assert not re.search(r"session-\d-secret|client-secret|pass-secret|word-secret", text)
