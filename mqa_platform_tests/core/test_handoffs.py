"""Handoffs: who gets an account, what the handoff says, and in which order reps work."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mqa_platform.core.desk import DeskTables
from mqa_platform.core.handoffs import entries, handoffs, rerouted
from mqa_platform.core.opportunity_teams import opportunity_team
from mqa_platform.core.routing import route, routing_kernel, standing_problems
from mqa_platform.core.routing_facts import Sources, asks
from mqa_platform.core.routing_steps import fraction
from mqa_platform_tests.core.engine import (
    ACCOUNTS,
    TIMESTAMP,
    account,
    at,
    crm_schema,
    day,
    default_policy,
    landed_schema,
    policy_with,
)

TRANSITIONS = pa.schema(
    [
        ("account_id", pa.string()),
        ("motion", pa.string()),
        ("changed_on", pa.date32()),
        ("seq", pa.int64()),
        ("from_stage", pa.string()),
        ("to_stage", pa.string()),
        ("rule", pa.string()),
        ("reason", pa.string()),
        ("episode", pa.int64()),
        ("episode_tier", pa.string()),
        ("qualified_at", TIMESTAMP),
        ("policy_version", pa.string()),
    ]
)
SCORES = pa.schema(
    [
        ("account_id", pa.string()),
        ("motion", pa.string()),
        ("score_date", pa.date32()),
        ("engagement_score", pa.decimal128(18, 4)),
        ("threshold", pa.decimal128(18, 4)),
        ("momentum", pa.float64()),
        ("eligible_people", pa.int64()),
        ("score_type", pa.string()),
    ]
)


def move(number=0, to="mqa", rule="qualified", **changed):
    return {
        "account_id": "acme", "motion": "new_business", "changed_on": day(number), "seq": 0,
        "to_stage": to, "rule": rule, "reason": "people" if to == "mqa" else None, "episode": 1,
        "qualified_at": at(number) if to == "mqa" else None, "policy_version": "v1", **changed,
    }  # fmt: skip


def user(user_id, **changed):
    return {
        "user_id": user_id, "name": user_id, "is_active": True, "is_listed": False,
        "valid_from": day(-100), **changed,
    }  # fmt: skip


def entered_of(engine, moves, accounts):
    return engine.keep(entries(engine.table(moves, TRANSITIONS), engine.table(accounts, ACCOUNTS)))


TEAM = [user("owner"), user("german", regions="Germany"), user("bavarian", regions="DE:Bavaria")]


def routing(
    engine, moves, accounts, *, crm_accounts=(), deals=(), links=(), desk=None, as_of=300,
    policy=None, asked=None,
):  # fmt: skip
    """What routing finds by the default policy, read from tables."""
    policy = policy or default_policy()
    crm = engine.table(crm_accounts, crm_schema("landed_accounts"), is_deleted=False)
    told = engine.table(deals, crm_schema("landed_opportunities"), is_deleted=False)
    team = engine.keep(opportunity_team(engine.table(links, landed_schema("landed_associations"))))
    sources = Sources(
        engine.table(moves, TRANSITIONS), engine.table(accounts, ACCOUNTS), crm, told, team,
        None if asked is None else asks(asked, policy),
    )  # fmt: skip
    rules = {"r": policy.routing}
    kernel = routing_kernel(rules, desk or DeskTables(TEAM), day(as_of))
    parts = [(entered_of(engine, moves, accounts), "r")]
    return route(parts, sources, kernel, engine.apply)


def routes(engine, *args, **changed):
    found = engine.rows(routing(engine, *args, **changed).routes(), "handoff_id")
    return [(r["rep_id"], r["route_rule"]) for r in found]


def test_an_account_is_routed_as_it_was_on_the_day_of_its_entry(engine):
    versions = [
        account(owner_id="owner", valid_to=day(0)),
        account(owner_id=None, valid_from=day(0)),
    ]
    assert routes(engine, [move()], versions) == [("german", "territory")]
    assert routes(engine, [move()], [account(owner_id="owner")]) == [("owner", "named_owner")]


def test_region_and_postal_code_are_those_of_the_crm_on_that_day(engine):
    places = [
        {"account_id": "acme", "region": "Bavaria", "valid_from": day(-9), "valid_to": day(1)},
        {"account_id": "acme", "region": "Hesse", "valid_from": day(1)},
    ]
    for number, wanted in ((0, "bavarian"), (1, "german")):
        found = routes(engine, [move(number)], [account()], crm_accounts=places)
        assert found == [(wanted, "territory")]


def test_who_works_the_opportunity_of_that_day_gets_the_account(engine):
    deal = {
        "opportunity_id": "d", "account_id": "acme", "owner_id": "owner", "is_closed": False,
        "created_at": at(-3), "valid_from": day(-3),
    }  # fmt: skip
    found = routes(engine, [move()], [account()], deals=[deal])
    assert found == [("owner", "opportunity_team")]


def test_another_owner_while_it_is_open_takes_it_over_and_later_none_does(engine):
    moves = [move(), move(9, "recycled", "no_first_touch")]
    versions = [
        account(valid_to=day(4)),
        account(owner_id="owner", valid_from=day(4), valid_to=day(12)),
        account(owner_id="bavarian", valid_from=day(12)),
    ]
    found = routing(engine, moves, versions)
    owners = engine.rows(found.owners(), "seq")
    assert [(o["rep_id"], o["from_on"], o["to_on"], o["reason"]) for o in owners] == [
        ("german", day(0), day(4), "routed"),
        ("owner", day(4), None, "owner_changed"),
    ]
    (route_,) = engine.rows(found.routes())
    assert (route_["first_rep_id"], route_["reassigned_on"], route_["reassign_reason"]) == (
        "german", day(4), "owner_changed",
    )  # fmt: skip
    # What an owner does on the days after is not known on the days before.
    early = engine.rows(routing(engine, moves, versions, as_of=3).owners())
    assert [o["rep_id"] for o in early] == ["german"]


def test_the_exceptions_tell_handoffs_and_what_is_wrong_with_the_desk(engine):
    nobody = DeskTables(
        [
            user("gone", is_active=False),
            user("ghost", is_active=None, is_listed=True, regions="Nowhere"),
        ],
        absences=[{"rep_id": "stranger", "starts_on": day(1), "ends_on": None, "cover_id": None}],
    )
    found = routing(engine, [move()], [account(country=None)], desk=nobody)
    problems = engine.keep_arrow(standing_problems({"r": default_policy().routing}, nobody, day(0)))
    rows = engine.rows(found.exceptions(problems), "scope", "subject", "cause")
    assert [(r["scope"], r["subject"], r["cause"], r["is_unrouted"]) for r in rows] == [
        ("handoff", rows[0]["handoff_id"], "unknown_user", True),
        ("rep", "ghost", "rep_not_in_the_crm", False),
        ("rep", "ghost", "unknown_place", False),
        ("rep", "stranger", "absent_rep_unknown", False),
    ]
    assert all(r["remedy"] for r in rows)
    assert len({r["exception_id"] for r in rows}) == len(rows)
    assert rows[0]["queue"] == "unrouted_queue"


def test_a_rep_without_a_time_zone_has_no_calendar_and_that_is_told(engine):
    rules = {"r": default_policy().routing}
    desk = DeskTables([user("ann"), user("bob", time_zone="Asia/Tokyo")])
    problems = standing_problems(rules, desk, day(0)).to_pylist()
    assert [(p["subject"], p["cause"]) for p in problems] == [("ann", "rep_without_calendar")]


def test_the_tier_of_a_handoff_is_the_one_with_which_the_episode_began(engine):
    frozen = {**move(), "episode_tier": "strategic"}
    (row,) = engine.rows(entered_of(engine, [frozen], [account(tier="scaled")]))
    assert row["tier"] == "strategic"
    (row,) = engine.rows(entered_of(engine, [move()], [account(tier="scaled")]))
    assert row["tier"] == "scaled"


def test_who_was_put_on_the_rung_by_hand_has_somebodys_word_for_evidence(engine):
    by_hand = {**move(), "rule": "override", "reason": "the CEO knows them"}
    (row,) = engine.rows(entered_of(engine, [by_hand], [account()]))
    assert row["evidence_rule"] == "override"


def made(engine, moves, accounts=None, scores=(), policy=None, asked=None):
    accounts = accounts or [account()]
    found = routing(engine, moves, accounts, policy=policy, asked=asked)
    return engine.keep(
        handoffs(
            entered_of(engine, moves, accounts),
            engine.keep(found.routes()),
            engine.table(moves, TRANSITIONS),
            engine.table(scores, SCORES, motion="new_business", score_date=day(0)),
            policy or default_policy(),
        )
    )


REJECTED = {"to": "recycled", "rule": "crm_rejected", "reason": "timing"}


COURSES = [
    ([], "open"),
    ([move(1, "sales_accepted", "first_touch")], "accepted"),
    ([move(1, **REJECTED)], "rejected"),
    ([move(9, "recycled", "no_first_touch")], "recycled"),
    ([move(1, "sales_accepted", "x"), move(2, "opportunity", "crm_opportunity_open")], "converted"),
    (
        [move(9, "recycled", "score_below_exit"), move(50, "opportunity", "crm_opportunity_open")],
        "recycled",
    ),
    ([move(1, "opportunity", "x"), move(9, "recycled", "crm_opportunity_lost")], "converted"),
]


def test_the_status_is_what_became_of_the_episode_and_not_of_what_came_later(engine):
    moves = [
        {**m, "account_id": f"{i:03}"}
        for i, (after, _) in enumerate(COURSES)
        for m in [move(), *after]
    ]
    accounts = [account(f"{i:03}") for i in range(len(COURSES))]
    found = engine.rows(made(engine, moves, accounts), "account_id")
    assert [h["status"] for h in found] == [status for _, status in COURSES]


def test_a_backlog_entry_waits_for_release(engine):
    (found,) = engine.rows(made(engine, [move(rule="backlog")]))
    assert found["status"] == "backlog"


def test_each_episode_is_one_handoff_with_its_own_id(engine):
    moves = [move(), move(9, **REJECTED), move(60, episode=2)]
    found = engine.rows(made(engine, moves), "created_on")
    assert [(h["episode"], h["status"]) for h in found] == [(1, "rejected"), (2, "open")]
    assert len({h["handoff_id"] for h in found}) == 2
    assert found[0]["reject_reason"] == "timing"


def test_a_handoff_keeps_its_id_when_an_earlier_episode_is_found_or_lost(engine):
    (alone,) = engine.rows(made(engine, [move(40)]))
    earlier = [move(3), move(35, "recycled", "score_below_exit"), move(40, episode=2)]
    first, second = engine.rows(made(engine, earlier), "created_on")
    assert (second["handoff_id"], second["status"]) == (alone["handoff_id"], "open")
    assert first["handoff_id"] != second["handoff_id"]


def test_an_override_to_mqa_within_an_episode_is_no_second_handoff(engine):
    again = move(5, rule="override", from_stage="sales_accepted", reason="asked")
    moves = [move(), move(1, "sales_accepted", "first_touch"), again]
    (found,) = engine.rows(made(engine, moves))
    assert (found["created_on"], found["status"]) == (day(0), "accepted")
    assert found["evidence_rule"] == "people"


@pytest.mark.parametrize(
    ("after", "ended"),
    [
        ([], None),
        ([move(1, "sales_accepted", "x"), move(2, "opportunity", "x")], None),
        ([move(2, "opportunity", "x"), move(8, "customer", "crm_won")], day(8)),
        ([move(4, **REJECTED), move(90, "customer", "crm_won")], day(4)),
        ([move(6, "target", "override")], day(6)),
    ],
)
def test_an_episode_ends_when_it_is_recycled_won_or_put_lower_by_hand(engine, after, ended):
    (found,) = engine.rows(made(engine, [move(), *after]))
    assert found["ended_on"] == ended


CLASSES = [
    ("strategic", "people", 4),
    ("scaled", "people", 8),
    ("programmatic", "people", 24),
    ("programmatic", "hand_raise", 1),
]


def test_the_sla_is_the_tiers_and_a_hand_raise_has_its_own(engine):
    moves = [move(account_id=str(i), reason=r) for i, (_, r, _) in enumerate(CLASSES)]
    accounts = [account(str(i), tier=tier) for i, (tier, _, _) in enumerate(CLASSES)]
    found = engine.rows(made(engine, moves, accounts), "account_id")
    assert [h["sla_hours"] for h in found] == [hours for _, _, hours in CLASSES]
    assert {(h["delivered_at"], h["due_at"], h["sla_met"]) for h in found} == {(None, None, None)}


def test_a_handoff_that_is_routed_again_keeps_everything_but_its_rep(engine):
    moves = [move()]
    before = made(engine, moves)
    desk = DeskTables([user("german", regions="Germany"), user("other")], reassignments=[
        {"reassignment_id": "o", "from_rep": "german", "to_rep": "other", "starts_on": day(2), "at": at(2)}
    ])  # fmt: skip
    after = routing(engine, moves, [account()], desk=desk).routes()
    (one,), (other,) = engine.rows(before), engine.rows(rerouted(before, engine.keep(after)))
    assert {c for c in one if one[c] != other[c]} == {"rep_id", "reassigned_on", "reassign_reason"}
    assert (other["rep_id"], other["first_rep_id"]) == ("other", "german")


def drawn(name, number):
    """The policy with an experiment that holds acme out of its first episode, or does not."""
    share = {"held": 0.5, "given": 1e-9}[number]
    return policy_with(routing={"experiment": {"name": name, "holdout_share": share}})


# Its draw for the first episode of acme is below a half.
NAME = next(f"n{i}" for i in range(50) if fraction(f"n{i}", "acme", "new_business", "1") < 0.5)


@pytest.mark.parametrize("rule", ["qualified", "backlog"])
def test_what_is_held_out_says_so_until_the_episode_is_over(engine, rule):
    policy = drawn(NAME, "held")
    (found,) = engine.rows(made(engine, [move(rule=rule)], policy=policy))
    assert (found["status"], found["route_rule"]) == ("held_out", "holdout")
    assert (found["rep_id"], found["released_on"]) == ("held_out", None)
    accepted = [move(rule=rule), move(1, "sales_accepted", "first_touch")]
    (found,) = engine.rows(made(engine, accepted, policy=policy))
    # Sales found it by itself: it is held out all the same, and the CRM's word stands beside it.
    assert (found["status"], found["accepted_at"].date()) == ("held_out", day(1))
    over = [move(rule=rule), move(9, "recycled", "no_first_touch")]
    (found,) = engine.rows(made(engine, over, policy=policy))
    assert (found["status"], found["route_rule"]) == ("recycled", "holdout")


def test_what_is_given_to_sales_is_as_without_an_experiment(engine):
    moves = [move(), move(9, **REJECTED), move(60, rule="backlog", episode=2)]
    without = engine.rows(made(engine, moves), "created_on")
    assert engine.rows(made(engine, moves, policy=drawn(NAME, "given")), "created_on") == without


TOUCHPOINTS = pa.schema(
    [
        *((c, pa.string()) for c in ("signal_id", "account_id", "person_id", "signal_type")),
        *((c, pa.string()) for c in ("direction", "page_type", "anonymous_id", "seniority")),
        ("touchpoint_date", pa.date32()),
        ("occurred_at", TIMESTAMP),
    ]
)


def request(number, **changed):
    return {
        "signal_id": f"s{number}", "account_id": "acme", "signal_type": "demo_request",
        "direction": "inbound", "touchpoint_date": day(number), "occurred_at": at(number), **changed,
    }  # fmt: skip


@pytest.mark.parametrize("rule", ["qualified", "backlog"])
def test_who_is_held_out_and_asks_to_be_called_is_open_from_that_day(engine, rule):
    told = [request(-1), request(0), request(7), request(5), request(3, direction="outbound"),
            request(2, signal_type="page_view"), request(1, account_id="other")]  # fmt: skip
    asked = engine.table(told, TOUCHPOINTS)
    policy = drawn(NAME, "held")
    (found,) = engine.rows(made(engine, [move(rule=rule)], policy=policy, asked=asked))
    assert (found["status"], found["route_rule"], found["rep_id"]) == ("open", "holdout", "german")
    assert (found["released_on"], found["reassigned_on"]) == (day(5), day(5))
    assert found["reassign_reason"] == "asked"
    gone = [move(rule=rule), move(4, "recycled", "no_first_touch")]
    (found,) = engine.rows(made(engine, gone, policy=policy, asked=asked))
    assert (found["status"], found["reassigned_on"]) == ("recycled", None)
