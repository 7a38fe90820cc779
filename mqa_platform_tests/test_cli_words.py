"""Days of options: what was never scored cannot be looked at."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import typer

from mqa_platform.cli_words import day_scored

LAST = date(2026, 6, 30)


def test_without_a_day_the_last_scored_one_is_meant():
    assert day_scored(None, LAST, "--as-of") == LAST


def test_a_day_behind_the_last_scored_one_is_taken_as_it_is():
    assert day_scored(LAST - timedelta(days=9), LAST, "--as-of") == LAST - timedelta(days=9)
    assert day_scored(LAST, LAST, "--as-of") == LAST


def test_weeks_that_nobody_has_scored_are_refused_and_are_no_weeks_without_mqas():
    with pytest.raises(typer.BadParameter, match="the last day is 2026-06-30"):
        day_scored(LAST + timedelta(days=1), LAST, "--as-of")
