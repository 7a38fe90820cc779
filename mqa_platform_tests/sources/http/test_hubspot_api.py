"""The real HubSpot client against a server that speaks the documented API."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mqa_platform.home import Home
from mqa_platform.local_services.hubspot import TOKEN
from mqa_platform.local_services.hubspot_forms import iso
from mqa_platform.local_services.server import Answer, Asked, cut_short, half_json, html
from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.sources import Source
from mqa_platform.sources import registry
from mqa_platform.sources.connection import (
    BadCursorError,
    Page,
    PermissionLostError,
    UnreachableError,
)
from mqa_platform.sources.hubspot_api import DEFAULT_STREAMS, HubSpotConnection
from mqa_platform.sources.landed import SourceError
from mqa_platform_tests.sources.fakes.hubspot import FakeHubSpot

MAY = 1_714_521_600_000  # 2024-05-01
QUICK = {
    "MQA_HTTP_ATTEMPTS": "3",
    "MQA_HTTP_TOTAL_SECONDS": "3",
    "MQA_HTTP_READ_SECONDS": "0.25",
    "MQA_HTTP_FIRST_WAIT_SECONDS": "0.01",
    "MQA_HTTP_REQUESTS_PER_SECOND": "1000",
}
ENVIRONMENT = {"MQA_HUBSPOT_TOKEN": TOKEN, **QUICK}
OAUTH = {
    "MQA_HUBSPOT_CLIENT_ID": "app",
    "MQA_HUBSPOT_CLIENT_SECRET": "app-secret",
    "MQA_HUBSPOT_REFRESH_TOKEN": "refresh-secret",
    **QUICK,
}


@pytest.fixture
def hubspot() -> Iterator[FakeHubSpot]:
    with FakeHubSpot(page_size=3) as account:
        for id_ in range(1, 9):
            account.put("companies", id_, MAY + id_, name=f"Company {id_}", tier="1")
            account.put("contacts", 100 + id_, MAY, email=f"p{id_}@c{id_}.com")
            account.link("contacts", "companies", 100 + id_, id_)
        account.owners = [
            {"id": str(n), "email": f"o{n}@us.com", "archived": n > 4} for n in range(7)
        ]
        account.engagements = [_engagement(n, MAY + n) for n in range(8)]
        yield account


def _engagement(id_: int, at: int) -> dict[str, Any]:
    return {
        "engagement": {"id": id_, "type": "CALL", "timestamp": at, "lastUpdated": at},
        "associations": {"contactIds": [100 + id_], "companyIds": [], "dealIds": []},
        "metadata": {"status": "COMPLETED"},
    }


class Reader:
    """Reads as landing does: the cursor of a stream is that of its last page."""

    def __init__(
        self,
        account: FakeHubSpot,
        root: Path,
        *streams: str,
        environment: Mapping[str, str] = ENVIRONMENT,
        **declared: Any,
    ) -> None:
        source = Source.model_validate(
            {"connector": "hubspot_api", "url": account.url, "streams": list(streams), **declared}
        )
        self.source = source
        self.connection = HubSpotConnection("crm", source, Home(root), environment)
        self.cursors: dict[str, str] = {}
        self.pages: list[Page] = []

    def read(self, most: int | None = None) -> list[dict[str, Any]]:
        """The records of this run; ``most`` kills it after so many pages."""
        begun = len(self.pages)
        for page in islice(self.connection.pages(dict(self.cursors)), most):
            assert page.cursor is not None
            self.cursors[page.stream] = page.cursor
            self.pages.append(page)
        return [record for page in self.pages[begun:] for record in lines(page)]


def lines(page: Page) -> list[dict[str, Any]]:
    return [json.loads(line) for line in page.path.read_text().splitlines()]


def ids(records: list[dict[str, Any]]) -> list[int]:
    return [int(record["id"]) for record in records]


def now() -> int:
    return int(time.time() * 1000)


def test_a_first_read_brings_every_record_with_all_properties_and_associations(
    hubspot: FakeHubSpot, tmp_path: Path
) -> None:
    reader = Reader(hubspot, tmp_path, "companies", "contacts")
    records = reader.read()
    assert ids(records) == [*range(1, 9), *range(101, 109)]
    assert records[0]["properties"] == {"hs_object_id": "1", "name": "Company 1", "tier": "1"}
    assert records[8]["associations"]["companies"]["results"][0]["id"] == "1"
    assert [page.stream for page in reader.pages] == ["companies"] * 3 + ["contacts"] * 3


def test_pages_are_json_lines_in_a_folder_of_the_stream(
    hubspot: FakeHubSpot, tmp_path: Path
) -> None:
    reader = Reader(hubspot, tmp_path, "companies")
    reader.read()
    folder = tmp_path / "pulled" / "crm" / "companies"
    assert sorted(folder.iterdir()) == [page.path for page in reader.pages]
    first = reader.pages[0].path.read_text().splitlines()[0]
    assert first == json.dumps(json.loads(first), sort_keys=True, separators=(",", ":"))


def test_two_full_reads_give_the_same_pages(hubspot: FakeHubSpot, tmp_path: Path) -> None:
    names = []
    for home in ("one", "two"):
        reader = Reader(hubspot, tmp_path / home, "companies", "contacts", "owners", "engagements")
        reader.read()
        names.append([page.path.name for page in reader.pages])
    assert names[0] == names[1]


def test_a_second_run_brings_what_changed_and_nothing_else(
    hubspot: FakeHubSpot, tmp_path: Path
) -> None:
    reader = Reader(hubspot, tmp_path, "companies", "contacts")
    reader.read()
    assert reader.read() == []
    hubspot.put("companies", 2, now() - 1_000, name="Renamed")
    hubspot.put("contacts", 109, now() - 1_000, email="new@c2.com")
    hubspot.link("contacts", "companies", 109, 2)
    changed = reader.read()
    assert ids(changed) == [2, 109]
    assert changed[0]["properties"]["name"] == "Renamed"
    # A search gives no associations; they are asked for.
    assert changed[1]["associations"]["companies"]["results"][0]["id"] == "2"


def test_more_changes_than_a_search_can_page_are_all_brought(
    hubspot: FakeHubSpot, tmp_path: Path
) -> None:
    reader = Reader(hubspot, tmp_path, "companies")
    reader.read()
    hubspot.most_found = 6
    at = now() - 1_000
    for id_ in range(1, 41):
        hubspot.put("companies", id_, at, name="All at the same moment")
    assert ids(reader.read()) == list(range(1, 41))


def test_records_that_change_while_they_are_searched_are_not_lost(
    hubspot: FakeHubSpot, tmp_path: Path
) -> None:
    reader = Reader(hubspot, tmp_path, "companies")
    reader.read()
    for id_ in range(1, 9):
        hubspot.put("companies", id_, now() - 60_000, name="first change")

    def change(asked: Asked) -> None:
        # Record 1 has been read and leaves the window; 8 leaves it before it is read.
        if asked.path.endswith("/search") and "GT" in asked.body.decode():
            hubspot.put("companies", 1, now() + 60_000, name="second change")
            hubspot.put("companies", 8, now() + 60_000, name="second change")

    hubspot.before_answer = change
    seen = reader.read()
    hubspot.before_answer = lambda asked: None
    for id_ in (1, 8):
        hubspot.put("companies", id_, now() - 5_000)
    seen += reader.read()
    latest = {record["id"]: record["properties"]["name"] for record in seen}
    assert latest == {
        **{str(id_): "first change" for id_ in range(2, 8)},
        "1": "second change",
        "8": "second change",
    }


def test_a_change_that_the_search_shows_late_is_brought_by_the_overlap(
    hubspot: FakeHubSpot, tmp_path: Path
) -> None:
    reader = Reader(hubspot, tmp_path, "companies")
    reader.read()
    hubspot.put("companies", 3, now() - 120_000, name="indexed late")
    assert ids(reader.read()) == [3]


def test_deleted_records_come_with_the_mark(hubspot: FakeHubSpot, tmp_path: Path) -> None:
    hubspot.archive("companies", 1, MAY)
    reader = Reader(hubspot, tmp_path, "companies")
    first = reader.read()
    assert [(r["id"], r["archived"]) for r in first if r["archived"]] == [("1", True)]
    assert reader.read() == []
    hubspot.archive("companies", 2, now())
    deleted = reader.read()
    assert [(r["id"], r["archived"]) for r in deleted] == [("2", True)]


def test_properties_too_many_for_an_address_are_asked_for_in_a_body(
    hubspot: FakeHubSpot, tmp_path: Path
) -> None:
    hubspot.extra_properties = [f"a_custom_property_of_the_customer_{n}" for n in range(400)]
    records = Reader(hubspot, tmp_path, "companies").read()
    assert [r["properties"]["name"] for r in records] == [f"Company {n}" for n in range(1, 9)]


def test_associations_beyond_one_page_are_completed(hubspot: FakeHubSpot, tmp_path: Path) -> None:
    hubspot.associations_a_page = 2
    hubspot.put("deals", 1, MAY, dealname="Big")
    hubspot.link("deals", "contacts", 1, *range(101, 106))
    [deal] = Reader(hubspot, tmp_path, "deals").read()
    linked = [one["id"] for one in deal["associations"]["contacts"]["results"]]
    assert linked == ["101", "102", "103", "104", "105"]


def test_owners_come_with_the_archived_ones(hubspot: FakeHubSpot, tmp_path: Path) -> None:
    reader = Reader(hubspot, tmp_path, "owners")
    assert ids(reader.read()) == list(range(7))
    again = [page.path for page in reader.connection.pages(reader.cursors)]
    assert len(again) == len(reader.pages)


def test_a_new_owner_lands_though_nobody_is_archived(hubspot: FakeHubSpot, tmp_path: Path) -> None:
    hubspot.owners = [{"id": str(n), "email": f"o{n}@us.com"} for n in range(2)]
    reader = Reader(hubspot, tmp_path, "owners")
    assert ids(reader.read()) == [0, 1]
    hubspot.owners.append({"id": "2", "email": "o2@us.com"})
    assert ids(reader.read()) == [0, 1, 2]
    hubspot.owners[0]["archived"] = True
    assert sorted(ids(reader.read())) == [0, 1, 2]


def test_an_owner_who_changed_before_the_kept_position_lands(
    hubspot: FakeHubSpot, tmp_path: Path
) -> None:
    # The page behind it is as it was, so the ledger keeps the position between the two.
    reader = Reader(hubspot, tmp_path, "owners")
    reader.read(most=1)
    assert json.loads(reader.cursors["owners"])["after"] == "3"
    hubspot.owners[0]["email"] = "renamed@us.com"
    assert "renamed@us.com" in [owner["email"] for owner in reader.read()]


def test_engagements_come_once_and_then_as_they_change(
    hubspot: FakeHubSpot, tmp_path: Path
) -> None:
    reader = Reader(hubspot, tmp_path, "engagements")
    assert [e["engagement"]["id"] for e in reader.read()] == list(range(8))
    assert reader.read() == []
    hubspot.engagements[2] = _engagement(2, now() - 10)
    hubspot.engagements.append(_engagement(8, now() - 20))
    assert [e["engagement"]["id"] for e in reader.read()] == [2, 8]


def test_engagements_not_read_for_a_month_are_read_anew(
    hubspot: FakeHubSpot, tmp_path: Path
) -> None:
    reader = Reader(hubspot, tmp_path, "engagements")
    reader.cursors = {
        "engagements": json.dumps(
            {"stream": "engagements", "mode": "changed", "since": iso(MAY), "page": 4}
        )
    }
    assert len(reader.read()) == 8


def test_the_history_of_a_deal_is_a_change_a_line(hubspot: FakeHubSpot, tmp_path: Path) -> None:
    hubspot.put("deals", 1, MAY, dealstage="won")
    stages = [("won", MAY), ("open", MAY - 5)]
    hubspot.history[1] = {
        "dealstage": [
            {"value": v, "timestamp": iso(at), "sourceType": "CRM_UI"} for v, at in stages
        ]
    }
    reader = Reader(hubspot, tmp_path, "deal_property_history")
    assert [(r["deal_id"], r["name"], r["value"]) for r in reader.read()] == [
        ("1", "dealstage", "won"),
        ("1", "dealstage", "open"),
    ]
    moment = now() - 1_000
    hubspot.put("deals", 1, moment, dealstage="lost")
    newest = {"value": "lost", "timestamp": iso(moment), "sourceType": "CRM_UI"}
    hubspot.history[1]["dealstage"].insert(0, newest)
    assert [r["value"] for r in reader.read()] == ["lost"]


def test_the_packaged_mapping_reads_every_stream(hubspot: FakeHubSpot, tmp_path: Path) -> None:
    hubspot.page_size = 100
    hubspot.put(
        "deals", 1, MAY, dealname="Big", dealstage="closedwon", amount="1000", createdate=iso(MAY)
    )
    hubspot.link("deals", "companies", 1, 3)
    for kind, id_, property_ in (("companies", 1, "industry"), ("contacts", 101, "jobtitle")):
        hubspot.put(kind, id_, MAY)
        hubspot.history[id_] = {property_: [{"value": "x", "timestamp": iso(MAY)}]}
    for number, kind in enumerate(("calls", "meetings", "emails")):
        at = iso(MAY)
        hubspot.put(
            kind,
            500 + number,
            MAY,
            hs_timestamp=at,
            hs_createdate=at,
            hs_call_direction="OUTBOUND",
            hs_email_direction="EMAIL",
        )
        hubspot.link(kind, "contacts", 500 + number, 101)
    every = (*DEFAULT_STREAMS, "calls", "meetings", "emails")
    reader = Reader(hubspot, tmp_path, *every)
    reader.read()
    mappings = load_policy(None).mapping
    landed = {
        page.stream: registry.read("crm", reader.source, page.path, mappings, page.stream)
        for page in reader.pages
    }
    assert {stream: one.reasons() for stream, one in landed.items() if len(one.defects)} == {}
    assert {stream for stream, one in landed.items() if one.accepted} >= {
        *DEFAULT_STREAMS[:5],
        "calls",
        "meetings",
        "emails",
    }
    deal = landed["deals"].tables["landed_opportunities"].to_pylist()[0]
    assert (deal["opportunity_id"], deal["is_won"], float(deal["amount"])) == ("1", True, 1000.0)


def test_since_reads_only_what_changed_since(hubspot: FakeHubSpot, tmp_path: Path) -> None:
    hubspot.put("companies", 5, MAY + 40 * 86_400_000)
    assert ids(Reader(hubspot, tmp_path, "companies", since="2024-06-01").read()) == [5]


@pytest.mark.parametrize("kill_after", range(1, 12))
def test_a_read_killed_after_any_page_goes_on_as_if_it_had_not_been(
    hubspot: FakeHubSpot, tmp_path: Path, kill_after: int
) -> None:
    streams = ("companies", "contacts", "owners", "engagements")
    hubspot.archive("companies", 4, MAY)
    whole = Reader(hubspot, tmp_path / "whole", *streams)
    whole.read()
    cut = Reader(hubspot, tmp_path / "cut", *streams)
    cut.read(most=kill_after)
    cut.read()
    # Owners that were already complete are read anew; the same page is the same file.
    names = [(page.stream, page.path.name) for page in cut.pages]
    assert list(dict.fromkeys(names)) == [(page.stream, page.path.name) for page in whole.pages]


FAULTS = [
    Answer(429, headers={"Retry-After": "0"}),
    Answer(500),
    Answer(503),
    Answer(delay=0.4, document={}),
    Answer(hang_up=True),
    cut_short(),
    half_json(),
    html(),
]


@pytest.mark.parametrize("path", ["objects/companies", "properties/", "owners", "paged"])
@pytest.mark.parametrize(
    "fault", FAULTS, ids=["429", "500", "503", "late", "gone", "cut", "half", "html"]
)
def test_a_passing_fault_anywhere_loses_and_doubles_nothing(
    hubspot: FakeHubSpot, tmp_path: Path, path: str, fault: Answer
) -> None:
    stream = {"owners": "owners", "paged": "engagements"}.get(path, "companies")
    whole = Reader(hubspot, tmp_path / "whole", stream)
    whole.read()
    hubspot.fail(path, fault)
    troubled = Reader(hubspot, tmp_path / "troubled", stream)
    troubled.read()
    assert [p.path.name for p in troubled.pages] == [p.path.name for p in whole.pages]


def test_what_was_read_before_a_lasting_fault_stays_and_the_next_run_goes_on(
    hubspot: FakeHubSpot, tmp_path: Path
) -> None:
    def break_down(asked: Asked) -> None:
        if asked.query.get("after") == "4":
            hubspot.fail("objects/companies", *[Answer(503)] * 3)

    reader = Reader(hubspot, tmp_path, "companies")
    hubspot.before_answer = break_down
    with pytest.raises(UnreachableError, match="503 Service Unavailable"):
        reader.read()
    hubspot.before_answer = lambda asked: None
    assert [ids(lines(page)) for page in reader.pages] == [[1, 2, 3], [4, 5, 6]]
    assert ids(reader.read()) == [7, 8]


@pytest.mark.parametrize("stream", ["companies", "owners", "engagements"])
def test_a_cursor_that_repeats_for_ever_is_named_and_ends(
    hubspot: FakeHubSpot, tmp_path: Path, stream: str
) -> None:
    hubspot.repeats = True
    reader = Reader(hubspot, tmp_path, stream)
    with pytest.raises(BadCursorError, match="leads back to a page already given"):
        reader.read()
    assert reader.pages
    assert len(hubspot.log) < 8


def test_a_search_that_repeats_for_ever_is_named_and_ends(
    hubspot: FakeHubSpot, tmp_path: Path
) -> None:
    reader = Reader(hubspot, tmp_path, "companies")
    reader.read()
    found = {"results": [{"id": "7", "properties": {}}], "paging": {"next": {"after": "100"}}}
    hubspot.fail("search", *[Answer(document=found) for _ in range(50)])
    with pytest.raises(BadCursorError, match="'7' leads back"):
        reader.read()
    assert len(hubspot.prepared["search"]) == 48


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "garbage",
        "[]",
        "null",
        '{"stream": "contacts", "mode": "full", "page": 1}',
        '{"stream": "companies", "mode": "other", "page": 1}',
        '{"stream": "companies", "mode": "changed", "page": 1}',
        '{"stream": "companies", "mode": "changed", "since": "yesterday", "page": 1}',
        '{"stream": "companies", "mode": "full", "after": 7, "page": 1}',
        '{"stream": "companies", "mode": "full", "page": -1}',
        '{"stream": "companies", "mode": "full", "page": 1, "url": "https://evil.example"}',
    ],
)
def test_a_cursor_that_is_none_reads_its_stream_anew_and_no_other(
    hubspot: FakeHubSpot, tmp_path: Path, cursor: str
) -> None:
    reader = Reader(hubspot, tmp_path, "companies", "contacts")
    reader.read()
    reader.cursors["companies"] = cursor
    hubspot.put("contacts", 109, now() - 1_000, email="new@c2.com")
    assert ids(reader.read()) == [*range(1, 9), 109]
    # The stream has a sound cursor again.
    assert reader.cursors["companies"] != cursor
    hubspot.put("companies", 9, now() - 1_000, name="New")
    assert 9 in ids(reader.read())
    assert not any("evil" in asked.path for asked in hubspot.log)


def test_a_position_that_hubspot_has_forgotten_reads_its_stream_anew(
    hubspot: FakeHubSpot, tmp_path: Path
) -> None:
    reader = Reader(hubspot, tmp_path, "companies")
    reader.read(most=1)
    hubspot.fail("objects/companies", Answer(400, {"message": "unknown after"}))
    assert ids(reader.read()) == list(range(1, 9))


def test_a_stream_that_repeats_from_its_beginning_too_is_named_after_the_others(
    hubspot: FakeHubSpot, tmp_path: Path
) -> None:
    reader = Reader(hubspot, tmp_path, "companies", "contacts")
    reader.cursors = {"companies": "garbage"}
    looped = {"results": [{"id": "1"}], "paging": {"next": {"after": "1"}}}
    hubspot.fail("objects/companies", *[Answer(document=looped) for _ in range(9)])
    with pytest.raises(BadCursorError, match="leads back"):
        reader.read()
    assert len(hubspot.prepared["objects/companies"]) == 7
    assert "contacts" in reader.cursors


def _each(hubspot: FakeHubSpot, path: str, **values: Any) -> None:
    """From now on every object of answers to ``path`` has these values; ... takes the key away."""

    def alter(asked: Asked, document: Any) -> Any:
        for one in document["results"] if path in asked.path else ():
            one.update(values)
            for key in [key for key, value in values.items() if value is ...]:
                del one[key]
        return document

    hubspot.altered = alter


@pytest.mark.parametrize("again", [False, True], ids=["listed", "searched"])
def test_parts_that_are_null_are_parts_that_are_empty(
    hubspot: FakeHubSpot, tmp_path: Path, again: bool
) -> None:
    reader = Reader(hubspot, tmp_path, "contacts")
    if again:
        reader.read()
        for id_ in range(101, 109):
            hubspot.put("contacts", id_, now() - 1_000)
    _each(hubspot, "objects/contacts", associations=None)
    found = reader.read()
    assert ids(found) == list(range(101, 109))
    _each(hubspot, "associations/", to=None)
    hubspot.put("contacts", 101, now() - 1_500)
    assert 101 in ids(reader.read())
    _each(hubspot, "associations/", **{"from": None})
    hubspot.put("contacts", 102, now() - 1_500)
    assert 102 in ids(reader.read())


def test_null_associations_are_completed_after_a_search(
    hubspot: FakeHubSpot, tmp_path: Path
) -> None:
    reader = Reader(hubspot, tmp_path, "contacts")
    reader.read()
    hubspot.put("contacts", 101, now() - 1_000)
    _each(hubspot, "contacts/search", associations=None)
    [found] = reader.read()
    assert found["associations"]["companies"]["results"][0]["id"] == "1"


@pytest.mark.parametrize("stream", ["contacts", "contact_property_history"])
def test_records_without_an_id_are_defects_and_no_end_of_the_run(
    hubspot: FakeHubSpot, tmp_path: Path, stream: str
) -> None:
    hubspot.extra_properties = [f"a_custom_property_of_the_customer_{n}" for n in range(400)]
    hubspot.page_size = 100
    for id_ in (101, 102):
        hubspot.history[id_] = {"jobtitle": [{"value": "x", "timestamp": iso(MAY)}]}

    def nameless(asked: Asked, document: Any) -> Any:
        for one in document["results"] if "objects/contacts" in asked.path else ():
            if one["properties"].get("hs_object_id") == "101":
                del one["id"]
        return document

    hubspot.altered = nameless
    reader = Reader(hubspot, tmp_path, stream, "owners")
    reader.read()
    for id_ in range(101, 109):
        hubspot.put("contacts", id_, now() - 1_500)
    reader.read()
    assert "owners" in reader.cursors
    mappings = load_policy(None).mapping
    pages = [page for page in reader.pages if page.stream == stream]
    landed = [registry.read("crm", reader.source, page.path, mappings, stream) for page in pages]
    assert (landed[0].accepted > 0, len(landed[0].defects)) == (True, 1)


def test_a_search_whose_records_have_no_id_ends(hubspot: FakeHubSpot, tmp_path: Path) -> None:
    reader = Reader(hubspot, tmp_path, "contacts")
    reader.read()
    for id_ in range(101, 109):
        hubspot.put("contacts", id_, now() - 1_000)
    _each(hubspot, "contacts/search", id=...)
    with pytest.raises(BadCursorError, match="leads back"):
        reader.read()
    assert len(hubspot.asked("contacts/search")) < 5


STRANGE = [
    (
        "objects/contacts",
        {"associations": {"companies": "secret-content"}, "id": ["secret-content"]},
    ),
    ("associations/", {"to": "secret-content"}),
    ("search", {"from": "secret-content"}),
    ("owners", {"associations": 7}),
    ("batch/read", {"propertiesWithHistory": {"jobtitle": ["secret-content"]}}),
    ("batch/read", {"propertiesWithHistory": "secret-content"}),
]


@pytest.mark.parametrize(("path", "values"), STRANGE)
def test_an_answer_in_an_unknown_form_is_told_and_the_other_streams_are_read(
    hubspot: FakeHubSpot, tmp_path: Path, path: str, values: dict[str, Any]
) -> None:
    streams = ("contacts", "contact_property_history", "owners", "companies")
    reader = Reader(hubspot, tmp_path, *streams)
    reader.read()
    hubspot.put("companies", 3, now() - 1_000)
    for id_ in range(101, 109):
        hubspot.put("contacts", id_, now() - 1_000)
    _each(hubspot, path, **values)
    with pytest.raises(SourceError) as caught:
        reader.read()
    assert "secret-content" not in str(caught.value)
    assert any(stream in str(caught.value) for stream in streams)
    assert "3" in {record["id"] for page in reader.pages[-3:] for record in lines(page)}


def test_the_type_of_problem_is_told_and_nothing_of_the_answer(
    hubspot: FakeHubSpot, tmp_path: Path
) -> None:
    hubspot.history[101] = {"jobtitle": ["secret-content"]}  # type: ignore[list-item]
    reader = Reader(hubspot, tmp_path, "contact_property_history", "owners")
    with pytest.raises(SourceError) as caught:
        reader.read()
    told = str(caught.value)
    assert "crm (contact_property_history)" in told
    assert "answers in an unknown form (AttributeError)" in told
    assert "secret-content" not in told
    assert "owners" in reader.cursors


def test_an_expired_token_is_renewed_in_the_middle_of_a_page(
    hubspot: FakeHubSpot, tmp_path: Path
) -> None:
    reader = Reader(hubspot, tmp_path, "companies", "contacts", environment=OAUTH)
    hubspot.tokens = set()
    expired = []

    def expire(asked: Asked) -> None:
        if asked.query.get("after") == "4" and not expired:
            expired.append(asked)
            hubspot.tokens = set()

    hubspot.before_answer = expire
    assert ids(reader.read()) == [*range(1, 9), *range(101, 109)]
    assert hubspot.renewals == 2


def test_a_renewal_that_does_not_help_is_tried_once(hubspot: FakeHubSpot, tmp_path: Path) -> None:
    hubspot.fail("/crm/", *[Answer(401, {"message": "expired"}) for _ in range(9)])
    with pytest.raises(PermissionLostError, match="MQA_HUBSPOT_REFRESH_TOKEN"):
        Reader(hubspot, tmp_path, "companies", environment=OAUTH).read()
    assert len(hubspot.asked("/crm/")) == 2


def test_a_withdrawn_refresh_token_is_lost_permission(hubspot: FakeHubSpot, tmp_path: Path) -> None:
    withdrawn = {**OAUTH, "MQA_HUBSPOT_REFRESH_TOKEN": "withdrawn-secret"}
    with pytest.raises(PermissionLostError, match="gives no new token") as caught:
        Reader(hubspot, tmp_path, "companies", environment=withdrawn).read()
    assert len(hubspot.log) == 1
    assert "secret" not in str(caught.value).replace("CLIENT_SECRET", "").lower()


def test_a_refused_token_is_asked_once_and_the_variable_named(
    hubspot: FakeHubSpot, tmp_path: Path
) -> None:
    hubspot.tokens = set()
    with pytest.raises(PermissionLostError, match="MQA_HUBSPOT_TOKEN"):
        Reader(hubspot, tmp_path, "companies").read()
    assert len(hubspot.log) == 1


def test_a_missing_scope_is_named_and_the_other_streams_are_read(
    hubspot: FakeHubSpot, tmp_path: Path
) -> None:
    hubspot.denied = {"companies": "crm.objects.companies.read", "owners": ""}
    reader = Reader(hubspot, tmp_path, "companies", "owners", "contacts")
    with pytest.raises(PermissionLostError, match="Grant crm.objects.companies.read"):
        reader.read()
    assert len(hubspot.asked("companies")) == 1 + len(hubspot.asked("contacts/companies"))
    assert set(reader.cursors) == {"contacts"}


def test_check_says_which_permissions_are_missing(hubspot: FakeHubSpot, tmp_path: Path) -> None:
    reader = Reader(hubspot, tmp_path, "companies", "contacts", "owners", "engagements")
    assert reader.connection.check().status == "ok"
    assert len(hubspot.log) == 4
    hubspot.denied = {"companies": "crm.objects.companies.read", "owners": ""}
    reach = reader.connection.check()
    assert reach.status == "lost_permission"
    assert "crm.objects.companies.read" in reach.remedy
    assert "crm.objects.owners.read" in reach.remedy


def test_check_says_what_else_is_wrong(hubspot: FakeHubSpot, tmp_path: Path) -> None:
    no_secret = Reader(hubspot, tmp_path, "companies", environment=QUICK).connection.check()
    assert (no_secret.status, "MQA_HUBSPOT_TOKEN" in no_secret.detail) == ("misconfigured", True)
    partly = {name: value for name, value in OAUTH.items() if not name.endswith("CLIENT_SECRET")}
    told = Reader(hubspot, tmp_path, "companies", environment=partly).connection.check()
    assert "MQA_HUBSPOT_CLIENT_SECRET is not set" in told.detail
    unknown = Reader(hubspot, tmp_path, "tickets_of_old").connection.check()
    assert (unknown.status, "tickets_of_old" in unknown.detail) == ("misconfigured", True)
    hubspot.fail("/crm/", *[html(502)] * 9)
    assert Reader(hubspot, tmp_path, "companies").connection.check().status == "unreachable"


def test_a_server_that_is_no_hubspot_is_told(hubspot: FakeHubSpot, tmp_path: Path) -> None:
    for strange in ([], {}, {"results": 3}, {"results": [3]}, "text", 7, None):
        hubspot.prepared.clear()
        hubspot.fail("/crm/", *[Answer(document=strange)] * 9)
        with pytest.raises(SourceError, match="no list of results"):
            Reader(hubspot, tmp_path, "companies").read()


def test_no_secret_gets_into_pages_cursors_messages_or_the_spec(
    hubspot: FakeHubSpot, tmp_path: Path
) -> None:
    reader = Reader(hubspot, tmp_path, "companies", "contacts", environment=OAUTH)
    reader.read()
    hubspot.fail("/crm/", Answer(403, {"message": "oauth-secret-2 and app-secret may not"}))
    with pytest.raises(PermissionLostError) as caught:
        reader.read()
    written = "".join(path.read_text() for path in tmp_path.rglob("*.jsonl"))
    told = f"{caught.value} {reader.cursors} {reader.connection.spec()} {written}"
    for secret in ("app-secret", "refresh-secret", "oauth-secret"):
        assert secret not in told


def test_what_a_killed_run_left_half_written_is_removed(
    hubspot: FakeHubSpot, tmp_path: Path
) -> None:
    left = tmp_path / "pulled" / "crm" / "companies" / "00000000-abc.1.partial"
    left.parent.mkdir(parents=True)
    left.write_text('{"id": ')
    Reader(hubspot, tmp_path, "companies").read()
    assert not left.exists()


ACTIONS = st.one_of(
    st.tuples(st.just("put"), st.integers(1, 9)),
    st.tuples(st.just("archive"), st.integers(1, 9)),
    st.tuples(st.just("run"), st.integers(0, 4)),
)


@settings(max_examples=20, deadline=None)
@given(actions=st.lists(ACTIONS, max_size=12), page_size=st.integers(1, 4))
@example([("put", 1), ("put", 2), ("run", 0), ("run", 1), ("put", 1)], 1)
def test_whatever_changes_and_wherever_runs_die_the_last_state_of_every_record_is_read(
    actions: list[tuple[str, int]], page_size: int
) -> None:
    with FakeHubSpot(page_size) as account, TemporaryDirectory() as folder:
        reader = Reader(account, Path(folder), "companies")
        for number, (action, argument) in enumerate(actions):
            if action == "run":
                reader.read(most=argument or None)
            elif action == "put":
                account.put("companies", argument, now() - 2_000, name=f"change {number}")
                account.objects["companies"][argument].pop("archived_at", None)
            elif argument in account.objects.get("companies", {}):
                account.archive("companies", argument, now() - 2_000)
        reader.read()
        # A change that HubSpot dates back into the window of a killed run comes with the next overlap.
        reader.read()
        read = [record for page in reader.pages for record in lines(page)]
        last = {int(r["id"]): (r["properties"].get("name"), r["archived"]) for r in read}
        assert last == {
            id_: (record["properties"]["name"], "archived_at" in record)
            for id_, record in account.objects.get("companies", {}).items()
        }
