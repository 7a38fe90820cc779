"""Which landed rows are about an erased person, and what is left of them.

Belongs here: table by table, the columns that name a person, and the rows without that person. Does not
belong here: who was erased (``tombstones``), or where rows are kept (``erasing_landing``).

Most rows go. An activity of sales stays with the account, without the contact; a text keeps what else it
says; a row that could not be read stays counted and loses its text.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.sources.columns import flat, mask
from mqa_platform.sources.landed import Landed, Mask
from mqa_platform.sources.personal_key import ERASED_KEY, record_digest
from mqa_platform.sources.redaction import ERASED as GONE
from mqa_platform.sources.tombstones import (
    CONTACT,
    COOKIE,
    EVENT,
    LEAD,
    PERSON,
    Tombstones,
)
from mqa_platform.warehouse.spellings import spelled

DEFECTS: Final = "landed_defects"
FILTERED: Final = "erased"


@dataclass(frozen=True)
class Names:
    """A column that names people or their records.

    ``when`` (column, value) says in which rows it does; ``blank`` empties it and keeps the row.
    """

    table: str
    column: str
    kind: str
    when: tuple[str, str] | None = None
    blank: bool = False


NAMES: Final = (
    Names("landed_signals", "person_ref", PERSON),
    Names("landed_signals", "anonymous_id", COOKIE),
    Names("landed_identities", "person_ref", PERSON),
    Names("landed_identities", "ref", COOKIE, ("kind", "cookie")),
    Names("landed_identities", "ref", LEAD, ("kind", "lead")),
    Names("landed_contacts", "contact_id", CONTACT),
    Names("landed_contacts", "person_ref", PERSON),
    Names("landed_leads", "lead_id", LEAD),
    Names("landed_leads", "person_ref", PERSON),
    Names("landed_leads", "converted_contact_id", CONTACT, blank=True),
    Names("landed_activities", "contact_id", CONTACT, blank=True),
    Names("landed_associations", "from_id", CONTACT, ("from_object", "contact")),
    Names("landed_associations", "from_id", LEAD, ("from_object", "lead")),
    Names("landed_associations", "to_id", CONTACT, ("to_object", "contact")),
    Names("landed_associations", "to_id", LEAD, ("to_object", "lead")),
    Names("landed_field_changes", "record_id", CONTACT, ("object", "contact")),
    Names("landed_field_changes", "record_id", LEAD, ("object", "lead")),
    Names("landed_contact_roles", "contact_id", CONTACT),
    Names("landed_consents", "ref", PERSON, ("kind", "person")),
    Names("landed_consents", "ref", COOKIE, ("kind", "cookie")),
    Names("landed_corrections", "ref", PERSON, ("kind", "person")),
    Names("landed_corrections", "ref", COOKIE, ("kind", "cookie")),
    Names("landed_corrections", "ref", LEAD, ("kind", "lead")),
    Names("landed_corrections", "onto", PERSON),
)


@dataclass(frozen=True)
class Cleaned:
    """A table without the person: its rows, and how many were dropped and how many changed."""

    table: pa.Table
    dropped: int
    changed: int


def cleaned(name: str, table: pa.Table, stones: Tombstones, texts: Collection[str] = ()) -> Cleaned:
    """A landed table without what is about erased people.

    Args:
        name: the landed table.
        table: its rows, with or without ``batch_id``.
        stones: who was erased.
        texts: what must not stand in any text any more: keys of addresses as hexadecimal digits, and
            names. Of rows that could not be read, the whole text goes.
    """
    gone = np.zeros(len(table), dtype=np.bool_)
    changed = np.zeros(len(table), dtype=np.bool_)
    for told in NAMES:
        if told.table != name or not len(table):
            continue
        hit = _named(table, told, stones)
        if told.blank:
            changed |= hit
            table = _with(table, told.column, hit, None)
        else:
            gone |= hit
    if name == "landed_signals" and EVENT in stones.digests:
        gone |= _events(table, stones)
    if name == DEFECTS:
        table, blanked = _without_raw(table, [*texts, GONE])
        changed |= blanked
    else:
        table, redone = _without_texts(table, texts)
        changed |= redone
    kept = table.filter(pa.array(~gone)) if gone.any() else table
    return Cleaned(kept, int(gone.sum()), int((changed & ~gone).sum()))


def without_erased(landed: Landed, stones: Tombstones) -> Landed:
    """What a file holds without the people who were erased; the rows that go are filtered."""
    if not stones:
        return landed
    found = {name: cleaned(name, table, stones) for name, table in landed.tables.items()}
    rows = removed({name: len(t) for name, t in landed.tables.items()},
                   {name: c.dropped for name, c in found.items()}, landed.accepted)  # fmt: skip
    defects = cleaned(DEFECTS, landed.defects, stones).table
    filtered = dict(landed.filtered)
    if rows:
        filtered[FILTERED] = filtered.get(FILTERED, 0) + rows
    return replace(
        landed,
        accepted=landed.accepted - rows,
        tables={name: c.table for name, c in found.items()},
        defects=defects,
        filtered=filtered,
    )


def removed(before: Mapping[str, int], dropped: Mapping[str, int], accepted: int) -> int:
    """How many rows of a file are gone with the landed rows that were dropped.

    A row of a file gives one signal at most, or one record, and perhaps an identity beside it.

    Args:
        before: landed rows by table.
        dropped: those of them that are gone.
        accepted: rows of the file that became landed rows.
    """
    if not any(dropped.values()):
        return 0
    signals = dropped.get("landed_signals", 0)
    named = max(0, dropped.get("landed_identities", 0) - signals)
    others = {t: n for t, n in dropped.items() if t not in ("landed_signals", "landed_identities")}
    silent = max([named, *others.values()], default=0)
    # No more rows may be left than there are landed rows to show for them.
    shown = sum(before.values()) - sum(dropped.values())
    left = max(0, accepted - signals - silent)
    return accepted - min(left, shown)


def _named(table: pa.Table, told: Names, stones: Tombstones) -> Mask:
    if told.kind not in stones.digests and told.kind != PERSON:
        return np.zeros(len(table), dtype=np.bool_)
    hit = _each(table[told.column], lambda ref: stones.holds(told.kind, ref))
    if told.when is not None:
        hit &= mask(pc.equal(flat(table[told.when[0]]), told.when[1]))
    return hit


def _each(column: pa.ChunkedArray, holds: object) -> Mask:
    encoded = flat(column).cast(pa.string()).dictionary_encode()
    found = pa.array([holds(ref) for ref in encoded.dictionary.to_pylist()], pa.bool_())  # type: ignore[operator]
    return mask(found.take(encoded.indices))


def _events(table: pa.Table, stones: Tombstones) -> Mask:
    names = pc.binary_join_element_wise(flat(table["source"]), flat(table["event_id"]), "|")
    return _each(names, lambda ref: stones.holds(EVENT, ref))


def _with(table: pa.Table, column: str, where: Mask, value: str | None) -> pa.Table:
    if not where.any():
        return table
    at = table.schema.get_field_index(column)
    text = pc.if_else(pa.array(where), pa.scalar(value, pa.string()), flat(table[column]))
    return table.set_column(at, table.schema.field(at), text)


def _without_texts(table: pa.Table, texts: Collection[str]) -> tuple[pa.Table, Mask]:
    changed = np.zeros(len(table), dtype=np.bool_)
    for field in table.schema:
        if not pa.types.is_string(field.type):
            continue
        for text in texts:
            pattern = f"(?i){spelled(text)}"
            hit = mask(pc.match_substring_regex(flat(table[field.name]), pattern))
            if hit.any():
                changed |= hit
                new = pc.replace_substring_regex(
                    flat(table[field.name]), pattern, replacement(text)
                )
                table = table.set_column(table.schema.get_field_index(field.name), field, new)
    return table, changed


def replacement(text: str) -> str:
    """What takes the place of a text that goes: zeros of a key alone, and else a mark."""
    digits = set(text) <= set("0123456789abcdef")
    return ERASED_KEY[: len(text)] if digits else GONE


def _without_raw(table: pa.Table, texts: Collection[str]) -> tuple[pa.Table, Mask]:
    hit = np.zeros(len(table), dtype=np.bool_)
    for text in texts:
        hit |= mask(pc.match_substring_regex(flat(table["raw"]), f"(?i){spelled(text)}"))
    hit &= ~mask(pc.equal(flat(table["raw"]), GONE))
    table = _with(table, "raw", hit, GONE)
    if hit.any():
        # The digest of a row that is known would tell whether it was this one.
        hashes = flat(table["raw_hash"]).to_pylist()
        for at in np.flatnonzero(hit):
            hashes[at] = record_digest(FILTERED, hashes[at])
        at = table.schema.get_field_index("raw_hash")
        table = table.set_column(at, table.schema.field(at), pa.array(hashes, pa.string()))
    return table, hit
