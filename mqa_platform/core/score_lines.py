"""The lines of the scoring kernel: the receipt of an account and day, and its total.

Belongs here: the shape of a line, and grids of figures turned into lines. Does not belong here: how a
figure comes about (``decay``, ``breadth``).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from mqa_platform.core.breadth import Breadth
from mqa_platform.core.timeline import POINT, Ints, decimals, whole
from mqa_platform.policy.models import Policy

TOTAL = "total"
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


class ScoreLines:
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
        """Receipt lines of the signals: a line where the raw points are not zero."""
        # Once over the flat grid: indexing by row and day would do it again for each figure.
        cell = np.flatnonzero(grids[0])
        row, at = np.divmod(cell, grids[0].shape[1])
        account, component = np.divmod(row, len(components))
        names = pa.array(components, pa.string()).take(pa.array(component))
        self._add(account, at, names, [g.ravel()[cell] for g in grids])

    def _component(self, name: str, points: Ints, touchpoints: Ints, people: Ints) -> None:
        account, at = np.nonzero(points)
        value, none = points[account, at], np.zeros(len(account), dtype=np.int64)
        names = pa.repeat(pa.scalar(name), len(account))
        counts = [touchpoints[account, at], people[account, at]]
        self._add(account, at, names, [value, none, value, none, value, *counts])
        self.extra = self.extra + points

    def breadth(self, b: Breadth, policy: Policy) -> None:
        """Receipt lines of the two components that count people."""
        multi, committee = policy.signals.multi_contact, policy.signals.committee_on_high_intent
        more = np.where(b.people >= 2, np.minimum(b.people - 1, multi.limit), 0)
        self._component("multi_contact", whole(more * multi.weight), b.people_touchpoints, b.people)
        once = np.where(b.committee >= committee.people, round(committee.weight * POINT), 0)
        name = "committee_on_high_intent"
        self._component(name, once, b.committee_touchpoints, b.committee)

    def totals(self, points: Ints, present: np.ndarray, b: Breadth, momentum: np.ndarray) -> None:
        """The floor, and the total of every account and day with a touchpoint in the look-back."""
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
        """All lines so far."""
        return pa.concat_tables(self.parts)
