"""What a filled form says, by the form's name.

Belongs here: names of forms that a buyer raises the hand with, registers with, or says nothing with.
Does not belong here: how a vendor writes a form fill (each connector).
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mqa_platform.sources.columns import each_unique

# Whole names, compared without case, punctuation and the word "form": a hand-raise goes straight
# to a rep, so none is read out of a part of a name ("Demo day recap" asks for nothing).
_HAND_RAISES: Final = frozenset(
    {
        "demo",
        "demo request",
        "request demo",
        "request a demo",
        "request your demo",
        "book demo",
        "book a demo",
        "get a demo",
        "schedule demo",
        "schedule a demo",
        "live demo",
        "contact sales",
        "talk to sales",
        "talk to an expert",
        "request a quote",
        "request quote",
        "quote request",
        "get a quote",
        "request pricing",
        "pricing request",
        "rfq",
        "request for quotation",
    }
)
_REGISTRATIONS: Final = frozenset(
    {
        "event registration",
        "webinar registration",
        "register for event",
        "register for webinar",
        "register for the webinar",
    }
)
_SILENT: Final = frozenset(
    {
        "newsletter",
        "newsletter signup",
        "newsletter sign up",
        "newsletter subscription",
        "subscribe",
        "subscribe to newsletter",
        "blog subscription",
        "blog subscribe",
        "unsubscribe",
        "email preferences",
        "email preference center",
        "subscription preferences",
        "subscription center",
        "login",
        "log in",
        "sign in",
        "search",
        "job application",
        "apply now",
    }
)
SAYS_NOTHING: Final = "form_says_nothing"


def form_event(name: str) -> str | None:
    """The event of filling the form of this name; None when it says nothing.

    Any other form is one that somebody left an address with to get something, which is what
    ``content_download`` stands for.
    """
    words = re.sub(r"[\W_]+", " ", name.casefold()).strip()
    words = re.sub(r"^(web ?form|form)\b|\b(web ?form|form|landing page)$", "", words).strip()
    if words in _HAND_RAISES:
        return "demo_request"
    if words in _REGISTRATIONS:
        return "event_registration"
    return None if words in _SILENT else "content_download"


def form_events(names: pa.Array) -> tuple[pa.Array, npt.NDArray[np.object_]]:
    """``form_event`` of a column; a form without a name is some form.

    Returns:
        Events (null where the form says nothing), and for each row why it is left out, or None.
    """
    events = each_unique(names.fill_null(""), form_event)
    silent = events.is_null().to_numpy(zero_copy_only=False)
    reasons = np.full(len(names), None, dtype=object)
    reasons[silent] = SAYS_NOTHING
    return events, reasons
