"""Who gets a qualified account: the five rules in their order, capacity, absence, and what is kept of it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from mqa_platform.core.routing_causes import REMEDIES
from mqa_platform_tests.core.routing_cases import (
    at,
    away,
    deal,
    folded,
    handoff,
    holders,
    left,
    new_owner,
    of_kind,
    on,
    order,
    rep,
    routes,
    steps,
)

GERMANY = {"regions": "Germany"}
TEAM = [
    rep("owner"),
    rep("dealer"),
    rep("coder", industries="Software; Games"),
    rep("german", **GERMANY),
    rep("french", regions="France"),
]


def one(**changed: Any) -> list[dict[str, Any]]:
    return [handoff("h", **changed)]


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        ([*one(owner_id="owner"), deal("h", "dealer")], ("owner", "named_owner")),
        ([*one(), deal("h", "dealer")], ("dealer", "opportunity_team")),
        (one(), ("coder", "vertical_specialist")),
        (one(industry="Steel"), ("german", "territory")),
        (one(industry=None), ("german", "territory")),
    ],
)
def test_the_rules_come_in_their_order(facts, wanted) -> None:
    assert routes(facts, TEAM) == {"h": wanted}


def test_who_fits_no_rule_is_drawn_among_all() -> None:
    assert routes(one(industry="Steel", country="Chile"), TEAM)["h"][1] == "round_robin"


def test_the_order_of_the_rules_is_policy() -> None:
    rules = steps("territory", "named_owner")
    assert routes(one(owner_id="owner"), TEAM, rules) == {"h": ("german", "territory")}


def test_a_step_is_for_its_tiers_team_and_users_only() -> None:
    reps = [rep("a", team="Enterprise"), rep("b", team="Commercial")]
    rules = steps(
        {"rule": "round_robin", "team": "enterprise", "tiers": ["strategic"]},
        {"rule": "round_robin", "users": ["b"]},
    )
    facts = [handoff("big", tier="strategic"), handoff("small", tier="programmatic")]
    assert holders(facts, reps, rules) == {"big": "a", "small": "b"}


def test_an_industry_may_be_given_to_a_team_by_policy() -> None:
    reps = [rep("a", team="Health"), rep("b")]
    rules = steps(
        {"rule": "vertical_specialist", "industries": ["Hospitals"], "team": "Health"},
        "round_robin",
    )
    facts = [handoff(f"h{n}", industry="hospitals") for n in range(5)]
    assert set(holders(facts, reps, rules).values()) == {"a"}
    (found,) = of_kind(folded(one(), reps, rules), "step")[:1]
    assert (found["outcome"], found["reason"]) == ("passed_over", "other_industry")


def test_the_open_opportunity_comes_before_the_last_one_and_its_owner_before_its_team() -> None:
    rules = steps("opportunity_team", "round_robin")
    reps = [rep(u) for u in ("old", "owner", "helper", "newer")]
    facts = [
        *one(),
        deal("h", "old", "d0", is_open=False, closed_on=on(-1)),
        deal("h", "helper", "d1", is_owner=False),
        deal("h", "owner", "d1"),
    ]
    assert holders(facts, reps, rules)["h"] == "owner"
    newer = deal("h", "newer", "d2", on_day=on(-2))
    assert holders([*facts, newer], reps, rules)["h"] == "newer"
    gone = [r for r in reps if r["user_id"] != "owner"] + [rep("owner", is_active=False)]
    assert holders(facts, gone, rules)["h"] == "helper"


def test_a_team_knows_an_account_no_longer_when_its_last_opportunity_is_long_closed() -> None:
    rules = steps({"rule": "opportunity_team", "closed_within_days": 30}, "territory")
    reps = [rep("seller"), rep("german", **GERMANY)]
    for days, wanted in ((30, "seller"), (31, "german")):
        lost = deal("h", "seller", is_open=False, closed_on=on(-days))
        assert holders([*one(), lost], reps, rules) == {"h": wanted}


def test_a_rep_on_holiday_gets_nothing() -> None:
    reps = [rep("away"), rep("here")]
    rules = steps("named_owner", "round_robin")
    facts = [handoff(f"h{n}", n, owner_id="away") for n in range(4)]
    found = holders(facts, reps, rules, absences=[away("away", 1, 3)])
    assert found == {"h0": "away", "h1": "here", "h2": "here", "h3": "away"}
    forever = holders(facts, reps, rules, absences=[away("away", 1, None)])
    assert list(forever.values()) == ["away", "here", "here", "here"]


def test_who_stands_in_gets_what_the_owner_would_have_got() -> None:
    reps = [rep("owner"), rep("cover"), rep("german", **GERMANY)]
    facts = one(owner_id="owner")
    covered = [away("owner", 0, 5, "cover")]
    assert routes(facts, reps, absences=covered) == {"h": ("cover", "named_owner")}
    (step,) = (s for s in of_kind(folded(facts, reps, absences=covered), "step") if s["rep_id"])
    assert step["detail"] == "stands in for owner"
    both_away = [*covered, away("cover", 0, 5)]
    assert holders(facts, reps, absences=both_away) == {"h": "german"}
    refused = steps({"rule": "named_owner", "cover": False}, "territory")
    assert holders(facts, reps, refused, absences=covered) == {"h": "german"}


def test_a_rep_who_left_gets_nothing_from_that_day_on() -> None:
    reps = [*left("gone", 3), rep("here")]
    rules = steps("named_owner", "round_robin", reroute_when_a_rep_leaves=False)
    facts = [handoff(f"h{n}", n, owner_id="gone") for n in (2, 3)]
    assert holders(facts, reps, rules) == {"h2": "gone", "h3": "here"}


def test_a_full_rep_is_passed_over_until_the_week_is_over() -> None:
    reps = [rep("small", capacity_per_week=2, **GERMANY), rep("large", is_listed=False)]
    rules = steps("territory", {"rule": "round_robin", "users": ["large"]})
    facts = [handoff(f"h{n}", n) for n in range(8)]
    found = holders(facts, reps, rules)
    assert [found[f"h{n}"] for n in range(8)] == ["small"] * 2 + ["large"] * 5 + ["small"]
    steps_of = [s for s in of_kind(folded(facts, reps, rules), "step") if s["handoff_id"] == "h2"]
    assert [(s["outcome"], s["reason"], s["detail"]) for s in steps_of][0] == (
        "passed_over", "full", "small",
    )  # fmt: skip


def test_an_owner_keeps_his_account_in_a_full_week_unless_policy_says_otherwise() -> None:
    reps = [rep("owner", capacity_per_week=1), rep("other")]
    facts = [handoff(f"h{n}", owner_id="owner") for n in range(3)]
    rows = of_kind(folded(facts, reps, steps("named_owner", "round_robin")), "route")
    assert [(r["rep_id"], r["over_capacity"]) for r in rows] == [
        ("owner", False), ("owner", True), ("owner", True),
    ]  # fmt: skip
    strict = steps(
        {"rule": "named_owner", "over_capacity": "pass"},
        {"rule": "round_robin", "users": ["other"]},
    )
    assert list(holders(facts, reps, strict).values()) == ["owner", "other", "other"]


def test_capacity_is_shared_by_all_motions() -> None:
    reps = [rep("small", capacity_per_week=1)]
    rules = {"new": steps("round_robin"), "more": steps("round_robin", fallback_queue="managers")}
    facts = [handoff("h1", rules="new"), handoff("h2", rules="more", motion="expansion")]
    assert holders(facts, reps, rules=rules) == {"h1": "small", "h2": "managers"}


def test_the_first_to_qualify_in_a_week_are_served_first() -> None:
    reps = [rep("small", capacity_per_week=1)]
    facts = [handoff("a", 2), handoff("b", 1), handoff("c", 1, qualified_at=at(1, 9))]
    found = holders(facts, reps, steps("round_robin"))
    assert {h for h, who in found.items() if who == "small"} == {"c"}


def test_what_came_late_displaces_nobody() -> None:
    reps = [rep("one", capacity_per_week=1), rep("two", capacity_per_week=1)]
    known = [handoff(f"h{n}", n) for n in (1, 2, 8, 9)]
    before = holders(known, reps, steps("round_robin"))
    late = handoff("late", 0, qualified_at=at(20))
    after = holders([late, *known], reps, steps("round_robin"))
    assert {h: after[h] for h in before} == before
    assert after["late"] == "unrouted_queue"


def test_backlog_fills_nobodys_week_because_it_is_released_at_capacity() -> None:
    reps = [rep("small", capacity_per_week=1)]
    facts = [handoff(f"b{n}", is_backlog=True) for n in range(5)] + [handoff("new")]
    assert set(holders(facts, reps, steps("round_robin")).values()) == {"small"}


def test_without_reps_csv_every_user_is_a_rep_and_with_it_those_that_stand_in_it() -> None:
    users = [rep("admin"), rep("seller")]
    facts = [handoff(f"h{n}") for n in range(30)]
    assert set(holders(facts, users, steps("round_robin")).values()) == {"admin", "seller"}
    listed = [rep("admin"), rep("seller", is_listed=True)]
    assert set(holders(facts, listed, steps("round_robin")).values()) == {"seller"}


def test_an_account_that_nobody_is_known_of_goes_to_marketing_and_stays_there() -> None:
    facts = [*one(is_nameless=True, owner_id="owner"), new_owner("h", "german", 3)]
    assert routes(facts, TEAM) == {"h": ("marketing_play", "anonymous_evidence")}


def test_every_step_is_kept_with_what_it_found() -> None:
    found = of_kind(folded(one(owner_id="gone", industry="Steel"), TEAM), "step")
    assert [(s["step"], s["rule"], s["outcome"], s["reason"], s["candidates"]) for s in found] == [
        (1, "named_owner", "passed_over", "unknown_user", 1),
        (2, "opportunity_team", "passed_over", "no_opportunity", 0),
        (3, "vertical_specialist", "passed_over", "no_specialist", 0),
        (4, "territory", "fired", None, 1),
        (5, "round_robin", "not_reached", None, 0),
    ]


def test_the_closest_territory_comes_first_and_a_wider_one_when_it_is_full() -> None:
    reps = [
        rep("world", regions="*"),
        rep("emea", regions="EMEA"),
        rep("german", capacity_per_week=1, **GERMANY),
        rep("bavarian", capacity_per_week=1, regions="DE: Bavaria"),
        rep("munich", capacity_per_week=1, postal_prefixes="80;81", **GERMANY),
    ]
    rules = steps("territory", regions={"EMEA": ["Germany", "FR"]})
    there = {"region": "bavaria", "postal_code": "80 331"}
    facts = [handoff(f"h{n}", **there) for n in range(5)]
    found = list(holders(facts, reps, rules).values())
    assert found == ["munich", "bavarian", "german", "emea", "emea"]
    assert holders(one(country="Chile"), reps, rules)["h"] == "world"
    assert holders(one(country="France"), reps, rules)["h"] == "emea"


@pytest.mark.parametrize(
    ("changed", "territory", "is_his"),
    [
        ({"country": "DE"}, {"regions": "Deutschland"}, True),
        ({"country": "German"}, {"regions": "Germany"}, False),
        ({"country": None}, {"regions": "Germany"}, False),
        ({"country": None}, {"regions": "*"}, True),
        ({"employees": 1000}, {"regions": "Germany", "employees_max": 1000}, True),
        ({"employees": 1001}, {"regions": "Germany", "employees_max": 1000}, False),
        ({"employees": None}, {"regions": "Germany", "employees_min": 1}, False),
        ({"employees": None}, {"regions": "Germany", "employees_max": 9}, True),
        ({"postal_code": None}, {"regions": "Germany", "postal_prefixes": "8"}, False),
        ({"postal_code": "94105"}, {"postal_prefixes": "US: 94"}, False),
        ({"postal_code": "94105", "country": "USA"}, {"postal_prefixes": "US: 94"}, True),
        ({"country": "Atlantis"}, {"regions": " atlantis "}, True),
        ({"region": "Quebec", "country": "Canada"}, {"regions": "Quebec"}, True),
        ({"region": "Georgia", "country": "USA"}, {"regions": "US: Georgia"}, True),
        ({"region": "Georgia", "country": "USA"}, {"regions": "Georgia"}, False),
        ({}, {}, False),
        ({}, {"regions": " ; "}, False),
    ],
)
def test_a_territory_holds_what_it_names(changed, territory, is_his) -> None:
    found = holders(one(**changed), [rep("his", **territory)], steps("territory"))
    assert (found["h"] == "his") is is_his


FULL = [rep("a", capacity_per_week=1)]
TWINS = [rep("a", **GERMANY), rep("b", **GERMANY)]
CAUSES = [
    ("account_without_country", one(country=None), [rep("a", regions="France")], "territory"),
    ("no_rep_of_the_territory", one(), [rep("a", regions="France")], "territory"),
    ("unknown_user", one(owner_id="nobody"), [rep("a")], "named_owner"),
    ("unknown_user", one(), [rep("a")], {"rule": "round_robin", "users": ["nobody"]}),
    ("rep_left", one(owner_id="a"), [rep("a", is_active=False)], "named_owner"),
    ("no_capacity", one(), [rep(u, capacity_per_week=0) for u in "ab"], "round_robin"),
    ("everyone_is_full", [handoff("g"), *one(qualified_at=at(0, 13))], FULL, "round_robin"),
    ("no_share", one(), [rep("a", weight=0.0)], "round_robin"),
    ("account_without_owner", one(), [rep("a")], "named_owner"),
    ("account_without_industry", one(industry=None), [rep("a")], "vertical_specialist"),
    ("nobody_in_the_team", one(), [rep("a")], {"rule": "round_robin", "team": "Ghosts"}),
    ("nobody_in_the_team", one(), [], "round_robin"),
    ("no_step_for_the_tier", one(), [rep("a")], {"rule": "round_robin", "tiers": ["strategic"]}),
    ("no_rule_names_a_rep", one(), [rep("a")], "opportunity_team"),
    ("territories_tie", one(), TWINS, {"rule": "territory", "shared": "refuse"}),
]


def waits_for(cause: str, found: list[dict[str, Any]]) -> None:
    """The handoff h waits in the queue, once, for this cause and with a remedy."""
    (route,) = (r for r in of_kind(found, "route") if r["handoff_id"] == "h")
    assert (route["rep_id"], route["rule"]) == ("unrouted_queue", "fallback_queue")
    assert route["cause"] == cause
    (told,) = (r for r in of_kind(found, "exception") if r["handoff_id"] == "h")
    assert (told["cause"], told["queue"], told["is_open"]) == (cause, "unrouted_queue", True)
    assert told["detail"]
    assert REMEDIES[cause].endswith(".")


@pytest.mark.parametrize(("cause", "facts", "reps", "step"), CAUSES)
def test_what_cannot_be_routed_waits_with_its_cause_and_remedy(cause, facts, reps, step) -> None:
    waits_for(cause, folded(facts, reps, steps(step)))


def test_when_everybody_is_away_the_account_waits_and_says_so() -> None:
    found = folded(one(), [rep("a")], steps("round_robin"), absences=[away("a", 0, 9)])
    waits_for("everyone_is_away", found)


def test_two_rules_that_tie_are_not_guessed() -> None:
    rules = steps({"rule": "named_owner", "place": 1}, {"rule": "territory", "place": 1})
    found = folded(one(owner_id="a"), [rep("a"), rep("b", **GERMANY)], rules)
    waits_for("rules_tie", found)
    assert [s["outcome"] for s in of_kind(found, "step")] == ["tied", "tied"]


def test_two_rules_of_one_place_that_name_the_same_rep_do_not_tie() -> None:
    rules = steps({"rule": "named_owner", "place": 1}, {"rule": "territory", "place": 1})
    assert routes(one(owner_id="a"), [rep("a", **GERMANY)], rules) == {"h": ("a", "named_owner")}


def test_a_wrong_owner_and_a_missing_country_are_told_although_somebody_was_found() -> None:
    rows = folded(one(owner_id="nobody", country=None), [rep("a")])
    assert of_kind(rows, "route")[0]["rep_id"] == "a"
    told = of_kind(rows, "exception")
    assert [(r["cause"], r["queue"]) for r in told] == [
        ("account_without_country", None), ("unknown_user", None),
    ]  # fmt: skip


def owned(*args: Any, **kwargs: Any) -> list[tuple[str, int, str]]:
    rows = of_kind(folded(*args, **kwargs), "owned")
    return [(r["rep_id"], (r["from_on"] - on(0)).days, r["reason"]) for r in rows]


def test_when_the_owner_changes_in_mid_episode_the_open_handoff_follows() -> None:
    reps = [rep("old"), rep("new")]
    facts = [*one(owner_id="old", over_on=on(10)), new_owner("h", "new", 4)]
    assert owned(facts, reps) == [("old", 0, "routed"), ("new", 4, "owner_changed")]
    assert owned(facts, reps, as_of=3) == [("old", 0, "routed")]
    fixed = steps("named_owner", follow_owner_changes=False)
    assert owned(facts, reps, fixed) == [("old", 0, "routed")]
    after = [*one(owner_id="old", over_on=on(4)), new_owner("h", "new", 4)]
    assert owned(after, reps) == [("old", 0, "routed")]
    unknown = [*one(owner_id="old"), new_owner("h", "nobody", 4)]
    assert owned(unknown, reps) == [("old", 0, "routed")]


def test_when_a_rep_leaves_his_open_handoffs_are_routed_again() -> None:
    reps = [*left("gone", 5), rep("german", **GERMANY)]
    facts = [handoff("h", owner_id="gone"), handoff("over", owner_id="gone", over_on=on(4))]
    rows = folded(facts, reps)
    now = {
        r["handoff_id"]: (r["rep_id"], r["first_rep_id"], r["reason"])
        for r in of_kind(rows, "route")
    }
    assert now == {"h": ("german", "gone", "rep_left"), "over": ("gone", "gone", None)}  # fmt: skip
    again = [s for s in of_kind(rows, "step") if s["handoff_id"] == "h" and s["attempt"] == 2]
    assert [s["outcome"] for s in again][-2:] == ["fired", "not_reached"]


def test_a_late_handoff_of_a_rep_who_has_left_since_does_not_stay_with_him() -> None:
    reps = [*left("gone", 2), rep("here")]
    late = one(owner_id="gone", qualified_at=at(4))
    assert owned(late, reps) == [("gone", 0, "routed"), ("here", 2, "rep_left")]


def test_handoffs_of_a_rep_are_given_to_another_and_only_those_that_are_open() -> None:
    reps = [rep("a"), rep("b")]
    facts = [
        handoff("h", owner_id="a"),
        handoff("over", owner_id="a", over_on=on(1)),
        handoff("later", 9, owner_id="a"),
    ]
    found = holders(facts, reps, orders=[order("a", "b", 3)])
    assert found == {"h": "b", "over": "a", "later": "a"}
    single = holders(
        [handoff("h", owner_id="a"), handoff("i", owner_id="a")],
        reps,
        orders=[order("a", "b", 3, handoff_id="i")],
    )
    assert single == {"h": "a", "i": "b"}


def test_by_the_rules_never_goes_back_to_who_gives() -> None:
    reps = [rep("a", **GERMANY), rep("b", **GERMANY), rep("c", regions="France")]
    facts = [handoff(f"h{n}", owner_id="a") for n in range(12)]
    found = folded(facts, reps, orders=[order("a", None, 3)])
    assert {r["rep_id"] for r in of_kind(found, "route")} == {"b"}
    assert {r["rule"] for r in of_kind(found, "route")} == {"named_owner"}


def test_with_an_end_it_is_a_cover_new_ones_too_and_what_is_still_open_goes_back() -> None:
    reps = [rep("a"), rep("b")]
    facts = [
        handoff("before", owner_id="a"),
        handoff("during", 4, owner_id="a"),
        handoff("after", 8, owner_id="a"),
    ]
    cover = [order("a", "b", 2, 8)]
    assert holders(facts, reps, orders=cover) == {"before": "a", "during": "b", "after": "a"}
    assert owned(facts[:1], reps, orders=cover) == [
        ("a", 0, "routed"), ("b", 2, "reassigned"), ("a", 8, "cover_over"),
    ]  # fmt: skip
    assert holders(facts[:1], reps, orders=cover, as_of=7) == {"before": "b"}


def test_an_order_to_nobody_we_know_moves_nothing() -> None:
    assert holders(one(owner_id="a"), [rep("a")], orders=[order("a", "typo", 3)]) == {"h": "a"}


def test_a_waiting_account_leaves_the_exceptions_when_somebody_has_it() -> None:
    reps = [rep("a")]
    rules = steps("named_owner")
    assert of_kind(folded(one(), reps, rules), "exception")
    rows = folded(one(), reps, rules, orders=[order("unrouted_queue", "a", 3)])
    assert of_kind(rows, "exception") == []
    assert of_kind(rows, "route")[0]["rep_id"] == "a"
    assert of_kind(rows, "route")[0]["rule"] == "fallback_queue"


def test_what_is_put_into_the_queue_by_hand_says_so() -> None:
    rows = folded(one(owner_id="a"), [rep("a")], orders=[order("a", "unrouted_queue", 3)])
    (told,) = of_kind(rows, "exception")
    assert told["cause"] == "put_in_the_queue_by_hand"


def test_nobody_touched_it_in_time_and_it_goes_to_the_queue_for_that() -> None:
    moves = [{"handoff_id": "h", "rep_id": "sla_queue", "reassigned_on": on(2)}]
    assert owned(one(owner_id="a"), [rep("a")], sla_moves=moves) == [
        ("a", 0, "routed"), ("sla_queue", 2, "sla"),
    ]  # fmt: skip
    later = owned(one(owner_id="a"), [rep("a"), rep("b")], sla_moves=moves,
                  orders=[order("sla_queue", "b", 3)])  # fmt: skip
    assert later[-1] == ("b", 3, "reassigned")


def test_the_order_of_the_rows_changes_nothing_and_nothing_is_routed_twice() -> None:
    reps = [rep(f"r{n}", capacity_per_week=n, **GERMANY) for n in range(4)]
    facts = [handoff(f"h{n:02}", n % 9) for n in range(40)]
    there = folded(facts, reps)
    assert folded(facts[::-1], reps[::-1]) == there
    assert Counter(r["handoff_id"] for r in of_kind(there, "route")) == Counter(
        f["handoff_id"] for f in facts
    )
