"""Segment JSON lines: page, track and identify calls.

Belongs here: the Segment spec's fields and the track names we know. Does not belong here: deciding
whose cookie it is (``core``). Rows: every line is a signal, an identity or a defect.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources import landed
from mqa_platform.sources.agents import bot_agents
from mqa_platform.sources.columns import coalesce, mask, present, tidy
from mqa_platform.sources.json_lines import BAD_JSON, Lines, read_lines
from mqa_platform.sources.landed import Landed, conform, first_reason
from mqa_platform.sources.names import person_refs
from mqa_platform.sources.signals import kept, mapped, page_paths, signals_table
from mqa_platform.sources.timestamps import parse_timestamps

TRACKS: Final = {
    "Demo Requested": "demo_request",
    "Content Downloaded": "content_download",
    "Webinar Attended": "event_attendance",
    "Ad Clicked": "ad_click",
}
_CHANNELS: Final = {"ad_click": "ads", "event_attendance": "event"}
_PICKS: Final = {
    "type": "$.type",
    "id": "$.messageId",
    "anonymous_id": "$.anonymousId",
    "user_id": "$.userId",
    "timestamp": "$.timestamp",
    "sent_at": "$.sentAt",
    "received_at": "$.receivedAt",
    "event": "$.event",
    "form_email": "$.properties.email",
    "traits_email": "$.traits.email",
    "path": "$.properties.path",
    "context_path": "$.context.page.path",
    "url": "$.properties.url",
    "topic": "$.properties.topic",
    "ip": "$.context.ip",
    "user_agent": "$.context.userAgent",
    "campaign": "$.context.campaign.name",
    "consent": "$.context.consent",
}


def segment_jsonl(path: Path, source: Source) -> Landed:
    """Read one file of Segment calls into signals and identities.

    A page or track of an identified user, or with an e-mail in its properties, names a person; the
    e-mail in the properties also gives an identity (the form fill), which is not a row of its own.

    Raises:
        SourceError: the file cannot be read or is not JSON lines.
    """
    name = source.connector
    signals, identities = [landed.empty("landed_signals")], [landed.empty("landed_identities")]
    bad = [landed.empty("landed_defects")]
    rows = accepted = 0
    for lines in read_lines(path, _PICKS):
        good, block_signals, block_identities, block_bad = _block(lines, name)
        rows += len(lines)
        accepted += good
        signals.append(block_signals)
        identities.append(block_identities)
        bad.append(block_bad)
    tables = {
        "landed_signals": pa.concat_tables(signals).combine_chunks(),
        "landed_identities": pa.concat_tables(identities).combine_chunks(),
    }
    return Landed(rows, accepted, tables, pa.concat_tables(bad).combine_chunks())


def _block(lines: Lines, source: str) -> tuple[int, pa.Table, pa.Table, pa.Table]:
    # Blank must stay apart from absent for the agent alone: an empty agent is a bot's.
    v = {n: a if n == "user_agent" else tidy(a) for n, a in lines.values.items()}
    identify = mask(pc.equal(v["type"], "identify"))
    event = pc.if_else(pc.equal(v["type"], "page"), "page_view", mapped(v["event"], TRACKS))
    called = mask(pc.is_in(v["type"], pa.array(["page", "track"])))
    occurred, occurred_wrong = parse_timestamps(v["timestamp"])
    received, received_wrong = parse_timestamps(coalesce(v["received_at"], v["sent_at"]))
    form_ref, form_domain = person_refs(v["form_email"])
    trait_ref, trait_domain = person_refs(v["traits_email"])
    user_ref, user_domain = person_refs(v["user_id"])
    person = {
        "person_ref": pc.if_else(
            pa.array(identify), coalesce(trait_ref, user_ref), coalesce(form_ref, user_ref)
        ),
        "email_domain": pc.if_else(
            pa.array(identify),
            pc.if_else(trait_ref.is_valid(), trait_domain, user_domain),
            pc.if_else(form_ref.is_valid(), form_domain, user_domain),
        ),
    }
    reasons = first_reason(
        len(lines),
        [
            (BAD_JSON, ~lines.is_object),
            ("unknown_event", ~identify & ~(called & present(event))),
            ("missing_id", ~present(v["id"])),
            ("missing_timestamp", ~present(v["timestamp"])),
            ("bad_timestamp", occurred_wrong | received_wrong),
            ("missing_anonymous_id", identify & ~present(v["anonymous_id"])),
            ("missing_email", identify & ~present(person["person_ref"])),
        ],
    )
    good = reasons == None  # noqa: E711 (element by element)
    signal = {
        "source": source,
        "event_id": v["id"],
        "occurred_at": occurred,
        "received_at": received,
        "event": event,
        "channel": coalesce(mapped(event, _CHANNELS), pa.scalar("web")),
        "campaign": v["campaign"],
        "page_path": page_paths(coalesce(v["path"], v["context_path"], v["url"])),
        "topic": v["topic"],
        "consent": _consent(v["consent"]),
        "anonymous_id": v["anonymous_id"],
        "ip": v["ip"],
        "user_agent": tidy(v["user_agent"]),
        "is_bot_agent": pa.array(bot_agents(v["user_agent"], blank_is_bot=True)),
        **person,
    }
    seen = {
        "source": source,
        "kind": "cookie",
        "ref": v["anonymous_id"],
        "seen_at": occurred,
        **person,
    }
    is_signal = good & ~identify
    filled = is_signal & present(form_ref) & present(v["anonymous_id"])
    is_identity = (good & identify) | filled
    wrong = np.flatnonzero(~good)
    return (
        int(good.sum()),
        signals_table(int(is_signal.sum()), kept(signal, is_signal)),
        conform("landed_identities", int(is_identity.sum()), kept(seen, is_identity)),
        landed.defects(source, lines.texts(wrong), list(reasons[wrong])),
    )


def _consent(given: pa.Array) -> pa.Array:
    """What the page's consent banner said; a word we do not know is not a yes."""
    word = pc.utf8_lower(given)
    known = pc.is_in(word, pa.array(["granted", "denied", "unknown", "not_required"]))
    return pc.if_else(pc.or_kleene(known, pc.is_null(word)), word, "unknown")
