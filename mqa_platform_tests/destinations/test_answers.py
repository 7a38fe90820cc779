"""Answers given in Slack: pressed there, received, signed, carried out once and told of in Slack again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqa_platform.destinations import entries
from mqa_platform.destinations.answer_replies import SUPERSEDED
from mqa_platform.destinations.answers import Taken, taken
from mqa_platform.destinations.channel import Message
from mqa_platform.destinations.journal import Journal
from mqa_platform.destinations.outbox import send_due
from mqa_platform.destinations.slack_people import People
from mqa_platform.home import Home
from mqa_platform.local_services.faults import Fault
from mqa_platform.local_services.slack import LocalSlack
from mqa_platform.policy.delivery_answers import Answers
from mqa_platform.policy.write_back import WriteBack
from mqa_platform.receiver import inbox
from mqa_platform_tests.destinations.answering import SLACK_USERS, Loop, Tables, policy_of
from mqa_platform_tests.destinations.carrying import FAST, Killed, Service
from mqa_platform_tests.receiver import signing
from mqa_platform_tests.reports.message_cases import payload


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    with LocalSlack(users=SLACK_USERS, channels=("C0TEAM",)) as slack:
        yield Loop(tmp_path, slack)


def test_the_reps_accept_reaches_the_crm_once_and_stands_under_the_message(loop: Loop) -> None:
    loop.press("accept")
    assert loop.has_buttons
    found = loop.deliver()
    assert (found.counted, found.refused, found.replies) == (1, 0, 1)
    (answer,) = loop.answered()
    assert (answer["answer"], answer["by"], answer["by_name"]) == ("accepted", "ann", "Ann Smith")
    (entry,) = loop.journal.entries(channel="crm_answer")
    assert (entry.message.account_id, entry.message.motion) == ("acme", "new_business")
    assert "Accepted by Ann Smith." in loop.lines()
    assert not loop.has_buttons
    # Known again after the change, should the process have died before it heard of it.
    assert loop.message["metadata"]["event_payload"]["key"] == "h1:slack"
    for _ in range(3):
        again = loop.deliver()
        assert (again.counted, again.refused, again.replies) == (0, 0, 0)
    assert (len(loop.crm.calls), loop.message["edits"]) == (1, 1)


def test_nobody_reads_accepted_before_the_crm_has_it(loop: Loop) -> None:
    loop.press("accept")
    loop.crm.faults = ["again"]
    assert loop.deliver().replies == 0
    assert loop.has_buttons
    loop.journal.retry([entry.key for entry in loop.journal.entries(channel="crm_answer")])
    loop.deliver()
    assert "Accepted by Ann Smith." in loop.lines()


def test_what_the_crm_refuses_is_told_to_who_answered_and_to_nobody_else(loop: Loop) -> None:
    loop.press("accept")
    loop.crm.faults = ["refused"]
    loop.deliver()
    assert loop.private() == ["Accepted by Ann Smith. The CRM does not have it (no such channel)."]
    assert loop.has_buttons
    # Somebody has corrected the cause and lets it be tried again.
    loop.journal.retry([entry.key for entry in loop.journal.entries(channel="crm_answer")])
    loop.deliver()
    assert "Accepted by Ann Smith." in loop.lines()
    assert len(loop.private()) == 1


def test_a_reject_says_why(loop: Loop) -> None:
    loop.press("reject", value="h1:bad_fit")
    loop.deliver()
    (answer,) = loop.answered()
    assert (answer["answer"], answer["reason"]) == ("rejected", "bad_fit")
    assert "Rejected by Ann Smith (bad fit)." in loop.lines()


def test_a_snooze_is_a_decision_by_hand_and_can_still_be_accepted(loop: Loop) -> None:
    loop.press("snooze", value="h1:7")
    loop.deliver()
    (file,) = (loop.home.inbox / "overrides").glob("*.jsonl")
    row = json.loads(file.read_text())
    today = datetime.now(UTC).date()
    assert (row["account_id"], row["action"], row["by"]) == ("acme", "snooze", "ann")
    assert date.fromisoformat(row["ends_on"]) - today == timedelta(days=7)
    assert "Snoozed by Ann Smith until" in loop.lines()[-1]
    assert loop.has_buttons
    loop.press("accept")
    loop.deliver()
    assert [answer["answer"] for answer in loop.answered()] == ["snoozed", "accepted"]
    assert not loop.has_buttons


def test_a_kill_between_the_decision_and_the_journal_writes_the_same_decision(loop: Loop) -> None:
    loop.press("snooze", value="h1:7")

    class Killed(BaseException):
        pass

    class Dying(Journal):
        def enter(self, *_: Any, **__: Any) -> int:
            raise Killed

    with pytest.raises(Killed):
        loop.take(journal=Dying(loop.home.outbox))
    loop.deliver()
    assert len(list((loop.home.inbox / "overrides").iterdir())) == 1
    assert len(loop.answered()) == 1


def test_a_stranger_is_told_so_alone_and_nothing_is_written(loop: Loop) -> None:
    for user in ("U3CAS", "U5EVE"):
        loop.press("accept", user)
    assert loop.deliver().refused == 2
    assert {text.split(",")[0] for text in loop.private()} == {
        "This account is with Ann Smith",
        "Nobody in the CRM has your Slack address",
    }
    assert loop.crm.calls == []
    assert loop.has_buttons


def test_what_stands_in_the_crm_is_read_and_is_no_news(loop: Loop) -> None:
    loop.tables = Tables([{}], ("accepted", None))
    loop.press("accept")
    assert loop.deliver().refused == 1
    assert "Clear the field" in loop.private()[0]


def test_pressing_twice_is_one_answer(loop: Loop) -> None:
    loop.press("accept")
    loop.press("accept", "U2BOB")
    found = loop.deliver()
    assert (found.counted, found.refused) == (1, 1)
    assert len(loop.answered()) == 1
    assert "Accepted by Ann Smith." in loop.private()[0]


def test_the_last_word_holds_even_when_the_first_was_still_waiting(loop: Loop) -> None:
    loop.press("accept")
    loop.crm.faults = ["again"]
    loop.take()
    send_due(loop.journal, {"crm_answer": loop.crm}, FAST)
    loop.press("reject", value="h1:no_need")
    loop.deliver()
    assert [answer["answer"] for answer in loop.answered()] == ["rejected"]
    assert [e.last_error for e in loop.journal.entries(["dead"])] == [SUPERSEDED]
    assert "Rejected by Ann Smith (no need)." in loop.lines()


def test_who_pressed_is_asked_again_when_slack_did_not_say(loop: Loop) -> None:
    loop.press("accept")
    loop.slack.faults.append(Fault("users.info", "dropped"))
    found = loop.take()
    assert (found.counted, found.refused, len(found.later)) == (0, 0, 1)
    assert loop.take().counted == 1


def test_a_run_without_the_token_takes_no_rep_for_a_stranger(loop: Loop) -> None:
    loop.press("accept")
    blind = People(None, loop.policy.delivery)
    found = loop.take(people=blind)
    assert (found.counted, found.refused, len(found.later)) == (0, 0, 1)
    assert loop.deliver().counted == 1
    assert loop.private() == []


def test_a_press_that_waits_keeps_no_other_handoff_waiting(loop: Loop) -> None:
    loop.tables = Tables([{}, {"handoff_id": "h2"}])
    loop.answers = Answers(users={"U2BOB": "bob"})
    loop.press("accept")
    loop.press("accept", "U2BOB")
    loop.press("accept", "U2BOB", value="h2")
    loop.slack.faults.append(Fault("users.info", "dropped"))
    found = loop.take()
    assert (found.counted, found.refused, len(found.later)) == (1, 0, 2)
    (answer,) = loop.journal.entries(channel="crm_answer")
    assert answer.message.handoff_id == "h2"
    # The first word of the other is still the first.
    loop.deliver()
    said = [(e.message.handoff_id, e.message.payload["by"])
            for e in loop.journal.entries(channel="crm_answer")]  # fmt: skip
    assert sorted(said) == [("h1", "ann"), ("h2", "bob")]


def test_somebody_whose_addresses_differ_is_named_in_the_policy(loop: Loop) -> None:
    loop.answers = Answers(users={"U5EVE": "ann"})
    loop.press("accept", "U5EVE")
    assert loop.take().counted == 1
    assert loop.slack.asked("users.info") == []


def test_without_fields_for_answers_the_crm_is_not_promised_anything(loop: Loop) -> None:
    loop.write_back = WriteBack()
    loop.press("accept")
    loop.press("snooze", value="h1:3")
    found = loop.deliver()
    assert (found.counted, found.refused) == (1, 1)
    assert "no field of the CRM" in loop.private()[0]
    assert "Snoozed by Ann Smith" in loop.lines()[-1]
    assert loop.crm.calls == []


def test_what_is_no_press_of_ours_or_cannot_be_read_stops_nothing(loop: Loop) -> None:
    received = loop.home.inbox / "received"
    for body in (b"payload=%7B%7D", b"payload=no", b"", b"command=%2Fx"):
        inbox.keep(received, "slack", "slack_v0", "", body, time.time())
    odd = loop.press("accept")
    odd.write_text(odd.read_text().replace('"value": "h1"', '"value": "<b>"'))
    cut = loop.press("accept", "U2BOB")
    cut.write_bytes(cut.read_bytes()[:40])
    loop.press("accept")
    found = loop.deliver()
    assert found.counted == 1
    assert len(found.unreadable) == 2


def test_a_handoff_that_was_told_of_can_be_answered_before_readers_see_it(loop: Loop) -> None:
    """The run that sent the message may have ended before it renewed the snapshot."""
    loop.tables = Tables([{"handoff_id": "another"}])
    told = Message("h1:slack", "slack", "handoff", "h1", "acme", "new_business", "ann",
                   payload("handoff"))  # fmt: skip
    loop.journal.enter([told], datetime.now(UTC))
    send_due(loop.journal, {"slack": Service("slack")}, FAST)
    loop.press("accept")
    assert loop.deliver().counted == 1
    assert [answer["answer"] for answer in loop.answered()] == ["accepted"]


@pytest.mark.parametrize(("status", "counted"), [("open", 1), ("rejected", 0)])
def test_late_data_gives_a_handoff_another_id_and_its_old_buttons_mean_it_still(
    loop: Loop, status: str, counted: int
) -> None:
    """Its rep was told on the third of a handoff whose entry is known to be the first by now."""
    now_its = {"handoff_id": "h0", "status": status, "rep_id": "cas"}
    loop.tables = Tables([{**now_its, "created_on": date(2026, 3, 1)}])
    told = Message("h1:slack", "slack", "handoff", "h1", "acme", "new_business", "ann",
                   payload("handoff"), date(2026, 3, 3))  # fmt: skip
    loop.journal.enter([told], datetime.now(UTC))
    send_due(loop.journal, {"slack": Service("slack")}, FAST)
    # Neither who had it, nor anybody once it is over.
    loop.press("accept")
    loop.press("accept", "U3CAS")
    found = loop.deliver()
    assert (found.counted, found.refused) == (counted, 2 - counted)
    assert [answer["by"] for answer in loop.answered()] == ["cas"] * counted


def test_an_answer_that_arrives_after_a_later_one_does_not_take_its_place(loop: Loop) -> None:
    first = loop.press("accept")
    held = first.read_bytes()
    first.unlink()
    loop.press("reject", value="h1:no_need")
    loop.deliver()
    first.write_bytes(held)
    assert loop.deliver().refused == 1
    assert [answer["answer"] for answer in loop.answered()] == ["rejected"]


def test_an_old_press_is_history(loop: Loop) -> None:
    path = loop.press("accept")
    old = path.parent.with_name("2020-01-01")
    path.parent.rename(old)
    assert loop.take() == Taken()


def test_names_are_shown_as_text_and_ping_nobody(loop: Loop) -> None:
    users = loop.tables.con.table("crm_users").to_pyarrow().to_pylist()
    users[0]["name"] = "<!channel> *Ann* <http://evil.example|Acme>"
    loop.tables.con.create_table("crm_users", pa.Table.from_pylist(users).cast(
        loop.tables.con.table("crm_users").schema().to_pyarrow()), overwrite=True)  # fmt: skip
    loop.press("accept")
    loop.deliver()
    line = loop.lines()[-1]
    assert "<!channel>" not in line
    assert "<http" not in line


class _Ann:
    """A directory in which everybody is Ann."""

    def of(self, _: str, users: list[dict[str, Any]]) -> dict[str, Any]:
        return users[0]


_PRESSES = st.tuples(
    st.just("press"),
    st.sampled_from(
        ["mqa_accept h1", "mqa_reject h1:bad_fit", "mqa_reject h1:no_need", "mqa_snooze h1:3"]
    ),
)
_FAULTS = ["", "again", "killed_before", "killed_after", "broken_before", "broken_after", "refused"]
_DELIVERIES = st.tuples(st.just("deliver"), st.sampled_from(_FAULTS))


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(st.one_of(_PRESSES, _DELIVERIES, st.just(("again", ""))), max_size=12))
def test_whatever_fails_in_between_the_crm_gets_each_answer_once_and_the_last_word_last(
    steps: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = Home(tmp_path_factory.mktemp("home"))
    journal, crm = Journal(home.outbox), Service("crm_answer")
    received, at = home.inbox / "received", time.time()
    bodies: list[bytes] = []

    def run(fault: str) -> None:
        crm.faults = [fault] if fault else []
        for _ in range(2):
            taken(home, journal, _TABLES, policy_of(), _Ann(), datetime.now(UTC))
            try:
                send_due(journal, {"crm_answer": crm}, FAST)
            except Killed:
                return

    for number, (step, what) in enumerate(steps):
        if step == "press":
            action, value = what.split()
            payload_ = signing.pressed(action, value)
            payload_["actions"][0]["action_ts"] = f"{at + number:.6f}"
            bodies.append(signing.slack_form(payload_))
            inbox.keep(received, "slack", "slack_v0", "", bodies[-1], at)
        elif step == "again" and bodies:
            # The same press, kept a second time on another day.
            path, _ = inbox.keep(home.root / "other", "slack", "slack_v0", "", bodies[0], at)
            day = received / "slack" / (datetime.now(UTC).date() + timedelta(days=1)).isoformat()
            day.mkdir(parents=True, exist_ok=True)
            (day / path.name).write_bytes(path.read_bytes())
        elif step == "deliver":
            run(what)
    journal.retry([e.key for e in journal.entries((entries.FAILED,))])
    run("")
    assert len(set(crm.has)) == len(crm.has)
    answers = [e for e in journal.entries() if e.message.channel == "crm_answer"]
    replies = [e for e in journal.entries() if e.message.channel == "slack"]
    assert all(e.state in (entries.SENT, entries.DEAD) for e in answers)
    # Every press has its word in Slack.
    assert len({e.key.split(":")[0] for e in replies}) == len(set(bodies))
    counted = [e for e in answers if e.state == entries.SENT]
    if counted:
        last = max(counted, key=lambda e: str(e.message.payload["at"]))
        assert crm.has[-1] == last.key


_TABLES = Tables([{}])
