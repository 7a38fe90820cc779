"""Snowplow enriched events: what its pipeline writes, one event a line, fields parted by tabs.

Belongs here: the documented order of the fields and which of them we read. Does not belong here: the
JSON inside self-describing events (``snowplow_events``), or whose cookie it is (``core``). Rows: every
line is a signal, filtered (a ping, an event that we have no name for), a duplicate or a defect.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.addresses import is_ipv4
from mqa_platform.sources.agents import bot_agents
from mqa_platform.sources.columns import coalesce, present
from mqa_platform.sources.files import text_lines
from mqa_platform.sources.landed import Landed, SourceError, first_reason, refuse_foreign
from mqa_platform.sources.names import person_refs
from mqa_platform.sources.record_table import WRONG_COUNT, Records, canonical
from mqa_platform.sources.records import landed_records
from mqa_platform.sources.repeats import without_repeats
from mqa_platform.sources.signals import page_paths
from mqa_platform.sources.snowplow_events import channels, named_events, seen_people
from mqa_platform.sources.timestamps import parse_timestamps

_ORDER: Final = """
    app_id platform etl_tstamp collector_tstamp dvce_created_tstamp event event_id txn_id
    name_tracker v_tracker v_collector v_etl user_id user_ipaddress user_fingerprint domain_userid
    domain_sessionidx network_userid geo_country geo_region geo_city geo_zipcode geo_latitude
    geo_longitude geo_region_name ip_isp ip_organization ip_domain ip_netspeed page_url page_title
    page_referrer page_urlscheme page_urlhost page_urlport page_urlpath page_urlquery
    page_urlfragment refr_urlscheme refr_urlhost refr_urlport refr_urlpath refr_urlquery
    refr_urlfragment refr_medium refr_source refr_term mkt_medium mkt_source mkt_term mkt_content
    mkt_campaign contexts se_category se_action se_label se_property se_value unstruct_event
    tr_orderid tr_affiliation tr_total tr_tax tr_shipping tr_city tr_state tr_country ti_orderid
    ti_sku ti_name ti_category ti_price ti_quantity pp_xoffset_min pp_xoffset_max pp_yoffset_min
    pp_yoffset_max useragent br_name br_family br_version br_type br_renderengine br_lang
    br_features_pdf br_features_flash br_features_java br_features_director br_features_quicktime
    br_features_realplayer br_features_windowsmedia br_features_gears br_features_silverlight
    br_cookies br_colordepth br_viewwidth br_viewheight os_name os_family os_manufacturer
    os_timezone dvce_type dvce_ismobile dvce_screenwidth dvce_screenheight doc_charset doc_width
    doc_height tr_currency tr_total_base tr_tax_base tr_shipping_base ti_currency ti_price_base
    base_currency geo_timezone mkt_clickid mkt_network etl_tags dvce_sent_tstamp refr_domain_userid
    refr_device_tstamp derived_contexts domain_sessionid derived_tstamp event_vendor event_name
    event_format event_version event_fingerprint true_tstamp
