"""Webinar and event lists: who came, who registered, and who does not count."""

from __future__ import annotations

import pytest

from mqa_platform.policy.sources import Source
from mqa_platform.sources.event_lists import event_attendees
from mqa_platform.sources.names import email_key

SOURCE = Source.model_validate({"connector": "event_attendees", "path": "x"})
HEAD = "Email,Company,Attended,Registration Time,Join Time,Webinar Name\n"


def landed(write, content, name="webinar.csv"):
    found = event_attendees(write(name, content), SOURCE)
    told = found.accepted + found.duplicates + sum(found.filtered.values()) + len(found.defects)
    assert told == found.rows
    return found, found.tables["landed_signals"].to_pylist()


def test_who_came_attended_and_who_did_not_only_registered(write):
    content = HEAD + (
        "jane@acme.com,Acme,Yes,2026-01-02 09:00,2026-01-09 16:02,Scoring 101\n"
        "joe@acme.com,Acme,No,2026-01-03 09:00,,Scoring 101\n"
    )
    _, (jane, joe) = landed(write, content)
    assert (jane["event"], jane["occurred_at"].isoformat()) == (
        "event_attendance", "2026-01-09T16:02:00+00:00",
    )  # fmt: skip
    assert (joe["event"], joe["occurred_at"].isoformat()) == (
        "event_registration", "2026-01-03T09:00:00+00:00",
    )  # fmt: skip
    assert jane["person_ref"] == f"email:{email_key('jane@acme.com')}"
    assert {r["direction"] for r in (jane, joe)} == {"inbound"}
    assert (jane["campaign"], jane["channel"], jane["company_name"]) == (
        "Scoring 101",
        "event",
        "Acme",
    )


WORDS = [
    ("attended", "event_attendance"), ("No-Show", "event_registration"), ("no_show", "event_registration"),
    ("Checked In", "event_attendance"), ("registered", "event_registration"), ("TRUE", "event_attendance"),
    ("Did not attend", "event_registration"),
]  # fmt: skip


@pytest.mark.parametrize(("word", "event"), WORDS)
def test_every_tool_has_its_own_word_for_coming(write, word, event):
    content = f"email,status,registered_at,event_date\na@acme.com,{word},2026-01-02,2026-01-09\n"
    _, (row,) = landed(write, content)
    assert row["event"] == event


def test_without_a_status_whoever_joined_or_stayed_came(write):
    content = (
        "email,join time,duration,event date\n"
        "a@acme.com,2026-01-09T16:00:00Z,,2026-01-09\n"
        "b@acme.com,,35,2026-01-09\nc@acme.com,,0,2026-01-09\n"
    )
    _, rows = landed(write, content)
    assert [r["event"] for r in rows] == ["event_attendance"] * 2 + ["event_registration"]


def test_staff_invitations_cancellations_and_coming_back_are_no_news(write):
    content = (
        "email,role,status,joined_at,webinar\n"
        "host@us.com,Host,yes,2026-01-09T16:00:00Z,W\n"
        "a@acme.com,Attendee,cancelled,,W\n"
        "b@acme.com,Attendee,invited,,W\n"
        "c@acme.com,Attendee,yes,2026-01-09T16:30:00Z,W\n"
        "c@acme.com,Attendee,yes,2026-01-09T16:01:00Z,W\n"
        "c@acme.com,Attendee,yes,2026-01-09T16:01:00Z,W\n"
    )
    found, (row,) = landed(write, content)
    assert found.filtered == {"staff": 1, "cancelled": 1, "not_registered": 1, "rejoined": 1}
    assert found.duplicates == 1
    assert row["occurred_at"].minute == 1


def test_the_same_person_at_two_webinars_came_twice(write):
    row = "a@acme.com,Acme,Yes,,2026-01-0{}T16:00:00Z,{}\n"
    _, rows = landed(write, HEAD + row.format(9, "W") + row.format(8, "W") + row.format(9, "V"))
    assert len({r["event_id"] for r in rows}) == 3


def test_the_day_of_the_event_may_stand_in_the_files_name(write):
    _, (row,) = landed(write, "email,attended\na@acme.com,yes\n", "webinar_20260109.csv")
    assert row["occurred_at"].date().isoformat() == "2026-01-09"


DIRT = [
    (",yes,2026-01-09", "missing_email"),
    ("not an address,yes,2026-01-09", "bad_email"),
    ("a@acme.com,perhaps,2026-01-09", "unknown_status"),
    ("a@acme.com,yes,", "missing_timestamp"),
    ("a@acme.com,yes,2026-02-30", "bad_timestamp"),
]


@pytest.mark.parametrize(("row", "reason"), DIRT)
def test_a_row_that_cannot_be_read_is_set_aside(write, row, reason):
    content = f"email,attended,joined_at\n{row}\nok@acme.com,yes,2026-01-09\n"
    found, rows = landed(write, content)
    assert found.reasons().keys() <= {reason, "missing_timestamp"}
    assert (len(found.defects), len(rows)) == (1, 1)
