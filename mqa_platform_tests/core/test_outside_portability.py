"""What others say of accounts asks only for what every engine answers alike."""

from __future__ import annotations

import ibis
import pytest

from mqa_platform.core.account_lists import account_lists
from mqa_platform.core.accounts import accounts, versions
from mqa_platform.core.enrichment import enrichment
from mqa_platform.core.matching import NAME_KEY
from mqa_platform.core.outside import Outside, unmatched_entries
from mqa_platform.core.spend import campaign_spend
from mqa_platform_tests.core.engine import TOUCHPOINTS, crm_schema, landed_schema, policy_with
from mqa_platform_tests.core.portability import problems


def tables(rule: str) -> dict[str, ibis.Table]:
    """Every expression, under one rule of precedence for all fields."""
    fields = ("industry", "employees", "revenue", "country", "technologies", "growth_pct")
    policy = policy_with(icp={"precedence": dict.fromkeys(fields, rule)})
    seen = []

    def table(schema, name):
        return ibis.table(ibis.Schema.from_pyarrow(schema), name=name)

    def keep(expr):
        seen.append(expr)
        return ibis.table(expr.schema(), name=f"kept_{len(seen)}")

    crm = table(crm_schema("landed_accounts"), "crm_accounts")
    touched = table(TOUCHPOINTS, "touchpoints")
    records = enrichment(table(landed_schema("landed_enrichment"), "landed_enrichment"))
    lists = account_lists(table(landed_schema("landed_lists"), "landed_lists"))
    spend = campaign_spend(table(landed_schema("landed_spend"), "landed_spend"))
    others = Outside(keep(records), keep(lists), table(NAME_KEY, "name_keys"))
    found = accounts(crm, touched, policy, others, keep)
    strangers = unmatched_entries(versions(crm, touched), others, policy)
    named = {"accounts": found, "spend": spend, "strangers": strangers}
    return named | {f"step_{n}": expr for n, expr in enumerate(seen)}


CASES = {
    f"{rule}:{name}": expr
    for rule in ("crm_first", "enrichment_first", "newest")
    for name, expr in tables(rule).items()
}


@pytest.mark.parametrize("name", CASES)
def test_what_others_say_is_asked_for_in_words_that_every_engine_knows(name):
    assert problems(CASES[name]) == set()
    assert ibis.to_sql(CASES[name], dialect="postgres")
