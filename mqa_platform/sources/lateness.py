"""Since when published days read differently, because something about the past is known only now.

Belongs here: finding the first such day from what is about to land or to be published. Does not belong
here: computing the days again (the stages' assets).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta

import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.account_corrections import SURVIVOR
from mqa_platform.core.corrections import ACCOUNT
from mqa_platform.core.expressions import newest_first
from mqa_platform.core.ip_answers import is_address
from mqa_platform.core.lead_merges import with_merged
from mqa_platform.sources import corrected
from mqa_platform.warehouse import Session

# The consumer that is asked to find accounts and people again, on every published day from one on.
IDENTITY = "identity"
# The consumer that is asked to read landed signals again.
SIGNALS = "signals"
# The consumer that is asked for single days of them.
SIGNAL_DAYS = "signal_days"
# The consumer that is asked for the scores which still see the touchpoints of single days.
TOUCHED = "touched_days"
# The consumer that is asked to fold the stages again.
STAGES = "stages"
_IDENTITY = ["kind", "ref", "person_ref", "seen_at"]
_WHOSE = ["kind", "ref", "person_ref"]
# All that the look-up reads of a range; compared as texts, because a join finds no two nulls alike.
_RANGE = [
    "kind", "range_start", "range_end", "ipv6_start", "ipv6_end", "org", "domain", "asn",
    "valid_from", "valid_to",
]  # fmt: skip


def told_anew(session: Session, landed: Mapping[str, pa.Table]) -> date | None:
    """The first published day with a signal that a batch says something new about.

    A cookie or lead may get its name, and an address its owner, long after its visits.
    """
    return earliest(
        [
            _named(session, landed.get("landed_identities")),
            _located(session, landed.get("landed_ip_ranges")),
            _used(session, landed.get("landed_signals")),
        ]
    )


def first_overridden(landed: Mapping[str, pa.Table]) -> date | None:
    """The first day on which a batch's overrides, or their withdrawals, hold."""
    table = landed.get("landed_overrides")
    if table is None or not table.num_rows:
        return None
    found: date = pc.min(table["starts_on"]).as_py()
    return found


def late_signals(
    session: Session, landed: Mapping[str, pa.Table], horizon_days: int = 3650
) -> date | None:
    """The first published day that the signals of a batch change.

    Its own days, and the days of earlier deliveries of the same events, since the one received first
    is kept. A day beyond the horizon is not changed (``core.horizon``).
    """
    table = landed.get("landed_signals")
    published = session.days("signals")
    if table is None or not table.num_rows or not published:
        return None
    first = published[-1] - timedelta(days=horizon_days)
    days = sorted(d for d in set(table["event_date"].to_pylist()) if d >= first)
    if not days:
        return None
    table = table.filter(pc.greater_equal(table["event_date"], pa.scalar(first, pa.date32())))
    given = session.constant("new_events", table.select(["source", "event_id"]))
    known = session.table("landed_signals").semi_join(given, ["source", "event_id"])
    older = session.rows(known.aggregate(day=known["event_date"].min()))[0]["day"]
    touched = set(days) | ({older} if older else set())
    reached = [day for day in published if day in touched]
    return min(reached, default=None)


def withdrawn(session: Session, batch_ids: Collection[str]) -> tuple[date | None, date | None]:
    """The first published days that read otherwise without the rows of some batches.

    Returns:
        For who is found (identities, addresses, corrections, merged accounts), and for the signals
        themselves.
    """
    published = session.days("signals") if batch_ids else []
    if not published:
        return None, None
    ids = list(batch_ids)
    named = []
    for table in ("landed_identities", "landed_ip_ranges", "landed_consents", "landed_corrections"):
        rows = session.table(table)
        named += session.rows(rows.filter(rows["batch_id"].isin(ids)).limit(1))
    merges = session.table("landed_associations")
    merges = merges.filter((merges["from_object"] == ACCOUNT) & (merges["to_object"] == SURVIVOR))
    named += session.rows(merges.filter(merges["batch_id"].isin(ids)).limit(1))
    signals = session.table("landed_signals")
    gone = signals.filter(signals["batch_id"].isin(ids)).select("source", "event_id")
    # Another delivery of the same event may take its place, on a day of its own.
    rivals = signals.semi_join(gone.distinct(), ["source", "event_id"])
    days = {row["day"] for row in session.rows(rivals.select(day="event_date").distinct())}
    touched = [day for day in published if day in days]
    return (published[0] if named else None), min(touched, default=None)


