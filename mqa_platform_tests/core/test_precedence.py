"""MQL and MQA: one conversation an account, and nobody who asks is kept waiting."""

from __future__ import annotations

import pyarrow as pa
import pytest
from pydantic import ValidationError

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core.precedence import mql_decisions, resolve_precedence
from mqa_platform.core.unmatched_people import unmatched_acts, unmatched_people
from mqa_platform.policy.precedence import CELLS, PEOPLE, Precedence, problems
from mqa_platform_tests.core.engine import (
    ACCOUNTS,
    TOUCHPOINTS,
    account,
    day,
    default_policy,
    policy_with,
    touch,
)

# Written from the page, not from the table: what the default must answer.
READY = ("mql", "hand_raise")


def wanted(person: str, account: str, suppressed: bool, gate_failed: bool) -> str:
    if person not in READY:
        return "nothing"
    if suppressed:
        return "nothing"
    if account == "working":
        return "attach"
    if gate_failed:
        return "self_serve_nurture"
    if account == "target":
        return "task_to_owner" if person == "hand_raise" else "hold"
    return "mql_queue"


@pytest.mark.parametrize("cell", CELLS)
def test_every_combination_has_the_answer_of_the_page(cell):
    person, account_, suppressed, gate_failed = cell
    row = resolve_precedence(
        person, account_, default_policy(), suppressed=suppressed, gate_failed=gate_failed
    )
    assert row.action == wanted(*cell)


def test_the_table_has_all_forty_eight_combinations():
    assert len(set(CELLS)) == 3 * 4 * 2 * 2


def test_a_combination_without_a_row_and_one_with_two_are_refused():
    table = [Precedence(name="a", person=["quiet"], action="nothing")]
    found = list(problems(table))
    assert len(found) == len(CELLS) - len(CELLS) // len(PEOPLE)
    assert "no row answers person mql, account none, suppressed false" in found[0]
    twice = [*table, Precedence(name="b", action="hold")]
    assert any("the rows a and b answer" in p for p in problems(twice))
    assert any("is there 2 times" in p for p in problems([*table, *table]))


def test_a_policy_with_a_hole_in_the_table_is_not_loaded():
    rows = [r.model_dump() for r in default_policy().stages.precedence]
    with pytest.raises(ValidationError, match="no row answers"):
        policy_with(stages={"precedence": rows[1:]})


PERSON = pa.schema(
    [
        ("person_id", pa.string()),
        ("account_id", pa.string()),
        ("person_score", pa.decimal128(18, 4)),
        ("is_mql", pa.bool_()),
    ]
)
STAGE = pa.schema(
    [
        *((c, pa.string()) for c in ("account_id", "motion", "stage", "suppression_reason")),
        ("stage_date", pa.date32()),
    ]
)
HANDOFF = pa.schema(
    [
        *((c, pa.string()) for c in ("handoff_id", "account_id", "rep_id", "status")),
        ("created_on", pa.date32()),
        ("ended_on", pa.date32()),
    ]
)


def decided(engine, *, mql=True, touches=(), stages=(), handoffs=(), accounts=None, **changed):
    people = {"person_id": "p", "account_id": "acme", "person_score": 60, "is_mql": mql}
    listed = [account(owner_id="rep1", **changed)] if accounts is None else accounts
    rows = engine.rows(
        mql_decisions(
            engine.table([people], PERSON),
            engine.table(touches, TOUCHPOINTS),
            engine.table(listed, ACCOUNTS),
            engine.table(
                stages, STAGE, account_id="acme", motion="new_business", stage_date=day(0)
            ),
            engine.table(handoffs, HANDOFF, handoff_id="h", account_id="acme", created_on=day(-3)),
            default_policy(),
            day(0),
        )
    )
    return rows[0] if rows else None


def answer(engine, **given):
    row = decided(engine, **given)
    return row and (row["action"], row["rule"])


def test_a_person_who_is_neither_is_no_row(engine):
    assert decided(engine, mql=False) is None


def test_a_busy_person_of_a_target_account_is_held(engine):
    row = decided(engine)
    assert (row["action"], row["owner_id"], row["account"]) == ("hold", "rep1", "target")


def test_who_asked_to_be_called_gets_the_owner(engine):
    asked = [touch(-27, "demo_request", person_id="p")]
    row = decided(engine, mql=False, touches=asked)
    assert (row["person"], row["action"]) == ("hand_raise", "task_to_owner")
    assert decided(engine, mql=False, touches=[touch(-28, "demo_request", person_id="p")]) is None


