"""Taking a person out of stored rows: what an erasure asks for, and nothing else may do.

Belongs here: the one transaction in which rows go, and finding texts in every table. Does not belong
here: who is erased, and which columns name people (``sources``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from mqa_platform.contracts.rules import literal, quoted
from mqa_platform.warehouse.ledger import LANDED_BATCHES
from mqa_platform.warehouse.spellings import may_hold, spelled
from mqa_platform.warehouse.tables import REJECTED

if TYPE_CHECKING:
    from mqa_platform.warehouse.session import Session

# Texts of one query: an engine takes so many columns, and a person may have many addresses.
_AT_ONCE: Final = 20
_REFS = pa.schema([("kind", pa.string()), ("ref", pa.string())])


@dataclass(frozen=True)
class Named:
    """A column whose values may be references of a kind, in the rows in which another column says so.

    ``column`` may join two columns by ``|``. ``blank`` empties the column and keeps the row.
    """

    table: str
    column: str
    kind: str
    when: tuple[str, str] | None = None
    blank: bool = False

    def holds(self, refs: str) -> str:
        """The SQL condition of the rows that name one of the references."""
        column = " || '|' || ".join(map(quoted, self.column.split("|")))
        said = f" AND {quoted(self.when[0])} = {literal(self.when[1])}" if self.when else ""
        kind = literal(self.kind)
        return f"{column} IN (SELECT ref FROM {quoted(refs)} WHERE kind = {kind}){said}"


@dataclass(frozen=True)
class Counts:
    """New counts of a batch in the ledger."""

    batch_id: str
    columns: Mapping[str, object]


def named_rows(
    session: Session, columns: Sequence[Named], refs: Collection[tuple[str, str]]
) -> dict[str, dict[str, int]]:
    """Batch → table → how many rows are about the references, those that are only blanked left out."""
    stored = session.constant("named_refs", _table(refs)).get_name()
    found: dict[str, dict[str, int]] = {}
    for table in sorted({c.table for c in columns}):
        session.ensure(table)
        held = [c.holds(stored) for c in columns if c.table == table and not c.blank]
        query = (
            f"SELECT batch_id, COUNT(*) FROM {quoted(table)} WHERE {' OR '.join(held)} GROUP BY 1"
        )
        for batch, rows in session.fetch(query) if held else ():
            found.setdefault(batch, {})[table] = rows
    return found


def erase_rows(
    session: Session,
    columns: Sequence[Named],
    refs: Collection[tuple[str, str]],
    texts: Mapping[str, str],
    counts: Sequence[Counts],
    replaced: Mapping[str, tuple[str, pa.Table]],
    added: Mapping[str, pa.Table],
) -> None:
    """In one transaction: rows about references go, texts are replaced, ledgers and logs follow.

    Args:
        session: of the warehouse.
        columns: what names people.
        refs: (kind, reference) of who is erased.
        texts: text → what takes its place, in every text column of every table.
        counts: of the batches that have fewer rows now.
        replaced: table → its key column and rows that take the place of those with the same key.
        added: table → rows to add.
    """
    for name in (*(c.table for c in columns), *replaced, *added, LANDED_BATCHES):
        session.ensure(name)
    stored = session.constant("erased_refs", _table(refs)).get_name()
    rows = {n: session.constant(f"rows_{n}", t) for n, (_, t) in replaced.items() if len(t)}
    more = {n: session.constant(f"added_{n}", t) for n, t in added.items() if len(t)}
    statements = [_gone(session, c, stored) for c in columns]
    statements += [s for table in tables(session) for s in _without(session, table, texts)]
    statements += [_counted(c) for c in counts]
    with session.transaction():
        session.lock(sorted({c.table for c in columns} | set(replaced)))
        for statement in filter(None, statements):
            session.run(statement)
        for name, table in rows.items():
            key = quoted(replaced[name][0])
            session.run(
                f"DELETE FROM {quoted(name)} WHERE {key} IN "
                f"(SELECT {key} FROM {quoted(table.get_name())})"
            )
            session.insert(name, table.select(*session.table(name).columns))
        for name, table in more.items():
            session.insert(name, table.select(*session.table(name).columns))


def _gone(session: Session, column: Named, refs: str) -> str:
    target = quoted(column.table)
    if column.blank:
        return f"UPDATE {target} SET {quoted(column.column)} = NULL WHERE {column.holds(refs)}"
    return f"DELETE FROM {target} WHERE {column.holds(refs)}"


def _counted(counts: Counts) -> str:
    values = ", ".join(f"{quoted(c)} = {literal(v)}" for c, v in counts.columns.items())
    return f"UPDATE {LANDED_BATCHES} SET {values} WHERE batch_id = {literal(counts.batch_id)}"


def _table(refs: Collection[tuple[str, str]]) -> pa.Table:
    rows = sorted(set(refs))
    return pa.table([[k for k, _ in rows], [r for _, r in rows]], schema=_REFS)


def tables(session: Session) -> list[str]:
    """Every published, landed and rejected table that is stored."""
    known = [*session.catalogue.contracts, *session.catalogue.landed]
    every = sorted({*known, *(f"{name}{REJECTED}" for name in known)})
    return [name for name in every if session.exists(name)]


def text_columns(session: Session, table: str) -> list[str]:
    """The text columns of a stored table."""
    return [c for c, dtype in session.con.table(table).schema().items() if dtype.is_string()]


def _without(session: Session, table: str, texts: Mapping[str, str]) -> Iterator[str]:
    """The updates of the columns of a table that hold one of the texts, in any case of letters."""
    columns = text_columns(session, table)
    for text, hits in _hits(session, table, columns, texts).items():
        for column in hits:
            yield (
                f"UPDATE {quoted(table)} SET {quoted(column)} = REGEXP_REPLACE({quoted(column)}, "
                f"{literal(spelled(text))}, {literal(texts[text])}, 'gi') "
                f"WHERE {may_hold([column], [text])}"
            )


def _hits(
    session: Session, table: str, columns: Sequence[str], texts: Collection[str]
) -> dict[str, list[str]]:
    """Text → columns in which it stands; asked a column at a time where any of them does."""
    found: dict[str, list[str]] = {}
    listed = list(texts)
    for some in (listed[at : at + _AT_ONCE] for at in range(0, len(listed), _AT_ONCE)):
        for column in _true(session, table, {c: may_hold([c], some) for c in columns}):
            asked = {text: may_hold([column], [text]) for text in some}
            for text in _true(session, table, asked):
                found.setdefault(text, []).append(column)
    return {text: found[text] for text in texts if text in found}


def _true(session: Session, table: str, asked: Mapping[str, str]) -> list[str]:
    """The names of the conditions that hold in a row of the table at least."""
    if not asked:
        return []
    counts = ", ".join(f"SUM(CASE WHEN {held} THEN 1 ELSE 0 END)" for held in asked.values())
    (row,) = session.fetch(f"SELECT {counts} FROM {quoted(table)}")
    return [name for name, rows in zip(asked, row, strict=True) if rows]
