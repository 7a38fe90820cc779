"""Signed webhooks: the receiver can trust them, and nobody can use them to reach into our network."""

from __future__ import annotations

import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import ValidationError
from standardwebhooks.webhooks import Webhook as Receiver

from mqa_platform.destinations import webhook_channel
from mqa_platform.destinations.channel import DestinationError, Message
from mqa_platform.destinations.webhook_channel import WebhookChannel
from mqa_platform.policy.delivery_channels import Webhook
from mqa_platform_tests.destinations.mail_server import certificate
from mqa_platform_tests.reports.message_cases import payload

SECRET = "whsec_Zm9yLXRoZS10ZXN0cy1vbmx5LW5vdGhpbmctZWxzZQ=="
HELD = {"MQA_WEBHOOK_OUTREACH_SECRET": SECRET}


class Target(ThreadingHTTPServer):
    """Takes events and checks them with the library that a receiver would use."""

    daemon_threads = False

    def __init__(self) -> None:
        outer = self
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.asked = 0
        self.hang = 0.0

        class Talk(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked += 1
                status, headers = outer.answers.pop(0) if outer.answers else (204, {})
                if status < 300:
                    event = Receiver(SECRET).verify(body, dict(self.headers))
                    outer.events.append((self.headers["webhook-id"], event))
                time.sleep(outer.hang)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        super().__init__(("127.0.0.1", 0), Talk)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hooks?of=mqa"

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is no error here."""


@pytest.fixture
def target():
    with Target() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def channel(url: str, **changed: Any) -> WebhookChannel:
    settings = Webhook(**{"url": url, "allow_private": True, **changed})
    return WebhookChannel("outreach", settings, HELD)


def message(key: str = "h1:webhook_outreach", **changed: Any) -> Message:
    return Message(key, "webhook_outreach", "handoff", "h1", payload=payload(**changed))


def test_the_receiver_verifies_the_event_and_knows_it_by_its_key(target):
    (answer,) = channel(target.url).send([message(outside="Acmé <!channel>\r\nx: y")])
    assert answer.outcome == "sent"
    ((key, event),) = target.events
    assert key == "h1:webhook_outreach"
    assert event["type"] == "mqa.handoff"
    assert event["data"]["account"]["account_id"] == "acme"


def test_a_repetition_has_the_same_key(target):
    outreach = channel(target.url)
    outreach.send([message()])
    outreach.send([message()])
    assert [key for key, _ in target.events] == ["h1:webhook_outreach"] * 2


@pytest.mark.parametrize(
    ("status", "headers", "outcome", "after"),
    [
        (200, {}, "sent", None),
        (429, {"Retry-After": "9"}, "again", 9.0),
        (503, {}, "again", None),
        (500, {}, "again", None),
        (400, {}, "refused", None),
        (422, {}, "refused", None),
    ],
)
def test_what_an_answer_means(target, status, headers, outcome, after):
    target.answers = [(status, headers)]
    (answer,) = channel(target.url).send([message()])
    assert (answer.outcome, answer.after_seconds) == (outcome, after)


@pytest.mark.parametrize(
    ("status", "reason"), [(401, "signature"), (403, "signature"), (410, "wants no more")]
)
def test_a_target_that_wants_nothing_of_us_is_left_alone(target, status, reason):
    target.answers = [(status, {})]
    with pytest.raises(DestinationError, match=reason) as error:
        channel(target.url).send([message()])
    assert SECRET not in str(error.value)


def test_a_redirect_is_followed_nowhere(target):
    target.answers = [(307, {"Location": "http://169.254.169.254/latest/meta-data"})]
    with pytest.raises(DestinationError, match="not followed"):
        channel(target.url).send([message()])
    assert target.asked == 1


def test_a_query_of_the_target_stays_out_of_messages(target):
    target.answers = [(400, {})]
    (answer,) = channel(target.url + "&token=CANARY").send([message()])
    assert "CANARY" not in answer.error


def test_a_private_target_needs_the_policys_word(target):
    with pytest.raises(DestinationError, match="allow_private"):
        channel(target.url, allow_private=False).send([message()])
    assert target.asked == 0


def test_a_target_that_drips_its_answer_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(webhook_channel, "_IN_ALL", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stop = threading.Event()

        def drip() -> None:
            connection, _ = listening.accept()
            with connection:
                while not stop.wait(0.05):
                    try:
                        connection.sendall(b"H")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            with pytest.raises(OSError, match="no answer"):
                channel(f"http://127.0.0.1:{listening.getsockname()[1]}/").send([message()])
        finally:
            stop.set()
            thread.join()


def test_nobody_listening_is_a_failed_connection():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        channel(f"http://127.0.0.1:{port}/").send([message()])


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!"])
def test_a_target_without_a_secret_says_what_to_set(secret):
    with pytest.raises(DestinationError, match="MQA_WEBHOOK_OUTREACH_SECRET"):
        WebhookChannel(
            "outreach",
            Webhook(url="https://tool.example/"),
            {"MQA_WEBHOOK_OUTREACH_SECRET": secret},
        )


def test_a_key_that_would_write_a_header_is_refused(target):
    (answer,) = channel(target.url).send([message(key="k\r\nX-Admin: yes")])
    assert answer.outcome == "refused"
    assert target.asked == 0


@pytest.mark.parametrize(
    "url",
    ["http://tool.example/x", "ftp://tool.example/", "https://user:pw@tool.example/", "file:///etc/passwd",
     "https://", "https://tool.example:0/", "gopher://tool.example/"],
)  # fmt: skip
def test_a_target_is_a_bare_encrypted_address(url):
    with pytest.raises(ValidationError):
        Webhook(url=url)


def test_the_certificate_is_checked_against_the_name_and_not_the_address(target):
    """The connection goes to the checked address; the name in the URL is what the certificate must hold."""
    target.socket = certificate()[0].wrap_socket(target.socket, server_side=True)
    outreach = WebhookChannel(
        "outreach",
        Webhook(url=f"https://tool.example:{target.server_address[1]}/", allow_private=True),
        HELD,
        resolve=lambda host, port: ["127.0.0.1"],
    )
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        outreach.send([message()])
    assert json.dumps(target.events) == "[]"