def _named(session: Session, identities: pa.Table | None) -> date | None:
    if identities is None or not identities.num_rows:
        return None
    given = session.constant("new_identities", identities.select(_IDENTITY))
    landed, known = session.table("landed_identities"), corrected.identities(session)
    # Kept between the two: ibis writes a second anti-join of one query as PostgreSQL cannot read it.
    unseen = session.keep(given.anti_join(landed, _IDENTITY))
    # What was split counts again when it is said again, so only what is left of it is settled.
    settled = _settled(known, given)
    new = unseen.anti_join(settled, _WHOSE)
    # The two spellings a signal may have of who it came from; see ``core.evidence``.
    cookies = new.filter(new["kind"] == "cookie").select(of=new["ref"])
    leads = new.filter(new["kind"] == "lead")
    leads = leads.select(of=("lead:" + leads["ref"]))
    told = [t.select(*_WHOSE).cast(dict.fromkeys(_WHOSE, "string")) for t in (known, given)]
    leads = with_merged(leads, told[0].union(told[1]))
    signals = session.table("signals")
    by_cookie = signals.join(cookies, signals["anonymous_id"] == cookies["of"])
    by_lead = signals.join(leads, signals["person_key"] == leads["of"])
    days = by_cookie.select("signal_date").union(by_lead.select("signal_date"))
    return _first(session, days.union(_logged_in(signals, unseen, settled, known)))


def _logged_in(signals: ir.Table, unseen: ir.Table, settled: ir.Table, known: ir.Table) -> ir.Table:
    """(signal_date) from a log-in on, of browsers that people of several domains have used.

    Such a browser is that of the last log-in before a signal (``core.browsers``), so that also what is said
    again of the person who came last may change whose it was in between.
    """
    cookies = known.filter(known["kind"] == "cookie")
    domains = cookies.group_by(shared="ref").aggregate(n=cookies["email_domain"].nunique())
    several = domains.filter(domains["n"] > 1).select("shared")
    again = unseen.filter(unseen["kind"] == "cookie").join(settled, _WHOSE)
    again = again.join(several, [("ref", "shared")])
    again = again.select(of="ref", since=again["seen_at"].date())
    t = signals.join(again, signals["anonymous_id"] == again["of"])
    return t.filter(t["signal_date"] >= t["since"]).select("signal_date")


def _settled(known: ir.Table, given: ir.Table) -> ir.Table:
    """Whose the cookies and leads of a batch already are: saying it again changes nothing."""
    asked = known.semi_join(given, ["kind", "ref"])
    order = [asked["seen_at"].desc(), asked["person_ref"], asked["batch_id"]]
    return newest_first(asked, ["kind", "ref"], order).select(*_WHOSE)


def _located(session: Session, ranges: pa.Table | None) -> date | None:
    if ranges is None or not ranges.num_rows:
        return None
    given = _as_texts(session.constant("new_ranges", ranges.select(_RANGE)))
    known = _as_texts(session.table("landed_ip_ranges"))
    if not session.rows(given.anti_join(known, _RANGE).limit(1)):
        return None
    signals = session.table("signals")
    # What stands for a dropped address keeps the answer that was stored with it.
    return _first(session, signals.filter(is_address(signals["ip"])).select("signal_date"))


def _as_texts(ranges: ir.Table) -> ir.Table:
    return ranges.select(**{c: ranges[c].cast("string").fill_null("") for c in _RANGE})


def _used(session: Session, signals: pa.Table | None) -> date | None:
    """The first day after late signals on which the employer of one of their contacts is in doubt."""
    if signals is None or not signals.num_rows:
        return None
    published = session.days("touchpoints")
    if not published:
        return None
    late = signals.filter(pc.less(signals["event_date"], pa.scalar(published[-1])))
    late = late.filter(late["person_ref"].is_valid()).select(["person_ref", "event_date"])
    if not late.num_rows:
        return None
    given = session.constant("late_uses", late)
    contacts = session.table("crm_contacts").select("contact_id", "person_ref").distinct()
    whose = given.join(contacts, "person_ref")
    since = whose.group_by("contact_id").aggregate(since=whose["event_date"].min())
    # A match that is sure is not in doubt; see ``core.employment_contacts``.
    t = session.table("touchpoints")
    t = t.filter(t["match_confidence"] < 1).join(since, t["person_id"] == since["contact_id"])
    t = t.filter(t["touchpoint_date"] > t["since"])
    return _first(session, t.select(signal_date="touchpoint_date"))


def _first(session: Session, days: ir.Table) -> date | None:
    day: date | None = session.rows(days.aggregate(day=days["signal_date"].min()))[0]["day"]
    return day


def changed_since(session: Session, published: ir.Table, versions: ir.Table) -> date | None:
    """The first day on which a record of a history reads differently than published; None: none does.

    Args:
        session: of both tables.
        published: rows with valid_from and valid_to.
        versions: the rows that will take their place, with the same columns and types.
    """
    sides = [
        session.arrow(versions.difference(published)),
        session.arrow(published.difference(versions)),
    ]
    rows: dict[tuple[object, ...], list[date | None]] = {}
    days: list[date] = []
    fixed = [c for c in versions.columns if c != "valid_to"]
    for side in sides:
        for row in side.to_pylist():
            rows.setdefault(tuple(row[c] for c in fixed), []).append(row["valid_to"])
    at = fixed.index("valid_from")
    for same, ends in rows.items():
        if len(ends) == len(sides):
            # The version is the same and only ends on another day: until the earlier end both agree.
            days.append(min(end for end in ends if end is not None))
        else:
            days.append(same[at])  # type: ignore[arg-type]
    return min(days, default=None)


def earliest(days: Sequence[date | None]) -> date | None:
    """The first of the days that there are."""
    return min((day for day in days if day is not None), default=None)
