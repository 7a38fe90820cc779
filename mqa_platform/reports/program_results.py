"""The report's sections on results: the headline, the funnel, cohorts, and every metric with its definition.

Belongs here: which metrics each shows, and their words. Does not belong here: what a metric is
(``core.metrics``), or the other sections.
"""

from __future__ import annotations

from typing import Final

from mqa_platform.reports.program_charts import bars, intervals, periods
from mqa_platform.reports.program_parts import (
    CANNOT,
    Block,
    ProgramFacts,
    Row,
    Section,
    between,
    block,
    figure_of,
    in_unit,
    number,
    plain_words,
    share,
)

_HEADLINES: Final = (
    ("mqa_volume", "MQAs"),
    ("mqa_to_meeting_rate", "MQA to meeting"),
    ("mqa_to_opportunity_rate", "MQA to opportunity"),
    ("mqa_to_won_rate", "MQA to won"),
    ("opportunity_velocity", "MQA to opportunity, median"),
    ("pipeline", "Pipeline"),
    ("revenue", "Revenue"),
    ("cost_per_mqa", "Cost per MQA"),
    ("pipeline_roi", "Pipeline ROI"),
    ("coverage_mqa", "Target accounts that became MQA"),
)
_RUNGS: Final = (
    ("funnel_engaged", "engaged"), ("funnel_mqa", "MQA"), ("funnel_opportunity", "opportunity"),
    ("funnel_won", "won"),
)  # fmt: skip


def headline(facts: ProgramFacts) -> Section:
    """The figures that a programme is judged by, over all time."""
    return Section(
        "headline",
        "In numbers",
        f"Everything from {facts.since} to {facts.as_of}. A rate counts only episodes whose whole window has passed.",
        figures=[figure_of(facts, metric, label) for metric, label in _HEADLINES],
        cannot=[
            "None of these says what would have come without the programme: that takes a holdout."
        ],
    )


def funnel(facts: ProgramFacts) -> Section:
    """How many came how far, and what it brought."""
    told: list[Row] = []
    for metric, label in _RUNGS:
        found = facts.of(metric)
        if found and found[0]["value"] is not None:
            value = float(found[0]["value"])
            told.append({"label": label, "value": value, "shown": number(value)})
    # Of the rung before, and of the first.
    rows = [
        (t["label"], t["value"], _of(t, told[n - 1]) if n else "", _of(t, told[0]))
        for n, t in enumerate(told)
    ]
    columns = ("Rung", "Times", "Of the rung before", "Of all engaged")
    alt = "Funnel: " + ", ".join(f"{t['label']} {t['shown']}" for t in told) + "."
    seen = bool(told and told[0]["value"])
    picture = {"image": bars(told, "times"), "alt": alt} if seen else {}
    volume = facts.of("mqa_volume", cohort=None)
    return Section(
        "funnel",
        "Funnel",
        "From the first engagement to revenue. An account that engages again counts again.",
        figures=[figure_of(facts, "funnel_revenue", "Revenue of the funnel"),
                 figure_of(facts, "coverage_engaged", "Target accounts ever engaged")],
        blocks=[
            block("The funnel, all time", columns, rows if seen else (), **picture),
            _by_period(facts, volume, "MQAs by month of qualification", "MQAs"),
            block("MQAs by tier", ("Tier", "MQAs"),
                  [(plain_words(r["segment"]), r["value"]) for r in facts.of("mqa_volume", "tier")]),
        ],
        cannot=["Accounts that engaged lately have had less time to climb: the lower rungs still grow."],
    )  # fmt: skip


def _of(row: Row, whole: Row) -> str:
    return share(row["value"] / whole["value"]) if whole["value"] else CANNOT


