"""Sessions: where a visit ends, whose it is, and what touchpoints carry."""

from __future__ import annotations

import pyarrow as pa

from mqa_platform.core.sessions import match_counts, sessions, touchpoints, unresolved_signals
from mqa_platform.core.signals import signals
from mqa_platform.core.visits import visits
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
        ("evidence", pa.string()),
        ("own_account_id", pa.string()),
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


def cut(engine, found):
    return visits(found, default_policy().identity, engine.apply)


def count(engine, *moments):
    found = engine.rows(cut(engine, seen(engine, *hits(*moments))))
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
    for v in engine.rows(cut(engine, s)):
        made[of[v["signal_id"]]].add(v["session_id"])
    assert [len(v) for v in made.values()] == [count for _, count in SECONDS]


def test_silence_counts_from_the_last_hit_and_not_from_the_first(engine):
    assert count(engine, at(0, 9), at(0, 9, 20), at(0, 9, 40), at(0, 10, 10), at(0, 10, 50)) == 2


def test_a_visit_across_midnight_is_one_and_belongs_to_the_day_it_begins(engine):
    s = seen(engine, *hits(at(0, 23, 50), at(1, 0, 5), at(1, 0, 20)))
    found = cut(engine, s)
    (visit,) = engine.rows(sessions(s, found, resolved(engine, []), default_policy()))
    assert (visit["session_date"], visit["page_views"]) == (day(0), 3)
    touched = resolved(engine, engine.rows(s), pricing=[{"account_id": "acme"}])
    rows = engine.rows(touchpoints(s, found, touched, default_policy()), "occurred_at")
    assert [t["touchpoint_date"] for t in rows] == [day(0), day(1), day(1)]
    assert {t["session_id"] for t in rows} == {visit["session_id"]}


def test_what_we_send_and_who_has_no_cookie_make_no_visit(engine):
    rows = [*hits(at(0), direction="outbound"), event(5)]
    assert engine.rows(cut(engine, seen(engine, *rows))) == []


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
    (visit,) = engine.rows(sessions(s, cut(engine, s), answers, default_policy()))
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
    found = engine.rows(touchpoints(s, cut(engine, s), answers, default_policy()), "account_id")
    assert [(t["account_id"], t["share"]) for t in found] == [("acme", 0.5), ("other", 0.5)]
    (left,) = engine.rows(unresolved_signals(s, answers))
    assert (left["reason"], left["signal_date"]) == ("isp", day(1))


MATCHES = [
    ("matched", None, {"match_confidence": 0.75}),
    ("soft", None, {"match_confidence": 0.74}),
    ("none", "no_match", None),
    ("none", "tie_refused", None),
    ("bot", "bot", None),
    ("excluded", "isp", None),
]


def test_a_day_says_how_its_signals_were_matched(engine):
    names = [f"s{n}" for n in range(len(MATCHES))]
    s = seen(engine, *[event(n, page_path=f"/s{n}", event_date=day(n // 4), occurred_at=at(n // 4))
                       for n in range(len(MATCHES))])  # fmt: skip
    answers = {
        # A signal that two accounts share is one signal.
        name: [{"account_id": a, "share": 0.5, **match} for a in "xy"]
        if match
        else [{"reason": why}]
        for name, (_, why, match) in zip(names, MATCHES, strict=True)
    }
    found = resolved(engine, engine.rows(s), **answers)
    counts = match_counts(
        touchpoints(s, cut(engine, s), found, default_policy()), unresolved_signals(s, found)
    )
    rows = [tuple(r.values()) for r in engine.rows(counts, "day", "outcome", "reason")]
    expected = [(day(n // 4), outcome, why, 1) for n, (outcome, why, _) in enumerate(MATCHES)]
    assert rows == sorted(expected, key=lambda r: tuple(map(str, r)))


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
        touchpoints(s, cut(engine, s), resolved(engine, engine.rows(s), x=rows), default_policy()),
        "account_id",
    )
    assert [t["seniority"] for t in found] == [factor for _, factor in TITLES]


def whole_visit(engine, *events):
    """The signal types of the touchpoints of one visit, in order."""
    rows = [
        event(event_id=f"v{i}", occurred_at=at(0, 9, i), event_date=day(0), anonymous_id="c", **e)
        for i, e in enumerate(events)
    ]
    s = seen(engine, *rows)
    found = [
        {"signal_id": r["signal_id"], "account_id": "acme", "share": 1.0, "match_confidence": 0.9,
         "resolution_rule": "email_domain", "is_known_person": False}
        for r in engine.rows(s)
    ]  # fmt: skip
    table = touchpoints(s, cut(engine, s), engine.table(found, RESOLVED), default_policy())
    return [(r["event"], r["signal_type"]) for r in engine.rows(table, "occurred_at")]


CAREERS, AD = {"page_path": "/careers/engineer"}, {"event": "ad_click", "page_path": None}
IDLE = ("careers_visit", "careers_visit")


def test_a_visit_that_sees_only_careers_pages_scores_nothing(engine):
    download = {"event": "content_download", "page_path": None}
    assert whole_visit(engine, AD, CAREERS, CAREERS, download) == [IDLE] * 4


def test_a_visit_that_also_sees_something_else_or_asks_for_us_is_a_buyers(engine):
    prices = whole_visit(engine, AD, CAREERS, {"page_path": "/pricing"})
    assert [kind for _, kind in prices] == ["ad_click", "page_view", "pricing_view"]
    asks = whole_visit(engine, CAREERS, {"event": "demo_request", "page_path": None})
    assert [kind for _, kind in asks] == ["page_view", "demo_request"]
    assert whole_visit(engine, AD) == [("ad_click", "ad_click")]
