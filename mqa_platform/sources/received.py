"""Signed webhooks that the receiver has kept, as signals.

Belongs here: our own JSON form of an event, sent by Standard Webhooks. Does not belong here: HubSpot's
(``hubspot_webhooks``), or taking webhooks (``receiver``). Rows: every event is a signal, filtered, a
duplicate or a defect.

An event is an object with ``type``, ``timestamp`` and ``data``, as Standard Webhooks proposes; a body is one
event, a list of them, or an object with ``events``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.agents import bot_agents
from mqa_platform.sources.columns import coalesce, each_unique, mask, md5_hex, present
from mqa_platform.sources.envelopes import Envelope, events, opened
from mqa_platform.sources.forms import SAYS_NOTHING, form_event
from mqa_platform.sources.hubspot_webhooks import hubspot_webhook
from mqa_platform.sources.landed import Landed, conform, empty, first_reason
from mqa_platform.sources.names import person_refs, registrable_domains, snake_case
from mqa_platform.sources.record_table import Records
from mqa_platform.sources.records import landed_records
from mqa_platform.sources.repeats import without_repeats
from mqa_platform.sources.schemas import CONSENTS, EVENTS
from mqa_platform.sources.signals import kept, mapped, page_paths
from mqa_platform.sources.timestamps import parse_timestamps

# Intent has a strength and a topic that its own connectors read; commits are a feed of their own.
KNOWN: Final = EVENTS - {"intent", "commit"}
_FORMS: Final = ("form_submission", "form_submitted", "form")
_OUTBOUND: Final = ("outbound_email", "outbound_call", "outbound_social", "ad_impression")
_CHANNELS: Final = {
    **dict.fromkeys(("funding_round", "executive_hire", "expansion", "layoffs", "lawsuit"), "news"),
    **dict.fromkeys(("email_click", "email_reply", "email_open", "email_forward"), "email"),
    **dict.fromkeys(("ad_click", "ad_impression"), "ads"),
    **dict.fromkeys(("event_attendance", "event_registration"), "event"),
}
_SYNONYMS: Final = {
    "eventid": "id",
    "occurredat": "timestamp",
    "useremail": "email",
    "companyname": "company",
    "companydomain": "domain",
    "website": "domain",
    "url": "pageurl",
    "path": "pageurl",
    "formname": "form",
    "formtitle": "form",
    "utmcampaign": "campaign",
}


def received(path: Path, source: Source) -> Landed:
    """Read one webhook as the receiver has kept it.

    Raises:
        SourceError: the file cannot be read, or the receiver has not written it.
    """
    envelope = opened(path)
    if envelope is None:
        return Landed(0, 0, {"landed_signals": empty("landed_signals")}, empty("landed_defects"))
    if envelope.scheme == "hubspot_v3":
        return hubspot_webhook(path, source, envelope)
    return _events(path, source, envelope)


def _events(path: Path, source: Source, envelope: Envelope) -> Landed:
    records = events(path, _items(envelope), _SYNONYMS)
    word = each_unique(records.text("type"), snake_case)
    event, filtered = _meant(records, word, source)
    moment = records.text("timestamp")
    occurred, wrong_time = parse_timestamps(moment)
    arrived = pa.array([envelope.received_at] * len(records), pa.string())
    received_at, _ = parse_timestamps(arrived)
    email = coalesce(records.text("email"), records.text("userid"))
    person, domain = person_refs(email)
    agent = records.text("useragent")
    company = records.text("company")
    companies = registrable_domains(records.text("domain"))
    columns = {
        "source": source.connector,
        "event_id": _ids(records, envelope),
        "occurred_at": occurred,
        "received_at": received_at,
        "event": event,
        "direction": pc.if_else(pc.is_in(event, pa.array(_OUTBOUND)), "outbound", "inbound"),
        "channel": coalesce(records.text("channel"), mapped(event, _CHANNELS), pa.scalar("web")),
        "campaign": records.text("campaign"),
        "page_path": page_paths(records.text("pageurl")),
        "topic": coalesce(records.text("topic"), records.text("form")),
        "consent": each_unique(records.text("consent"), _consent),
        "anonymous_id": records.text("anonymousid"),
        "ip": records.text("ip"),
        "user_agent": agent,
        "is_bot_agent": pa.array(bot_agents(agent, blank_is_bot=False)),
        "person_ref": person,
        "email_domain": domain,
        "company_name": company,
        "company_domain": companies,
    }
    somebody = [person, columns["anonymous_id"], columns["ip"], company, companies]
    reasons = first_reason(
        len(records),
        [
            ("unknown_event", ~present(event)),
            ("bad_email", present(records.text("email")) & ~present(person)),
            ("missing_person", ~np.logical_or.reduce([present(each) for each in somebody])),
            ("missing_timestamp", ~present(moment)),
            ("bad_timestamp", wrong_time),
        ],
    )
    landed = landed_records(source, records, "landed_signals", columns, reasons, filtered)
    good = (reasons == None) & (filtered == None)  # noqa: E711 (element by element)
    return _with_identities(without_repeats(landed), source, columns, good)


def _items(envelope: Envelope) -> list[Any]:
    """The events of a body, each as one level of fields."""
    body = envelope.body
    if isinstance(body, dict) and isinstance(body.get("events"), list):
        body = body["events"]
    items = [_one_level(item) for item in (body if isinstance(body, list) else [body])]
    if len(items) == 1 and items[0] and isinstance(items[0], dict) and envelope.identity:
        items[0].setdefault("id", envelope.identity)
    return items


def _one_level(item: Any) -> Any:
    data = item.get("data") if isinstance(item, dict) else None
    if not isinstance(data, dict):
        return item
    # What the sender says of the event itself stands outside of its data.
    return {**data, **{key: value for key, value in item.items() if key != "data"}}


def _meant(
    records: Records, word: pa.Array, source: Source
) -> tuple[pa.Array, npt.NDArray[np.object_]]:
    """Our event of each record, and why a record that says nothing is left out."""
    names = {name: name for name in KNOWN} | {
        snake_case(theirs) or theirs: ours for theirs, ours in source.events.items()
    }
    is_form = mask(pc.is_in(word, pa.array(_FORMS)))
    titles = records.text("form").fill_null("")
    filled = each_unique(titles, form_event)
    event = pc.if_else(pa.array(is_form), filled, mapped(word, names))
    reasons = np.full(len(records), None, dtype=object)
    reasons[is_form & ~present(filled)] = SAYS_NOTHING
    return event, reasons


def _ids(records: Records, envelope: Envelope) -> pa.Array:
    """The id of each event: its own, or made of who sent what."""
    content = pc.binary_join_element_wise(envelope.source, records.content(), "\x1f")
    return coalesce(records.text("id"), md5_hex(content))


def _consent(word: str) -> str:
    """A word that we do not know is not a yes."""
    known = word.strip().casefold()
    return known if known in CONSENTS else "unknown"


def _with_identities(
    landed: Landed, source: Source, columns: dict[str, Any], good: npt.NDArray[np.bool_]
) -> Landed:
    """The same with whose browser it was, where an event names both."""
    named = good & present(columns["person_ref"]) & present(columns["anonymous_id"])
    seen = {
        "source": source.connector,
        "kind": "cookie",
        "ref": columns["anonymous_id"],
        "seen_at": columns["occurred_at"],
        "person_ref": columns["person_ref"],
        "email_domain": columns["email_domain"],
    }
    table = conform("landed_identities", int(named.sum()), kept(seen, named))
    return replace(landed, tables={**landed.tables, "landed_identities": table})
