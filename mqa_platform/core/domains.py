"""Which account a domain belongs to on each day, and what happens where several claim it.

Belongs here: settling claims: one owner, shares, or a refused tie. Does not belong here: who claims
what (``domain_claims``), the tree of accounts (``hierarchy``), or reasons against a domain.

No domain is ever compared by likeness: acme.com and acrne.com are two companies.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from mqa_platform.core.domain_claims import (
    ALIAS,
    BOUGHT,
    MERGED,
    OWN,
    POLICY,
    Claim,
    after_acquisition,
    after_merges,
    declared,
)
from mqa_platform.core.hierarchy import (
    FOREVER,
    Tree,
    Version,
    between_accounts,
    day_column,
    merges_of,
    node,
    number,
    versions_of,
)
from mqa_platform.core.kernel import Kernel
from mqa_platform.policy.identity import Identity

OWNER = pa.schema(
    [
        ("domain", pa.string()),
        ("account_id", pa.string()),
        ("node_id", pa.string()),
        ("valid_from", pa.date32()),
        ("valid_to", pa.date32()),
        ("source", pa.string()),
        ("share", pa.float64()),
        ("is_refused", pa.bool_()),
        ("is_preferred", pa.bool_()),
    ]
)
CONTACT = pa.schema(
    [("account_id", pa.string()), ("valid_from", pa.date32()), ("valid_to", pa.date32())]
)
GROUP = "group"
_SOURCES = (OWN, ALIAS, POLICY, MERGED, BOUGHT)


@dataclass(frozen=True)
class World:
    """What settling a tie looks at: accounts, their tree, and how many contacts they had when."""

    versions: dict[str, list[Version]]
    tree: Tree
    contacts: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def preference(self, account: str, day: int) -> tuple[bool, int, int, str]:
        """What ``pick`` sorts by: an owner first, most contacts, oldest, then the id."""
        mine = self.versions.get(account, [])
        owned = any(v.first <= day < v.end and v.owner for v in mine)
        moves = self.contacts.get(account, [])
        at = bisect_right(moves, (day, FOREVER)) - 1
        people = moves[at][1] if at >= 0 else 0
        return (not owned, -people, mine[0].first if mine else FOREVER, account)


# (account, node, source, share, is_refused, is_preferred) of every account that a domain goes to.
Settled = tuple[tuple[str, str, str, float, bool, bool], ...]


def _settled(domain: str, claims: list[Claim], world: World, identity: Identity) -> Iterator[Any]:
    """(first, end, owners): for each stretch of days on which nothing changes, who owns the domain."""
    days = {d for c in claims for d in (c.first, c.end)}
    accounts = {c.account for c in claims}
    for account in accounts:
        days |= {d for f, e, _, _ in world.tree.stretches(account) for d in (f, e)}
    if len(accounts) > 1:
        # Only where there may be a tie does it matter what else changes about the claimants.
        for account in accounts:
            days |= {d for v in world.versions.get(account, []) for d in (v.first, v.end)}
            days |= {d for d, _ in world.contacts.get(account, [])}
    cuts = sorted(days)
    for first, end in zip(cuts, cuts[1:], strict=False):
        sources: dict[str, str] = {}
        for c in sorted(claims, key=lambda c: _SOURCES.index(c.source)):
            if c.first <= first < c.end:
                sources.setdefault(c.account, c.source)
        if sources:
            yield first, end, _decided(domain, sources, first, world, identity)


def _decided(
    domain: str, sources: dict[str, str], day: int, world: World, identity: Identity
) -> Settled:
    """Who has the domain on a day; accounts whose points go to one node are one owner."""
    if len(sources) == 1:
        ((account, source),) = sources.items()
        return ((account, _node(account, day, world, identity), source, 1.0, False, True),)
    by_node: dict[str, list[str]] = defaultdict(list)
    for account in sorted(sources):
        by_node[_node(account, day, world, identity)].append(account)

    def row(node_id: str, account: str, share: float, is_refused: bool) -> Any:
        alone = len(by_node[node_id]) == 1
        source = sources[account] if alone else GROUP
        return account, node_id, source, share, is_refused, account == best

    nodes = sorted(by_node)
    best = min(sources, key=lambda a: world.preference(a, day))
    way = identity.shared_domain_exceptions.get(domain, identity.shared_domains)
    if len(nodes) == 1:
        return (row(nodes[0], by_node[nodes[0]][0], 1.0, False),)
    if way == "pick":
        (chosen,) = (n for n in nodes if best in by_node[n])
        return ((best, chosen, sources[best], 1.0, False, True),)
    if way == "refuse":
        return tuple(row(n, a, 0.0, True) for n in nodes for a in by_node[n])
    return tuple(row(n, by_node[n][0], len(by_node[n]) / len(sources), False) for n in nodes)


def _node(account: str, day: int, world: World, identity: Identity) -> str:
    for first, end, path, _ in world.tree.stretches(account):
        if first <= day < end:
            return node(world.tree.without_merged(path, day), identity.roll_up)
    return account


def _counted(contacts: pa.Table) -> dict[str, list[tuple[int, int]]]:
    """Account → (day, how many contacts it has from then on), by day."""
    moves: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for row in contacts.to_pylist():
        moves[row["account_id"]][number(row["valid_from"])] += 1
        if row["valid_to"] is not None:
            moves[row["account_id"]][number(row["valid_to"])] -= 1
    found = {}
    for account, changes in moves.items():
        people, steps = 0, []
        for day in sorted(changes):
            people += changes[day]
            steps.append((day, people))
        found[account] = steps
    return found


def domain_owners(identity: Identity, merges: pa.Table, contacts: pa.Table) -> Kernel:
    """Kernel: the versions of all accounts → ``OWNER``, in stretches of days that do not overlap.

    All accounts must come in one call: ties are between accounts. On every day the shares of a
    domain sum to one, or all of its rows are refused and have no share. An account appears once a
    domain and day, a node only once unless refused. ``is_preferred`` is the one that
    would be picked.

    Args:
        identity: aliases, acquisitions, roll-up and what to do with shared domains.
        merges: ``hierarchy.MERGE``.
        contacts: ``CONTACT``: living contacts, of accounts that share a domain.
    """
    merged = merges_of(merges)
    counted = _counted(contacts)

    def run(table: pa.Table) -> pa.Table:
        versions = versions_of(table)
        tree = Tree(versions, merged, between_accounts(identity.acquisitions, versions))
        world = World(versions, tree, counted)
        claims = after_merges(declared(versions, identity), merged)
        for bought in sorted(identity.acquisitions, key=lambda a: (a.on, str(a))):
            claims = after_acquisition(claims, bought, versions)
        rows: list[tuple[Any, ...]] = []
        for domain in sorted(claims):
            rows += _joined(domain, _settled(domain, claims[domain], world, identity))
        return _table(rows)

    told = ("account_id", "valid_from", "valid_to", "domain", "aliases", "parent_account_id")
    lineage: dict[str, tuple[str, ...]] = dict.fromkeys(OWNER.names, told)
    return Kernel("domain_owners", run, OWNER, lineage)


def _joined(domain: str, settled: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    """The rows of a domain; neighbouring stretches with the same owners are one."""
    at: tuple[int, int, Settled] | None = None
    for first, end, owners in settled:
        if at is not None and at[1] == first and at[2] == owners:
            at = (at[0], end, owners)
            continue
        if at is not None:
            yield from _rows(domain, at)
        at = (first, end, owners)
    if at is not None:
        yield from _rows(domain, at)


def _rows(domain: str, stretch: tuple[int, int, Settled]) -> Iterator[tuple[Any, ...]]:
    first, end, owners = stretch
    last = None if end == FOREVER else end
    for account, node_id, *settled in owners:
        yield domain, account, node_id, first, last, *settled


def _table(rows: list[tuple[Any, ...]]) -> pa.Table:
    columns = [[row[at] for row in rows] for at in range(len(OWNER))]
    return pa.table([day_column(c, f) for c, f in zip(columns, OWNER, strict=True)], schema=OWNER)
