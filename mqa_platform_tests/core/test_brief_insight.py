"""Why an account spikes: what the brief says is new about it, by hand."""

from __future__ import annotations

import random

from mqa_platform_tests.core.engine import day
from mqa_platform_tests.core.test_briefs import JANE, acted, cited, facts, told


def page(number: int, person: str | None = None, page_type: str = "pricing", n: int = 0, **changed):
    """The n-th page of a day; a visit a person and day."""
    told_ = {"signal_id": f"p{number}{person or ''}{n}", "session_id": f"v{number}{person or ''}"}
    return acted(number, person, page_type=page_type, **{**told_, **changed})


# Seen for the first time 84 days before the window: four acts then, twelve in the window.
BEFORE = [page(-111, "bob"), page(-100, "bob"), page(-60, "bob"), page(-28, "bob")]
NOW = [page(-n, "bob", n=k) for n in (1, 2, 3) for k in (0, 1)]
NOW += [page(-n, "jane", page_type="docs", n=k) for n in (1, 5) for k in (0, 1, 2)]


def insight(engine, touches, **tables) -> list[str]:
    return told(facts(engine, touches=touches, **tables), "insight")


def test_a_rise_is_told_against_the_accounts_own_rate(engine):
    # Four acts in 84 days are 4/3 in 28; twelve are nine times that.
    assert insight(engine, BEFORE + NOW)[0] == (
        "12 acts of its own accord in 28 days, 9.0 times its rate from 12 September 2025, when it was "
        "first seen, until then."
    )


def test_the_rise_is_told_by_what_it_is_about_the_largest_gain_first(engine):
    found = facts(engine, touches=BEFORE + NOW)
    assert told(found, "insight")[1:3] == [
        "6 of these acts are about docs, on 2 days, by 1 known person; none before that.",
        "6 of these acts are about pricing, on 3 days, by 1 known person; 4 before that.",
    ]
    assert cited(found, "insight", 1) == sorted(
        t["signal_id"] for t in NOW if t["page_type"] == "docs"
    )


def test_who_is_new_is_named_and_who_was_known_is_not(engine):
    found = facts(engine, touches=BEFORE + NOW, contacts=[JANE])
    assert (
        "1 of the 2 people active in 28 days is new, first seen after 4 December 2025: Jane Doe (VP Data)."
        in told(found, "insight")
    )


def test_people_who_came_back_are_told_with_their_visits(engine):
    assert insight(engine, BEFORE + NOW)[-1] == (
        "2 people came back: 5 visits on 4 days within 28 days."
    )


def test_steady_interest_is_no_rise(engine):
    steady = [page(-n, "bob") for n in range(0, 112, 4)]
    assert [s for s in insight(engine, steady) if "own accord" in s] == []


def test_an_account_seen_for_less_than_the_window_before_has_no_rate_to_rise_from(engine):
    young = [page(-30, "bob"), *NOW]
    assert [s for s in insight(engine, young) if "times its rate" in s] == []


def test_of_an_account_never_seen_before_nobody_is_called_new(engine):
    said = insight(engine, NOW, contacts=[JANE])
    assert said[0] == "12 acts of its own accord in 28 days; nothing was seen of it before."
    assert [s for s in said if "new" in s] == []


def test_what_our_own_mail_and_ads_caused_is_no_rise(engine):
    ours = [page(-n, "jane", channel="email") for n in range(1, 9)]
    ours += [page(-n, "bob", channel="Paid_Social") for n in range(1, 9)]
    ours += [
        acted(-n, "bob", signal_type="email_reply_or_click", event="email_click", page_type=None)
        for n in range(10, 15)
    ]
    assert insight(engine, BEFORE + ours) == []


def test_two_acts_are_no_pattern(engine):
    assert insight(engine, [*BEFORE, page(-1, "jane"), page(-2, "jane")]) == []


def test_the_order_of_the_touchpoints_does_not_matter(engine):
    touches = BEFORE + NOW
    shuffled = random.Random(5).sample(touches, len(touches))
    assert insight(engine, touches, contacts=[JANE]) == insight(engine, shuffled, contacts=[JANE])


def test_topics_of_others_stand_beside_the_sentence_and_never_in_it(engine):
    evil = "{name} <!channel> [x](http://evil.example)"
    touches = [page(-n, "bob", topic=evil) for n in range(1, 6)]
    found = facts(engine, touches=touches)
    (part,) = [p for p in found["sections"] if p["name"] == "insight"]
    assert all("channel" not in s["text"] for s in part["sentences"])
    assert any(s["words"].get("topic") == evil.casefold() for s in part["sentences"])


def test_a_day_after_the_entry_is_not_looked_at(engine):
    later = [page(n, "jane") for n in range(1, 9)]
    assert insight(engine, BEFORE + NOW) == insight(engine, BEFORE + NOW + later)
    assert day(0).isoformat() == "2026-01-01"
