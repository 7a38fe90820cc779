"""What a rollback writes: of every account, what stood before a run whose values stand there still.

Belongs here: reading the attempts as a pile, in which a write lies on what stood before it and a rollback takes
it off again, so that several runs can be taken back one after the other. Does not belong here: writing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mqa_platform.destinations.crm_journal import SENT, CrmJournal, Row
from mqa_platform.destinations.crm_sending import Item
from mqa_platform.destinations.crm_writer import Record


def undoing(journal: CrmJournal, of_run: str) -> tuple[list[Item], int]:
    """The records that take a run back, and how many of its accounts a later run has written since.

    A rollback without an answer may not have been done and can be asked for again; one that was done may be
    taken back as any other run.

    Args:
        journal: of the installation.
        of_run: a sync or a rollback.
    """
    runs = {row["run"]: row for row in journal.runs()}
    by_account: dict[str, list[Row]] = {}
    for row in journal.reached_with(of_run):
        by_account.setdefault(row["account_id"], []).append(row)
    chosen = [
        found for rows in by_account.values() if (found := _on_top(rows, of_run, runs)) is not None
    ]
    stands = {(r["account_id"], r["motion"]): r for r in journal.last_sent()}
    made = [_undone(change, stands) for change in journal.changes_by_id(chosen)]
    return made, len(by_account) - len(made)


def stood_before(journal: CrmJournal, accounts: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """Account → what stood before writes of ours of which nobody knows whether they were done.

    What is read there now may be our own value.
    """
    first: dict[str, int] = {}
    for row in journal.reached_accounts(accounts):
        if row["result"] == SENT:
            first.pop(row["account_id"], None)
        elif row["operation"] == "write":
            first.setdefault(row["account_id"], row["change"])
    found = journal.changes_by_id(list(first.values()))
    return {row["account_id"]: row["stood"] for row in found}


def _on_top(rows: Sequence[Row], of_run: str, runs: Mapping[str, Row]) -> int | None:
    """The attempt of a run whose values stand on one account now; None where others do."""
    pile: list[tuple[str, int]] = []
    for row in rows:
        run = row["run"]
        if _takes_off(run, runs):
            if row["result"] == SENT and pile and pile[-1][0] == runs[run]["of_run"]:
                pile.pop()
        elif not pile or pile[-1][0] != run:
            pile.append((run, row["change"]))
    if _takes_off(of_run, runs):
        return rows[-1]["change"] if rows[-1]["run"] == of_run else None
    return pile[-1][1] if pile and pile[-1][0] == of_run else None


def _takes_off(run: str, runs: Mapping[str, Row]) -> bool:
    """Whether a run took back what another wrote; to take that back in turn is a write again."""
    of_run = runs[run]["of_run"] if runs[run]["kind"] == "rollback" else None
    return of_run is not None and not _takes_off(of_run, runs)


def _undone(change: Row, stands: Mapping[tuple[str, str], Row]) -> Item:
    account_id = change["account_id"]
    # A field of which nobody knows what stood in it is emptied: nothing of ours stays.
    fields = {name: change["stood"].get(name) for name in change["fields"]}
    return Item(
        Record(account_id, change["record_key"], fields),
        change["fields"],
        {motion: stands.get((account_id, motion)) for motion in change["rows_before"]},
        dict(change["rows_before"]),
    )
