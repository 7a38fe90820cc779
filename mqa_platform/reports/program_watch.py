"""The report's sections on trust: do past scores hold what they promised, has anything drifted, is a review due.

Belongs here: their tables, pictures and words. Does not belong here: the checks themselves (``core.calibration``), or
proposals (``program_calibration``).
"""

from __future__ import annotations

from mqa_platform.core.calibration.stale import stale_line
from mqa_platform.reports.program_charts import curves, intervals
from mqa_platform.reports.program_parts import (
    CANNOT,
    Block,
    ProgramFacts,
    Row,
    Section,
    between,
    block,
    motion_cells,
    motion_head,
    number,
    plain_words,
    share,
)

_ORDER = {"mqa": 0, "recency": 1, "last_touch": 2, "fit_only": 3}


def backtest(facts: ProgramFacts) -> Section:
    """What past scores were worth, beside naive rules, on the newest day that can be judged."""
    rows = [r for r in facts.rows("backtests") if r["motion"] == facts.motion]
    day = max((r["split_on"] for r in rows), default=None)
    last = sorted(
        (r for r in rows if r["split_on"] == day), key=lambda r: _ORDER.get(r["model"], 9)
    )
    cells = [
        (plain_words(r["model"]), r["accounts"], r["positives"], share(r["precision"]) or CANNOT,
         between(r["precision_low"], r["precision_high"], "share", ""), share(r["recall"]) or CANNOT,
         between(r["recall_low"], r["recall_high"], "share", ""),
         "" if r["lift_top_decile"] is None else number(float(r["lift_top_decile"])),
         between(r["lift_low"], r["lift_high"], "", ""), between(r["null_low"], r["null_high"], "", ""), r["p_value"])
        for r in last
    ]  # fmt: skip
    told = [
        {"label": plain_words(r["model"]), "value": float(r["lift_top_decile"]), "low": _float(r["lift_low"]),
         "high": _float(r["lift_high"])}
        for r in last if r["lift_top_decile"] is not None
    ]  # fmt: skip
    picture = {}
    if told:
        alt = "Lift of the highest tenth, 1 is chance: " + ", ".join(
            f"{t['label']} {t['value']:.2f}" for t in told
        )
        picture = {"image": intervals(told, "lift of the highest tenth", 1.0), "alt": f"{alt}."}
    columns = ("Model", "Accounts", "Deals", "Precision", "95 % interval", "Recall", "95 % interval", "Lift",
               "95 % interval", "Shuffled outcomes", "p")  # fmt: skip
    bands = _newest(facts.rows("score_outcomes"), "scored_on")
    bands.sort(key=lambda r: (r["motion"], r["rank"]))
    scored = bands[0]["scored_on"] if bands else None
    outcome = [
        (*motion_cells(facts, r), r["band"], r["accounts"], r["opportunities"], share(r["rate"]) or CANNOT,
         between(r["low"], r["high"], "share", ""), "" if r["amount"] is None else number(float(r["amount"])))
        for r in bands
    ]  # fmt: skip
    leaks = [r for r in _newest(facts.rows("backtest_leaks"), "split_on") if r["is_leak"]]
    return Section(
        "backtest",
        "Backtest",
        "Each rule ranks the same accounts by what was known on the day, and hands over as many.",
        says=[f"{plain_words(r['model']).capitalize()}: {r['says']}" for r in last],
        blocks=[
            block(f"Ranked on {day}, deals after it" if day else "Backtest", columns, cells,
                  empty="No backtest has been made yet: the weekly review makes it.", **picture),
            block(f"What became of the accounts scored on {scored}" if scored else "What became of scored accounts",
                  (*motion_head(facts), "Score against threshold", "Accounts", "Opportunities", "Share",
                   "95 % interval", f"Amount, {facts.currency}"), outcome,
                  empty="No day is old enough to be judged yet."),
            block("Features that seem to know the future", ("Feature", "Chance to rank right", "Why"),
                  [(plain_words(r["feature"]), r["auc"], r["says"]) for r in leaks], empty="None was found."),
        ],
        cannot=["An account that sales worked because of its score is more likely to have a deal: the backtest shares "
                "that flattery with every rule that found the same account."],
    )  # fmt: skip


