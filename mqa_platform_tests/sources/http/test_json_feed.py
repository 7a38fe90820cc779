"""The real feed client against feeds in each of their forms."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from mqa_platform.home import Home
from mqa_platform.local_services.server import Answer, cut_short, half_json, html
from mqa_platform.policy.sources import Source
from mqa_platform.sources import registry
from mqa_platform.sources.connection import (
    BadCursorError,
    Page,
    PermissionLostError,
    UnreachableError,
)
from mqa_platform.sources.json_feed import JsonFeedConnection
from mqa_platform.sources.landed import SourceError
from mqa_platform_tests.sources.fakes.json_feed import TOKEN, FakeFeed, Form

ITEMS = [
    {
        "id": f"t{n}",
        "type": "funding",
        "company": f"Company {n}",
        "domain": f"c{n}.com",
        "date": f"2024-05-{n + 1:02d}",
    }
    for n in range(7)
]
QUICK = {
    "MQA_HTTP_ATTEMPTS": "3",
    "MQA_HTTP_TOTAL_SECONDS": "3",
    "MQA_HTTP_READ_SECONDS": "0.25",
    "MQA_HTTP_FIRST_WAIT_SECONDS": "0.01",
    "MQA_HTTP_REQUESTS_PER_SECOND": "1000",
}
ENVIRONMENT = {"MQA_NEWS_TOKEN": TOKEN, **QUICK}

Start = Callable[..., FakeFeed]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts feeds and stops them afterwards."""
    running: list[FakeFeed] = []

    def _start(items: list[Any] = ITEMS, form: Form = "items") -> FakeFeed:
        running.append(FakeFeed(items, form))
        return running[-1]

    yield _start
    for feed in running:
        feed.close()


class Reader:
    """Reads as landing does: the cursor is that of the last page."""

    def __init__(
        self,
        feed: FakeFeed,
        root: Path,
        environment: Mapping[str, str] = ENVIRONMENT,
        query: str = "kind=all",
    ) -> None:
        declared = {
            "connector": "json_feed",
            "url": f"{feed.url}/feed?{query}",
            "reads_as": "trigger_feed",
        }
        self.source = Source.model_validate(declared)
        self.connection = JsonFeedConnection("news", self.source, Home(root), environment)
        self.cursors: dict[str, str] = {}
        self.pages: list[Page] = []

    def read(self, most: int | None = None) -> list[Any]:
        begun = len(self.pages)
        for page in islice(self.connection.pages(dict(self.cursors)), most):
            assert page.cursor is not None
            self.cursors[page.stream] = page.cursor
            self.pages.append(page)
        texts = [page.path.read_text() for page in self.pages[begun:]]
        return [json.loads(line) for text in texts for line in text.split("\n")[:-1]]


@pytest.mark.parametrize("form", ["items", "results", "data", "link", "header", "has_more"])
def test_every_form_of_feed_is_read_to_its_end(start: Start, tmp_path: Path, form: Form) -> None:
    reader = Reader(start(form=form), tmp_path)
    assert reader.read() == ITEMS
    assert len(reader.pages) == 4


def test_an_array_is_one_page(start: Start, tmp_path: Path) -> None:
    feed = start(form="array")
    feed.page_size = 100
    assert Reader(feed, tmp_path).read() == ITEMS


def test_the_query_of_the_address_stays_on_every_page(start: Start, tmp_path: Path) -> None:
    feed = start()
    Reader(feed, tmp_path).read()
    assert [asked.query["kind"] for asked in feed.log] == ["all"] * 4


@pytest.mark.parametrize("form", ["items", "link", "header", "has_more"])
@pytest.mark.parametrize("kill_after", [1, 2, 3])
def test_a_read_killed_after_any_page_goes_on_as_if_it_had_not_been(
    start: Start, tmp_path: Path, form: Form, kill_after: int
) -> None:
    feed = start(form=form)
    cut = Reader(feed, tmp_path)
    assert cut.read(most=kill_after) + cut.read() == ITEMS


def test_a_feed_that_says_where_to_go_on_is_not_read_twice(start: Start, tmp_path: Path) -> None:
    feed = start(list(ITEMS[:4]), form="has_more")
    reader = Reader(feed, tmp_path)
    assert reader.read() == ITEMS[:4]
    assert reader.read() == []
    feed.items = ITEMS
    assert reader.read() == ITEMS[4:]


def test_a_feed_without_a_position_is_read_anew_and_the_same_pages_are_the_same_files(
    start: Start, tmp_path: Path
) -> None:
    reader = Reader(start(), tmp_path)
    assert reader.read() == reader.read() == ITEMS
    assert len({page.path for page in reader.pages}) == 4


