"""Touchpoints as numbers: the columns that scoring counts and multiplies.

Belongs here: reading a batch of touchpoints and what each says by itself. Does not belong here: decay
(``decay``), breadth (``breadth``) or caps (``points``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.points import worth
from mqa_platform.core.timeline import Ints
from mqa_platform.policy.models import Policy, Signal

EPOCH = date(1970, 1, 1)
FOREVER = 10_000_000
UNSUBSCRIBE = "unsubscribe"
INPUT = (
    "account_id",
    "touchpoint_date",
    "signal_type",
    "direction",
    "person_id",
    "anonymous_id",
    "session_id",
    "strength",
    "seniority",
    "share",
    "match_confidence",
    "intent_score",
)


@dataclass(frozen=True)
class Touches:
    """Columns of a block of touchpoints; account and person are numbers, −1 for nobody.

    until is the first day on which the points count no longer whatever their decay: the day on which
    the person unsubscribed from the mail that earned them.
    """

    account: Ints
    day: Ints
    person: Ints
    session: Ints
    eligible: np.ndarray
    first_party: np.ndarray
    high_intent: np.ndarray
    hand_raise: np.ndarray
    anonymous: np.ndarray
    surging: np.ndarray
    until: Ints


def number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def _codes(column: pa.ChunkedArray) -> Ints:
    """Numbers of the distinct texts of a column, −1 for null."""
    encoded = pc.dictionary_encode(column).combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0)
    return pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)


def _doubles(column: pa.ChunkedArray, missing: float) -> np.ndarray:
    return pc.fill_null(pc.cast(column, pa.float64()), missing).to_numpy()


def is_mail(signal: Signal) -> bool:
    """Whether a signal is earned by acting on our mail."""
    return any(event.startswith("email_") for event in signal.events)


def until_unsubscribed(
    account: Ints, person: Ints, day: Ints, mail: np.ndarray, left: np.ndarray
) -> Ints:
    """The day on which the person unsubscribed after each mail touch, FOREVER where nobody did.

    ``left`` marks the unsubscribes. What a person does on later mail counts again: they came back.
    """
    until = np.full(len(day), FOREVER, dtype=np.int64)
    rows, ends = np.flatnonzero(mail & (person >= 0)), np.flatnonzero(left & (person >= 0))
    if not len(rows) or not len(ends):
        return until
    who = account * (person.max() + 1) + person
    key = who * FOREVER + day
    ordered = np.sort(key[ends])
    following = ordered[np.minimum(np.searchsorted(ordered, key[rows]), len(ordered) - 1)]
    holds = (following // FOREVER == who[rows]) & (following >= key[rows])
    until[rows[holds]] = following[holds] % FOREVER
    return until


def touches(table: pa.Table, policy: Policy) -> tuple[Touches, Ints, np.ndarray, Ints, list[str]]:
    """A batch as numbers: touches, component, points, cap key, and the names of the accounts."""
    signals = policy.signals.signals
    listed = list(signals)
    accounts = pc.dictionary_encode(table["account_id"]).combine_chunks()
    position = pc.index_in(table["signal_type"], pa.array(listed, pa.string()))
    component = pc.fill_null(position, -1).to_numpy().astype(np.int64)
    inbound = pc.equal(table["direction"], "inbound").to_numpy()
    component = np.where(inbound, component, -1)

    def by_signal(name: str) -> np.ndarray:
        values = [getattr(s, name) for s in signals.values()]
        return np.array([*values, False if isinstance(values[0], bool) else 0.0])[component]

    weight = by_signal("weight").astype(float)
    share = _doubles(table["share"], 0.0)
    confidence = _doubles(table["match_confidence"], 0.0)
    points = worth(
        weight,
        _doubles(table["strength"], 1.0),
        _doubles(table["seniority"], 1.0),
        share,
        confidence,
    )
    person = _codes(table["person_id"])
    known = person >= 0
    cookie = _codes(table["anonymous_id"])
    cap_key = np.where(known, person, np.where(cookie >= 0, cookie + len(person) + 1, -1))
    engagement = np.array([s.kind == "engagement" for s in signals.values()] + [False])[component]
    sure = (weight > 0) & (share * confidence >= policy.signals.eligible_confidence)
    surging = _doubles(table["intent_score"], -1.0) >= policy.stages.anonymous_research.intent_score
    account = accounts.indices.to_numpy().astype(np.int64)
    day = table["touchpoint_date"].cast(pa.int32()).to_numpy().astype(np.int64)
    mail = np.array([is_mail(s) for s in signals.values()] + [False])[component]
    left = pc.equal(table["signal_type"], UNSUBSCRIBE).to_numpy() & inbound
    touches = Touches(
        account=account,
        day=day,
        person=person,
        session=_codes(table["session_id"]),
        eligible=sure & known & engagement,
        first_party=sure & engagement,
        high_intent=by_signal("high_intent").astype(bool) & inbound,
        hand_raise=by_signal("hand_raise").astype(bool) & sure & known,
        anonymous=~known & engagement,
        surging=surging & inbound,
        until=until_unsubscribed(account, person, day, mail, left),
    )
    return touches, component, points, cap_key, accounts.dictionary.to_pylist()
