"""Clicks that a mail filter made do not count; a reader's clicks do."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_platform.core.link_scanners import mail_events, scanned_clicks
from mqa_platform.core.window import Window
from mqa_platform_tests.core.engine import (
    TIMESTAMP,
    at,
    day,
    default_policy,
    landed_schema,
    policy_with,
)

EVENTS = pa.schema(
    [
        ("signal_id", pa.string()),
        ("person", pa.string()),
        ("campaign", pa.string()),
        ("link", pa.string()),
        ("is_mail", pa.bool_()),
        ("occurred_at", TIMESTAMP),
        ("shard", pa.int64()),
    ]
)


def event(name, second, person="ann", campaign="spring", link="/a", is_mail=False):
    """Something that happened so many seconds after nine."""
    return {"signal_id": name, "person": person, "campaign": campaign, "link": link,
            "is_mail": is_mail, "occurred_at": at(0, 9) + timedelta(seconds=second),
            "shard": 0}  # fmt: skip


def mail(second=0.0, **more):
    return event(f"mail {second}", second, is_mail=True, link="mail", **more)


def scanned(rows, **rules):
    policy = policy_with(identity={"link_scanners": rules}) if rules else default_policy()
    table = pa.Table.from_pylist(rows, schema=EVENTS)
    return set(scanned_clicks(policy).fn(table)["signal_id"].to_pylist())


@pytest.mark.parametrize(
    ("rows", "filtered"),
    [
        ([mail(), event("soon", 0)], {"soon"}),
        ([mail(), event("soon", 10)], {"soon"}),
        ([mail(), event("later", 10.001)], set()),
        ([mail(5), event("before", 4)], set()),
        ([mail(campaign="autumn"), event("other mail", 5)], set()),
        ([mail(person="bob"), event("other person", 5)], set()),
        ([mail(campaign=""), event("no campaign", 5, campaign="")], {"no campaign"}),
        ([mail(0), mail(600), event("after the second", 604)], {"after the second"}),
        ([event(f"c{i}", 60 + i, link=f"/{i}") for i in range(3)], {"c0", "c1", "c2"}),
        ([event(f"c{i}", 60 + 1.01 * i, link=f"/{i}") for i in range(3)], set()),
        ([event(f"c{i}", 60, link="/same") for i in range(5)], set()),
        ([event(f"c{i}", 60, link=f"/{i}", person=f"p{i}") for i in range(5)], set()),
        ([event(f"c{i}", 60 + i, link=f"/{i}") for i in range(2)], set()),
        (
            [event(f"c{i}", 60 + i / 10, link=f"/{i}") for i in range(6)] + [event("read", 90)],
            {f"c{i}" for i in range(6)},
        ),
        ([mail(), event("soon", 4), event("read", 90)], {"soon"}),
    ],
)
def test_a_click_is_a_filters_by_how_soon_and_how_many(rows, filtered):
    assert scanned(rows) == filtered


def test_the_limits_are_the_policys():
    assert scanned([mail(), event("c", 20)], seconds_after_sending=30) == {"c"}
    clicks = [event(f"c{i}", 60, link=f"/{i}") for i in range(3)]
    assert scanned(clicks, links_at_once=4) == set()


def test_links_at_once_are_counted_within_a_day_and_mails_across_it():
    """A day that is published does not read otherwise when the next one comes."""
    midnight = 15 * 3600
    clicks = [event(f"c{i}", midnight - 1 + i, link=f"/{i}") for i in range(3)]
    assert scanned(clicks, links_at_once=3) == set()
    assert scanned([mail(midnight - 2), event("next day", midnight + 3)]) == {"next day"}


def test_a_busy_mailbox_is_judged_as_a_quiet_one():
    clicks = [event(f"c{i}", i / 100_000, link=f"/{i % 2}") for i in range(20_000)]
    assert scanned(clicks) == set()
    last = event("last", 0.15, link="/2")
    assert len(scanned([*clicks, last])) == 20_001


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 40), st.sampled_from("ab"), st.sampled_from("xy"), st.integers(0, 3),
            st.booleans(),
        ),
        max_size=14,
    ),
    st.randoms(),
)  # fmt: skip
def test_the_answer_is_the_rule_as_it_is_written_whatever_the_order(drawn, random):
    rows = [
        event(f"e{i}", second, person, campaign, f"/{link}", is_mail)
        for i, (second, person, campaign, link, is_mail) in enumerate(drawn)
    ]
    mails = [(s, p, c) for s, p, c, _, is_mail in drawn if is_mail]
    clicks = [(i, s, p, c, link) for i, (s, p, c, link, is_mail) in enumerate(drawn) if not is_mail]
    wanted = set()
    for i, second, person, campaign, _ in clicks:
        soon = any(p == person and c == campaign and 0 <= second - s <= 10 for s, p, c in mails)
        # Some two seconds that hold the click hold three different links.
        near = any(
            len({k for _, s, p, _, k in clicks if p == person and 0 <= s - begin <= 2}) >= 3
            for begin in (second - 2, second - 1, second)
        )
        if soon or near:
            wanted.add(f"e{i}")
    assert scanned(rows) == wanted
    random.shuffle(rows)
    assert scanned(rows) == wanted


def test_mails_of_the_day_before_are_looked_at_and_what_is_no_mail_is_not(engine):
    row = {"source": "marketo", "event_id": "1", "person_ref": "ann", "event": "email_click",
           "event_date": day(3), "occurred_at": at(3)}  # fmt: skip
    landed = engine.table(
        [
            {**row, "page_path": "/a"},
            {**row, "event_id": "2", "event": "outbound_email", "event_date": day(2)},
            {**row, "event_id": "3", "event": "outbound_email", "event_date": day(1)},
            {**row, "event_id": "4", "event": "page_view"},
            {**row, "event_id": "5", "person_ref": None},
        ],
        landed_schema("landed_signals"),
    )
    rows = engine.rows(mail_events(landed, Window.of(day(3), day(3))), "link")
    assert [(r["link"], r["is_mail"]) for r in rows] == [("/a", False), ("2", True)]
