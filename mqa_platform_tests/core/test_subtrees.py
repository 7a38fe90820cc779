"""Trees of accounts: the lowest node whose own subtree meets the rule qualifies, and nobody above it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.core.hierarchy import NODE
from mqa_platform.core.scores import score_lines, scores
from mqa_platform.core.subtrees import (
    Subtrees,
    parents_of,
    relations,
    subtree_scores,
    subtree_touchpoints,
)
from mqa_platform_tests.core.engine import (
    ACCOUNTS,
    TOUCHPOINTS,
    account,
    day,
    default_policy,
    touch,
)
from mqa_platform_tests.core.test_fold import CALM, histories
from mqa_platform_tests.core.walking import HOT, QUIET, WARM, always, fact, fold

COLD = {"score": 5, "seen": None}


def tree(engine, *rows):
    """(account, parent, first day, end) as the published hierarchy, and its relations."""
    told = [
        {"account_id": a, "parent_account_id": p, "valid_from": day(lo), "node_id": a,
         "valid_to": None if hi is None else day(hi), "ultimate_parent_id": p}
        for a, p, lo, hi in rows
    ]  # fmt: skip
    return relations(engine.table(told, NODE, depth=1, is_cyclic=False), engine.apply)


def test_everybody_above_is_an_ancestor_on_the_days_on_which_the_whole_way_stands(engine):
    found = tree(
        engine, ("plant", "unit", 0, 9), ("unit", "group", 5, None), ("top", None, 0, None)
    )
    rows = engine.rows(found, "account_id", "distance")
    assert [(r["account_id"], r["ancestor_id"], r["valid_from"], r["valid_to"]) for r in rows if r["distance"]] == [
        ("plant", "unit", day(0), day(9)),
        ("plant", "group", day(5), day(9)),
        ("unit", "group", day(5), None),
    ]  # fmt: skip
    assert {r["family"] for r in rows} == {"group"}
    assert {r["account_id"] for r in rows if not r["distance"]} == {"unit", "group"}


def test_a_circle_of_parents_ends(engine):
    found = tree(engine, ("a", "b", 0, None), ("b", "a", 0, None))
    pairs = {(r["account_id"], r["ancestor_id"]) for r in engine.rows(found) if r["distance"]}
    assert pairs == {("a", "b"), ("b", "a")}


def test_a_parent_is_known_on_its_days(engine):
    found = tree(engine, ("plant", "unit", 1, 3))
    days = engine.con.sql(
        f"SELECT 'plant' AS account_id, DATE '{day(0)}' + CAST(i AS INTEGER) AS day FROM range(4) t(i)"
    )
    rows = engine.rows(parents_of(days, found), "day")
    assert [(r["day"], r["parent_account_id"]) for r in rows] == [
        (day(1), "unit"),
        (day(2), "unit"),
    ]


def test_two_plants_with_one_person_each_make_their_parent_hot_and_keep_their_own_scores(engine):
    rows = [
        touch(0, "pricing_view", account_id=plant, person_id=f"{plant}{n}", signal_id=f"{plant}{n}")
        for plant in ("north", "south")
        for n in range(3)
    ]
    touchpoints = engine.table(rows, TOUCHPOINTS)
    found = tree(engine, ("north", "group", 0, None), ("south", "group", 0, None))
    names = ("north", "south", "group")
    accounts = engine.table([account(n, tier="strategic") for n in names], ACCOUNTS)
    policy = default_policy()
    lines = score_lines(touchpoints, policy, [day(0)], engine.apply)
    own = scores(lines, accounts, policy, "v1")
    trees = Subtrees(found, subtree_touchpoints(touchpoints, found))
    judged = subtree_scores(own, trees, accounts, always(), [day(0)], engine.apply)
    people = {r["account_id"]: r["eligible_people"] for r in engine.rows(judged)}
    assert people == {"north": 3, "south": 3, "group": 6}
    assert {r["account_id"] for r in engine.rows(own)} == {"north", "south"}
    assert {r["account_id"] for r in engine.rows(trees.judged_by(touchpoints))} == set(names)


def family(*days):
    """Facts of plant → unit → group; each day is what is true of the three."""
    above = {"plant": "unit", "unit": "group", "group": None}
    return [
        fact(i, account_id=name, parent_account_id=above[name], **told)
        for i, each in enumerate(days)
        for name, told in zip(above, each, strict=True)
    ]


def stages_of(lines):
    last = max(s["day"] for s in lines)
    return {
        s["account_id"]: (s["stage"], s["child_mqa"])
        for s in lines
        if s["kind"] == "state" and s["day"] == last
    }


def test_the_lowest_node_that_meets_the_rule_qualifies_and_those_above_show_it():
    assert stages_of(fold(family((HOT, HOT, HOT)))) == {
        "plant": ("mqa", False),
        "unit": ("engaged", True),
        "group": ("engaged", True),
    }
    assert stages_of(fold(family((WARM, HOT, HOT)))) == {
        "plant": ("engaged", False),
        "unit": ("mqa", False),
        "group": ("engaged", True),
    }
    assert stages_of(fold(family((COLD, COLD, HOT))))["group"] == ("mqa", False)


def test_a_hand_raise_below_is_not_the_parents():
    asked = {"seen": 0, "hand_raised": True}
    assert stages_of(fold(family((asked, asked, asked)))) == {
        "plant": ("mqa", False),
        "unit": ("target", True),
        "group": ("target", True),
    }


def test_who_is_suppressed_or_refused_below_does_not_qualify_its_parents():
    held = {**HOT, "is_suppressed": True}
    assert stages_of(fold(family((held, HOT, HOT))))["unit"][0] == "engaged"
    rejected = {**HOT, "sales_event": "rejected"}
    found = stages_of(fold(family((HOT, HOT, HOT), (rejected, HOT, HOT), (HOT, HOT, HOT))))
    assert {n: s for n, (s, _) in found.items()} == {
        "plant": "recycled",
        "unit": "engaged",
        "group": "engaged",
    }


def test_parents_qualify_again_when_nobody_below_does():
    found = stages_of(fold(family((HOT, HOT, HOT), *[(COLD, HOT, HOT)] * 30)))
    assert found == {
        "plant": ("recycled", False),
        "unit": ("mqa", False),
        "group": ("engaged", True),
    }


@CALM
@given(one=histories(), other=histories(), both=st.booleans())
def test_nobody_enters_mqa_on_a_day_on_which_somebody_below_is_in_an_episode(one, other, both):
    length = min(len(one), len(other))
    days = list(zip(one[:length], other[:length], other[:length], strict=True))
    lines = fold(family(*days))
    open_after = {
        (s["account_id"], s["day"]) for s in lines if s["kind"] == "state" and s["mqa_on"]
    }
    below = {"unit": ["plant"], "group": ["plant", "unit"], "plant": []}
    for m in lines:
        if m["kind"] == "move" and m["stage"] == "mqa" and m["rule"] != "override":
            assert not any(
                (b, m["day"]) in open_after
                and not any(
                    o["kind"] == "move"
                    and o["account_id"] == b
                    and o["day"] == m["day"]
                    and o["rule"] == "override"
                    for o in lines
                )
                for b in below[m["account_id"]]
            )


def test_quiet_families_change_nothing():
    alone = [s for s in fold([fact(0, account_id="plant", **WARM)]) if s["kind"] == "state"]
    lines = fold(family((WARM, QUIET, QUIET)))
    found = [s for s in lines if s["kind"] == "state" and s["account_id"] == "plant"]
    assert found == alone


ASKS = {"seen": 0, "hand_raised": True}
RESTS = {"sales_event": "rejected", "sales_reason": "timing"}


def entered_mqa(lines, name):
    return [
        (m["day"] - day(0)).days
        for m in lines
        if m["kind"] == "move" and m["account_id"] == name and m["stage"] == "mqa"
    ]


def test_a_hand_raise_of_a_child_is_never_kept_for_its_parent():
    rests = (QUIET, QUIET, {**QUIET, **RESTS})
    days = [
        (QUIET, QUIET, HOT),
        rests,
        *[(QUIET, QUIET, QUIET)] * 6,
        # The plant's person asks while the group is in its cool-down, and sales says no.
        (ASKS, ASKS, ASKS),
        *[(QUIET, QUIET, QUIET)] * 2,
        ({**QUIET, **RESTS}, QUIET, QUIET),
        *[(QUIET, QUIET, QUIET)] * 80,
    ]
    lines = fold(family(*days))
    assert entered_mqa(lines, "plant") == [8]
    assert entered_mqa(lines, "unit") == []
    assert entered_mqa(lines, "group") == [0]


def test_a_hand_raise_of_a_parents_own_person_waits_until_nobody_below_is_worked_on():
    days = [
        (HOT, QUIET, QUIET),
        (QUIET, QUIET, ASKS),
        ({**QUIET, **RESTS}, QUIET, QUIET),
        *[(QUIET, QUIET, QUIET)] * 3,
    ]
    lines = fold(family(*days))
    assert entered_mqa(lines, "plant") == [0]
    assert len(entered_mqa(lines, "group")) == 1
    assert entered_mqa(lines, "unit") == []
