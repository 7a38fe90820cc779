"""The tree of accounts as of each day: parent, ultimate parent, and the node that gets the points.

Belongs here: walking from an account to its parents. Does not belong here: who owns a domain
(``domains``), or who a signal belongs to (``identity``).

The tree is the CRM's, as it was on the day: a parent that was entered in May says nothing of April. A
merged account is its survivor from the merge on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from mqa_platform.core.kernel import Kernel
from mqa_platform.policy.identity import Acquisition, Identity

FOREVER = 2**31 - 1
# A longer chain of parents is a mistake of the CRM; it ends here, like a cycle.
DEEPEST = 32
NODE = pa.schema(
    [
        ("account_id", pa.string()),
        ("valid_from", pa.date32()),
        ("valid_to", pa.date32()),
        ("parent_account_id", pa.string()),
        ("ultimate_parent_id", pa.string()),
        ("node_id", pa.string()),
        ("depth", pa.int64()),
        ("is_cyclic", pa.bool_()),
    ]
)
MERGE = pa.schema(
    [("account_id", pa.string()), ("survivor_id", pa.string()), ("merged_on", pa.date32())]
)


@dataclass(frozen=True)
class Version:
    """One version of a living account; days count from 1970, ``end`` is the first it does not hold."""

    first: int
    end: int
    parent: str | None
    owner: str | None = None
    domain: str | None = None
    aliases: str | None = None


Path = tuple[str, ...]
Stretch = tuple[int, int]


def versions_of(table: pa.Table) -> dict[str, list[Version]]:
    """The versions of each account, oldest first; deleted ones are no versions."""
    found: dict[str, list[Version]] = defaultdict(list)
    for row in table.to_pylist():
        if not row["is_deleted"]:
            version = Version(
                number(row["valid_from"]),
                FOREVER if row["valid_to"] is None else number(row["valid_to"]),
                row["parent_account_id"] or None,
                row["owner_id"] or None,
                row["domain"] or None,
                row["aliases"] or None,
            )
            found[row["account_id"]].append(version)
    return {a: sorted(each, key=lambda v: v.first) for a, each in sorted(found.items())}


def number(day: Any) -> int:
    """A day as the number that dates have in Arrow."""
    return int(day.toordinal()) - 719_163


class Tree:
    """The accounts with their parents as of each day.

    Args:
        versions: ``versions_of`` the CRM's accounts.
        merges: account → (survivor, day from which it is the survivor).
        acquisitions: those of the policy between two accounts of the CRM: (bought, buyer, day).
    """

    def __init__(
        self,
        versions: dict[str, list[Version]],
        merges: dict[str, tuple[str, int]],
        acquisitions: Sequence[tuple[str, str, int]] = (),
    ) -> None:
        self._alive = {
            a: [(v.first, v.end, v.parent) for v in each] for a, each in versions.items()
        }
        for bought, buyer, day in acquisitions:
            self._alive[bought] = _bought(self._alive.get(bought, []), buyer, day)
        for gone, (survivor, day) in merges.items():
            lived = [(f, min(e, day), p) for f, e, p in self._alive.get(gone, []) if f < day]
            self._alive[gone] = [*lived, (day, FOREVER, survivor)]
        self._merges = merges
        self._walked: dict[str, list[tuple[int, int, Path, bool]]] = {}

    def accounts(self) -> list[str]:
        """All accounts of the tree, merged ones included."""
        return sorted(self._alive)

    def stretches(self, account: str) -> list[tuple[int, int, Path, bool]]:
        """(first, end, path, is_cyclic): from the account up to the top, for all of its days."""
        if account not in self._walked:
            self._walked[account] = [
                each
                for first, end, parent in self._alive.get(account, ())
                for each in self._up(first, end, (account,), parent)
            ]
        return self._walked[account]

    def _up(
        self, first: int, end: int, path: Path, parent: str | None
    ) -> Iterator[tuple[int, int, Path, bool]]:
        if parent is not None and parent in path:
            # Whoever looks at a cycle must break it at the same place.
            top = min(path[path.index(parent) :])
            yield first, end, path[: path.index(top) + 1], True
            return
        if parent is None or parent not in self._alive or len(path) > DEEPEST:
            yield first, end, path, len(path) > DEEPEST
            return
        at = first
        for born, died, above in self._alive[parent]:
            lo, hi = max(born, at), min(died, end)
            if lo >= hi:
                continue
            if at < lo:
                yield at, lo, path, False
            yield from self._up(lo, hi, (*path, parent), above)
            at = hi
        if at < end:
            yield at, end, path, False

    def real(self, account: str, first: int) -> bool:
        """Whether the account itself, and not its survivor, stands for it on a day."""
        merge = self._merges.get(account)
        return merge is None or first < merge[1]

    def without_merged(self, path: Path, first: int) -> Path:
        """A path without the accounts that are another one by then; never empty."""
        return tuple(a for a in path if self.real(a, first)) or path[-1:]


def _bought(
    lived: list[tuple[int, int, str | None]], buyer: str, day: int
) -> list[tuple[int, int, str | None]]:
    """Not the buyer's before the day, and the buyer's from then on, whatever the CRM has entered."""
    found = []
    for first, end, parent in lived:
        if first < day:
            found.append((first, min(end, day), None if parent == buyer else parent))
        if end > day:
            found.append((max(first, day), end, parent if parent else buyer))
    return found


def node(path: Path, roll_up: str) -> str:
    """The account of a path, from the account itself to the top, that the policy gives the points."""
    if roll_up == "own":
        return path[0]
    return path[min(1, len(path) - 1)] if roll_up == "parent" else path[-1]


def merges_of(table: pa.Table) -> dict[str, tuple[str, int]]:
    """Account → (survivor, day); an account that is merged into itself is not."""
    rows = table.sort_by([("account_id", "ascending"), ("merged_on", "ascending")]).to_pylist()
    found: dict[str, tuple[str, int]] = {}
    for row in rows:
        if row["account_id"] != row["survivor_id"]:
            found.setdefault(row["account_id"], (row["survivor_id"], number(row["merged_on"])))
    return found


def between_accounts(
    acquisitions: Sequence[Acquisition], versions: dict[str, list[Version]]
) -> list[tuple[str, str, int]]:
    """(bought, buyer, day) of the acquisitions whose two companies the CRM has, each as one account."""
    owners: dict[str, set[str]] = defaultdict(set)
    for account, each in versions.items():
        for version in each:
            if version.domain:
                owners[version.domain].add(account)

    def account_of(text: str) -> str | None:
        if text in versions:
            return text
        known = owners.get(text, set())
        return next(iter(known)) if len(known) == 1 else None

    found = []
    for told in acquisitions:
        bought = account_of(told.account or told.domain or "")
        buyer = account_of(told.by)
        if bought and buyer and bought != buyer:
            found.append((bought, buyer, number(told.on)))
    return found


def account_nodes(identity: Identity, merges: pa.Table) -> Kernel:
    """Kernel: the versions of all accounts → ``NODE``, one row an account and stretch of its days.

    All accounts must come in one call: parents are other accounts. A parent that no longer lives is
    none. ``depth`` is the number of parents above.

    Args:
        identity: the policy's roll-up and acquisitions.
        merges: ``MERGE``.
    """
    merged, roll_up = merges_of(merges), identity.roll_up
    acquisitions = identity.acquisitions

    def run(table: pa.Table) -> pa.Table:
        versions = versions_of(table)
        tree = Tree(versions, merged, between_accounts(acquisitions, versions))
        rows: list[tuple[Any, ...]] = []
        for account in tree.accounts():
            last: tuple[Any, ...] = ()
            for first, end, path, is_cyclic in tree.stretches(account):
                kept = tree.without_merged(path, first)
                parent = kept[1] if kept[0] == account and len(kept) > 1 else None
                told = (parent, kept[-1], node(kept, roll_up), len(kept) - 1, is_cyclic)
                if last[3:] == told and last[2] == first:
                    rows.pop()
                    first = last[1]
                last = (account, first, end, *told)
                rows.append(last)
        return _table(rows)

    told = ("account_id", "valid_from", "valid_to", "parent_account_id")
    lineage: dict[str, tuple[str, ...]] = dict.fromkeys(NODE.names, told)
    return Kernel("account_nodes", run, NODE, lineage)


def _table(rows: list[tuple[Any, ...]]) -> pa.Table:
    columns = [[row[at] for row in rows] for at in range(len(NODE))]
    columns[2] = [None if end == FOREVER else end for end in columns[2]]
    return pa.table([day_column(c, f) for c, f in zip(columns, NODE, strict=True)], schema=NODE)


def day_column(values: list[Any], field: pa.Field) -> pa.Array:
    """A column of its type; days are given as numbers."""
    stored = pa.int32() if pa.types.is_date(field.type) else field.type
    return pa.array(values, stored).cast(field.type)
