"""What a section of the programme report is made of, and how its figures are written.

Belongs here: sections, blocks and figures as values, and numbers as text. Does not belong here: what any section
says (``program_results`` and its neighbours), or HTML (the template).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from mqa_platform.core.brief_words import shown, words
from mqa_platform.core.calibration.stale import Age

Row = dict[str, Any]
CANNOT: Final = "cannot say"
NOTHING: Final = "Nothing is published here yet."


@dataclass(frozen=True)
class ProgramFacts:
    """What the report tells, as rows of the published tables.

    Attributes:
        as_of: the last published day; a young cohort is young on that day.
        since: first day of the programme's history.
        motion: the leading motion: pictures are of it, tables of all.
        motions: all of them.
        currency: of all money.
        version: content hash of the policy in force.
        metrics: rows of ``conversion_metrics``.
        definitions: name, definition and unit of every metric, in the order shown.
        tables: rows by published table; a table that is not there has none.
        ages: the age of every threshold in force.
        names: CRM user → name.
    """

    as_of: date
    since: date
    motion: str
    motions: Sequence[str]
    currency: str
    version: str
    metrics: Sequence[Row] = ()
    definitions: Sequence[Row] = ()
    tables: dict[str, list[Row]] = field(default_factory=dict)
    ages: Sequence[Age] = ()
    names: dict[str, str] = field(default_factory=dict)

    def rows(self, table: str) -> list[Row]:
        """The rows of a table, none where it is not published."""
        return self.tables.get(table, [])

    def of(self, metric: str, dimension: str = "all", cohort: str | None = "all") -> list[Row]:
        """Figures of a metric by segment and cohort; None: of every period, oldest first, without their sum."""
        found = [r for r in self.metrics if r["metric"] == metric and r["dimension"] == dimension]
        if cohort is None:
            return sorted((r for r in found if r["cohort"] != "all"), key=lambda r: r["cohort"])
        return sorted((r for r in found if r["cohort"] == cohort), key=lambda r: r["segment"])


@dataclass(frozen=True)
class Figure:
    """One number in large: what it is, the number, and its interval or what it rests on."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Block:
    """A table, and the picture of it where there is one.

    Attributes:
        caption: what the table is.
        columns: heads.
        rows: cells as text.
        image: ``data:image/svg+xml;base64,…``; empty: no picture.
        alt: what the picture shows, in words.
        empty: what stands there instead of a table without rows.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    image: str = ""
    alt: str = ""
    empty: str = NOTHING


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        id: of its anchor, and of the metadata in Dagster.
        title: its heading.
        lead: what it shows, in a sentence or two.
        figures: numbers in large.
        says: what follows from the data, sentence by sentence.
        blocks: tables and pictures.
        cannot: what the data cannot say.
    """

    id: str
    title: str
    lead: str
    figures: Sequence[Figure] = ()
    says: Sequence[str] = ()
    blocks: Sequence[Block] = ()
    cannot: Sequence[str] = ()


def block(
    caption: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], **more: str
) -> Block:
    """A block whose cells are written as text."""
    return Block(caption, columns, [[cell(c) for c in row] for row in rows], **more)


def cell(value: Any) -> str:
    """A value of a table as text; nothing where there is none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, Decimal | float | int):
        return number(float(value))
    return shown(str(value), "", 700)


def number(value: float) -> str:
    """A number as one reads it: whole where it is whole or large, else two decimals, or three digits when small."""
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) >= 0.1 else f"{value:.3g}"


def share(value: Any) -> str:
    """A share in per cent, kept on one line; nothing where there is none."""
    return "" if value is None else f"{float(value):.1%}".replace("%", "\u00a0%")


def in_unit(value: Any, unit: str, currency: str) -> str:
    """A figure with its unit; nothing where there is none."""
    if value is None:
        return ""
    told = float(value)
    if unit == "share":
        return share(told)
    if unit == "currency":
        return f"{told:,.0f} {currency}"
    if unit in ("days", "hours"):
        return f"{told:,.1f} {unit}"
    return number(told)


def between(low: Any, high: Any, unit: str, currency: str) -> str:
    """An interval with its unit; nothing where there is none."""
    if low is None or high is None:
        return ""
    return f"{in_unit(low, unit, currency)} to {in_unit(high, unit, currency)}"


def figure_of(facts: ProgramFacts, metric: str, label: str) -> Figure:
    """A metric over all time as a number in large; where the data cannot say, that and why."""
    found = facts.of(metric)
    if not found:
        return Figure(label, CANNOT, "not published")
    return figure(facts, found[0], label)


def figure(facts: ProgramFacts, row: Row, label: str) -> Figure:
    """A row of the metrics as a number in large."""
    unit, currency = row["unit"], facts.currency
    young = f"{row['censored']:,} too young or open" if row["censored"] else ""
    if row["value"] is None:
        return Figure(label, CANNOT, young or "nothing to count")
    span = between(row["low"], row["high"], unit, currency)
    notes = [f"95 % interval {span}" if span else "", young]
    return Figure(label, in_unit(row["value"], unit, currency), "; ".join(n for n in notes if n))


def plain_words(name: str | None) -> str:
    """A name of the tables as words."""
    return words(name or "")


def motion_cells(facts: ProgramFacts, row: Row) -> list[str]:
    """The motion of a row, where the programme has several."""
    return [plain_words(row["motion"])] if len(facts.motions) > 1 else []


def motion_head(facts: ProgramFacts) -> list[str]:
    """The head of that column."""
    return ["Motion"] if len(facts.motions) > 1 else []
