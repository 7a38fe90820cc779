"""Mail: encrypted, to one reader, with headers that nobody else can write."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import ValidationError

from mqa_platform.destinations.channel import DestinationError, Message
from mqa_platform.destinations.email_channel import EmailChannel
from mqa_platform.policy.delivery_channels import Email
from mqa_platform_tests.destinations.mail_server import PASSWORD, USER, MailServer, certificate
from mqa_platform_tests.reports.facts import ATTACKS
from mqa_platform_tests.reports.message_cases import KINDS, payload

LOGIN = {"MQA_SMTP_USER": USER, "MQA_SMTP_PASSWORD": PASSWORD}


@pytest.fixture
def server():
    with MailServer() as running:
        yield running


def channel(
    server: MailServer, environment: dict[str, str] = LOGIN, **changed: Any
) -> EmailChannel:
    settings = {"host": "127.0.0.1", "port": server.port, "sender": "mqa@us.example", **changed}
    return EmailChannel(Email(**settings), environment, trust=certificate()[1])


def message(kind: str = "handoff", key: str = "h1:email", **changed: Any) -> Message:
    return Message(
        key, "email", kind, "h1", "acme", "new_business", "ann", payload(kind, **changed)
    )


def test_a_mail_goes_encrypted_to_its_reader_with_text_and_html(server):
    (answer,) = channel(server).send([message()])
    (mail,) = server.mails
    assert answer.outcome == "sent"
    assert answer.external_id == mail["Message-ID"]
    assert server.encrypted == 1
    assert server.envelopes == [("mail FROM:<mqa@us.example> size=" + server.envelopes[0][0].split("size=")[1],
                                 ["rcpt TO:<ann@us.example>"])]  # fmt: skip
    assert mail["Subject"] == "Acme is yours"
    parts = [part.get_content_type() for part in mail.iter_parts()]
    assert parts == ["text/plain", "text/html"]
    assert "Acme qualified" in mail.get_body(("plain",)).get_content()


def test_the_same_message_is_the_same_mail_and_what_follows_answers_it(server):
    sender = channel(server)
    sender.send([message(), message(), message("reminder", "h1:reminder:email")])
    first, again, reminder = server.mails
    assert first["Message-ID"] == again["Message-ID"] != reminder["Message-ID"]
    assert reminder["In-Reply-To"] == first["Message-ID"]
    assert server.connections == 1


@pytest.mark.parametrize("kind", KINDS)
def test_nobodys_name_writes_a_header_or_another_reader(server, kind):
    sender = channel(server, otherwise="ops@us.example")
    outside = [
        *ATTACKS,
        "x\r\nBcc: all@us.example\r\n\r\nbody",
        "a@b.example, c@d.example",
        "\x00\n.\r\n",
    ]
    answers = sender.send([message(kind, f"k{i}", outside=o) for i, o in enumerate(outside)])
    assert {a.outcome for a in answers} == {"sent"}
    names = {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "In-Reply-To",
             "References", "MIME-Version", "Content-Type"}  # fmt: skip
    for mail in server.mails:
        assert set(mail.keys()) <= names
        assert len(mail["To"].addresses) == 1
        assert mail["To"].addresses[0].domain == "us.example"
    assert {len(readers) for _, readers in server.envelopes} == {1}


@pytest.mark.parametrize(
    "address",
    ["a@b.example,c@d.example", "a@b.example\r\nBcc: x@y.example", "<a@b.example>", "no address",
     "@route.example:a@b.example", 'a"b@c.example', "a b@c.example", "ann@", "ä@us.example"],
)  # fmt: skip
def test_an_address_that_is_none_is_refused_and_named_as_such(server, address):
    to = {"user_id": "ann", "name": "Ann", "email": address, "team": None}
    (answer,) = channel(server).send([message(to=to)])
    assert answer.outcome == "refused"
    assert "channels.email.reps" in answer.error
    assert server.connections == 0


def test_the_policys_address_comes_before_the_crms_and_otherwise_last(server):
    nobody = {"user_id": "queue", "name": "Queue", "email": None}
    channel(server, reps={"ann": "ann@home.example"}).send([message()])
    channel(server, otherwise="ops@us.example").send([message(to=nobody)])
    (answer,) = channel(server).send([message(to=nobody)])
    assert [readers for _, readers in server.envelopes] == [
        ["rcpt TO:<ann@home.example>"], ["rcpt TO:<ops@us.example>"],
    ]  # fmt: skip
    assert answer.outcome == "refused"


def test_a_server_without_encryption_gets_neither_password_nor_mail():
    with MailServer(encrypts=False) as plain:
        with pytest.raises(DestinationError, match="no encryption"):
            channel(plain).send([message()])
        assert plain.mails == []


def test_a_certificate_of_nobody_known_is_not_believed(server):
    settings = Email(host="127.0.0.1", port=server.port, sender="mqa@us.example")
    with pytest.raises(DestinationError, match="certificate"):
        EmailChannel(settings, LOGIN).send([message()])
    assert server.mails == []


def test_a_wrong_password_stops_the_channel_and_is_never_shown(server):
    wrong = {**LOGIN, "MQA_SMTP_PASSWORD": "CANARY-1"}
    with pytest.raises(DestinationError, match="refuses the login") as error:
        channel(server, wrong).send([message()])
    assert "CANARY" not in str(error.value)


def test_one_secret_without_the_other_says_which_is_missing(server):
    with pytest.raises(DestinationError, match="MQA_SMTP_PASSWORD is not set"):
        channel(server, {"MQA_SMTP_USER": "robot"})
    with pytest.raises(DestinationError, match="MQA_SMTP_USER is not set"):
        channel(server, {"MQA_SMTP_PASSWORD": "x"})


def test_a_mailbox_that_is_full_is_tried_later_and_one_that_is_unknown_never(server):
    server.refusals = {"full@": "452 mailbox full", "gone@": "550 <script>no such\x07 user"}
    to = [{"user_id": n, "name": n, "email": f"{n}@us.example"} for n in ("full", "gone", "ann")]
    answers = channel(server).send([message(key=f"k{i}", to=t) for i, t in enumerate(to)])
    assert [a.outcome for a in answers] == ["again", "refused", "sent"]
    assert "\x07" not in answers[1].error


@pytest.mark.parametrize(
    ("refusals", "whole"),
    [
        ({"mail FROM": "553 not your address"}, True),
        ({"rcpt TO": "530 log in first"}, True),
        ({"mail FROM": "552 too large"}, False),
        ({"rcpt TO": "550 no such user"}, False),
    ],
)
def test_a_sender_or_a_login_that_is_refused_gives_no_mail_up(server, refusals, whole):
    server.refusals = refusals
    (answer,) = channel(server).send([message()])
    assert answer.whole_service == whole
    assert answer.outcome == ("again" if whole else "refused")
    assert ("MQA_SMTP_USER" in answer.error) == whole


def test_a_connection_that_breaks_off_leaves_what_was_not_answered_open(server):
    server.cut_after = 2
    answers = channel(server).send([message(key=f"k{i}") for i in range(3)])
    assert [(a.key, a.outcome) for a in answers] == [("k0", "sent")]
    server.cut_after = 1
    with pytest.raises(OSError, match="broke off"):
        channel(server).send([message(key="k9")])


def test_mail_in_clear_text_is_for_this_machine_only():
    with pytest.raises(ValidationError, match="this machine only"):
        Email(host="mail.us.example", sender="mqa@us.example", tls="none")
    with MailServer(encrypts=False) as plain:
        (answer,) = channel(plain, {}, tls="none").send([message()])
        assert answer.outcome == "sent"


@pytest.mark.parametrize(
    "sender", ["mqa", "MQA <mqa@us.example>", "a@b.c,d@e.f", "a@b.c\nBcc: x@y.z"]
)
def test_a_sender_that_is_no_address_is_refused_in_the_policy(sender):
    with pytest.raises(ValidationError):
        Email(host="127.0.0.1", sender=sender)


def test_the_html_of_a_mail_loads_nothing(server):
    channel(server).send([message("digest", outside="<img src=x>")])
    html = server.mails[0].get_body(("html",)).get_content()
    assert "default-src &#39;none&#39;" in html
    assert re.findall(r"<(img|script|link)", html) == []
