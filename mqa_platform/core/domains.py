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


@dataclass(frozen=True)
class _Piece:
    """A claimant while nothing about it changes: days, source, node, and its ``preference``."""

    first: int
    end: int
    account: str
    source: str
    node: str
    preference: tuple[Any, ...]


def _settled(domain: str, claims: list[Claim], world: World, identity: Identity) -> Iterator[Any]:
    """(first, end, owners): for each stretch of days on which nothing changes, who owns the domain."""
    of_account: dict[str, list[Claim]] = defaultdict(list)
    for c in sorted(claims, key=lambda c: _SOURCES.index(c.source)):
        of_account[c.account].append(c)
    # Only where there may be a tie does it matter what else changes about the claimants.
    rivals = len(of_account) > 1
    begins: dict[int, list[_Piece]] = defaultdict(list)
    cuts: set[int] = set()
    for account, each in of_account.items():
        for piece in _pieces(account, each, world, identity, rivals):
            begins[piece.first].append(piece)
            cuts |= {piece.first, piece.end}
    days = sorted(cuts)
    active: dict[str, _Piece] = {}
    for first, end in zip(days, days[1:], strict=False):
        for account in [a for a, piece in active.items() if piece.end <= first]:
            del active[account]
        active |= {piece.account: piece for piece in begins[first]}
        if active:
            yield first, end, _decided(domain, active, identity)


def _pieces(
    account: str, claims: list[Claim], world: World, identity: Identity, rivals: bool
) -> Iterator[_Piece]:
    """What one account's claims, best first, come to on each of its days."""
    days = {d for c in claims for d in (c.first, c.end)}
    days |= {d for f, e, _, _ in world.tree.stretches(account) for d in (f, e)}
    if rivals:
        days |= {d for v in world.versions.get(account, []) for d in (v.first, v.end)}
        days |= {d for d, _ in world.contacts.get(account, [])}
    cuts = sorted(days)
    for first, end in zip(cuts, cuts[1:], strict=False):
        source = next((c.source for c in claims if c.first <= first < c.end), None)
        if source is not None:
            preference = world.preference(account, first) if rivals else ()
            yield _Piece(
                first, end, account, source, _node(account, first, world, identity), preference
            )


def _decided(domain: str, active: dict[str, _Piece], identity: Identity) -> Settled:
    """Who has the domain on a day; accounts whose points go to one node are one owner."""
    best = min(active.values(), key=lambda piece: piece.preference)
    if len(active) == 1:
        return ((best.account, best.node, best.source, 1.0, False, True),)
    by_node: dict[str, list[_Piece]] = defaultdict(list)
    for account in sorted(active):
        by_node[active[account].node].append(active[account])

    def row(piece: _Piece, share: float, is_refused: bool) -> Any:
        source = piece.source if len(by_node[piece.node]) == 1 else GROUP
        return piece.account, piece.node, source, share, is_refused, piece is best

    nodes = sorted(by_node)
    way = identity.shared_domain_exceptions.get(domain, identity.shared_domains)
    if len(nodes) == 1:
        return (row(by_node[nodes[0]][0], 1.0, False),)
    if way == "pick":
        return ((best.account, best.node, best.source, 1.0, False, True),)
    if way == "refuse":
        return tuple(row(piece, 0.0, True) for n in nodes for piece in by_node[n])
    return tuple(row(by_node[n][0], len(by_node[n]) / len(active), False) for n in nodes)


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
            rows += _rows(domain, _settled(domain, claims[domain], world, identity))
        return _table(rows)

    told = ("account_id", "valid_from", "valid_to", "domain", "aliases", "parent_account_id")
    lineage: dict[str, tuple[str, ...]] = dict.fromkeys(OWNER.names, told)
    return Kernel("domain_owners", run, OWNER, lineage)


def _rows(domain: str, settled: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    """One row an owner and stretch of days on which nothing of theirs changes.

    A day on which only another claimant comes or goes cuts nothing: else a domain that a thousand
    accounts claim would have a row for each of them on each of a thousand days.
    """
    begun: dict[Any, int] = {}
    until = FOREVER
    for first, end, owners in settled:
        now = set(owners) if first == until else set()
        for owner in [o for o in begun if o not in now]:
            yield _row(domain, owner, begun.pop(owner), until)
        for owner in owners:
            begun.setdefault(owner, first)
        until = end
    for owner, first in begun.items():
        yield _row(domain, owner, first, until)


def _row(domain: str, owner: Any, first: int, end: int) -> tuple[Any, ...]:
    account, node_id, *settled = owner
    return domain, account, node_id, first, None if end == FOREVER else end, *settled


def _table(rows: list[tuple[Any, ...]]) -> pa.Table:
    columns = [[row[at] for row in rows] for at in range(len(OWNER))]
    return pa.table([day_column(c, f) for c, f in zip(columns, OWNER, strict=True)], schema=OWNER)
