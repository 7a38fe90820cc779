"""Corrections of identity: what a merge or a split by hand leaves of what has landed."""

from __future__ import annotations

from typing import Any

import ibis.expr.types as ir
import pytest

from mqa_platform.core.account_corrections import corrected_associations, unsplit_associations
from mqa_platform.core.corrections import corrected_identities
from mqa_platform.core.known import account_merges
from mqa_platform.core.person_clusters import links, person_clusters
from mqa_platform.policy.identity import People
from mqa_platform_tests.core.engine import Engine, at, day, landed_schema
from mqa_platform_tests.core.portability import problems

Said = tuple[str, str, str, int]
Correction = tuple[str, str, str, str | None, int]


def corrections(engine: Engine, rows: list[Correction]) -> ir.Table:
    told = [
        {"action": action, "kind": kind, "ref": ref, "onto": onto, "at": at(number)}
        for action, kind, ref, onto, number in rows
    ]
    return engine.table(told, landed_schema("landed_corrections"), source="c", batch_id="b")


def said(identities: list[Said], *corrected: Correction) -> list[Said]:
    """(kind, ref, person, day) that are left of identities."""
    engine = Engine()
    rows = [
        {"kind": kind, "ref": ref, "person_ref": person, "seen_at": at(number)}
        for kind, ref, person, number in identities
    ]
    landed = engine.table(rows, landed_schema("landed_identities"), source="s", batch_id="b")
    found = corrected_identities(landed, corrections(engine, list(corrected)))
    assert problems(found) == set()
    return [
        (r["kind"], r["ref"], r["person_ref"], (r["seen_at"].date() - day(0)).days)
        for r in engine.rows(found, "kind", "ref", "person_ref", "seen_at")
    ]


def merged(
    told: list[tuple[str, str, int]], *corrected: Correction, only_crm: bool = False
) -> list[tuple[str, str, Any]]:
    """(account, survivor, day) of what is left of the CRM's merges; None is always."""
    engine = Engine()
    link = {"from_object": "account", "to_object": "survivor", "is_deleted": False}
    rows = [{**link, "from_id": f, "to_id": t, "modified_at": at(d)} for f, t, d in told]
    landed = engine.table(rows, landed_schema("landed_associations"), source="s", batch_id="b")
    apply = unsplit_associations if only_crm else corrected_associations
    found = apply(landed, corrections(engine, list(corrected)))
    assert problems(found) == set()
    merges = engine.rows(account_merges(found), "account_id")
    return [
        (r["account_id"], r["survivor_id"], None if r["merged_on"].year == 1900 else
         (r["merged_on"] - day(0)).days)
        for r in merges
    ]  # fmt: skip


FOX = ("cookie", "fox", "email:ann", 1)


def test_what_is_said_after_a_split_counts_again() -> None:
    later = ("cookie", "fox", "email:ann", 5)
    assert said([FOX, later], ("split", "cookie", "fox", None, 3)) == [later]


def test_a_split_takes_the_browser_from_the_one_person_it_names() -> None:
    bob = ("cookie", "fox", "email:bob", 2)
    assert said([FOX, bob], ("split", "cookie", "fox", "email:ann", 3)) == [bob]


def test_a_split_from_everybody_ends_the_merges_before_it() -> None:
    merge = ("merge", "cookie", "fox", "email:bob", 5)
    assert said([FOX], merge, ("split", "cookie", "fox", None, 6)) == []
    assert said([FOX], ("split", "cookie", "fox", None, 4), merge) == [
        ("cookie", "fox", "email:bob", 5)
    ]


def test_a_merge_with_nobody_named_takes_back_every_split_before_it() -> None:
    back = ("merge", "cookie", "fox", None, 7)
    assert said([FOX], ("split", "cookie", "fox", None, 6), back) == [FOX]
    assert said([FOX], ("split", "cookie", "fox", "email:ann", 6), back) == [FOX]
    assert said([FOX], back, ("split", "cookie", "fox", None, 8)) == []


