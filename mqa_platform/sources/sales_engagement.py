"""Sales-engagement tools (Outreach and Salesloft style): what reps sent, and what came back.

Belongs here: the names and states of such exports. Does not belong here: the CRM's activities
(``crm_export``), or what a reply is worth (``core``).

What we do (a mail, a call, a message) is outbound and never earns points; only what the prospect does
is inbound. Machines are left out: bounces, out-of-office answers, mails that were never sent.

Rows: every record is a signal, an exact repeat, filtered with its reason, or a defect.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.alternatives import Alternatives
from mqa_platform.sources.columns import coalesce, mask, nulls, present
from mqa_platform.sources.landed import Landed
from mqa_platform.sources.names import person_refs, registrable_domains
from mqa_platform.sources.signals import mapped
from mqa_platform.sources.timestamps import parse_timestamps

NAMES: Final = {
    "id": ("id", "activityid", "mailingid", "callid", "eventid", "messageid"),
    "email": ("prospectemail", "email", "personemail", "contactemail", "recipientemail", "recipient",
              "emailaddress", "to", "toaddress"),
    "company": ("company", "companyname", "account", "accountname", "prospectcompany"),
    "domain": ("companydomain", "domain", "accountdomain", "website"),
    "type": ("type", "activitytype", "channel", "steptype", "actiontype", "tasktype"),
    "status": ("status", "state", "disposition", "result", "outcome", "event", "eventtype", "action"),
    "direction": ("direction",),
    "moment": ("occurredat", "activityat", "timestamp", "activitydate", "eventat", "date",
               "deliveredat", "sentat", "completedat", "updatedat", "createdat"),
    "replied": ("repliedat", "replyat", "replied", "replies", "replycount", "countsreplies"),
    "clicked": ("clickedat", "clicked", "clicks", "clickcount", "countsclicks"),
    "opened": ("openedat", "opened", "opens", "opencount", "views", "countsviews"),
    "bounced": ("bouncedat", "bounced", "bounces", "countsbounces"),
    "automatic": ("autoreply", "isautoreply", "automaticreply", "outofoffice", "isoutofoffice"),
    "subject": ("subject", "replysubject", "mailsubject"),
    "sequence": ("sequence", "sequencename", "cadence", "cadencename", "campaign", "campaignname"),
}  # fmt: skip
MAIL, CALL, SOCIAL = "email", "call", "social"
TYPES: Final = {
    **dict.fromkeys(("email", "mail", "mailing", "auto email", "manual email", "automated email"), MAIL),
    **dict.fromkeys(("call", "phone", "phone call", "dial"), CALL),
    **dict.fromkeys(
        ("linkedin", "social", "linkedin message", "linkedin connection request", "inmail",
         "linkedin inmail", "linkedin send message", "linkedin connect"), SOCIAL),
    **dict.fromkeys(("meeting", "task", "action item", "note", "sms", "other"), "other"),
}  # fmt: skip
_SENT, _REPLY = "sent", "replied"
# State of the tool → what happened, or why the row is left out.
STATES: Final = {
    **dict.fromkeys(
        ("sent", "delivered", "completed", "complete", "done", "connected", "no answer", "voicemail",
         "left voicemail", "busy", "not interested", "interested", "wrong number", "gatekeeper",
         "email sent", "outbound", "answered", "finished", "logged"), _SENT),
    **dict.fromkeys(("opened", "open", "email opened", "viewed"), "opened"),
    **dict.fromkeys(("clicked", "click", "email clicked", "link clicked"), "clicked"),
    **dict.fromkeys(
        ("replied", "reply", "email replied", "responded", "received", "inbound", "email reply"), _REPLY),
    **dict.fromkeys(
        ("auto reply", "autoreply", "automatic reply", "auto replied", "out of office", "ooo",
         "vacation"), "auto_reply"),
    **dict.fromkeys(
        ("bounced", "bounce", "hard bounce", "soft bounce", "failed", "undeliverable",
         "email bounced"), "bounced"),
    **dict.fromkeys(
        ("draft", "drafted", "scheduled", "pending", "queued", "paused", "skipped", "cancelled",
         "canceled", "overdue", "incomplete", "placeholder", "throttled"), "not_sent"),
    **dict.fromkeys(("unsubscribed", "opted out", "opt out", "optout"), "unsubscribed"),
    **dict.fromkeys(("connection accepted", "accepted"), "connection_accepted"),
}  # fmt: skip
_LEFT_OUT: Final = ("auto_reply", "bounced", "not_sent", "connection_accepted")
OUTBOUND: Final = {MAIL: "outbound_email", CALL: "outbound_call", SOCIAL: "outbound_social"}
INBOUND: Final = {
    "opened": "email_open", "clicked": "email_click", _REPLY: "email_reply",
    "unsubscribed": "unsubscribe",
}  # fmt: skip
# How mail programs begin the subject of an answer that nobody wrote, in the languages we see most.
_AUTOMATIC: Final = (
    r"(?i)^\s*(re:\s*)?(automatic reply|auto[- ]?reply|autoreply|auto:|out of (the )?office|ooo\b"
    r"|automatische antwort|abwesenheit|réponse automatique|absence du bureau|respuesta automática"
    r"|risposta automatica|automatisch antwoord)"
)


def sales_engagement(path: Path, source: Source) -> Landed:
    """Read one export of activities, one a row.

    The state says what happened, at that state's own time where the export has one. Without a state,
    a mail counts as the most that came of it: replied, clicked, opened, else sent. An answer to a
    message on a social network is an ``email_reply`` of the channel ``social``.

    Raises:
        SourceError: the file cannot be read, or names no prospect.
    """
    t = Alternatives(source, path, NAMES)
    t.require("email", "domain", "company")
    email, given = t.text("email"), t.text("domain")
    person, mail_domain = person_refs(email)
    domain = registrable_domains(given)
    t.check("bad_email", present(email) & ~present(person))
    t.check("bad_domain", present(given) & ~present(domain))
    t.check("missing_person", ~present(email) & ~present(given) & ~present(t.text("company")))
    kind, state = _kind(t), _state(t)
    left_out = _left_out(t, kind, state)
    is_sent = pc.equal(state, _SENT)
    event = pc.if_else(is_sent, mapped(kind, OUTBOUND), mapped(state, INBOUND))
    t.check("unknown_state", ~present(event))
    occurred = _moment(t, state)
    t.check("missing_timestamp", ~present(occurred))
    number = t.text("id")
    columns = {
        # One mail is sent, opened and answered: three events under one id of the tool.
        "event_id": coalesce(pc.binary_join_element_wise(event, number, ":"), t.line_ids()),
        "occurred_at": occurred,
        "event": event,
        "direction": pc.fill_null(pc.if_else(is_sent, "outbound", "inbound"), "outbound"),
        "channel": kind,
        "campaign": t.text("sequence"),
        "person_ref": person,
        "email_domain": mail_domain,
        "company_name": t.text("company"),
        "company_domain": domain,
    }
    return t.landed_once("landed_signals", columns, left_out)


def _words(values: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(pc.utf8_lower(values), r"[\s_-]+", " ")


def _kind(t: Alternatives) -> pa.Array:
    """Mail, call or social; a file without the column is of mails."""
    word = _words(t.text("type"))
    kind = mapped(word, TYPES)
    t.check("unknown_type", present(word) & ~present(kind))
    return coalesce(kind, pc.if_else(word.is_valid(), nulls(len(t)), pa.repeat(MAIL, len(t))))


def _state(t: Alternatives) -> pa.Array:
    """What happened: the state's word, the direction, or the most that came of it."""
    word = _words(t.text("status"))
    told = mapped(word, STATES)
    came = pc.equal(_words(t.text("direction")), "inbound")
    # An inbound mail is "sent" or "received" by the tool's lights: the prospect wrote it.
    told = pc.if_else(
        pc.fill_null(pc.and_(came, pc.is_in(told, pa.array([_SENT]))), False), _REPLY, told
    )
    counted = pa.repeat(_SENT, len(t))
    for name in ("opened", "clicked", "replied", "bounced"):
        counted = pc.if_else(pa.array(_yes(t.text(name))), name, counted)
    counted = pc.if_else(pc.fill_null(came, False), _REPLY, counted)
    return pc.if_else(word.is_valid(), told, counted)


