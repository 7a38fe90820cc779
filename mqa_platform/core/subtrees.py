"""Trees of accounts for the stages: what a node's whole subtree did, and who stands above whom.

Belongs here: relations between accounts as of each day, and the scores of subtrees. Does not belong here:
the tree itself (``hierarchy``), or which node of it qualifies (``rules``).

The lowest node whose own subtree meets the rule qualifies. So a parent is judged by its own touchpoints and
those of everybody below it; its published score stays its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.expressions import BEGINNING, in_force
from mqa_platform.core.hierarchy import FOREVER, day_column, number
from mqa_platform.core.history import Span
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.scores import score_lines, scores

Apply = Callable[[Kernel, ir.Table, str], ir.Table]
RELATION = pa.schema(
    [
        ("account_id", pa.string()),
        ("ancestor_id", pa.string()),
        ("valid_from", pa.date32()),
        ("valid_to", pa.date32()),
        ("distance", pa.int64()),
        ("family", pa.string()),
    ]
)
_NEEDED = ("account_id", "valid_from", "valid_to", "parent_account_id")


@dataclass(frozen=True)
class Subtrees:
    """Who stands above whom (``RELATION``), and the touchpoints that parents are judged by."""

    relations: ir.Table
    touchpoints: ir.Table

    def judged_by(self, touchpoints: ir.Table) -> ir.Table:
        """All touchpoints; those of parents with everybody's below them."""
        own = touchpoints.anti_join(parents(self.relations), "account_id")
        return own.union(self.touchpoints.select(*touchpoints.columns))


def relations_kernel() -> Kernel:
    """Kernel: rows of account_hierarchy with a parent → ``RELATION``; all rows must come in one call.

    A node is its own ancestor at distance 0 where somebody stands below it. A family is everybody who is
    connected on any day; it is called by its smallest id.
    """

    def run(table: pa.Table) -> pa.Table:
        above: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
        for row in table.sort_by(
            [("account_id", "ascending"), ("valid_from", "ascending")]
        ).to_pylist():
            end = FOREVER if row["valid_to"] is None else number(row["valid_to"])
            above[row["account_id"]].append(
                (number(row["valid_from"]), end, row["parent_account_id"])
            )
        found = [r for a in sorted(above) for r in _climb(a, above)]
        begins = number(BEGINNING)
        found += [(a, a, begins, FOREVER, 0) for a in sorted({r[1] for r in found})]
        families = _families(found)
        columns: list[list[Any]] = [[r[i] for r in found] for i in range(5)]
        columns[3] = [None if end == FOREVER else end for end in columns[3]]
        columns.append([families[r[0]] for r in found])
        return pa.table(
            [day_column(c, f) for c, f in zip(columns, RELATION, strict=True)], schema=RELATION
        )

    return Kernel("account_relations", run, RELATION, dict.fromkeys(RELATION.names, _NEEDED))


Relation = tuple[str, str, int, int, int]


def _climb(account: str, above: dict[str, list[tuple[int, int, str]]]) -> list[Relation]:
    """Every ancestor of an account with the days on which it is one."""
    found: list[Relation] = []
    waiting = [(account, number(BEGINNING), FOREVER, 0, frozenset({account}))]
    while waiting:
        node, first, end, distance, path = waiting.pop()
        for born, died, parent in above.get(node, ()):
            lo, hi = max(first, born), min(end, died)
            if lo < hi and parent not in path:
                found.append((account, parent, lo, hi, distance + 1))
                waiting.append((parent, lo, hi, distance + 1, path | {parent}))
    return sorted(found)


def _families(relations: Sequence[Relation]) -> dict[str, str]:
    """Account → the smallest id of everybody it is connected with."""
    top: dict[str, str] = {}

    def root(account: str) -> str:
        while top.setdefault(account, account) != account:
            account = top[account]
        return account

    for one, other, *_ in relations:
        a, b = sorted((root(one), root(other)))
        top[b] = a
    return {account: root(account) for account in list(top)}


def relations(hierarchy: ir.Table, apply: Apply) -> ir.Table:
    """``RELATION`` of the published account_hierarchy."""
    t = hierarchy.filter(hierarchy["parent_account_id"].notnull()).select(*_NEEDED)
    return apply(relations_kernel(), t.mutate(all=ibis.literal(0)), "all")


def subtree_touchpoints(touchpoints: ir.Table, relations: ir.Table) -> ir.Table:
    """The touchpoints of every parent's subtree, each under the parent's account_id."""
    r = relations.select("ancestor_id", "valid_from", "valid_to", below="account_id")
    above = parents(relations).rename(of_parent="account_id")
    r = r.semi_join(above, r["ancestor_id"] == above["of_parent"])
    t = touchpoints.join(r, touchpoints["account_id"] == r["below"])
    t = t.filter(in_force(t, t["touchpoint_date"]))
    return t.mutate(account_id=t["ancestor_id"]).select(*touchpoints.columns)


def subtree_scores(
    scored: ir.Table,
    subtrees: Subtrees,
    accounts: ir.Table,
    spans: Sequence[Span],
    days: Sequence[date],
    apply: Apply,
) -> ir.Table:
    """The scores that the accounts of a motion are judged by: parents have those of their subtrees.

    Args:
        scored: the published scores of the motion on the days.
        subtrees: the trees.
        accounts: as the motion judges them.
        spans: the policies of the motion in force on the days.
        days: the days.
        apply: runs a kernel.
    """
    found = scored.anti_join(parents(subtrees.relations), "account_id")
    for span in spans:
        its = [d for d in days if span.window.contains(d)]
        if its:
            lines = score_lines(subtrees.touchpoints, span.policy, its, apply)
            mine = scores(lines, accounts, span.policy, span.version)
            kinds = {c: scored.schema()[c].copy(nullable=True) for c in scored.columns}
            found = found.cast(kinds).union(mine.select(*scored.columns).cast(kinds))
    return found


def parents_of(days: ir.Table, relations: ir.Table) -> ir.Table:
    """(account_id, day, parent_account_id) of the days on which an account has a parent."""
    r = relations.filter(relations["distance"] == 1)
    r = r.select("valid_from", "valid_to", child="account_id", parent_account_id="ancestor_id")
    t = days.join(r, days["account_id"] == r["child"])
    t = t.filter(in_force(t, t["day"]))
    return t.select("account_id", "day", "parent_account_id")


def families(relations: ir.Table) -> ir.Table:
    """(member, family): which accounts must be folded together."""
    return relations.select("family", member="account_id").distinct()


def parents(relations: ir.Table) -> ir.Table:
    """(account_id): everybody who has somebody below on any day."""
    own = relations.filter(relations["distance"] == 0)
    return own.select("account_id")
