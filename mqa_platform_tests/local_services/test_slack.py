"""The local Slack, asked by Slack's own client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier

from mqa_platform.local_services.slack import LocalSlack

BUTTON = {"type": "button", "action_id": "go", "value": "v1", "text": {"type": "plain_text", "text": "Go"}}  # fmt: skip
BLOCKS = [{"type": "actions", "block_id": "b", "elements": [BUTTON]}]
METADATA = {"event_type": "mqa_handoff", "event_payload": {"key": "h1:slack"}}


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack(users={"ann@ours.example": "U1"}) as slack:
        yield slack


@pytest.fixture
def client(slack: LocalSlack) -> WebClient:
    token = slack.environment()["MQA_SLACK_BOT_TOKEN"]
    return WebClient(token=token, base_url=f"{slack.url}/api/", retry_handlers=[])


def test_a_message_to_a_rep_is_found_by_its_metadata_and_changed_in_place(
    slack: LocalSlack, client: WebClient
) -> None:
    user = client.users_lookupByEmail(email="ann@ours.example")["user"]["id"]
    channel = client.conversations_open(users=user)["channel"]["id"]
    sent = client.chat_postMessage(channel=channel, text="new", blocks=BLOCKS, metadata=METADATA)
    client.chat_update(channel=channel, ts=sent["ts"], text="changed", blocks=BLOCKS)
    client.chat_postMessage(channel=channel, text="a reply", thread_ts=sent["ts"])
    plain = client.conversations_history(channel=channel)["messages"]
    told = client.conversations_history(channel=channel, include_all_metadata=True)["messages"]
    assert [m["text"] for m in plain] == ["changed"]
    assert "metadata" not in plain[0]
    assert told[0]["metadata"] == METADATA
    thread = client.conversations_replies(channel=channel, ts=sent["ts"])["messages"]
    assert [m["text"] for m in thread] == ["changed", "a reply"]


@pytest.mark.parametrize(
    ("order", "word"),
    [
        ({"channel": "C9", "text": "x"}, "channel_not_found"),
        ({"channel": "C0LOCAL", "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": "C0LOCAL", "text": "x", "blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ({"channel": "C0LOCAL", "text": "x", "blocks": [*BLOCKS, *BLOCKS]}, "invalid_blocks"),
        (
            {
                "channel": "C0LOCAL",
                "text": "x",
                "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "y" * 3_001}}],
            },
            "invalid_blocks",
        ),
    ],
)  # fmt: skip
def test_what_slack_refuses_is_refused(
    slack: LocalSlack, client: WebClient, order: dict[str, str], word: str
) -> None:
    with pytest.raises(SlackApiError, match=word):
        client.chat_postMessage(**order)
    assert slack.messages() == []


def test_a_token_that_was_withdrawn_is_refused(slack: LocalSlack, client: WebClient) -> None:
    slack.expire()
    with pytest.raises(SlackApiError, match="invalid_auth"):
        client.auth_test()


def test_a_press_is_signed_as_slack_signs(slack: LocalSlack, client: WebClient) -> None:
    client.chat_postMessage(channel="C0LOCAL", text="x", blocks=BLOCKS)
    body, headers = slack.press(slack.messages()[0], "go", "U1")
    assert SignatureVerifier(slack.signing_secret).is_valid_request(body, headers)
    assert not SignatureVerifier("another").is_valid_request(body, headers)
    assert not SignatureVerifier(slack.signing_secret).is_valid_request(body + b" ", headers)
    with pytest.raises(KeyError):
        slack.press(slack.messages()[0], "no_such", "U1")


def test_history_goes_on_where_the_cursor_says(slack: LocalSlack, client: WebClient) -> None:
    for number in range(5):
        client.chat_postMessage(channel="C0LOCAL", text=str(number))
    found: list[str] = []
    for page in client.conversations_history(channel="C0LOCAL", limit=2):
        found += [m["text"] for m in page["messages"]]
    assert found == ["4", "3", "2", "1", "0"]


def test_an_answer_to_a_press_is_kept(slack: LocalSlack) -> None:
    requests.post(f"{slack.url}/actions/T0LOCAL/1", json={"text": "done"}, timeout=5)
    assert slack.responses == [{"text": "done"}]
