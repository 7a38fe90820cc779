"""The clocks ask no engine for what the three engines answer differently."""

from __future__ import annotations

from datetime import timedelta

import ibis
import ibis.expr.types as ir
import pytest

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core.calendar_problems import calendar_problems
from mqa_platform.core.calendars import calendars_kernel, landed_calendars
from mqa_platform.core.clocks import Clockwork, with_clocks
from mqa_platform.core.compliance import sla_compliance
from mqa_platform.core.digest import digest_intents, digest_lines
from mqa_platform.core.follow_up import follow_up
from mqa_platform.core.plays import plays_of
from mqa_platform.core.releases import with_release
from mqa_platform.core.sla_events import sla_events, sla_moves
from mqa_platform.core.sla_messages import sla_intents
from mqa_platform.core.worklist import ageing_handoffs, worklist
from mqa_platform.policy.models import Policy
from mqa_platform_tests.core.clock_cases import DELIVERIES, LATE
from mqa_platform_tests.core.engine import day, default_policy, policy_with
from mqa_platform_tests.core.portability import Cuts, problems

EARLY = LATE - timedelta(days=3)


def published(name: str) -> ir.Table:
    return ibis.table(load_contracts()[name].schema, name=name)


def expressions(policy: Policy, *, delivers: bool) -> dict[str, ir.Table]:
    cut = Cuts()
    reps = landed_calendars(published("capacity"), published("absences"), policy)
    calendars = cut.apply(calendars_kernel(policy.sla), reps, "shard")
    moved = published("stage_transitions")
    handoffs = published("handoffs")
    released = with_release(handoffs, published("capacity"), policy, moved, cut.apply)
    sent = ibis.table(ibis.Schema.from_pyarrow(DELIVERIES), name="deliveries")
    work = Clockwork(
        calendars,
        published("handoff_owners"),
        published("crm_activities"),
        moved,
        sent if delivers else None,
        published("stages"),
    )
    clocked = with_clocks(cut(released, "released"), work, policy, LATE, cut.apply)
    made = cut(clocked.select(*handoffs.columns), "clocked")
    accounts = published("accounts")
    events, work_ = published("sla_events"), published("worklist")
    held = ibis.table({"handoff_id": "string", "kind": "string", "reason": "string"}, name="held")
    lines = digest_lines(work_, events, handoffs, accounts, held, LATE)
    for name, expr in {
        "intents": sla_intents(events, handoffs, policy, EARLY, LATE),
        "lines": lines,
        "digests": digest_intents(lines, LATE),
        "moves": sla_moves(made, policy),
        "events": sla_events(made, policy),
        "compliance": sla_compliance(made, cut.apply),
        "worklist": worklist(made, accounts, published("stages"), day(0)),
        "ageing": ageing_handoffs(made, accounts, published("stages"), day(0)),
        "follow_up": follow_up(made, plays_of(made, policy), work.activities, LATE),
        "problems": calendar_problems(calendars, made, policy, day(0), cut.apply),
    }.items():
        cut(expr, name)
    return cut.seen


MANAGED = policy_with(
    sla={"managers": {"EMEA": "eva", "APAC": "kim"}},
    routing={"experiment": {"name": "spring", "holdout_share": 0.1}},
)
EXPRESSIONS = expressions(MANAGED, delivers=True) | {
    f"plain {name}": expr for name, expr in expressions(default_policy(), delivers=False).items()
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_clock_asks_only_for_what_every_engine_answers_alike(name: str) -> None:
    assert problems(EXPRESSIONS[name]) == set()


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_clock_compiles_for_postgresql(name: str) -> None:
    assert ibis.to_sql(EXPRESSIONS[name], dialect="postgres")


@pytest.mark.parametrize(
    ("table", "made"),
    [("worklist", "worklist"), ("sla_events", "events"), ("sla_compliance", "compliance"),
     ("ageing_handoffs", "ageing"), ("follow_up", "follow_up"), ("calendar_problems", "problems")],
)  # fmt: skip
def test_each_table_has_the_columns_of_its_contract(table: str, made: str) -> None:
    (expr,) = [e for name, e in EXPRESSIONS.items() if name.startswith(f"{made}_")]
    assert set(expr.columns) == set(load_contracts()[table].schema)
