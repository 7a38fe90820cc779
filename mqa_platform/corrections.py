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

from mqa_platform.core.corrections import ACCOUNT, COOKIE, LEAD, PERSON
from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.policy.loader import load_policy
from mqa_platform.sources.corrected_days import corrected_days
from mqa_platform.sources.names import person_refs
from mqa_platform.sources.schemas import delivered
from mqa_platform.storage import open_warehouse
from mqa_platform.warehouse import Session

Run = Callable[[Home, Window | None], object]
# A share of a signal on an account, by whom.
Shares = dict[tuple[str, str, str | None], date]


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
        action: ``split`` or ``merge``.
        reason: kept with the correction.
        run: lands and runs the days of a window; of None it only lands.

    Raises:
        CorrectionError: nothing of that name is known, or no source reads corrections.
    """
    declared = load_policy(home.policy_folder()).sources.sources.values()
    if not any(source.connector == "corrections" for source in declared):
        raise CorrectionError(
            "sources.yaml has no source with the connector corrections; add one with the path "
            "${MQA_HOME}/inbox/corrections/*.jsonl"
        )
    with open_warehouse(home).session() as session:
        kind, ref = known_ref(session, wanted)
        other = known_ref(session, onto)[1] if onto else None
        row = {"kind": kind, "ref": ref, "onto": other, "action": action}
        row |= {"reason": reason, "actor": getpass.getuser()}
        at = datetime.now(UTC)
        schema = delivered("landed_corrections")
        asked = pa.Table.from_pylist([{**row, "source": "corrections", "at": at}], schema=schema)
        days = corrected_days(session, {"landed_corrections": asked})
        before = _shares(session, days)
    path = _write(home, {**row, "at": at.isoformat()})
    run(home, Window.of(days[0], days[0]) if days else None)
    with open_warehouse(home).session() as session:
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


def known_ref(session: Session, wanted: str) -> tuple[str, str]:
    """The kind and reference of what a person calls a cookie, lead, person or account.

    Raises:
        CorrectionError: no such thing has landed.
    """
    ref = wanted.strip()
    if "@" in ref:
        ref = person_refs(pa.array([ref]))[0][0].as_py() or ref
    if ref.startswith("email:"):
        return PERSON, ref
    identities, accounts = session.table("landed_identities"), session.table("landed_accounts")
    lead = ref.removeprefix("lead:")
    found = [
        (ACCOUNT, ref, accounts.filter(accounts["account_id"] == ref)),
        (
            COOKIE,
            ref,
            identities.filter((identities["kind"] == COOKIE) & (identities["ref"] == ref)),
        ),
        (LEAD, lead, identities.filter((identities["kind"] == LEAD) & (identities["ref"] == lead))),
    ]
    for kind, name, rows in found:
        if session.rows(rows.limit(1)):
            return kind, name
    raise CorrectionError(f"no account, browser or lead {wanted!r} has landed")


def _shares(session: Session, days: list[date]) -> Shares:
    t = session.table("touchpoints")
    t = t.filter(t["touchpoint_date"].isin(days)) if days else t.limit(0)
    rows = session.rows(t.select("signal_id", "account_id", "person_id", "touchpoint_date"))
    return {(r["signal_id"], r["account_id"], r["person_id"]): r["touchpoint_date"] for r in rows}


def _write(home: Home, row: dict[str, str | None]) -> Path:
    folder = home.inbox / "corrections"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{row['at']}-{uuid4().hex[:8]}.jsonl".replace(":", "")
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps({k: v for k, v in row.items() if v is not None}) + "\n")
    os.replace(partial, path)
    return path


def plain(found: Corrected) -> dict[str, object]:
    """The answer for ``--json``."""
    return asdict(found)
