"""Scores: every figure against a second computation, and the laws that hold for any touchpoints."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.core.score_lines import TOTAL
from mqa_platform_tests.core.arithmetic import CENT, expected
from mqa_platform_tests.core.engine import (
    day,
    default_policy,
    policy_with,
    touch,
)
from mqa_platform_tests.core.scoring import (
    CALM,
    NUMBERS,
    answer,
    by_cell,
    policies,
    receipt,
    score,
    table_set,
    total,
    touchpoints,
)

DAYS = st.lists(st.integers(0, 130), min_size=1, max_size=6, unique=True)


@CALM
@given(policy=policies(), rows=touchpoints(), numbers=DAYS)
def test_every_score_and_receipt_equals_a_second_computation(policy, rows, numbers):
    days = [day(n) for n in numbers]
    cells = by_cell(answer(rows, policy, days))
    for t in days:
        wanted = expected(rows, policy, t)
        cell = cells.get(("acme", t))
        assert (wanted is None) == (cell is None)
        if wanted is None:
            continue
        found = dict(cell)
        whole = found.pop(TOTAL)
        assert set(found) == set(wanted.receipts)
        for name, figures in wanted.receipts.items():
            got = tuple(found[name][n] for n in NUMBERS)
            assert all(abs(a - b) <= CENT for a, b in zip(got, figures, strict=True)), name
        assert abs(whole["points"] - wanted.score) <= CENT * len(found)
        assert whole["eligible_people"] == wanted.eligible_people
        assert whole["people_on_high_intent"] == wanted.people_on_high_intent
        assert (whole["momentum"] is None) == (wanted.momentum is None)
        if wanted.momentum is not None:
            assert whole["momentum"] == pytest.approx(wanted.momentum, abs=1e-6)


@CALM
@given(policy=policies(), rows=touchpoints(), numbers=DAYS)
def test_the_receipt_sums_to_the_score_without_error(policy, rows, numbers):
    for cell in by_cell(answer(rows, policy, [day(n) for n in numbers])).values():
        whole = cell.pop(TOTAL)
        assert sum((line["points"] for line in cell.values()), Decimal(0)) == whole["points"]
        assert whole["points"] >= 0
        for line in cell.values():
            assert line["raw_points"] != 0
            assert line["decayed_points"] - line["lost_to_ceiling"] == line["points"]


@CALM
@given(policy=policies(), rows=touchpoints(), numbers=DAYS, data=st.data())
def test_the_order_of_touchpoints_does_not_matter(policy, rows, numbers, data):
    days = [day(n) for n in numbers]
    mixed = data.draw(st.permutations(rows))
    assert table_set(answer(rows, policy, days)) == table_set(answer(mixed, policy, days))


@CALM
@given(policy=policies(), rows=touchpoints(), numbers=DAYS)
def test_a_day_scored_alone_equals_the_day_in_any_run(policy, rows, numbers):
    days = [day(n) for n in numbers]
    span = [day(n) for n in range(min(numbers), max(numbers) + 1)]
    together = table_set(answer(rows, policy, days))
    alone = [line for t in days for line in table_set(answer(rows, policy, [t]))]
    whole = [line for line in table_set(answer(rows, policy, span)) if line[1] in days]
    assert sorted(alone, key=repr) == together == whole


@CALM
@given(
    policy=policies(),
    rows=touchpoints(most=12),
    others=st.lists(touchpoints("other", 8), max_size=3),
    numbers=DAYS,
)
def test_other_accounts_in_the_batch_change_nothing(policy, rows, others, numbers):
    days = [day(n) for n in numbers]
    crowd = [{**r, "account_id": f"other{i}"} for i, o in enumerate(others) for r in o]
    together = [line for line in table_set(answer(crowd + rows, policy, days)) if line[0] == "acme"]
    assert together == table_set(answer(rows, policy, days))


@CALM
@given(policy=policies(), rows=touchpoints())
def test_without_new_evidence_no_component_grows_in_size(policy, rows):
    span = [day(n) for n in range(61, 140)]
    before: dict[str, Decimal] = {}
    for _, cell in sorted(by_cell(answer(rows, policy, span)).items()):
        # The floor follows from the others: it goes as bad news is forgotten, and comes as good news is.
        now = {n: abs(c["points"]) for n, c in cell.items() if n not in (TOTAL, "floor")}
        # What left the window of the look-back or of breadth counts as fallen to nothing.
        assert all(points <= before.get(name, points) for name, points in now.items())
        assert not before or set(now) <= set(before)
        before = now


@CALM
@given(policy=policies(), rows=touchpoints())
def test_no_point_is_lost_that_is_not_accounted_for(policy, rows):
    # On one day nothing has decayed yet: what was earned is kept, or lost to a cap, or to a ceiling.
    stays = [r for r in rows if r["signal_type"] != "unsubscribe"]
    today = [{**r, "touchpoint_date": day(0)} for r in stays]
    for cell in by_cell(answer(today, policy, [day(0)])).values():
        for name, line in cell.items():
            if name == TOTAL:
                continue
            kept = line["raw_points"] - line["lost_to_cap"]
            assert abs(kept - line["decayed_points"]) <= CENT, name
            assert line["points"] == line["decayed_points"] - line["lost_to_ceiling"]
            assert line["lost_to_ceiling"] >= 0


@CALM
@given(policy=policies(), rows=touchpoints())
def test_caps_and_ceilings_hold_on_every_day(policy, rows):
    for cell in by_cell(answer(rows, policy, [day(n) for n in range(0, 61, 7)])).values():
        for name, signal in policy.signals.signals.items():
            line = cell.get(name)
            if line is None or signal.weight < 0:
                continue
            assert line["lost_to_cap"] >= 0
            if signal.ceiling is not None:
                assert line["points"] <= Decimal(signal.ceiling) + CENT
        assert ("news" not in cell) or cell["news"]["points"] <= 20


def test_nothing_that_we_did_earns_points():
    rows = [touch(0, "pricing_view", direction="outbound", person_id="p")]
    assert score(rows, default_policy(), day(0)) == 0
    assert receipt(rows, default_policy(), day(0)) == {}


def test_a_person_then_the_account_is_capped_and_the_excess_is_kept_as_lost():
    # Three views of 8 by one person hold 16 of 24; with two others 40 of 16 + 16 + 16.
    three = [touch(0, signal_id=f"a{i}", person_id="a") for i in range(3)]
    line = receipt(three, default_policy(), day(0))["pricing_view"]
    assert [line[n] for n in NUMBERS] == [24, 8, 16, 0, 16]
    crowd = [{**r, "person_id": p, "signal_id": p + r["signal_id"]} for p in "abc" for r in three]
    line = receipt(crowd, default_policy(), day(0))["pricing_view"]
    assert [line[n] for n in NUMBERS] == [72, 32, 40, 0, 40]
    assert (line["touchpoints"], line["people"]) == (9, 3)


def test_a_visitor_without_a_name_is_capped_by_the_cookie():
    rows = [touch(0, signal_id=f"{c}{i}", anonymous_id=c) for c in "xy" for i in range(3)]
    assert receipt(rows, default_policy(), day(0))["pricing_view"]["points"] == 32


def test_points_halve_with_the_half_life_and_are_forgotten_after_the_look_back():
    rows = [touch(0, person_id="p")]
    policy = default_policy()
    assert score(rows, policy, day(30)) == 4
    assert score(rows, policy, day(60)) == 2
    assert score(rows, policy, day(364)) == Decimal("0.0018")
    assert answer(rows, policy, [day(365)]).num_rows == 0
    assert answer(rows, policy, [day(-1)]).num_rows == 0


def test_breadth_needs_two_people_and_stops_at_the_limit():
    def people(n):
        rows = [touch(0, "ad_click", person_id=f"p{i}", signal_id=f"s{i}") for i in range(n)]
        return receipt(rows, default_policy(), day(27)).get("multi_contact", {}).get("points", 0)

    assert [people(n) for n in range(1, 8)] == [0, 10, 20, 30, 40, 40, 40]


def test_breadth_ends_with_its_window_without_decay():
    rows = [touch(0, person_id=p, signal_id=p) for p in "ab"]
    assert receipt(rows, default_policy(), day(27))["multi_contact"]["points"] == 10
    assert "multi_contact" not in receipt(rows, default_policy(), day(28))


def test_a_weight_that_is_no_whole_number_of_ten_thousandths_is_rounded_once():
    policy = policy_with(signals={"multi_contact": {"weight": 40 / 3, "limit": 4}})
    rows = [touch(0, person_id=p, signal_id=p) for p in "abcd"]
    assert receipt(rows, policy, day(0))["multi_contact"]["points"] == 40


def test_the_committee_needs_three_eligible_people_on_buying_pages_close_together():
    rows = [touch(i, person_id=f"p{i}") for i in (0, 4, 9)]
    assert receipt(rows, default_policy(), day(9))["committee_on_high_intent"]["points"] == 20
    assert "committee_on_high_intent" not in receipt(rows, default_policy(), day(10))
    blog = [touch(i, "product_or_blog_view", person_id=f"p{i}") for i in (0, 4, 9)]
    assert "committee_on_high_intent" not in receipt(blog, default_policy(), day(9))


def test_a_match_below_the_confidence_makes_no_contact():
    rows = [touch(0, person_id=p, signal_id=p, share=0.5, match_confidence=0.9) for p in "ab"]
    assert total(rows, default_policy(), day(0))["eligible_people"] == 0
    sure = [{**r, "share": 1.0, "match_confidence": 0.5} for r in rows]
    assert total(sure, default_policy(), day(0))["eligible_people"] == 2


def test_news_is_capped_by_its_ceiling_and_is_never_evidence():
    rows = [touch(n, "trigger_event", signal_id=f"n{n}", person_id="p") for n in range(30)]
    line = total(rows, default_policy(), day(29))
    assert line["points"] == 20
    assert (line["eligible_people"], line["last_eligible_on"]) == (0, None)


def test_news_expires_whatever_its_half_life_has_left_of_it():
    rows = [touch(0, "trigger_event"), touch(20, "trigger_event", signal_id="later")]
    news = [receipt(rows, default_policy(), day(n)).get("trigger_event") for n in (179, 180, 199)]
    assert [line["raw_points"] for line in news] == [20, 10, 10]
    assert [line["touchpoints"] for line in news] == [2, 1, 1]
    # The account still has a touchpoint in the look-back, and so a score of nothing.
    assert receipt(rows, default_policy(), day(200)) == {}
    assert score(rows, default_policy(), day(200)) == 0


def test_bad_news_lowers_the_score_and_never_below_nothing():
    rows = [touch(0, "negative_company_event"), touch(0, "ad_click", person_id="p")]
    found = receipt(rows, default_policy(), day(0))
    assert {n: c["points"] for n, c in found.items()} == {
        "negative_company_event": -8,
        "ad_click": 1,
        "floor": 7,
    }
    assert score(rows, default_policy(), day(0)) == 0


def test_points_too_small_to_show_are_not_in_the_score_either():
    tiny = [touch(0, person_id="p", match_confidence=0.000050000001 / 8)]
    assert receipt(tiny, default_policy(), day(0)) == {}
    assert score(tiny, default_policy(), day(0)) == 0


def test_unsubscribing_takes_back_what_that_person_earned_by_mail():
    rows = [
        touch(0, "email_reply_or_click", person_id=p, signal_id=p + s) for p in "abc" for s in "xyz"
    ]
    rows += [touch(1, "pricing_view", person_id="a"), touch(2, "unsubscribe", person_id="a")]
    again = touch(3, "email_reply_or_click", person_id="a", signal_id="again")

    def mail(n, found=rows):
        line = receipt(found, default_policy(), day(n)).get("email_reply_or_click")
        return None if line is None else (line["raw_points"], line["lost_to_cap"])

    # Nine clicks of 3 hold 6 a person and 15 an account; a third of that goes with the person.
    assert [mail(n) for n in (0, 1, 2)] == [(27, 12), (27, 12), (18, 8)]
    assert mail(3, [*rows, again]) == (21, 8)
    assert mail(2, [r for r in rows if r["person_id"] == "a"]) is None
    assert receipt(rows, default_policy(), day(2))["pricing_view"]["raw_points"] == 8


def test_momentum_needs_five_touchpoints():
    rows = [touch(34 - i, "ad_click", person_id="p", signal_id=f"m{i}") for i in range(5)]
    assert total(rows, default_policy(), day(34))["momentum"] == 5.0
    assert total(rows[:4], default_policy(), day(34))["momentum"] is None