def _by_period(facts: ProgramFacts, rows: list[Row], caption: str, unit: str) -> Block:
    kind = rows[0]["unit"] if rows else ""
    cells = [
        (r["cohort"], in_unit(r["value"], kind, facts.currency) or CANNOT,
         between(r["low"], r["high"], kind, facts.currency), r["n_mature"], r["censored"])
        for r in rows
    ]  # fmt: skip
    columns = ("Period", "Value", "95 % interval", "Counted", "Too young or open")
    known = [r for r in rows if r["value"] is not None]
    if not known:
        return block(caption, columns, cells)
    told = [
        {"label": r["cohort"], **{k: _float(r[k]) for k in ("value", "low", "high")}} for r in rows
    ]
    last = known[-1]
    alt = (
        f"{caption}: {len(known)} of {len(rows)} periods have a value; the last, {last['cohort']}, "
        f"{in_unit(last['value'], kind, facts.currency)}."
    )
    return block(caption, columns, cells, image=periods(told, unit), alt=alt)


def _float(value: object) -> float | None:
    return None if value is None else float(value)  # type: ignore[arg-type]


def cohorts(facts: ProgramFacts) -> Section:
    """Rates by month of qualification, young months by Kaplan and Meier."""
    made = []
    for metric, words in (
        ("mqa_to_meeting_rate_km", "to a meeting"),
        ("mqa_to_opportunity_rate_km", "to an opportunity"),
        ("mqa_to_won_rate_km", "to a deal won"),
    ):
        rows = facts.of(metric, cohort=None)
        made.append(_by_period(facts, rows, f"MQA {words}, by month of qualification", "share"))
    mature = facts.of("mqa_to_opportunity_rate", "tier")
    told = [r for r in mature if r["value"] is not None]
    cells = [
        (plain_words(r["segment"]), share(r["value"]) or CANNOT,
         between(r["low"], r["high"], "share", ""), r["n_mature"], r["censored"])
        for r in mature
    ]  # fmt: skip
    columns = ("Tier", "MQA to opportunity", "95 % interval", "Counted", "Too young")
    picture = {}
    if told:
        shown = [
            {"label": plain_words(r["segment"]), **{k: _float(r[k]) for k in ("value", "low", "high")}}
            for r in told
        ]  # fmt: skip
        alt = "MQA to opportunity by tier: " + ", ".join(
            f"{s['label']} {share(s['value'])} ({share(s['low'])} to {share(s['high'])})"
            for s in shown
        )
        picture = {"image": intervals(shown, "share"), "alt": f"{alt}."}
    made.append(block("MQA to opportunity by tier, mature episodes", columns, cells, **picture))
    return Section(
        "cohorts",
        "Cohorts",
        "Kaplan-Meier shares: a young month counts up to its age, so it looks neither good nor bad.",
        blocks=made,
        cannot=["A month in which nobody has been watched for the whole window has no value yet.",
                "Intervals that overlap widely are not known to differ."],
    )  # fmt: skip


def all_metrics(facts: ProgramFacts) -> Section:
    """Every metric with its definition, and those that the data cannot tell."""
    rows, silent = [], []
    for told in facts.definitions:
        found = facts.of(told["metric"])
        latest = facts.of(told["metric"], cohort=None)
        row = found[0] if found else (latest[-1] if latest else None)
        if row is None or row["value"] is None:
            silent.append(plain_words(told["metric"]))
        unit = told["unit"]
        rows.append(
            (plain_words(told["metric"]),
             (in_unit(row["value"], unit, facts.currency) if row else "") or CANNOT,
             between(row["low"], row["high"], unit, facts.currency) if row else "",
             row["cohort"] if row else "", row["n_mature"] if row else "",
             row["censored"] if row else "", told["definition"])
        )  # fmt: skip
    columns = ("Metric", "Value", "95 % interval", "Period", "Counted", "Too young or open",
               "What it is")  # fmt: skip
    none = [f"No value yet: {', '.join(silent)}."] if silent else []
    none.append(
        "A rep, a channel or a campaign by itself is not here: mqa metrics --dimension has each."
    )
    return Section(
        "metrics",
        "All metrics",
        "Each is defined once, and mqa metrics drill names the accounts behind any figure.",
        blocks=[block("Every metric over all time; where it has none, its latest period", columns, rows)],
        cannot=none,
    )  # fmt: skip
