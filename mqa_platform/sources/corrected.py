"""What has landed about people and merges, as people have corrected it.

Belongs here: the one reading of it that identity and every question of which days change share, and
whether one correction more would change it. Does not belong here: what a correction means (``core.corrections``,
``core.account_corrections``).
"""

from __future__ import annotations

from collections.abc import Callable

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.account_corrections import corrected_associations, unsplit_associations
from mqa_platform.core.corrections import ACCOUNT, corrected_identities
from mqa_platform.core.crm_history import stacked
from mqa_platform.core.known import account_merges
from mqa_platform.warehouse import Session

# A table by its name.
Read = Callable[[str], ir.Table]
# Compared with another one of the same kind.
Standing = tuple[object, object]


def identities(
    session: Session, given: pa.Table | None = None, table: Read | None = None
) -> ir.Table:
    """landed_identities, corrected.

    Args:
        session: of the landed tables.
        given: those of a batch that is about to land, without ``batch_id``.
        table: reads a landed table where the session itself has none of them.
    """
    read = table or session.table
    known = read("landed_identities")
    if given is not None:
        new = session.constant("given_identities", given).mutate(batch_id=ibis.literal(""))
        known = stacked(known, new)
    corrections = read("landed_corrections")
    if not _any(session, corrections):
        return known
    return session.keep(corrected_identities(known, corrections))


def associations(session: Session, table: Read | None = None) -> ir.Table:
    """landed_associations, corrected: with the merges that were made by hand."""
    read = table or session.table
    landed, corrections = read("landed_associations"), read("landed_corrections")
    if not _any(session, corrections):
        return landed
    return session.keep(corrected_associations(landed, corrections))


def crm_associations(session: Session, table: Read | None = None) -> ir.Table:
    """What the CRM itself says, without the merges that were taken back.

    A record that was merged by hand lives on in the CRM.
    """
    read = table or session.table
    landed, corrections = read("landed_associations"), read("landed_corrections")
    if not _any(session, corrections):
        return landed
    return session.keep(unsplit_associations(landed, corrections))


def would_change(session: Session, asked: pa.Table) -> bool:
    """Whether a correction that has not landed changes anything about what it names.

    Args:
        session: of the landed tables.
        asked: one row of landed_corrections, without ``batch_id``.
    """
    (told,) = asked.to_pylist()
    known = session.table("landed_corrections")
    new = session.constant("asked_correction", asked).mutate(batch_id=ibis.literal(""))
    with_it = session.keep(stacked(known, new))
    standing = _accounts_standing if told["kind"] == ACCOUNT else _people_standing
    before, after = (
        standing(session, each, told["kind"], told["ref"]) for each in (known, with_it)
    )
    return before != after


def _people_standing(session: Session, corrections: ir.Table, kind: str, ref: str) -> Standing:
    """Whose the browser or lead is, or who is one with the person, and the newest word of it."""
    t = corrected_identities(session.table("landed_identities"), corrections)
    t = t.filter(((t["kind"] == kind) & (t["ref"] == ref)) | (t["person_ref"] == ref))
    rows = session.rows(t.select("kind", "ref", "person_ref", "seen_at"))
    links = {(r["kind"], r["ref"], r["person_ref"]) for r in rows}
    own = [(r["seen_at"], r["person_ref"]) for r in rows if (r["kind"], r["ref"]) == (kind, ref)]
    # Of what is said at one moment, identity takes the smallest.
    last = max((at for at, _ in own), default=None)
    return links, min((who for at, who in own if at == last), default=None)


def _accounts_standing(session: Session, corrections: ir.Table, kind: str, ref: str) -> Standing:
    """What the account and others are merged into, by the CRM and as corrected."""
    landed = session.table("landed_associations")
    sides = []
    for corrected_as in (unsplit_associations, corrected_associations):
        rows = session.rows(account_merges(corrected_as(landed, corrections)))
        sides.append({(r["account_id"], r["survivor_id"]) for r in rows})
    return sides[0], sides[1]


def _any(session: Session, table: ir.Table) -> bool:
    return bool(session.rows(table.select("ref").limit(1)))
