"""What stitching added is told against what the other rules say, and adds nothing up twice."""

from __future__ import annotations

import pyarrow as pa

from mqa_platform.core.stitching import named_later, stitched_shares
from mqa_platform_tests.core.engine import TIMESTAMP, at, day, landed_schema

TOUCHPOINTS = pa.schema(
    [
        ("signal_id", pa.string()),
        ("account_id", pa.string()),
        ("anonymous_id", pa.string()),
        ("resolution_rule", pa.string()),
        ("share", pa.float64()),
        ("touchpoint_date", pa.date32()),
        ("occurred_at", TIMESTAMP),
    ]
)
OTHERWISE = pa.schema(
    [("signal_date", pa.date32()), ("account_id", pa.string()), ("share", pa.float64())]
)


def touch(signal, account, rule="stitched_cookie", share=1.0, on=0):
    return {"signal_id": signal, "account_id": account, "anonymous_id": "fox", "share": share,
            "resolution_rule": rule, "touchpoint_date": day(on), "occurred_at": at(on)}  # fmt: skip


def later(engine, touches, *seen):
    told = [{"kind": "cookie", "ref": "fox", "person_ref": "email:ann", "seen_at": s} for s in seen]
    identities = engine.table(told, landed_schema("landed_identities"))
    return named_later(engine.table(touches, TOUCHPOINTS), identities)


def test_only_what_came_before_the_first_naming_was_learnt_later(engine):
    touches = [
        touch("old", "acme", on=0),
        touch("new", "acme", on=5),
        touch("mail", "acme", "email_domain"),
    ]
    found = engine.rows(later(engine, touches, at(3), at(9)), "signal_id")
    assert [r["signal_id"] for r in found] == ["old"]


def test_an_account_that_lost_a_visit_to_a_person_shows_it(engine):
    touches = [touch("s1", "acme"), touch("s2", "acme", "office_ip"), touch("s3", "beta")]
    known = later(engine, touches[:1] + touches[2:], at(3))
    answers = [
        {"signal_date": day(0), "account_id": "zeta", "share": 1.0},
        {"signal_date": day(0), "account_id": None, "share": None},
    ]
    shares = stitched_shares(
        engine.table(touches, TOUCHPOINTS), known, engine.table(answers, OTHERWISE)
    )
    told = {r["account_id"]: (r["as_known_then"], r["added"]) for r in engine.rows(shares, "day")}
    assert told == {"acme": (1.0, 1.0), "beta": (0.0, 1.0), "zeta": (1.0, -1.0)}


def test_a_visit_that_the_office_gave_to_the_same_account_was_not_added(engine):
    touches = [touch("s1", "acme")]
    answers = engine.table([{"signal_date": day(0), "account_id": "acme", "share": 1.0}], OTHERWISE)
    known = later(engine, touches, at(3))
    shares = stitched_shares(engine.table(touches, TOUCHPOINTS), known, answers)
    assert engine.rows(shares, "day") == []
