"""The scoring kernel: touchpoints in, receipts and daily totals out.

Belongs here: decay, ceilings, breadth components, the floor and momentum for a list of days. Does not
belong here: fit, thresholds and score types, which SQL adds (``scores``).

The kernel answers account by account: what else is in its batch changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.breadth import Breadth, Touches, breadth
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.points import DailyPoints, daily_points, worth
from mqa_platform.core.timeline import FIXED, POINT, Grid, Ints, decimals, halving, whole
from mqa_platform.policy.models import Policy

TOTAL = "total"
EPOCH = date(1970, 1, 1)
_CELLS = 6_000_000
_MONEY = pa.decimal128(18, 4)
SCORE_LINES = pa.schema(
    [
        ("account_id", pa.string()),
        ("score_date", pa.date32()),
        ("component", pa.string()),
        ("raw_points", _MONEY),
        ("lost_to_cap", _MONEY),
        ("decayed_points", _MONEY),
        ("lost_to_ceiling", _MONEY),
        ("points", _MONEY),
        ("touchpoints", pa.int64()),
        ("people", pa.int64()),
        ("eligible_people", pa.int64()),
        ("people_on_high_intent", pa.int64()),
        ("momentum", pa.float64()),
        ("hand_raised", pa.bool_()),
        ("anonymous_evidence", pa.bool_()),
        ("last_eligible_on", pa.date32()),
    ]
)
_INPUT = (
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
    touches = Touches(
        account=accounts.indices.to_numpy().astype(np.int64),
        day=table["touchpoint_date"].cast(pa.int32()).to_numpy().astype(np.int64),
        person=person,
        session=_codes(table["session_id"]),
        eligible=sure & known & engagement,
        first_party=sure & engagement,
        high_intent=by_signal("high_intent").astype(bool) & inbound,
        hand_raise=by_signal("hand_raise").astype(bool) & sure & known,
        anonymous=~known & engagement,
        surging=surging & inbound,
    )
    return touches, component, points, cap_key, accounts.dictionary.to_pylist()


def score_kernel(policy: Policy, days: Sequence[date]) -> Kernel:
    """Kernel: touchpoints → receipt lines and one ``total`` line an account and listed day.

    Input columns are those of the touchpoints table. A total line stands wherever the account has a
    touchpoint in the look-back; a component line wherever its raw points are not zero.
    """
    listed = np.array(sorted(number(d) for d in days), dtype=np.int64)
    components = list(policy.signals.signals)
    lookback = policy.signals.lookback_days
    factors = np.stack(
        [halving(s.half_life_days, lookback) for s in policy.signals.signals.values()]
    )
    ceilings = np.array(
        [
            np.inf if s.ceiling is None else round(s.ceiling * POINT)
            for s in policy.signals.signals.values()
        ]
    )

    def block(
        t: Touches, component: Ints, points: np.ndarray, key: Ints, names: list[str]
    ) -> pa.Table:
        accounts, width = len(names), len(components)
        scored = component >= 0
        p = daily_points(
            t.account[scored],
            component[scored],
            t.day[scored],
            key[scored],
            points[scored],
            policy.signals,
        )
        grid = Grid(accounts * width, listed)
        row = p.account * width + p.component
        end = p.day + lookback
        raw = whole(grid.spread(row, p.day, end, np.rint(p.raw * FIXED).astype(np.int64)) / FIXED)
        lost_fixed = np.rint((p.raw - p.net) * FIXED).astype(np.int64)
        lost = whole(grid.spread(row, p.day, end, lost_fixed) / FIXED)
        decayed = whole(grid.decayed(row, p.day, p.net, p.component, factors))
        kept = np.minimum(decayed, np.tile(ceilings, accounts)[:, None]).astype(np.int64)
        at = t.account[scored] * width + component[scored]
        known = scored & (t.person >= 0)
        people = grid.distinct(
            t.account[known] * width + component[known], t.person[known], t.day[known], lookback
        )
        touched = grid.spread(at, t.day[scored], t.day[scored] + lookback)
        wide = Grid(accounts, listed)
        b = breadth(t, wide, policy)
        present = wide.latest(t.account, t.day, lookback) >= 0
        lines = _Lines(names, listed)
        lines.signals(components, (raw, lost, decayed, decayed - kept, kept, touched, people))
        lines.breadth(b, policy)
        lines.totals(
            kept.reshape(accounts, width, -1).sum(axis=1),
            present,
            b,
            _momentum(p, t, wide, present),
        )
        return lines.table()

    def run(table: pa.Table) -> pa.Table:
        if not table.num_rows:
            return SCORE_LINES.empty_table()
        t, component, points, key, names = touches(table.select(_INPUT), policy)
        size = max(1, _CELLS // (len(components) * len(listed)))
        order = np.argsort(t.account, kind="stable")
        edges = np.searchsorted(t.account[order], np.arange(0, len(names) + size, size))
        parts = []
        for i, (first, last) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
            rows = order[first:last]
            if not len(rows):
                continue
            some = Touches(**{f: getattr(t, f)[rows] for f in Touches.__dataclass_fields__})
            object.__setattr__(some, "account", some.account - i * size)
            parts.append(
                block(
                    some, component[rows], points[rows], key[rows], names[i * size : (i + 1) * size]
                )
            )
        return pa.concat_tables(parts)

    scoring = (
        "signal_type",
        "strength",
        "seniority",
        "share",
        "match_confidence",
        "touchpoint_date",
    )
    who = ("person_id", "share", "match_confidence", "touchpoint_date")
    lineage = {name: scoring for name in SCORE_LINES.names}
    lineage |= {
        "account_id": ("account_id",), "score_date": ("touchpoint_date",), "component": ("signal_type",),
        "touchpoints": ("touchpoint_date",), "people": ("person_id",), "eligible_people": who,
        "people_on_high_intent": (*who, "signal_type"), "hand_raised": ("signal_type", "person_id"),
        "anonymous_evidence": ("session_id", "intent_score"), "last_eligible_on": ("touchpoint_date",),
    }  # fmt: skip
    return Kernel("score_lines", run, SCORE_LINES, lineage)


def _momentum(p: DailyPoints, t: Touches, grid: Grid, present: np.ndarray) -> np.ndarray:
    """(last 7 days − mean week of the 4 before) ÷ √(mean + 1); NaN below 5 touchpoints in 35 days."""
    net = np.rint(p.net * FIXED).astype(np.int64)
    week = grid.spread(p.account, p.day, p.day + 7, net) / FIXED
    month = grid.spread(p.account, p.day + 7, p.day + 35, net) / FIXED
    mean = month / 4.0
    seen = grid.spread(t.account, t.day, t.day + 35)
    usable = present & (seen >= 5) & (mean > -1.0)
    out = np.full(mean.shape, np.nan)
    out[usable] = (week[usable] - mean[usable]) / np.sqrt(mean[usable] + 1.0)
    return out


class _Lines:
    """Collects the lines of a block as columns."""

    def __init__(self, names: list[str], days: Ints) -> None:
        self.names, self.days = pa.array(names, pa.string()), days
        self.parts: list[pa.Table] = []
        self.extra = np.zeros((len(names), len(days)), dtype=np.int64)

    def _add(
        self, account: Ints, at: Ints, component: pa.Array, numbers: list[Ints], **summary: pa.Array
    ) -> None:
        columns: dict[str, pa.Array] = {
            "account_id": self.names.take(pa.array(account)),
            "score_date": pa.array(self.days[at].astype(np.int32)).cast(pa.date32()),
            "component": component,
        }
        for name, values in zip(SCORE_LINES.names[3:8], numbers[:5], strict=True):
            columns[name] = decimals(values)
        columns["touchpoints"], columns["people"] = pa.array(numbers[5]), pa.array(numbers[6])
        for field in list(SCORE_LINES)[10:]:
            columns[field.name] = summary.get(field.name, pa.nulls(len(account), field.type))
        self.parts.append(pa.table(columns, schema=SCORE_LINES))

    def signals(self, components: list[str], grids: tuple[Ints, ...]) -> None:
        row, at = np.nonzero(grids[0])
        account, component = np.divmod(row, len(components))
        names = pa.array(components, pa.string()).take(pa.array(component))
        self._add(account, at, names, [g[row, at] for g in grids])

    def _component(self, name: str, points: Ints, touchpoints: Ints, people: Ints) -> None:
        account, at = np.nonzero(points)
        value, none = points[account, at], np.zeros(len(account), dtype=np.int64)
        names = pa.repeat(pa.scalar(name), len(account))
        counts = [touchpoints[account, at], people[account, at]]
        self._add(account, at, names, [value, none, value, none, value, *counts])
        self.extra = self.extra + points

    def breadth(self, b: Breadth, policy: Policy) -> None:
        multi, committee = policy.signals.multi_contact, policy.signals.committee_on_high_intent
        more = np.where(b.people >= 2, np.minimum(b.people - 1, multi.limit), 0)
        each = round(multi.weight * POINT)
        self._component("multi_contact", more * each, b.people_touchpoints, b.people)
        once = np.where(b.committee >= committee.people, round(committee.weight * POINT), 0)
        name = "committee_on_high_intent"
        self._component(name, once, b.committee_touchpoints, b.committee)

    def totals(self, points: Ints, present: np.ndarray, b: Breadth, momentum: np.ndarray) -> None:
        lift = np.where(points + self.extra < 0, -(points + self.extra), 0)
        self._component("floor", lift, np.zeros_like(lift), np.zeros_like(lift))
        score = points + self.extra
        account, at = np.nonzero(present)
        value, none = score[account, at], np.zeros(len(account), dtype=np.int64)
        drift, last = momentum[account, at], b.last_eligible[account, at]
        self._add(
            account,
            at,
            pa.repeat(pa.scalar(TOTAL), len(account)),
            [none, none, none, none, value, none, none],
            eligible_people=pa.array(b.evidence_people[account, at]),
            people_on_high_intent=pa.array(b.committee[account, at]),
            momentum=pa.array(drift, mask=np.isnan(drift)),
            hand_raised=pa.array(b.hand_raised[account, at]),
            anonymous_evidence=pa.array(b.anonymous_evidence[account, at]),
            last_eligible_on=pa.array(last.astype(np.int32), mask=last < 0).cast(pa.date32()),
        )

    def table(self) -> pa.Table:
        return pa.concat_tables(self.parts)
