"""Rules of single fields that protect a result: patterns, criteria, triggers."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from mqa_platform.policy.icp import Criterion
from mqa_platform.policy.models import Signal
from mqa_platform.policy.patterns import Pattern


@pytest.mark.parametrize("pattern", [r"(?=x)", r"(?<!x)y", r"(a)\1", r"\bceo\b", r"(unclosed"])
def test_a_pattern_that_engines_read_differently_is_refused(pattern: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Pattern).validate_python(pattern)


@pytest.mark.parametrize(
    "criterion",
    [
        {"field": "industry"},
        {"field": "industry", "any_of": ["Software"], "minimum": 1},
        {"field": "employees", "any_of": ["100"]},
        {"field": "employees"},
        {"field": "employees", "minimum": 10, "maximum": 5},
    ],
)
def test_a_criterion_that_says_nothing_or_two_things_is_refused(criterion: dict) -> None:
    with pytest.raises(ValidationError):
        Criterion.model_validate(criterion)


_NEWS = {"events": ["funding_round"], "weight": 5, "kind": "trigger", "reason": "news is no person"}


@pytest.mark.parametrize("claim", [{"hand_raise": True}, {"high_intent": True}])
@pytest.mark.parametrize("kind", ["trigger", "intent"])
def test_news_and_intent_can_never_be_evidence(kind: str, claim: dict) -> None:
    with pytest.raises(ValidationError, match="no act of a person"):
        Signal.model_validate({**_NEWS, "kind": kind, **claim})


def test_news_and_intent_expire_and_what_people_do_does_not() -> None:
    assert Signal.model_validate({**_NEWS, "expires_after_days": 90}).reach_days(365) == 90
    assert Signal.model_validate({**_NEWS, "expires_after_days": 90}).reach_days(30) == 30
    with pytest.raises(ValidationError, match="only triggers and intent expire"):
        Signal.model_validate({**_NEWS, "kind": "engagement", "expires_after_days": 90})
