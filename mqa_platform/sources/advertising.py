"""Ad platforms: clicks and impressions of companies and people, and reports of what the ads cost.

Belongs here: which row of a LinkedIn, Google or Meta style export is a signal, and which a sum of
money. Does not belong here: the columns of a sum (``ad_spend``), or what a click is worth (``core``).

A click is the buyer's act; an impression is ours and never earns points. A row that names nobody (no
company, no person, no click) is a report on the campaign: what it cost lands as spend.

Rows: every record is a signal, a sum of money, an exact repeat, filtered, or a defect.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.ad_spend import (
    CLICK_IDS,
    SPEND_NAMES,
    amount,
    is_total,
    platform,
    spend_columns,
    whole,
)
from mqa_platform.sources.alternatives import Alternatives
from mqa_platform.sources.columns import coalesce, joined, mask, md5_hex, present
from mqa_platform.sources.landed import Landed
from mqa_platform.sources.names import person_refs, registrable_domains
from mqa_platform.sources.signals import mapped, page_paths

NAMES: Final = {
    **SPEND_NAMES,
    "moment": ("timestamp", "clicktime", "clicktimestamp", "eventtime", "occurredat", "datetime",
               "time", *SPEND_NAMES["day"]),
    "type": ("eventtype", "event", "type", "interactiontype", "actiontype", "action"),
    "company": ("companyname", "company", "organization", "membercompany"),
    "domain": ("companydomain", "domain", "companywebsite", "website", "companyurl"),
    "email": ("email", "emailaddress", "memberemail", "leademail"),
    "visitor": ("anonymousid", "cookieid", "clientid", "visitorid", "gaclientid"),
    "page": ("landingpage", "landingpageurl", "finalurl", "destinationurl", "clickurl"),
}  # fmt: skip
EVENTS: Final = {
    "click": "ad_click", "clicks": "ad_click", "ad click": "ad_click", "link click": "ad_click",
    "landing page click": "ad_click", "impression": "ad_impression", "view": "ad_impression",
    "impressions": "ad_impression", "ad impression": "ad_impression",
}  # fmt: skip


def ad_clicks(path: Path, source: Source) -> Landed:
    """Read one export of ad events, or a report by company and day.

    A company's row of a report is one click if anybody there clicked that day, else one impression:
    how often says more about the bid than about the buyer. Its id is the day, the campaign and the
    company, so that the same report exported again is the same event.

    Raises:
        SourceError: the file cannot be read, or has no column for the time.
    """
    t = Alternatives(source, path, NAMES)
    t.require("moment")
    told = t.split(~_somebody(t) & ~is_total(t) & present(amount(t)))
    spent, events = _spend(told[0]), _signals(told[1])
    if not spent.rows:
        return events
    return Landed(
        rows=spent.rows + events.rows,
        accepted=spent.accepted + events.accepted,
        tables={**events.tables, **spent.tables},
        defects=pa.concat_tables([events.defects, spent.defects]),
        filtered=events.filtered,
        duplicates=spent.duplicates + events.duplicates,
    )


def ad_spend(path: Path, source: Source) -> Landed:
    """Read one report of costs, one row a day and campaign (or finer).

    A row of several days counts on its first. Rows that add up the others are filtered. The date of
    the file's name, else the day itself, says how new a figure is: the newest one counts.

    Raises:
        SourceError: the file cannot be read, or has no column for the day or the cost.
    """
    t = Alternatives(source, path, SPEND_NAMES)
    t.require("day")
    t.require("cost", "cost_micros")
    return _spend(t)


def _spend(t: Alternatives) -> Landed:
    without = np.full(len(t), None, dtype=object)
    without[is_total(t)] = "total"
    return t.landed_once("landed_spend", spend_columns(t), without)


def _somebody(t: Alternatives) -> npt.NDArray[np.bool_]:
    """Rows that are about some company, person, browser or click."""
    found = np.zeros(len(t), dtype=np.bool_)
    for name in ("company", "domain", "email", "visitor", *CLICK_IDS):
        found |= present(t.text(name))
    return found


def _signals(t: Alternatives) -> Landed:
    company, given, email = t.text("company"), t.text("domain"), t.text("email")
    domain, (person, mail_domain) = registrable_domains(given), person_refs(email)
    click_id = coalesce(*[t.text(name) for name in CLICK_IDS])
    impressions, clicks = whole(t, "impressions"), whole(t, "clicks")
    is_report = present(impressions) | present(clicks)
    event = _event(t, impressions, clicks)
    t.check("missing_timestamp", ~present(t.text("moment")))
    occurred = t.time("moment")
    t.check("bad_domain", present(given) & ~present(domain))
    t.check("bad_email", present(email) & ~present(person))
    t.check("unknown_event", ~present(event))
    channel, campaign = platform(t), t.text("campaign")
    # Two people of one company may click the same ad on one day; two rows about one of them are one.
    who = [company, domain, person, t.text("visitor")]
    what = [channel, campaign, t.text("ad_group"), t.text("ad"), event]
    of_day = md5_hex(joined([occurred.cast(pa.int64()).cast(pa.string()), *who, *what]))
    of_row = pc.if_else(pa.array(is_report), of_day, t.line_ids())
    columns = {
        "event_id": coalesce(pc.binary_join_element_wise(event, click_id, ":"), of_row),
        "occurred_at": occurred,
        "event": event,
        "direction": pc.fill_null(
            pc.if_else(pc.equal(event, "ad_click"), "inbound", "outbound"), "outbound"
        ),
        "channel": channel,
        "campaign": campaign,
        "topic": coalesce(t.text("ad"), t.text("ad_group")),
        "page_path": page_paths(t.text("page")),
        # What a platform says of a company as a whole is about no person who could object.
        "consent": pc.if_else(
            pa.array(~present(email) & ~present(t.text("visitor"))),
            "not_required",
            pa.scalar(None, pa.string()),
        ),
        "person_ref": person,
        "email_domain": mail_domain,
        "anonymous_id": t.text("visitor"),
        "company_name": company,
        "company_domain": domain,
    }
    return t.landed_once("landed_signals", columns, _left_out(t, is_report, present(event)))


def _left_out(
    t: Alternatives, is_report: npt.NDArray[np.bool_], says: npt.NDArray[np.bool_]
) -> npt.NDArray[np.object_]:
    """Why a sound row says nothing that we want."""
    nobody = ~_somebody(t)
    reasons = np.full(len(t), None, dtype=object)
    reasons[nobody] = "names_nobody"
    reasons[is_report & nobody] = "aggregate"
    reasons[is_report & ~says & ~present(t.text("type"))] = "no_activity"
    reasons[is_total(t)] = "total"
    return reasons


def _event(t: Alternatives, impressions: pa.Array, clicks: pa.Array) -> pa.Array:
    """Our event of each row: what it says it is, else what it counts, else a click."""
    words = pc.replace_substring_regex(pc.utf8_lower(t.text("type")), r"[\s_-]+", " ")
    if t.has("type"):
        told = mapped(words, EVENTS)
        return pc.if_else(words.is_valid(), told, _counted(impressions, clicks))
    return _counted(impressions, clicks)


def _counted(impressions: pa.Array, clicks: pa.Array) -> pa.Array:
    nothing = pa.scalar(None, pa.string())
    neither = pa.array(~present(impressions) & ~present(clicks))
    seen = mask(pc.greater(impressions, 0))
    clicked = pa.array(mask(pc.greater(clicks, 0)))
    counted = pc.if_else(clicked, "ad_click", pc.if_else(pa.array(seen), "ad_impression", nothing))
    return pc.if_else(neither, "ad_click", counted)
