"""The difference of two receipts: its causes sum to it, and each is the right one."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.core.differences import Side, differences
from mqa_platform_tests.core.engine import TOUCHPOINTS, day, default_policy, policy_with, touch
from mqa_platform_tests.core.scoring import CALM, answer, by_cell, policies, touchpoints

DEMO = default_policy().signals.signals["demo_request"].model_dump()
ACCOUNT_DAYS = st.tuples(st.integers(0, 60), st.integers(0, 90)).map(sorted)
_points = st.integers(-(10**7), 10**7).map(lambda n: Decimal(n).scaleb(-4))


def table(rows):
    return pa.Table.from_pylist([dict(r) for r in rows], schema=TOUCHPOINTS)


def published(rows, policy, number):
    """component → points as a run of the day would have published them."""
    cells = by_cell(answer(rows, policy, [day(number)]))
    (cell,) = cells.values() or [{}]
    return {name: line["points"] for name, line in cell.items() if name != "total"}


def side(rows, number, policy=None, **changed):
    policy = policy or default_policy()
    told = {"published": published(rows, policy, number), **changed}
    return Side(day(number), policy, table(rows), **told)


def summed(causes):
    total = defaultdict(Decimal)
    for cause in causes:
        total[cause.component] += cause.points
    return {c: p for c, p in total.items() if p}


def told(causes, component):
    return {c.cause: c.points for c in causes if c.component == component}


@CALM
@given(
    one=policies(),
    other=policies(),
    rows=touchpoints(),
    numbers=ACCOUNT_DAYS,
    invented=st.dictionaries(st.sampled_from(["pricing", "mail", "floor", "gone"]), _points),
    scored=st.tuples(st.booleans(), st.booleans()),
)
def test_the_causes_of_every_component_sum_to_its_difference(
    one, other, rows, numbers, invented, scored
):
    # What was published may be anything: the touchpoints may have changed since.
    before = side(rows, numbers[0], one, published=invented, is_scored=scored[0])
    after = side(rows, numbers[1], other, is_scored=scored[1])
    found = differences(before, after)
    wanted = {
        c: after.published.get(c, 0) - invented.get(c, 0) for c in {*invented, *after.published}
    }
    assert summed(found) == {c: p for c, p in wanted.items() if p}
    assert all(c.points for c in found)


@CALM
@given(policy=policies(), rows=touchpoints(), numbers=ACCOUNT_DAYS)
def test_each_cause_only_does_what_it_can(policy, rows, numbers):
    causes = differences(side(rows, numbers[0], policy), side(rows, numbers[1], policy))
    late = {r["signal_id"] for r in rows if r["touchpoint_date"] > day(numbers[0])}
    for c in causes:
        assert c.cause not in ("match", "fit", "policy")
        signal = policy.signals.signals.get(c.component)
        if c.cause == "new":
            assert signal is None or set(c.signals) <= late
        if signal is not None and signal.weight > 0:
            # One unit of rounding may stand on either side.
            limit = Decimal("0.0001")
            assert c.points <= limit or c.cause in ("new", "ceiling"), c
            assert c.points >= -limit or c.cause != "new", c
    if not late:
        assert not {c.cause for c in causes} & {"new", "caps"}


def test_a_day_compared_with_itself_has_no_difference():
    rows = [touch(0, person_id="a"), touch(0, person_id="b", signal_id="x")]
    assert differences(side(rows, 5), side(rows, 5)) == []


def test_decay_new_views_caps_and_ceiling_are_told_apart():
    rows = [touch(0, person_id="a", signal_id="old")]
    rows += [touch(30, person_id="a", signal_id=f"n{i}") for i in range(3)]
    found = differences(side(rows, 0), side(rows, 30))
    # 8 halve to 4; three views of 8 are 24, of which the cap of a person's day leaves 16.
    assert told(found, "pricing_view") == {"decay": -4, "new": 24, "caps": -8}
    (new,) = [c for c in found if c.cause == "new"]
    assert sorted(new.signals) == ["n0", "n1", "n2"]
    crowd = [
        touch(n, person_id=f"p{n}{i}", signal_id=f"{n}{i}") for n in (0, 1, 2) for i in range(9)
    ]
    found = differences(side(crowd, 1), side(crowd, 2))
    # 40 a day; the ceiling of 60 was reached on the second day already.
    assert told(found, "pricing_view")["ceiling"] < 0
    assert sum(told(found, "pricing_view").values()) == 0


def test_what_leaves_its_window_is_told_from_what_decays():
    rows = [
        touch(0, "trigger_event"),
        touch(0, "email_reply_or_click", person_id="a", signal_id="m"),
    ]
    rows += [touch(0, person_id="b", signal_id="b"), touch(9, "unsubscribe", person_id="a")]
    found = differences(side(rows, 8), side(rows, 9))
    assert set(told(found, "email_reply_or_click")) == {"unsubscribed"}
    found = differences(side(rows, 27), side(rows, 28))
    assert told(found, "multi_contact") == {"expired": -10}
    found = differences(side(rows, 179), side(rows, 180))
    assert set(told(found, "trigger_event")) == {"expired"}


def test_a_new_policy_and_a_refused_account_are_causes_of_their_own():
    rows = [touch(0, "demo_request", person_id="a")]
    cheaper = default_policy().model_dump()["signals"]["signals"]
    cheaper["demo_request"]["weight"] = 30
    policy = policy_with(signals={"signals": cheaper})
    found = differences(side(rows, 0), side(rows, 0, policy))
    assert told(found, "demo_request") == {"policy": -10}
    refused = side(rows, 0, published={}, is_scored=False)
    assert told(differences(refused, side(rows, 0)), "demo_request") == {"fit": 40}


def test_a_touchpoint_that_moved_to_the_account_since_is_a_change_of_match():
    rows = [touch(0, "demo_request", person_id="a")]
    before = side(rows, 0, published={})
    assert told(differences(before, side(rows, 0)), "demo_request") == {"match": 40}


def test_days_the_wrong_way_round_are_refused():
    with pytest.raises(ValueError, match="is before"):
        differences(side([touch(0)], 3), side([touch(0)], 1))


def test_what_a_lost_policy_scored_otherwise_is_no_matter_of_touchpoints():
    rows = [touch(0, "demo_request")]
    lost = policy_with(
        signals={"signals": {**default_policy().model_dump()["signals"]["signals"],
                             "demo_request": {**DEMO, "weight": 30}}}
    )  # fmt: skip
    old = published(rows, lost, 1)
    for kept, cause in ((True, "match"), (False, "policy")):
        found = differences(side(rows, 1, published=old, is_kept=kept), side(rows, 1))
        assert set(told(found, "demo_request")) == {cause}
        found = differences(side(rows, 1), side(rows, 1, published=old, is_kept=kept))
        assert set(told(found, "demo_request")) == {cause}
