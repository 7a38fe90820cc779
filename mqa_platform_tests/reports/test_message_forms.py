"""Every message reads the same in Slack, mail and a webhook, and nobody's words do anything in it."""

from __future__ import annotations

import json
import re

import pytest

from mqa_platform.local_services.slack_blocks import problem_of_blocks
from mqa_platform.reports.brief_slack import BLOCKS, TOTAL
from mqa_platform.reports.email_messages import SUBJECT, mail
from mqa_platform.reports.messages import event, markdown
from mqa_platform.reports.slack_messages import metadata, posted, thread_reply
from mqa_platform_tests.reports.facts import ATTACKS, facts, sentence
from mqa_platform_tests.reports.message_cases import ANSWERS, AT, KINDS, PAGE, line, payload


def blocks_of(message: dict) -> list[dict]:
    assert problem_of_blocks(message["blocks"]) == ""
    return message["blocks"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_message_that_slack_takes(kind):
    message = posted(payload(kind), ANSWERS)
    assert 1 <= len(blocks_of(message)) <= BLOCKS
    assert message["text"]
    assert metadata("k", payload(kind))["event_payload"]["key"] == "k"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("outside", ATTACKS)
def test_words_of_others_do_nothing_in_slack(kind, outside):
    message = posted(payload(kind, outside), ANSWERS)
    text = json.dumps(message, ensure_ascii=False)
    marked = re.findall(r"<[^>]*>", text)
    assert [m for m in marked if m != f"<{PAGE}|Account page>"] == []
    assert "@everyone" not in text
    assert len(json.dumps(message)) <= TOTAL
    assert message["parse"] == "none"
    assert message["link_names"] is False


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("outside", ATTACKS)
def test_words_of_others_do_nothing_in_mail(kind, outside):
    made = mail(payload(kind, outside))
    assert "\n" not in made.subject
    assert "\r" not in made.subject
    assert 0 < len(made.subject) <= SUBJECT
    # Nothing that a mail program makes a link of is ours but the page.
    assert re.findall(r"https?://\S+|www\.\S+|\S+@\S+\.\S+", made.text) == (
        [PAGE] if PAGE in made.text else []
    )
    assert set(re.findall(r'(?:src|href)="([^"]*)"', made.html)) <= {PAGE}
    assert re.findall(r"<(script|img|svg|iframe|form)", made.html) == []


@pytest.mark.parametrize("outside", ATTACKS)
def test_words_of_others_make_no_link_in_the_text_of_a_webhook(outside):
    text = markdown(payload("digest", outside))
    assert "<" not in text.replace("\\<", "")
    assert "](" not in text.replace("\\]\\(", "")


def test_a_handoff_has_its_buttons_under_the_head_where_a_long_brief_cannot_push_them_out():
    many = [sentence("Padding {a}.", a="x" * 500) for _ in range(100)]
    long = payload(
        "handoff", brief=facts("Acme", sections=[{"name": "why_now", "sentences": many}])
    )
    kinds = [b["type"] for b in blocks_of(posted(long, ANSWERS))]
    assert kinds[:4] == ["header", "context", "context", "actions"]


def test_many_reasons_and_a_long_brief_still_fit():
    many = [sentence("{a} {b}", a="ü" * 700, b="&" * 700) for _ in range(100)]
    sections = [{"name": n, "sentences": many} for n in ("why_now", "people", "pages", "next")]
    long = payload("update", brief=facts("Acme", sections=sections))
    reasons = tuple(f"a_rather_long_reason_of_ours_{i}" for i in range(20))
    message = posted(long, (reasons, tuple(range(1, 11))))
    assert len(json.dumps(message)) <= TOTAL
    assert len(blocks_of(message)) <= BLOCKS


@pytest.mark.parametrize("kind", ["reminder", "escalation", "digest", "alert"])
def test_what_is_no_handoff_has_no_buttons(kind):
    assert "actions" not in {b["type"] for b in blocks_of(posted(payload(kind), ANSWERS))}


def test_a_handoff_without_a_brief_can_be_answered_too():
    message = posted(payload("handoff", brief=None), ANSWERS)
    assert "actions" in {b["type"] for b in blocks_of(message)}


def test_the_reply_in_a_thread_is_short_and_has_no_buttons():
    message = thread_reply(payload("update"))
    assert [b["type"] for b in blocks_of(message)] == ["header", "section"]
    assert "pricing view: 3 times by 2 known people since 5 January 2026." in json.dumps(message)


def test_a_moment_is_told_as_the_clock_of_the_reader_shows_it():
    text = markdown(payload("reminder"))
    assert "The first touch is due by 5 January 2026, 15:00 (Europe/Berlin)." in text


def test_a_digest_of_any_length_counts_what_it_leaves_out():
    from mqa_platform.core.messages import MOST, digest_facts

    lines = [line(handoff_id=f"h{i}", name=f"Account {i}", rank=i) for i in range(1, 101)]
    told = digest_facts(lines, None, AT)
    (section,) = told["sections"]
    assert len(section["sentences"]) == MOST + 1
    assert section["sentences"][-1]["text"] == f"{100 - MOST} more are on the worklist."


def test_a_digest_says_what_is_due_what_waits_and_what_is_new_in_that_order():
    lines = [line("news", name="C"), line("held", name="B"), line("due", name="A"),
             line("told", name="D", reason="escalation")]  # fmt: skip
    from mqa_platform.core.messages import digest_facts

    made = payload("digest", facts=digest_facts(lines, "UTC", AT))
    headings = re.findall(r"## (.*)", markdown(made))
    assert headings == [
        "Due, or over", "What a clock set off", "Waiting for their turn", "New activity",
    ]  # fmt: skip


def test_a_digest_ends_with_what_holds_for_everybody():
    from mqa_platform.core.messages import digest_facts

    note = "The thresholds were last decided on 120 days ago (2025-09-07): a review was due."
    told = digest_facts([line()], "UTC", AT, [note])
    text = markdown(payload("digest", facts=told))
    assert text.index("## For everybody") > text.index("## Due, or over")
    assert "120 days ago" in text
    # Without a note there is no heading without a line below it.
    assert "For everybody" not in markdown(
        payload("digest", facts=digest_facts([line()], "UTC", AT))
    )


def test_a_digest_says_what_was_due_and_what_is():
    from datetime import timedelta

    from mqa_platform.core.messages import digest_facts

    lines = [line(at=AT), line(at=AT + timedelta(hours=3), rank=2)]
    (section,) = digest_facts(lines, "UTC", AT + timedelta(hours=1))["sections"]
    assert [s["text"] for s in section["sentences"]] == [
        "{account}, tier scaled: was due 5 January 2026, 14:00 (UTC).",
        "{account}, tier scaled: due 5 January 2026, 17:00 (UTC).",
    ]


def test_the_event_of_a_webhook_names_its_kind_its_moment_and_what_it_is_about():
    told = event(payload("handoff"))
    assert told["type"] == "mqa.handoff"
    assert told["timestamp"] == "2026-01-05T14:00:00+00:00"
    assert told["data"]["account"]["domain"] == "acme.com"
    assert told["data"]["handoff"]["handoff_id"] == "h1"
    assert told["data"]["text"].startswith("# Acme is yours")
    json.dumps(told, allow_nan=False)
