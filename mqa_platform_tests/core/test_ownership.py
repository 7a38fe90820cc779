"""Whose points they are: under every policy of roll-up no share is lost, and none is made."""

from __future__ import annotations

from collections import defaultdict

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from mqa_platform.core.domains import CONTACT, OWNER, domain_owners
from mqa_platform.core.hierarchy import MERGE, NODE, account_nodes
from mqa_platform.core.known import owners_of
from mqa_platform.core.ownership import answered, with_owner_counts
from mqa_platform.policy.identity import Identity
from mqa_platform_tests.core.engine import Engine, day
from mqa_platform_tests.core.test_domains import DOMAINS, worlds
from mqa_platform_tests.core.test_hierarchy import SCHEMA, version

CHOSEN = pa.schema(
    [("signal_id", pa.string()), ("signal_date", pa.date32()), ("rule_domain", pa.string()),
     ("rule_account", pa.string())]
)  # fmt: skip
ROLL_UPS = ("own", "parent", "ultimate_parent")
NO_MERGE = MERGE.empty_table()
ENGINE = Engine()


def points(rows, signals, **identity):
    """signal → own account → (account that gets the points, share); what is refused is not there."""
    meaning = Identity.model_validate(identity)
    accounts = pa.Table.from_pylist(rows, schema=SCHEMA)
    told = domain_owners(meaning, NO_MERGE, CONTACT.empty_table()).fn(accounts)
    owners = ENGINE.keep_arrow(told.cast(OWNER))
    nodes = ENGINE.keep_arrow(account_nodes(meaning, NO_MERGE).fn(accounts).cast(NODE))
    chosen = ENGINE.table(signals, CHOSEN)
    asked = chosen.filter(chosen["rule_domain"].notnull())
    asked = asked.select(domain="rule_domain", day="signal_date").distinct()
    counts = ENGINE.rows(with_owner_counts(asked, owners))
    # A tie that is refused chooses no rule.
    refused = {(r["domain"], r["day"]) for r in counts if r["is_tie"]}
    spoken = [s for s in signals if (s.get("rule_domain"), s["signal_date"]) not in refused]
    found = defaultdict(dict)
    for row in ENGINE.rows(answered(ENGINE.table(spoken, CHOSEN), owners, nodes)):
        mine = found[row["signal_id"]]
        assert row["own_account_id"] not in mine
        mine[row["own_account_id"]] = (row["account_id"], row["share"])
    assert set(found) == {s["signal_id"] for s in spoken}
    return dict(found)


def test_a_mail_host_that_several_accounts_have_is_nobodys_and_no_tie():
    rows = [version(a, domain="gmail.com") for a in ("a", "b")]
    rows += [version("c", domain="yahoo.com"), *(version(a, domain="twin.com") for a in "de")]
    accounts = ENGINE.keep_arrow(pa.Table.from_pylist(rows, schema=SCHEMA))
    listed = ENGINE.keep_arrow(pa.table({"domain": ["gmail.com", "yahoo.com"]}))
    owners = ENGINE.rows(
        owners_of(accounts, NO_MERGE, CONTACT.empty_table(), Identity(), ENGINE.apply, listed)
    )
    assert {(r["domain"], r["account_id"]) for r in owners} == {
        ("yahoo.com", "c"),
        ("twin.com", "d"),
        ("twin.com", "e"),
    }


def signals(accounts):
    """One signal a day of every domain and every account."""
    by_domain = [{"rule_domain": d} for d in (*DOMAINS, "nobody.com")]
    by_account = [{"rule_account": a} for a in accounts]
    return [
        {"signal_id": f"{number} {named}", "signal_date": day(number), **named}
        for number in range(0, 12, 2)
        for named in (*by_domain, *by_account)
    ]


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(worlds())
def test_every_signal_that_is_answered_keeps_its_one_share_under_every_policy(world):
    rows, identity = world
    asked = signals(sorted({r["account_id"] for r in rows}))
    by_policy = {r: points(rows, asked, **{**identity, "roll_up": r}) for r in ROLL_UPS}
    for found in by_policy.values():
        for shares in found.values():
            assert sum(share for _, share in shares.values()) == pytest.approx(1, abs=1e-9)
            nodes = [node for node, _ in shares.values()]
            # One row an account and signal: the key of the touchpoints.
            assert len(set(nodes)) == len(nodes)
    # Rolling up moves points between accounts; it settles ties within a group and makes no other.
    assert all(set(by_policy["own"]) <= set(by_policy[r]) for r in ROLL_UPS)


GROUP = [
    version("buyer", domain="buyer.com"),
    version("shop", domain="shop.com"),
    version("branch", "shop", domain="branch.com"),
]
DEAL = {"domain": "shop.com", "by": "buyer.com", "on": "2026-01-06"}


@pytest.mark.parametrize(
    ("roll_up", "before", "after"),
    [
        ("own", {"shop": "shop", "branch": "branch"}, {"shop": "shop", "branch": "branch"}),
        ("parent", {"shop": "shop", "branch": "shop"}, {"shop": "buyer", "branch": "shop"}),
        (
            "ultimate_parent",
            {"shop": "shop", "branch": "shop"},
            {"shop": "buyer", "branch": "buyer"},
        ),
    ],
)
def test_an_acquisition_moves_points_from_its_day_on_and_loses_none(roll_up, before, after):
    days = range(3, 8)
    asked = [
        {"signal_id": f"{a} {d}", "signal_date": day(d), "rule_domain": f"{a}.com"}
        for a in ("shop", "branch", "buyer")
        for d in days
    ]
    found = points(GROUP, asked, roll_up=roll_up, acquisitions=[DEAL])
    for number in days:
        wanted = before if number < 5 else after
        for account, node in {**wanted, "buyer": "buyer"}.items():
            assert found[f"{account} {number}"] == {account: (node, 1.0)}


@pytest.mark.parametrize("roll_up", ROLL_UPS)
def test_in_a_circle_of_parents_every_signal_still_has_one_account(roll_up):
    rows = [
        version("a", "b", domain="x.com"),
        version("b", "a", domain="y.com"),
        version("c", "c", domain="z.com"),
    ]
    found = points(rows, signals(["a", "b", "c"]), roll_up=roll_up)
    assert all(len(shares) == 1 for shares in found.values())
    assert {share for shares in found.values() for _, share in shares.values()} == {1.0}
