"""The file in which delivery keeps its state: one SQLite database, written durably.

Belongs here: opening it, the types of its columns, and the tables of the outbox. Does not belong here: what
the rows mean (``journal``), or the tables of the CRM write-back (``crm_journal``), which lie in the same file.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    Engine,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    create_engine,
    event,
)
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateIndex, CreateTable

METADATA = MetaData()
_WAIT_SECONDS = 60


class Moment(TypeDecorator[datetime]):
    """A moment in UTC, kept as text that sorts as time does."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> str | None:
        """Text of a moment; every moment has a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: str | None, dialect: Any) -> datetime | None:
        """The moment of a text."""
        return None if value is None else datetime.fromisoformat(value)


MESSAGES = Table(
    "messages",
    METADATA,
    Column("key", String, primary_key=True),
    Column("channel", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("handoff_id", String),
    Column("account_id", String),
    Column("motion", String),
    Column("rep_id", String),
    Column("payload", JSON, nullable=False),
    Column("created_on", Date),
    # Those entered together go out in their order: the most urgent first.
    Column("entered_at", Moment, nullable=False),
    Column("place", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    # A call was begun of which nobody knows what came of it.
    Column("unanswered", Boolean, nullable=False),
    Column("released_at", Moment),
    Column("next_attempt_at", Moment),
    Column("sent_at", Moment),
    Column("external_id", String),
    Column("last_error", String),
    Index("messages_by_state", "state", "channel"),
    Index("messages_by_handoff", "handoff_id"),
)
ATTEMPTS = Table(
    "attempts",
    METADATA,
    Column("attempt", Integer, primary_key=True),
    Column("key", String, ForeignKey("messages.key"), nullable=False),
    Column("channel", String, nullable=False),
    Column("at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("batch", Integer, nullable=False),
    Column("outcome", String, nullable=False),
    Column("external_id", String),
    Column("error", String),
    Index("attempts_by_key", "key"),
)


def opened(path: Path, metadata: MetaData = METADATA) -> Engine:
    """The database at ``path``, made if it is not there, with the tables of ``metadata``.

    A transaction that has ended is on disk, whatever happens to the process or the machine. Readers do not
    wait for writers; a second writer waits for the first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    # A connection lives as long as its transaction: nothing keeps the file open between them.
    engine = create_engine(
        f"sqlite:///{path}", poolclass=NullPool, connect_args={"timeout": _WAIT_SECONDS}
    )
    event.listen(engine, "connect", _durable)
    if new:
        # It holds what was told to whom.
        path.touch(mode=0o600)
    # Said to the database itself: two processes that look first may both find nothing there.
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))
            for index in table.indexes:
                connection.execute(CreateIndex(index, if_not_exists=True))
    return engine


def compacted(engine: Engine) -> None:
    """Rewrites the file, so that nothing of what was changed or deleted is left in its bytes."""
    with engine.connect() as connection:
        outside = connection.execution_options(isolation_level="AUTOCOMMIT")
        outside.exec_driver_sql("VACUUM")
        outside.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _durable(connection: Any, record: Any) -> None:
    del record
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()
