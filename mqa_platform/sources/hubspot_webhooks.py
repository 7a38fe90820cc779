"""HubSpot's webhooks: what changed of a contact, and the forms that it filled.

Belongs here: HubSpot's subscriptions, and the properties that say that a buyer acted. Does not belong here:
exports (``hubspot_events``), CRM records, which the CRM's own source reads, or signatures (``receiver``).
Rows: every event is a signal, filtered, a duplicate or a defect.

A subscription sends up to a hundred changes of properties. A workflow sends one contact, with the forms
that it filled.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.columns import coalesce, each_unique, joined, mask, md5_hex, present
from mqa_platform.sources.envelopes import Envelope, events
from mqa_platform.sources.forms import SAYS_NOTHING, form_event
from mqa_platform.sources.landed import Landed, first_reason
from mqa_platform.sources.names import person_refs
from mqa_platform.sources.record_table import Records
from mqa_platform.sources.records import landed_records
from mqa_platform.sources.repeats import without_repeats
from mqa_platform.sources.signals import mapped, page_paths
from mqa_platform.sources.timestamps import parse_timestamps

# The property that HubSpot sets with each form: "title of the page: name of the form".
FORM_FILLED: Final = "recent_conversion_event_name"
_OPT_OUT: Final = "hs_email_optout"
PROPERTIES: Final = {
    "hs_email_last_click_date": "email_click",
    "hs_sales_email_last_clicked": "email_click",
    "hs_email_last_reply_date": "email_reply",
    "hs_sales_email_last_replied": "email_reply",
    _OPT_OUT: "unsubscribe",
}
UNMAPPED_PROPERTY, UNMAPPED_SUBSCRIPTION = "unmapped_property", "unmapped_subscription"
NO_FORM: Final = "contact_without_form"
_CHANGES: Final = ("contact.propertyChange", "object.propertyChange")
_CONTACT: Final = "0-1"
# What a workflow sends of a form, and what of the contact that filled it, in our words.
_WORKFLOW: Final = "workflow.form"
_SYNONYMS: Final = {"vid": "objectid", "timestamp": "occurredat", "conversionid": "eventid"}


def hubspot_webhook(path: Path, source: Source, envelope: Envelope) -> Landed:
    """Read the body of one webhook.

    The same change comes with another number of attempts when it is sent again, and HubSpot's ids are not
    unique; so an event is named by whose property became what, and when.

    Args:
        path: the file, for messages.
        source: its declaration; ``events`` names further properties and what they mean.
        envelope: what was received.
    """
    records = events(path, list(_items(envelope.body)), _SYNONYMS)
    who, moment = records.text("objectid"), records.text("occurredat")
    event, filtered = _meant(records, source)
    occurred, wrong_time = parse_timestamps(moment)
    arrived = pa.array([envelope.received_at] * len(records), pa.string())
    received_at, _ = parse_timestamps(arrived)
    person, domain = person_refs(records.text("email"))
    whoever = coalesce(person, pc.binary_join_element_wise("contact", who, ":"))
    what = records.text("propertyname", "formid")
    said = records.text("propertyvalue", "title")
    content = md5_hex(joined([who, what, said, moment]))
    is_form = pc.is_in(records.text("subscriptiontype"), pa.array([_WORKFLOW]))
    columns = {
        "source": source.connector,
        "event_id": pc.if_else(is_form, coalesce(records.text("eventid"), content), content),
        "occurred_at": occurred,
        "received_at": received_at,
        "event": event,
        "channel": pc.if_else(pc.starts_with(event, "email_"), "email", "web"),
        "campaign": records.text("formid"),
        "page_path": page_paths(records.text("pageurl")),
        "topic": _form_names(records),
        "person_ref": whoever,
        "email_domain": domain,
    }
    reasons = first_reason(
        len(records),
        [
            ("unknown_event", ~present(event)),
            ("missing_person", ~present(whoever)),
            ("missing_timestamp", ~present(moment)),
            ("bad_timestamp", wrong_time),
        ],
    )
    return without_repeats(
        landed_records(source, records, "landed_signals", columns, reasons, filtered)
    )


def _items(body: Any) -> Iterator[Any]:
    """The events of a body; a contact gives one for each form that it filled."""
    for item in body if isinstance(body, list) else [body]:
        if isinstance(item, dict) and ("vid" in item or "form-submissions" in item):
            yield from _filled(item)
        else:
            yield item


def _filled(contact: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The forms of a contact that a workflow has sent; one row that says so where there are none."""
    properties = contact.get("properties")
    email = properties.get("email") if isinstance(properties, dict) else None
    who = {
        "subscriptionType": _WORKFLOW,
        "vid": contact.get("vid"),
        "email": email.get("value") if isinstance(email, dict) else email,
    }
    forms = contact.get("form-submissions")
    filled = [each for each in forms if isinstance(each, dict)] if isinstance(forms, list) else []
    for each in filled:
        names = ("conversion-id", "timestamp", "form-id", "page-url", "title")
        yield {**who, **{name: each.get(name) for name in names}}
    if not filled:
        yield {**who, "propertyName": NO_FORM}


def _form_names(records: Records) -> pa.Array:
    """The name of the form that each event tells of; null where it tells of none."""
    by_property = pc.equal(records.text("propertyname"), FORM_FILLED)
    value = pc.if_else(by_property, records.text("propertyvalue"), pa.scalar(None, pa.string()))
    return coalesce(
        each_unique(value, lambda text: text.rpartition(": ")[2]), records.text("title")
    )


def _meant(records: Records, source: Source) -> tuple[pa.Array, npt.NDArray[np.object_]]:
    """Our event of each record, and why a record that says nothing is left out."""
    kind, name = records.text("subscriptiontype"), records.text("propertyname")
    value = pc.utf8_lower(records.text("propertyvalue"))
    thing = records.text("objecttypeid")
    of_contact = ~present(thing) | mask(pc.equal(thing, _CONTACT))
    changes = mask(pc.is_in(kind, pa.array(_CHANGES))) & of_contact
    is_form = mask(pc.equal(kind, _WORKFLOW))
    forms = _form_names(records)
    filled = each_unique(forms, form_event)
    told = is_form | (changes & present(forms))
    event = pc.if_else(pa.array(told), filled, mapped(name, PROPERTIES | source.events))
    # Taking an opt-out back is no act of buying.
    took_back = mask(pc.equal(name, _OPT_OUT)) & ~mask(pc.equal(value, "true"))
    reasons = np.full(len(records), None, dtype=object)
    reasons[changes & (~present(event) | took_back)] = UNMAPPED_PROPERTY
    reasons[told & present(forms) & ~present(filled)] = SAYS_NOTHING
    reasons[is_form & mask(pc.equal(name, NO_FORM))] = NO_FORM
    reasons[present(kind) & ~changes & ~is_form] = UNMAPPED_SUBSCRIPTION
    return event, reasons
