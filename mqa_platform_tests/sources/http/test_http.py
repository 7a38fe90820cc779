"""How we speak HTTP, against a server that misbehaves."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from time import monotonic

import pytest
import requests

from mqa_platform.local_services.server import Answer, Asked, cut_short, half_json, html
from mqa_platform.sources.connection import PermissionLostError, UnreachableError
from mqa_platform.sources.http import session
from mqa_platform.sources.http_client import Client, RefusedError
from mqa_platform.sources.http_limits import Limits
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.tokens import StaticToken
from mqa_platform_tests.sources.fakes.server import Fake

SECRET = "pat-na1-do-not-show-me"
LIMITS = Limits(
    attempts=4,
    total_seconds=5,
    connect_seconds=0.5,
    read_seconds=0.3,
    first_wait_seconds=0.01,
    most_wait_seconds=1.5,
    requests_per_second=500,
    most_bytes=100_000,
)


class Plain(Fake):
    def answer(self, asked: Asked) -> Answer:
        return Answer(document={"results": [asked.path]})


@pytest.fixture
def server() -> Iterator[Plain]:
    with Plain() as fake:
        yield fake


def client(url: str, limits: Limits = LIMITS) -> Client:
    return Client("crm", url, limits, StaticToken("MQA_TOKEN", {"MQA_TOKEN": SECRET}))


def ask(fake: Fake, limits: Limits = LIMITS) -> object:
    with client(fake.url, limits) as conversation:
        return conversation.ask("GET", "/things", {"limit": 1}, grant="things.read")


@pytest.mark.parametrize(
    "fault",
    [
        Answer(429),
        Answer(500),
        Answer(502, raw=b"<html>Bad gateway</html>"),
        Answer(503, headers={"Retry-After": "0"}),
        Answer(delay=0.5, document={}),
        Answer(hang_up=True),
        cut_short(),
        half_json(),
        html(),
        Answer(raw=b"", status=200),
        Answer(raw=b"\x1f\x8bnonsense", headers={"Content-Encoding": "gzip"}),
    ],
    ids=lambda fault: f"{fault.status}-{fault.content[:12]!r}-{fault.delay}-{fault.hang_up}",
)
def test_a_passing_fault_costs_another_attempt_and_nothing_else(
    server: Plain, fault: Answer
) -> None:
    server.fail("/things", fault, fault)
    assert ask(server) == {"results": ["/things"]}
    assert len(server.log) == 3


def test_a_storm_of_refusals_ends_after_the_attempts_and_says_what_was_seen(server: Plain) -> None:
    server.fail("/things", *[Answer(429) for _ in range(50)])
    with pytest.raises(UnreachableError, match="in 4 attempts.*429 Too Many Requests"):
        ask(server)
    assert len(server.log) == 4


def test_waits_between_attempts_grow(server: Plain) -> None:
    server.fail("/things", *[Answer(503) for _ in range(3)])
    ask(server, Limits(**{**vars(LIMITS), "first_wait_seconds": 0.1}))
    waits = [later.at - earlier.at for earlier, later in pairwise(server.log)]
    # Exponential from 0.1 s with up to 0.1 s of jitter.
    assert waits[0] >= 0.1
    assert waits[1] >= 0.2
    assert waits[2] >= 0.4


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_wait_that_the_service_asks_for_is_kept(server: Plain, form: str) -> None:
    # A date has whole seconds, so that two of them are at least one.
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    asked = "1" if form == "seconds" else date
    server.fail("/things", Answer(429, headers={"Retry-After": asked}))
    ask(server, Limits(**{**vars(LIMITS), "most_wait_seconds": 3}))
    assert server.log[1].at - server.log[0].at >= 0.99


def test_a_service_that_asks_for_an_hour_is_left_alone_until_the_next_run(server: Plain) -> None:
    server.fail("/things", Answer(429, headers={"Retry-After": "3600"}))
    began = monotonic()
    with pytest.raises(UnreachableError, match="asks to wait 3600 s"):
        ask(server)
    assert len(server.log) == 1
    assert monotonic() - began < 1


def test_all_attempts_together_are_bounded_in_time(server: Plain) -> None:
    server.fail("/things", *[Answer(delay=0.5) for _ in range(9)])
    began = monotonic()
    with pytest.raises(UnreachableError, match=r"no answer within 0.3 s"):
        ask(server, Limits(**{**vars(LIMITS), "attempts": 9, "total_seconds": 0.7}))
    assert monotonic() - began < 1.5


def test_a_body_that_drips_for_ever_does_not_hold_us_for_ever(server: Plain) -> None:
    server.fail("/things", Answer(raw=b"[" + b" " * 90_000 + b"]", drip=0.02))
    began = monotonic()
    with pytest.raises(UnreachableError):
        ask(server, Limits(**{**vars(LIMITS), "total_seconds": 0.6}))
    assert monotonic() - began < 2


def test_nobody_at_home_is_unreachable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        client(f"http://127.0.0.1:{port}") as conversation,
        pytest.raises(UnreachableError, match=r"Errno 111\] Connection refused"),
    ):
        conversation.ask("GET", "/things")


@pytest.mark.parametrize("status", [401, 403])
def test_a_lost_permission_is_asked_once_and_names_the_variable(server: Plain, status: int) -> None:
    server.fail("/things", *[Answer(status, {"message": f"no {SECRET}"}) for _ in range(5)])
    with pytest.raises(PermissionLostError, match="MQA_TOKEN") as caught:
        ask(server)
    assert len(server.log) == 1
    assert "things.read" in str(caught.value) or status == 401
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("status", [400, 404, 410, 422])
def test_any_other_refusal_comes_back_at_once(server: Plain, status: int) -> None:
    server.fail("/things", Answer(status, {"message": "no such thing"}))
    with pytest.raises(RefusedError, match=f"{status} no such thing"):
        ask(server)
    assert len(server.log) == 1


def test_a_body_beyond_the_limit_is_refused_without_being_kept(server: Plain) -> None:
    server.fail("/things", Answer(raw=b"[" + b"1," * 200_000 + b"1]"))
    with pytest.raises(SourceError, match="more than 100,000 bytes"):
        ask(server)
    assert len(server.log) == 1


def test_a_redirect_to_another_host_gets_no_secret(server: Plain) -> None:
    with Plain() as other:
        server.fail("/things", Answer(302, headers={"Location": f"{other.url}/things"}))
        with pytest.raises(SourceError, match="redirects to another place"):
            ask(server)
        assert other.log == []


def test_a_redirect_within_the_host_is_followed_with_our_header(server: Plain) -> None:
    server.fail("/things", Answer(302, headers={"Location": "/moved"}))
    assert ask(server) == {"results": ["/moved"]}
    assert server.log[1].headers["Authorization"] == f"Bearer {SECRET}"


def test_a_link_to_another_host_is_refused_before_it_is_asked(server: Plain) -> None:
    with (
        client(server.url) as conversation,
        pytest.raises(SourceError, match="links to another place"),
    ):
        conversation.ask("GET", "https://evil.example/next")
    for sly in ("//evil.example/x", "http://127.0.0.1:1/x", f"http://{'127.0.0.1'}@evil.example/"):
        with client(server.url) as conversation, pytest.raises(SourceError):
            conversation.ask("GET", sly)
    assert server.log == []


@pytest.mark.parametrize("url", ["http://crm.example.com", "http://10.1.2.3", "ftp://127.0.0.1"])
def test_clear_text_leaves_this_machine_for_nobody(url: str) -> None:
    with (
        client(url) as conversation,
        pytest.raises((SourceError, requests.exceptions.InvalidSchema)),
    ):
        conversation.ask("GET", "/things")


def test_an_address_with_a_password_in_it_is_refused() -> None:
    with pytest.raises(SourceError, match="Secrets stand in the environment only"):
        client("https://user:pass@crm.example.com")


def test_a_secret_that_is_not_set_is_named() -> None:
    with pytest.raises(SourceError, match="MQA_TOKEN is not set"):
        Client("crm", "https://crm.example.com", LIMITS, StaticToken("MQA_TOKEN", {}))


def test_the_rate_is_never_exceeded_whoever_asks(server: Plain) -> None:
    limits = Limits(**{**vars(LIMITS), "requests_per_second": 10})
    with client(server.url, limits) as one, client(server.url, limits) as two:
        for _ in range(8):
            one.ask("GET", "/things")
            two.ask("GET", "/things")
    times = [asked.at for asked in server.log]
    assert len(times) == 16
    assert all(times[at + 10] - times[at] >= 1.0 for at in range(len(times) - 10))


def test_no_secret_stands_in_a_message_or_a_log(
    server: Plain, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    words = []
    faults = [
        Answer(429),
        Answer(403, {"message": f"Bearer {SECRET} may not"}),
        html(),
        cut_short(),
    ]
    for fault in faults:
        server.fail("/things", *[fault] * 4)
        with pytest.raises(SourceError) as caught, client(server.url) as conversation:
            conversation.ask("GET", "/things", {"key": SECRET})
        words.append(f"{caught.value}{caught.value.__dict__}{caught.getrepr(style='short')}")
        server.prepared.clear()
    assert SECRET not in "".join(words) + caplog.text


def test_our_credentials_are_not_replaced_by_a_netrc_file(
    server: Plain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server.fail("/things", Answer(302, headers={"Location": "/moved"}))
    ask(server)
    assert {asked.headers["Authorization"] for asked in server.log} == {f"Bearer {SECRET}"}


def test_a_borrowed_session_obeys_the_same_rules(server: Plain) -> None:
    server.fail("/things", Answer(503), Answer(403))
    with session("crm", LIMITS) as borrowed:
        assert borrowed.get(f"{server.url}/things").status_code == 403
        assert borrowed.get(f"{server.url}/things").json() == {"results": ["/things"]}
    assert len(server.log) == 3


def test_limits_are_set_by_the_environment() -> None:
    set_ = Limits().adjusted({"MQA_HTTP_ATTEMPTS": "3", "MQA_HTTP_READ_SECONDS": "0.5", "X": "1"})
    assert (set_.attempts, set_.read_seconds) == (3, 0.5)


@pytest.mark.parametrize("value", ["0", "-1", "many", "1e9", "0.5"])
def test_a_limit_that_is_none_is_named(value: str) -> None:
    with pytest.raises(SourceError, match="MQA_HTTP_ATTEMPTS"):
        Limits().adjusted({"MQA_HTTP_ATTEMPTS": value})