def test_a_person_is_taken_from_their_browsers_and_from_those_made_theirs_by_hand() -> None:
    hers = [FOX, ("cookie", "owl", "email:bob", 1), ("lead", "7", "email:ann", 1)]
    by_hand = ("merge", "cookie", "elk", "email:ann", 2)
    assert said(hers, by_hand, ("split", "person", "email:ann", None, 3)) == hers[1:]


def test_two_people_are_parted_only_in_the_browsers_that_both_used() -> None:
    shared = [FOX, ("cookie", "fox", "email:bob", 2)]
    own = [("cookie", "owl", "email:ann", 1), ("cookie", "owl", "email:cat", 1)]
    assert said([*shared, *own], ("split", "person", "email:ann", "email:bob", 3)) == [
        shared[1],
        *own,
    ]


def test_two_people_merged_by_hand_are_one_until_they_are_parted_by_either_name() -> None:
    merge = ("merge", "person", "email:bob", "email:ann", 2)
    assert said([FOX], merge) == [FOX, ("person", "email:bob", "email:ann", 2)]
    for split in (("email:bob", "email:ann"), ("email:ann", "email:bob"), ("email:bob", None)):
        assert said([FOX], merge, ("split", "person", *split, 3)) == [FOX]


def test_people_merged_by_hand_count_once_whatever_browsers_they_use() -> None:
    engine = Engine()
    told = [{"kind": "person", "ref": "email:bob", "person_ref": "email:ann"}]
    identities = engine.table(told, landed_schema("landed_identities"))
    found = engine.apply(person_clusters(People(max_people_per_cookie=1)), links(identities), "all")
    assert [(r["ref"], r["root"]) for r in engine.rows(found, "ref")] == [
        ("email:ann", "email:ann"),
        ("email:bob", "email:ann"),
    ]


def test_a_lead_merged_by_hand_is_the_other_lead() -> None:
    merge = ("merge", "lead", "1", "lead:2", 3)
    both = [("lead", "1", "email:ann", 1), ("lead", "2", "email:bob", 1)]
    assert said(both, merge) == [both[0], ("lead", "1", "lead:2", 3), both[1]]
    assert said(both, merge, ("split", "lead", "1", "lead:2", 4)) == both


@pytest.mark.parametrize("split", [("B", "A"), ("A", "B"), ("B", None)])
def test_a_merge_of_the_crm_is_taken_back_by_either_name(split: tuple[str, str | None]) -> None:
    assert merged([("B", "A", 2), ("D", "A", 2)], ("split", "account", *split, 5)) == [
        ("D", "A", 2)
    ]


def test_a_merge_told_again_is_the_same_merge_and_a_first_word_after_the_split_is_another() -> None:
    split = ("split", "account", "B", "A", 5)
    assert merged([("B", "A", 2), ("B", "A", 9)], split) == []
    assert merged([("B", "A", 9)], split) == [("B", "A", 9)]


def test_accounts_merged_by_hand_are_one_for_all_days_until_they_are_parted() -> None:
    merge = ("merge", "account", "B", "A", 5)
    assert merged([], merge) == [("B", "A", None)]
    assert merged([], merge, ("split", "account", "B", None, 6)) == []
    assert merged([], merge, ("split", "account", "A", "B", 6)) == []


def test_a_merge_by_hand_goes_before_the_merge_of_the_crm() -> None:
    by_hand = ("merge", "account", "B", "C", 5)
    assert merged([("B", "A", 2)], by_hand) == [("B", "C", None)]
    # The CRM's record is gone all the same.
    assert merged([("B", "A", 2)], by_hand, only_crm=True) == [("B", "A", 2)]
    assert merged([("B", "A", 2)], ("merge", "account", "A", "B", 5)) == [("A", "B", None)]


def test_of_merges_by_hand_the_last_word_counts() -> None:
    first, last = ("merge", "account", "B", "A", 5), ("merge", "account", "B", "C", 6)
    assert merged([], first, last) == [("B", "C", None)]
    assert merged([], first, ("merge", "account", "A", "B", 6)) == [("A", "B", None)]