"""
FIELDS: Final = tuple(_ORDER.split())
_READ: Final = (
    "collector_tstamp",
    "event",
    "event_id",
    "user_id",
    "user_ipaddress",
    "domain_userid",
    "network_userid",
    "page_url",
    "page_urlpath",
    "mkt_campaign",
    "se_action",
    "se_label",
    "unstruct_event",
    "useragent",
    "derived_tstamp",
    "event_name",
)
_NEEDED: Final = frozenset(("collector_tstamp", "event", "event_id"))
_LINE: Final = "line"


def snowplow_enriched(path: Path, source: Source) -> Landed:
    """Read one file of enriched events; fields beyond the documented ones are accepted and ignored.

    The files have no header. One that was exported with the names of the fields in its first line is
    read by them, in any order. An event happened at its derived and was received at its collector
    time. A user id or form field that is an e-mail names the person, and the cookie's owner.

    Raises:
        SourceError: the file cannot be read, or no line of it has the fields.
    """
    lines = text_lines(path)
    places, width = {name: FIELDS.index(name) for name in _READ}, len(FIELDS)
    head = lines[0].as_py().split("\t") if len(lines) else []
    names = [canonical(name) for name in head]
    if "eventid" in names and "collectortstamp" in names:
        places, width, lines = _places(path, names), len(head), lines.slice(1)
    records = _records(lines, places, width)
    all_misfits = np.full(len(lines), WRONG_COUNT, dtype=object)
    if len(lines) and not len(records):
        refuse_foreign(path, all_misfits, WRONG_COUNT, f"an event of {width} fields")
    return _landed(source, records)


def _places(path: Path, names: list[str]) -> dict[str, int]:
    found = {name: names.index(canonical(name)) for name in _READ if canonical(name) in names}
    lacking = sorted(_NEEDED - set(found))
    if lacking:
        raise SourceError(
            path, f"lacks the field {', '.join(lacking)}", "Export all fields of the events."
        )
    return found


def _records(lines: pa.Array, places: dict[str, int], width: int) -> Records:
    """The fields we read of every line that has enough of them; the others are misfits."""
    split = pc.split_pattern(lines, "\t")
    enough = pc.fill_null(pc.greater_equal(pc.list_value_length(split), width), False)
    fields, whole = split.filter(enough), lines.filter(enough)
    columns = {name: pc.list_element(fields, place) for name, place in places.items()}
    # The line itself, so that a defect shows all of it.
    table = pa.table({canonical(name): column for name, column in columns.items()} | {_LINE: whole})
    misfits = lines.filter(pc.invert(enough)).to_pylist()
    return _Lines(table, misfits)


class _Lines(Records):
    """Records that are shown as the lines they came from."""

    def raw(self, rows: npt.NDArray[np.int64]) -> list[str]:
        """These records as written."""
        return list(self.table[_LINE].take(pa.array(rows, pa.int64())).to_pylist())


def _landed(source: Source, records: Records) -> Landed:
    text = records.text
    events = named_events(
        source, text("event"), text("eventname"), text("seaction"), text("unstructevent")
    )
    collector = text("collectortstamp")
    received, wrong_received = parse_timestamps(collector)
    derived, wrong_derived = parse_timestamps(text("derivedtstamp"))
    user, user_domain = person_refs(text("userid"))
    filled, filled_domain = person_refs(events.email)
    anonymous = coalesce(text("domainuserid"), text("networkuserid"))
    agent = text("useragent")
    columns = {
        "source": source.connector,
        "event_id": text("eventid"),
        "occurred_at": coalesce(derived, received),
        "received_at": received,
        "event": events.event,
        "channel": coalesce(channels(events.event), pa.scalar("web")),
        "campaign": text("mktcampaign"),
        "page_path": page_paths(coalesce(text("pageurlpath"), text("pageurl"))),
        "topic": events.topic,
        "person_ref": coalesce(filled, user),
        "email_domain": pc.if_else(filled.is_valid(), filled_domain, user_domain),
        "anonymous_id": anonymous,
        "ip": _addresses(text("useripaddress")),
        "user_agent": agent,
        "is_bot_agent": pa.array(bot_agents(agent, blank_is_bot=False)),
    }
    checks = [
        ("bad_json", events.torn),
        ("unknown_event", events.unknown),
        ("missing_id", ~present(columns["event_id"])),
        ("missing_timestamp", ~present(collector)),
        ("bad_timestamp", wrong_received | wrong_derived),
    ]
    reasons = first_reason(len(records), checks)
    landed = landed_records(source, records, "landed_signals", columns, reasons, events.filtered)
    landed = without_repeats(landed)
    people = seen_people(source, landed.tables["landed_signals"])
    return replace(landed, tables={**landed.tables, "landed_identities": people})


def _addresses(text: pa.Array) -> pa.Array:
    """Whole addresses; one that was made anonymous (``192.0.2.x``) says nothing."""
    whole = pc.or_(pa.array(is_ipv4(text)), pc.match_substring(text, ":"))
    return pc.if_else(pc.fill_null(whole, False), text, pa.scalar(None, pa.string()))
