"""Which published days are scored again: those whose look-back holds what changed, and no others."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mqa_platform.assets.platform import Step
from mqa_platform.assets.scores import days_to_score, stretches
from mqa_platform.core.history import PolicyHistory
from mqa_platform.core.window import Window
from mqa_platform.policy.loader import load_policy
from mqa_platform.sources.lateness import TOUCHED

FIRST = date(2024, 1, 1)


def on(number: int) -> date:
    return FIRST + timedelta(days=number)


class Asked:
    """A session in which days 0 to 899 are published, and the touchpoints of some have changed."""

    def __init__(self, *touched: int) -> None:
        self.touched = {on(n) for n in touched}

    def days(self, table: str) -> list[date]:
        assert table == "scores"
        return [on(n) for n in range(900)]

    def asked(self, consumer: str) -> set[date]:
        assert consumer == TOUCHED
        return self.touched


def chosen(*touched: int, window: int = 899, asked: date | None = None) -> list[tuple[int, int]]:
    """The stretches of days that are scored, as first and last day."""
    history = PolicyHistory.always(load_policy(), "v1")
    step: Any = SimpleNamespace(session=Asked(*touched), policies=history)
    days = days_to_score(cast(Step, step), Window.of(on(window), on(window)), asked)
    parts = stretches(days, step.session.days("scores"))
    return [((part[0] - FIRST).days, (part[-1] - FIRST).days) for part in parts]


@pytest.mark.parametrize(
    ("touched", "parts"),
    [
        ((), [(899, 899)]),
        ((899,), [(899, 899)]),
        # A late signal is forgotten a year later: the days from there to the last keep their scores.
        ((10,), [(10, 374), (899, 899)]),
        ((10, 11, 300), [(10, 664), (899, 899)]),
        ((10, 500), [(10, 374), (500, 864), (899, 899)]),
        ((700,), [(700, 899)]),
    ],
)
def test_a_late_signal_opens_the_days_that_remember_it(
    touched: tuple[int, ...], parts: list[tuple[int, int]]
) -> None:
    assert chosen(*touched) == parts


def test_a_change_without_an_end_opens_every_published_day_after_it() -> None:
    assert chosen(asked=on(200)) == [(200, 899)]
    assert chosen(asked=date(1900, 1, 1)) == [(0, 899)]
    assert chosen(10, asked=on(800)) == [(10, 374), (800, 899)]


def test_a_day_that_nobody_ran_does_not_cut_a_stretch() -> None:
    published = [on(1), on(2), on(5), on(6)]
    assert stretches([on(2), on(5)], published) == [[on(2), on(5)]]
    assert stretches([on(1), on(5), on(9)], published) == [[on(1)], [on(5)], [on(9)]]