def _float(value: object) -> float | None:
    return None if value is None else float(value)  # type: ignore[arg-type]


def _newest(rows: list[Row], day: str) -> list[Row]:
    last = max((r[day] for r in rows), default=None)
    return [r for r in rows if r[day] == last]


def drift(facts: ProgramFacts) -> Section:
    """The checks of the last week, and volume over the weeks."""
    rows = facts.rows("drift_checks")
    last = [r for r in _newest(rows, "week") if r["check_name"] != "threshold_age"]
    last.sort(key=lambda r: (r["status"] != "alarm", r["motion"], r["check_name"], r["segment"]))
    cells = [
        (plain_words(r["check_name"]), *motion_cells(facts, r), plain_words(r["segment"]), plain_words(r["status"]),
         r["seen"], r["expected"], between(r["low"], r["high"], "", ""), r["since"], r["says"])
        for r in last
    ]  # fmt: skip
    alarms = [r for r in last if r["status"] == "alarm"]
    silent = [r for r in last if r["status"] == "cannot_say"]
    week = last[0]["week"] if last else None
    says = [] if week is None else [
        f"{len(alarms)} of {len(last)} checks raise an alarm in the week of {week}."
    ]  # fmt: skip
    columns = ("Check", *motion_head(facts), "Of", "Status", "Seen", "Expected", "Explained by chance", "Since",
               "What it says")  # fmt: skip
    return Section(
        "drift",
        "Drift",
        "What moved since the policy was set. An alarm opens a dated proposal; it changes nothing by itself.",
        says=says,
        blocks=[
            block("Checks of the last week", columns, cells,
                  empty="No check has been made yet: the weekly review makes them."),
            *_volume(facts, rows),
        ],
        cannot=[*([f"Too little to go by in {len(silent)} of {len(last)} checks: silence there is not health."]
                  if silent else []),
                "An alarm says that a number moved, and not why: a lost feed and a lost market look alike here."],
    )  # fmt: skip


def _volume(facts: ProgramFacts, rows: list[Row]) -> list[Block]:
    weeks = sorted((r for r in rows if r["check_name"] == "volume" and r["motion"] == facts.motion
                    and r["segment"] == "all" and r["seen"] is not None), key=lambda r: r["week"])  # fmt: skip
    if len(weeks) < 2:
        return []
    told = [
        {"x": n - len(weeks) + 1, "series": name, "value": _float(r[column]),
         "low": _float(r["low"]) if column == "expected" else None,
         "high": _float(r["high"]) if column == "expected" else None}
        for name, column in (("expected", "expected"), ("seen", "seen"))
        for n, r in enumerate(weeks) if r[column] is not None
    ]  # fmt: skip
    newest = weeks[-1]
    alt = (f"MQAs a week over {len(weeks)} weeks; in the week of {newest['week']} {number(newest['seen'])} were seen"
           + (f" and {number(newest['expected'])} expected." if newest["expected"] is not None else "."))  # fmt: skip
    cells = [
        (r["week"], r["seen"], r["expected"], between(r["low"], r["high"], "", "")) for r in weeks
    ]
    return [
        block("Volume week by week", ("Week from", "Seen", "Expected", "Explained by chance"), cells, alt=alt,
              image=curves(told, "weeks before the last", "MQAs a week"))
    ]  # fmt: skip


def stale(facts: ProgramFacts) -> str | None:
    """The flag at the head of the report: thresholds that nobody has decided on for too long."""
    return stale_line(facts.ages)


def reviews(facts: ProgramFacts) -> Section:
    """The age of every threshold."""
    cells = [
        (plain_words(a.motion), plain_words(a.tier), a.threshold, a.since, a.days, a.limit, a.is_stale)
        for a in facts.ages
    ]  # fmt: skip
    said = stale(facts)
    return Section(
        "reviews",
        "Reviews",
        "A threshold is decided on when it changes, and when somebody looks at it and says that it stays.",
        says=[said or "No threshold is due for a review."] if facts.ages else [],
        blocks=[block("Age of every threshold",
                      ("Motion", "Tier", "Threshold", "Decided on", "Days ago", "Due after", "Review due"), cells)],
        cannot=["A review says that somebody looked. Whether the threshold still holds stands in the backtest and in "
                "the drift."],
    )  # fmt: skip
