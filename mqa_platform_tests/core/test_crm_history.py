"""What CRM records were before the versions that landed, and what links and merges say of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_platform.core import crm_history
from mqa_platform.core.crm import history
from mqa_platform.core.expressions import BEGINNING
from mqa_platform.sources.schemas import LANDED
from mqa_platform_tests.core.engine import Engine
from mqa_platform_tests.core.portability import problems

DEALS = LANDED["landed_opportunities"]
START = datetime(2025, 1, 1, tzinfo=UTC)


def _day(number: int) -> datetime:
    return START + timedelta(days=number, hours=9)


def _deal(**parts: Any) -> dict[str, Any]:
    return {
        "source": "crm", "opportunity_id": "o1", "modified_at": _day(50), "created_at": _day(0),
        "account_id": "a1", "stage_name": "Signed", "is_closed": True, "is_won": True,
        "closed_at": _day(40), "amount": 900.0, "is_deleted": False, "batch_id": "b", **parts,
    }  # fmt: skip


def _change(
    day: int, column: str, old: str | None, new: str | None, **parts: Any
) -> dict[str, Any]:
    return {
        "source": "crm", "object": "opportunity", "record_id": "o1", "column_name": column,
        "old_value": old, "new_value": new, "changed_at": _day(day), "batch_id": "b", **parts,
    }  # fmt: skip


def _told(deals: list[dict[str, Any]], changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    engine = Engine()
    table = engine.table(deals, DEALS)
    told = engine.table(changes, LANDED["landed_field_changes"])
    found = crm_history.with_earlier(
        table, told, "opportunity", "opportunity_id", DEALS, engine.apply
    )
    return engine.rows(history(found, "opportunity_id"), "opportunity_id", "valid_from")


def _as_of(versions: list[dict[str, Any]], day: date) -> dict[str, Any] | None:
    held = [
        v for v in versions if v["valid_from"] <= day and (not v["valid_to"] or day < v["valid_to"])
    ]
    assert len(held) <= 1
    return held[0] if held else None


def test_a_deal_that_is_won_today_was_open_before_its_stage_changed() -> None:
    versions = _told(
        [_deal()],
        [
            _change(40, "is_closed", "false", "true"),
            _change(40, "is_won", "false", "true"),
            _change(40, "stage_name", "Proposal", "Signed"),
            _change(20, "stage_name", "Talk", "Proposal"),
            _change(20, "amount", "500.0", "900.0"),
        ],
    )
    shown = [(v["valid_from"], v["stage_name"], v["is_won"], v["amount"]) for v in versions]
    assert shown == [
        (_day(0).date(), "Talk", False, 500.0),
        (_day(20).date(), "Proposal", False, 900.0),
        (_day(40).date(), "Signed", True, 900.0),
        (_day(50).date(), "Signed", True, 900.0),
    ]
    assert [v["closed_at"] is None for v in versions] == [True, True, False, False]


def test_a_stage_alone_is_enough_to_know_that_a_deal_was_open_before_the_day_it_closed() -> None:
    versions = _told([_deal()], [_change(40, "stage_name", "Proposal", "Signed")])
    assert [(v["valid_from"], v["is_closed"], v["is_won"]) for v in versions] == [
        (_day(0).date(), False, False),
        (_day(40).date(), True, True),
        (_day(50).date(), True, True),
    ]


def test_a_history_that_gives_only_new_values_is_read_back_through_the_one_before() -> None:
    versions = _told(
        [_deal()],
        [_change(10, "stage_name", None, "Talk"), _change(30, "stage_name", None, "Signed")],
    )
    assert [(v["valid_from"], v["stage_name"]) for v in versions] == [
        (_day(0).date(), None),
        (_day(10).date(), "Talk"),
        (_day(30).date(), "Signed"),
        (_day(50).date(), "Signed"),
    ]


def test_changes_after_the_first_version_we_have_are_told_by_the_versions_themselves() -> None:
    versions = _told(
        [_deal(), _deal(modified_at=_day(60), amount=1.0)],
        [_change(60, "amount", "900.0", "1.0"), _change(55, "stage_name", "x", "y")],
    )
    assert [(v["amount"], v["stage_name"]) for v in versions] == [
        (900.0, "Signed"),
        (1.0, "Signed"),
    ]


def test_changes_at_one_moment_go_back_to_what_none_of_them_set() -> None:
    chain = [_change(20, "stage_name", "A", "B"), _change(20, "stage_name", "B", "Signed")]
    for changes in (chain, chain[::-1], chain * 2):
        assert _told([_deal()], changes)[0]["stage_name"] == "A"


def test_a_record_whose_creation_is_not_known_was_there_before_its_first_change() -> None:
    versions = _told([_deal(created_at=_day(20))], [_change(20, "stage_name", "Talk", "Signed")])
    assert versions[0]["stage_name"] == "Talk"
    assert versions[0]["valid_from"] < _day(20).date()


_STEPS = st.lists(
    st.tuples(
        st.integers(1, 39),
        st.sampled_from(["stage_name", "amount", "loss_reason"]),
        st.sampled_from(["10.0", "20.0", "30.0", None]),
    ),
    max_size=8,
    unique_by=lambda step: (step[0], step[1]),
)


@settings(max_examples=60, deadline=None)
@given(steps=_STEPS, data=st.data())
def test_going_back_gives_what_a_replay_forward_gives_in_whatever_order_changes_come(
    steps: list[tuple[int, str, str | None]], data: st.DataObject
) -> None:
    state: dict[str, str | None] = {"stage_name": "10.0", "amount": "10.0", "loss_reason": None}
    replayed = {day: dict(state) for day in range(40)}
    changes = []
    for day, column, new in sorted(steps, key=lambda s: s[:2]):
        changes.append(_change(day, column, state[column], new))
        state[column] = new
        for later in range(day, 40):
            replayed[later][column] = new
    record = {**state, "amount": float(state["amount"]) if state["amount"] else None}
    kernel = crm_history.rewound(DEALS, "opportunity_id")
    given_rows = [
        {**_deal(is_closed=False, is_won=False, closed_at=None, **record), **change}
        for change in data.draw(st.permutations(changes))
    ]
    names = [*DEALS.names, "column_name", "old_value", "new_value", "changed_at"]
    listed = [{name: row.get(name) for name in names} for row in given_rows]
    if not listed:
        return
    found = kernel.fn(pa.Table.from_pylist(listed)).to_pylist()
    found.append({**_deal(**record), "modified_at": _day(50)})
    for day, expected in replayed.items():
        then = [v for v in found if v["modified_at"] <= _day(day)]
        latest = max(then, key=lambda v: v["modified_at"])
        amount = float(expected["amount"]) if expected["amount"] else None
        assert latest["stage_name"] == expected["stage_name"]
        assert latest["loss_reason"] == expected["loss_reason"]
        assert latest["amount"] == amount


def _association(*ends: str, day: int = 5, **parts: Any) -> dict[str, Any]:
    names = ("from_object", "from_id", "to_object", "to_id")
    return {
        "source": "crm", "modified_at": _day(day), "is_deleted": False, "batch_id": "b",
        **dict(zip(names, ends, strict=True)), **parts,
    }  # fmt: skip


def _links(engine: Engine, *associations: dict[str, Any]) -> ir.Table:
    return engine.table(associations, LANDED["landed_associations"])


def test_a_deal_without_account_gets_the_one_it_is_linked_to_whichever_way() -> None:
    engine = Engine()
    deals = engine.table(
        [_deal(opportunity_id=key, account_id=own) for key, own in
         [("o1", None), ("o2", None), ("o3", "a3"), ("o4", None), ("o5", None)]],
        DEALS,
    )  # fmt: skip
    links = _links(
        engine,
        _association("opportunity", "o1", "account", "a1"),
        _association("account", "a2", "opportunity", "o2"),
        _association("opportunity", "o3", "account", "a9"),
        _association("opportunity", "o4", "account", "old", day=1),
        _association("opportunity", "o4", "account", "new", day=2),
        _association("opportunity", "o5", "account", "a5", is_deleted=True),
    )
    found = crm_history.linked(deals, links, "opportunity", "opportunity_id", "account")
    told = [r["account_id"] for r in engine.rows(found, "opportunity_id")]
    assert told == ["a1", "a2", "a3", "new", None]
    assert problems(found) == set()


def test_a_touch_of_a_contact_is_a_touch_of_its_account() -> None:
    engine = Engine()
    base = {"source": "crm", "is_deleted": False, "batch_id": "b", "modified_at": _day(1)}
    contacts = engine.table(
        [{**base, "contact_id": "c1", "account_id": "a1", "do_not_contact": False}],
        LANDED["landed_contacts"],
    )
    acts = engine.table(
        [
            {**base, "activity_id": "t1", "contact_id": "c1", "kind": "call"},
            {**base, "activity_id": "t2", "contact_id": "c2", "kind": "call"},
            {**base, "activity_id": "t3", "contact_id": "c1", "account_id": "a7", "kind": "call"},
        ],
        LANDED["landed_activities"],
        occurred_at=_day(1),
        is_held=True,
    )
    found = crm_history.by_contact(acts, contacts)
    told = [r["account_id"] for r in engine.rows(found, "activity_id")]
    assert told == ["a1", None, "a7"]


def test_a_merged_record_is_deleted_from_the_merge_on_and_not_before() -> None:
    engine = Engine()
    deals = engine.table([_deal(modified_at=_day(1)), _deal(opportunity_id="o2")], DEALS)
    links = _links(engine, _association("opportunity", "o1", "survivor", "o2", day=9))
    found = crm_history.without_merged(deals, links, "opportunity", "opportunity_id")
    versions = engine.rows(history(found, "opportunity_id"), "opportunity_id", "valid_from")
    shown = [(v["opportunity_id"], v["valid_from"], v["is_deleted"]) for v in versions]
    assert shown == [
        ("o1", _day(0).date(), False),
        ("o1", _day(9).date(), True),
        ("o2", _day(0).date(), False),
    ]
    assert problems(found) == set()


@pytest.mark.parametrize("created", [None, 3])
def test_a_record_that_is_first_told_of_as_merged_lived_until_the_merge(
    created: int | None,
) -> None:
    engine = Engine()
    born = _day(created) if created is not None else None
    row = {
        "source": "crm",
        "account_id": "b",
        "name": "Beta",
        "domain": "beta.com",
        "batch_id": "b",
    }
    row |= {"is_deleted": False, "created_at": born}
    told = [{**row, "modified_at": _day(9)}, {**row, "modified_at": _day(12)}]
    accounts = engine.table(told, LANDED["landed_accounts"])
    links = _links(engine, _association("account", "b", "survivor", "a", day=9))
    found = crm_history.without_merged(accounts, links, "account", "account_id")
    versions = engine.rows(history(found, "account_id"), "valid_from")
    first = BEGINNING if created is None else _day(created).date()
    shown = [(v["valid_from"], v["is_deleted"], v["domain"]) for v in versions]
    assert shown == [
        (first, False, "beta.com"),
        (_day(9).date(), True, "beta.com"),
        (_day(12).date(), True, "beta.com"),
    ]
    assert problems(found) == set()


def test_a_converted_lead_is_a_contact_of_its_account_from_the_conversion_on() -> None:
    engine = Engine()
    lead = {
        "source": "crm", "modified_at": _day(30), "created_at": _day(1), "batch_id": "b",
        "person_ref": "email:x", "do_not_contact": False, "is_deleted": False,
        "converted_at": _day(20),
    }  # fmt: skip
    leads = engine.table(
        [
            {**lead, "lead_id": "l1", "converted_account_id": "a1"},
            {**lead, "lead_id": "l2", "converted_account_id": "a1", "converted_contact_id": "c2"},
            {**lead, "lead_id": "l3", "converted_account_id": "a1", "converted_contact_id": "c3"},
            {**lead, "lead_id": "l4"},
        ],
        LANDED["landed_leads"],
    )
    known = {**lead, "contact_id": "c3", "account_id": "a1"}
    known.pop("converted_at")
    contacts = engine.table([known], LANDED["landed_contacts"])
    found = crm_history.converted(leads, contacts)
    versions = engine.rows(
        history(crm_history.stacked(contacts, found), "contact_id"), "contact_id"
    )
    assert [(v["contact_id"], v["valid_from"]) for v in versions] == [
        ("c2", _day(20).date()),
        ("c3", _day(1).date()),
        ("lead:l1", _day(20).date()),
    ]
    assert problems(found) == set()