@pytest.mark.parametrize("stage", ["mqa", "sales_accepted", "opportunity", "customer"])
def test_who_belongs_to_an_account_in_work_joins_it(engine, stage):
    row = decided(
        engine, stages=[{"stage": stage}], handoffs=[{"status": "accepted", "rep_id": "rep2"}]
    )
    assert (row["action"], row["owner_id"], row["handoff_id"]) == ("attach", "rep2", "h")


def test_an_open_handoff_is_work_whatever_the_stage_and_a_closed_one_is_none(engine):
    assert answer(engine, handoffs=[{"status": "open"}]) == ("attach", "account_in_work")
    assert answer(engine, handoffs=[{"status": "rejected"}]) == ("hold", "target_account_held")


def test_an_account_that_the_other_motion_works_on_is_in_work(engine):
    rows = [{"stage": "unqualified"}, {"stage": "mqa", "motion": "expansion"}]
    assert answer(engine, stages=rows) == ("attach", "account_in_work")


def test_other_accounts_feed_the_queue_of_leads(engine):
    assert answer(engine, is_target=False) == ("mql_queue", "no_target_account")
    assert answer(engine, accounts=[]) == ("mql_queue", "no_target_account")


def test_who_was_handed_over_and_rejected_waits_for_nobody_until_asking_again(engine):
    asked = [touch(-9, "demo_request", person_id="p")]
    closed = {"status": "rejected", "created_on": day(-9), "ended_on": day(-5)}
    assert answer(engine, touches=asked, handoffs=[closed]) == ("hold", "target_account_held")
    assert decided(engine, mql=False, touches=asked, handoffs=[closed]) is None
    again = [*asked, touch(-5, "demo_request", person_id="p", signal_id="again")]
    assert answer(engine, touches=again, handoffs=[closed])[0] == "task_to_owner"


UNMATCHED = [
    # (reason, consent, what is told of the person)
    ("free_mail", "granted", [("none", "hand_raise", "mql_queue")]),
    ("no_match", "not_required", [("none", "hand_raise", "mql_queue")]),
    ("competitor", "granted", []),
    ("no_consent", "denied", []),
    ("free_mail", "unknown", []),
]


def queued(engine, reason, consent, elsewhere=()):
    """What is told of somebody who asked to be called, and whom no rule gave to an account."""
    contracts = load_contracts()
    schemas = [contracts[n].arrow_schema for n in ("signals", "unresolved_signals", "handoffs")]
    asked = {"signal_id": "s", "signal_date": day(-3), "event": "demo_request"}
    asked |= {"signal_type": "demo_request", "direction": "inbound", "person_key": "p"}
    signals = [{**asked, "consent": consent}, {**asked, "signal_id": "t", "consent": consent}]
    touched = engine.table(elsewhere, TOUCHPOINTS)
    acts = unmatched_acts(
        engine.table(signals, pa.schema([pa.field(f.name, f.type) for f in schemas[0]])),
        engine.table([{"signal_id": "s", "signal_date": day(-3), "reason": reason}], schemas[1]),
        touched,
    )
    rows = engine.rows(
        mql_decisions(
            unmatched_people(acts, default_policy(), day(0), engine.apply),
            acts,
            engine.table([account()], ACCOUNTS),
            engine.table([], STAGE),
            engine.table([], HANDOFF),
            default_policy(),
            day(0),
        )
    )
    return [(r["account"], r["person"], r["action"]) for r in rows]


@pytest.mark.parametrize(("reason", "consent", "told"), UNMATCHED)
def test_who_asks_from_a_private_mailbox_is_in_the_queue_of_leads(engine, reason, consent, told):
    assert queued(engine, reason, consent) == told


def test_who_is_known_at_an_account_is_told_there_only(engine):
    elsewhere = [touch(-1, "pricing_view", person_id="contact", signal_id="t")]
    assert queued(engine, "free_mail", "granted", elsewhere) == []


def test_a_company_that_cannot_be_a_customer_serves_itself(engine):
    assert answer(engine, fit_gate="fail")[0] == "self_serve_nurture"
    assert answer(engine, fit_gate="unknown")[0] == "hold"


def test_nobody_of_a_suppressed_account_is_called(engine):
    rows = [{"stage": "mqa", "suppression_reason": "legal"}]
    assert answer(engine, stages=rows) == ("nothing", "suppressed")