def _yes(values: pa.Array) -> npt.NDArray[np.bool_]:
    """Where a flag, a count or a time says that it happened."""
    no = pa.array(("false", "no", "0", "0.0", "n", "f", "null", "none"))
    return present(values) & ~mask(pc.is_in(pc.utf8_lower(values), no))


def _moment(t: Alternatives, state: pa.Array) -> pa.Array:
    """When the state was reached, else when the activity was."""
    moment = t.time("moment")
    for name in ("opened", "clicked", "replied"):
        values = t.text(name)
        dated = pc.fill_null(pc.match_substring_regex(values, r"^\d{4}-|^\d{10}"), False)
        own, wrong = parse_timestamps(pc.if_else(dated, values, nulls(len(t))))
        t.check("bad_timestamp", wrong)
        moment = pc.if_else(
            pc.fill_null(pc.equal(state, name), False), coalesce(own, moment), moment
        )
    return moment


def _left_out(t: Alternatives, kind: pa.Array, state: pa.Array) -> npt.NDArray[np.object_]:
    """Why a sound row says nothing that we want."""
    reasons = np.full(len(t), None, dtype=object)
    for reason in _LEFT_OUT:
        reasons[mask(pc.equal(state, reason))] = reason
    machine = _yes(t.text("automatic")) | mask(
        pc.match_substring_regex(t.text("subject"), _AUTOMATIC)
    )
    reasons[machine & mask(pc.equal(state, _REPLY))] = "auto_reply"
    # The CRM tells of meetings; a call that somebody made to us has no event of its own yet.
    reasons[mask(pc.equal(kind, "other"))] = "not_a_touch"
    reasons[mask(pc.and_(pc.equal(kind, CALL), pc.equal(state, _REPLY)))] = "inbound_call"
    return reasons
