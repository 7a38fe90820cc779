"""Taking a merge back, or making one: the correction, and the days that are run again for it.

Belongs here: writing the correction where landing finds it, and what it changed. Does not belong here:
what a correction means (``core.corrections``) or which days it touches (``sources.corrected_days``).
"""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import pyarrow as pa

from mqa_platform.core.corrections import ACCOUNT, COOKIE, LEAD, MERGE, PERSON
from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.policy.loader import load_policy
from mqa_platform.sources.corrected import would_change
from mqa_platform.sources.corrected_days import corrected_days
from mqa_platform.sources.globs import place_of_new
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.names import person_refs
from mqa_platform.sources.schemas import delivered
from mqa_platform.storage import open_warehouse
from mqa_platform.warehouse import Session

Run = Callable[[Home, Window | None], object]
# A share of a signal on an account, by whom.
Shares = dict[tuple[str, str, str | None], date]
# Where a person may have been seen.
_PEOPLE = ("landed_identities", "landed_contacts", "landed_leads", "landed_signals")
_CALLED = {COOKIE: "a browser", LEAD: "a lead", PERSON: "a person", ACCOUNT: "an account"}
# What a correction of each kind may name as the other side.
_FITS = {COOKIE: (PERSON, LEAD), LEAD: (PERSON, LEAD), PERSON: (PERSON,), ACCOUNT: (ACCOUNT,)}


class CorrectionError(Exception):
    """The correction cannot be made: nothing was written."""


@dataclass(frozen=True)
class Corrected:
    """A correction with what came of it: the days run again, those that read differently, and whose."""

    kind: str
    ref: str
    onto: str | None
    action: str
    file: str
    days: list[date]
    changed_days: list[date]
    accounts: list[str]
    people: list[str]


def correct(
    home: Home,
    wanted: str,
    onto: str | None,
    action: str,
    reason: str | None,
    run: Run,
) -> Corrected:
    """Writes a correction and runs exactly the days that it touches.

    Args:
        home: the installation.
        wanted: a cookie, ``lead:<id>``, an e-mail address or ``email:<key>``, or an account's id.
        onto: the other side, written the same way; None is everybody.
        action: ``split`` or ``merge``; a merge with None takes back the splits before it.
        reason: kept with the correction.
        run: lands and runs the days of a window; of None it only lands.

    Raises:
        CorrectionError: nothing of that name is known, the two do not fit, it would change nothing, no
            source reads corrections, or the correction did not land. Nothing is left of it.
    """
    at = datetime.now(UTC)
    name, path = _place(home, f"{at:%Y%m%dT%H%M%S%f}-{uuid4().hex[:8]}")
    with open_warehouse(home).session() as session:
        kind, ref = known_ref(session, wanted)
        other = _other_side(session, (kind, ref, wanted), onto)
        row = {"kind": kind, "ref": ref, "onto": other, "action": action}
        row |= {"reason": reason, "actor": getpass.getuser()}
        schema = delivered("landed_corrections")
        asked = pa.Table.from_pylist([{**row, "source": name, "at": at}], schema=schema)
        if not would_change(session, asked):
            raise CorrectionError(_in_vain(wanted, onto, action))
        days = corrected_days(session, {"landed_corrections": asked})
        before = _shares(session, days)
    _write(path, {**row, "at": at.isoformat()})
    run(home, Window.of(days[0], days[0]) if days else None)
    with open_warehouse(home).session() as session:
        _check_landed(session, name, path)
        after = _shares(session, days)
    differing = before.items() ^ after.items()
    return Corrected(
        kind,
        ref,
        other,
        action,
        str(path),
        days,
        sorted({day for _, day in differing}),
        sorted({account for (_, account, _), _ in differing}),
        sorted({person for (_, _, person), _ in differing if person}),
    )


def _place(home: Home, stem: str) -> tuple[str, Path]:
    """The source that reads corrections, and where it finds a new one."""
    declared = load_policy(home.policy_folder()).sources.sources
    for name, source in declared.items():
        if source.connector == "corrections":
            try:
                return name, place_of_new(source, home.root, home.data, stem)
            except SourceError as problem:
                raise CorrectionError(f"the source {name} of sources.yaml: {problem}") from problem
    raise CorrectionError(
        "sources.yaml has no source with the connector corrections; add one with the path "
        "${MQA_HOME}/inbox/corrections/*.jsonl"
    )


