"""Clicks that a mail filter made: within seconds of the sending, or on several links at once.

Belongs here: telling them from a reader's clicks. Does not belong here: what a click is worth
(``scores``), or bots on the web site (``bots``).

Clicks and mails are taken from all that has landed, because a mail sent at the end of one day may be
opened by the filter on the next, and a day's answer must not hang on which days were run before.
Nothing looks forward: several links at once are counted within the UTC day, so that a day once
published does not read otherwise when the next one comes.
"""

from __future__ import annotations

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.expressions import identifier, shard
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.window import ONE_DAY, Window
from mqa_platform.policy.models import Policy

SCANNED = pa.schema([("signal_id", pa.string())])
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
# More days than any moment has behind it.
_DAYS = 1_000_000
_EVENTS = ("email_click", "outbound_email")


def mail_events(landed: ir.Table, window: Window) -> ir.Table:
    """Mails sent and links clicked, of named people, from a day before the window to its end."""
    day = landed["event_date"]
    t = landed.filter((day >= window.lo - ONE_DAY) & (day < window.hi))
    t = t.filter(t["event"].isin(_EVENTS) & t["person_ref"].notnull())
    return t.select(
        signal_id=identifier(t["source"], t["event_id"]),
        person=t["person_ref"],
        campaign=t["campaign"].fill_null(""),
        # Vendors that do not tell the link tell one event a link.
        link=t["page_path"].coalesce(t["event_id"]),
        is_mail=t["event"] == "outbound_email",
        occurred_at=t["occurred_at"],
        shard=shard(t["person_ref"]),
    )


def scanned_clicks(policy: Policy) -> Kernel:
    """Kernel: ``mail_events`` → the ids of the clicks that no person made."""
    rules = policy.identity.link_scanners

    def run(table: pa.Table) -> pa.Table:
        sent = table["is_mail"].to_numpy()
        moment = table["occurred_at"].cast(pa.int64()).to_numpy()
        person = _codes(table["person"])
        campaign = person * len(table) + _codes(table["campaign"])
        soon = _soon_after(campaign, moment, sent, rules.seconds_after_sending * _SECOND)
        clicks = np.flatnonzero(~sent)
        burst = _bursts(
            person[clicks] * _DAYS + moment[clicks] // _DAY,
            moment[clicks],
            _codes(table["link"])[clicks],
            rules.links_at_once,
            rules.at_once_seconds * _SECOND,
        )
        soon[clicks[burst]] = True
        ids = pc.unique(table["signal_id"].filter(pa.array(soon)))
        return pa.table({"signal_id": ids}, schema=SCANNED)

    columns = ("signal_id", "person", "campaign", "link", "is_mail", "occurred_at")
    return Kernel("scanned_clicks", run, SCANNED, {"signal_id": columns})


def _codes(texts: pa.ChunkedArray) -> np.ndarray:
    codes: np.ndarray = pc.dictionary_encode(texts).combine_chunks().indices.to_numpy()
    return codes.astype(np.int64)


def _soon_after(key: np.ndarray, moment: np.ndarray, sent: np.ndarray, within: int) -> np.ndarray:
    """Clicks no later than ``within`` after the last mail of the same key before them."""
    # A mail comes before a click of the same instant.
    order = np.lexsort((~sent, moment, key))
    mail = np.where(sent[order], np.arange(len(order)), -1)
    last = np.maximum.accumulate(mail)
    at = order[np.maximum(last, 0)]
    near = (last >= 0) & (key[at] == key[order]) & (moment[order] - moment[at] <= within)
    soon = np.zeros(len(order), dtype=np.bool_)
    soon[order] = near & ~sent[order]
    return soon


def _different(what: np.ndarray, last: np.ndarray) -> np.ndarray:
    """How many different values each stretch from a row up to ``last[row]`` (not included) has.

    ``last`` never falls, so both ends only move forward: every row comes in once and goes once.
    """
    counts: dict[int, int] = {}
    out = np.ones(len(what), dtype=np.int64)
    # Most clicks are alone; only rows that share a stretch need counting.
    rows = np.flatnonzero(last - np.arange(len(what)) > 1).tolist()
    first = end = 0
    values, ends = what.tolist(), last.tolist()
    for row in rows:
        if row >= end:
            counts.clear()
            first = end = row
        for gone in values[first:row]:
            counts[gone] -= 1
            if not counts[gone]:
                del counts[gone]
        for come in values[end : ends[row]]:
            counts[come] = counts.get(come, 0) + 1
        first, end = row, ends[row]
        out[row] = len(counts)
    return out


def _covered(last: np.ndarray, holds: np.ndarray) -> np.ndarray:
    """Rows that lie in at least one of the stretches that hold."""
    depth = np.zeros(len(last) + 1, dtype=np.int64)
    first = np.flatnonzero(holds)
    np.add.at(depth, first, 1)
    np.add.at(depth, last[first], -1)
    covered: np.ndarray = np.cumsum(depth[:-1]) > 0
    return covered


def _bursts(
    person: np.ndarray, moment: np.ndarray, link: np.ndarray, links: int, within: int
) -> np.ndarray:
    """Where a click is one of at least ``links`` different ones of a person within ``within``."""
    order = np.lexsort((link, moment, person))
    who, when, what = person[order], moment[order], link[order]
    found = np.zeros(len(order), dtype=np.bool_)
    if len(order):
        # Clicks further apart, or of another person, stand just out of each other's reach on one line.
        step = np.minimum(np.diff(when, prepend=when[:1]), within + 1)
        step[1:][who[1:] != who[:-1]] = within + 1
        place = np.cumsum(step)
        last = np.searchsorted(place, place + within, side="right")
        found = _covered(last, _different(what, last) >= links)
    back = np.zeros(len(order), dtype=np.bool_)
    back[order] = found
    return back
