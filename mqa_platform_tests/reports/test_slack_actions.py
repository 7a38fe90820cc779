"""What a press in Slack means: whose handoff, which answer, once for each press."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.reports.slack_actions import (
    BLOCK_ID,
    NotAnAnswerError,
    answer_blocks,
    answered_blocks,
    parsed,
)


def press(action_id: str = "mqa_accept", **changed: Any) -> dict[str, Any]:
    """A press as Slack sends it."""
    action = {"action_id": action_id, "block_id": BLOCK_ID, "action_ts": "1767600000.123456"}
    if action_id == "mqa_accept":
        action |= {"type": "button", "value": "h1"}
    else:
        value = "h1:competitor" if action_id == "mqa_reject" else "h1:7"
        action |= {"type": "static_select", "selected_option": {"value": value}}
    action |= changed.pop("action", {})
    return {
        "type": "block_actions", "team": {"id": "T1"},
        "user": {"id": "U1", "username": "ann"},
        "container": {"channel_id": "C1", "message_ts": "1767500000.000100"},
        "actions": [action], **changed,
    }  # fmt: skip


def test_a_press_says_which_handoff_which_answer_and_when():
    (accept,) = parsed(press())
    assert (accept.kind, accept.handoff_id, accept.reason, accept.days) == (
        "accept",
        "h1",
        None,
        None,
    )
    assert accept.external_id == "C1/1767500000.000100"
    assert accept.at == datetime(2026, 1, 5, 8, 0, 0, 123456, tzinfo=UTC)
    (reject,) = parsed(press("mqa_reject"))
    assert (reject.kind, reject.reason) == ("reject", "competitor")
    (snooze,) = parsed(press("mqa_snooze"))
    assert (snooze.kind, snooze.days) == ("snooze", 7)


def test_the_same_press_told_twice_is_one_and_another_press_is_another():
    assert parsed(press())[0].action_id == parsed(press())[0].action_id
    others = [
        press(action={"action_ts": "1767600001.000000"}),
        press(user={"id": "U2"}),
        press(action={"value": "h2"}),
        press("mqa_reject"),
    ]
    assert len({parsed(p)[0].action_id for p in (press(), *others)}) == 5


def test_every_button_of_a_message_reads_back_as_what_it_says():
    (block,) = answer_blocks("h1", ["bad_fit", "no_need"], [1, 30])
    accept, reject, snooze = block["elements"]
    assert parsed(press(action={"value": accept["value"]}))[0].handoff_id == "h1"
    for option in reject["options"]:
        told = parsed(press("mqa_reject", action={"selected_option": option}))[0]
        assert told.reason in ("bad_fit", "no_need")
    days = [
        parsed(press("mqa_snooze", action={"selected_option": o}))[0].days
        for o in snooze["options"]
    ]
    assert days == [1, 30]


@pytest.mark.parametrize(
    "payload",
    [{}, [], {"type": "view_submission"}, {"type": "block_actions"}, press(actions=[]),
     press(actions=["x"]), press(actions=[{"action_id": "somebody_elses"}])],
)  # fmt: skip
def test_what_is_not_ours_is_no_answer(payload):
    assert parsed(payload) == []


@pytest.mark.parametrize(
    ("payload", "missing"),
    [
        (press(action={"value": "h1:accepted"}), "accept"),
        (press(action={"value": "h1 OR 1=1"}), "value"),
        (press(action={"value": None}), "value"),
        (press("mqa_snooze", action={"selected_option": {"value": "h1:999"}}), "snooze"),
        (press("mqa_snooze", action={"selected_option": {"value": "h1:soon"}}), "snooze"),
        (press("mqa_reject", action={"selected_option": {"value": "h1"}}), "reject"),
        (press(user={"id": "<@U1>"}), "user.id"),
        (press(container={"channel_id": "C1"}), "container.message_ts"),
        (press(action={"action_ts": None}), "action_ts"),
    ],
)
def test_a_press_on_a_button_of_ours_that_says_nothing_names_what_is_missing(payload, missing):
    with pytest.raises(NotAnAnswerError, match=missing):
        parsed(payload)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(
    changes=st.dictionaries(
        st.sampled_from(["user", "container", "actions", "team", "type", "message"]), json_like
    ),
    action=st.dictionaries(
        st.sampled_from(["value", "action_ts", "selected_option", "action_id"]), json_like
    ),
)
def test_no_payload_breaks_the_reader(changes, action):
    try:
        found = parsed({**press("mqa_reject", action=action), **changes})
    except NotAnAnswerError:
        return
    assert all(answer.handoff_id for answer in found)


def test_an_answered_message_has_no_buttons_and_says_who_answered():
    blocks = [{"type": "header"}, *answer_blocks("h1", ["no_need"], [1]), {"type": "section"}]
    after = answered_blocks(blocks, "Accepted by <!channel> Ann")
    assert [b["type"] for b in after] == ["header", "section", "context"]
    assert after[-1]["elements"][0]["text"] == "Accepted by \u2039!channel\u203a Ann"
