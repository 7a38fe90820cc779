"""No rep is told of more than a day allows, and nothing that waits is lost."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.core.turns import ALERT_BUDGET, MOST_HANDOFFS, Waiting, turns
from mqa_platform.policy.delivery import Delivery

KINDS = st.sampled_from(["handoff", "update", "reminder", "escalation", "digest", "answer"])
CHANNELS = st.sampled_from(["slack", "email"])


def waiting(
    kind: str, subject: int, channel: str = "slack", rep: str = "r", rank: float = 0
) -> Waiting:
    return Waiting(f"{kind}{subject}:{channel}", kind, f"{kind}{subject}", rep, (rank,))


def limits(handoffs: int = 2, alerts: int = 1) -> Delivery:
    return Delivery(max_new_handoffs_per_rep_day=handoffs, alert_budget_per_rep_day=alerts)


LISTS = st.lists(
    st.builds(
        waiting, KINDS, st.integers(0, 8), CHANNELS, st.sampled_from("rs"), st.integers(0, 3)
    ),
    max_size=30,
    unique_by=lambda w: w.key,
)
TOLD = st.dictionaries(st.sampled_from("rs"), st.sets(st.sampled_from(["handoff0", "handoff9"])))


@given(LISTS, TOLD, st.dictionaries(st.sampled_from("rs"), st.integers(0, 3)),
       st.integers(1, 4), st.integers(0, 3))  # fmt: skip
def test_every_message_goes_out_or_waits_for_a_reason_and_limits_hold(
    some: list[Waiting], told: dict[str, set[str]], alerts: dict[str, int], most: int, budget: int
) -> None:
    found = turns(some, told, alerts, limits(most, budget))
    assert sorted([*found.released, *found.held]) == sorted(w.key for w in some)
    out = [w for w in some if w.key in set(found.released)]
    new = Counter(
        rep
        for rep, subject in {(w.rep_id, w.subject) for w in out if w.kind == "handoff"}
        if subject not in told.get(rep, set())
    )
    for rep in "rs":
        assert new[rep] <= max(0, most - len(told.get(rep, set())))
        mine = {w.subject for w in out if w.rep_id == rep and w.kind in ("update", "reminder")}
        assert len(mine) <= max(0, budget - alerts.get(rep, 0))
    for w in some:
        if w.kind not in ("handoff", "update", "reminder"):
            assert w.key in found.released


def test_the_most_urgent_go_first_and_the_others_wait() -> None:
    found = turns([waiting("handoff", n, rank=9 - n) for n in range(4)], {}, {}, limits(2))
    assert found.released == ["handoff3:slack", "handoff2:slack"]
    assert found.held == {"handoff0:slack": MOST_HANDOFFS, "handoff1:slack": MOST_HANDOFFS}


def test_a_handoff_on_two_channels_is_one_handoff() -> None:
    both = [waiting("handoff", 1, c) for c in ("slack", "email")]
    assert not turns(both, {}, {}, limits(1)).held
    # The second channel may come later on the same day.
    assert not turns(both[:1], {"r": {"handoff1"}}, {}, limits(1)).held


def test_without_an_alert_budget_updates_and_reminders_wait_for_the_digest() -> None:
    some = [waiting(k, 1) for k in ("update", "reminder", "escalation", "handoff")]
    found = turns(some, {}, {}, limits(alerts=0))
    assert set(found.held) == {"update1:slack", "reminder1:slack"}
    assert set(found.held.values()) == {ALERT_BUDGET}