def test_items_are_read_by_the_connector_that_the_source_names(
    start: Start, tmp_path: Path
) -> None:
    reader = Reader(start(), tmp_path)
    reader.read()
    landed = [registry.read("news", reader.source, page.path) for page in reader.pages]
    assert sum(one.accepted for one in landed) == len(ITEMS)
    assert {table for one in landed for table in one.tables} == {"landed_signals"}


FAULTS = [
    Answer(429, headers={"Retry-After": "0"}),
    Answer(500),
    Answer(delay=0.4, document=[]),
    Answer(hang_up=True),
    cut_short(),
    half_json(),
    html(),
]


@pytest.mark.parametrize("fault", FAULTS, ids=["429", "500", "late", "gone", "cut", "half", "html"])
def test_a_passing_fault_loses_and_doubles_nothing(
    start: Start, tmp_path: Path, fault: Answer
) -> None:
    feed = start()
    reader = Reader(feed, tmp_path)
    first = reader.read(most=2)
    feed.fail("/feed", fault)
    assert first + reader.read() == ITEMS


def test_a_lasting_fault_is_unreachable_and_what_was_read_stays(
    start: Start, tmp_path: Path
) -> None:
    feed = start()
    reader = Reader(feed, tmp_path)
    first = reader.read(most=2)
    feed.fail("/feed", *[html()] * 3)
    with pytest.raises(UnreachableError, match="a body that is HTML"):
        reader.read()
    assert first + reader.read() == ITEMS


def test_a_cursor_that_repeats_for_ever_is_named_and_ends(start: Start, tmp_path: Path) -> None:
    feed = start()
    feed.repeats = True
    reader = Reader(feed, tmp_path)
    with pytest.raises(BadCursorError, match="cursor=2"):
        reader.read()
    assert len(reader.pages) == 2
    assert len(feed.log) == 2


def test_cursors_that_rise_for_ever_over_the_same_page_end(start: Start, tmp_path: Path) -> None:
    feed = start()
    feed.endless = True
    with pytest.raises(BadCursorError, match="gives a page again"):
        Reader(feed, tmp_path).read()
    feed.items = []
    with pytest.raises(BadCursorError):
        Reader(feed, tmp_path / "empty").read()


def test_a_cursor_that_the_feed_has_forgotten_is_the_beginning_again(
    start: Start, tmp_path: Path
) -> None:
    feed = start()
    reader = Reader(feed, tmp_path)
    reader.read(most=2)
    feed.fail("/feed", Answer(410, {"error": "cursor expired"}))
    assert reader.read() == ITEMS


def test_a_feed_that_forgets_every_cursor_is_no_loop(start: Start, tmp_path: Path) -> None:
    feed = start()
    feed.forgotten = {"4"}
    reader = Reader(feed, tmp_path)
    for _ in range(2):
        with pytest.raises(SourceError, match="410 cursor expired"):
            reader.read()
    assert len(feed.log) == 7


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "[]",
        "garbage",
        '{"stream": "other", "mode": "feed"}',
        '{"stream": "items", "mode": "feed", "at": 3}',
        '{"stream": "items", "mode": "feed", "at": "//evil.example/feed"}',
        '{"stream": "items", "mode": "feed", "at": "/feed?cursor=2&sig=do-not-show"}',
    ],
)
def test_a_cursor_that_is_none_is_the_beginning_again(
    start: Start, tmp_path: Path, cursor: str
) -> None:
    reader = Reader(start(), tmp_path)
    reader.cursors = {"items": cursor}
    assert reader.read() == ITEMS
    assert reader.cursors["items"] != cursor


@pytest.mark.parametrize(
    "link", ["https://evil.example/feed", "//evil.example/feed", "http://127.0.0.1:9/feed"]
)
def test_a_link_to_another_host_gets_no_secret(start: Start, tmp_path: Path, link: str) -> None:
    feed = start(form="link")
    feed.next_link = link
    reader = Reader(feed, tmp_path)
    with pytest.raises(SourceError, match="links to another place"):
        reader.read()


@pytest.mark.parametrize("status", [401, 403])
def test_a_lost_permission_is_asked_once_and_names_the_variable(
    start: Start, tmp_path: Path, status: int
) -> None:
    feed = start()
    feed.fail("/feed", *[Answer(status)] * 5)
    reader = Reader(feed, tmp_path)
    with pytest.raises(PermissionLostError, match="MQA_NEWS_TOKEN"):
        reader.read()
    assert len(feed.log) == 1
    assert reader.connection.check().status == "lost_permission"


