"""Bands of headcount and revenue: what vendors write, and what is surely true of the company."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.sources.bands import (
    OPEN,
    amounts,
    headcounts,
    lower_bound,
    upper_amounts,
    upper_headcounts,
)

HEADCOUNTS = [
    ("201-500", 201), ("1,001 - 5,000", 1001), ("10000+", 10_000), ("10,001+ employees", 10_001),
    ("1001 to 5000", 1001), ("1–10", 1), ("51 — 200", 51), ("500", 500), ("500.0", 500),
    ("10,000 and above", 10_000), ("10K+", 10_000), ("5K-10K", 5000), ("1-5K", 1000), (">10,000", 10_000),
    ("Over 10,000 employees", 10_000), ("< 10", 0), ("Less than 10", 0), ("up to 50", 0),
    ("1 001 - 5 000", 1001), ("1'001-5'000", 1001), ("1.5K", 1500), ("0", 0), ("(2-10)", 2),
    ("Unknown", None), ("N/A", None), ("-", None), ("", None), ("  ", None),
]  # fmt: skip
UNREADABLE = [
    "10-Feb", "Nov-50", "2-Oct", "many", "500-201", "-5", "1.001", "1.001-5.000", "12.5", "1e3", "5 apples",
    "1-2-3", "1,00", "infinity", "10++",
]  # fmt: skip
REVENUES = [
    ("$10M-$50M", 10e6), ("$1-10M", 1e6), ("1B+", 1e9), ("$1.1 billion", 1.1e9), ("€500K", 5e5),
    ("$10M to $50M", 10e6), ("500000", 5e5), ("1,234,567.89", 1_234_567.89), ("< $1M", 0.0),
    ("$10MM - $25MM", 10e6), ("USD 5 million", 5e6), ("over $1bn", 1e9), ("undisclosed", None),
    ("50-100 Mio. EUR", 50e6), ("1.5 Mrd. €", 1.5e9), ("500 Tsd. EUR", 5e5),
]  # fmt: skip


@pytest.mark.parametrize(("text", "people"), HEADCOUNTS)
def test_a_band_of_headcounts_is_its_lower_bound(text: str, people: int | None) -> None:
    found, wrong = headcounts(pa.array([text]))
    assert (found.to_pylist(), wrong.tolist()) == ([people], [False])


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_is_no_headcount_is_refused_and_never_guessed(text: str) -> None:
    found, wrong = headcounts(pa.array([text]))
    assert (found.to_pylist(), wrong.tolist()) == ([None], [True])


@pytest.mark.parametrize(("text", "dollars"), REVENUES)
def test_a_band_of_revenue_is_its_lower_bound(text: str, dollars: float | None) -> None:
    found, wrong = amounts(pa.array([text]))
    assert (found.to_pylist(), wrong.tolist()) == ([dollars], [False])


@given(
    low=st.integers(0, 10**7),
    width=st.integers(0, 10**7),
    form=st.sampled_from(["{:d}-{:d}", "{:,d} - {:,d}", "{:d} to {:d} employees", "{:,d}–{:,d}"]),
)
def test_every_spelling_of_one_band_is_the_same_number(low: int, width: int, form: str) -> None:
    assert lower_bound(form.format(low, low + width)) == low


@given(st.lists(st.text(max_size=12), max_size=8))
def test_any_text_is_a_size_or_unknown_or_wrong(texts: list[str]) -> None:
    found, wrong = headcounts(pa.array(texts, pa.string()))
    assert len(found) == len(wrong) == len(texts)
    for value, bad in zip(found.to_pylist(), wrong.tolist(), strict=True):
        assert value is None or (not bad and 0 <= value <= 2**53)


UPPER_ENDS = [
    ("201-500", 500), ("10,001+", OPEN), (">10,000", OPEN), ("Over 10,000 employees", OPEN),
    ("< 10", 10), ("1K-5K", 5000), ("201 to 500 employees", 500), ("11–50 Mitarbeiter", 50),
    ("500", None), ("500-500", None), ("Unknown", None), ("many", None), (None, None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "end"), UPPER_ENDS)
def test_the_upper_end_of_a_band_is_kept_and_a_number_has_none(
    text: str | None, end: float | None
) -> None:
    assert upper_headcounts(pa.array([text], pa.string())).to_pylist() == [end]


def test_the_upper_end_of_an_amount_has_its_unit() -> None:
    given = pa.array(["$1-10M", "50-100 Mio. EUR", "1B+", "$10MM - $25MM", "5 million"])
    assert upper_amounts(given).to_pylist() == [10e6, 100e6, OPEN, 25e6, None]
