"""Signals: what survives deduplication, and what each event means."""

from __future__ import annotations

import pytest

from mqa_platform.core.signals import dropped_signals, page_views, signals, unclassified_pages
from mqa_platform.core.window import Window
from mqa_platform_tests.core.engine import at, day, default_policy, landed_schema, policy_with

WINDOW = Window.of(day(0), day(9))


def event(number=0, **changed):
    return {
        "source": "segment",
        "event_id": f"e{number}",
        "event_date": day(number),
        "occurred_at": at(number),
        "received_at": at(number, 13),
        "event": "page_view",
        "direction": "inbound",
        "page_path": "/pricing",
        "is_bot_agent": False,
        "payload_hash": "h",
        "batch_id": "b1",
        **changed,
    }


def made(engine, *events, window=WINDOW, policy=None):
    landed = engine.table(events, landed_schema("landed_signals"))
    policy = policy or default_policy()
    return (
        engine.rows(signals(landed, policy, window), "signal_date", "signal_id"),
        engine.rows(dropped_signals(landed, window), "signal_date", "reason"),
    )


def one(engine, policy=None, **changed):
    return made(engine, event(**changed), policy=policy)[0][0]


def several(engine, changes, policy=None):
    """The signals of events that differ in the given ways, in their order."""
    events = [event(event_id=f"{i:03}", campaign=f"{i:03}", **c) for i, c in enumerate(changes)]
    return sorted(made(engine, *events, policy=policy)[0], key=lambda s: s["campaign"])


def test_the_earliest_received_delivery_is_kept_and_the_others_are_counted(engine):
    kept, dropped = made(
        engine,
        event(received_at=at(0, 15), batch_id="late"),
        event(received_at=at(0, 14), batch_id="early"),
        event(received_at=at(0, 16), payload_hash="other"),
        event(1),
    )
    assert [k["batch_id"] for k in kept] == ["early", "b1"]
    counted = [(d["reason"], d["landed_rows"], d["sample_event_id"]) for d in dropped]
    assert counted == [("conflict", 1, "e0"), ("duplicate", 1, "e0")]


def test_the_same_id_of_two_sources_is_two_events(engine):
    kept, dropped = made(engine, event(), event(source="other"))
    assert (len(kept), dropped) == (2, [])
    assert len({k["signal_id"] for k in kept}) == 2


def test_the_same_delivery_is_kept_whichever_day_is_run(engine):
    moved = [event(), event(event_date=day(1), occurred_at=at(1), received_at=at(1, 14))]
    assert made(engine, *moved, window=Window.of(day(1), day(1)))[0] == []
    alone, dropped = made(engine, *moved, window=Window.of(day(1), day(1)))
    assert [(d["signal_date"], d["reason"]) for d in dropped] == [(day(1), "duplicate")]
    whole = made(engine, *moved)
    assert [k["signal_date"] for k in whole[0]] == [day(0)]
    assert whole[1] == dropped


def test_landed_rows_are_signals_or_dropped_with_a_reason(engine):
    events = [event(n % 3, payload_hash="ab"[n % 2], received_at=at(0, n)) for n in range(12)]
    kept, dropped = made(engine, *events)
    assert len(kept) + sum(d["landed_rows"] for d in dropped) == 12


def test_intent_strength_rises_from_fifty_to_a_hundred(engine):
    wanted = {50: 0, 60: 0.2, 100: 1, 49: 0, 0: 0, 75: 0.5, None: 1}
    found = several(
        engine, [{"event": "intent", "intent_score": score, "page_path": None} for score in wanted]
    )
    assert [f["strength"] for f in found] == pytest.approx(list(wanted.values()))
    assert {f["signal_type"] for f in found} == {"intent_surge"}


def test_any_other_event_has_full_strength(engine):
    assert one(engine)["strength"] == 1


PAGES = [
    ("/pricing", "pricing", "pricing_view"),
    ("/Pricing?plan=pro", "pricing", "pricing_view"),
    ("/pricing-news", "other", "product_or_blog_view"),
    ("/compare/us-and-them", "comparison", "high_intent_view"),
    ("/integrations", "integration", "high_intent_view"),
    ("/blog/pricing", "blog", "product_or_blog_view"),
    ("/", "home", "product_or_blog_view"),
    (None, "other", "product_or_blog_view"),
    ("/careers/engineer", "careers", "page_view"),
    ("/login", "login", "page_view"),
]


def test_a_page_is_what_its_path_says_and_careers_and_login_score_nothing(engine):
    found = several(engine, [{"page_path": path} for path, _, _ in PAGES])
    assert [(f["page_path"], f["page_type"], f["signal_type"]) for f in found] == PAGES


def test_the_first_pattern_that_matches_names_the_page(engine):
    types = {"blog": ["^/news"], "pricing": ["^/news/prices"], "product": ["^/x"]}
    wanted = {
        n: default_policy().signals.page_types[n] for n in default_policy().signals.page_types
    }
    policy = policy_with(
        signals={"page_types": {**types, **{k: v for k, v in wanted.items() if k not in types}}}
    )
    assert one(engine, policy, page_path="/news/prices")["page_type"] == "blog"


EVENTS = [
    ("demo_request", "demo_request"),
    ("email_click", "email_reply_or_click"),
    ("layoffs", "negative_company_event"),
    ("email_open", "email_open"),
    ("unsubscribe", "unsubscribe"),
]


def test_an_event_that_no_signal_claims_keeps_its_name(engine):
    found = several(engine, [{"event": name, "page_path": None} for name, _ in EVENTS])
    assert [(f["event"], f["signal_type"]) for f in found] == EVENTS
    assert {f["page_type"] for f in found} == {None}


CONSENTS = [
    ("segment", None, "unknown"),
    ("segment", "granted", "granted"),
    ("marketo", None, "granted"),
    ("marketo", "denied", "denied"),
    ("bombora", None, "not_required"),
    ("somewhere", None, "unknown"),
]


def test_consent_is_the_events_own_else_the_sources_default(engine):
    found = several(engine, [{"source": s, "consent": flag} for s, flag, _ in CONSENTS])
    assert [f["consent"] for f in found] == [consent for _, _, consent in CONSENTS]


def test_the_pages_that_the_taxonomy_does_not_know_are_counted_by_day_and_path(engine):
    paths = [(0, "/pricing"), (0, "/new/prices"), (1, "/new/prices"), (1, None), (1, "/blog/a")]
    events = [event(n, event_id=f"e{i}", page_path=p) for i, (n, p) in enumerate(paths)]
    other = [event(0, event_id="d", event="demo_request", page_path="/nowhere")]
    landed = engine.table([*events, *other], landed_schema("landed_signals"))
    kept = engine.keep(signals(landed, default_policy(), WINDOW))
    views = engine.rows(page_views(kept), "signal_date")
    assert [(v["signal_date"], v["page_views"], v["unclassified"]) for v in views] == [
        (day(0), 2, 1),
        (day(1), 3, 2),
    ]
    pages = engine.rows(unclassified_pages(kept), "page_path")
    assert [(p["page_path"], p["views"]) for p in pages] == [("", 1), ("/new/prices", 2)]
