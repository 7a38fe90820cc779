"""Sessions: where a visit ends, whose it is, and what touchpoints carry."""

from __future__ import annotations

import pyarrow as pa

from mqa_platform.core.sessions import sessions, touchpoints, unresolved_signals, visits
from mqa_platform.core.signals import signals
from mqa_platform.core.window import Window
from mqa_platform_tests.core.engine import at, day, default_policy, landed_schema
from mqa_platform_tests.core.test_signals import event

RESOLVED = pa.schema(
    [
        ("signal_id", pa.string()),
        ("account_id", pa.string()),
        ("person_id", pa.string()),
        ("share", pa.float64()),
        ("match_confidence", pa.float64()),
        ("resolution_rule", pa.string()),
        ("is_known_person", pa.bool_()),
        ("title", pa.string()),
        ("reason", pa.string()),
    ]
)


def seen(engine, *events):
    landed = engine.table(events, landed_schema("landed_signals"))
    return engine.keep(signals(landed, default_policy(), Window.of(day(0), day(9))))


def hits(*moments, **changed):
    return [
        event(event_id=f"h{i}", occurred_at=m, event_date=m.date(), anonymous_id="c", **changed)
        for i, m in enumerate(moments)
    ]


def count(engine, *moments):
    found = engine.rows(visits(seen(engine, *hits(*moments)), default_policy()))
    assert len(found) == len(moments)
    return len({r["session_id"] for r in found})


SECONDS = [
    (at(0, 12, 30), 1),
    (at(0, 12, 30, 1), 2),
    (at(0, 12, 30, 0.9), 1),
    (at(0, 12, 0), 1),
    (at(0, 12, 0, 0.000001), 1),
    (at(0, 13, 0), 2),
]


def test_a_visit_ends_after_more_than_half_an_hour_of_silence(engine):
    rows = [
        event(event_id=f"{i}{m}", occurred_at=m, event_date=day(0), anonymous_id=str(i))
        for i, (second, _) in enumerate(SECONDS)
        for m in [at(0, 12)] + [second]
    ]
    rows = [{**r, "event_id": f"e{i}"} for i, r in enumerate(rows)]
    s = seen(engine, *rows)
    of = {r["signal_id"]: r["anonymous_id"] for r in engine.rows(s)}
    made = {str(i): set() for i in range(len(SECONDS))}
    for v in engine.rows(visits(s, default_policy())):
        made[of[v["signal_id"]]].add(v["session_id"])
    assert [len(v) for v in made.values()] == [count for _, count in SECONDS]


def test_silence_counts_from_the_last_hit_and_not_from_the_first(engine):
    assert count(engine, at(0, 9), at(0, 9, 20), at(0, 9, 40), at(0, 10, 10), at(0, 10, 50)) == 2


def test_a_visit_belongs_to_one_day(engine):
    assert count(engine, at(0, 23, 59), at(1, 0, 1)) == 2


def test_what_we_send_and_who_has_no_cookie_make_no_visit(engine):
    rows = [*hits(at(0), direction="outbound"), event(5)]
    assert engine.rows(visits(seen(engine, *rows), default_policy())) == []


def resolved(engine, found, **answers):
    rows = []
    for s in found:
        base = {
            "signal_id": s["signal_id"],
            "share": 1.0,
            "match_confidence": 0.75,
            "resolution_rule": "office_ip",
            "is_known_person": False,
        }
        rows += [{**base, **a} for a in answers[s["page_path"].strip("/")]]
    return engine.table(rows, RESOLVED)


def test_a_visit_belongs_to_the_account_of_its_surest_signal(engine):
    s = seen(
        engine,
        *hits(at(0, 9), page_path="/weak"),
        *[{**h, "event_id": "k"} for h in hits(at(0, 9, 5), page_path="/pricing")],
    )
    answers = resolved(
        engine,
        engine.rows(s),
        weak=[{"account_id": "office"}],
        pricing=[{"account_id": "acme", "match_confidence": 0.9, "person_id": "p",
                  "is_known_person": True, "resolution_rule": "email_domain"}],
    )  # fmt: skip
    (visit,) = engine.rows(sessions(s, answers, default_policy()))
    assert (visit["account_id"], visit["person_id"]) == ("acme", "p")
    assert (visit["page_views"], visit["high_intent_views"]) == (2, 1)
    assert (visit["started_at"], visit["ended_at"]) == (at(0, 9), at(0, 9, 5))


def test_shares_sum_to_the_signal_and_the_unresolved_keep_their_reason(engine):
    s = seen(engine, event(0, page_path="/both"), event(1, page_path="/nobody"))
    answers = resolved(
        engine,
        engine.rows(s),
        both=[{"account_id": a, "share": 0.5} for a in ("acme", "other")],
        nobody=[{"reason": "isp"}],
    )
    found = engine.rows(touchpoints(s, answers, default_policy()), "account_id")
    assert [(t["account_id"], t["share"]) for t in found] == [("acme", 0.5), ("other", 0.5)]
    (left,) = engine.rows(unresolved_signals(s, answers))
    assert (left["reason"], left["signal_date"]) == ("isp", day(1))


TITLES = [
    ("Chief Technology Officer", 2.0),
    ("CFO", 2.0),
    ("Vice President, Sales", 1.5),
    ("Head of Data", 1.25),
    ("Engineering Manager", 1.0),
    ("Software Engineer", 0.75),
    ("Executive Assistant to the CEO", 0.5),
    ("Wizard", 1.0),
    (None, 1.0),
]


def test_seniority_comes_from_the_title_and_is_one_when_unknown(engine):
    s = seen(engine, event(0, page_path="/x"))
    rows = [{"account_id": f"{i:02}", "title": title} for i, (title, _) in enumerate(TITLES)]
    found = engine.rows(
        touchpoints(s, resolved(engine, engine.rows(s), x=rows), default_policy()), "account_id"
    )
    assert [t["seniority"] for t in found] == [factor for _, factor in TITLES]
