"""Sales-engagement tools: what we did is outbound, what came back is not, and machines are neither."""

from __future__ import annotations

import pytest

from mqa_platform.policy.sources import Source
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.sales_engagement import sales_engagement

SOURCE = Source.model_validate({"connector": "sales_engagement", "path": "x"})
HEAD = "id,prospect_email,user,type,direction,status,occurred_at,subject,sequence\n"
ROW = (
    "{id},jane@acme.com,ann@us.com,{type},{direction},{status},2026-01-05T10:00:00Z,{subject},Q1\n"
)


def landed(write, content):
    found = sales_engagement(write("activity.csv", content), SOURCE)
    told = found.accepted + found.duplicates + sum(found.filtered.values()) + len(found.defects)
    assert told == found.rows
    return found, found.tables["landed_signals"].to_pylist()


def one(write, **cells):
    filled = {"id": "1", "type": "email", "direction": "", "status": "", "subject": "", **cells}
    return landed(write, HEAD + ROW.format(**filled))


TOUCHES = [
    ("email", "delivered", "", "outbound_email", "outbound"),
    ("email", "", "outbound", "outbound_email", "outbound"),
    ("Call", "Left voicemail", "outbound", "outbound_call", "outbound"),
    ("linkedin", "completed", "", "outbound_social", "outbound"),
    ("email", "opened", "", "email_open", "inbound"),
    ("email", "Clicked", "", "email_click", "inbound"),
    ("email", "replied", "", "email_reply", "inbound"),
    ("email", "sent", "inbound", "email_reply", "inbound"),
    ("email", "", "inbound", "email_reply", "inbound"),
    ("linkedin", "replied", "", "email_reply", "inbound"),
    ("email", "opted_out", "", "unsubscribe", "inbound"),
]


@pytest.mark.parametrize(("kind", "status", "direction", "event", "side"), TOUCHES)
def test_only_what_the_prospect_does_is_inbound(write, kind, status, direction, event, side):
    _, (row,) = one(write, type=kind, status=status, direction=direction)
    assert (row["event"], row["direction"], row["campaign"]) == (event, side, "Q1")


LEFT_OUT = [
    ({"status": "bounced"}, "bounced"),
    ({"status": "Hard-Bounce"}, "bounced"),
    ({"status": "scheduled"}, "not_sent"),
    ({"status": "out_of_office"}, "auto_reply"),
    ({"status": "replied", "subject": "Automatic reply: Your offer"}, "auto_reply"),
    ({"status": "replied", "subject": "RE: Out of Office"}, "auto_reply"),
    ({"status": "received", "subject": "Automatische Antwort: Angebot"}, "auto_reply"),
    ({"type": "call", "direction": "inbound", "status": "completed"}, "inbound_call"),
    ({"type": "meeting", "status": "completed"}, "not_a_touch"),
    ({"type": "linkedin", "status": "connection accepted"}, "connection_accepted"),
]


@pytest.mark.parametrize(("cells", "reason"), LEFT_OUT)
def test_machines_and_what_was_never_sent_say_nothing(write, cells, reason):
    found, rows = one(write, **cells)
    assert (found.filtered, rows) == ({reason: 1}, [])


def test_a_mail_that_we_sent_about_our_office_is_no_automatic_answer(write):
    _, (row,) = one(write, status="delivered", subject="Out of office hours")
    assert row["event"] == "outbound_email"


def test_one_mail_is_sent_opened_and_answered_under_one_id(write):
    cells = {"id": "7", "type": "email", "direction": "", "subject": ""}
    content = HEAD + "".join(
        ROW.format(status=s, **cells) for s in ("sent", "opened", "replied", "replied")
    )
    found, rows = landed(write, content)
    assert [r["event_id"] for r in rows] == ["outbound_email:7", "email_open:7", "email_reply:7"]
    assert found.duplicates == 1


def test_without_a_state_the_most_that_came_of_a_mail_counts_at_its_own_time(write):
    content = (
        "id,email,sent_at,opened_at,replied,bounced\n"
        "1,a@acme.com,2026-01-05,,false,0\n2,a@acme.com,2026-01-05,2026-01-06T09:00:00Z,false,0\n"
        "3,a@acme.com,2026-01-05,2026-01-06,2026-01-07,0\n4,a@acme.com,2026-01-05,,0,1\n"
    )
    found, rows = landed(write, content)
    assert [(r["event"], r["occurred_at"].day) for r in rows] == [
        ("outbound_email", 5),
        ("email_open", 6),
        ("email_reply", 7),
    ]
    assert found.filtered == {"bounced": 1}


DIRT = [
    ("1,not an address,email,sent,2026-01-05", "bad_email"),
    ("1,,email,sent,2026-01-05", "missing_person"),
    ("1,a@acme.com,telegram,sent,2026-01-05", "unknown_type"),
    ("1,a@acme.com,email,teleported,2026-01-05", "unknown_state"),
    ("1,a@acme.com,email,sent,", "missing_timestamp"),
    ("1,a@acme.com,email,sent,2026-02-30", "bad_timestamp"),
]


@pytest.mark.parametrize(("row", "reason"), DIRT)
def test_a_row_that_cannot_be_read_is_set_aside(write, row, reason):
    content = f"id,email,type,status,occurred_at\n{row}\n2,b@acme.com,email,sent,2026-01-05\n"
    found, rows = landed(write, content)
    assert (found.reasons(), len(rows)) == ({reason: 1}, 1)


def test_a_file_that_names_no_prospect_is_refused(write):
    with pytest.raises(SourceError, match="email or domain or company"):
        landed(write, "id,status\n1,sent\n")
