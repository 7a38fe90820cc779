"""Company names that are nearly an account's: what matches by itself, and what a person is asked."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mqa_platform.core.company_names import clean_company_name
from mqa_platform.core.name_matching import REVIEW, SAME, matches, name_matches
from mqa_platform.policy.identity import Names

KNOWN = [
    "jp morgan chase", "expeditors international of washington", "nestle nespresso", "motorola",
    "juniper networks", "general electric", "goodyear tire and rubber", "allegiant travel",
    "studio 54 records", "hewlett packard", "persistent systems", "western refining", "networks",
]  # fmt: skip


def verdict(name: str) -> tuple[str, str] | None:
    """The verdict and account of the nearest, None where nothing is near."""
    found = list(matches([clean_company_name(name)], KNOWN, Names()))
    return (str(found[0]["verdict"]), str(found[0]["matched_key"])) if found else None


@pytest.mark.parametrize(
    ("name", "account"),
    [
        ("JPMorgan Chase & Co.", "jp morgan chase"),
        ("Expeditors Intl. of Washington", "expeditors international of washington"),
        ("Nestlé Nespresso SA", "nestle nespresso"),
        ("General Electirc", "general electric"),
        ("Goodyer Tire & Rubber Co", "goodyear tire and rubber"),
        ("Hewllett-Packard", "hewlett packard"),
        ("Persistent System Limited", "persistent systems"),
    ],
)
def test_another_spelling_of_a_company_is_the_company(name: str, account: str) -> None:
    assert verdict(name) == (SAME, account)


@pytest.mark.parametrize(
    "name",
    [
        "Motorola Solutions", "Juniper", "Studio 55 Records", "Eastern Refining", "Allegiant Air",
        "Packard", "Newworks", "Beneral Electric", "Motorala",
    ],
)  # fmt: skip
def test_a_word_or_a_number_more_never_matches_by_itself(name: str) -> None:
    found = verdict(name)
    assert found is None or found[0] == REVIEW


@pytest.mark.parametrize(
    ("written", "account"),
    [
        ("Bluebox", "Blue Box"),
        ("Your Net", "YourNet"),
        ("Appiphany", "Apiphany"),
        ("Fibrecast", "Fibercast"),
        ("Freedom Network", "Freedom Networks"),
    ],
)
def test_names_too_short_for_their_difference_never_match_by_themselves(
    written: str, account: str
) -> None:
    """Each pair is two companies of one public list."""
    asked, known = clean_company_name(written), clean_company_name(account)
    found = list(matches([asked], [known], Names()))
    assert all(row["verdict"] == REVIEW for row in found)


def test_an_accent_more_or_less_is_no_difference_in_a_short_name_either() -> None:
    (row,) = matches(["nestle"], ["nestlé"], Names())
    assert (row["verdict"], row["difference"]) == (SAME, "spelling")


def test_a_name_that_is_as_near_to_two_accounts_is_for_a_person() -> None:
    found = list(matches(["blue river house"], ["blue riverhouse", "blueriver house"], Names()))
    assert [(r["verdict"], r["matched_key"]) for r in found] == [
        (REVIEW, "blue riverhouse"),
        (REVIEW, "blueriver house"),
    ]


def test_a_name_that_an_account_carries_is_not_asked_about() -> None:
    table = pa.table(
        {
            "name_key": ["wind river labs", "windriver labs", None],
            "is_account": [True, False, False],
        }
    )
    found = name_matches(Names()).fn(table).to_pylist()
    assert [(r["name_key"], r["matched_key"], r["verdict"]) for r in found] == [
        ("windriver labs", "wind river labs", SAME)
    ]
