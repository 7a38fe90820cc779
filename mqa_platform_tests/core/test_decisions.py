"""A decision keeps what was known then; drift says what today's tables say of it, and why."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pytest

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core.decisions import (
    Tables,
    Versions,
    decisions,
    not_acted_on,
    of_handoffs,
    of_overrides,
    of_promotions,
    undecided,
)
from mqa_platform.core.drift import arrivals, decision_drift
from mqa_platform_tests.core.engine import at, day, default_policy

WHO = {"account_id": "acme", "motion": "new_business"}
HANDOFF = {
    **WHO, "handoff_id": "h1", "episode": 1, "rep_id": "anna", "route_rule": "territory",
    "tier": "scaled", "created_on": day(9), "evidence_rule": "people", "policy_version": "v1",
}  # fmt: skip
SCORE = {
    **WHO, "score_date": day(9), "engagement_score": Decimal("96.5"), "threshold": Decimal(90),
    "policy_version": "v1",
}  # fmt: skip
STAGE = {**WHO, "stage_date": day(9), "stage": "mqa"}
ACCOUNT = {
    **WHO, "valid_from": day(-50), "tier": "scaled", "fit_gate": "pass"
}  # fmt: skip
LINES = [
    {**WHO, "score_date": day(9), "component": c, "points": p}
    for c, p in (("pricing_view", Decimal("86.5")), ("multi_contact", Decimal(10)))
]
TOUCHES = [("s1", 9, 1.0), ("s2", 5, 0.5), ("s3", -30, 1.0), ("s4", -400, 1.0), ("s5", 10, 1.0)]


def touch(signal, number, weight=1.0, **changed):
    return {
        "signal_id": signal, "account_id": "acme", "touchpoint_date": day(number), "share": 1.0,
        "match_confidence": weight, "direction": "inbound", **changed,
    }  # fmt: skip


BASE = {
    "handoffs": [HANDOFF],
    "scores": [SCORE],
    "stages": [STAGE],
    "account_fit": [ACCOUNT],
    "score_receipts": LINES,
    "touchpoints": [touch(*t) for t in TOUCHES],
    "landed_batches": [{"batch_id": "first", "landed_at": at(9, 6)}],
}
THEN = Versions("0.1.0", "d1", at(10, 7))


class World:
    """Published tables with some rows, and what is decided and found in them."""

    def __init__(self, engine, **tables):
        self.engine = engine
        told = {**BASE, **tables}
        told["signals"] = told.get("signals") or [
            {"signal_id": s, "batch_id": "first"}
            for s in sorted({t["signal_id"] for t in told["touchpoints"]})
        ]
        contracts = load_contracts()
        self.tables = {
            name: engine.table(
                rows,
                pa.schema([pa.field(f.name, f.type) for f in contracts[name].arrow_schema]),
            )
            for name, rows in told.items()
        }
        names = ("account_fit", "scores", "score_receipts", "stages", "touchpoints")
        self.known = Tables(*(self.tables[n] for n in names))

    def decided(self, before=None, versions=THEN):
        schema = load_contracts()["decisions"].arrow_schema
        before = self.engine.table(before or [], schema)
        open_ones = not_acted_on(self.tables["handoffs"], before)
        every = self.engine.keep(of_handoffs(open_ones, versions))
        new = self.engine.keep(undecided(every, before))
        found = decisions(new, self.known, default_policy(), versions, self.engine.apply)
        return self.engine.rows(found, "decision_id")

    def drift(self, decided, code="0.1.0"):
        t = self.tables
        schema = load_contracts()["decisions"].arrow_schema
        found = decision_drift(
            self.engine.table(decided, schema),
            t["handoffs"],
            self.known,
            arrivals(t["touchpoints"], t["signals"], t["landed_batches"]),
            default_policy(),
            code,
            self.engine.apply,
        )
        (row,) = self.engine.rows(found)
        return row


def test_a_decision_holds_the_score_the_stage_and_the_receipt_of_its_day(engine):
    (found,) = World(engine).decided()
    assert (found["score"], found["threshold"]) == (Decimal("96.5"), Decimal(90))
    assert (found["stage"], found["tier"], found["fit_gate"]) == ("mqa", "scaled", "pass")
    assert (found["rep_id"], found["known_on"], found["decided_at"]) == ("anna", day(9), at(10, 7))
    known = json.loads(found["known"])
    assert [(r["component"], r["points"]) for r in known["receipt"]] == [
        ("multi_contact", "10.0000"),
        ("pricing_view", "86.5000"),
    ]
    # 28 days of evidence; the look-back of a year has one touchpoint more.
    assert known["evidence"] == ["s1", "s2"]
    assert found["inputs"] == 3


def test_what_was_decided_is_not_decided_again(engine):
    world = World(engine)
    once = world.decided()
    assert world.decided(once, replace(THEN, at=at(20))) == []
    ended = {**HANDOFF, "ended_on": day(15)}
    second = {**HANDOFF, "handoff_id": "h2", "episode": 2, "created_on": day(18)}
    more = World(engine, handoffs=[ended, second])
    (new,) = more.decided(once, replace(THEN, at=at(20)))
    assert (new["subject_id"], new["decided_at"]) == ("h2", at(20))


MOVED = [
    # The entry was found to be earlier, and the episode still runs over the day it was acted on.
    ([{"created_on": day(4)}], []),
    ([{"created_on": day(4), "ended_on": day(12)}], []),
    # What was acted on belongs to nothing any more; who qualifies later is new.
    ([{"created_on": day(20)}], [day(20)]),
    ([{"created_on": day(2), "ended_on": day(9)}], [day(2)]),
    ([{"created_on": day(9), "ended_on": day(9)}], []),
    (
        [{"created_on": day(2), "ended_on": day(8)}, {"created_on": day(9), "episode": 2}],
        [day(2)],
    ),
]


@pytest.mark.parametrize(("now", "decided"), MOVED)
def test_an_episode_that_moved_is_neither_swallowed_nor_acted_on_twice(engine, now, decided):
    once = World(engine).decided()
    moved = [{**HANDOFF, "handoff_id": f"of {h['created_on']}", **h} for h in now]
    found = World(engine, handoffs=moved).decided(once, replace(THEN, at=at(30)))
    assert [d["known_on"] for d in found] == decided


def test_a_decision_of_an_account_that_has_nothing_published_is_kept_all_the_same(engine):
    empty = World(engine, scores=[], stages=[], account_fit=[], score_receipts=[], touchpoints=[])
    (found,) = empty.decided()
    assert (found["score"], found["stage"], found["tier"]) == (None, None, None)
    assert json.loads(found["known"]) == {"evidence": [], "receipt": []}
    assert (found["inputs"], found["policy_version"]) == (0, "v1")


def test_without_a_change_nothing_drifts(engine):
    world = World(engine)
    found = world.drift(world.decided())
    assert (found["drifted"], found["cause"], found["still_qualifies"]) == (False, None, True)
    assert found["qualified_now"] == day(9)


LOWER = {"scores": [{**SCORE, "engagement_score": Decimal(70)}]}
LATE = {
    "touchpoints": [*BASE["touchpoints"], touch("late", 3)],
    "signals": [
        *({"signal_id": t[0], "batch_id": "first"} for t in TOUCHES),
        {"signal_id": "late", "batch_id": "second"},
    ],
    "landed_batches": [*BASE["landed_batches"], {"batch_id": "second", "landed_at": at(30)}],
}
CHANGES = [
    ({}, "code"),
    (LOWER, "crm"),
    ({**LOWER, "touchpoints": BASE["touchpoints"][1:]}, "identity"),
    ({**LOWER, "touchpoints": [touch("s1", 9, 0.25), *BASE["touchpoints"][1:]]}, "identity"),
    ({**LOWER, **LATE}, "late_data"),
    ({"scores": [{**LOWER["scores"][0], "policy_version": "v2"}], **LATE}, "policy"),
    ({"account_fit": [{**ACCOUNT, "tier": "strategic"}]}, "crm"),
    ({"stages": [{**STAGE, "stage": "opportunity"}]}, "crm"),
    ({"handoffs": []}, "crm"),
]


@pytest.mark.parametrize(("changed", "cause"), CHANGES)
def test_a_difference_has_the_cause_that_made_it(engine, changed, cause):
    decided = World(engine).decided()
    if cause == "code":
        found = World(engine, **LOWER).drift(decided, "0.2.0")
    else:
        found = World(engine, **changed).drift(decided)
    assert (found["drifted"], found["cause"]) == (True, cause)


@pytest.mark.parametrize(
    ("handoffs", "still", "now"),
    [
        ([{**HANDOFF, "created_on": day(4)}], True, day(4)),
        ([{**HANDOFF, "created_on": day(12)}], False, day(12)),
        ([], False, None),
    ],
)
def test_an_entry_that_moved_or_is_gone_is_told(engine, handoffs, still, now):
    found = World(engine, handoffs=handoffs).drift(World(engine).decided())
    assert (found["still_qualifies"], found["qualified_now"]) == (still, now)
    assert found["drifted"]


def test_an_erased_person_is_the_cause_before_any_other(engine):
    (decided,) = World(engine).decided()
    known = json.loads(decided["known"])
    known["evidence"][0] = "erased"
    decided["known"] = json.dumps(known, separators=(",", ":"))
    found = World(engine, **LOWER, touchpoints=BASE["touchpoints"][1:]).drift([decided])
    assert found["cause"] == "erased"


def test_touchpoints_that_changed_nothing_are_no_drift(engine):
    found = World(engine, **LATE).drift(World(engine).decided())
    assert (found["drifted"], found["late_inputs"]) == (False, 1)


def test_an_override_and_a_promotion_are_decisions_of_who_made_them(engine):
    contracts = load_contracts()
    override = {
        "override_id": "o1", "account_id": "acme", "action": "exclude", "starts_on": day(9),
        "reason": "legal", "by": "ann", "at": at(9, 15),
    }  # fmt: skip
    promotion = {
        "promotion_id": "p1", "version": "v2", "effective_from": day(9), "author": "bob",
        "rationale": "fewer, better", "promoted_at": at(8, 9),
    }  # fmt: skip
    promotions = [
        {**promotion, "kind": k, "promotion_id": k} for k in ("baseline", "promotion", "revert")
    ]
    schemas = [contracts[n].arrow_schema for n in ("overrides", "policy_promotions")]
    parts = [
        of_overrides(engine.table([override], schemas[0]), "new_business"),
        of_promotions(engine.table(promotions, schemas[1])),
    ]
    subjects = engine.keep(engine.keep(parts[0]).union(engine.keep(parts[1])))
    world = World(engine)
    found = decisions(subjects, world.known, default_policy(), THEN, engine.apply)
    rows = engine.rows(found, "kind", "subject_id")
    assert [(r["kind"], r["subject_id"], r["actor"], r["decided_at"]) for r in rows] == [
        ("override", "o1", "ann", at(9, 15)),
        ("promotion", "promotion", "bob", at(8, 9)),
        ("promotion", "revert", "bob", at(8, 9)),
    ]
    assert (rows[0]["score"], rows[0]["stage"], rows[0]["reason"]) == (
        Decimal("96.5"), "mqa", "exclude: legal",
    )  # fmt: skip
    assert (rows[1]["score"], rows[1]["policy_version"]) == (None, "v2")