def test_an_open_feed_needs_no_token(start: Start, tmp_path: Path) -> None:
    feed = start()
    feed.token = None
    assert Reader(feed, tmp_path, QUICK).read() == ITEMS
    assert "Authorization" not in feed.log[0].headers


@pytest.mark.parametrize("link", ["http://[bad", "http://127.0.0.1:no/feed"])
def test_a_link_that_is_no_address_is_told(start: Start, tmp_path: Path, link: str) -> None:
    feed = start(form="link")
    feed.next_link = link
    with pytest.raises(SourceError, match="news"):
        Reader(feed, tmp_path).read()


def test_a_broken_link_is_an_unknown_form_and_shows_nothing(start: Start, tmp_path: Path) -> None:
    feed = start(form="link")
    feed.next_link = "http://[secret-content"
    with pytest.raises(SourceError, match=r"news \(items\).*unknown form \(ValueError\)") as caught:
        Reader(feed, tmp_path).read()
    assert "secret-content" not in str(caught.value)


SECRET_NAMES = [
    "sig",
    "signature",
    "token",
    "access_token",
    "key",
    "api_key",
    "apikey",
    "secret",
    "X-Amz-Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_secret_in_the_declared_address_is_refused_and_never_shown(
    start: Start, tmp_path: Path, name: str
) -> None:
    feed = start()
    reader = Reader(feed, tmp_path, query=f"kind=all&{name}=do-not-show-me")
    with pytest.raises(SourceError, match=rf"\({name}\).*MQA_NEWS_TOKEN") as caught:
        reader.read()
    reach = reader.connection.check()
    spec = reader.connection.spec()
    assert reach.status == "misconfigured"
    assert "kind=all" in spec.summary
    assert "do-not-show-me" not in f"{caught.value} {reach} {spec}"
    assert feed.log == []


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_link_with_a_secret_of_its_own_is_refused_and_kept_nowhere(
    start: Start, tmp_path: Path, name: str
) -> None:
    feed = start(form="link")
    feed.next_link = f"/feed?cursor=2&{name}=do-not-show-me"
    reader = Reader(feed, tmp_path)
    with pytest.raises(SourceError, match=rf"a secret of its own \({name}\)") as caught:
        reader.read()
    written = "".join(path.read_text() for path in tmp_path.rglob("*.jsonl"))
    assert "do-not-show-me" not in f"{caught.value} {reader.cursors} {written}"


def test_links_with_our_own_token_are_followed_to_the_end(start: Start, tmp_path: Path) -> None:
    feed = start(form="link")
    feed.link_query = f"&access_token={TOKEN}"
    reader = Reader(feed, tmp_path)
    # The header brings the token of the environment to every page, also after a break.
    assert reader.read(most=2) + reader.read() == ITEMS
    assert TOKEN not in str(reader.cursors)
    assert not any("access_token" in asked.query for asked in feed.log)


def test_a_token_that_the_feed_writes_into_its_links_is_not_kept(
    start: Start, tmp_path: Path
) -> None:
    feed = start(form="link")
    feed.next_link = f"/feed?api_key={TOKEN}&cursor=2"
    reader = Reader(feed, tmp_path)
    reader.read(most=1)
    assert TOKEN not in reader.cursors["items"]
    assert "cursor=2" in reader.cursors["items"]


@pytest.mark.parametrize("document", [{}, {"items": 3}, "text", 7, None, {"entries": []}])
def test_an_answer_without_items_is_told(start: Start, tmp_path: Path, document: Any) -> None:
    feed = start()
    feed.fail("/feed", Answer(document=document), Answer(document=document))
    reader = Reader(feed, tmp_path)
    with pytest.raises(SourceError, match="neither an array nor an object"):
        reader.read()
    assert reader.connection.check().status == "misconfigured"


def test_check_and_spec_tell_what_a_user_needs(start: Start, tmp_path: Path) -> None:
    reader = Reader(start(), tmp_path)
    assert reader.connection.check().status == "ok"
    assert reader.connection.spec().secrets == ("MQA_NEWS_TOKEN",)
    assert TOKEN not in str(reader.connection.spec())


def test_odd_text_survives_the_page(start: Start, tmp_path: Path) -> None:
    odd = [{"id": "1", "name": "Zoë \u2028 \u0000 \n line", "n": 12345678901234567890, "x": None}]
    assert Reader(start(odd), tmp_path).read() == odd
    half = '[{"id": "1", "name": "\\ud83d", "big": 1e999}]'
    feed = start()
    feed.fail("/feed", Answer(raw=half.encode()))
    [read] = Reader(feed, tmp_path / "half").read()
    assert read == {"id": "1", "name": "?", "big": "1e999"}
