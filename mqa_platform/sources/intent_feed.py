"""Intent of any vendor, as a score, a z-score or a plain count of what a company read.

Belongs here: the columns of such a feed, and a company's own baseline out of its earlier weeks. Does not
belong here: a vendor that has a connector of its own, or the scale (``intent_scale``). Rows: every record
is a signal, a duplicate, a defect, or filtered because nothing is known to compare it with.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.alternatives import Alternatives
from mqa_platform.sources.columns import coalesce, numbers, present
from mqa_platform.sources.intent_records import Research, landed_research
from mqa_platform.sources.intent_scale import from_counts, from_zscore
from mqa_platform.sources.landed import Landed

NAMES: Final = {
    "domain": ("domain", "companydomain", "companywebsite", "website", "url"),
    "company": ("companyname", "company", "accountname", "name"),
    "company_id": ("companyid", "accountid", "id"),
    "topic": ("topic", "topicname", "keyword", "category", "product"),
    "date": ("date", "day", "week", "weekending", "weekof", "enddate", "asof", "signaldate"),
    "score": ("score", "compositescore", "composite", "intentscore", "surgescore"),
    "zscore": ("zscore", "z", "standardscore", "zvalue"),
    "count": ("count", "counts", "interactions", "interactioncount", "pageviews", "views", "signals"),
    "baseline": ("baseline", "averagecount", "meancount", "weeklyaverage"),
}  # fmt: skip
NO_BASELINE: Final = "no_baseline"
# Bombora compares with the twelve weeks before; with fewer than four, chance decides.
_WEEKS: Final = 12
_LEAST_WEEKS: Final = 4


def intent_feed(path: Path, source: Source) -> Landed:
    """Read one file into intent signals; each record takes its score, else its z-score, else its count.

    A score is on Bombora's scale already. A count is compared with the company's own mean week on the
    same topic: the ``baseline`` beside it, else the mean of up to twelve weeks before it in this file,
    where a week that is not listed counts as none. Without four such weeks it says nothing and is
    filtered (``no_baseline``).

    Raises:
        SourceError: the file cannot be read, or lacks a date, or all of score, z-score and count.
    """
    t = Alternatives(source, path, NAMES)
    t.require("date")
    t.require("score", "zscore", "count")
    topic, moment = t.text("topic"), t.time("date")
    values = {name: numbers(t.text(name)) for name in ("score", "zscore", "count", "baseline")}
    wrong = np.logical_or.reduce([bad for _, bad in values.values()])
    score, zscore, count, baseline = (found for found, _ in values.values())
    wrong |= _outside(score, 0.0, 100.0) | _outside(count, 0.0, np.inf)
    wrong |= _outside(baseline, 0.0, np.inf)
    mean = coalesce(baseline, _own_mean(t, moment, count))
    plain = present(count) & ~present(score) & ~present(zscore)
    said = Research(
        occurred_at=moment,
        received_at=moment,
        domain=t.text("domain"),
        company_name=t.text("company"),
        company=t.text("company_id"),
        topic=topic,
        # A count without a baseline has a score so that it is no defect; it is filtered below.
        score=coalesce(score, from_zscore(zscore), from_counts(count, pc.fill_null(mean, 0.0))),
    )
    unsaid = np.full(len(t), None, dtype=object)
    unsaid[plain & ~present(mean) & ~wrong] = NO_BASELINE
    t.check("missing_topic", ~present(topic))
    t.check("bad_score", wrong)
    own = [(reason, t.reasons() == reason) for reason in ("bad_timestamp", "missing_topic")]
    return landed_research(source, t.records, said, [*own, ("bad_score", wrong)], unsaid)


def _outside(values: pa.Array, low: float, high: float) -> npt.NDArray[np.bool_]:
    given = values.to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        return np.asarray((given < low) | (given > high), dtype=np.bool_)


def _own_mean(t: Alternatives, moment: pa.Array, count: pa.Array) -> pa.Array:
    """The company's mean week on the topic before each record, null where the file begins too late."""
    days = moment.cast(pa.date32()).cast(pa.int32()).to_pylist()
    counts = count.to_pylist()
    who = coalesce(pc.utf8_lower(t.text("domain")), t.text("company_id"), t.text("company"))
    keys = list(zip(who.to_pylist(), t.text("topic").to_pylist(), strict=True))
    seen: dict[tuple[str | None, str | None], dict[int, float]] = defaultdict(dict)
    for key, day, n in zip(keys, days, counts, strict=True):
        if day is not None and n is not None:
            seen[key].setdefault(day, n)
    first = min((d for d, n in zip(days, counts, strict=True) if d is not None and n is not None),
                default=0)  # fmt: skip
    means: list[float | None] = []
    for key, day in zip(keys, days, strict=True):
        weeks = 0 if day is None else min(_WEEKS, (day - first) // 7)
        if day is None or weeks < _LEAST_WEEKS:
            means.append(None)
            continue
        before = [n for d, n in seen[key].items() if day - 7 * weeks <= d < day]
        means.append(sum(before) / weeks)
    return pa.array(means, pa.float64())
