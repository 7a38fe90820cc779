"""Segment JSON lines: page, track and identify calls.

Belongs here: the Segment spec's fields and the track names we know. Does not belong here: deciding
whose cookie it is (``core``). Rows: every line is a signal, an identity, a consent or a defect.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources import landed
from mqa_platform.sources.agents import bot_agents
from mqa_platform.sources.columns import coalesce, mask, present, tidy
from mqa_platform.sources.consent_words import consent_words
from mqa_platform.sources.consents import landed_consents
from mqa_platform.sources.json_lines import BAD_JSON, Lines, read_lines
from mqa_platform.sources.landed import Landed, Mask, conform, first_reason
from mqa_platform.sources.names import person_refs
from mqa_platform.sources.signals import kept, mapped, page_paths, signals_table
from mqa_platform.sources.timestamps import parse_timestamps

TRACKS: Final = {
    "Demo Requested": "demo_request",
    "Content Downloaded": "content_download",
    "Webinar Attended": "event_attendance",
    "Ad Clicked": "ad_click",
}
# What Segment's consent tools send when a visitor decides, under its present and its former name.
PREFERENCES: Final = ("Segment Consent Preference Updated", "Segment Consent Preference")
# Calls that name no page and no act.
_OTHER_CALLS: Final = ("group", "screen", "alias")
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
    "known_email": "$.context.traits.email",
    "path": "$.properties.path",
    "context_path": "$.context.page.path",
    "url": "$.properties.url",
    "topic": "$.properties.topic",
    "ip": "$.context.ip",
    "user_agent": "$.context.userAgent",
    "campaign": "$.context.campaign.name",
    "consent": "$.context.consent",
    "traits_consent": "$.traits.consent",
}
_TABLES: Final = ("landed_signals", "landed_identities", "landed_consents")


def segment_jsonl(path: Path, source: Source) -> Landed:
    """Read one file of Segment calls into signals, identities and consents.

    A page or track of an identified user, or with an e-mail in its properties, names a person; the
    e-mail in the properties also gives an identity (the form fill), which is not a row of its own.

    A consent stands on a call for the browser alone (``context.consent``). A preference event, or a
    consent among the traits of an identify call, is the person's own word, and the browser's.

    Raises:
        SourceError: the file cannot be read or is not JSON lines.
    """
    parts = {name: [landed.empty(name)] for name in (*_TABLES, "landed_defects")}
    filtered: Counter[str] = Counter()
    rows = accepted = 0
    for lines in read_lines(path, _PICKS):
        good, left_out, tables = _block(lines, source)
        rows += len(lines)
        accepted += good
        filtered += left_out
        for name, table in tables.items():
            parts[name].append(table)
    found = {name: pa.concat_tables(those).combine_chunks() for name, those in parts.items()}
    bad = found.pop("landed_defects")
    return Landed(rows, accepted, found, bad, dict(filtered))


def _unwanted(v: dict[str, pa.Array], event: pa.Array, decides: Mask) -> npt.NDArray[np.object_]:
    """Why a call says nothing we want, None where it does: of a kind or an event without a meaning here.

    A site tracks far more than buying; ``events`` of the source says which of it counts.
    """
    reasons = np.full(len(event), None, dtype=object)
    unmapped = mask(pc.equal(v["type"], "track")) & present(v["event"]) & ~present(event) & ~decides
    reasons[unmapped] = "unmapped_event"
    for kind in _OTHER_CALLS:
        reasons[mask(pc.equal(v["type"], kind))] = f"{kind}_call"
    return reasons


@dataclass(frozen=True)
class _Said:
    """What each line says of consent: its own flag, the browser's word and the person's word."""

    flag: pa.Array
    stamp: pa.Array
    word: pa.Array


def _said(v: dict[str, pa.Array], decides: Mask, identify: Mask, source: Source) -> _Said:
    stamp = consent_words(v["consent"], source.consent_categories)
    trait = consent_words(v["traits_consent"], source.consent_categories)
    word = pc.if_else(pa.array(decides), stamp, pc.if_else(pa.array(identify), trait, None))
    text = pc.utf8_lower(v["consent"])
    kept_as_it_is = pc.is_in(text, pa.array(["unknown", "not_required"]))
    # A word we do not know is not a yes.
    unsure = pc.if_else(kept_as_it_is, text, pc.if_else(text.is_valid(), "unknown", None))
    return _Said(coalesce(stamp, unsure), stamp, word)


def _block(lines: Lines, source: Source) -> tuple[int, Counter[str], dict[str, pa.Table]]:
    # Blank must stay apart from absent for the agent alone: an empty agent is a bot's.
    v = {n: a if n == "user_agent" else tidy(a) for n, a in lines.values.items()}
    identify = mask(pc.equal(v["type"], "identify"))
    decides = mask(pc.is_in(v["event"], pa.array(PREFERENCES))) & mask(pc.equal(v["type"], "track"))
    said = _said(v, decides, identify, source)
    event = pc.if_else(
        pc.equal(v["type"], "page"), "page_view", mapped(v["event"], TRACKS | source.events)
    )
    called = mask(pc.is_in(v["type"], pa.array(["page", "track"])))
    occurred, occurred_wrong = parse_timestamps(v["timestamp"])
    received, received_wrong = parse_timestamps(coalesce(v["received_at"], v["sent_at"]))
    form_ref, _ = person_refs(v["form_email"])
    person = _person(v, identify | decides)
    named, browser = present(person["person_ref"]), present(v["anonymous_id"])
    reasons = first_reason(
        len(lines),
        [
            (BAD_JSON, ~lines.is_object),
            ("unknown_event", ~identify & ~decides & ~(called & present(event))),
            ("missing_id", ~present(v["id"])),
            ("missing_timestamp", ~present(v["timestamp"])),
            ("bad_timestamp", occurred_wrong | received_wrong),
            ("missing_anonymous_id", identify & ~browser),
            ("missing_email", identify & ~named & ~present(said.word)),
            ("missing_consent", decides & ~present(said.word)),
            ("unknown_person", decides & ~named & ~browser),
        ],
    )
    unwanted = _unwanted(v, event, decides)
    left_out = unwanted != None  # noqa: E711 (element by element)
    good = (reasons == None) & ~left_out  # noqa: E711 (element by element)
    signal = {
        "source": source.connector,
        "event_id": v["id"],
        "occurred_at": occurred,
        "received_at": received,
        "event": event,
        "channel": coalesce(mapped(event, _CHANNELS), pa.scalar("web")),
        "campaign": v["campaign"],
        "page_path": page_paths(coalesce(v["path"], v["context_path"], v["url"])),
        "topic": v["topic"],
        "consent": said.flag,
        "anonymous_id": v["anonymous_id"],
        "ip": v["ip"],
        "user_agent": tidy(v["user_agent"]),
        "is_bot_agent": pa.array(bot_agents(v["user_agent"], blank_is_bot=True)),
        **person,
    }
    seen = {
        "source": source.connector,
        "kind": "cookie",
        "ref": v["anonymous_id"],
        "seen_at": occurred,
        **person,
    }
    is_signal = good & ~identify & ~decides
    filled = is_signal & present(form_ref) & browser
    is_identity = (good & identify & named) | filled
    told = {"source": source.connector, "changed_at": occurred}
    told |= {"status": coalesce(said.word, pc.if_else(pa.array(identify), said.stamp, None))}
    own = good & present(said.word)
    wrong = np.flatnonzero(~good & ~left_out)
    return (
        int(good.sum()),
        Counter(unwanted[left_out]),
        {
            "landed_signals": signals_table(int(is_signal.sum()), kept(signal, is_signal)),
            "landed_identities": conform(
                "landed_identities", int(is_identity.sum()), kept(seen, is_identity)
            ),
            "landed_consents": landed_consents(
                told, person["person_ref"], v["anonymous_id"], own, own | (good & identify)
            ),
            "landed_defects": landed.defects(
                source.connector, lines.texts(wrong), list(reasons[wrong])
            ),
        },
    )


def _person(v: dict[str, pa.Array], by_traits: Mask) -> dict[str, pa.Array]:
    """Whom a call names: by the e-mail of its traits or of its form, else by the user id."""
    trait_ref, trait_domain = person_refs(coalesce(v["traits_email"], v["known_email"]))
    form_ref, form_domain = person_refs(v["form_email"])
    user_ref, user_domain = person_refs(v["user_id"])
    told = pa.array(by_traits)
    ref = pc.if_else(told, trait_ref, form_ref)
    domain = pc.if_else(told, trait_domain, form_domain)
    return {
        "person_ref": coalesce(ref, user_ref),
        "email_domain": pc.if_else(ref.is_valid(), domain, user_domain),
    }
