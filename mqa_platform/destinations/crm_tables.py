"""The tables of the write-back in the journal file of delivery.

Belongs here: columns and their types. Does not belong here: what rows mean (``crm_journal``).
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Column,
    Date,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
)

from mqa_platform.destinations.journal_tables import Moment

METADATA = MetaData()

LAST_SENT = Table(
    "crm_last_sent",
    METADATA,
    Column("account_id", String, primary_key=True),
    Column("motion", String, primary_key=True),
    Column("stage", String, nullable=False),
    Column("since", Date),
    Column("score", Float, nullable=False),
    Column("threshold", Float, nullable=False),
    Column("top_reasons", String, nullable=False),
    Column("evidence_url", String),
    Column("policy_version", String, nullable=False),
    Column("validity", String, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("evidence_at", Moment),
    Column("touchpoints", Integer, nullable=False),
    Column("fields", String, nullable=False),
    Column("run", String, nullable=False),
    Column("sent_at", Moment, nullable=False),
)
RUNS = Table(
    "crm_runs",
    METADATA,
    Column("run", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("crm", String, nullable=False),
    Column("of_run", String),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("state", String, nullable=False),
    Column("as_of", Date),
    Column("records", Integer, nullable=False, default=0),
    Column("changed", Integer, nullable=False, default=0),
    Column("flips", Integer, nullable=False, default=0),
    Column("standing", Integer, nullable=False, default=0),
    Column("sent", Integer, nullable=False, default=0),
    Column("pending", Integer, nullable=False, default=0),
    Column("refused", Integer, nullable=False, default=0),
    Column("calls", Integer, nullable=False, default=0),
    Column("reason", String),
)
CHANGES = Table(
    "crm_changes",
    METADATA,
    Column("change", Integer, primary_key=True),
    Column("run", String, nullable=False),
    Column("account_id", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("call", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("operation", String, nullable=False),
    Column("record_key", String, nullable=False),
    Column("fields", JSON, nullable=False),
    # What stood in the same fields, and the rows of LAST_SENT by motion (null: never written).
    Column("stood", JSON, nullable=False),
    Column("rows_before", JSON, nullable=False),
    Column("result", String, nullable=False),
    Column("error", String),
    Index("crm_changes_by_run", "run", "account_id"),
    Index("crm_changes_by_account", "account_id", "change"),
)
LINKS = Table(
    "crm_links",
    METADATA,
    Column("account_id", String, primary_key=True),
    Column("record_key", String, nullable=False),
    Column("linked_at", Moment, nullable=False),
)
PAUSES = Table(
    "crm_pauses",
    METADATA,
    Column("pause", Integer, primary_key=True),
    Column("run", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("at", Moment, nullable=False),
    Column("resumed_at", Moment),
)