def _other_side(session: Session, one: tuple[str, str, str], onto: str | None) -> str | None:
    """The other side as it lands.

    Raises:
        CorrectionError: nobody knows it, or the two do not fit.
    """
    if onto is None:
        return None
    kind, ref, wanted = one
    other_kind, other = known_ref(session, onto)
    if (other_kind, other) == (kind, ref):
        raise CorrectionError(f"{wanted!r} and {onto!r} are the same")
    if other_kind not in _FITS[kind]:
        words = " or ".join(_CALLED[each] for each in _FITS[kind])
        raise CorrectionError(
            f"{wanted!r} is {_CALLED[kind]} and {onto!r} is {_CALLED[other_kind]}: {_CALLED[kind]} "
            f"can only be merged with, or parted from, {words}"
        )
    return f"lead:{other}" if other_kind == LEAD else other


def _in_vain(wanted: str, onto: str | None, action: str) -> str:
    whom = repr(onto) if onto else "anybody"
    if action == MERGE:
        told = f"{wanted!r} and {onto!r} are one already" if onto else f"{wanted!r} was never split"
    else:
        told = f"nothing makes {wanted!r} one with {whom}"
    return f"{told}: the correction would change nothing"


def known_ref(session: Session, wanted: str) -> tuple[str, str]:
    """The kind and reference of what a person calls a cookie, lead, person or account.

    Raises:
        CorrectionError: no such thing has landed.
    """
    ref = wanted.strip()
    if "@" in ref:
        ref = person_refs(pa.array([ref]))[0][0].as_py() or ref
    if ref.startswith("email:"):
        if any(_has(session, table, person_ref=ref) for table in _PEOPLE):
            return PERSON, ref
        raise CorrectionError(f"nobody with the address {wanted!r} has landed")
    lead = ref.removeprefix("lead:")
    ways: list[tuple[str, str, str, dict[str, str]]] = [
        (ACCOUNT, ref, "landed_accounts", {"account_id": ref}),
        (COOKIE, ref, "landed_identities", {"kind": COOKIE, "ref": ref}),
        # Who never said a name may be given one by hand.
        (COOKIE, ref, "landed_signals", {"anonymous_id": ref}),
        (LEAD, lead, "landed_identities", {"kind": LEAD, "ref": lead}),
        (LEAD, lead, "landed_signals", {"person_ref": f"lead:{lead}"}),
    ]
    for kind, name, table, values in ways:
        if _has(session, table, **values):
            return kind, name
    raise CorrectionError(f"no account, browser or lead {wanted!r} has landed")


def _has(session: Session, table: str, **values: str) -> bool:
    t = session.table(table)
    for column, value in values.items():
        t = t.filter(t[column] == value)
    return bool(session.rows(t.select(*values).limit(1)))


def _check_landed(session: Session, name: str, path: Path) -> None:
    """Refuse to report on a correction that was held back, and take its file away.

    Raises:
        CorrectionError: it did not land.
    """
    t = session.table("landed_batches")
    t = t.filter((t["source"] == name) & (t["file_name"] == path.name))
    rows = session.rows(t.select("status", "held_reason"))
    if any(row["status"] == "landed" for row in rows):
        return
    path.unlink(missing_ok=True)
    why = next((row["held_reason"] for row in rows if row["held_reason"]), "it was not read")
    raise CorrectionError(f"the correction did not land: {why}")


def _shares(session: Session, days: list[date]) -> Shares:
    t = session.table("touchpoints")
    t = t.filter(t["touchpoint_date"].isin(days)) if days else t.limit(0)
    rows = session.rows(t.select("signal_id", "account_id", "person_id", "touchpoint_date"))
    return {(r["signal_id"], r["account_id"], r["person_id"]): r["touchpoint_date"] for r in rows}


def _write(path: Path, row: dict[str, str | None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps({k: v for k, v in row.items() if v is not None}) + "\n")
    os.replace(partial, path)


def plain(found: Corrected) -> dict[str, object]:
    """The answer for ``--json``."""
    return asdict(found)
