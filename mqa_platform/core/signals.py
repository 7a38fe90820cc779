"""Stage 1, signals: landed events in, one row an event out, with its type, strength and consent.

Belongs here: deduplication, the page taxonomy, the mapping of events to signal types. Does not belong
here: reading vendor formats (``sources``) or finding the account (``identity``).
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import first_match, identifier, one_of
from mqa_platform.core.window import Window
from mqa_platform.policy.models import Policy

# Events that are about their path. A form sent from a page is about the form, not about the page.
_PATH_EVENTS = ("page_view", "commit")
_ROW_ORDER = ("received_at", "payload_hash", "occurred_at", "batch_id")


def deliveries(landed: ir.Table) -> ir.Table:
    """Landed rows with ``delivery``, 0 for the one of its event that is kept, and its payload's hash.

    ``landed`` must hold every landed row of the events in it: the one received first is kept.
    """
    ranked = landed.mutate(
        delivery=ibis.row_number().over(
            ibis.window(group_by=["source", "event_id"], order_by=[landed[c] for c in _ROW_ORDER])
        )
    )
    kept = ranked.filter(ranked["delivery"] == 0).select(
        "source", "event_id", kept_payload=ranked["payload_hash"]
    )
    return ranked.join(kept, ["source", "event_id"])


def _ranked(landed: ir.Table, window: Window) -> ir.Table:
    """Landed rows of the window with their rank among all deliveries of the same event.

    The rank looks at every landed row, not only at the window, so that the same delivery is kept
    whichever day is run and in whatever order.
    """
    inside = landed.filter((landed["event_date"] >= window.lo) & (landed["event_date"] < window.hi))
    ids = inside.select("source", "event_id").distinct()
    both = deliveries(landed.semi_join(ids, ["source", "event_id"]))
    return both.filter((both["event_date"] >= window.lo) & (both["event_date"] < window.hi))


def page_type(path: ir.StringValue, policy: Policy) -> ir.StringValue:
    """The taxonomy's type of a page path, ``other`` when no pattern matches; first match wins."""
    cases = [
        (path.re_search(pattern), ibis.literal(name))
        for name, patterns in policy.signals.page_types.items()
        for pattern in patterns
    ]
    return first_match(cases, ibis.literal("other"))


def signal_type(event: ir.StringValue, page: ir.StringValue, policy: Policy) -> ir.StringValue:
    """The scored signal an event is, by policy order; an event no signal claims keeps its own name."""
    scored = ~one_of(page, policy.signals.unscored_page_types).fill_null(False)
    cases = []
    for name, signal in policy.signals.signals.items():
        condition = one_of(event, signal.events) & scored
        if signal.page_types:
            condition = condition & one_of(page, signal.page_types).fill_null(False)
        cases.append((condition, ibis.literal(name)))
    return first_match(cases, event)


def signals(landed: ir.Table, policy: Policy, window: Window) -> ir.Table:
    """One row an event of the window: the earliest received delivery of each (source, event_id).

    Strength is 1, for intent ``(composite − 50) ÷ 50`` held within 0–1. Consent left open by the
    source takes the policy's default for that source, and is unknown without one.
    """
    ranked = _ranked(landed, window)
    kept = ranked.filter(ranked["delivery"] == 0)
    is_page = kept["event"].isin(_PATH_EVENTS)
    page = ibis.ifelse(
        is_page, page_type(kept["page_path"].fill_null(""), policy), ibis.null("string")
    )
    kept = kept.mutate(page_type=page)
    surge = ((kept["intent_score"] - 50.0) / 50.0).clip(0.0, 1.0)
    defaults = [
        (kept["source"] == source, ibis.literal(consent))
        for source, consent in policy.signals.consent_default.items()
    ]
    return kept.select(
        signal_id=identifier(kept["source"], kept["event_id"]),
        signal_date=kept["event_date"],
        occurred_at=kept["occurred_at"],
        received_at=kept["received_at"],
        signal_type=signal_type(kept["event"], kept["page_type"], policy),
        event=kept["event"],
        direction=kept["direction"],
        source=kept["source"],
        channel=kept["channel"],
        campaign=kept["campaign"],
        person_key=kept["person_ref"],
        email_domain=kept["email_domain"],
        anonymous_id=kept["anonymous_id"],
        ip=kept["ip"],
        host=kept["host"],
        host_domain=kept["host_domain"],
        company_name=kept["company_name"],
        company_domain=kept["company_domain"],
        page_type=kept["page_type"],
        page_path=kept["page_path"],
        status=kept["status"],
        topic=kept["topic"],
        intent_score=kept["intent_score"],
        strength=surge.fill_null(1.0),
        consent=ibis.coalesce(kept["consent"], first_match(defaults, ibis.literal("unknown"))),
        is_bot_agent=kept["is_bot_agent"],
        batch_id=kept["batch_id"],
    )


def dropped_signals(landed: ir.Table, window: Window) -> ir.Table:
    """Counts of the landed rows that are not signals, by day, source and reason.

    ``duplicate`` is the same event delivered again; ``conflict`` the same id with another payload,
    of which one id is kept as a sample.
    """
    ranked = _ranked(landed, window)
    rest = ranked.filter(ranked["delivery"] > 0)
    rest = rest.mutate(
        reason=ibis.ifelse(rest["payload_hash"] == rest["kept_payload"], "duplicate", "conflict")
    )
    return rest.group_by(
        signal_date=rest["event_date"], source=rest["source"], reason=rest["reason"]
    ).aggregate(landed_rows=rest.count(), sample_event_id=rest["event_id"].min())


def page_views(signals: ir.Table) -> ir.Table:
    """(signal_date, page_views, unclassified): views a day, and those no pattern of the taxonomy knows."""
    s = signals.filter(signals["event"] == "page_view")
    unknown = ibis.ifelse(s["page_type"] == "other", 1, 0)
    return s.group_by("signal_date").aggregate(page_views=s.count(), unclassified=unknown.sum())


def unclassified_pages(signals: ir.Table) -> ir.Table:
    """(page_path, views) of the page views that no pattern of the taxonomy knows; '' is no path."""
    s = signals.filter((signals["event"] == "page_view") & (signals["page_type"] == "other"))
    return s.group_by(page_path=s["page_path"].fill_null("")).aggregate(views=s.count())
