from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from mqa_platform.destinations.answer_rules import Rules, refusal, said, until
from mqa_platform.policy.delivery_answers import Answers
from mqa_platform.policy.sla import Sla
from mqa_platform.reports.slack_actions import Action, parsed
from mqa_platform_tests.receiver.signing import pressed

_HANDOFF: dict[str, Any] = {
    "handoff_id": "h1", "account_id": "acme", "motion": "new_business", "rep_id": "ann",
    "status": "open", "over_on": None, "standing": (None, None),
}  # fmt: skip
_USERS = {
    user: {"user_id": user, "name": user.title(), "team": team}
    for user, team in (
        ("ann", "EMEA"),
        ("bob", "EMEA"),
        ("cas", "APAC"),
        ("mia", None),
        ("joe", None),
    )
}
_SLA = Sla(managers={"EMEA": "mia"}, escalate_to="joe")


def _rules(by: Any = "team", *, writes: bool = True, snoozes: bool = True) -> Rules:
    return Rules(Answers(by=by), _SLA, writes=writes, snoozes=snoozes)


def _action(kind: str = "accept", value: str = "h1") -> Action:
    (action,) = parsed(pressed(f"mqa_{kind}", value))
    return action


def _refusal(
    action: Action, person: str | None = "ann", rules: Rules | None = None, **row: Any
) -> str:
    handoff = {**_HANDOFF, **row}
    rep, who = _USERS.get(handoff["rep_id"]), _USERS.get(person or "")
    return refusal(action, handoff, who, rep, rules or _rules()) or ""


@pytest.mark.parametrize(
    ("by", "counting"),
    [
        ("owner", {"ann", "mia", "joe"}),
        ("team", {"ann", "bob", "mia", "joe"}),
        ("anyone", {"ann", "bob", "cas", "mia", "joe"}),
    ],
)
def test_whose_word_counts_is_policy(by: str, counting: set[str]) -> None:
    assert {user for user in _USERS if not _refusal(_action(), user, _rules(by))} == counting
    assert "Nobody in the CRM" in _refusal(_action(), None, _rules(by))


def test_what_waits_in_a_queue_is_anybodys_who_is_in_sales() -> None:
    queued = {"rep_id": "sla_queue"}
    assert [bool(_refusal(_action(), "cas", _rules(by), **queued)) for by in ("owner", "team")] == [
        True, False,
    ]  # fmt: skip
    assert "with somebody else" in _refusal(_action(), "cas", _rules("owner"), **queued)


def test_two_reps_without_a_team_are_no_team() -> None:
    assert _refusal(_action(), "mia", rep_id="joe")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"status": "accepted"}, "accepted already"),
        ({"status": "rejected"}, "has been rejected"),
        ({"status": "converted"}, "made an opportunity"),
        ({"status": "recycled"}, "has been recycled"),
        ({"over_on": date(2025, 7, 1)}, "nothing was done"),
    ],
)
def test_an_answer_to_what_is_over_changes_nothing(row: dict[str, Any], told: str) -> None:
    assert told in _refusal(_action(), **row)


def test_backlog_is_answered_like_news_and_what_nobody_knows_is_not() -> None:
    assert not _refusal(_action(), status="backlog")
    assert "not handed over" in str(refusal(_action(), None, _USERS["ann"], None, _rules()))


def test_what_is_accepted_is_rejected_in_the_crm_and_not_here() -> None:
    assert "accepted" in _refusal(_action("reject", "h1:bad_fit"), status="accepted")


@pytest.mark.parametrize(
    ("standing", "kind", "value", "counts"),
    [
        (("accepted", None), "accept", "h1", False),
        (("rejected", "bad_fit"), "reject", "h1:bad_fit", False),
        (("rejected", "no_need"), "reject", "h1:bad_fit", True),
        (("rejected", "bad_fit"), "accept", "h1", True),
        (("nurture", None), "accept", "h1", True),
        (None, "accept", "h1", True),
    ],
)
def test_what_stands_in_the_crm_since_an_earlier_handoff_would_be_no_news(
    standing: Any, kind: str, value: str, counts: bool
) -> None:
    assert (_refusal(_action(kind, value), standing=standing) == "") is counts


def test_nothing_is_promised_that_the_policy_does_not_allow() -> None:
    snooze, accept = _action("snooze", "h1:3"), _action()
    assert "no field of the CRM" in _refusal(accept, rules=_rules(writes=False))
    assert not _refusal(snooze, rules=_rules(writes=False))
    assert "no decisions by hand" in _refusal(snooze, rules=_rules(snoozes=False))
    assert not _refusal(accept, rules=_rules(snoozes=False))


def test_a_snooze_ends_so_many_days_after_the_press() -> None:
    day = datetime.fromtimestamp(1763800000.1, UTC).date()
    assert until(_action("snooze", "h1:7")) == date.fromordinal(day.toordinal() + 7)
    assert until(_action()) is None


def test_what_is_told_to_all_is_one_line_without_anything_unseen() -> None:
    answer = {"answer": "rejected", "reason": "bad_fit", "until": None, "by_name": "Ann\u202e\n\nS"}
    assert said(answer) == "Rejected by Ann S (bad fit)."
    assert said({**answer, "answer": "accepted", "by_name": ""}) == "Accepted by somebody."
