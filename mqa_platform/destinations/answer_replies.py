"""What whoever answered is told in Slack: that the CRM has it, that it never will, or why it does not count.

Belongs here: the messages, and when each is entered. Does not belong here: whether an answer counts
(``answer_rules``), carrying it out (``answers``), or Slack (``slack_replies``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from mqa_platform.destinations import entries as states
from mqa_platform.destinations.answer_rules import said
from mqa_platform.destinations.channel import Kind, Message
from mqa_platform.destinations.entries import Entry
from mqa_platform.destinations.journal import Journal
from mqa_platform.reports.slack_actions import Action

CRM_ANSWER: Final = "crm_answer"
SLACK: Final = "slack"
_KINDS: Final[tuple[Kind, ...]] = ("answer",)
SUPERSEDED: Final = "a later answer has taken its place"


def crm_key(action_id: str) -> str:
    """The key of an answer on its way to the CRM."""
    return f"{action_id}:{CRM_ANSWER}"


def reply_key(action_id: str) -> str:
    """The key of the word that an answer counts, or does not."""
    return f"{action_id}:{SLACK}"


def reply(
    action: Action,
    handoff: Mapping[str, Any] | None,
    words: str,
    *,
    is_private: bool = False,
    keeps_buttons: bool = False,
) -> Message:
    """What is told of a press: to all under the message, or to that person alone."""
    told = {
        "channel": action.channel_id, "ts": action.message_ts, "user": action.user_id,
        "said": words, "is_private": is_private, "keeps_buttons": keeps_buttons,
    }  # fmt: skip
    row = handoff or {}
    about = (row.get("account_id"), row.get("motion"), row.get("rep_id"))
    key = reply_key(action.action_id)
    return Message(key, SLACK, "answer", action.handoff_id, *about, payload=told)


def tell(journal: Journal, now: datetime) -> int:
    """Enters a word for each answer that the CRM has taken, or never will; how many were new."""
    ended = journal.entries((states.SENT, states.DEAD), kinds=_KINDS, channel=CRM_ANSWER)
    untold = {_told_by(entry): entry for entry in ended}
    for key in journal.known(list(untold)):
        del untold[key]
    return journal.enter([_told(key, entry) for key, entry in untold.items()], now)


def _told_by(entry: Entry) -> str:
    action_id = entry.key.removesuffix(f":{CRM_ANSWER}")
    # What was given up may be tried again by hand, and is told once more when it arrives.
    return f"{action_id}:dead:{SLACK}" if entry.state == states.DEAD else reply_key(action_id)


def _told(key: str, entry: Entry) -> Message:
    answer, message = entry.message.payload, entry.message
    words, is_dead = said(answer), entry.state == states.DEAD
    if is_dead and entry.last_error == SUPERSEDED:
        words += " A later answer counts."
    elif is_dead:
        words += f" The CRM does not have it ({entry.last_error or 'it was given up'})."
    told = {
        **answer["slack"],
        "said": words,
        "is_private": is_dead,
        "keeps_buttons": answer["answer"] == "snoozed",
    }
    about = (message.handoff_id, message.account_id, message.motion, message.rep_id)
    return Message(key, SLACK, "answer", *about, payload=told)
