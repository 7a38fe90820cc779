from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from mqa_platform.home import Home
from mqa_platform.policy.loader import load_policy
from mqa_platform.receiver import inbox
from mqa_platform.receiver.application import application
from mqa_platform.receiver.settings import ReceiverError, Settings
from mqa_platform.sources.envelopes import opened
from mqa_platform.sources.globs import expand
from mqa_platform_tests.receiver import signing
from mqa_platform_tests.receiver.serving import (
    SECRETS,
    SOURCES,
    Served,
    environment,
    served,
    settings_of,
    until_closed,
)

EVENT = b'{"type": "demo_request", "timestamp": "2025-07-02T10:00:00Z", "data": {"n": 1.50}}'
HUBSPOT = "/webhooks/hubspot_webhooks"


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A receiver that all tests share which send their own bodies."""
    with served(settings_of(Home(tmp_path_factory.mktemp("home")))) as running:
        yield running


def _event(name: str) -> bytes:
    return json.dumps({"type": "demo_request", "name": name}).encode()


def test_a_webhook_is_on_disk_as_it_was_sent_and_for_the_owner_alone(one: Served) -> None:
    answer = one.post("/webhooks/webhooks", EVENT, signing.standard(EVENT, time.time()))
    assert (answer.status_code, answer.content) == (200, b"")
    (path,) = one.kept("webhooks")
    assert EVENT in path.read_bytes()
    envelope = opened(path)
    assert envelope is not None
    assert (envelope.source, envelope.scheme, envelope.identity) == (
        "webhooks", "standard_webhooks", "msg_1",
    )  # fmt: skip
    assert envelope.body == json.loads(EVENT)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.parent.name == envelope.received_at[:10]


def test_hubspot_reaches_us_by_the_public_address_that_it_signs(one: Served) -> None:
    body = _event("by the public address")
    target = f"{HUBSPOT}?of=a%40b.com"
    headers = signing.hubspot(body, time.time(), f"{signing.PUBLIC}{HUBSPOT}?of=a@b.com")
    assert one.post(target, body, headers).status_code == 200
    local = signing.hubspot(body, time.time(), f"http://127.0.0.1:{one.port}{HUBSPOT}?of=a@b.com")
    assert one.post(target, body, local).status_code == 401
    assert len(one.kept("hubspot_webhooks")) == 1


def test_a_press_in_slack_is_kept_without_anything_that_lets_somebody_act(one: Served) -> None:
    body = signing.slack_form(signing.pressed("mqa_reject", "h1:bad_fit"))
    answer = one.post("/slack/actions", body, signing.slack(body, time.time()))
    # Slack would show any text to the person.
    assert (answer.status_code, answer.content) == (200, b"")
    (path,) = one.kept("slack")
    text = path.read_text()
    assert "not-to-be-kept" not in text
    assert signing.SLACK_KEY not in text
    envelope = opened(path)
    assert envelope is not None
    assert envelope.body["actions"][0]["selected_option"] == {"value": "h1:bad_fit"}


def test_a_name_that_was_cut_in_the_middle_of_a_sign_is_kept_too(tmp_path: Path) -> None:
    body = signing.slack_form({**signing.pressed(), "note": "Ann \ud83d"})
    path, new = inbox.keep(tmp_path, "slack", "slack_v0", "", body, 1_763_800_000.0)
    assert new
    assert json.loads(path.read_text())["body"]["note"] == "Ann ?"


def test_a_signed_form_without_a_payload_is_kept_too(tmp_path: Path) -> None:
    body = b"token=not-to-be-kept&command=%2Fmqa&text=hello&response_url=https%3A%2F%2Fx"
    path, new = inbox.keep(tmp_path, "slack", "slack_v0", "", body, 1_763_800_000.0)
    assert new
    assert "not-to-be-kept" not in path.read_text()
    envelope = opened(path)
    assert envelope is not None
    assert envelope.body == {"command": "/mqa", "text": "hello"}


@pytest.mark.parametrize("text", ["not json", "NaN", "[" * 30_000, '{"a": ' + "9" * 5_000 + "}"])
def test_a_signed_body_that_is_no_json_is_kept_as_text(tmp_path: Path, text: str) -> None:
    path, _ = inbox.keep(tmp_path, "webhooks", "standard_webhooks", "m", text.encode(), 1e9)
    envelope = opened(path)
    assert envelope is not None
    assert envelope.body == text


def test_the_same_delivery_again_is_answered_well_and_kept_once(one: Served) -> None:
    body, before = _event("again"), len(one.kept("webhooks"))
    at = time.time()
    first = signing.standard(body, at, "msg_again")
    # A captured request, and the sender's own retry, which is signed anew.
    for headers in (first, first, signing.standard(body, at + 60, "msg_again")):
        assert one.post("/webhooks/webhooks", body, headers).status_code == 200
    assert len(one.kept("webhooks")) == before + 1


def test_the_same_delivery_on_the_next_day_is_known(tmp_path: Path) -> None:
    body = _event("at midnight")
    kept = [
        inbox.keep(tmp_path, "webhooks", "standard_webhooks", "m", body, 1e9 + days * 86_400)
        for days in range(3)
    ]
    assert [new for _, new in kept] == [True, False, False]
    assert len({path for path, _ in kept}) == 1


def test_one_id_with_another_content_is_kept_beside_it(tmp_path: Path) -> None:
    for name in ("one", "other"):
        inbox.keep(tmp_path, "webhooks", "standard_webhooks", "m", _event(name), 1e9)
    assert len(list(tmp_path.glob("webhooks/*/*.json"))) == 2


def test_forty_replays_at_once_leave_one_file(one: Served) -> None:
    body, before = _event("at once"), len(one.kept("webhooks"))
    headers = signing.standard(body, time.time(), "msg_at_once")
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: one.post("/webhooks/webhooks", body, headers), range(40)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(one.kept("webhooks")) == before + 1
    assert not list(one.folder.rglob("*.partial"))


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        (lambda now: [], "missing"),
        (lambda now: [("X-HubSpot-Signature", "a" * 64)], "missing"),
        (
            lambda now: [
                ("X-HubSpot-Signature", "a" * 64),
                ("X-HubSpot-Signature-Version", "v2"),
            ],
            "missing",
        ),
        (lambda now: signing.hubspot(EVENT, now - 400, signing.PUBLIC + HUBSPOT), "five minutes"),
        (lambda now: signing.hubspot(EVENT, now, signing.PUBLIC + "/other"), "does not match"),
    ],
)
def test_who_does_not_prove_who_he_is_leaves_nothing(
    one: Served, headers: Callable[[float], signing.Headers], why: str
) -> None:
    before = one.kept()
    answer = one.post(HUBSPOT, EVENT, headers(time.time()))
    assert answer.status_code == 401
    assert why in answer.json()["error"]
    assert one.kept() == before


def test_ten_megabytes_are_refused_before_anybody_looks_at_the_signature(one: Served) -> None:
    body = b"x" * 10_000_000
    # Neither signed nor UTF-8 would matter: the size is asked about first.
    assert one.post("/webhooks/webhooks", body, []).status_code == 413
    chunks = requests.post(
        f"http://127.0.0.1:{one.port}/webhooks/webhooks",
        data=iter([b"x" * 700_000, b"x" * 700_000]),
        timeout=20,
    )
    assert chunks.status_code == 413


def test_who_asks_before_sending_too_much_is_told_not_to(one: Served) -> None:
    head = b"POST /webhooks/webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n"
    answer = one.raw(head + b"Expect: 100-continue\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"100 Continue" not in answer


@pytest.mark.parametrize(
    "octets",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 40 + b"\r\n\r\n",
        b"POST /webhooks/webhooks HTTP/1.1\r\n\r\n",
        b"POST /webhooks/webhooks HTTP/9.9\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"POST /webhooks/webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n",
        b"POST /webhooks/webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /webhooks/webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
        b"Content-Length: 4\r\n\r\nabcd",
        b"POST /webhooks/webhooks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"POST /webhooks/webhooks HTTP/1.1\r\nHost : x\r\n\r\n",
        b"POST /webhooks/webhooks HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: "
        + b"a" * 100_000
        + b"\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_the_receiver_goes_on(one: Served, octets: bytes) -> None:
    before = one.kept()
    answer = one.raw(octets)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    assert one.kept() == before
    assert requests.get(f"http://127.0.0.1:{one.port}/health", timeout=20).status_code == 200


def test_a_length_and_chunks_at_once_hide_no_second_request(one: Served) -> None:
    before = one.kept()
    hidden = b"POST /webhooks/webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
    head = b"POST /webhooks/webhooks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    answer = one.raw(
        head + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden
    )
    assert answer.count(b"HTTP/1.1") == 1
    assert one.kept() == before


def test_a_body_that_breaks_off_leaves_nothing(one: Served) -> None:
    before = one.kept()
    body = _event("broken off")
    head = b"POST /webhooks/webhooks HTTP/1.1\r\nHost: x\r\n"
    for name, value in signing.standard(body, time.time()):
        head += f"{name}: {value}\r\n".encode()
    head += f"Content-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", one.port), timeout=20) as line:
        line.sendall(head + body[:-5])
    assert requests.get(f"http://127.0.0.1:{one.port}/health", timeout=20).status_code == 200
    assert one.kept() == before


@pytest.mark.parametrize("begun", [b"", b"POST /webhooks/web", b"whole head"])
def test_who_sends_too_slowly_is_hung_up_on(tmp_path: Path, begun: bytes) -> None:
    if begun == b"whole head":
        begun = b"POST /webhooks/webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"
    settings = replace(settings_of(Home(tmp_path)), read_seconds=0.3)
    with (
        served(settings) as running,
        socket.create_connection(("127.0.0.1", running.port), timeout=20) as line,
    ):
        line.sendall(begun)
        # Ends because the receiver hangs up, not because we do.
        answer = until_closed(line)
        healthy = requests.get(f"http://127.0.0.1:{running.port}/health", timeout=20)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")
    assert healthy.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/webhooks/webhooks", 405),
        ("POST", "/webhooks/other", 404),
        ("POST", "/webhooks/../slack/actions", 401),
        ("POST", "/", 404),
        ("POST", "/health", 405),
    ],
)
def test_other_addresses_are_none(one: Served, method: str, path: str, status: int) -> None:
    answer = requests.request(method, f"http://127.0.0.1:{one.port}{path}", timeout=20)
    assert answer.status_code == status


class _FullDisk:
    """A disk on which nothing more can be made lasting."""

    def __call__(self, handle: int) -> None:
        raise OSError(28, "No space left on device")


def test_a_full_disk_is_told_so_that_the_sender_tries_again_and_nothing_half_is_left(
    tmp_path: Path,
) -> None:
    settings = settings_of(Home(tmp_path))

    def full(config: object) -> None:
        config.app = application(settings, sync=_FullDisk())  # type: ignore[attr-defined]

    with served(settings, full) as running:
        answer = running.post("/webhooks/webhooks", EVENT, signing.standard(EVENT, time.time()))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert [path for path in settings.folder.rglob("*") if path.is_file()] == []
    with served(settings) as running:
        running.post("/webhooks/webhooks", EVENT, signing.standard(EVENT, time.time()))
        assert len(running.kept()) == 1


def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    left = home.inbox / "received" / "webhooks" / "2025-07-02"
    left.mkdir(parents=True)
    (left / ".abc.partial").write_text("what an earlier kill has left")
    command = [sys.executable, "-m", "mqa_platform.cli", "receive", "--port", "0"]
    with subprocess.Popen(
        command, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = process.stdout.readline()
        running = Served(int(told.split(":")[2].split("/")[0]), home.inbox / "received")
        for n in range(5):
            body = _event(str(n))
            headers = signing.standard(body, time.time(), f"msg_{n}")
            assert running.post("/webhooks/webhooks", body, headers).status_code == 200
        os.kill(process.pid, signal.SIGKILL)
        shown = told + "".join(process.communicate())
    envelopes = [opened(path) for path in running.kept()]
    assert sorted(e.body["name"] for e in envelopes if e) == ["0", "1", "2", "3", "4"]
    assert not list(running.folder.rglob("*.partial"))
    assert not [value for value in SECRETS.values() if value in shown]


def test_health_says_what_is_listened_to(one: Served) -> None:
    answer = requests.get(f"http://127.0.0.1:{one.port}/health", timeout=20).json()
    assert answer["status"] == "ok"
    assert answer["endpoints"] == ["/slack/actions", "/webhooks/webhooks", HUBSPOT]


@pytest.mark.parametrize(
    ("change", "public", "only", "told"),
    [
        ({"MQA_SLACK_SIGNING_SECRET": ""}, signing.PUBLIC, [], "MQA_SLACK_SIGNING_SECRET is empty"),
        ({"MQA_WEBHOOKS_SECRET": "whsec_"}, signing.PUBLIC, [], "MQA_WEBHOOKS_SECRET is empty"),
        ({"MQA_WEBHOOKS_SECRET": "whsec_ö"}, signing.PUBLIC, [], "no base64"),
        ({"MQA_WEBHOOKS_SECRET": None}, signing.PUBLIC, ["webhooks"], "Set MQA_WEBHOOKS_SECRET"),
        (dict.fromkeys(SECRETS), signing.PUBLIC, [], "no secret for slack"),
        ({}, "", [], "HubSpot signs the address"),
        ({}, "hooks.example.com", [], "is none"),
        ({}, signing.PUBLIC, ["pardot"], "no endpoint 'pardot'"),
    ],
)
def test_it_does_not_start_where_it_could_not_tell_a_friend_from_a_stranger(
    tmp_path: Path, change: dict[str, str | None], public: str, only: list[str], told: str
) -> None:
    given = {**SECRETS, **change}
    secrets = {name: value for name, value in given.items() if value is not None}
    with pytest.raises(ReceiverError, match=told) as refused:
        Settings.of(Home(tmp_path), SOURCES, secrets, public, only)
    assert not [value for value in secrets.values() if value and value in str(refused.value)]


def test_an_endpoint_without_a_secret_is_named_and_not_served(tmp_path: Path) -> None:
    secrets = {"MQA_SLACK_SIGNING_SECRET": signing.SLACK_KEY}
    settings = settings_of(Home(tmp_path), secrets)
    assert [endpoint.name for endpoint in settings.endpoints] == ["slack"]
    assert settings.silent == {
        "webhooks": "MQA_WEBHOOKS_SECRET",
        "hubspot_webhooks": "MQA_HUBSPOT_WEBHOOKS_SECRET",
    }
    assert signing.SLACK_KEY not in repr(settings)


def test_the_packaged_policy_lands_what_is_received_and_nothing_half_written(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    declared = load_policy(None).sources.sources
    folder = settings_of(home).folder
    path, _ = inbox.keep(folder, "webhooks", "standard_webhooks", "m", EVENT, time.time())
    (path.parent / ".half.partial").write_bytes(b"{")
    inbox.keep(folder, "slack", "slack_v0", "", signing.slack_form(signing.pressed()), time.time())
    assert expand(declared["webhooks"], home.root, None) == [path]
    assert expand(declared["hubspot_webhooks"], home.root, None) == []
    endpoints = Settings.of(home, declared, SECRETS, signing.PUBLIC).endpoints
    assert [endpoint.scheme for endpoint in endpoints] == [
        "slack_v0", "standard_webhooks", "hubspot_v3",
    ]  # fmt: skip
