"""Slack through its own client: one message a key, found again after a crash, and refusals with a remedy."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mqa_platform.destinations.channel import DestinationError, Message
from mqa_platform.destinations.slack_channel import SlackChannel
from mqa_platform.local_services.faults import Fault
from mqa_platform.local_services.slack import LocalSlack
from mqa_platform.policy.delivery_channels import Slack
from mqa_platform.reports.slack_actions import answered_blocks
from mqa_platform_tests.reports.facts import ATTACKS
from mqa_platform_tests.reports.message_cases import payload


@pytest.fixture
def workspace():
    with LocalSlack(users={"ann@us.example": "U1ANN"}, channels=("C0TEAM", "C0OPS")) as slack:
        yield slack


def channel(workspace: LocalSlack, **changed: Any) -> SlackChannel:
    settings = {"base_url": f"{workspace.url}/api/", "reps": {"ann": "C0TEAM"}, **changed}
    return SlackChannel(Slack(**settings), workspace.environment())


def message(kind: str = "handoff", key: str = "h1:slack", **changed: Any) -> Message:
    return Message(
        key, "slack", kind, "h1", "acme", "new_business", "ann", payload(kind, **changed)
    )


def sent(slack: SlackChannel, one: Message) -> Any:
    (answer,) = slack.send([one])
    return answer


def test_a_handoff_is_one_message_in_the_channel_of_its_rep(workspace):
    answer = sent(channel(workspace), message())
    (there,) = workspace.messages("C0TEAM")
    assert answer.outcome == "sent"
    assert answer.external_id == f"C0TEAM/{there['ts']}"
    assert there["metadata"]["event_payload"]["key"] == "h1:slack"
    assert {b["type"] for b in there["blocks"]} >= {"header", "actions", "section"}


def test_a_rep_without_a_channel_is_written_to_by_his_address(workspace):
    slack = channel(workspace, reps={})
    answers = [sent(slack, message(key=f"h{i}:slack")) for i in range(3)]
    assert [a.external_id.split("/")[0] for a in answers] == ["D1ANN"] * 3
    # Who he is does not change between two messages.
    assert len(workspace.asked("users.lookupByEmail")) == 1
    assert len(workspace.asked("conversations.open")) == 1


def test_the_team_comes_before_the_address_and_otherwise_last(workspace):
    team = channel(workspace, reps={}, teams={"EMEA": "C0OPS"})
    assert sent(team, message()).external_id.startswith("C0OPS/")
    stranger = message(to={"user_id": "q", "name": "Q", "email": "who@us.example", "team": None})
    assert sent(channel(workspace, reps={}, otherwise="C0OPS"), stranger).external_id[:5] == "C0OPS"
    refused = sent(channel(workspace, reps={}), stranger)
    assert refused.outcome == "refused"
    assert "channels.slack.reps" in refused.error


def test_an_alert_goes_to_whoever_runs_the_platform(workspace):
    alert = Message("run:1:slack", "slack", "alert", payload=payload("alert"))
    assert sent(channel(workspace, otherwise="C0OPS"), alert).external_id.startswith("C0OPS/")


def test_what_was_posted_before_a_crash_is_found_and_not_posted_again(workspace):
    slack = channel(workspace)
    workspace.faults.append(Fault("chat.postMessage", "done_dropped"))
    with pytest.raises(OSError, match="no whole answer"):
        slack.send([message()])
    (there,) = workspace.messages("C0TEAM")
    assert channel(workspace).find(message()) == f"C0TEAM/{there['ts']}"
    assert channel(workspace).find(message(key="h2:slack")) is None


def test_it_is_looked_for_on_every_page_of_a_direct_conversation(workspace):
    slack = channel(workspace, reps={})
    first = sent(slack, message())
    for i in range(250):
        workspace.history["D1ANN"].append({"type": "message", "channel": "D1ANN", "ts": f"{9e9 + i:.6f}",
                                           "text": "talk", "blocks": [], "edits": 0})  # fmt: skip
    assert slack.find(message()) == first.external_id
    assert len(workspace.asked("conversations.history")) == 2


def test_it_is_found_however_long_the_platform_stood_still(workspace):
    """It may stand there since the moment that it is about, and not before."""
    slack = channel(workspace)
    sent(slack, message())
    (there,) = workspace.messages("C0TEAM")
    there["ts"] = f"{datetime(2026, 1, 5, 14, 1, tzinfo=UTC).timestamp():.6f}"
    assert slack.find(message()) == f"C0TEAM/{there['ts']}"
    (asked,) = workspace.asked("conversations.history")
    assert float(asked.form["oldest"]) == datetime(2026, 1, 4, 14, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("kind", ["html", "status", "dropped", "cut_json"])
def test_a_look_that_fails_is_not_an_empty_channel(workspace, kind):
    slack = channel(workspace)
    slack.send([message()])
    workspace.faults.append(Fault("conversations.history", kind, status=500))
    with pytest.raises((OSError, DestinationError)):
        slack.find(message())


def test_a_conversation_that_may_not_be_read_says_what_to_do(workspace):
    slack = channel(workspace)
    sent(slack, message())
    refusal = '{"ok": false, "error": "not_in_channel"}'
    workspace.faults.append(Fault("conversations.history", "status", status=200, body=refusal))
    with pytest.raises(DestinationError, match="Invite the app into the channel"):
        slack.find(message())


@pytest.mark.parametrize("status", [400, 404, 407])
def test_a_wrong_address_or_a_proxy_that_refuses_gives_no_message_up(workspace, status):
    workspace.faults.append(
        Fault("chat.postMessage", "status", status=status, body="<html>no</html>")
    )
    with pytest.raises(DestinationError, match="Check base_url"):
        channel(workspace).send([message()])


def test_a_client_never_posts_twice_by_itself(workspace):
    workspace.faults.append(Fault("chat.postMessage", "done_dropped", times=5))
    with pytest.raises(OSError, match=r"Slack \(chat.postMessage\)"):
        channel(workspace).send([message()])
    assert len(workspace.messages("C0TEAM")) == 1


def test_slack_is_given_the_time_that_it_asks_for(workspace):
    answer = {"Retry-After": "7"}
    workspace.faults.append(Fault("chat.postMessage", "status", status=429, headers=answer))
    told = sent(channel(workspace), message())
    assert (told.outcome, told.after_seconds) == ("again", 7.0)
    assert workspace.messages() == []


def test_a_token_that_is_not_valid_stops_the_channel_and_is_never_shown(workspace):
    slack = channel(workspace)
    workspace.expire()
    with pytest.raises(DestinationError, match="MQA_SLACK_BOT_TOKEN") as error:
        slack.send([message()])
    assert "invalid_auth" in str(error.value)
    assert workspace.environment()["MQA_SLACK_BOT_TOKEN"] not in str(error.value)


def test_a_channel_without_a_token_says_what_to_set(workspace):
    with pytest.raises(DestinationError, match="MQA_SLACK_BOT_TOKEN is not set"):
        SlackChannel(Slack(), {})


def test_a_channel_that_is_not_there_is_named_with_what_to_do(workspace):
    told = sent(channel(workspace, reps={"ann": "C0GONE"}), message())
    assert told.outcome == "refused"
    assert "channel_not_found" in told.error
    assert "invite the app" in told.error


def test_a_redirect_is_not_followed_with_the_token(workspace):
    with LocalSlack() as elsewhere:
        there = {"Location": f"{elsewhere.url}/api/chat.postMessage"}
        workspace.faults.append(Fault("chat.postMessage", "status", status=307, headers=there))
        with pytest.raises(DestinationError, match="redirects"):
            channel(workspace).send([message()])
        assert elsewhere.log == []


def test_an_update_changes_the_message_and_tells_so_in_its_thread(workspace):
    slack = channel(workspace)
    first = sent(slack, message())
    update = message("update", "h1:slack:n1", sent_as=first.external_id)
    answer = sent(slack, update)
    above, reply = workspace.messages("C0TEAM")
    assert above["edits"] == 1
    assert "New activity" in str(above["blocks"])
    assert above["metadata"]["event_payload"]["key"] == "h1:slack"
    assert reply["thread_ts"] == above["ts"]
    assert answer.external_id == f"C0TEAM/{reply['ts']}"


def test_an_update_finds_its_message_by_itself(workspace):
    slack = channel(workspace)
    sent(slack, message())
    assert sent(slack, message("update", "h1:slack:n1")).outcome == "sent"
    assert [m["edits"] for m in workspace.messages("C0TEAM")] == [1, 0]


def test_an_update_is_told_once_whenever_the_process_dies(workspace):
    update = message("update", "h1:slack:n1")
    sent(channel(workspace), message())
    for method in ("chat.update", "chat.postMessage"):
        workspace.faults.append(Fault(method, "done_dropped"))
        slack = channel(workspace)
        with pytest.raises(OSError, match=method):
            slack.send([update])
        if slack.find(update) is None:
            assert method == "chat.update"
    assert channel(workspace).find(update) == f"C0TEAM/{workspace.messages()[-1]['ts']}"
    assert sent(channel(workspace), update).outcome == "sent"
    assert len([m for m in workspace.messages() if m.get("thread_ts")]) == 1


def test_an_update_gives_no_buttons_back_to_who_has_answered(workspace):
    slack = channel(workspace)
    first = sent(slack, message())
    (above,) = workspace.messages("C0TEAM")
    above["blocks"] = answered_blocks(above["blocks"], "Accepted by Ann")
    assert (
        sent(slack, message("update", "h1:slack:n1", sent_as=first.external_id)).outcome == "sent"
    )
    assert above["edits"] == 0
    assert "actions" not in {b["type"] for b in above["blocks"]}


def test_an_update_of_a_deleted_message_is_refused_and_posts_nothing(workspace):
    slack = channel(workspace)
    told = sent(slack, message("update", "h1:slack:n1"))
    assert told.outcome == "refused"
    assert "account page" in told.error
    gone = message("update", "h1:slack:n2", sent_as="C0TEAM/1700000000.000001")
    assert sent(slack, gone).outcome == "refused"
    assert workspace.messages() == []


@pytest.mark.parametrize("kind", ["handoff", "update", "reminder", "escalation", "digest"])
def test_no_name_of_an_account_calls_anybody(workspace, kind):
    slack = channel(workspace)
    sent(slack, message())
    for number, outside in enumerate(ATTACKS):
        told = sent(slack, message(kind, f"k{number}", outside=outside))
        assert told.outcome == "sent", told.error
    texts = str([(m["text"], m["blocks"]) for m in workspace.messages()])
    assert "<!" not in texts
    assert "<@" not in texts
    assert "evil.example" not in texts


def test_a_press_on_a_posted_button_comes_back_as_the_answer(workspace):
    import json
    from urllib.parse import parse_qs

    from mqa_platform.reports.slack_actions import parsed

    sent(channel(workspace), message())
    (there,) = workspace.messages("C0TEAM")
    body, _ = workspace.press(there, "mqa_reject", "U1ANN", "h1:bad_timing")
    (answer,) = parsed(json.loads(parse_qs(body.decode())["payload"][0]))
    assert (answer.kind, answer.handoff_id, answer.reason) == ("reject", "h1", "bad_timing")
    assert answer.external_id == f"C0TEAM/{there['ts']}"
