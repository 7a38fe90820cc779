from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.core.company_names import clean_company_name
from mqa_platform.sources import names as landing


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Société Générale S.A.", "SOCIÉTÉ GÉNÉRALE SA"),
        ("AT&T Inc.", "AT and T"),
        ("The Coca-Cola Co., Inc.", "Coca Cola"),
        ("Müller G.m.b.H. & Co. KG", "müller"),
        ("Macy\u2019s", "Macys Inc"),
        ("\uff21\uff23\uff2d\uff25 Ltd", "Acme"),
    ],
)
def test_spellings_of_one_company_have_one_key(one: str, other: str) -> None:
    assert clean_company_name(one) == clean_company_name(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("International Paper", "Paper"),
        ("Marriott International", "Marriott"),
        ("Group M", "M"),
        ("Amazon.com", "Amazon"),
        ("The Group", "The Company"),
        ("Delta Air Lines", "Delta Dental"),
    ],
)
def test_different_companies_keep_different_keys(one: str, other: str) -> None:
    assert clean_company_name(one) != clean_company_name(other)


@given(st.text(max_size=40))
def test_cleaning_a_clean_name_changes_nothing(name: str) -> None:
    once = clean_company_name(name)
    assert clean_company_name(once) == once


@given(st.text(max_size=40))
def test_landing_and_matching_clean_alike(name: str) -> None:
    assert (landing.clean_company_name(name) or "") == clean_company_name(name)
