"""The half-open range of days."""

from datetime import UTC, date, datetime

import pytest

from mqa_platform.core.window import Window


def test_a_window_holds_its_first_day_and_not_its_end():
    window = Window(date(2026, 1, 1), date(2026, 1, 3))

    assert window.days() == [date(2026, 1, 1), date(2026, 1, 2)]
    assert window.contains(date(2026, 1, 2))
    assert not window.contains(date(2026, 1, 3))


def test_the_window_of_one_day_is_that_day():
    window = Window.of(date(2024, 2, 29), date(2024, 2, 29))

    assert window.hi == date(2024, 3, 1)
    assert str(window) == "2024-02-29"


def test_a_longer_window_reads_as_first_and_last_day():
    assert str(Window(date(2026, 1, 1), date(2026, 1, 4))) == "2026-01-01/2026-01-03"


@pytest.mark.parametrize("hi", [date(2026, 1, 1), date(2025, 12, 31)])
def test_an_empty_or_reversed_window_is_refused(hi):
    with pytest.raises(ValueError, match="lo < hi"):
        Window(date(2026, 1, 1), hi)


def test_a_moment_is_not_a_day():
    with pytest.raises(TypeError, match="made of dates"):
        Window(datetime(2026, 1, 1, tzinfo=UTC), date(2026, 1, 2))
